//! In the incident every panel shows something, every rule has something to judge, and the people
//! of the support team are told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    dashboards::{self, Dashboard, Query, Values, fill},
    stand::Stand,
};

/// Steps of the range queries: the least interval of the panels.
const STEP: u32 = 300;

#[tokio::test]
async fn everything_is_shown_and_the_rise_is_told() {
    let stand = Stand::start("incident").await;
    the_scrape_is_healthy(&stand).await;
    the_rise_is_told(&stand).await;
    every_rule_has_something_to_judge(&stand).await;
    every_panel_shows_something(&stand).await;
    stand.end();
}

async fn the_scrape_is_healthy(stand: &Stand) {
    let targets = stand.prometheus.api("targets", &[]).await;
    let targets = targets["activeTargets"].as_array().unwrap();
    assert_eq!(targets.len(), 1, "{targets:?}");
    let target = &targets[0];
    assert_eq!(target["labels"]["job"], "contact-rate-exporter");
    assert_eq!(target["health"], "up", "{target}");
    assert_eq!(target["lastError"], "");
    assert_eq!(stand.prometheus.instant("up == 1").await.len(), 1);
}

async fn the_rise_is_told(stand: &Stand) {
    // One of the two severities: the critical one, where it holds, keeps the warning back.
    let told = |population: &str| {
        stand.webhook.alerts("/support").into_iter().find(|alert| {
            let labels = &alert["labels"];
            alert["status"] == "firing"
                && labels["alertname"] == "ContactRateRising"
                && labels["population"] == population
        })
    };
    for population in ["dossiers", "users"] {
        let alert = stand
            .until("message of ContactRateRising", async || told(population))
            .await;
        let labels = &alert["labels"];
        assert_eq!(labels["segment"], "all");
        assert_eq!(labels["window"], "7d");
        assert_eq!(labels["job"], "contact-rate-exporter");
        let annotations = &alert["annotations"];
        let summary = annotations["summary"].as_str().unwrap();
        assert!(summary.contains(population), "{summary}");
        let description = annotations["description"].as_str().unwrap();
        // Rate, baseline and probability, as percentages.
        assert_eq!(description.matches('%').count(), 3, "{description}");
        assert!(!description.contains("<error"), "{description}");
    }
}

async fn every_rule_has_something_to_judge(stand: &Stand) {
    let groups = stand.prometheus.rule_groups().await;
    assert_eq!(groups.len(), 2);
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap());
    let mut missing = String::new();
    for rule in rules {
        let (name, query) = (&rule["name"], rule["query"].as_str().unwrap());
        assert_eq!(rule["health"], "ok", "{rule}");
        let is_recorded = rule["type"] == "recording";
        if is_recorded && !has_data(&stand.prometheus.instant(query).await) {
            writeln!(missing, "{name}").unwrap();
        }
        // An alert on failures has no data here, but what it watches must be there.
        let selectors = selectors(query);
        assert!(!selectors.is_empty(), "{query}");
        for selector in selectors {
            if !has_data(&stand.prometheus.instant(&selector).await) {
                writeln!(missing, "{name}: {selector}").unwrap();
            }
        }
    }
    assert!(missing.is_empty(), "rules without data:\n{missing}");
}

/// Every series selector of an expression: a name of ours with its matchers.
fn selectors(query: &str) -> BTreeSet<String> {
    let is_name = |c: char| c == '_' || c == ':' || c.is_ascii_alphanumeric();
    let mut found = BTreeSet::new();
    let mut rest = query;
    while let Some(start) = rest.find(is_name) {
        let word = &rest[start..];
        let end = word.find(|c| !is_name(c)).unwrap_or(word.len());
        let (name, mut after) = word.split_at(end);
        let recorded = ["job:", "instance:"];
        if name.starts_with("contact_")
            || recorded.iter().any(|level| name.starts_with(level))
            || name == "up"
        {
            let mut selector = name.to_owned();
            if after.starts_with('{') {
                let (matchers, beyond) = after.split_at(after.find('}').unwrap() + 1);
                selector.push_str(matchers);
                after = beyond;
            }
            found.insert(selector);
        }
        rest = after;
    }
    found
}

async fn every_panel_shows_something(stand: &Stand) {
    for dashboard in dashboards::load() {
        let (opened, choices) = dashboard.open(&stand.prometheus).await;
        // As it opens, once there are enough readings for a rate of calls.
        stand
            .until(&format!("data in {}", dashboard.title), async || {
                let empty = unexplained(stand, &dashboard, [&opened], |_, _| true).await;
                empty.is_empty().then_some(())
            })
            .await;
        for mark in &dashboard.marks {
            // Seldom there; an error would have failed.
            let _changes = ask(stand, mark, &fill(&mark.expression, &opened)).await;
        }
        let all = each_choice(&opened, &choices);
        let empty = unexplained(stand, &dashboard, &all, is_knowable).await;
        assert!(empty.is_empty(), "empty:\n{}", empty.join("\n"));
    }
}

