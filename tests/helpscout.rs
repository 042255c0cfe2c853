//! The Help Scout client seen from outside: what it sends over real HTTP, and what it makes of
//! every answer. Waits are tested on a paused clock, beside the code.

#[path = "common/upstream.rs"]
mod upstream;

use std::{
    collections::BTreeMap,
    error::Error as _,
    num::NonZeroU32,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use contact_rate_exporter::{
    config::{Channel, Config, CountsFrom, HelpScout as Settings, Reference, Secret, Segment},
    domain::{ContactCounts, DailyCounts, Interval, OpenTickets, Ratings, Reason},
    helpscout::{Contacts, Error, Filter, HelpScout, Reader, Telemetry},
};
use jiff::Timestamp;
use prometheus::{Registry, TextEncoder};
use upstream::{Asked, Reply, Upstream, compressed};
use url::Url;

const SECRET: &str = "planted-secret";
const DAY: i64 = 24 * 60 * 60;

const TOKEN: &str = "/v2/oauth2/token";
const PRODUCTIVITY: &str = "/v2/reports/productivity";
const NEW: &str = "/v2/reports/conversations/new";
const RECEIVED: &str = "/v2/reports/conversations/received-messages";
const HAPPINESS: &str = "/v2/reports/happiness";
const CONVERSATIONS: &str = "/v2/conversations";
const MAILBOXES: &str = "/v2/mailboxes";
const TAGS: &str = "/v2/tags";

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/help-scout");
    std::fs::read(folder.join(name)).unwrap()
}

fn recorded(name: &str) -> Reply {
    Reply::json(200, fixture(name))
}

/// A whole Help Scout, as far as one answer per endpoint goes.
fn good(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        TOKEN => recorded("oauth2-token.json"),
        PRODUCTIVITY => recorded("productivity-2017-11.json"),
        NEW => Reply::json(200, r#"{"current":[]}"#),
        RECEIVED => recorded("conversations-received-messages.json"),
        HAPPINESS => recorded("happiness.json"),
        CONVERSATIONS => recorded("conversations-list.json"),
        MAILBOXES => recorded("mailboxes.json"),
        TAGS => recorded("tags.json"),
        _ => Reply::json(404, fixture("error-404.json")),
    }
}

fn config(url: &Url, timeout: Duration) -> Config {
    let interval = Duration::from_secs(300);
    Config {
        interval,
        timeout,
        max_age: interval * 3,
        windows: Vec::new(),
        helpscout: Settings {
            app_id: "app id&".to_owned(),
            app_secret: Secret::new(SECRET),
            base_url: url.clone(),
            counts_from: CountsFrom::Auto,
            requests_per_minute: None,
            happiness: true,
        },
        segments: Vec::new(),
        databases: Vec::new(),
        populations: Vec::new(),
        targets: Vec::new(),
    }
}

struct Desk {
    upstream: Upstream,
    help_scout: HelpScout,
    registry: Registry,
}

impl Desk {
    async fn new(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_timeout(script, Duration::from_secs(30)).await
    }

    /// Answers `path` as `script` says and everything else well.
    async fn only(path: &'static str, script: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
        Self::new(move |asked| {
            if asked.path == path {
                script()
            } else {
                good(asked)
            }
        })
        .await
    }

    async fn with_timeout(
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
        timeout: Duration,
    ) -> Self {
        let upstream = Upstream::start(script).await;
        let registry = Registry::new();
        let telemetry = Telemetry::new().unwrap();
        telemetry.register(&registry).unwrap();
        let help_scout = HelpScout::new(&config(&upstream.url, timeout), telemetry).unwrap();
        Self {
            upstream,
            help_scout,
            registry,
        }
    }

    fn reader(&self) -> Reader<'_> {
        self.within(Duration::from_secs(60))
    }

    fn within(&self, time: Duration) -> Reader<'_> {
        self.help_scout.until(tokio::time::Instant::now() + time)
    }

    async fn all(&self) -> Filter {
        self.reader().filter(&Segment::all()).await.unwrap()
    }

    async fn productivity(&self) -> Result<ContactCounts, Error> {
        let all = self.all().await;
        self.reader().contacts_alone(&all, window()).await
    }

    /// Paths and queries asked, tokens left out.
    fn targets(&self) -> Vec<String> {
        let asked = self.upstream.asked();
        asked
            .iter()
            .filter(|asked| asked.path != TOKEN)
            .map(Asked::target)
            .collect()
    }

    fn count(&self, path: &str) -> usize {
        let asked = self.upstream.asked();
        asked.iter().filter(|asked| asked.path == path).count()
    }

    fn metrics(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap()
    }
}

