//! What recordings and documents do not agree on, and daily counts that are not to be trusted.

use contact_rate_exporter::{
    demo::{simulator::Shape, story::Filter},
    domain::Tickets,
    snapshot::{RateValues, Snapshot},
};
use serde_json::{Value, json};

use super::desk::{
    Desk, Fate, POPULATIONS, STORY, before_end, end, index, refresher, source, sources,
};

const DAY: i64 = 86_400;
const NEW: &str = "/v2/reports/conversations/new";

const WINDOWS: &str = "windows: [1h, 6h, 1d, 7d, 28d]\n";
const BUG: &str = "segments: [{name: bug, tags: [bug]}]\n";

const AS_RECORDED: Shape = Shape {
    created_in_current: true,
    created_in_previous: true,
    empty_buckets: true,
};

fn rate<'a>(
    snapshot: &'a Snapshot,
    window: &str,
    population: &str,
    tickets: Tickets,
) -> Option<&'a RateValues> {
    let place = (
        0,
        index(snapshot, population),
        index(snapshot, window),
        tickets,
    );
    snapshot
        .rates
        .iter()
        .find(|rate| (rate.segment, rate.population, rate.window, rate.tickets) == place)
}

fn created(snapshot: &Snapshot, window: &str) -> Option<u64> {
    snapshot.segments[0].counts[index(snapshot, window)]
        .as_ref()?
        .created
}

fn told(window: i64) -> u64 {
    STORY.created(&Filter::default(), before_end(window), end())
}

/// `left` and `right` are the same but for when and how long it took.
fn assert_same(left: &Snapshot, right: &Snapshot) {
    let strip = |snapshot: &Snapshot| {
        let mut snapshot = snapshot.clone();
        for state in &mut snapshot.sources {
            state.last_duration_seconds = None;
        }
        snapshot
    };
    assert_eq!(strip(left), strip(right));
}

