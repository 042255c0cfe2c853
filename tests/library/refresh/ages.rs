//! How long a value is shown that could not be read again, and what the clock may do meanwhile.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use contact_rate_exporter::{
    demo::simulator::Options,
    domain::Tickets,
    snapshot::{PopulationValues, RateValues, Snapshot},
};
use jiff::{SignedDuration, Timestamp};

use super::desk::{
    Desk, Fate, POPULATIONS, Published, end, never, now, pass, refresher, refresher_to, source,
    status,
};

const PRODUCTIVITY: &str = "/v2/reports/productivity";
const NEW: &str = "/v2/reports/conversations/new";

fn no_values(snapshot: &Snapshot) -> bool {
    let segments = snapshot.segments.iter().all(|segment| {
        segment.counts.iter().all(Option::is_none)
            && segment.ratings.iter().all(Option::is_none)
            && segment.open.is_none()
            && segment.dispersion.is_none()
    });
    let populations = snapshot.populations.iter().all(|values| match values {
        PopulationValues::Total(value) => value.is_none(),
        PopulationValues::Window(values) => values.iter().all(Option::is_none),
    });
    segments && populations && snapshot.rates.is_empty()
}

fn of_users(snapshot: &Snapshot) -> Vec<RateValues> {
    let rates = snapshot.rates.iter();
    rates.filter(|rate| rate.population == 0).cloned().collect()
}

#[tokio::test]
async fn values_stay_until_max_age_and_then_disappear_with_what_rests_on_them() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let whole = published.latest();

    desk.only(PRODUCTIVITY, || status(400));
    pass(config.max_age / 2).await;
    refresher.refresh().await;
    let kept = published.latest();
    let tickets = source(&kept, "tickets").unwrap();
    assert!(!tickets.up, "at once");
    assert_eq!(tickets.last_success, Some(now()));
    assert_eq!(kept.segments[0].counts, whole.segments[0].counts);
    assert_eq!(kept.rates, whole.rates);

    // The age counts from the start of the refresh that read it: a little has passed already.
    pass(config.max_age / 2).await;
    refresher.publish();
    let gone = published.latest();
    assert_eq!(gone.segments[0].counts, [None, None, None]);
    assert_eq!(gone.rates, []);
    assert!(gone.segments[0].ratings.iter().all(Option::is_some));
    assert!(gone.segments[0].dispersion.is_some());
    assert_eq!(gone.populations, whole.populations);
}

