//! Populations in a real MariaDB.

use std::time::Duration;

use contact_rate_exporter::{config::Dialect, domain::Reason, sources::count::Populations};
use tokio::time::Instant;

use crate::common::{
    certificates::Certificates,
    mariadb::MariaDb,
    populations::{chain, interval, of_database, read, refused},
    server::Home,
};

const TIMEOUT: Duration = Duration::from_secs(20);

fn populations(server: &MariaDb, queries: &[&str]) -> Populations {
    of_database(Dialect::Mysql, &server.url(""), TIMEOUT, queries)
}

/// Rows at the ends of `[2026-01-01, 2026-01-03)` in UTC: two inside, one before, one after.
const TABLES: &str = "
    SET time_zone = '+00:00';
    CREATE TABLE app.plain (at DATETIME, small TINYINT UNSIGNED DEFAULT 200);
    CREATE TABLE app.stamped (at TIMESTAMP NULL);
    INSERT INTO app.plain (at) VALUES
        ('2025-12-31 23:59:59'), ('2026-01-01 00:00:00'), ('2026-01-02 23:59:59'), ('2026-01-03 00:00:00');
    INSERT INTO app.stamped SELECT at FROM app.plain;
    CREATE TABLE app.people (email VARCHAR(99) UNIQUE, age INT);
    INSERT INTO app.people VALUES ('ada@example.org', 36);
    CREATE USER stranger@'127.0.0.1' IDENTIFIED BY 'right';
    CREATE USER blind@'127.0.0.1' IDENTIFIED BY 'right';
    GRANT SELECT ON app.plain TO blind@'127.0.0.1';
";

