//! What the log says of sources: each change once.

use std::time::Duration;

use serde_json::{Value, json};
use tracing::Level;

use super::desk::{Desk, Fate, POPULATIONS, pass, refresher, reload, status};
use crate::common::log::Log;

/// The lines since the last time that are of a source's health or of the plan.
fn of_sources(log: &Log) -> Vec<String> {
    let text = log.take();
    let about = |line: &&str| line.contains("source=") || line.contains("reports");
    text.lines().filter(about).map(str::to_owned).collect()
}

fn one_more(mut body: Value) -> Value {
    body["current"][55]["count"] = json!(1_000_000);
    body
}

#[tokio::test]
async fn a_source_that_fails_and_recovers_is_told_of_once_each() {
    let (log, _guard) = Log::start(Level::INFO);
    let desk = Desk::start(|_| {}).await;
    desk.only("/v2/reports/conversations/new", || Fate::Edited(one_more));
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, _published) = refresher(&config);
    for _ in 0..3 {
        refresher.refresh().await;
    }
    let lines = of_sources(&log);
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [
        "WARN",
        "source failed",
        "source=daily_tickets",
        "reason=decode",
        "segment all: the daily counts of the last 1d sum to 1000000",
    ] {
        assert!(lines[0].contains(part), "{lines:?}");
    }
    desk.script(|_, _| Fate::Good);
    for _ in 0..2 {
        refresher.refresh().await;
    }
    let lines = of_sources(&log);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("source works again") && lines[0].contains("source=daily_tickets"));
}

#[tokio::test]
async fn a_plan_without_reports_is_told_of_until_it_changes() {
    let (log, _guard) = Log::start(Level::INFO);
    let desk = Desk::start(|_| {}).await;
    desk.script(|path, _| {
        if path.starts_with("/v2/reports/") {
            status(403)
        } else {
            Fate::Good
        }
    });
    let config = desk.config(POPULATIONS).await;
    let (mut first, _published) = refresher(&config);
    first.refresh().await;
    let lines = of_sources(&log);
    assert!(
        lines.len() == 1 && lines[0].contains("the plan has none"),
        "{lines:?}"
    );
    first.refresh().await;
    first.adopt(reload(&config, first.sources()));
    first.refresh().await;
    pass(Duration::from_hours(1)).await;
    first.refresh().await;
    assert_eq!(of_sources(&log), [""; 0], "nothing new");
    desk.script(|_, _| Fate::Good);
    pass(Duration::from_hours(1)).await;
    first.refresh().await;
    let lines = of_sources(&log);
    assert!(
        lines.len() == 1 && lines[0].contains("answers reports"),
        "{lines:?}"
    );
}

/// One window of a population reaches back further than there is anything known.
#[tokio::test]
async fn a_window_that_cannot_be_read_is_told_once() {
    const SHORT: &str = "
databases:
  app: {url: 'sqlite://$DATABASE'}
populations:
  dossiers:
    window: {database: app, query: \"SELECT CASE WHEN :start >= datetime('2026-03-08 14:37:00') AND :start < :end THEN 700 END\"}
";
    let (log, _guard) = Log::start(Level::INFO);
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(&format!("windows: [1d, 7d]\n{SHORT}")).await;
    let (mut refresher, _published) = refresher(&config);
    for expected in [1, 0, 0] {
        refresher.refresh().await;
        let lines = of_sources(&log);
        assert_eq!(lines.len(), expected, "{lines:?}");
    }
}