#[tokio::test]
async fn a_rate_is_of_one_end_and_its_last_whole_set_stays() {
    static MINUTES: AtomicI64 = AtomicI64::new(0);
    fn clock() -> Timestamp {
        now() + SignedDuration::from_mins(MINUTES.load(Ordering::Relaxed))
    }
    let desk =
        Desk::start(|options: &mut Options| options.clock = std::sync::Arc::new(clock)).await;
    // A population that fails from an instant on, and is another number at every instant.
    let flaky = "
databases:
  app: {url: 'sqlite://$DATABASE'}
populations:
  users:
    total: {database: app, query: \"SELECT CASE WHEN :end > '2026-03-11 14:40' THEN NULL ELSE unixepoch(:end) END\"}
  dossiers:
    window: {database: app, query: SELECT count(*) FROM dossiers WHERE depose_at >= :start AND depose_at < :end}
";
    let config = desk.config(flaky).await;
    let published = Published::new();
    let mut refresher = refresher_to(&config, &published, clock);
    refresher.refresh().await;
    let whole = published.latest();
    assert_eq!(of_users(&whole).len(), 3 * 4);

    MINUTES.store(10, Ordering::Relaxed);
    pass(config.max_age / 2).await;
    refresher.refresh().await;
    let later = published.latest();
    assert_eq!(
        later.window_end,
        Some(end() + SignedDuration::from_mins(10))
    );
    assert_eq!(published.failures().last().unwrap(), "users query");
    assert_ne!(
        later.segments[0].counts, whole.segments[0].counts,
        "tickets go on"
    );
    assert_eq!(later.populations[0], whole.populations[0]);
    assert_eq!(of_users(&later), of_users(&whole), "with their own tickets");
    assert_ne!(
        later.rates[4..],
        whole.rates[4..],
        "those of dossiers go on"
    );

    pass(config.max_age / 2).await;
    refresher.publish();
    let gone = published.latest();
    assert_eq!(of_users(&gone), []);
    assert_eq!(gone.populations[0], PopulationValues::Total(None));
    assert_eq!(gone.rates.len(), 3 * 4);
    assert!(gone.segments[0].counts.iter().all(Option::is_some));
}

#[tokio::test]
async fn the_p_value_disappears_with_the_daily_counts() {
    let desk = Desk::start(|_| {}).await;
    // With a window whose baseline needs no daily counts, but whose p-value needs the dispersion.
    let config = desk
        .config(&format!("windows: [7d, 90d]\n{POPULATIONS}"))
        .await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let created = |snapshot: &Snapshot| -> Vec<RateValues> {
        let rates = snapshot.rates.iter();
        rates
            .filter(|rate| rate.tickets == Tickets::Created)
            .cloned()
            .collect()
    };
    assert!(
        created(&published.latest())
            .iter()
            .all(|rate| rate.rise_p_value.is_some())
    );
    desk.only(NEW, || status(400));
    pass(config.max_age / 2).await;
    refresher.refresh().await;
    let kept = published.latest();
    assert!(
        created(&kept)
            .iter()
            .all(|rate| rate.rise_p_value.is_some())
    );
    assert!(kept.segments[0].dispersion.is_some());

    pass(config.max_age / 2).await;
    refresher.publish();
    let gone = published.latest();
    assert_eq!(gone.segments[0].dispersion, None);
    let rates = created(&gone);
    assert_eq!(rates.len(), 2 * 2);
    for rate in rates {
        assert_eq!(rate.rise_p_value, None);
        assert!(rate.bounds.is_some() && rate.previous.is_some());
    }
}

#[tokio::test]
async fn what_is_too_old_disappears_between_refreshes() {
    let desk = Desk::start(|_| {}).await;
    let mut config = desk.config(POPULATIONS).await;
    config.interval = Duration::from_hours(1);
    config.max_age = Duration::from_mins(20);
    let (mut refresher, published) = refresher(&config);
    tokio::select! {
        // Nothing is under way after the first refresh: from there on, time passes by itself.
        () = refresher.run(never(), tokio::time::pause) => {}
        gone = published.within(config.interval * 9 / 10, |snapshot| snapshot.window_end.is_some() && no_values(snapshot)) => {
            assert!(source(&gone, "tickets").unwrap().up, "its last reading was good");
        }
    }
}

#[tokio::test]
async fn what_is_too_old_disappears_while_a_refresh_hangs() {
    let desk = Desk::start(|_| {}).await;
    let mut config = desk.config(POPULATIONS).await;
    config.interval = Duration::from_mins(10);
    config.timeout = Duration::from_mins(5);
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert!(!no_values(&published.latest()));
    desk.script(|_, _| Fate::Silence);
    let almost = config.max_age.saturating_sub(Duration::from_secs(2));
    pass(almost).await;
    refresher.publish();
    assert!(published.latest().segments[0].open.is_some());
    tokio::select! {
        () = refresher.refresh() => panic!("the refresh ended first"),
        _ = published.when(|snapshot| {
            snapshot.segments[0].counts == [None, None, None] && snapshot.segments[0].open.is_none()
        }) => {}
    }
}

/// Instants of the wall clock, one for each time it is asked, in turn: years ahead, years back, and the
/// first minute of 1970.
#[tokio::test]
async fn a_clock_that_jumps_harms_no_number() {
    static SECONDS: AtomicI64 = AtomicI64::new(0);
    fn clock() -> Timestamp {
        Timestamp::from_second(SECONDS.load(Ordering::Relaxed)).unwrap()
    }
    let desk =
        Desk::start(|options: &mut Options| options.clock = std::sync::Arc::new(clock)).await;
    let config = desk.config(POPULATIONS).await;
    let published = Published::new();
    SECONDS.store(now().as_second(), Ordering::Relaxed);
    let mut refresher = refresher_to(&config, &published, clock);
    let hour = 3_600;
    let year = 366 * 24 * hour;
    for at in [0, hour, -hour, 2 * year, -2 * year, 59, -now().as_second()] {
        let at = now().as_second() + at;
        SECONDS.store(at, Ordering::Relaxed);
        desk.asked();
        refresher.refresh().await;
        let snapshot = published.latest();
        let expected = at.div_euclid(60) * 60;
        assert_eq!(snapshot.window_end.unwrap().as_second(), expected);
        for state in &snapshot.sources {
            if state.up {
                assert_eq!(
                    state.last_success.unwrap().as_second(),
                    at,
                    "{}",
                    state.source
                );
            }
            assert!(state.last_duration_seconds.unwrap() >= 0.0);
        }
        for asked in desk.asked() {
            let value = |name: &str| -> Option<Timestamp> {
                let query = asked.split_once('?')?.1;
                let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                pairs.find(|(key, _)| *key == name)?.1.parse().ok()
            };
            for (start, end) in [("start", "end"), ("previousStart", "previousEnd")] {
                if let (Some(start), Some(end)) = (value(start), value(end)) {
                    assert!(start < end, "{asked}");
                    assert!(end.as_second() < expected, "{asked}");
                }
            }
        }
        for rate in &snapshot.rates {
            assert!(rate.ratio.is_finite() && rate.ratio >= 0.0);
        }
    }
}

#[tokio::test]
async fn a_clock_that_steps_a_day_during_a_wait_neither_stops_nor_hurries_it() {
    static SECONDS: AtomicI64 = AtomicI64::new(0);
    fn clock() -> Timestamp {
        now() + SignedDuration::from_secs(SECONDS.load(Ordering::Relaxed))
    }
    let desk =
        Desk::start(|options: &mut Options| options.clock = std::sync::Arc::new(clock)).await;
    let mut config = desk.config(POPULATIONS).await;
    // Shorter than any config may say: the wait is a real one.
    config.interval = Duration::from_secs(2);
    let published = Published::new();
    let mut refresher = refresher_to(&config, &published, clock);
    let told = AtomicI64::new(0);
    let started = std::time::Instant::now();
    let day = 24 * 3_600;
    let steps = async {
        let at = |seconds: i64| {
            let end = end() + SignedDuration::from_secs(seconds);
            move |snapshot: &Snapshot| snapshot.window_end == Some(end)
        };
        published.when(at(0)).await;
        for seconds in [day, 0, -day, 0] {
            // Nothing is under way now: the refresh has ended, and the next is waited for.
            SECONDS.store(seconds, Ordering::Relaxed);
            let before = published.latest();
            assert!(!no_values(&before), "kept, whatever the clock says");
            let after = published.when(at(seconds)).await;
            assert!(!no_values(&after));
            assert!(after.sources.iter().all(|state| state.up));
        }
    };
    tokio::select! {
        () = refresher.run(never(), || { told.fetch_add(1, Ordering::Relaxed); }) => panic!("it ended"),
        () = steps => {}
    }
    // Five instants were read, one after the other, and no day was made up for.
    let paced = i64::try_from(started.elapsed().as_secs() / 2).unwrap() + 1;
    let counted = told.load(Ordering::Relaxed);
    assert!((4..=paced).contains(&counted), "{counted} of {paced}");
}
