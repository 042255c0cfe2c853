//! Every sample is what the daemon would have shown at that instant, however it was read.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};

use contact_rate_exporter::{
    app,
    commands::backfill::{Means, Options, backfill, parse_instant, parse_step},
    config::Config,
    exposition::{
        Format,
        catalogue::Family,
        series::{self, Sink},
    },
    refresh::{Outlets, Refresher},
    snapshot::Snapshot,
    sources::helpscout::Telemetry,
};
use jiff::{SignedDuration, Timestamp};

use super::world::World;
use crate::common::text_parser;

type Series = (String, Vec<(String, String)>);

/// The samples that a page would have.
#[derive(Default)]
struct Page(BTreeMap<Series, f64>);

impl Sink for Page {
    fn sample(&mut self, family: &Family, labels: &[(&str, &str)], value: f64) {
        let labels = labels.iter();
        let labels = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let series = (family.name.clone().into_owned(), labels.collect());
        assert!(self.0.insert(series, value).is_none());
    }
}

static END: Mutex<Timestamp> = Mutex::new(Timestamp::UNIX_EPOCH);

/// What the daemon shows when it refreshes at `end`.
async fn live(config: &Config, end: Timestamp) -> BTreeMap<Series, f64> {
    // One at a time: the daemon's clock is a plain function.
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE.lock().await;
    *END.lock().unwrap() = end;
    let latest: Arc<Mutex<Option<Arc<Snapshot>>>> = Arc::default();
    let outlets = Outlets {
        publish: Box::new({
            let latest = Arc::clone(&latest);
            move |snapshot| *latest.lock().unwrap() = Some(snapshot)
        }),
        failed: Box::new(|source, failure| panic!("{source}: {failure:?}")),
        now: || *END.lock().unwrap() + SignedDuration::from_secs(31),
    };
    let config = Arc::new(config.clone());
    let readers = app::readers(&config, &Telemetry::new().unwrap(), None).unwrap();
    let mut refresher = Refresher::new(config, readers, Arc::new(outlets), None);
    if let Err(error) = tokio::spawn(async move { refresher.refresh().await }).await {
        std::panic::resume_unwind(error.into_panic());
    }
    let snapshot = latest.lock().unwrap().take().unwrap();
    assert_eq!(snapshot.window_end, Some(end));
    let mut page = Page::default();
    series::visit(&snapshot, &mut page);
    page.0.retain(|(name, labels), _| {
        let of_accounts = labels.iter().any(|(_, value)| value == "accounts");
        // Of the sources, and of the present alone.
        !(name.starts_with("contact_source_") || name.starts_with("contact_window_"))
            && name != "contact_open_tickets"
            && name != "contact_accounts"
            && !of_accounts
    });
    page.0
}

/// The samples of a file by instant.
fn read(path: &std::path::Path) -> BTreeMap<Timestamp, BTreeMap<Series, f64>> {
    let text = fs::read_to_string(path).unwrap();
    let mut pages: BTreeMap<Timestamp, BTreeMap<Series, f64>> = BTreeMap::new();
    for sample in text_parser::parse(Format::OpenMetrics, &text).unwrap() {
        let second = sample.timestamp.unwrap().parse().unwrap();
        let page = pages
            .entry(Timestamp::from_second(second).unwrap())
            .or_default();
        let twice = page.insert((sample.name, sample.labels), sample.value);
        assert!(twice.is_none());
    }
    pages
}

fn is_mean(name: &str) -> bool {
    name.ends_with("_mean_seconds")
}

/// Fills in `from` to `to` and holds the first and the last instant against the daemon.
async fn agrees(
    world: &World,
    config: &Config,
    from: &str,
    to: &str,
    step: &str,
    means: Means,
) -> String {
    let output = world.path("history.om");
    let options = Options {
        from: parse_instant(from).unwrap(),
        to: parse_instant(to).unwrap(),
        step: parse_step(step).unwrap(),
        output: output.clone(),
        cache_dir: None,
        means,
        labels: Vec::new(),
        dry_run: true,
    };
    let now = super::world::now();
    let foreseen = backfill(config, &options, now).await.unwrap().to_string();
    let (calls, _) = foreseen.split_once(" Help Scout calls").unwrap();
    let calls: usize = calls.lines().last().unwrap().parse().unwrap();
    assert!(world.asked().is_empty() && !output.exists());

    let options = Options {
        dry_run: false,
        ..options
    };
    let outcome = backfill(config, &options, now).await.unwrap().to_string();
    let asked = world.asked();
    assert!(asked.values().all(|times| *times == 1), "{asked:#?}");
    let note = format!("{} calls made, {calls} foreseen\n", asked.len());

    let pages = read(&output);
    let ends: Vec<Timestamp> = pages.keys().copied().collect();
    for end in [ends[0], ends[ends.len() - 1]] {
        let mut expected = live(config, end).await;
        let mut found = pages[&end].clone();
        if means == Means::Skip {
            // Those that are here must be right; the others are left out.
            expected.retain(|series, _| !is_mean(&series.0) || found.contains_key(series));
        }
        assert!(expected.len() > 20, "{expected:#?}");
        for (series, value) in &expected {
            let past = found.remove(series);
            assert_eq!(past, Some(*value), "{series:?} at {end}");
        }
        assert!(found.is_empty(), "{found:#?} at {end}");
    }
    note + &outcome
}

