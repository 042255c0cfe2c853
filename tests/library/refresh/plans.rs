//! Accounts whose plan has no reports, or has them only sometimes.

use std::time::Duration;

use contact_rate_exporter::{demo::story::Filter, domain::Tickets, snapshot::Snapshot};

use super::desk::{
    Desk, Fate, POPULATIONS, STORY, before_end, end, pass, refresher, reload, sources, status,
};

const PRODUCTIVITY: &str = "/v2/reports/productivity";
const PHONE: &str = "segments: [{name: telephone, channels: [phone]}]\n";

const WITHOUT: [&str; 4] = ["tickets up", "open_tickets up", "users up", "dossiers up"];
const WITH: [&str; 6] = [
    "tickets up",
    "daily_tickets up",
    "open_tickets up",
    "happiness up",
    "users up",
    "dossiers up",
];

/// As on a plan without reports.
fn no_reports(path: &str, _: &str) -> Fate {
    if path.starts_with("/v2/reports/") {
        status(403)
    } else {
        Fate::Good
    }
}

fn assert_counted_by_search(snapshot: &Snapshot) {
    let all = &snapshot.segments[0];
    for (counts, days) in all.counts.iter().zip([1, 7, 28]) {
        let counts = counts.as_ref().unwrap();
        let told = STORY.created(&Filter::default(), before_end(days * 86_400), end());
        assert_eq!(counts.created, Some(told));
        assert_eq!(
            (counts.resolved, counts.closed, counts.replies),
            (None, None, None)
        );
        assert_eq!(counts.received_messages, None);
    }
    assert!(all.ratings.iter().all(Option::is_none));
    assert_eq!(all.dispersion, None);
    assert!(all.open.is_some());
    assert_eq!(snapshot.rates.len(), 2 * 3);
    for rate in &snapshot.rates {
        assert_eq!((rate.segment, rate.tickets), (0, Tickets::Created));
        assert!(rate.previous.is_some() && rate.change.is_some() && rate.bounds.is_some());
        assert_eq!((rate.baseline, rate.rise_p_value), (None, None));
    }
}

#[tokio::test]
async fn a_plan_without_reports_counts_created_by_search() {
    let desk = Desk::start(|options| options.reports = false).await;
    let config = desk.config(&format!("{PHONE}{POPULATIONS}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert_eq!(published.failures(), [""; 0]);
    assert_eq!(sources(&snapshot), WITHOUT);
    assert_counted_by_search(&snapshot);
    // What a list cannot filter by is not known.
    let telephone = &snapshot.segments[1];
    assert_eq!(telephone.open, None);
    assert!(
        telephone
            .counts
            .iter()
            .flatten()
            .all(|counts| counts.created.is_none())
    );
    assert!(!refresher.sources().tickets.capabilities().days);
    let first = desk.calls();
    assert!(first.contains(&(PRODUCTIVITY.to_owned(), 1)), "{first:?}");

    refresher.refresh().await;
    let calls = desk.calls();
    let by_search = refresher
        .sources()
        .tickets
        .budget(&config)
        .calls_per_refresh;
    assert_eq!(calls, [("/v2/conversations".to_owned(), by_search)]);

    // A reload does not bring back sources that do not exist, not for a moment.
    refresher.adopt(reload(&config, refresher.sources()));
    refresher.publish();
    assert_eq!(sources(&published.latest()), WITHOUT);
    refresher.refresh().await;
    assert_eq!(sources(&published.latest()), WITHOUT);
    assert_counted_by_search(&published.latest());

    // An hour later it is asked again, and an answer that tells nothing changes nothing.
    desk.only(PRODUCTIVITY, || status(400));
    pass(Duration::from_hours(1)).await;
    desk.asked();
    refresher.refresh().await;
    assert!(desk.calls().contains(&(PRODUCTIVITY.to_owned(), 1)));
    assert_eq!(sources(&published.latest()), WITHOUT);
    assert_counted_by_search(&published.latest());
    assert_eq!(published.failures(), [""; 0]);
}

#[tokio::test]
async fn search_does_not_ask_for_reports() {
    let desk = Desk::start(|_| {}).await;
    let mut config = desk.config(POPULATIONS).await;
    config.helpscout_mut().unwrap().counts_from = contact_rate_exporter::config::CountsFrom::Search;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert_eq!(sources(&published.latest()), WITHOUT);
    assert_counted_by_search(&published.latest());
    assert!(
        desk.calls()
            .iter()
            .all(|(path, _)| !path.contains("reports"))
    );
}

#[tokio::test]
async fn reports_that_must_be_there_fail_as_forbidden() {
    let desk = Desk::start(|options| options.reports = false).await;
    let mut config = desk.config(POPULATIONS).await;
    config.helpscout_mut().unwrap().counts_from =
        contact_rate_exporter::config::CountsFrom::Reports;
    let (mut refresher, published) = refresher(&config);
    for _ in 0..2 {
        refresher.refresh().await;
        let snapshot = published.latest();
        assert_eq!(
            sources(&snapshot),
            [
                "tickets forbidden",
                "daily_tickets forbidden",
                "open_tickets up",
                "happiness forbidden",
                "users up",
                "dossiers up"
            ]
        );
        assert_eq!(snapshot.segments[0].counts, [None, None, None]);
        assert_eq!(snapshot.rates, []);
        let asked = desk.asked();
        assert!(
            asked.iter().all(|asked| !asked.contains("createdAt:")),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn happiness_alone_can_be_forbidden() {
    let desk = Desk::start(|_| {}).await;
    desk.only("/v2/reports/happiness", || status(403));
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    for _ in 0..2 {
        refresher.refresh().await;
        let snapshot = published.latest();
        assert_eq!(
            sources(&snapshot),
            [
                "tickets up",
                "daily_tickets up",
                "open_tickets up",
                "happiness forbidden",
                "users up",
                "dossiers up"
            ]
        );
        assert_eq!(snapshot.segments[0].ratings, [None, None, None]);
        assert_eq!(snapshot.rates.len(), 2 * 3 * 4);
        assert_eq!(published.failures(), ["happiness forbidden"; 3]);
    }
}

#[tokio::test]
async fn a_plan_can_be_changed_both_ways() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert_eq!(sources(&published.latest()), WITH);

    // Refused once, it is a failure; the next refresh knows better.
    desk.script(no_reports);
    refresher.refresh().await;
    assert!(sources(&published.latest()).contains(&"tickets forbidden".to_owned()));
    assert_eq!(
        published.latest().rates.len(),
        2 * 3 * 4,
        "the last whole set stays"
    );
    refresher.refresh().await;
    assert_eq!(sources(&published.latest()), WITHOUT);
    assert_counted_by_search(&published.latest());
    published.failures();

    desk.script(|_, _| Fate::Good);
    refresher.refresh().await;
    assert_eq!(
        sources(&published.latest()),
        WITHOUT,
        "not asked again so soon"
    );
    pass(Duration::from_hours(1)).await;
    refresher.refresh().await;
    let snapshot = published.latest();
    assert_eq!(
        sources(&snapshot),
        WITH,
        "up with the refresh that read them"
    );
    assert_eq!(snapshot.rates.len(), 2 * 3 * 4);
    assert!(snapshot.rates[0].rise_p_value.is_some());
    assert_eq!(published.failures(), [""; 0]);
}
