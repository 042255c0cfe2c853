//! Weeks read beside the refreshes, and what is concluded from them.

use std::sync::Arc;

use contact_rate_exporter::{
    config::Config,
    demo::story::Filter,
    domain::{
        Tickets,
        forecast::{Past, completed_weeks},
    },
    refresh::{Sources, WeeksReader},
    snapshot::Snapshot,
};
use jiff::tz::TimeZone;

use super::desk::{
    Desk, Fate, POPULATIONS, Published, STORY, never, now, refresher, reload, source, sources,
    status,
};

const NEW: &str = "/v2/reports/conversations/new";
const PRODUCTIVITY: &str = "/v2/reports/productivity";

async fn config(desk: &Desk, text: &str) -> Config {
    desk.config(&format!("windows: [7d]\n{POPULATIONS}{text}"))
        .await
}

/// Lets the config run until something holds.
async fn until(config: &Config, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let (mut refresher, published) = refresher(config);
    tokio::select! {
        () = refresher.run(never(), || {}) => panic!("it ended"),
        snapshot = published.when(holds) => snapshot,
    }
}

fn is_planned(snapshot: &Snapshot) -> bool {
    snapshot.planning().is_some()
}

/// The weeks are those of the story, counted again here, and so is the season that they have.
#[tokio::test]
async fn weeks_are_those_of_the_story() {
    let desk = Desk::start(|_| {}).await;
    let text = "time_zone: Europe/Paris\nforecast: {history: 60w}\ncapacity: {all: 100}\n";
    let config = config(&desk, text).await;
    let (refresher, _) = refresher(&config);
    let sources: &Arc<Sources> = refresher.sources();
    let mut reader = WeeksReader::new(&config, sources).unwrap();
    let mut past = reader.frame(&Past::default(), now());
    assert!(reader.created(&mut past).await.is_empty());
    assert!(reader.populations(&mut past).await.is_empty());
    let paris = TimeZone::get("Europe/Paris").unwrap();
    let weeks = completed_weeks(now(), &paris, 60);
    assert_eq!(past.weeks, weeks);
    let all = Filter::default();
    for (index, week) in weeks.iter().enumerate() {
        let (start, end) = (week.interval.start, week.interval.end);
        let created = STORY.created(&all, start, end);
        assert_eq!(
            past.segments[0].created[index],
            Some(created),
            "{}",
            week.monday
        );
        let [users, dossiers] = &past.populations[..] else {
            panic!()
        };
        assert_eq!(users.weeks[index], Some(STORY.users(end) as f64));
        assert_eq!(
            dossiers.weeks[index],
            Some(STORY.dossiers(start, end) as f64)
        );
    }
    // What is known is not asked for again, but for the last two weeks.
    desk.asked();
    let mut again = reader.frame(&past, now());
    assert!(reader.created(&mut again).await.is_empty());
    assert_eq!(again, past);
    let calls = desk.calls();
    assert_eq!(
        calls.iter().map(|(_, count)| count).sum::<usize>(),
        2,
        "{calls:?}"
    );
}

#[tokio::test]
async fn a_plan_is_published_after_the_first_refresh() {
    let desk = Desk::start(|_| {}).await;
    let config = config(&desk, "forecast: {}\ncapacity: {all: 100}\n").await;
    let snapshot = until(&config, is_planned).await;
    assert!(source(&snapshot, "forecast").unwrap().up);
    assert!(snapshot.window_end.is_some(), "the refresh goes first");
    let planning = snapshot.planning().unwrap();
    let plan = &planning.segments[0];
    let forecast = plan.forecast.as_ref().unwrap();
    assert_eq!((forecast.known_weeks, forecast.weeks.len()), (104, 13));
    assert_eq!(plan.capacity, Some(100.0));
    // A Wednesday: the first coming week is the one after the running week.
    assert_eq!(plan.reached.unwrap().monday.to_string(), "2026-03-16");
    assert_eq!(planning.populations.len(), 2);
    let week = snapshot.segments[0].counts[0].as_ref().unwrap();
    assert!(week.tickets(Tickets::Created).is_some());
}

/// Without the section nothing of it is read, and no source says that it is down.
#[tokio::test]
async fn without_the_section_nothing_is_read() {
    let desk = Desk::start(|_| {}).await;
    let with = config(&desk, "forecast: {}\ncapacity: {all: 100}\n").await;
    let without = config(&desk, "").await;
    let day_series = |asked: &[String]| asked.iter().filter(|one| one.starts_with(NEW)).count();
    until(&without, |snapshot| snapshot.window_end.is_some()).await;
    let plain = day_series(&desk.asked());
    let snapshot = until(&with, is_planned).await;
    assert_eq!(day_series(&desk.asked()), plain + 13);
    assert_eq!(snapshot.sources.len(), 7);
    let (refresher, _) = refresher(&without);
    assert!(WeeksReader::new(&without, refresher.sources()).is_none());
}