fn end() -> Timestamp {
    "2026-01-08T12:34:00Z".parse().unwrap()
}

fn window() -> Interval {
    Interval::ending_at(end(), 7 * DAY)
}

fn previous() -> Interval {
    Interval::ending_at(window().start, 7 * DAY)
}

fn usagers() -> Segment {
    Segment {
        name: "usagers".to_owned(),
        mailboxes: vec![Reference::Id(102), Reference::Name("Inbox A".to_owned())],
        tags: vec![
            Reference::Name("Feature request".to_owned()),
            Reference::Id(7001),
        ],
        channels: Vec::new(),
    }
}

/// The error and its causes, as an operator reads them, and what a debugger would.
fn told(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error} {error:?}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn the_token_request_is_a_form_and_the_others_bear_the_token() {
    let desk = Desk::new(good).await;
    desk.productivity().await.unwrap();
    let asked = desk.upstream.asked();
    let [token, report] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (token.method.as_str(), token.target()),
        ("POST", TOKEN.to_owned())
    );
    assert_eq!(
        token.header("content-type"),
        "application/x-www-form-urlencoded"
    );
    assert_eq!(token.header("authorization"), "");
    assert_eq!(
        token.body,
        "grant_type=client_credentials&client_id=app+id%26&client_secret=planted-secret"
    );
    assert_eq!(report.method, "GET");
    assert_eq!(report.header("authorization"), "Bearer example-token");
    assert_eq!(report.header("accept"), "application/json");
    assert_eq!(report.header("accept-encoding"), "gzip");
    assert!(
        report
            .header("user-agent")
            .starts_with("contact-rate-exporter/")
    );
    assert_eq!(report.body, "");
}

#[tokio::test]
async fn one_refresh_asks_for_exactly_this() {
    let desk = Desk::new(|asked| {
        if asked.path == PRODUCTIVITY {
            let both = r#"{"current":{"newConversations":1,"resolved":1,"closed":1,"repliesSent":1,"messagesReceived":1},
                "previous":{"newConversations":2,"resolved":2,"closed":2,"repliesSent":2}}"#;
            return Reply::json(200, both);
        }
        good(asked)
    })
    .await;
    let reader = desk.reader();
    let mut expected = Vec::new();
    let filters = [
        (Segment::all(), "", ""),
        (
            usagers(),
            "&mailboxes=102,101&tags=7002,7001",
            "&mailbox=102,101&tag=Feature%20request,billing",
        ),
    ];
    for (segment, by_id, by_name) in filters {
        let filter = reader.filter(&segment).await.unwrap();
        assert!(filter.can_be_listed());
        reader
            .contacts(&filter, window(), previous())
            .await
            .unwrap();
        reader.daily_created(&filter, end()).await.unwrap();
        reader.happiness(&filter, window()).await.unwrap();
        reader.open_tickets(&filter).await.unwrap();
        if segment.name != Segment::ALL {
            expected.extend([format!("{MAILBOXES}?page=1"), format!("{TAGS}?page=1")]);
        }
        let range = "start=2026-01-01T12:34:00Z&end=2026-01-08T12:33:59Z";
        expected.extend([
            format!(
                "{PRODUCTIVITY}?{range}{by_id}\
                 &previousStart=2025-12-25T12:34:00Z&previousEnd=2026-01-01T12:33:59Z"
            ),
            format!("{NEW}?start=2025-11-13T12:34:00Z&end=2026-01-08T12:33:59Z{by_id}&viewBy=day"),
            format!("{HAPPINESS}?{range}{by_id}"),
            format!("{CONVERSATIONS}?status=active{by_name}"),
            format!("{CONVERSATIONS}?status=pending{by_name}"),
        ]);
    }
    let (mut asked, mut expected) = (desk.targets(), expected);
    asked.sort();
    expected.sort();
    assert_eq!(asked, expected);
    assert_eq!(desk.count(TOKEN), 1);
}

#[tokio::test]
async fn a_segment_by_channel_is_a_type_of_reports_and_no_list() {
    let desk = Desk::new(good).await;
    let reader = desk.reader();
    let segment = Segment {
        channels: Channel::ALL.to_vec(),
        ..Segment::all()
    };
    let filter = reader.filter(&segment).await.unwrap();
    assert!(!filter.can_be_listed());
    reader.happiness(&filter, window()).await.unwrap();
    assert_eq!(
        desk.targets(),
        [format!(
            "{HAPPINESS}?start=2026-01-01T12:34:00Z&end=2026-01-08T12:33:59Z&types=email,chat,phone"
        )]
    );
    let error = reader.open_tickets(&filter).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Query);
    let error = reader
        .created_by_search(&filter, window())
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::Query);
    assert_eq!(desk.targets().len(), 1, "nothing was asked");
}

