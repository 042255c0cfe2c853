//! Populations in SQLite files.

#![allow(
    clippy::float_cmp,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "counts are exact, and a table of cases is long"
)]

#[path = "common/populations.rs"]
mod populations;

use std::{path::Path, time::Duration};

use contact_rate_exporter::{
    config::{Database, Dialect, Secret},
    domain::Reason,
    sources::count::Populations,
};
use populations::{chain, config, interval, of_database, read, refused};
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::time::Instant;

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
        Duration::from_millis(300),
        &["SELECT count(*) FROM people"],
    );
    refused(&waiting, 0, Reason::Timeout).await;
    drop(writer);

    // Write-ahead logging, with a writer at work.
    let logged = folder.path().join("logged.db");
    let _writer = write(&logged, "PRAGMA journal_mode = WAL; CREATE TABLE people (email TEXT); INSERT INTO people VALUES (1)").await;
    let populations = of(&logged, TIMEOUT, &["SELECT count(*) FROM people"]);
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
}