/// Every way to choose, where the dashboard lets choose.
fn each_choice(opened: &Values, choices: &BTreeMap<String, Vec<String>>) -> Vec<Values> {
    let mut all = vec![opened.clone()];
    for name in ["segment", "population", "window", "tickets"] {
        let Some(options) = choices.get(name) else {
            continue;
        };
        assert!(!options.is_empty(), "nothing to choose for {name}");
        all = all
            .iter()
            .flat_map(|values| {
                options.iter().map(|option| {
                    let mut values = values.clone();
                    values.insert(name.to_owned(), option.clone());
                    values
                })
            })
            .collect();
    }
    all
}

/// The queries without data that should have some, each expression once.
async fn unexplained<'a>(
    stand: &Stand,
    dashboard: &Dashboard,
    choices: impl IntoIterator<Item = &'a Values>,
    is_knowable: impl Fn(&str, &Values) -> bool,
) -> Vec<String> {
    let mut asked = BTreeSet::new();
    let mut empty = Vec::new();
    for values in choices {
        for query in &dashboard.queries {
            let expression = fill(&query.expression, values);
            if !is_knowable(&expression, values) || !asked.insert(expression.clone()) {
                continue;
            }
            if has_data(&ask(stand, query, &expression).await) {
                continue;
            }
            let nothing_happened = match quiet(&expression) {
                Some(quiet) => has_data(&stand.prometheus.instant(&quiet).await),
                None => false,
            };
            if !nothing_happened {
                empty.push(format!("{}: {expression}", query.place));
            }
        }
    }
    empty
}

/// Whether the exporter can know what an expression asks for, by its own documentation: only
/// tickets created have a baseline, replies have no bounds, a target is the operator's to set, and
/// Help Scout's lists of open tickets know no channel, by which the segment `telephone` is made.
fn is_knowable(expression: &str, values: &Values) -> bool {
    let asks_for = |part: &str| expression.contains(part);
    let chosen = |variable: &str| values.get(variable).map(String::as_str);
    let (tickets, segment) = (chosen("tickets"), chosen("segment"));
    let unknowable = (tickets != Some("created")
        && (asks_for("_baseline_") || asks_for("_p_value")))
        || (tickets == Some("replies") && (asks_for("_lower_") || asks_for("_upper_")))
        || (segment == Some("telephone") && asks_for("contact_open_tickets"))
        || asks_for("_target_");
    !unknowable
}

/// What tells that there was nothing to make a mean or a share of: on the night of a Sunday the
/// last day may have no answer, no rating and no resolved ticket.
fn quiet(expression: &str) -> Option<String> {
    // Part of the name, what it counts, and how many of those may be no first answer.
    let (_, events, most) = [
        ("contact_happiness_ratings", "contact_happiness_ratings", 0),
        ("response_mean_seconds", "contact_sent_replies", 10),
        ("resolution_mean_seconds", "contact_resolved_tickets", 0),
        ("handle_mean_seconds", "contact_resolved_tickets", 0),
        ("resolved_on_first_reply", "contact_resolved_tickets", 0),
    ]
    .into_iter()
    .find(|(part, _, _)| expression.contains(part))?;
    let chosen = |start: &str| expression.split_once(start)?.1.split('"').next();
    let segment = chosen("segment=~\"").unwrap_or("all");
    let window = chosen("window=\"")?;
    Some(format!(
        "sum({events}{{segment=\"{segment}\", window=\"{window}\"}}) <= {most}"
    ))
}

/// What a panel would show. Grafana starts its steps at whole multiples; these end now instead, so
/// that a Prometheus that is a minute old has data for the last of them.
async fn ask(stand: &Stand, query: &Query, expression: &str) -> Vec<Value> {
    if query.is_instant {
        return stand.prometheus.instant(expression).await;
    }
    let now = Timestamp::now().as_millisecond() as f64 / 1000.0;
    let start = now - 3.0 * f64::from(STEP);
    stand.prometheus.range(expression, start, now, STEP).await
}

/// Whether any sample is a number.
fn has_data(series: &[Value]) -> bool {
    let is_number = |sample: &Value| sample[1].as_str().is_some_and(|text| text != "NaN");
    series.iter().any(|series| {
        is_number(&series["value"])
            || series["values"]
                .as_array()
                .is_some_and(|samples| samples.iter().any(is_number))
    })
}
