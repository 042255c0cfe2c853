//! The queries that come with the exporter, on real servers: tables of five help desks, with answers
//! counted by hand (`tests/fixtures/helpdesks/`).

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use contact_rate_exporter::{
    config::{self, Config},
    domain::{ContactCounts, Interval},
    refresh::{Outlets, Refresher, Sources},
    snapshot::{SegmentValues, Snapshot},
    sources::{count::Populations, helpscout::Telemetry, tickets::TicketSource},
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::common::{mariadb::MariaDb, postgres::Postgres, server::Home};

const FOLDER: &str = "tests/fixtures/helpdesks";

/// What was counted by hand.
struct Expected {
    product: &'static str,
    answers: Value,
}

impl Expected {
    fn of(product: &'static str) -> Self {
        let text = fs::read_to_string(format!("{FOLDER}/{product}.expected.json")).unwrap();
        Self {
            product,
            answers: serde_json::from_str(&text).unwrap(),
        }
    }

    fn rows(&self, dialect: &str) -> String {
        let read = |name: String| fs::read_to_string(format!("{FOLDER}/{name}")).unwrap();
        read(format!("{}.{dialect}.tables.sql", self.product))
            + &read(format!("{}.rows.sql", self.product))
    }

    /// With the segments of `interval` only: others have no answers in it.
    fn config(&self, url: &str, window: &str, interval: &str, more: &str) -> Config {
        let answered: Vec<String> = QUESTIONS
            .iter()
            .flat_map(|question| self.answers(question, interval).into_keys())
            .collect();
        let mut text = format!(
            "windows: [{window}]\ndatabases: {{desk: {{url: '{url}'}}}}\n\
             tickets:\n  database: desk\n  schema: {}\n{more}",
            self.product
        );
        if let Some(account) = self.answers.get("account_id") {
            let _ = writeln!(text, "  account_id: {account}");
        }
        if self.answers["expected"].get("ratings").is_some() {
            text.push_str("  ratings: true\n");
        }
        text.push_str("segments:\n");
        for (name, condition) in self.answers["segments"].as_object().unwrap() {
            if let Some(condition) = condition.as_str()
                && answered.contains(name)
            {
                let _ = writeln!(text, "  - {{name: {name}, where: \"{condition}\"}}");
            }
        }
        config::parse(&text, Path::new("x.yml"), &|_| None).unwrap()
    }

    /// The answers to a question in an interval: by segment.
    fn answers(&self, question: &str, interval: &str) -> BTreeMap<String, Value> {
        let found = self.answers["expected"]
            .get(question)
            .and_then(|question| question.get(interval));
        let found = found.and_then(Value::as_object).into_iter().flatten();
        found
            .map(|(segment, answer)| (segment.clone(), answer.clone()))
            .collect()
    }

    fn interval(&self, name: &str) -> Interval {
        let at = |edge: &str| {
            let text = self.answers["intervals"][name][edge].as_str().unwrap();
            text.parse::<Timestamp>().unwrap()
        };
        Interval {
            start: at("start"),
            end: at("end"),
        }
    }
}

fn sources(config: &Config) -> Sources {
    Sources {
        tickets: TicketSource::new(config, &Telemetry::new().unwrap()).unwrap(),
        populations: Populations::new(config).unwrap(),
    }
}

/// One refresh at the end of an interval.
async fn refreshed(config: Config, now: fn() -> Timestamp) -> Arc<Snapshot> {
    let config = Arc::new(config);
    let latest: Arc<Mutex<Option<Arc<Snapshot>>>> = Arc::default();
    let outlets = Outlets {
        publish: Box::new({
            let latest = Arc::clone(&latest);
            move |snapshot| *latest.lock().unwrap() = Some(snapshot)
        }),
        now,
    };
    let sources = sources(&config);
    let mut refresher = Refresher::new(Arc::clone(&config), sources, Arc::new(outlets));
    refresher.refresh().await;
    refresher.close().await;
    let snapshot = latest.lock().unwrap().take();
    snapshot.unwrap()
}

type Now = fn() -> Timestamp;

fn january() -> Timestamp {
    "2026-01-12T00:00:00Z".parse().unwrap()
}
fn week() -> Timestamp {
    "2026-02-08T23:00:00Z".parse().unwrap()
}
fn two_days() -> Timestamp {
    "2026-02-04T23:00:00Z".parse().unwrap()
}

fn figure(question: &str, counts: &ContactCounts) -> Value {
    match question {
        "created" => counts.created.into(),
        "closed" => counts.closed.into(),
        "resolved" => counts.resolved.into(),
        "replies" => counts.replies.into(),
        "received_messages" => counts.received_messages.into(),
        _ => counts.first_response_mean_seconds.into(),
    }
}

fn same(found: &Value, expected: &Value) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => (found - expected).abs() < 1e-3,
        _ => found == expected,
    }
}