/// A capacity that is not given is measured, a call a week, after the forecast is shown.
#[tokio::test]
async fn a_capacity_is_measured_from_resolved_tickets() {
    let desk = Desk::start(|_| {}).await;
    let config = config(&desk, "forecast: {history: 12w}\n").await;
    let snapshot = until(&config, |snapshot| {
        let planning = snapshot.planning();
        planning.is_some_and(|planning| planning.segments[0].capacity.is_some())
    })
    .await;
    let all = Filter::default();
    let resolved: Vec<f64> = completed_weeks(now(), &TimeZone::UTC, 12)
        .iter()
        .map(|week| STORY.activity(&all, week.interval.start, week.interval.end))
        .map(|activity| activity.resolved.len() as f64)
        .collect();
    let best = resolved
        .windows(4)
        .map(|weeks| weeks.iter().sum::<f64>() / 4.0)
        .fold(0.0, f64::max);
    let capacity = snapshot.planning().unwrap().segments[0].capacity;
    assert_eq!(capacity, Some(best));
}

/// A source that fails takes no other down, and what is known of the rest is told.
#[tokio::test]
async fn weeks_that_cannot_be_read_are_told_and_nothing_is_invented() {
    let desk = Desk::start(|_| {}).await;
    // Only the past is refused: the refresh asks for 56 days, and the weeks for whole ones.
    desk.script(|path, query| {
        if path == NEW && query.contains("T00:00:00Z") {
            status(500)
        } else {
            Fate::Good
        }
    });
    let config = config(&desk, "forecast: {history: 12w}\ncapacity: {all: 100}\n").await;
    let snapshot = until(&config, is_planned).await;
    let state = source(&snapshot, "forecast").unwrap();
    assert!(!state.up);
    assert!(
        state
            .last_failure()
            .unwrap()
            .to_string()
            .contains("segment all")
    );
    let planning = snapshot.planning().unwrap();
    assert_eq!(planning.segments[0].forecast, None);
    assert_eq!(planning.segments[0].reached, None);
    assert!(planning.populations[0].forecast.is_some());
    let others = sources(&snapshot);
    assert!(
        others
            .iter()
            .all(|one| one.ends_with("up") || one.starts_with("forecast")),
        "{others:?}"
    );
}

/// A new configuration that counts the same keeps the plan; another capacity is held against it.
#[tokio::test]
async fn a_reload_keeps_what_was_read() {
    let desk = Desk::start(|_| {}).await;
    let before = config(&desk, "forecast: {history: 20w}\ncapacity: {all: 100}\n").await;
    let after = config(&desk, "forecast: {history: 20w}\ncapacity: {all: 9999}\n").await;
    let (mut refresher, published): (_, Published) = refresher(&before);
    let first = Arc::clone(refresher.sources());
    let (reloads, news) = tokio::sync::mpsc::channel(1);
    tokio::select! {
        () = refresher.run(news, || {}) => panic!("it ended"),
        () = async {
            published.when(is_planned).await;
            desk.asked();
            reloads.send(reload(&after, &first)).await.unwrap();
            let capacity = |snapshot: &Snapshot| {
                snapshot.planning().and_then(|planning| planning.segments[0].capacity)
            };
            let snapshot = published.when(|snapshot| capacity(snapshot) == Some(9999.0)).await;
            let plan = &snapshot.planning().unwrap().segments[0];
            assert_eq!(plan.reached, None);
            assert!(plan.forecast.is_some());
        } => {}
    }
}

/// On a plan without reports weeks are searched, and nobody knows what was resolved.
#[tokio::test]
async fn a_plan_without_reports_has_a_forecast_and_no_measured_capacity() {
    let desk = Desk::start(|options| options.reports = false).await;
    let config = config(&desk, "forecast: {history: 12w, populations: []}\n").await;
    let snapshot = until(&config, |snapshot| {
        source(snapshot, "forecast").is_some_and(|of| of.up)
    })
    .await;
    let plan = &snapshot.planning().unwrap().segments[0];
    assert!(plan.forecast.is_some());
    assert_eq!(plan.capacity, None);
    assert!(source(&snapshot, "forecast").unwrap().up);
    assert!(
        !desk
            .asked()
            .iter()
            .any(|one| one.starts_with(PRODUCTIVITY) && one.contains("2025"))
    );
}
