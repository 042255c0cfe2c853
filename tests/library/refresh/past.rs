//! What the seam tells of the past, counted again from the story.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use contact_rate_exporter::{
    config::Config,
    demo::{simulator::Shape, story::Filter},
    domain::{ContactCounts, Interval, Reason, SourceFailure, day_bounds},
    sources::tickets::TicketSource,
};
use jiff::{
    Timestamp,
    civil::{Date, date},
    tz::TimeZone,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::desk::{Desk, Fate, STORY};

const PRODUCTIVITY: &str = "/v2/reports/productivity";
const NEW: &str = "/v2/reports/conversations/new";
const CONVERSATIONS: &str = "/v2/conversations";
const PHONE: &str = "segments: [{name: telephone, channels: [phone]}]\n";

/// Clocks go forward on the first and back on the second.
const CHANGES: [Date; 2] = [date(2025, 3, 30), date(2025, 10, 26)];

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

fn source(config: &Config) -> TicketSource {
    let _ = rustls::crypto::ring::default_provider().install_default();
    TicketSource::for_history(config).unwrap()
}

async fn days_of(
    config: &Config,
    first: Date,
    days: usize,
) -> Result<Vec<Option<u64>>, SourceFailure> {
    let source = source(config);
    let past = source.past(Instant::now() + Duration::from_mins(1));
    past.created_on_days(&config.segments[0], first, days, &paris())
        .await
}

/// What the story tells of the same days.
fn told(first: Date, days: usize) -> Vec<Option<u64>> {
    let bounds = day_bounds(first, days, &paris()).unwrap();
    let days = bounds.windows(2);
    days.map(|day| Some(STORY.created(&Filter::default(), day[0], day[1])))
        .collect()
}

fn shape(empty_buckets: bool, created: bool) -> Shape {
    Shape {
        created_in_current: created,
        created_in_previous: created,
        empty_buckets,
    }
}

/// A year of calendar days, over both changes of the clocks, whether or not buckets in which nothing
/// happened are told.
#[tokio::test]
async fn days_of_a_calendar_are_those_of_the_story() {
    for empty_buckets in [true, false] {
        let desk = Desk::start(|options| options.shape = shape(empty_buckets, true)).await;
        let config = desk.config("").await;
        let (first, days) = (date(2025, 1, 1), 365);
        assert_eq!(
            days_of(&config, first, days).await.unwrap(),
            told(first, days)
        );
        let calls = desk.calls();
        // 89 days to the end of March's short one, 210 to October's long one, 66 to the year's end.
        let runs = 2 + 4 + 2;
        assert!(calls.contains(&(NEW.to_owned(), runs)), "{calls:?}");
        assert!(
            calls.contains(&(PRODUCTIVITY.to_owned(), runs)),
            "{calls:?}"
        );
    }
}

#[tokio::test]
async fn days_of_a_plan_without_reports_are_searched() {
    let desk = Desk::start(|options| options.reports = false).await;
    let config = desk.config("").await;
    for change in CHANGES {
        let first = change.yesterday().unwrap();
        assert_eq!(days_of(&config, first, 3).await.unwrap(), told(first, 3));
    }
    let calls = desk.calls();
    assert!(
        calls.contains(&(CONVERSATIONS.to_owned(), 2 * 3 * 3)),
        "{calls:?}"
    );
}

/// Where nothing else tells of the days, one that the answer leaves out is unknown.
#[tokio::test]
async fn a_day_left_out_is_nothing_only_where_a_count_says_so() {
    let without_one = |mut answer: Value| {
        answer["current"].as_array_mut().unwrap().remove(2);
        answer
    };
    let (first, days) = (date(2025, 6, 2), 5);
    let desk = Desk::start(|options| options.shape = shape(true, false)).await;
    desk.only(NEW, move || Fate::Edited(without_one));
    let config = desk.config("").await;
    let mut expected = told(first, days);
    expected[2] = None;
    assert_eq!(days_of(&config, first, days).await.unwrap(), expected);
    // Where the report counts them all, the answer is seen to be in pieces.
    let desk = Desk::start(|_| {}).await;
    desk.only(NEW, move || Fate::Edited(without_one));
    let config = desk.config("").await;
    let failure = days_of(&config, first, days).await.unwrap_err();
    assert_eq!(failure.reason, Reason::Decode);
    assert!(failure.text.contains("sum to"), "{failure}");
}

#[tokio::test]
async fn an_answer_without_any_day_is_not_zeros() {
    let none = |_| json!({"current": []});
    let (first, days) = (date(2025, 6, 2), 5);
    for (created, expected) in [(true, "sum to 0"), (false, "hold no ticket at all")] {
        let desk = Desk::start(|options| options.shape = shape(true, created)).await;
        desk.only(NEW, move || Fate::Edited(none));
        let config = desk.config("").await;
        let failure = days_of(&config, first, days).await.unwrap_err();
        assert_eq!(failure.reason, Reason::Decode);
        assert!(failure.text.contains(expected), "{failure}");
    }
    // Before there was any ticket a count says so.
    let desk = Desk::start(|options| options.shape = shape(false, true)).await;
    let config = desk.config("").await;
    let long_ago = date(2015, 6, 2);
    assert_eq!(
        days_of(&config, long_ago, days).await.unwrap(),
        [Some(0); 5]
    );
}

/// Counts of one account may lag behind each other: both are asked once more.
#[tokio::test]
async fn counts_that_differ_are_asked_for_once_more() {
    let desk = Desk::start(|_| {}).await;
    let asked = AtomicUsize::new(0);
    desk.only(NEW, move || {
        if asked.fetch_add(1, Ordering::Relaxed) > 0 {
            return Fate::Good;
        }
        Fate::Edited(|mut answer| {
            answer["current"][0]["count"] = json!(0);
            answer
        })
    });
    let config = desk.config("").await;
    let (first, days) = (date(2025, 6, 2), 5);
    assert_eq!(
        days_of(&config, first, days).await.unwrap(),
        told(first, days)
    );
}

#[tokio::test]
async fn an_interval_is_counted_in_whichever_way_there_is() {
    let interval = Interval {
        start: "2025-03-01T00:00:00Z".parse::<Timestamp>().unwrap(),
        end: "2025-04-01T00:00:00Z".parse().unwrap(),
    };
    let activity = STORY.activity(&Filter::default(), interval.start, interval.end);
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(PHONE).await;
    let by_report = source(&config);
    let past = by_report.past(Instant::now() + Duration::from_mins(1));
    let counts = past.counts(&config.segments[0], interval).await.unwrap();
    assert_eq!(counts.created, Some(activity.created));
    assert_eq!(counts.replies, Some(activity.replies));
    assert!(past.capabilities().all_counts);
    desk.only(PRODUCTIVITY, || super::desk::status(403));
    let failure = past
        .counts(&config.segments[0], interval)
        .await
        .unwrap_err();
    // A plan that is known to have reports has not lost them with one refusal.
    assert_eq!(failure.reason, Reason::Forbidden);
    let by_search = source(&config);
    let past = by_search.past(Instant::now() + Duration::from_mins(1));
    let counts = past.counts(&config.segments[0], interval).await.unwrap();
    let expected = ContactCounts {
        created: Some(activity.created),
        ..ContactCounts::default()
    };
    assert_eq!(counts, expected);
    assert!(!past.capabilities().all_counts);
    // What a list cannot filter by is not known.
    let counts = past.counts(&config.segments[1], interval).await.unwrap();
    assert_eq!(counts, ContactCounts::default());
}

/// A list filters by the name of a tag, and counts 0 for a name that nothing has any more.
#[tokio::test]
async fn a_zero_of_the_past_is_believed_of_names_that_are_still_there() {
    let interval = Interval {
        start: "2025-03-01T00:00:00Z".parse::<Timestamp>().unwrap(),
        end: "2025-04-01T00:00:00Z".parse().unwrap(),
    };
    let nothing = |_: &str, _: &str| {
        Fate::Edited(|mut body| {
            if body["page"]["totalElements"].is_number() && body["_embedded"]["tags"].is_null() {
                body["page"]["totalElements"] = json!(0);
            }
            body
        })
    };
    let desk = Desk::start(|options| options.reports = false).await;
    let config = desk
        .config("  counts_from: search\nsegments: [{name: bug, tags: [bug]}]\n")
        .await;
    let source = source(&config);
    let past = source.past(Instant::now() + Duration::from_hours(24));
    let bug = &config.segments[1];
    assert!(past.created(bug, interval).await.unwrap().unwrap() > 0);
    let _ = desk.calls();
    desk.script(nothing);
    assert_eq!(past.created(bug, interval).await.unwrap(), Some(0));
    let looked_up = |desk: &Desk| desk.calls().iter().any(|(path, _)| path == "/v2/tags");
    assert!(!looked_up(&desk), "the list is new");
    super::desk::pass(Duration::from_mins(11)).await;
    assert_eq!(past.created(bug, interval).await.unwrap(), Some(0));
    assert!(looked_up(&desk), "the list is old");
    // Renamed.
    super::desk::pass(Duration::from_mins(11)).await;
    desk.script(|path, _| {
        if path == "/v2/tags" {
            return Fate::Edited(|mut body| {
                for tag in body["_embedded"]["tags"].as_array_mut().unwrap() {
                    tag["name"] = json!("renamed");
                }
                body
            });
        }
        Fate::Edited(|mut body| {
            body["page"]["totalElements"] = json!(0);
            body
        })
    });
    let failure = past.created(bug, interval).await.unwrap_err();
    assert_eq!(failure.reason, Reason::Query);
}