#[tokio::test]
async fn a_search_sums_the_statuses_but_spam() {
    let desk = Desk::new(|asked| {
        let number = match asked.query.split('&').next() {
            Some("status=active") => 3,
            Some("status=pending") => 20,
            Some("status=closed") => 100,
            _ => return good(asked),
        };
        Reply::json(200, format!(r#"{{"page":{{"totalElements":{number}}}}}"#))
    })
    .await;
    let reader = desk.reader();
    let filter = reader.filter(&usagers()).await.unwrap();
    assert_eq!(
        reader.created_by_search(&filter, window()).await.unwrap(),
        123
    );
    let open = reader.open_tickets(&filter).await.unwrap();
    assert_eq!(
        open,
        OpenTickets {
            active: 3,
            pending: 20
        }
    );
    let target = format!(
        "{CONVERSATIONS}?status=closed&mailbox=102,101&tag=Feature%20request,billing\
         &query=%28createdAt:%5B2026-01-01T12:34:00Z%20TO%202026-01-08T12:33:59Z%5D%29"
    );
    assert!(desk.targets().contains(&target), "{:?}", desk.targets());
}

#[tokio::test]
async fn recorded_months_are_read() {
    let desk = Desk::new(|asked| {
        if asked.path == PRODUCTIVITY && asked.query.contains("start=2017-12-01") {
            return recorded("productivity-2017-12.json");
        }
        good(asked)
    })
    .await;
    let all = desk.all().await;
    let month = |start: &str, end: &str| Interval {
        start: start.parse().unwrap(),
        end: end.parse().unwrap(),
    };
    let november = month("2017-11-01T00:00:00Z", "2017-12-01T00:00:00Z");
    let december = month("2017-12-01T00:00:00Z", "2018-01-01T00:00:00Z");
    let reader = desk.reader();
    let counts = reader.contacts_alone(&all, november).await.unwrap();
    assert_eq!((counts.created, counts.replies), (Some(178), Some(187)));
    let counts = reader.contacts_alone(&all, december).await.unwrap();
    assert_eq!((counts.created, counts.replies), (Some(126), Some(156)));
    assert_eq!(counts.received_messages, Some(196));
    assert_eq!(desk.targets().len(), 2);
}

#[tokio::test]
async fn a_previous_range_that_is_missing_or_lacks_a_count_is_read_by_itself() {
    let current = r#""current":{"newConversations":9,"resolved":8,"closed":8,"repliesSent":7,"messagesReceived":6}"#;
    let alone = r#"{"current":{"newConversations":5,"resolved":4,"closed":4,"repliesSent":3,"messagesReceived":2}}"#;
    for rest in [
        "",
        r#","previous":null"#,
        r#","previous":{"newConversations":null,"resolved":4,"closed":4,"repliesSent":3}"#,
        r#","previous":{"newConversations":5,"resolved":null,"closed":4,"repliesSent":3}"#,
        r#","previous":{"newConversations":5,"resolved":4,"closed":4}"#,
    ] {
        let desk = Desk::new(move |asked| match asked.path.as_str() {
            PRODUCTIVITY if asked.query.contains("previousStart") => {
                Reply::json(200, format!("{{{current}{rest}}}"))
            }
            PRODUCTIVITY => Reply::json(200, alone),
            _ => good(asked),
        })
        .await;
        let all = desk.all().await;
        let Contacts { current, previous } = desk
            .reader()
            .contacts(&all, window(), previous())
            .await
            .unwrap();
        assert_eq!(
            (current.created, previous.created),
            (Some(9), Some(5)),
            "{rest}"
        );
        assert_eq!(
            (current.replies, previous.replies),
            (Some(7), Some(3)),
            "{rest}"
        );
        assert_eq!(
            desk.targets()[1..],
            [format!(
                "{PRODUCTIVITY}?start=2025-12-25T12:34:00Z&end=2026-01-01T12:33:59Z"
            )],
            "{rest}"
        );
    }
}

#[tokio::test]
async fn a_previous_range_in_which_nothing_happened_needs_no_call() {
    let null_filled: serde_json::Value =
        serde_json::from_slice(&fixture("productivity-no-data.json")).unwrap();
    let mut report: serde_json::Value =
        serde_json::from_slice(&fixture("productivity-2017-11.json")).unwrap();
    report["previous"] = null_filled["current"].clone();
    let body = report.to_string();
    let desk = Desk::only(PRODUCTIVITY, move || Reply::json(200, body.clone())).await;
    let all = desk.all().await;
    let contacts = desk
        .reader()
        .contacts(&all, window(), previous())
        .await
        .unwrap();
    assert_eq!(
        contacts.previous,
        ContactCounts {
            created: Some(0),
            resolved: Some(0),
            closed: Some(0),
            replies: Some(0),
            received_messages: Some(0),
            ..ContactCounts::default()
        }
    );
    assert_eq!(desk.targets().len(), 1);
}

#[tokio::test]
async fn counts_that_a_report_lacks_are_read_elsewhere_or_unknown() {
    // As in the official samples: no newConversations, no messagesReceived.
    let body = r#"{"current":{"resolved":4,"closed":5,"repliesSent":6},
        "previous":{"resolved":1,"closed":2,"repliesSent":3}}"#;
    let desk = Desk::only(PRODUCTIVITY, move || Reply::json(200, body)).await;
    let all = desk.all().await;
    let contacts = desk
        .reader()
        .contacts(&all, window(), previous())
        .await
        .unwrap();
    assert_eq!(contacts.current.created, None, "never 0");
    assert_eq!(contacts.current.received_messages, Some(41));
    assert_eq!(contacts.previous.closed, Some(2));
    assert_eq!(
        desk.targets()[1..],
        [format!(
            "{RECEIVED}?start=2026-01-01T12:34:00Z&end=2026-01-08T12:33:59Z&viewBy=day"
        )]
    );
    // Longer than a series by day may be.
    let year = Interval::ending_at(end(), 366 * DAY);
    desk.reader().contacts_alone(&all, year).await.unwrap();
    assert!(desk.targets().last().unwrap().ends_with("&viewBy=month"));
}

#[tokio::test]
async fn messages_that_cannot_be_counted_cost_no_other_count() {
    let body = r#"{"current":{"closed":5}}"#;
    for (status, known) in [(400, true), (403, true), (404, true), (500, false)] {
        let desk = Desk::new(move |asked| match asked.path.as_str() {
            PRODUCTIVITY => Reply::json(200, body),
            RECEIVED => Reply::json(status, "{}"),
            _ => good(asked),
        })
        .await;
        let counts = desk.productivity().await;
        if known {
            let counts = counts.unwrap();
            assert_eq!((counts.closed, counts.received_messages), (Some(5), None));
        } else {
            // The last values stay instead.
            assert_eq!(counts.unwrap_err().reason(), Reason::Status);
        }
    }
}

#[tokio::test]
async fn days_are_placed_on_the_grid_that_ends_at_end() {
    let desk = Desk::only(NEW, || {
        let buckets = r#"{"current":[{"start":"2025-11-13T12:34:00Z","count":4},
            {"start":"2026-01-07T12:34:00Z","count":9},{"date":"2026-01-06T12:34:00Z","count":7}]}"#;
        Reply::json(200, buckets)
    })
    .await;
    let all = desk.all().await;
    let DailyCounts(days) = desk.reader().daily_created(&all, end()).await.unwrap();
    assert_eq!((days[0], days[54], days[55]), (4, 7, 9));
    assert_eq!(days.iter().sum::<u64>(), 20);
    // The same buckets for a range of other days.
    let error = desk
        .reader()
        .created_by_day(&all, Interval::ending_at(end(), 2 * DAY))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::Decode);
    assert!(
        error
            .to_string()
            .contains("a bucket starts at 2025-11-13T12:34:00Z"),
        "{error}"
    );
    for seconds in [0, 3600, DAY + 1, 61 * DAY] {
        let error = desk
            .reader()
            .created_by_day(&all, Interval::ending_at(end(), seconds))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::NotDays { .. }), "{error}");
    }
    assert_eq!(desk.count(NEW), 2);
    let midnight = Desk::only(NEW, || recorded("conversations-new.json")).await;
    let error = midnight
        .reader()
        .daily_created(&all, end())
        .await
        .unwrap_err();
    assert_eq!(
        error.reason(),
        Reason::Decode,
        "buckets at midnight are not ours"
    );
}

