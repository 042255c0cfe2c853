//! How far each number can be trusted: what is missing takes along only what rests on it.

use std::sync::atomic::{AtomicUsize, Ordering};

use contact_rate_exporter::{
    demo::simulator::Shape,
    domain::Tickets,
    snapshot::{PopulationValues, RateValues, Snapshot},
};
use serde_json::{Value, json};

use super::desk::{Desk, Fate, POPULATIONS, pass, refresher, source, sources, status};

const PRODUCTIVITY: &str = "/v2/reports/productivity";
const NEW: &str = "/v2/reports/conversations/new";
const RECEIVED: &str = "/v2/reports/conversations/received-messages";

fn created(snapshot: &Snapshot) -> Vec<&RateValues> {
    let rates = snapshot.rates.iter();
    rates
        .filter(|rate| rate.tickets == Tickets::Created)
        .collect()
}

/// A source that keeps so many days.
fn keeps(days: u32) -> String {
    format!(
        "
databases:
  app: {{url: 'sqlite://$DATABASE'}}
populations:
  users:
    total: {{database: app, query: \"SELECT CASE WHEN :end >= datetime('2026-03-11 14:37:00', '-{days} days') THEN 5000 END\"}}
  dossiers:
    window: {{database: app, query: \"SELECT CASE WHEN :start >= datetime('2026-03-11 14:37:00', '-{days} days') AND :start < :end THEN 700 END\"}}
"
    )
}

#[tokio::test]
async fn a_past_that_is_too_short_takes_only_what_rests_on_it() {
    let desk = Desk::start(|_| {}).await;
    let config = desk
        .config(&format!("windows: [1d, 7d]\n{}", keeps(15)))
        .await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert!(
        sources(&snapshot)
            .iter()
            .all(|source| source.ends_with(" up"))
    );
    assert_eq!(published.failures(), [""; 0]);
    assert_eq!(snapshot.rates.len(), 2 * 2 * 4, "every running rate");
    for rate in created(&snapshot) {
        assert!(rate.previous.is_some() && rate.change.is_some() && rate.bounds.is_some());
        // A stock needs no more than one instant.
        assert_eq!(rate.baseline.is_some(), rate.population == 0);
    }
    for (name, words) in [
        ("dossiers", "its past over [2026-02-"),
        ("dossiers", "it is known since 2026-02-2"),
    ] {
        let missing = source(&snapshot, name)
            .unwrap()
            .missing_past
            .as_ref()
            .unwrap();
        assert!(missing.contains(words), "{missing}");
    }
    assert_eq!(source(&snapshot, "tickets").unwrap().missing_past, None);

    let config = desk
        .config(&format!("windows: [1d, 7d]\n{}", keeps(8)))
        .await;
    let (mut short, published) = super::desk::refresher(&config);
    short.refresh().await;
    let snapshot = published.latest();
    assert!(
        sources(&snapshot)
            .iter()
            .all(|source| source.ends_with(" up"))
    );
    assert_eq!(snapshot.rates.len(), 2 * 2 * 4);
    let weekly = snapshot
        .rates
        .iter()
        .filter(|rate| rate.window == 1 && rate.population == 1);
    for rate in weekly {
        assert_eq!(
            (rate.previous, rate.baseline, rate.change),
            (None, None, None)
        );
    }
}

/// A window that reaches back too far by itself takes nothing from the others.
#[tokio::test]
async fn a_window_that_cannot_be_read_leaves_the_past_of_the_others() {
    let desk = Desk::start(|_| {}).await;
    let config = desk
        .config(&format!("windows: [1d, 7d]\n{}", keeps(3)))
        .await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    let failure = source(&snapshot, "dossiers").unwrap().last_failure();
    let failure = failure.unwrap().to_string();
    assert!(
        failure.contains("over [2026-03-04T14:37:00Z, "),
        "{failure}"
    );
    let mut of_dossiers = created(&snapshot)
        .into_iter()
        .filter(|rate| rate.population == 1);
    let daily = of_dossiers.next().unwrap();
    assert_eq!(daily.window, 0);
    assert!(daily.previous.is_some() && daily.change.is_some());
    assert!(of_dossiers.next().is_none());
}

/// One more ticket in the first answer of a report than in the days.
fn one_more(mut body: Value) -> Value {
    let created = &mut body["current"]["newConversations"];
    *created = json!(created.as_u64().unwrap() + 1);
    body
}

#[tokio::test]
async fn counts_and_days_that_differ_are_asked_for_once_more() {
    let desk = Desk::start(|_| {}).await;
    let asked = AtomicUsize::new(0);
    desk.only(PRODUCTIVITY, move || {
        if asked.fetch_add(1, Ordering::Relaxed) == 0 {
            Fate::Edited(one_more)
        } else {
            Fate::Good
        }
    });
    let config = desk.config(&format!("windows: [7d]\n{POPULATIONS}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert!(source(&snapshot, "daily_tickets").unwrap().up);
    assert_eq!(published.failures(), [""; 0]);
    assert!(
        created(&snapshot)
            .iter()
            .all(|rate| rate.rise_p_value.is_some())
    );
    let calls: Vec<(String, usize)> = desk
        .calls()
        .into_iter()
        .filter(|(path, _)| path == PRODUCTIVITY || path == NEW)
        .collect();
    assert_eq!(calls, [(NEW.to_owned(), 2), (PRODUCTIVITY.to_owned(), 2)]);
}

/// A count that changes while it is asked for has not settled: nothing is wrong, and nothing is
/// concluded.
#[tokio::test]
async fn a_count_that_has_not_settled_is_no_fault() {
    let desk = Desk::start(|_| {}).await;
    let asked = AtomicUsize::new(0);
    desk.only(PRODUCTIVITY, move || {
        if asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            Fate::Edited(one_more)
        } else {
            Fate::Edited(|body| one_more(one_more(body)))
        }
    });
    let config = desk.config(&format!("windows: [7d]\n{POPULATIONS}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert!(source(&snapshot, "daily_tickets").unwrap().up);
    assert_eq!(published.failures(), [""; 0]);
    assert_eq!(snapshot.segments[0].dispersion, None);
}

#[tokio::test]
async fn days_that_confirm_nothing_are_a_failure() {
    let desk = Desk::start(|options| {
        options.shape = Shape {
            created_in_current: false,
            created_in_previous: false,
            empty_buckets: true,
        };
    })
    .await;
    desk.only(NEW, || Fate::Answer(200, r#"{"current":[]}"#.to_owned()));
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert_eq!(published.failures(), ["daily_tickets decode"]);
    let state = source(&published.latest(), "daily_tickets")
        .unwrap()
        .clone();
    let text = state.last_failure().unwrap().to_string();
    assert!(
        text.starts_with("segment all: the daily counts hold no ticket at all"),
        "{text}"
    );
}

fn without_messages(mut body: Value) -> Value {
    body["current"]
        .as_object_mut()
        .unwrap()
        .remove("messagesReceived");
    body
}

#[tokio::test]
async fn an_empty_series_of_messages_is_no_zero() {
    let desk = Desk::start(|_| {}).await;
    desk.script(|path, _| match path {
        PRODUCTIVITY => Fate::Edited(without_messages),
        RECEIVED => Fate::Answer(200, r#"{"current":[]}"#.to_owned()),
        _ => Fate::Good,
    });
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    for counts in snapshot.segments[0].counts.iter().flatten() {
        assert_eq!(counts.received_messages, None);
        assert!(counts.created.is_some());
    }
    assert!(source(&snapshot, "tickets").unwrap().up);
}

/// Bounds are widened by the dispersion for as long as that is known, and no longer.
#[tokio::test]
async fn bounds_do_not_outlive_their_dispersion() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(&format!("windows: [7d]\n{POPULATIONS}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let widened = published.latest();
    assert!(widened.segments[0].dispersion.unwrap() > 1.0);
    desk.only(NEW, || status(400));
    pass(config.max_age / 2).await;
    refresher.refresh().await;
    assert_eq!(
        created(&published.latest())[0].bounds,
        created(&widened)[0].bounds
    );
    pass(config.max_age / 2).await;
    refresher.publish();
    let snapshot = published.latest();
    assert_eq!(snapshot.segments[0].dispersion, None);
    for (now, then) in created(&snapshot).iter().zip(created(&widened)) {
        let (now, then) = (now.bounds.unwrap(), then.bounds.unwrap());
        assert!(
            now.lower > then.lower && now.upper < then.upper,
            "{now:?} {then:?}"
        );
    }
}

/// A mailbox that is nine days old: what was before is unknown and no zero.
#[tokio::test]
async fn a_young_mailbox_raises_no_alarm() {
    fn young(mut body: Value) -> Value {
        let days = body["current"].as_array_mut().unwrap();
        let first = days.len() - 9;
        for day in &mut days[..first] {
            day["count"] = json!(0);
        }
        body
    }
    let desk = Desk::start(|_| {}).await;
    desk.only(NEW, || Fate::Edited(young));
    let config = desk
        .config(&format!("windows: [1d, 7d]\n{POPULATIONS}"))
        .await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert!(source(&snapshot, "daily_tickets").unwrap().up);
    assert_eq!(snapshot.segments[0].dispersion, None);
    for rate in created(&snapshot) {
        assert_eq!((rate.baseline, rate.rise_p_value), (None, None));
        assert!(rate.bounds.is_some() && rate.previous.is_some());
    }
    let values = snapshot.populations.iter();
    assert!(
        values
            .into_iter()
            .all(|values| *values != PopulationValues::Total(None))
    );
}

/// A tag that was renamed in Help Scout: nothing is counted under its old name any more.
#[tokio::test]
async fn a_zero_under_a_name_that_is_gone_is_not_believed() {
    let desk = Desk::start(|options| options.reports = false).await;
    let config = desk
        .config("windows: [7d]\nsegments: [{name: bug, tags: [bug]}]\n")
        .await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert!(published.latest().segments[1].open.is_some());
    published.failures();
    desk.script(|path, query| {
        if path == "/v2/tags" {
            Fate::Edited(|mut body| {
                for tag in body["_embedded"]["tags"].as_array_mut().unwrap() {
                    if tag["name"] == "bug" {
                        tag["name"] = json!("defect");
                    }
                }
                body
            })
        } else if query.contains("tag=bug") {
            Fate::Answer(200, r#"{"page":{"totalElements":0}}"#.to_owned())
        } else {
            Fate::Good
        }
    });
    refresher.refresh().await;
    let failures = published.failures();
    assert!(
        failures.contains(&"open_tickets query".to_owned()),
        "{failures:?}"
    );
    assert!(
        failures.contains(&"tickets query".to_owned()),
        "{failures:?}"
    );
    let bug = &published.latest().segments[1];
    assert!(
        bug.open.as_ref().unwrap().iter().any(|one| one.count > 0),
        "the last good value"
    );
    let lists = desk
        .calls()
        .into_iter()
        .find(|(path, _)| path == "/v2/tags");
    assert!(lists.unwrap().1 <= 2);
}
