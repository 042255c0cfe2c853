//! Visits of the help centre: counted again from the story, shared with the population that they are,
//! and what becomes of each failure.

use std::time::Duration;

use contact_rate_exporter::{
    config::Config,
    demo::story::HELP_SITES,
    domain::{HelpCenter, Reason},
    snapshot::{PopulationValues, Snapshot},
};
use serde_json::{Value, json};

use super::desk::{
    Desk, Fate, STORY, before_end, end, index, pass, refresher, source, sources, status,
};

const DAY: i64 = 86_400;
const DOCS: &str = "/v2/reports/docs";

/// The same `helpscout` section with more keys, and what follows it.
async fn config(desk: &Desk, keys: &str, text: &str) -> Config {
    desk.config(&format!("  {keys}\n{text}")).await
}

const VISITORS: &str = "
windows: [1d, 7d, 28d]
populations:
  help_visitors:
    window: {helpscout: help_center_visitors}
";

fn close(known: Option<f64>, expected: f64) -> bool {
    (known.unwrap() - expected).abs() < 1e-9
}

fn visits_of(snapshot: &Snapshot, window: &str) -> Option<HelpCenter> {
    snapshot.help_center[index(snapshot, window)]
}

#[tokio::test]
async fn visits_are_those_of_the_story() {
    let desk = Desk::start(|_| {}).await;
    let [_, (other, _)] = HELP_SITES;
    let every = config(&desk, "help_center: true", "windows: [1d, 7d, 28d]\n").await;
    let some = config(
        &desk,
        &format!("help_center: {{sites: [{other}]}}"),
        "windows: [1d, 7d, 28d]\n",
    )
    .await;
    for (config, sites) in [(every, vec![]), (some, vec![1])] {
        let (mut refresher, published) = refresher(&config);
        refresher.refresh().await;
        assert_eq!(published.failures(), [""; 0]);
        let snapshot = published.latest();
        for (window, days) in [("1d", 1), ("7d", 7), ("28d", 28)] {
            let expected = STORY.help_visits(&sites, before_end(days * DAY), end());
            let visits = visits_of(&snapshot, window).unwrap();
            assert_eq!(visits.visitors, expected.visitors);
            let share = |part: u64| part as f64 / expected.visitors as f64;
            assert!(close(visits.search, share(expected.searched)));
            assert!(close(visits.browse, 1.0 - share(expected.searched)));
            assert!(close(visits.failed, share(expected.failed)));
            assert!(close(visits.contacted, share(expected.contacted)));
            assert!(close(visits.articles_per_visit, share(expected.articles)));
            let found = share(expected.visitors - expected.failed - expected.contacted);
            assert!(close(visits.found, found));
        }
        let calls = desk.calls();
        assert!(calls.contains(&(DOCS.to_owned(), 3)), "{calls:?}");
    }
}

/// Nothing of it exists, nothing is asked.
#[tokio::test]
async fn without_a_help_centre_there_is_none() {
    let desk = Desk::start(|_| {}).await;
    for keys in ["happiness: true", "help_center: false"] {
        let config = config(&desk, keys, "windows: [1d]\n").await;
        let (mut refresher, published) = refresher(&config);
        refresher.refresh().await;
        let snapshot = published.latest();
        assert!(source(&snapshot, "help_center").is_none());
        assert_eq!(snapshot.help_center, [None]);
        assert!(desk.calls().iter().all(|(path, _)| path != DOCS));
    }
}