#[tokio::test]
async fn ratings_are_read() {
    let desk = Desk::new(good).await;
    let all = desk.all().await;
    assert_eq!(
        desk.reader().happiness(&all, window()).await.unwrap(),
        Ratings {
            great: 7,
            okay: 2,
            not_good: 1
        }
    );
}

#[tokio::test]
async fn lists_are_read_page_by_page_once() {
    let desk = Desk::new(|asked| match (asked.path.as_str(), asked.query.as_str()) {
        (MAILBOXES, "page=1") => recorded("mailboxes-page1of2.json"),
        (MAILBOXES, "page=2") => recorded("mailboxes-page2of2.json"),
        (TAGS, _) => Reply::json(
            200,
            r#"{"_embedded":{"tags":[{"id":9,"name":"Q&amp;A caf&eacute;"},{"id":8,"name":"a,b"}]}}"#,
        ),
        _ => good(asked),
    })
    .await;
    let segment = Segment {
        mailboxes: vec![Reference::Name("Inbox B".to_owned())],
        tags: vec![Reference::Name("Q&A café".to_owned())],
        ..usagers()
    };
    let reader = desk.reader();
    for _ in 0..3 {
        let filters = futures_util::future::join_all((0..3).map(|_| reader.filter(&segment))).await;
        assert!(filters.iter().all(Result::is_ok), "{filters:?}");
    }
    let mut targets = desk.targets();
    targets.sort();
    assert_eq!(
        targets,
        [
            format!("{MAILBOXES}?page=1"),
            format!("{MAILBOXES}?page=2"),
            format!("{TAGS}?page=1")
        ]
    );
    let filter = reader.filter(&segment).await.unwrap();
    reader.open_tickets(&filter).await.unwrap();
    assert!(desk.targets().contains(&format!(
        "{CONVERSATIONS}?status=active&mailbox=102&tag=Q%26A%20caf%C3%A9"
    )));
    let comma = Segment {
        tags: vec![Reference::Id(8)],
        ..segment
    };
    assert!(!reader.filter(&comma).await.unwrap().can_be_listed());
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let desk = Desk::new(|asked| {
        if asked.path != TAGS {
            return good(asked);
        }
        let page = asked.query.trim_start_matches("page=");
        Reply::json(
            200,
            format!(r#"{{"_embedded":{{"tags":[]}},"_links":{{"next":{{}}}},"page":{{"number":{page},"totalPages":100000}}}}"#),
        )
        .with("x-ratelimit-limit-minute", 100_000)
    })
    .await;
    let error = desk.reader().filter(&usagers()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Decode);
    assert!(error.to_string().contains("more than 200 pages"), "{error}");
    assert_eq!(desk.count(TAGS), 200);
}

#[tokio::test]
async fn a_name_that_does_not_exist_fails_its_segment_alone() {
    let desk = Desk::new(good).await;
    let reader = desk.reader();
    for (mailbox, expected) in [
        (
            Reference::Name("Inbox AA".to_owned()),
            "segment `usagers` names mailbox `Inbox AA`, which Help Scout does not list for the \
             app's owner: did you mean `Inbox A`?",
        ),
        (
            Reference::Name("Complaints".to_owned()),
            "segment `usagers` names mailbox `Complaints`, which Help Scout does not list for the \
             app's owner",
        ),
        (
            Reference::Id(103),
            "segment `usagers` names mailbox 103, which Help Scout does not list for the app's \
             owner",
        ),
    ] {
        let segment = Segment {
            mailboxes: vec![mailbox],
            ..usagers()
        };
        let error = reader.filter(&segment).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.reason(), Reason::Query);
    }
    assert!(reader.filter(&usagers()).await.is_ok());
    assert_eq!((desk.count(MAILBOXES), desk.count(TAGS)), (1, 1));
}

