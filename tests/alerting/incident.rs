//! In the incident every panel shows something, every rule has something to judge, and the people
//! of the support team are told.

use std::{collections::BTreeSet, fmt::Write as _};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
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
        if name.starts_with("contact_") || name.starts_with("job:") || name == "up" {
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
        // As it opens: nothing may be empty.
        stand
            .until(&format!("data in {}", dashboard.title), async || {
                let empty = empty_queries(stand, &dashboard, &opened).await;
                empty.is_empty().then_some(())
            })
            .await;
        for mark in &dashboard.marks {
            // Seldom there; an error would have failed.
            let _changes = ask(stand, mark, &opened).await;
        }
        let mut missing = String::new();
        for values in each_choice(&opened, &choices) {
            for query in empty_queries(stand, &dashboard, &values).await {
                if !has_reason(query, &values) {
                    let expression = fill(&query.expression, &values);
                    writeln!(missing, "{}: {expression}", query.place).unwrap();
                }
            }
        }
        assert!(missing.is_empty(), "empty:\n{missing}");
    }
}

/// Every way to choose, where the dashboard lets choose.
fn each_choice(
    opened: &Values,
    choices: &std::collections::BTreeMap<String, Vec<String>>,
) -> Vec<Values> {
    let mut all = vec![opened.clone()];
    for name in ["segment", "population", "window", "tickets"] {
        let Some(options) = choices.get(name) else {
            continue;
        };
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
    assert!(all.len() > 1 || choices.len() <= 2);
    all
}

/// Whether the exporter cannot know what a query asks for, by its own documentation.
fn has_reason(query: &Query, values: &Values) -> bool {
    let asks_for = |metric: &str| query.expression.contains(metric);
    let tickets = values.get("tickets").map(String::as_str);
    // Only a ticket created has a baseline, only events that are counted once have bounds, and a
    // target is the operator's to set.
    (tickets != Some("created") && (asks_for("_baseline_") || asks_for("_p_value")))
        || (tickets == Some("replies") && (asks_for("_lower_") || asks_for("_upper_")))
        || asks_for("_target_")
}

async fn empty_queries<'a>(
    stand: &Stand,
    dashboard: &'a Dashboard,
    values: &Values,
) -> Vec<&'a Query> {
    let mut empty = Vec::new();
    for query in &dashboard.queries {
        if !has_data(&ask(stand, query, values).await) {
            empty.push(query);
        }
    }
    empty
}

/// What a panel would show. Grafana starts its steps at whole multiples; these end now instead, so
/// that a Prometheus that is a minute old has data for the last of them.
async fn ask(stand: &Stand, query: &Query, values: &Values) -> Vec<Value> {
    let expression = fill(&query.expression, values);
    if query.is_instant {
        return stand.prometheus.instant(&expression).await;
    }
    let now = Timestamp::now().as_millisecond() as f64 / 1000.0;
    let start = now - 3.0 * f64::from(STEP);
    stand.prometheus.range(&expression, start, now, STEP).await
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
