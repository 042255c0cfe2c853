//! Populations in SQLite files.

use std::{path::Path, time::Duration};

use contact_rate_exporter::{
    config::{Database, Dialect, Secret},
    domain::Reason,
    sources::count::Populations,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::common::populations::{chain, config, interval, of_database, read, refused};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Rows at the ends of `[2026-01-01, 2026-01-03)` in UTC: two inside, one before, one after.
const TABLES: &str = "
    CREATE TABLE plain (at TEXT, typed DATETIME, unixly INTEGER);
    INSERT INTO plain (at) VALUES
        ('2025-12-31 23:59:59'), ('2026-01-01 00:00:00'), ('2026-01-02 23:59:59'), ('2026-01-03 00:00:00');
    UPDATE plain SET typed = at, unixly = unixepoch(at);
    CREATE TABLE people (email TEXT UNIQUE, age INT);
    INSERT INTO people VALUES ('ada@example.org', 36);
";

async fn write(path: &Path, statements: &str) -> SqliteConnection {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

fn of(path: &Path, timeout: Duration, queries: &[&str]) -> Populations {
    let url = format!("sqlite://{}", path.display());
    of_database(Dialect::Sqlite, &url, timeout, queries)
}

#[tokio::test]
async fn answers_are_one_number_read_in_utc() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.db");
    let _writer = write(&path, TABLES).await;
    let good = [
        (
            "SELECT count(*) FROM plain WHERE at >= :start AND at < :end",
            2.0,
        ),
        (
            "SELECT count(*) FROM plain WHERE typed >= :start AND typed < :end",
            2.0,
        ),
        (
            "SELECT count(*) FROM plain WHERE unixly >= unixepoch(:start) AND unixly < unixepoch(:end)",
            2.0,
        ),
        ("SELECT count(*) FROM plain WHERE at < :end", 3.0),
        (
            "SELECT count(*) FROM plain WHERE at < :end AND at >= :start AND at < :end",
            2.0,
        ),
        (
            "SELECT :start = '2026-01-01 00:00:00' AND :end = '2026-01-03 00:00:00'",
            1.0,
        ),
        (
            "SELECT length(':end \\') + length(\":end\") AS [:start], 1 AS `:end` -- :end ?\n /* :start ? */ WHERE 0 UNION SELECT 1, 2",
            0.0,
        ),
        ("SELECT sum(age) FROM people", 36.0),
        ("SELECT avg(age) / 7 FROM people", 36.0 / 7.0),
        ("SELECT unixly - unixly + 5 FROM plain LIMIT 1;", 5.0),
        ("SELECT count(*) FROM plain WHERE 0", 0.0),
    ];
    let queries: Vec<&str> = good.iter().map(|(query, _)| *query).collect();
    let populations = of(&path, TIMEOUT, &queries);
    for (index, (query, expected)) in good.iter().enumerate() {
        if query.contains("UNION") {
            // Two columns: shows only that nothing in it was taken for a placeholder.
            let text = refused(&populations, index, Reason::Query).await;
            assert!(text.contains("2 columns"), "{text}");
            continue;
        }
        let value = read(&populations, index)
            .await
            .unwrap_or_else(|error| panic!("{query}: {}", chain(&error)));
        assert!((value - expected).abs() < 1e-9, "{query} is {value}");
    }
}

#[tokio::test]
async fn what_is_not_one_number_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.db");
    let _writer = write(&path, TABLES).await;
    let bad = [
        ("SELECT NULL", "NULL"),
        ("SELECT sum(age) FROM people WHERE 0", "NULL"),
        ("SELECT age FROM people WHERE 0", "no row"),
        ("SELECT at FROM plain", "more than one row"),
        ("SELECT 1, 2", "2 columns"),
        ("SELECT '42'", "TEXT"),
        ("SELECT typed FROM plain LIMIT 1", "TEXT"),
        ("SELECT x'2a'", "BLOB"),
        ("SELECT -1", "negative"),
        ("SELECT 9e999", "infinity"),
        ("SELECT 1 FROM nowhere", "SQLite result code 1"),
        ("SELEC 1", "must begin with SELECT"),
        ("", "no row"),
        // A placeholder that nothing fills would be NULL, and the count 0.
        (
            "SELECT count(*) FROM plain WHERE at < ?",
            "neither :start nor :end",
        ),
        (
            "SELECT count(*) FROM plain WHERE at < :ended",
            "neither :start nor :end",
        ),
        (
            "SELECT count(*) FROM plain WHERE at < :end AND at > @begin",
            "neither :start nor :end",
        ),
        (
            "SELECT count(*) FROM plain WHERE at < $0",
            "neither :start nor :end",
        ),
        // Nothing can be written.
        (
            "INSERT INTO people VALUES ('eve@example.org', 1) RETURNING 1",
            "read-only",
        ),
        ("UPDATE people SET age = 1", "read-only"),
        ("CREATE TABLE more (a INT)", "read-only"),
        ("PRAGMA query_only = OFF", "read-only"),
        ("SELECT json(email) FROM people", "SQLite result code 1"),
    ];
    let queries: Vec<&str> = bad.iter().map(|(query, _)| *query).collect();
    let populations = of(&path, TIMEOUT, &queries);
    for (index, (query, expected)) in bad.iter().enumerate() {
        let text = refused(&populations, index, Reason::Query).await;
        assert!(text.contains(expected), "{query}: {text}");
        for secret in ["ada@", "eve@"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn an_address_that_no_driver_understands_is_refused_without_showing_it() {
    for (dialect, url) in [
        (Dialect::Sqlite, "sqlite://app.db?mode=sideways"),
        (Dialect::Sqlite, "sqlite://app.db?cypher=hunter2"),
        (
            Dialect::Postgres,
            "postgres://ada:hunter2@db/app?sslmode=sometimes",
        ),
        (Dialect::Postgres, "postgres://ada:hunter2@db:port/app"),
        (
            Dialect::Mysql,
            "mysql://ada:hunter2@db/app?ssl-mode=sometimes",
        ),
        (Dialect::Mysql, "//ada:hunter2@db"),
    ] {
        let database = Database {
            name: "app".to_owned(),
            dialect,
            url: Secret::new(url),
            folder: std::path::PathBuf::new(),
        };
        let config = config(TIMEOUT, vec![database], Vec::new());
        let Err(error) = Populations::new(&config) else {
            panic!("{url} is understood");
        };
        let text = chain(&error);
        assert!(text.contains("database `app`"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(error.reason(), Reason::Connect);
    }
}

#[tokio::test]
async fn faults_are_told_apart_and_overcome() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.db");
    let endless =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let populations = of(
        &path,
        Duration::from_millis(300),
        &["SELECT count(*) FROM people", endless, "SELECT 1"],
    );

    // No file is no empty database.
    let text = refused(&populations, 0, Reason::Connect).await;
    assert!(text.contains("SQLite result code 14"), "{text}");
    assert!(!path.exists());
    std::fs::write(
        &path,
        "this is a text, long enough to have been a header of some sort, and none",
    )
    .unwrap();
    refused(&populations, 0, Reason::Connect).await;
    std::fs::remove_file(&path).unwrap();

    // A file put in the place of another is seen at once.
    let mut writer = write(&path, TABLES).await;
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
    let other = folder.path().join("other.db");
    drop(
        write(
            &other,
            "CREATE TABLE people (email TEXT); INSERT INTO people VALUES (1), (2)",
        )
        .await,
    );
    std::fs::rename(&other, &path).unwrap();
    assert_eq!(read(&populations, 0).await.unwrap(), 2.0);

    // A statement without end is ended, and the thread that ran it is free.
    let begun = Instant::now();
    refused(&populations, 1, Reason::Timeout).await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    let deadline = Instant::now() + Duration::from_millis(50);
    let error = populations.read(1, interval(), deadline).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Timeout);
    assert_eq!(read(&populations, 2).await.unwrap(), 1.0);

    // A lock that is not given in time.
    let locked = folder.path().join("locked.db");
    writer = {
        drop(writer);
        write(
            &locked,
            "CREATE TABLE people (email TEXT); PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE",
        )
        .await
    };
    let waiting = of(
        &locked,
        Duration::from_secs(2),
        &["SELECT count(*) FROM people"],
    );
    let text = refused(&waiting, 0, Reason::Timeout).await;
    assert!(text.contains("locked by another process"), "{text}");
    assert!(!text.contains("index"), "{text}");
    drop(writer);

    // Write-ahead logging, with a writer at work.
    let logged = folder.path().join("logged.db");
    let _writer = write(&logged, "PRAGMA journal_mode = WAL; CREATE TABLE people (email TEXT); INSERT INTO people VALUES (1)").await;
    let populations = of(&logged, TIMEOUT, &["SELECT count(*) FROM people"]);
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
}

/// Rows at 2026-01-01 00:00, 12:00 and 23:59:59.5 (inside), one second before and at the end, in
/// every way in which applications write times.
const TIMES: &str = "
    CREATE TABLE times (at TEXT, seconds INTEGER, millis INTEGER, iso TEXT, zulu TEXT, untyped,
        numeric_text NUMERIC, day TEXT, minute TEXT, zoned TEXT, julian REAL, french TEXT, mixed, until TEXT);
    INSERT INTO times (at) VALUES ('2025-12-31 23:59:59'), ('2026-01-01 00:00:00'),
        ('2026-01-01 12:00:00'), ('2026-01-02 23:59:59'), ('2026-01-03 00:00:00');
    UPDATE times SET seconds = unixepoch(at), millis = unixepoch(at) * 1000,
        iso = replace(at, ' ', 'T'), zulu = replace(at, ' ', 'T') || '.000Z', untyped = unixepoch(at),
        numeric_text = unixepoch(at), day = date(at), minute = substr(at, 1, 16), zoned = at || '+02:00',
        julian = julianday(at), french = strftime('%d/%m/%Y %H:%M', at), mixed = at, until = '9999-12-31';
    UPDATE times SET mixed = unixepoch(at) WHERE at > '2026-01-02';
    CREATE INDEX by_seconds ON times (seconds);
    CREATE VIEW recent AS SELECT seconds AS happened, iso FROM times;
";

#[tokio::test]
async fn a_comparison_that_is_not_defined_is_no_count() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.db");
    let _writer = write(&path, TIMES).await;
    let refused_ones = [
        // The whole table, or nothing of it, without a word of SQLite's.
        (
            "seconds >= :start AND seconds < :end",
            "`seconds` holds numbers",
        ),
        ("seconds < :end", ":start_unix and :end_unix"),
        (
            ":start <= seconds AND :end > seconds",
            "`seconds` holds numbers",
        ),
        ("seconds BETWEEN :start AND :end", "`seconds` holds numbers"),
        (
            "times.untyped >= :start AND untyped < :end",
            "`times.untyped` holds numbers",
        ),
        ("seconds * 1 >= :start AND seconds < :end", "holds numbers"),
        ("mixed >= :start AND mixed < :end", "`mixed` holds numbers"),
        (
            "julian >= :start AND julian < :end",
            "`julian` holds numbers",
        ),
        (
            "untyped >= strftime('%s', :start) AND untyped < strftime('%s', :end)",
            "`untyped` holds numbers",
        ),
        ("iso >= :start AND iso < :end", ":start_iso and :end_iso"),
        ("zulu >= :start AND zulu < :end", ":start_iso and :end_iso"),
        ("iso < :end", ":start_iso"),
        ("at >= :start_iso AND at < :end_iso", ":start and :end"),
        ("day >= :start AND day < :end", "date(:start)"),
        ("minute >= :start AND minute < :end", "datetime("),
        ("zoned >= :start AND zoned < :end", "another zone"),
        ("french >= :start AND french < :end", "year first"),
        (
            "millis >= :start_unix AND millis < :end_unix",
            "milliseconds",
        ),
        (
            "julian >= :start_unix AND julian < :end_unix",
            "milliseconds",
        ),
        (
            "at >= :start_unix AND at < :end_unix",
            "`at` holds no numbers",
        ),
        ("date(at) >= :start AND at < :end", "date(:start)"),
        (
            "EXISTS (SELECT 1 FROM times AS o WHERE o.iso < :end AND times.at >= :start)",
            ":start_iso",
        ),
        (
            "rowid IN (SELECT rowid FROM times AS o WHERE times.seconds < :end AND o.at >= :start)",
            "`times.seconds` holds numbers",
        ),
    ];
    let queries: Vec<String> = refused_ones
        .iter()
        .map(|(condition, _)| format!("SELECT count(*) FROM times WHERE {condition}"))
        .chain([
            "SELECT sum(seconds >= :start AND seconds < :end) FROM times".to_owned(),
            "SELECT count(*) FROM recent WHERE happened < :end".to_owned(),
            "WITH n AS (SELECT iso AS i FROM times) SELECT count(*) FROM n WHERE i >= :start AND i < :end".to_owned(),
            "SELECT 1 UNION ALL SELECT count(*) FROM times WHERE seconds < :end".to_owned(),
            "SELECT (SELECT count(*) FROM times AS t WHERE t.seconds < :end)".to_owned(),
            // What the join is on leaves no row of it.
            "SELECT count(*) FROM times AS t JOIN times AS o ON o.rowid = t.rowid AND o.seconds >= :start AND o.seconds < :end".to_owned(),
            "SELECT count(o.at) FROM times AS t LEFT JOIN times AS o ON o.rowid = t.rowid AND o.iso < :end".to_owned(),
            "SELECT count(*) FROM (SELECT day FROM times GROUP BY day HAVING max(seconds) >= :start AND max(seconds) < :end)".to_owned(),
            "WITH b AS (SELECT :start AS s, :end AS e) SELECT count(*) FROM times, b WHERE seconds >= b.s AND seconds < b.e".to_owned(),
            "WITH b(s, e) AS (VALUES (:start, :end)) SELECT count(*) FROM times JOIN b ON seconds >= s AND seconds < e".to_owned(),
            "SELECT count(*) FROM times WHERE (seconds, 1) >= (:start, 1) AND (seconds, 1) < (:end, 1)".to_owned(),
            "SELECT count(*) FROM times WHERE seconds - :start >= 0 AND seconds - :end < 0".to_owned(),
        ])
        .collect();
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let populations = of(&path, TIMEOUT, &queries);
    for (index, query) in queries.iter().enumerate() {
        let text = refused(&populations, index, Reason::Query).await;
        let expected = refused_ones
            .get(index)
            .map_or("", |(_, expected)| *expected);
        assert!(text.contains(expected), "{query}: {text}");
        // Refused once, refused again.
        refused(&populations, index, Reason::Query).await;
    }
}

#[tokio::test]
async fn the_right_form_counts_in_every_way_of_writing_times() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.db");
    let writer = write(&path, TIMES).await;
    let conditions = [
        "at >= :start AND at < :end",
        "seconds >= :start_unix AND seconds < :end_unix",
        "untyped >= :start_unix AND untyped < :end_unix",
        "numeric_text >= :start_unix AND numeric_text < :end_unix",
        "seconds >= unixepoch(:start) AND seconds < unixepoch(:end)",
        "seconds >= strftime('%s', :start) AND seconds < strftime('%s', :end)",
        "datetime(seconds, 'unixepoch') >= :start AND seconds < :end_unix",
        "millis / 1000 >= :start_unix AND millis / 1000 < :end_unix",
        "millis >= :start_unix * 1000 AND millis < :end_unix * 1000",
        "iso >= :start_iso AND iso < :end_iso",
        "zulu >= :start_iso AND zulu < :end_iso",
        "datetime(zulu) >= :start AND datetime(zulu) < :end",
        "julian >= julianday(:start) AND julian < julianday(:end)",
        "day >= date(:start) AND day < date(:end)",
        "at >= date(:start) AND at < date(:end)",
        "at >= :start AND at < :end AND until > :end",
        "at >= :start AND at < :end AND strftime('%m', at) = strftime('%m', :start)",
        "at >= :start AND at < :end AND CAST(strftime('%H', at) AS INTEGER) >= CAST(strftime('%H', :start) AS INTEGER)",
        "at >= :start AND at < :end AND rowid IN (SELECT rowid FROM times WHERE seconds < :end_unix)",
    ];
    let queries: Vec<String> = conditions
        .iter()
        .map(|condition| format!("SELECT count(*) FROM times WHERE {condition}"))
        .chain([
            "SELECT count(o.at) FROM times AS t LEFT JOIN times AS o ON o.rowid = t.rowid AND o.seconds >= :start_unix AND o.seconds < :end_unix".to_owned(),
            "WITH b AS (SELECT :start_unix AS s, :end_unix AS e) SELECT count(*) FROM times, b WHERE seconds >= b.s AND seconds < b.e".to_owned(),
            "SELECT count(*) FROM (SELECT at FROM times GROUP BY at HAVING max(seconds) >= :start_unix AND max(seconds) < :end_unix)".to_owned(),
            "SELECT count(*) FROM times WHERE seconds - :start_unix >= 0 AND seconds - :end_unix < 0".to_owned(),
        ])
        .collect();
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let populations = of(&path, TIMEOUT, &queries);
    for (index, query) in queries.iter().enumerate() {
        let value = read(&populations, index)
            .await
            .unwrap_or_else(|error| panic!("{query}: {}", chain(&error)));
        assert_eq!(value, 3.0, "{query}");
    }

    // An empty table counts 0 and says nothing of the rows to come: they are looked at.
    drop(writer);
    let empty = folder.path().join("empty.db");
    let mut writer = write(&empty, "CREATE TABLE t (at)").await;
    let populations = of(&empty, TIMEOUT, &["SELECT count(*) FROM t WHERE at < :end"]);
    assert_eq!(read(&populations, 0).await.unwrap(), 0.0);
    sqlx::raw_sql("INSERT INTO t VALUES (1767225600)")
        .execute(&mut writer)
        .await
        .unwrap();
    refused(&populations, 0, Reason::Query).await;
}

/// Opening a pipe would wait for whoever writes to it, and for ever.
#[tokio::test]
async fn a_pipe_at_its_path_is_not_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.db");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let populations = of(&path, TIMEOUT, &["SELECT 7"]);
    let text = refused(&populations, 0, Reason::Connect).await;
    assert!(text.contains("a pipe"), "{text}");
    // A file that takes its place is opened.
    std::fs::remove_file(&path).unwrap();
    let _writer = write(&path, TABLES).await;
    assert_eq!(read(&populations, 0).await.unwrap(), 7.0);
}

#[tokio::test]
async fn a_file_is_only_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.db");
    let _writer = write(&path, TABLES).await;
    let copy = folder.path().join("copy.db");
    let into = format!("PRAGMA query_only=OFF; VACUUM INTO '{}'", copy.display());
    let vacuum = format!("VACUUM INTO '{}'", copy.display());
    let attach = format!("ATTACH '{}' AS other", copy.display());
    let then = format!("SELECT 1; {vacuum}");
    let queries = [
        into.as_str(),
        &vacuum,
        &attach,
        &then,
        "SELECT 1; DELETE FROM people",
        "PRAGMA query_only=OFF",
        "DELETE FROM people",
        "WITH gone AS (SELECT 1) DELETE FROM people",
        "BEGIN; SELECT 1",
        "REPLACE INTO people VALUES ('eve@example.org', 1)",
    ];
    let populations = of(&path, TIMEOUT, &queries);
    for index in 0..queries.len() {
        let text = refused(&populations, index, Reason::Query).await;
        assert!(!text.contains("eve@"), "{text}");
    }
    let rest = of(&path, TIMEOUT, &["SELECT count(*) FROM people"]);
    assert_eq!(read(&rest, 0).await.unwrap(), 1.0);
    assert!(!copy.exists());
}