#[tokio::test]
async fn created_comes_from_daily_counts_where_reports_lack_it() {
    let desk = Desk::start(|options| {
        options.shape = Shape {
            created_in_current: false,
            created_in_previous: false,
            ..AS_RECORDED
        };
    })
    .await;
    let config = desk.config(&format!("{WINDOWS}{POPULATIONS}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert_eq!(published.failures(), [""; 0]);
    let snapshot = published.latest();
    for (window, days) in [("1d", 1), ("7d", 7), ("28d", 28)] {
        assert_eq!(
            created(&snapshot, window),
            Some(told(days * DAY)),
            "{window}"
        );
        let rate = rate(&snapshot, window, "dossiers", Tickets::Created).unwrap();
        assert!(rate.previous.is_some() && rate.baseline.is_some() && rate.rise_p_value.is_some());
        assert!(rate.bounds.is_some() && rate.change.is_some());
    }
    for window in ["1h", "6h"] {
        assert_eq!(created(&snapshot, window), None, "{window}");
        assert_eq!(rate(&snapshot, window, "users", Tickets::Created), None);
        assert!(rate(&snapshot, window, "users", Tickets::Closed).is_some());
    }
    for counts in &snapshot.segments[0].counts {
        assert!(
            counts.as_ref().unwrap().received_messages.is_some(),
            "from its own report"
        );
    }
}

#[tokio::test]
async fn an_empty_series_that_no_report_confirms_is_unknown_and_not_zero() {
    let desk = Desk::start(|options| {
        options.shape = Shape {
            created_in_current: false,
            created_in_previous: false,
            ..AS_RECORDED
        };
    })
    .await;
    desk.only(NEW, || Fate::Answer(200, r#"{"current":[]}"#.to_owned()));
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    for window in ["1d", "7d", "28d"] {
        assert_eq!(created(&snapshot, window), None, "{window}");
        assert_eq!(rate(&snapshot, window, "users", Tickets::Created), None);
        assert!(rate(&snapshot, window, "users", Tickets::Closed).is_some());
    }
    assert_eq!(snapshot.segments[0].dispersion, None);
}

#[tokio::test]
async fn counts_that_previous_lacks_are_read_by_a_call_of_their_own() {
    let recorded = Desk::start(|_| {}).await;
    let config = recorded.config(&format!("{WINDOWS}{POPULATIONS}")).await;
    let (mut whole, expected) = refresher(&config);
    whole.refresh().await;

    let desk = Desk::start(|options| {
        options.shape = Shape {
            created_in_previous: false,
            ..AS_RECORDED
        };
    })
    .await;
    let config = desk.config(&format!("{WINDOWS}{POPULATIONS}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert_same(&published.latest(), &expected.latest());
    let productivity = desk
        .calls()
        .into_iter()
        .find(|(path, _)| path.ends_with("productivity"));
    assert_eq!(productivity.unwrap().1, 2 * 5);
}

#[tokio::test]
async fn empty_buckets_may_be_left_out() {
    let snapshots = [true, false].map(async |empty_buckets| {
        let desk = Desk::start(|options| {
            options.shape = Shape {
                empty_buckets,
                ..AS_RECORDED
            };
        })
        .await;
        let config = desk.config(&format!("{BUG}{POPULATIONS}")).await;
        let (mut refresher, published) = refresher(&config);
        refresher.refresh().await;
        assert_eq!(published.failures(), [""; 0]);
        published.latest()
    });
    let [with, without] = snapshots;
    let (with, without) = (with.await, without.await);
    assert_same(&with, &without);
}

/// Buckets that begin at midnight, as some other software would have it.
fn at_midnight(mut body: Value) -> Value {
    for bucket in body["current"].as_array_mut().unwrap() {
        let start = bucket["start"].as_str().unwrap();
        bucket["start"] = json!(format!("{}T00:00:00Z", &start[..10]));
    }
    body
}

/// One ticket less on the last day.
fn one_less(mut body: Value) -> Value {
    let last = body["current"].as_array_mut().unwrap().last_mut().unwrap();
    last["count"] = json!(last["count"].as_u64().unwrap() - 1);
    body
}

/// Twenty-eight days instead of fifty-six.
fn half(mut body: Value) -> Value {
    body["current"].as_array_mut().unwrap().truncate(28);
    body
}

#[tokio::test]
async fn daily_counts_that_do_not_add_up_are_not_trusted() {
    for edit in [at_midnight, one_less, half] {
        let desk = Desk::start(|_| {}).await;
        desk.only(NEW, move || Fate::Edited(edit));
        let config = desk.config(POPULATIONS).await;
        let (mut refresher, published) = refresher(&config);
        refresher.refresh().await;
        let snapshot = published.latest();
        assert_eq!(
            sources(&snapshot),
            [
                "tickets up",
                "daily_tickets decode",
                "open_tickets up",
                "happiness up",
                "users up",
                "dossiers up"
            ]
        );
        assert_eq!(published.failures(), ["daily_tickets decode"]);
        assert_eq!(snapshot.segments[0].dispersion, None);
        assert_eq!(created(&snapshot, "7d"), Some(told(7 * DAY)));
        for rate in &snapshot.rates {
            assert_eq!((rate.baseline, rate.rise_p_value), (None, None));
            assert!(rate.previous.is_some() && rate.change.is_some());
        }
        assert_eq!(snapshot.rates.len(), 2 * 3 * 4);

        // And they are again, once they are right.
        desk.script(|_, _| Fate::Good);
        refresher.refresh().await;
        let snapshot = published.latest();
        assert!(source(&snapshot, "daily_tickets").unwrap().up);
        assert!(
            rate(&snapshot, "7d", "users", Tickets::Created)
                .unwrap()
                .rise_p_value
                .is_some()
        );
    }
}

#[tokio::test]
async fn daily_counts_are_not_trusted_before_they_were_ever_held_against_anything() {
    let desk = Desk::start(|_| {}).await;
    desk.script(|path, _| match path {
        "/v2/reports/productivity" => super::desk::status(400),
        NEW => Fate::Edited(one_less),
        _ => Fate::Good,
    });
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert_eq!(published.latest().segments[0].dispersion, None);

    // Once they have proved right, they need no ticket counts any more.
    desk.script(|_, _| Fate::Good);
    refresher.refresh().await;
    let proved = published.latest().segments[0].dispersion;
    assert!(proved.is_some());
    desk.only("/v2/reports/productivity", || super::desk::status(400));
    super::desk::pass(config.max_age.mul_f64(0.7)).await;
    refresher.refresh().await;
    super::desk::pass(config.max_age.mul_f64(0.7)).await;
    refresher.publish();
    let snapshot = published.latest();
    assert_eq!(snapshot.segments[0].dispersion, proved);
    assert_eq!(snapshot.segments[0].counts, [None, None, None]);
    assert_eq!(snapshot.rates, []);
}