#[tokio::test]
async fn two_mailboxes_of_one_name_want_an_id() {
    let desk = Desk::only(MAILBOXES, || {
        Reply::json(
            200,
            r#"{"_embedded":{"mailboxes":[{"id":5,"name":"Support"},{"id":6,"name":"Support"}]}}"#,
        )
    })
    .await;
    let by = |reference| Segment {
        mailboxes: vec![reference],
        tags: Vec::new(),
        ..usagers()
    };
    let error = desk
        .reader()
        .filter(&by(Reference::Name("Support".to_owned())))
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("use the id (5, 6)"), "{error}");
    desk.reader().filter(&by(Reference::Id(6))).await.unwrap();
}

#[tokio::test]
async fn failures_have_their_reason_and_their_number_of_tries() {
    type Make = fn() -> Reply;
    let cases: [(Make, Reason, usize); 12] = [
        (
            || Reply::json(400, fixture("error-400-validation.json")),
            Reason::Status,
            1,
        ),
        (
            || Reply::json(403, fixture("error-403-plan.json")),
            Reason::Forbidden,
            1,
        ),
        (
            || Reply::json(404, fixture("error-404.json")),
            Reason::Status,
            1,
        ),
        (|| Reply::json(422, "{}"), Reason::Status, 1),
        (
            || Reply::json(302, "").with("location", "/v2/tags"),
            Reason::Status,
            1,
        ),
        (
            || Reply::json(500, fixture("error-500.json")),
            Reason::Status,
            3,
        ),
        (|| Reply::json(503, "<html>"), Reason::Status, 3),
        (Reply::reset, Reason::Connect, 3),
        (Reply::broken_off, Reason::Connect, 3),
        (
            || Reply::json(200, "<html>Ada Lovelace</html>"),
            Reason::Decode,
            1,
        ),
        (|| Reply::gzip(b"not gzip".to_vec()), Reason::Decode, 1),
        (
            || Reply::json(200, r#"{"current":{"closed":-1}}"#),
            Reason::Decode,
            1,
        ),
    ];
    let cases = cases
        .into_iter()
        .enumerate()
        .map(|(number, (make, reason, tries))| async move {
            let desk = Desk::only(PRODUCTIVITY, make).await;
            let error = desk.productivity().await.unwrap_err();
            assert_eq!(error.reason(), reason, "{number}: {}", told(&error));
            assert_eq!(desk.count(PRODUCTIVITY), tries, "{number}");
            assert_eq!(desk.count(TAGS), 0, "{number}: no redirect is followed");
            let told = told(&error);
            for planted in [SECRET, "example-token", "Ada", "2026-01-01"] {
                assert!(!told.contains(planted), "{told}");
            }
            assert!(told.contains(PRODUCTIVITY), "{told}");
        });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn a_failure_tells_what_help_scout_said() {
    let desk = Desk::only(PRODUCTIVITY, || {
        Reply::json(400, fixture("error-400-validation.json")).with("correlation-id", "abc-1#7")
    })
    .await;
    assert_eq!(
        desk.productivity().await.unwrap_err().to_string(),
        "/v2/reports/productivity answered with status 400: Bad request; start must be a valid \
         ISO 8601 date; viewBy value not supported for this range (Correlation-Id abc-1#7)"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let timeout = Duration::from_millis(200);
    let script = |asked: &Asked| match asked.path.as_str() {
        PRODUCTIVITY => Reply::silence(),
        _ => good(asked),
    };
    let desk = Desk::with_timeout(script, timeout).await;
    assert_eq!(
        desk.productivity().await.unwrap_err().reason(),
        Reason::Timeout
    );
    assert_eq!(desk.count(PRODUCTIVITY), 3);
    // And one that ends with the refresh is not tried again.
    let desk = Desk::new(script).await;
    let all = desk.all().await;
    let error = desk
        .within(timeout)
        .contacts_alone(&all, window())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::OutOfTime { .. }), "{error}");
    assert_eq!(desk.count(PRODUCTIVITY), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_connect_failure() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = config(&Url::parse(&url).unwrap(), Duration::from_secs(5));
    let help_scout = HelpScout::new(&config, Telemetry::new().unwrap()).unwrap();
    let reader = help_scout.until(tokio::time::Instant::now() + Duration::from_secs(60));
    let all = reader.filter(&Segment::all()).await.unwrap();
    let error = reader.happiness(&all, window()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Connect);
    assert!(!told(&error).contains(SECRET));
}

#[tokio::test]
async fn an_endless_body_is_refused_while_streaming() {
    let desk = Desk::only(PRODUCTIVITY, Reply::endless).await;
    let error = desk.productivity().await.unwrap_err();
    assert_eq!(error.reason(), Reason::TooLarge, "{}", told(&error));
    assert_eq!(desk.count(PRODUCTIVITY), 1);
    let poured = desk.upstream.poured.load(Ordering::Relaxed);
    // What the sockets' buffers hold comes on top.
    assert!(poured < 32 * 1024 * 1024, "{poured}");
}

#[tokio::test]
async fn bodies_count_uncompressed() {
    let padded = |size: usize| {
        let mut body = fixture("productivity-2017-11.json");
        body.resize(size, b' ');
        compressed(&body)
    };
    let fits = padded(8 * 1024 * 1024);
    let desk = Desk::only(PRODUCTIVITY, move || Reply::gzip(fits.clone())).await;
    assert_eq!(desk.productivity().await.unwrap().created, Some(178));
    let bomb = padded(64 * 1024 * 1024);
    assert!(bomb.len() < 128 * 1024);
    let desk = Desk::only(PRODUCTIVITY, move || Reply::gzip(bomb.clone())).await;
    assert_eq!(
        desk.productivity().await.unwrap_err().reason(),
        Reason::TooLarge
    );
    assert_eq!(desk.count(PRODUCTIVITY), 1);
    // A failure with a long story is still that failure.
    let desk = Desk::only(PRODUCTIVITY, || Reply::json(404, vec![b' '; 1024 * 1024])).await;
    assert_eq!(
        desk.productivity().await.unwrap_err().reason(),
        Reason::Status
    );
}

#[tokio::test]
async fn nothing_is_sent_before_a_429s_wait_is_over() {
    let limited = AtomicBool::new(false);
    let limited_at = Arc::new(Mutex::new(None));
    let script = {
        let limited_at = Arc::clone(&limited_at);
        move |asked: &Asked| {
            if asked.path != HAPPINESS || limited.swap(true, Ordering::SeqCst) {
                return good(asked);
            }
            *limited_at.lock().unwrap() = Some(Instant::now());
            Reply::json(429, fixture("error-429.json"))
                .with("x-ratelimit-retry-after", 1)
                .with("retry-after", 3600)
        }
    };
    let desk = Desk::new(script).await;
    let all = desk.all().await;
    let reader = desk.reader();
    let happiness = reader.happiness(&all, window());
    let others = async {
        // Begin once the 429 is out.
        while limited_at.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        while !desk.metrics().contains(r#"code="429""#) {
            tokio::task::yield_now().await;
        }
        let soon = desk.within(Duration::from_millis(500));
        let error = soon.contacts_alone(&all, window()).await.unwrap_err();
        assert_eq!(error.reason(), Reason::RateLimited);
        reader.open_tickets(&all).await.unwrap();
    };
    let (happiness, ()) = futures_util::future::join(happiness, others).await;
    happiness.unwrap();
    let limited_at = limited_at.lock().unwrap().unwrap();
    let asked = desk.upstream.asked();
    let after: Vec<_> = asked.iter().filter(|asked| asked.at > limited_at).collect();
    assert_eq!(after.len(), 3);
    for asked in after {
        assert!(asked.at - limited_at >= Duration::from_secs(1), "{asked:?}");
    }
    assert_eq!(desk.count(PRODUCTIVITY), 0);
}

#[tokio::test]
async fn quota_headers_are_read_whatever_their_case() {
    for [limit, remaining] in [
        ["x-ratelimit-limit-minute", "x-ratelimit-remaining-minute"],
        ["X-RateLimit-Limit-Minute", "X-RateLimit-Remaining-Minute"],
    ] {
        let desk = Desk::new(move |asked| {
            let reply = good(asked);
            match asked.path.as_str() {
                // The token's answer has none in any recording.
                TOKEN => reply,
                _ => reply.with(limit, 400).with(remaining, 397),
            }
        })
        .await;
        assert_eq!(desk.help_scout.granted_per_minute(), None);
        assert_eq!(desk.help_scout.pace_per_minute(), 100);
        desk.productivity().await.unwrap();
        assert_eq!(desk.help_scout.granted_per_minute(), Some(400));
        assert_eq!(desk.help_scout.pace_per_minute(), 200);
        let metrics = desk.metrics();
        assert!(metrics.contains("\ncontact_helpscout_rate_limit_requests 400\n"));
        assert!(metrics.contains("\ncontact_helpscout_rate_limit_remaining_requests 397\n"));
    }
}

#[tokio::test]
async fn a_configured_ceiling_is_kept() {
    let upstream = Upstream::start(good).await;
    let mut config = config(&upstream.url, Duration::from_secs(5));
    config.helpscout.requests_per_minute = NonZeroU32::new(3);
    let help_scout = HelpScout::new(&config, Telemetry::new().unwrap()).unwrap();
    assert_eq!(help_scout.pace_per_minute(), 3);
    let reader = help_scout.until(tokio::time::Instant::now() + Duration::from_secs(20));
    let all = reader.filter(&Segment::all()).await.unwrap();
    for _ in 0..2 {
        reader.happiness(&all, window()).await.unwrap();
    }
    let error = reader.happiness(&all, window()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RateLimited);
    assert!(error.to_string().contains("requests_per_minute"), "{error}");
    assert_eq!(upstream.asked().len(), 3, "the token counts");
}

#[tokio::test]
async fn a_401_costs_one_new_token_for_all() {
    let issued = AtomicUsize::new(0);
    let desk = Desk::new(move |asked| match asked.path.as_str() {
        TOKEN => {
            let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
            Reply::json(
                200,
                format!(r#"{{"access_token":"token-{number}","expires_in":7200}}"#),
            )
        }
        _ if asked.header("authorization") == "Bearer token-1" => {
            Reply::json(401, fixture("error-401-invalid-token.json"))
        }
        _ => good(asked),
    })
    .await;
    let all = desk.all().await;
    let reader = desk.reader();
    let calls = (0..6).map(|_| reader.happiness(&all, window()));
    let calls = futures_util::future::join_all(calls).await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
    assert_eq!(desk.count(TOKEN), 2);
}

#[tokio::test]
async fn refused_credentials_cost_one_request() {
    for status in [400, 401] {
        let desk = Desk::only(TOKEN, move || {
            Reply::json(status, fixture("error-400-invalid-client.json"))
        })
        .await;
        let all = desk.all().await;
        let reader = desk.reader();
        for _ in 0..3 {
            let calls = (0..10).map(|_| reader.happiness(&all, window()));
            for error in futures_util::future::join_all(calls).await {
                let error = error.unwrap_err();
                assert_eq!(error.reason(), Reason::Auth);
                assert!(!told(&error).contains(SECRET));
            }
        }
        assert_eq!(desk.upstream.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_dead_endpoint_does_not_delay_the_others() {
    let desk = Desk::new(|asked| match asked.path.as_str() {
        HAPPINESS => Reply::silence(),
        _ => good(asked),
    })
    .await;
    let all = desk.all().await;
    let reader = desk.reader();
    let dead = (0..20).map(|_| reader.happiness(&all, window()));
    let dead = futures_util::future::join_all(dead);
    let alive = async {
        for _ in 0..20 {
            reader.contacts_alone(&all, window()).await.unwrap();
        }
    };
    tokio::select! {
        _ = dead => panic!("dead endpoints do not answer"),
        () = alive => {}
    }
}

#[tokio::test]
async fn requests_are_counted() {
    let failures = AtomicUsize::new(0);
    let desk = Desk::only(PRODUCTIVITY, move || {
        match failures.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::json(503, ""),
            1 => Reply::reset(),
            _ => recorded("productivity-2017-11.json"),
        }
    })
    .await;
    desk.productivity().await.unwrap();
    let counted: BTreeMap<String, String> = desk
        .metrics()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| name.starts_with("contact_helpscout_requests_total"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let line = |endpoint, code| {
        let name =
            format!(r#"contact_helpscout_requests_total{{code="{code}",endpoint="{endpoint}"}}"#);
        (name, "1".to_owned())
    };
    let expected = [
        line("productivity", "200"),
        line("productivity", "503"),
        line("productivity", "error"),
        line("token", "200"),
    ];
    assert_eq!(counted, BTreeMap::from(expected));
    let metrics = desk.metrics();
    assert!(
        metrics.contains(
            "contact_helpscout_request_duration_seconds_count{endpoint=\"productivity\"} 3\n"
        ),
        "{metrics}"
    );
    assert!(!metrics.contains("rate_limit"), "unknown is absent");
    let debug = format!("{:?}", desk.help_scout);
    assert!(
        !debug.contains(SECRET) && !debug.contains("example-token"),
        "{debug}"
    );
}

#[test]
fn the_client_is_made_outside_of_a_runtime_and_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let url = Url::parse("https://api.helpscout.net").unwrap();
    let config = config(&url, Duration::from_secs(1));
    let help_scout = HelpScout::new(&config, Telemetry::new().unwrap()).unwrap();
    shared(&help_scout);
}

#[tokio::test]
async fn readings_can_be_spawned() {
    let desk = Arc::new(Desk::new(good).await);
    let readings = (0..3).map(|_| {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let reader = desk.reader();
            let filter = reader.filter(&usagers()).await?;
            reader.contacts(&filter, window(), previous()).await?;
            reader.daily_created(&filter, end()).await?;
            reader.created_by_search(&filter, window()).await?;
            reader.open_tickets(&filter).await
        })
    });
    for reading in futures_util::future::join_all(readings).await {
        reading.unwrap().unwrap();
    }
    let known = [TOKEN, PRODUCTIVITY, NEW, CONVERSATIONS, MAILBOXES, TAGS];
    for asked in desk.upstream.asked() {
        assert!(known.contains(&asked.path.as_str()), "{}", asked.path);
    }
}
