//! One source fails, and only it.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use contact_rate_exporter::{
    config::CountsFrom,
    domain::Reason,
    snapshot::{PopulationValues, Snapshot},
};

use super::desk::{
    Desk, Fate, POPULATIONS, index, never, pass, refresher, source, sources, status,
};

const PRODUCTIVITY: &str = "/v2/reports/productivity";
const HAPPINESS: &str = "/v2/reports/happiness";

fn rates_of(snapshot: &Snapshot, population: &str) -> usize {
    let population = index(snapshot, population);
    snapshot
        .rates
        .iter()
        .filter(|rate| rate.population == population)
        .count()
}

#[tokio::test]
async fn a_segment_fails_alone() {
    let desk = Desk::start(|_| {}).await;
    let segments = "segments: [{name: lost, mailboxes: [Usager]}, {name: bug, tags: [bug]}]\n";
    let config = desk.config(&format!("{segments}{POPULATIONS}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert_eq!(
        sources(&snapshot),
        [
            "tickets query",
            "daily_tickets query",
            "open_tickets query",
            "happiness query",
            "users up",
            "dossiers up"
        ]
    );
    let text = &source(&snapshot, "tickets")
        .unwrap()
        .last_failure()
        .unwrap()
        .to_string();
    for part in ["segment lost", "`Usager`", "did you mean `Usagers`?"] {
        assert!(text.contains(part), "{text}");
    }
    // Three windows failed alike: that is told once.
    assert!(!text.contains("more)"), "{text}");
    let [all, lost, bug] = &snapshot.segments[..] else {
        panic!()
    };
    for good in [all, bug] {
        assert!(
            good.counts.iter().all(Option::is_some) && good.ratings.iter().all(Option::is_some)
        );
        assert!(good.open.is_some() && good.dispersion.is_some());
    }
    assert!(lost.counts.iter().all(Option::is_none) && lost.ratings.iter().all(Option::is_none));
    assert_eq!((&lost.open, lost.dispersion), (&None, None));
    assert_eq!(snapshot.rates.len(), 2 * 2 * 3 * 4);
    assert!(snapshot.rates.iter().all(|rate| rate.segment != 1));
}

#[tokio::test]
async fn happiness_that_is_broken_takes_nothing_down() {
    let desk = Desk::start(|_| {}).await;
    desk.only(HAPPINESS, || status(404));
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert_eq!(
        sources(&snapshot),
        [
            "tickets up",
            "daily_tickets up",
            "open_tickets up",
            "happiness status",
            "users up",
            "dossiers up"
        ]
    );
    assert_eq!(snapshot.rates.len(), 2 * 3 * 4);
}

#[tokio::test]
async fn refused_credentials_leave_the_populations_alone() {
    let desk = Desk::start(|_| {}).await;
    let mut config = desk.config(POPULATIONS).await;
    config.helpscout_mut().unwrap().app_id = "somebody".to_owned();
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert_eq!(
        sources(&snapshot),
        [
            "tickets auth",
            "daily_tickets auth",
            "open_tickets auth",
            "happiness auth",
            "users up",
            "dossiers up"
        ]
    );
    assert_eq!(desk.calls(), [("/v2/oauth2/token".to_owned(), 1)]);
    assert!(matches!(
        snapshot.populations[0],
        PopulationValues::Total(Some(_))
    ));
}

#[tokio::test]
async fn a_population_fails_alone_and_keeps_what_other_intervals_gave() {
    let desk = Desk::start(|_| {}).await;
    let more = "
  halves:
    window: {database: app, query: \"SELECT 5 WHERE julianday(:end) - julianday(:start) < 2 AND :start < :end\"}
";
    let config = desk.config(&format!("{POPULATIONS}{more}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    let names = sources(&snapshot);
    assert_eq!(names.iter().filter(|name| name.ends_with(" up")).count(), 6);
    assert!(names.contains(&"halves query".to_owned()), "{names:?}");
    assert_eq!(
        snapshot.populations[2],
        PopulationValues::Window(vec![Some(5.0), None, None])
    );
    assert_eq!(rates_of(&snapshot, "halves"), 4, "those of 1d");
    assert_eq!(rates_of(&snapshot, "users"), 3 * 4);
}

#[tokio::test]
async fn nobody_makes_no_rate() {
    let desk = Desk::start(|_| {}).await;
    let more = "
  nobody:
    total: {database: app, query: SELECT 0 WHERE :end > ''}
  newcomers:
    total: {database: app, query: \"SELECT CASE WHEN :end > '2026-03-11' THEN 5 ELSE 0 END\"}
";
    let config = desk.config(&format!("{POPULATIONS}{more}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert!(
        sources(&snapshot)
            .iter()
            .all(|source| source.ends_with(" up"))
    );
    assert_eq!(snapshot.populations[2], PopulationValues::Total(Some(0.0)));
    assert_eq!(rates_of(&snapshot, "nobody"), 0);
    // Where there was nobody before, there is nothing to compare with.
    assert_eq!(rates_of(&snapshot, "newcomers"), 3 * 4);
    for rate in snapshot.rates.iter().filter(|rate| rate.population == 3) {
        assert_eq!(
            (rate.previous, rate.baseline, rate.rise_p_value),
            (None, None, None)
        );
        assert_eq!(rate.change, None);
    }
}

/// The others' values are there long before the refresh ends, and what comes later is shown too.
#[tokio::test]
async fn a_source_that_hangs_delays_no_other() {
    for hanging in [PRODUCTIVITY, HAPPINESS, "/v2/conversations"] {
        let desk = Desk::start(|_| {}).await;
        desk.only(hanging, || Fate::Silence);
        let mut config = desk.config(POPULATIONS).await;
        config.timeout = Duration::from_secs(2);
        config.interval = Duration::from_mins(10);
        let (mut refresher, published) = refresher(&config);
        let start = Instant::now();
        let others = async {
            published
                .when(|snapshot| {
                    let all = &snapshot.segments[0];
                    let populations = snapshot.populations.iter().all(|values| match values {
                        PopulationValues::Total(value) => value.is_some(),
                        PopulationValues::Window(values) => values.iter().all(Option::is_some),
                    });
                    let read = [
                        (PRODUCTIVITY, !snapshot.rates.is_empty()),
                        (HAPPINESS, all.ratings.iter().all(Option::is_some)),
                        ("/v2/conversations", all.open.is_some()),
                    ];
                    populations && read.iter().all(|(path, read)| *read != (*path == hanging))
                })
                .await
        };
        tokio::select! {
            snapshot = others => {
                assert_eq!(snapshot.window_end, None, "the refresh goes on");
                assert!(start.elapsed() >= config.timeout, "{hanging}");
            }
            () = refresher.refresh() => panic!("{hanging}: the refresh ended first"),
        }
        assert_eq!(published.failures(), [""; 0], "{hanging}");
    }
}

/// Nor does one that is a whole family of calls.
#[tokio::test]
async fn reports_that_all_hang_delay_neither_lists_nor_populations() {
    let desk = Desk::start(|_| {}).await;
    desk.script(|path, _| {
        if path.starts_with("/v2/reports/") {
            Fate::Silence
        } else {
            Fate::Good
        }
    });
    let segments = "segments: [{name: bug, tags: [bug]}, {name: usagers, mailboxes: [Usagers]}]\n";
    let mut config = desk.config(&format!("{segments}{POPULATIONS}")).await;
    config.timeout = Duration::from_secs(2);
    config.interval = Duration::from_mins(10);
    let (mut refresher, published) = refresher(&config);
    tokio::select! {
        snapshot = published.when(|_| true) => {
            assert!(snapshot.segments.iter().all(|segment| segment.open.is_some()));
            assert!(sources(&snapshot).contains(&"users up".to_owned()));
        }
        () = refresher.refresh() => panic!("the refresh ended first"),
    }
}

/// What is read after `timeout` is shown before the refresh ends, though its source is not done.
#[tokio::test]
async fn a_segment_that_hangs_delays_no_other() {
    let desk = Desk::start(|_| {}).await;
    // The first try for `all` gets no answer, the next one does; `bug` never gets one.
    let first = AtomicBool::new(true);
    desk.script(move |path, query| {
        let hangs = query.contains("tags=") || first.swap(false, Ordering::Relaxed);
        if path == PRODUCTIVITY && hangs {
            Fate::Silence
        } else {
            Fate::Good
        }
    });
    let segments = "windows: [7d]\nsegments: [{name: bug, tags: [bug]}]\n";
    let mut config = desk.config(&format!("{segments}{POPULATIONS}")).await;
    config.helpscout_mut().unwrap().counts_from = CountsFrom::Reports;
    config.timeout = Duration::from_secs(2);
    config.interval = Duration::from_mins(10);
    let (mut refresher, published) = refresher(&config);
    tokio::select! {
        snapshot = published.when(|snapshot| {
            snapshot.rates.iter().any(|rate| rate.rise_p_value.is_some())
        }) => {
            assert_eq!(snapshot.segments[1].counts, [None]);
            assert!(snapshot.segments[0].dispersion.is_some());
            assert_eq!(snapshot.rates.len(), 2 * 4);
            assert!(sources(&snapshot).contains(&"tickets unread".to_owned()), "not done yet");
        }
        () = refresher.refresh() => panic!("the refresh ended first"),
    }
}

/// A refresh that takes longer than its interval is ended by it, and the next begins after it.
#[tokio::test]
async fn refreshes_never_overlap() {
    let desk = Desk::start(|_| {}).await;
    desk.only(HAPPINESS, || Fate::Silence);
    let mut config = desk.config(&format!("windows: [7d]\n{POPULATIONS}")).await;
    config.interval = Duration::from_secs(2);
    config.timeout = Duration::from_secs(2);
    let (mut refresher, published) = refresher(&config);
    let ended = AtomicUsize::new(0);
    tokio::select! {
        () = refresher.run(never(), || {
            ended.fetch_add(1, Ordering::Relaxed);
        }) => {}
        () = async {
            while ended.load(Ordering::Relaxed) < 3 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        } => {}
    }
    let happiness = desk.calls().into_iter().find(|(path, _)| path == HAPPINESS);
    let count = ended.load(Ordering::Relaxed);
    // One call each, that of the one that has begun since among them.
    assert!(happiness.unwrap().1 <= count + 1);
    let failed = published.failures();
    let failed = failed
        .iter()
        .filter(|failure| failure.starts_with("happiness"));
    assert_eq!(failed.count(), count);
}

#[tokio::test]
async fn a_refresh_that_runs_out_of_time_says_so() {
    let desk = Desk::start(|_| {}).await;
    desk.only(PRODUCTIVITY, || Fate::Silence);
    let mut config = desk.config(POPULATIONS).await;
    config.interval = Duration::from_secs(8);
    config.timeout = Duration::from_secs(3);
    let (mut refresher, published) = refresher(&config);
    let start = Instant::now();
    refresher.refresh().await;
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "bounded by its interval"
    );
    let snapshot = published.latest();
    assert!(snapshot.window_end.is_some());
    assert_eq!(
        source(&snapshot, "tickets")
            .unwrap()
            .last_failure()
            .unwrap()
            .reason,
        Reason::Timeout
    );
    assert!(
        source(&snapshot, "happiness").unwrap().up,
        "{:?}",
        sources(&snapshot)
    );
    assert!(source(&snapshot, "open_tickets").unwrap().up);
}

#[tokio::test]
async fn a_429_is_kept_across_refreshes() {
    let desk = Desk::start(|_| {}).await;
    desk.only(HAPPINESS, || Fate::Answer(429, String::new()));
    let config = desk.config(POPULATIONS).await;
    let mut config = config;
    // Shorter than the wait of a minute.
    config.interval = Duration::from_secs(20);
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let named = sources(&published.latest());
    assert!(
        named.contains(&"happiness rate_limited".to_owned()),
        "{named:?}"
    );
    desk.asked();
    refresher.refresh().await;
    assert_eq!(
        desk.asked(),
        [""; 0],
        "nothing is sent before the wait is over"
    );
    let named = sources(&published.latest());
    assert_eq!(
        named
            .iter()
            .filter(|name| name.ends_with("rate_limited"))
            .count(),
        4
    );
    assert!(named.contains(&"users up".to_owned()));
    desk.script(|_, _| Fate::Good);
    pass(Duration::from_secs(62)).await;
    refresher.refresh().await;
    assert!(
        sources(&published.latest())
            .iter()
            .all(|source| source.ends_with(" up"))
    );
}