#[tokio::test]
async fn days_of_the_default_windows() {
    let world = World::new().await;
    let config = world.config("", "").await;
    let outcome = agrees(
        &world,
        &config,
        "2025-05-01",
        "2025-05-31",
        "1d",
        Means::Skip,
    )
    .await;
    assert!(outcome.contains("mean times over 7d, 28d"), "{outcome}");
    assert!(
        outcome.contains("contact_accounts and its contact rates"),
        "{outcome}"
    );
    // 31 + 55 days in pairs, and 31 + 27 days of ratings, for four segments.
    assert!(
        outcome.starts_with("288 calls made, 288 foreseen"),
        "{outcome}"
    );
}

#[tokio::test]
async fn every_window_for_itself() {
    let world = World::new().await;
    let config = world.config("", "").await;
    let outcome = agrees(
        &world,
        &config,
        "2025-05-01",
        "2025-05-12",
        "1d",
        Means::Read,
    )
    .await;
    assert!(!outcome.contains("mean times"), "{outcome}");
}

#[tokio::test]
async fn hours_and_windows_between_them() {
    let world = World::new().await;
    let config = world.config("windows: [1h, 90m, 1d, 3d, 8d]", "").await;
    agrees(
        &world,
        &config,
        "2025-05-01T20:30:00Z",
        "2025-05-02T09:30:00Z",
        "1h",
        Means::Skip,
    )
    .await;
}

#[tokio::test]
async fn weeks_with_windows_shorter_and_longer() {
    let world = World::new().await;
    let config = world.config("windows: [1d, 7d, 14d, 28d, 60d]", "").await;
    agrees(
        &world,
        &config,
        "2025-01-01",
        "2025-04-01",
        "7d",
        Means::Skip,
    )
    .await;
}

#[tokio::test]
async fn a_step_that_divides_no_day() {
    let world = World::new().await;
    let config = world.config("windows: [36h, 3d, 30d]", "").await;
    agrees(
        &world,
        &config,
        "2025-01-01",
        "2025-01-20",
        "36h",
        Means::Skip,
    )
    .await;
}

#[tokio::test]
async fn one_instant_alone() {
    let world = World::new().await;
    let config = world.config("", "").await;
    let outcome = agrees(
        &world,
        &config,
        "2025-05-01",
        "2025-05-01",
        "1d",
        Means::Skip,
    )
    .await;
    // Reading three windows takes three calls, and 56 days are one more, for four segments.
    assert!(
        outcome.starts_with("28 calls made, 28 foreseen"),
        "{outcome}"
    );
}

#[tokio::test]
async fn short_windows_read_older_days_as_a_series() {
    let world = World::new().await;
    let config = world
        .config("windows: [1d, 3d]", "  happiness: false")
        .await;
    agrees(
        &world,
        &config,
        "2025-05-01",
        "2025-05-20",
        "1d",
        Means::Skip,
    )
    .await;
}

#[tokio::test]
async fn reports_that_lack_created_tickets_and_messages() {
    let world = World::with(
        |options| {
            options.shape.created_in_current = false;
            options.shape.created_in_previous = false;
            options.shape.empty_buckets = false;
        },
        Arc::new(|_| None),
    )
    .await;
    let config = world.config("windows: [6h, 1d, 28d]", "").await;
    agrees(
        &world,
        &config,
        "2025-05-01",
        "2025-05-10",
        "12h",
        Means::Skip,
    )
    .await;
}

#[tokio::test]
async fn previous_ranges_that_lack_them() {
    let world = World::with(
        |options| options.shape.created_in_previous = false,
        Arc::new(|_| None),
    )
    .await;
    let config = world.config("windows: [1d, 7d]", "").await;
    agrees(
        &world,
        &config,
        "2025-05-01",
        "2025-05-10",
        "1d",
        Means::Skip,
    )
    .await;
}

#[tokio::test]
async fn a_plan_without_reports() {
    let world = World::with(|options| options.reports = false, Arc::new(|_| None)).await;
    let config = world.config("windows: [1d, 7d, 30d]", "").await;
    let output = world.path("history.om");
    let options = Options {
        from: parse_instant("2025-05-01").unwrap(),
        to: parse_instant("2025-05-10").unwrap(),
        step: parse_step("1d").unwrap(),
        output: output.clone(),
        cache_dir: None,
        means: Means::Skip,
        labels: Vec::new(),
        dry_run: false,
    };
    let outcome = backfill(&config, &options, super::world::now())
        .await
        .unwrap();
    assert!(
        outcome.to_string().contains("counted by search"),
        "{outcome}"
    );
    let pages = read(&output);
    assert_eq!(pages.len(), 10);
    let (end, page) = pages.last_key_value().unwrap();
    let expected = search_only(&config, *end).await;
    assert_eq!(*page, expected);
}

/// The daemon with `counts_from: search`, which never asks for reports.
async fn search_only(config: &Config, end: Timestamp) -> BTreeMap<Series, f64> {
    let mut config = config.clone();
    config.helpscout.counts_from = contact_rate_exporter::config::CountsFrom::Search;
    live(&config, end).await
}