const QUESTIONS: [&str; 6] = [
    "created",
    "closed",
    "resolved",
    "replies",
    "received_messages",
    "first_response_mean_seconds",
];

/// Holds everything that the database of `expected` says against what was counted by hand.
async fn holds(expected: &Expected, url: &str) {
    let ends: [(&str, &str, Now); 3] = [
        ("january", "7d", january),
        ("week", "7d", week),
        ("two_days", "2d", two_days),
    ];
    let product = expected.product;
    let mut asked = 0;
    for (interval, window, end) in ends {
        let config = expected.config(url, window, interval, "");
        let snapshot = refreshed(config.clone(), end).await;
        for state in &snapshot.sources {
            assert!(state.up, "{product}: {state:?}");
        }
        let of = |segment: &str| -> &SegmentValues {
            let names = &snapshot.frame.segments;
            &snapshot.segments[names.iter().position(|name| name == segment).unwrap()]
        };
        for question in QUESTIONS {
            for (segment, answer) in expected.answers(question, interval) {
                let counts = of(&segment).counts[0].clone().unwrap();
                let found = figure(question, &counts);
                assert!(
                    same(&found, &answer),
                    "{product} {question} {interval} {segment}: {found}, by hand {answer}"
                );
                asked += 1;
            }
        }
        for (segment, answer) in expected.answers("ratings", interval) {
            let ratings = of(&segment).ratings[0].unwrap();
            let by_hand = |rating: &str| answer.get(rating).and_then(Value::as_u64).unwrap_or(0);
            let found = [ratings.great, ratings.okay, ratings.not_good];
            let by_hand = ["great", "okay", "not_good"].map(by_hand);
            assert_eq!(found, by_hand, "{product} {interval} {segment}");
            asked += 1;
        }
        let oldest = expected.answers("oldest_open", "now");
        for (segment, answer) in expected.answers("open", "now") {
            if !snapshot.frame.segments.contains(&segment) {
                continue;
            }
            let open = of(&segment).open.clone().unwrap();
            let found: BTreeMap<String, u64> = open
                .iter()
                .map(|one| (one.status.clone(), one.count))
                .collect();
            let word = |name: &str| name.to_lowercase().replace(' ', "_");
            let by_hand: BTreeMap<String, u64> = answer
                .as_object()
                .unwrap()
                .iter()
                .map(|(status, count)| (word(status), count.as_u64().unwrap()))
                .collect();
            assert_eq!(found, by_hand, "{product} open {segment}");
            for (status, at) in oldest
                .get(&segment)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let at: Timestamp = at.as_str().unwrap().parse().unwrap();
                let one = open.iter().find(|one| one.status == word(status)).unwrap();
                assert_eq!(one.oldest, Some(at), "{product} {segment} {status}");
            }
            asked += 1;
        }
        // Days as one query, and, of the shortest interval, one by one.
        let ways = ["", "  created_by_day: false\n"];
        for without in &ways[..if interval == "two_days" { 2 } else { 1 }] {
            let config = expected.config(url, window, interval, without);
            let source = TicketSource::for_history(&config).unwrap();
            let past = source.past(Instant::now() + Duration::from_secs(30));
            for (segment, answer) in expected.answers("created_by_day", interval) {
                let segment = config
                    .segments
                    .iter()
                    .find(|one| one.name == segment)
                    .unwrap();
                let days = past
                    .created_by_day(segment, expected.interval(interval))
                    .await;
                let days = days.unwrap();
                for (day, (_, count)) in days.iter().enumerate() {
                    let by_hand = answer.get(day.to_string()).and_then(Value::as_u64);
                    assert_eq!(
                        count,
                        Some(by_hand.unwrap_or(0)),
                        "{product} {interval} day {day}"
                    );
                }
                asked += 1;
            }
            source.close().await;
        }
    }
    assert!(asked > 40, "{product}: only {asked} answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_gives_what_was_counted_by_hand() {
    let server = Postgres::start(&[]).await;
    for product in ["zammad", "freescout", "chatwoot"] {
        let expected = Expected::of(product);
        let rows = expected.rows("postgres");
        server
            .execute(&format!(
                "CREATE SCHEMA {product}; SET search_path TO {product}; SET TimeZone = 'UTC'; {rows}"
            ))
            .await;
        let url = server.url(&format!("options[search_path]={product}"));
        holds(&expected, &url).await;
    }
    refusals(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_gives_what_was_counted_by_hand() {
    let server = MariaDb::start_in(Home::new(&["mysql"]), &[]).await;
    server
        .execute("GRANT ALL ON *.* TO reader@'127.0.0.1'")
        .await;
    for product in ["zammad", "freescout", "osticket", "glpi"] {
        let expected = Expected::of(product);
        let rows = expected.rows("mysql");
        server
            .execute(&format!(
                "CREATE DATABASE {product}; USE {product}; SET time_zone = '+00:00'; {rows}"
            ))
            .await;
        let url = server.url("").replace("/app", &format!("/{product}"));
        holds(&expected, &url).await;
    }
}

/// What an operator who got something wrong is told; what is right is shown all the same.
async fn refusals(server: &Postgres) {
    let zammad = Expected::of("zammad");
    let url = server.url("options[search_path]=zammad");
    let text = |more: &str| {
        format!(
            "windows: [7d]\ndatabases: {{desk: {{url: '{url}'}}}}\n\
             tickets:\n  database: desk\n  schema: zammad\n{more}"
        )
    };
    let parse = |more: &str| config::parse(&text(more), Path::new("x.yml"), &|_| None).unwrap();

    // One query fails: its series is absent, its source is down, and the others are there.
    let broken =
        "  closed: SELECT count(*) FROM gone t WHERE {segment} AND a >= :start AND a < :end\n";
    let snapshot = refreshed(parse(broken), week).await;
    let counts = snapshot.segments[0].counts[0].clone().unwrap();
    assert_eq!((counts.created, counts.closed), (Some(7), None));
    assert_eq!(counts.resolved, Some(4), "resolved is not closed");
    let state = &snapshot.sources[0];
    assert!(!state.up);
    let told = state.last_failure().unwrap().to_string();
    assert!(
        told.contains("`closed`") && told.contains("42P01"),
        "{told}"
    );
    assert!(snapshot.segments[0].open.is_some());

    // The role may not read a table: what does not need it is there.
    server
        .execute(
            "CREATE ROLE narrow LOGIN PASSWORD 'narrow'; GRANT USAGE ON SCHEMA zammad TO narrow; \
             GRANT SELECT ON zammad.tickets, zammad.ticket_states, zammad.ticket_state_types TO narrow",
        )
        .await;
    let narrow = server.url_of("narrow", "narrow", "options[search_path]=zammad");
    let config = zammad.config(&narrow, "7d", "week", "");
    let config = Config {
        segments: vec![config::Segment::all()],
        ..config
    };
    let snapshot = refreshed(config, week).await;
    let counts = snapshot.segments[0].counts[0].clone().unwrap();
    assert_eq!(
        (
            counts.created,
            counts.closed,
            counts.replies,
            counts.received_messages
        ),
        (Some(7), Some(6), None, None)
    );
    let told = snapshot.sources[0].last_failures[0].clone();
    assert_eq!(told.reason.name(), "forbidden", "{told}");
    assert!(
        snapshot
            .sources
            .iter()
            .any(|one| one.source.name() == "daily_tickets" && one.up)
    );

    // Another account has other tickets; one that does not exist has none.
    let chatwoot = server.url("options[search_path]=chatwoot");
    let created = async |account: u32| {
        let text = format!(
            "windows: [7d]\ndatabases: {{desk: {{url: '{chatwoot}'}}}}\n\
             tickets: {{database: desk, schema: chatwoot, account_id: {account}}}\n"
        );
        let config = config::parse(&text, Path::new("x.yml"), &|_| None).unwrap();
        let snapshot = refreshed(config, week).await;
        snapshot.segments[0].counts[0].clone().unwrap().created
    };
    assert_eq!(created(1).await, Some(7));
    assert_ne!(created(2).await, Some(7));
    assert_eq!(created(77).await, Some(0));

    // Nobody is there: nothing is shown, least of all 0.
    let nobody = "windows: [7d]\ntimeout: 2s\ndatabases: {desk: {url: 'postgres://a:b@127.0.0.1:1/x'}}\n\
         tickets: {database: desk, schema: zammad}\n";
    let nobody = config::parse(nobody, Path::new("x.yml"), &|_| None).unwrap();
    let snapshot = refreshed(nobody, week).await;
    assert!(snapshot.sources.iter().all(|state| !state.up));
    assert!(snapshot.segments[0].counts[0].is_none());
    assert!(snapshot.segments[0].open.is_none());
    let failures = &snapshot.sources[0].last_failures;
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].reason.name(), "connect");
}