#[tokio::test]
async fn answers_are_one_number_read_in_utc() {
    // Behind a proxy a server calls itself as the proxy likes: what it can do is tried.
    let server = MariaDb::start_in(Home::new(&["mysql"]), &["--version=8.0.30-Proxy"]).await;
    server.execute(TABLES).await;
    comparisons(&server).await;
    nothing_is_written(&server).await;

    let good = [
        // Both kinds of columns, whatever the server's time zone.
        (
            "SELECT count(*) FROM plain WHERE at >= :start AND at < :end",
            2.0,
        ),
        (
            "SELECT count(*) FROM stamped WHERE at >= :start AND at < :end",
            2.0,
        ),
        ("SELECT count(*) FROM plain WHERE at < :end", 3.0),
        // A placeholder may come again, and in any order.
        (
            "SELECT count(*) FROM plain WHERE at < :end AND at >= :start AND date(at) < :end",
            2.0,
        ),
        ("SELECT timestampdiff(HOUR, :start, :end)", 48.0),
        ("SELECT hour(:end)", 0.0),
        // Strings, names and comments are left alone; two dashes alone begin none.
        (
            "SELECT length(':end \\' :start') + length(\":end\") # :end ? ",
            17.0,
        ),
        ("SELECT 1 AS `:end` /* :start ? */ -- :end ?\n", 1.0),
        ("SELECT count(*)--1 FROM plain WHERE at < :end;", 4.0),
        ("SELECT @@session.time_zone = '+00:00'", 1.0),
        ("SELECT @@session.tx_read_only", 1.0),
        // What the operator's own client makes of it, this makes of it.
        ("SELECT 0 || 1", 1.0),
        // Every type that a count or a sum comes in.
        ("SELECT small FROM plain LIMIT 1", 200.0),
        (
            "SELECT CAST(18446744073709551615 AS UNSIGNED)",
            18_446_744_073_709_551_615.0,
        ),
        ("SELECT CAST(7 AS SIGNED)", 7.0),
        ("SELECT sum(age) FROM people", 36.0),
        ("SELECT avg(age) / 7 FROM people", 36.0 / 7.0),
        ("SELECT CAST(0.5 AS FLOAT)", 0.5),
        ("SELECT 1e15", 1e15),
        ("SELECT 12.50", 12.5),
        ("SELECT true", 1.0),
        ("SELECT count(*) FROM plain WHERE false", 0.0),
    ];
    let queries: Vec<&str> = good.iter().map(|(query, _)| *query).collect();
    let reader = populations(&server, &queries);
    for (index, (query, expected)) in good.iter().enumerate() {
        let value = read(&reader, index)
            .await
            .unwrap_or_else(|error| panic!("{query}: {}", chain(&error)));
        assert!((value - expected).abs() < 1e-3, "{query} is {value}");
    }
    let deadline = Instant::now() + TIMEOUT;
    let together = (0..good.len()).map(|index| reader.read(index, interval(), deadline));
    for value in futures_util::future::join_all(together).await {
        assert!(value.is_ok());
    }

    let bad = [
        ("SELECT NULL", "NULL"),
        ("SELECT sum(age) FROM people WHERE false", "NULL"),
        ("SELECT age FROM people WHERE false", "no row"),
        ("SELECT at FROM plain", "more than one row"),
        ("SELECT 1, 2", "2 columns"),
        ("SELECT '42'", "VARCHAR"),
        ("SELECT now()", "DATETIME"),
        ("SELECT -1", "negative"),
        ("SELECT -0.001", "negative"),
        (
            "SELECT 99999999999999999999999999999999999999.9",
            "too large",
        ),
        (
            "SELECT 1 FROM nowhere",
            "SQLSTATE 42S02 (error 1146): there is no such table",
        ),
        ("SELECT agee FROM people", "error 1054"),
        ("SELEC 1", "error 1064"),
        ("SELECT 1; SELECT 2", "error 1064"),
        ("", "error 1065"),
        (
            "SELECT count(*) FROM plain WHERE at < ?",
            "neither :start nor :end",
        ),
        (
            "INSERT INTO people VALUES ('eve@example.org', 1)",
            "error 1792",
        ),
        ("UPDATE people SET age = 1", "read-only"),
        ("DELETE FROM people", "error 1792"),
        ("CREATE TABLE more (a INT)", "error 1792"),
        (
            "SELECT extractvalue('<a/>', concat('x', email, '<<')) FROM people",
            "error 1105",
        ),
    ];
    let queries: Vec<&str> = bad.iter().map(|(query, _)| *query).collect();
    let refusing = populations(&server, &queries);
    for (index, (query, expected)) in bad.iter().enumerate() {
        let text = refused(&refusing, index, Reason::Query).await;
        assert!(text.contains(expected), "{query}: {text}");
        assert!(text.contains("`app` (mysql://127.0.0.1:"), "{text}");
        for secret in ["ada@", "eve@", "p&ss", "p%26ss"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    reader.close().await;
    assert!(read(&reader, 0).await.is_ok(), "it opens a new one");
}

#[tokio::test]
async fn faults_are_told_apart_and_overcome() {
    let home = Home::new(&["mysql"]);
    let certificates = Certificates::make(&home);
    let certificate = format!("--ssl-cert={}", certificates.certificate.display());
    let key = format!("--ssl-key={}", certificates.key.display());
    let mut server = MariaDb::start_in(home, &[&certificate, &key]).await;
    server.execute(TABLES).await;

    let with = |url: String, query: &str| of_database(Dialect::Mysql, &url, TIMEOUT, &[query]);
    let text = refused(
        &with(server.url_of("reader", "hunter2", ""), "SELECT 1"),
        0,
        Reason::Auth,
    )
    .await;
    assert!(
        text.contains("error 1045") && !text.contains("hunter2"),
        "{text}"
    );
    let no_right = server.url_of("stranger", "right", "");
    refused(&with(no_right, "SELECT 1"), 0, Reason::Auth).await;
    let blind = server.url_of("blind", "right", "");
    refused(
        &with(blind, "SELECT count(*) FROM people"),
        0,
        Reason::Forbidden,
    )
    .await;

    // TLS.
    let cipher = "SELECT length(variable_value) > 0 FROM information_schema.session_status \
                  WHERE variable_name = 'Ssl_cipher'";
    let ours = certificates.authority.display();
    let strangers = certificates.stranger.display();
    for (parameters, expected) in [
        ("ssl-mode=DISABLED".to_owned(), 0.0),
        ("ssl-mode=PREFERRED".to_owned(), 1.0),
        ("ssl-mode=REQUIRED".to_owned(), 1.0),
        (format!("ssl-mode=VERIFY_CA&ssl-ca={ours}"), 1.0),
        (format!("sslmode=VERIFY_IDENTITY&sslca={ours}"), 1.0),
    ] {
        let value = read(&with(server.url(&parameters), cipher), 0).await;
        assert_eq!(value.unwrap(), expected, "{parameters}");
    }
    for parameters in [
        format!("ssl-mode=VERIFY_CA&ssl-ca={strangers}"),
        format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={strangers}"),
        "ssl-mode=VERIFY_IDENTITY".to_owned(),
    ] {
        refused(&with(server.url(&parameters), cipher), 0, Reason::Connect).await;
    }

    // A statement that takes too long is ended by the server, and the session goes on.
    let short = of_database(
        Dialect::Mysql,
        &server.url(""),
        Duration::from_secs(3),
        &[
            "SELECT count(*) FROM seq_1_to_1000000000 AS a, seq_1_to_1000 AS b WHERE a.seq <> b.seq",
            "SELECT connection_id()",
        ],
    );
    let session = read(&short, 1).await.unwrap();
    let begun = Instant::now();
    let text = refused(&short, 0, Reason::Timeout).await;
    assert!(text.contains("error 1969"), "{text}");
    assert!(begun.elapsed() < TIMEOUT);
    assert_eq!(read(&short, 1).await.unwrap(), session, "the same session");

    // Who stops waiting leaves no half-read session behind.
    let deadline = Instant::now() + Duration::from_millis(200);
    let error = short.read(0, interval(), deadline).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Timeout);

    // A session that the server ended costs no reading.
    let session = read(&short, 1).await.unwrap();
    server.execute(&format!("KILL {session}")).await;
    assert_ne!(read(&short, 1).await.unwrap(), session);

    // Nor does a server that was started again; while it is gone, it says so.
    server.stop();
    refused(&short, 1, Reason::Connect).await;
    server.start_again().await;
    assert!(read(&short, 1).await.is_ok());
    server.stop();
    server.start_again().await;
    assert!(read(&short, 1).await.is_ok());
}

/// Rows at the ends of `[2026-01-01, 2026-01-03)`, in every way in which applications write times.
const TIMES: &str = "
    SET time_zone = '+00:00';
    CREATE TABLE app.times (at DATETIME, stamp TIMESTAMP NULL, day DATE, seconds INT, millis BIGINT,
        number DOUBLE, plain VARCHAR(40), iso VARCHAR(40), zulu VARCHAR(40), french VARCHAR(40), empty VARCHAR(40));
    INSERT INTO app.times (at) VALUES
        ('2025-12-31 23:59:59'), ('2026-01-01 00:00:00'), ('2026-01-02 23:59:59'), ('2026-01-03 00:00:00');
    UPDATE app.times SET stamp = at, day = at, seconds = unix_timestamp(at), millis = seconds * 1000, number = seconds,
        plain = at, iso = date_format(at, '%Y-%m-%dT%H:%i:%s'), zulu = concat(iso, 'Z'), french = date_format(at, '%d/%m/%Y %H:%i'), empty = '';
";

async fn comparisons(server: &MariaDb) {
    server.execute(TIMES).await;
    let good = [
        "at >= :start AND at < :end",
        "stamp >= :start AND stamp < :end",
        "day >= :start AND day < :end",
        "plain >= :start AND plain < :end",
        "seconds >= :start_unix AND seconds < :end_unix",
        "number >= :start_unix AND number < :end_unix",
        "seconds >= unix_timestamp(:start) AND seconds < unix_timestamp(:end)",
        "from_unixtime(seconds) >= :start AND seconds < :end_unix",
        "millis / 1000 >= :start_unix AND millis DIV 1000 < :end_unix",
        "iso >= :start_iso AND iso < :end_iso",
        "zulu >= :start_iso AND zulu < :end_iso",
        "at >= :start_iso AND at < :end_iso",
        "str_to_date(french, '%d/%m/%Y %H:%i') >= :start AND at < :end",
        "at >= :start AND at < :end AND month(at) = month(:start)",
    ];
    let bad = [
        (
            "seconds >= :start AND seconds < :end",
            "`seconds` holds numbers",
        ),
        ("seconds < :end", ":start_unix and :end_unix"),
        (
            "times.millis BETWEEN :start AND :end",
            "`times.millis` holds numbers",
        ),
        ("number < :end", "`number` holds numbers"),
        (
            "seconds + 0 >= :start AND seconds < :end",
            "an expression holds numbers",
        ),
        ("seconds < :end_iso", "`seconds` holds numbers"),
        (
            "at >= :start_unix AND at < :end_unix",
            "`at` holds no numbers",
        ),
        ("day < :end_unix", "`day` holds no numbers"),
        ("plain < :end_unix", "`plain` holds no numbers"),
        (
            "millis >= :start_unix AND millis < :end_unix",
            "milliseconds",
        ),
        (
            "plain >= :start_iso AND plain < :end_iso",
            ":start and :end",
        ),
        ("zulu >= :start AND zulu < :end", "1292"),
        ("french >= :start AND french < :end", "1292"),
        (
            "EXISTS (SELECT 1 FROM times AS o WHERE o.seconds < :end)",
            "`o.seconds` holds numbers",
        ),
    ];
    let query = |condition: &str| format!("SELECT count(*) FROM times WHERE {condition}");
    let queries: Vec<String> = good.iter().map(|condition| query(condition)).collect();
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let reader = populations(server, &queries);
    for (index, query) in queries.iter().enumerate() {
        let value = read(&reader, index).await.map_err(|error| chain(&error));
        assert_eq!(value, Ok(2.0), "{query}");
    }
    let queries: Vec<String> = bad.iter().map(|(condition, _)| query(condition)).collect();
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let reader = populations(server, &queries);
    for (index, (condition, expected)) in bad.iter().enumerate() {
        for _again in 0..2 {
            let text = refused(&reader, index, Reason::Query).await;
            assert!(text.contains(expected), "{condition}: {text}");
        }
    }
}

async fn nothing_is_written(server: &MariaDb) {
    server
        .execute(
            "CREATE TABLE app.kept (a INT); INSERT INTO app.kept VALUES (1);
             CREATE PROCEDURE app.sly() BEGIN COMMIT; SET SESSION TRANSACTION READ WRITE; END;",
        )
        .await;
    let queries = [
        "SET SESSION TRANSACTION READ WRITE",
        "SET SESSION time_zone = '+05:00'",
        "SET SESSION tx_read_only = 0",
        "CALL sly()",
        "COMMIT",
        "DELETE FROM kept",
        "INSERT INTO kept VALUES (2)",
        "DROP TABLE kept",
        "SELECT count(*) FROM kept",
        "SELECT @@session.time_zone = '+00:00' AND @@session.tx_read_only",
        "SELECT GET_LOCK('kept', 0)",
        "SELECT IS_FREE_LOCK('kept')",
        "SELECT @kept := 5",
        "SELECT @kept IS NULL",
    ];
    let reader = populations(server, &queries);
    let deadline = Instant::now() + TIMEOUT;
    server
        .execute("CREATE VIEW app.seen AS SELECT * FROM app.kept")
        .await;
    let named = populations(
        server,
        &["SELECT count(*) FROM `kept` AS k JOIN app.seen USING (a)"],
    );
    // Locks and variables of a session go with it.
    for of_another in [10, 12] {
        assert!(read(&reader, of_another).await.is_ok());
        assert_eq!(read(&reader, of_another + 1).await.unwrap(), 1.0);
    }
    let relations = named.relations(0, deadline).await;
    let told: Vec<String> = relations.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0] == "app.kept" && told[1].starts_with("app.seen (a view"),
        "{told:?}"
    );
    for (sly, query) in queries.iter().enumerate().take(5) {
        refused(&reader, sly, Reason::Query).await;
        for write in 5..8 {
            let text = refused(&reader, write, Reason::Query).await;
            assert!(text.contains("error 1792"), "{query}: {text}");
        }
        assert_eq!(read(&reader, 8).await.unwrap(), 1.0, "{query}");
        assert_eq!(read(&reader, 9).await.unwrap(), 1.0, "{query}");
    }
}
