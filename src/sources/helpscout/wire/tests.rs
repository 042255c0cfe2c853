use std::{path::Path, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;

use super::{token::UNTOLD_LIFE, *};
use crate::domain::{ContactCounts, Ratings, Tickets};

const DAY: i64 = 24 * 60 * 60;

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/help-scout");
    std::fs::read(folder.join(name)).unwrap()
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    decode(&fixture(name)).unwrap()
}

fn productivity(text: &str) -> Result<Productivity, String> {
    decode(text.as_bytes())
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_recorded_reports_are_read() {
    let november = read::<Productivity>("productivity-2017-11.json");
    assert_eq!(
        november.current(),
        ContactCounts {
            created: Some(178),
            resolved: Some(96),
            closed: Some(181),
            replies: Some(187),
            received_messages: Some(293),
            resolved_on_first_reply: Some(64),
            first_response_mean_seconds: Some(106_231.0),
            response_mean_seconds: Some(178_804.0),
            resolution_mean_seconds: Some(182_589.093_75),
            handle_mean_seconds: Some(402.0),
        }
    );
    assert_eq!(november.previous(), None);
    let december = read::<Productivity>("productivity-2017-12.json").current();
    assert_eq!(
        Tickets::ALL.map(|way| december.tickets(way)),
        [Some(126), Some(87), Some(122), Some(156)]
    );
}

#[test]
fn where_nothing_happened_counts_are_zero_and_means_unknown() {
    let report = read::<Productivity>("productivity-no-data.json");
    assert_eq!(
        report.current(),
        ContactCounts {
            created: Some(0),
            resolved: Some(0),
            closed: Some(0),
            replies: Some(0),
            received_messages: Some(0),
            ..ContactCounts::default()
        }
    );
}

#[test]
fn what_is_left_out_is_unknown() {
    let report = read::<Productivity>("productivity-sparse.json");
    assert_eq!(
        report.current(),
        ContactCounts {
            resolved: Some(0),
            closed: Some(0),
            replies: Some(0),
            ..ContactCounts::default()
        }
    );
    let empty = productivity(r#"{"current": {}}"#).unwrap().current();
    assert_eq!(empty, ContactCounts::default());
    let unresolved = productivity(r#"{"current": {"closed": 3, "resolved": null}}"#).unwrap();
    assert_eq!(
        unresolved.current().resolved,
        None,
        "3 closed may be 0 or 3 resolved"
    );
}

#[test]
fn a_mean_needs_something_counted() {
    let mean = |mean: &str, block: &str| {
        let text = format!(r#"{{"current": {{"responseTime": {mean}}}{block}}}"#);
        productivity(&text).unwrap().current().response_mean_seconds
    };
    assert_eq!(mean("0", r#", "responseTime": {"count": 2}"#), Some(0.0));
    assert_eq!(mean("7.5", r#", "responseTime": {"count": 0}"#), None);
    assert_eq!(mean("null", r#", "responseTime": {"count": 2}"#), None);
    for block in [
        "",
        r#", "responseTime": null"#,
        r#", "responseTime": []"#,
        r#", "responseTime": {}"#,
    ] {
        assert_eq!(mean("0", block), None, "{block}");
        assert_eq!(mean("7.5", block), Some(7.5), "{block}");
    }
}

#[test]
fn the_previous_range_has_its_own_counts() {
    let report = productivity(
        r#"{
            "current": {"closed": 5, "responseTime": 9},
            "previous": {"startDate": null, "resolved": null, "closed": 0, "repliesSent": 0,
                         "newConversations": 4, "responseTime": 0, "handleTime": 12},
            "responseTime": {"count": 4, "previousCount": 0},
            "handleTime": {"count": 0, "previousCount": 2},
            "deltas": {"closed": 500.0}
        }"#,
    )
    .unwrap();
    assert_eq!(
        report.previous().unwrap(),
        ContactCounts {
            created: Some(4),
            resolved: Some(0),
            closed: Some(0),
            replies: Some(0),
            handle_mean_seconds: Some(12.0),
            ..ContactCounts::default()
        }
    );
    assert_eq!(report.current().response_mean_seconds, Some(9.0));
    for previous in ["null", "[]"] {
        let text = format!(r#"{{"current": {{}}, "previous": {previous}}}"#);
        assert_eq!(productivity(&text).unwrap().previous(), None);
    }
}

#[test]
fn a_count_is_whole_and_not_negative() {
    let closed = |value: &str| {
        productivity(&format!(r#"{{"current": {{"closed": {value}}}}}"#))
            .map(|report| report.current().closed)
    };
    assert_eq!(closed("0"), Ok(Some(0)));
    assert_eq!(closed("12.0"), Ok(Some(12)));
    assert_eq!(closed("18446744073709551615"), Ok(Some(u64::MAX)));
    for value in [
        "-1",
        "1.5",
        "-0.5",
        "1e300",
        "18446744073709551616",
        "\"3\"",
        "true",
        "[]",
        "{}",
    ] {
        let error = closed(value).unwrap_err();
        assert!(
            error.starts_with("expected a whole number that is not negative at line 1"),
            "{value}: {error}"
        );
    }
    assert!(productivity(r#"{"current": {"responseTime": -1}}"#).is_err());
}

#[test]
fn an_answer_that_is_none_is_refused_without_quoting_it() {
    for (text, expected) in [
        ("", "no JSON at line 1"),
        ("<html>Ada Lovelace</html>", "no JSON at line 1"),
        ("{\"current\": {\"closed\": 1", "no JSON at line 1"),
        ("{}", "missing field `current` at line 1 column 2"),
        (
            "{\"current\": null}",
            "expected the totals of a report at line 1",
        ),
        ("[]", "expected a report"),
        (
            "{\"current\": \"Ada, expected Lovelace\"}",
            "expected the totals of a report at line 1",
        ),
        (
            "{\"current\": {\"closed\": \"Ada\"}}",
            "expected a whole number that is not negative at line 1 column 28",
        ),
    ] {
        let error = productivity(text).unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
        assert!(
            !error.contains("Ada") && !error.contains("Lovelace"),
            "{error}"
        );
    }
}

#[test]
fn series_take_either_key() {
    let new = read::<Series>("conversations-new.json");
    let start = instant("2026-01-05T00:00:00Z");
    assert_eq!(new.by_day(start, 3), Ok(vec![Some(11), Some(8), Some(3)]));
    assert_eq!(new.sum(), Ok(Some(22)));
    let received = read::<Series>("conversations-received-messages.json");
    assert_eq!(received.sum(), Ok(Some(41)));
    let older: Series =
        decode(br#"{"current":[{"date":"2026-01-05T00:00:00Z","count":2}],"previous":[]}"#)
            .unwrap();
    assert_eq!(older.by_day(start, 1), Ok(vec![Some(2)]));
    assert_eq!(older.sum(), Ok(Some(2)));
    let none: Series = decode(br#"{"current":[]}"#).unwrap();
    assert_eq!(
        (none.sum(), none.by_day(start, 2)),
        (Ok(None), Ok(vec![None, None]))
    );
}

#[test]
fn buckets_are_placed_by_their_start() {
    let by_day = |buckets: &str| {
        decode::<Series>(format!(r#"{{"current":[{buckets}]}}"#).as_bytes())
            .and_then(|series| series.by_day(instant("2026-01-05T13:30:00Z"), 3))
    };
    let bucket = |start: &str| format!(r#"{{"start":"{start}","count":4}}"#);
    assert_eq!(
        by_day(&bucket("2026-01-06T13:30:00Z")),
        Ok(vec![None, Some(4), None])
    );
    assert_eq!(
        by_day(&bucket("2026-01-06T14:30:00+01:00")),
        Ok(vec![None, Some(4), None])
    );
    let last_first = [
        bucket("2026-01-07T13:30:00Z"),
        bucket("2026-01-05T13:30:00Z"),
    ];
    assert_eq!(
        by_day(&last_first.join(",")),
        Ok(vec![Some(4), None, Some(4)])
    );
    for start in [
        "2026-01-06T00:00:00Z",
        "2026-01-06T13:30:01Z",
        "2026-01-06T13:30:00.5Z",
        "2026-01-05T13:29:59.5Z",
        "2026-01-04T13:30:00Z",
        "2026-01-08T13:30:00Z",
        "-009999-01-02T01:59:59Z",
        "9999-12-30T13:30:00Z",
    ] {
        assert!(by_day(&bucket(start)).is_err(), "{start}");
    }
    let twice = [
        bucket("2026-01-06T13:30:00Z"),
        bucket("2026-01-06T13:30:00Z"),
    ];
    assert_eq!(
        by_day(&twice.join(",")).unwrap_err(),
        "two buckets start at 2026-01-06T13:30:00Z"
    );
    for odd in [
        r#"{"start":"2026-01-06T13:30:00Z","count":null}"#,
        r#"{"start":"2026-01-06T13:30:00Z","count":-4}"#,
        r#"{"start":"2026-01-06T13:30:00Z","count":0.5}"#,
        r#"{"start":"monday","count":4}"#,
        r#"{"count":4}"#,
        "4",
    ] {
        assert!(by_day(odd).is_err(), "{odd}");
    }
}

#[test]
fn lists_are_bounded() {
    let series = |length| {
        let buckets = vec!["{}"; length].join(",");
        decode::<Series>(format!(r#"{{"current":[{buckets}]}}"#).as_bytes())
    };
    assert!(series(lenient::ELEMENTS).is_ok());
    assert_eq!(
        series(lenient::ELEMENTS + 1).unwrap_err(),
        "expected a list of at most 1000 elements at line 1 column 3015"
    );
}

#[test]
fn ratings_are_counts() {
    let expected = Ratings {
        great: 7,
        okay: 2,
        not_good: 1,
    };
    for name in ["happiness.json", "happiness-with-previous.json"] {
        assert_eq!(read::<Happiness>(name).ratings(), Ok(expected));
    }
    let ratings = |text: &str| {
        decode::<Happiness>(format!(r#"{{"current":{text}}}"#).as_bytes())
            .and_then(|report| report.ratings())
    };
    let none = Ratings {
        great: 0,
        okay: 0,
        not_good: 0,
    };
    assert_eq!(ratings(r#"{"great": null, "ratingsCount": 0}"#), Ok(none));
    for text in [
        "{}",
        r#"{"greatCount": 1, "okayCount": 1}"#,
        r#"{"greatCount": 1, "okayCount": null, "notGoodCount": 0, "ratingsCount": 1}"#,
    ] {
        assert_eq!(
            ratings(text).unwrap_err(),
            "a count of ratings is missing",
            "{text}"
        );
    }
}

#[test]
fn of_a_list_only_the_total_is_read() {
    let total: Total = read("conversations-list.json");
    assert!(total.elements() > 0);
    assert_eq!(
        format!("{total:?}").matches("Count").count(),
        1,
        "nothing else is kept"
    );
    assert_eq!(read::<Total>("conversations-list-empty.json").elements(), 0);
    assert!(decode::<Total>(br#"{"page": {"totalElements": null}}"#).is_err());
    assert!(decode::<Total>(br#"{"_embedded": {}}"#).is_err());
}

#[test]
fn pages_follow_each_other() {
    let names = |name: &str| -> Vec<(u64, String)> {
        read::<Named>(name)
            .into_elements()
            .map(|entry| (entry.id, entry.name))
            .collect()
    };
    let pair = |id, name: &str| (id, name.to_owned());
    assert_eq!(
        names("mailboxes.json"),
        [pair(101, "Inbox A"), pair(102, "Inbox B")]
    );
    assert_eq!(names("mailboxes-page1of2.json"), [pair(101, "Inbox A")]);
    assert_eq!(names("mailboxes-page2of2.json"), [pair(102, "Inbox B")]);
    assert_eq!(names("mailboxes-empty.json"), []);
    assert_eq!(
        names("tags.json"),
        [pair(7001, "billing"), pair(7002, "Feature request")]
    );
    let next = |name: &str, asked| read::<Named>(name).has_next(asked);
    assert_eq!(next("mailboxes-page1of2.json", 1), Ok(true));
    assert_eq!(next("mailboxes-page2of2.json", 2), Ok(false));
    assert_eq!(next("mailboxes.json", 1), Ok(false));
    assert_eq!(next("mailboxes-empty.json", 1), Ok(false));
    assert_eq!(
        next("mailboxes-page1of2.json", 2),
        Err("page 1 came for page 2".to_owned())
    );
    let odd = |text: &str| decode::<Named>(text.as_bytes()).and_then(|page| page.has_next(3));
    let linked = r#""_links": {"next": {"href": "https://x/?query=(a:[b TO c])\n"}}"#;
    assert_eq!(odd("{}"), Ok(false));
    assert_eq!(
        odd(r#"{"_embedded": [], "_links": [], "page": null}"#),
        Ok(false)
    );
    assert_eq!(odd(&format!("{{{linked}}}")), Ok(true));
    assert_eq!(
        odd(&format!(
            r#"{{{linked}, "page": {{"number": 0, "totalPages": 9}}}}"#
        )),
        Ok(false)
    );
    assert_eq!(
        odd(&format!(
            r#"{{{linked}, "page": {{"number": 3, "totalPages": 0}}}}"#
        )),
        Ok(false)
    );
    assert_eq!(
        odd(r#"{"page": {"number": 3, "totalPages": 9}}"#),
        Ok(false)
    );
}

#[test]
fn names_are_unescaped() {
    let page: Named = decode(
        r#"{"_embedded": {"tags": [{"id": 1, "name": "Q&amp;A &quot;caf&eacute;&quot; été"}]}}"#
            .as_bytes(),
    )
    .unwrap();
    let names: Vec<String> = page.into_elements().map(|entry| entry.name).collect();
    assert_eq!(names, ["Q&A \"café\" été"]);
}

#[test]
fn tokens_are_read_and_never_shown() {
    for (name, seconds) in [
        ("oauth2-token.json", 172_800),
        ("oauth2-token-2019.json", 7200),
    ] {
        let granted = granted(&fixture(name)).unwrap();
        assert_eq!(granted.authorization, "Bearer example-token");
        assert_eq!(granted.life, Duration::from_secs(seconds));
        assert!(!format!("{granted:?}").contains("example-token"));
    }
    let untold = granted(br#"{"access_token": "x", "expires_in": null}"#).unwrap();
    assert_eq!(untold.life, UNTOLD_LIFE);
    for body in [
        r#"{"access_token": ""}"#,
        r#"{"access_token": "hunter2\n"}"#,
        r#"{"access_token": 7}"#,
        r#"{"access_token": "hunter2", "expires_in": -1}"#,
        r#"{"expires_in": 7200}"#,
        "hunter2",
    ] {
        let error = granted(body.as_bytes()).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_refusal_tells_its_standard_code_only() {
    assert_eq!(
        oauth_error(&fixture("error-400-invalid-client.json")),
        Some("invalid_client")
    );
    assert_eq!(
        oauth_error(&fixture("error-400-invalid-refresh-token.json")),
        Some("invalid_request")
    );
    assert_eq!(oauth_error(br#"{"error": "hunter2"}"#), None);
    assert_eq!(oauth_error(b"<html>"), None);
}

#[test]
fn failures_are_told_in_known_words_alone() {
    let told = |name: &str| problem(&fixture(name));
    assert_eq!(
        told("error-400-validation.json").as_deref(),
        Some("it complains of start, viewBy")
    );
    assert_eq!(
        told("error-401-invalid-token.json").as_deref(),
        Some("invalid_token")
    );
    for name in [
        "error-400-validation-old-shape.json",
        "error-403-plan.json",
        "error-404.json",
        "error-429.json",
        "error-500.json",
    ] {
        assert_eq!(told(name), None, "{name}");
    }
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        "7",
        r#"{"message": "Jane Doe is no user"}"#,
        r#"{"error": "Jane Doe"}"#,
        r#"{"error": 7, "error_description": "Jane Doe"}"#,
        r#"{"_embedded": {"errors": [{"path": "Jane Doe", "message": "start"}, 7]}}"#,
    ] {
        assert_eq!(problem(body.as_bytes()), None, "{body}");
    }
    let named =
        r#"{"_embedded": {"errors": [{"path": "tag", "rejectedValue": "Jane"}, {"path": "tag"}]}}"#;
    assert_eq!(
        problem(named.as_bytes()).as_deref(),
        Some("it complains of tag")
    );
}

proptest! {
    /// Whatever comes, nothing panics, and no error repeats it.
    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(&body);
    }

    /// The same of what looks like an answer.
    #[test]
    fn any_answer_is_survived(
        body in r#"\{("(current|previous|count|start|closed|newConversations|page|totalPages|_embedded|tags|id|name|error|message|access_token|expires_in|planted)":(-?[0-9]{1,20}(\.[0-9]{1,3})?(e[0-9]{1,3})?|"planted[0-9]{0,9}"|null|\[\{"start":"1970-01-0[1-9]T00:00:00Z","count":[0-9]{1,19}\}\]|\{\}),?){0,6}\}"#
    ) {
        survive(body.as_bytes());
    }

    #[test]
    fn any_instant_is_survived(
        start in -377_705_023_201_i64..253_402_207_200,
        at in -377_705_023_201_i64..253_402_207_200,
    ) {
        let stamp = |second| Timestamp::from_second(second).unwrap();
        let text = format!(r#"{{"current":[{{"start":"{}","count":1}}]}}"#, stamp(at));
        let series: Series = decode(text.as_bytes()).unwrap();
        let days = series.by_day(stamp(start), 56);
        let offset = at - start;
        prop_assert_eq!(days.is_ok(), offset % DAY == 0 && (0..56 * DAY).contains(&offset));
    }
}