/// Questions fail one by one: the last answer to the one that fails stays, what the others give is
/// shown, and a rate stays with the count that it was made of.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_question_told_stays_while_it_fails() {
    use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.sqlite");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut writer = SqliteConnection::connect_with(&options).await.unwrap();
    let tables =
        "CREATE TABLE created (at TEXT); INSERT INTO created VALUES ('2026-02-05 00:00:00');
        CREATE TABLE closed (at TEXT); INSERT INTO closed VALUES ('2026-02-06 00:00:00');";
    sqlx::raw_sql(tables).execute(&mut writer).await.unwrap();
    let text = format!(
        "windows: [7d]\ndatabases: {{desk: {{url: 'sqlite://{}'}}}}\n\
         tickets:\n  database: desk\n\
         \x20 created: SELECT count(*) FROM created t WHERE {{segment}} AND at >= :start AND at < :end\n\
         \x20 closed: SELECT count(*) FROM closed t WHERE {{segment}} AND at >= :start AND at < :end\n\
         populations: {{visits: {{window: {{database: desk, query: 'SELECT 10 WHERE :start < :end'}}}}}}\n",
        path.display()
    );
    let config = Arc::new(config::parse(&text, Path::new("x.yml"), &|_| None).unwrap());
    let latest: Arc<Mutex<Option<Arc<Snapshot>>>> = Arc::default();
    let outlets = Outlets {
        publish: Box::new({
            let latest = Arc::clone(&latest);
            move |snapshot| *latest.lock().unwrap() = Some(snapshot)
        }),
        now: week,
    };
    let mut refresher = Refresher::new(Arc::clone(&config), sources(&config), Arc::new(outlets));
    let mut counted = async || {
        refresher.refresh().await;
        let snapshot = latest.lock().unwrap().take().unwrap();
        let counts = snapshot.segments[0].counts[0].clone().unwrap();
        let rate = |tickets: &str| {
            let mut rates = snapshot.rates.iter();
            rates
                .find(|rate| rate.tickets.name() == tickets)
                .map(|rate| rate.ratio)
        };
        (
            snapshot.sources[0].up,
            [counts.created, counts.closed, counts.resolved],
            [rate("created"), rate("closed"), rate("resolved")],
        )
    };
    let before = counted().await;
    assert_eq!(
        before,
        (true, [Some(1), Some(1), None], [Some(0.1), Some(0.1), None])
    );

    let change =
        "ALTER TABLE closed RENAME TO gone; INSERT INTO created VALUES ('2026-02-07 00:00:00')";
    sqlx::raw_sql(change).execute(&mut writer).await.unwrap();
    for _ in 0..2 {
        let during = counted().await;
        assert_eq!(
            during,
            (
                false,
                [Some(2), Some(1), None],
                [Some(0.2), Some(0.1), None]
            )
        );
    }

    // Nothing closed is a true 0, and no count of resolved tickets, which nobody asks for.
    let back = "ALTER TABLE gone RENAME TO closed; DELETE FROM closed";
    sqlx::raw_sql(back).execute(&mut writer).await.unwrap();
    let after = counted().await;
    assert_eq!(
        after,
        (true, [Some(2), Some(0), None], [Some(0.2), Some(0.0), None])
    );
}