/// Rate, past and bounds as of any other population; a window's own interval is asked for once.
#[tokio::test]
async fn visitors_are_a_population() {
    let desk = Desk::start(|_| {}).await;
    let config = config(&desk, "help_center: true", VISITORS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let asked: Vec<String> = desk.asked();
    let docs: Vec<&String> = asked
        .iter()
        .filter(|asked| asked.starts_with(DOCS))
        .collect();
    // 1d: itself, before, four baselines; 7d: itself, before, baseline; 28d: itself, before.
    assert_eq!(docs.len(), 6 + 3 + 2, "{docs:#?}");
    desk.asked();
    refresher.refresh().await;
    let all: usize = desk.calls().iter().map(|(_, count)| count).sum();
    let tickets = &refresher.sources().tickets;
    assert_eq!(all, tickets.budget(&config).calls_per_refresh);

    let snapshot = published.latest();
    assert_eq!(published.failures(), [""; 0]);
    let PopulationValues::Window(values) = &snapshot.populations[0] else {
        panic!("{:?}", snapshot.populations);
    };
    for (window, days) in [("1d", 1), ("7d", 7), ("28d", 28)] {
        let place = index(&snapshot, window);
        let visitors = |from: i64, to: i64| {
            STORY
                .help_visits(&[], before_end(from * DAY), before_end(to * DAY))
                .visitors as f64
        };
        assert_eq!(values[place], Some(visitors(days, 0)));
        let mut rates = snapshot.rates.iter();
        let rate = rates.find(|rate| rate.window == place).unwrap();
        let tickets = |from: i64, to: i64| {
            let all = contact_rate_exporter::demo::story::Filter::default();
            STORY.created(&all, before_end(from * DAY), before_end(to * DAY)) as f64
        };
        assert!(close(
            Some(rate.ratio),
            tickets(days, 0) / visitors(days, 0)
        ));
        let before = tickets(2 * days, days) / visitors(2 * days, days);
        assert!(close(rate.previous, before));
        assert!(rate.bounds.is_some() && rate.baseline.is_some() && rate.rise_p_value.is_some());
    }
}

/// Each failure is one of the help centre, and of the population that rests on it; tickets go on.
#[tokio::test]
async fn failures_are_told_and_values_stay_until_max_age() {
    let desk = Desk::start(|_| {}).await;
    let config = config(&desk, "help_center: true", VISITORS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert_eq!(
        sources(&published.latest()),
        [
            "tickets up",
            "daily_tickets up",
            "open_tickets up",
            "happiness up",
            "help_center up",
            "help_visitors up"
        ]
    );
    let before = published.latest().help_center.clone();
    let answer = |body: Value| move || Fate::Answer(200, body.to_string());
    let fates: [(Box<dyn Fn() -> Fate + Send + Sync>, Reason); 6] = [
        (Box::new(|| status(403)), Reason::Forbidden),
        (Box::new(|| status(400)), Reason::Status),
        (Box::new(answer(json!({"current": {}}))), Reason::Decode),
        (Box::new(answer(json!([1]))), Reason::Decode),
        (
            Box::new(answer(
                json!({"current": {"visitors": "jane.doe@example.org"}}),
            )),
            Reason::Decode,
        ),
        (
            Box::new(answer(
                json!({"current": {"visitors": 5, "browseAction": 90, "searchAction": 90}}),
            )),
            Reason::Decode,
        ),
    ];
    for (fate, reason) in fates {
        desk.only(DOCS, fate);
        refresher.refresh().await;
        let snapshot = published.latest();
        for name in ["help_center", "help_visitors"] {
            let state = source(&snapshot, name).unwrap();
            let failure = state.last_failure().unwrap();
            assert_eq!((state.up, failure.reason), (false, reason), "{failure}");
            assert!(!failure.text.contains("jane.doe"), "{failure}");
        }
        assert!(source(&snapshot, "tickets").unwrap().up);
        assert_eq!(snapshot.help_center, before, "the last good values stay");
    }
    pass(config.max_age).await;
    refresher.refresh().await;
    assert_eq!(published.latest().help_center, [None; 3]);
    assert_eq!(
        published.latest().populations,
        [PopulationValues::Window(vec![None; 3])]
    );
    assert!(published.latest().rates.is_empty());

    desk.script(|_, _| Fate::Good);
    pass(Duration::from_secs(1)).await;
    refresher.refresh().await;
    assert!(source(&published.latest(), "help_center").unwrap().up);
    assert_eq!(published.latest().help_center, before);
}

/// A plan without reports counts tickets by search; who asks for the help centre is told that it is
/// not to be had.
#[tokio::test]
async fn a_plan_without_reports_has_no_help_centre() {
    let desk = Desk::start(|options| options.reports = false).await;
    let config = config(&desk, "help_center: true", "windows: [1d]\n").await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert_eq!(
        sources(&published.latest()),
        ["tickets up", "open_tickets up", "help_center forbidden"]
    );
}

/// No visitor is a true 0, and shares of it are nothing.
#[tokio::test]
async fn no_visitor_is_nought_and_has_no_shares() {
    let desk = Desk::start(|_| {}).await;
    let config = config(&desk, "help_center: true", VISITORS).await;
    desk.only(DOCS, || {
        let current = json!({"visitors": 0, "browseAction": 0, "searchAction": 0, "foundAnAnswerResult": 0,
            "failedResult": 0, "sentAnEmailResult": 0, "docsViewedPerVisit": 0});
        Fate::Answer(200, json!({"current": current}).to_string())
    });
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert_eq!(snapshot.help_center, [Some(HelpCenter::default()); 3]);
    assert!(snapshot.rates.is_empty(), "a rate of nobody");
}
