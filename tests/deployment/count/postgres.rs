//! Populations in a real PostgreSQL.

use std::time::Duration;

use contact_rate_exporter::{
    config::{Dialect, Secret},
    domain::Reason,
    sources::count::Populations,
};
use sqlx::Row as _;
use tokio::time::Instant;

use crate::common::{
    populations::{chain, interval, of_database, of_secret, read, refused},
    postgres::{PASSWORD, Postgres},
};

const TIMEOUT: Duration = Duration::from_secs(20);

fn populations(server: &Postgres, queries: &[&str]) -> Populations {
    of_database(Dialect::Postgres, &server.url(""), TIMEOUT, queries)
}

/// Rows at the ends of `[2026-01-01, 2026-01-03)` in UTC: two inside, one before, one after. In
/// Paris, the server's own zone, one of the two would be outside.
const TABLES: &str = "
    CREATE TABLE zoned (at timestamptz);
    CREATE TABLE plain (at timestamp);
    CREATE TABLE dated (at date);
    INSERT INTO plain VALUES
        ('2025-12-31 23:59:59'), ('2026-01-01 00:00:00'), ('2026-01-02 23:59:59'), ('2026-01-03 00:00:00');
    INSERT INTO zoned SELECT at AT TIME ZONE 'UTC' FROM plain;
    INSERT INTO dated SELECT at FROM plain;
";

#[tokio::test]
async fn answers_are_one_number_read_in_utc() {
    let server = Postgres::start(&[]).await;
    server.execute(TABLES).await;

    let good = [
        // Both kinds of columns, whatever the server's time zone.
        (
            "SELECT count(*) FROM zoned WHERE at >= :start AND at < :end",
            2.0,
        ),
        (
            "SELECT count(*) FROM plain WHERE at >= :start AND at < :end",
            2.0,
        ),
        (
            "SELECT count(*) FROM dated WHERE at >= :start AND at < :end",
            2.0,
        ),
        ("SELECT count(*) FROM plain WHERE at < :end", 3.0),
        // A placeholder may come again, and in any order.
        (
            "SELECT count(*) FROM plain WHERE at < :end AND at >= :start AND at + '0s' < :end",
            2.0,
        ),
        (
            "SELECT extract(epoch FROM :end - :start)::bigint / 86400",
            2.0,
        ),
        // Casts, strings, names and comments are left alone.
        (
            "SELECT count(*)::int4 FROM zoned WHERE at < :end::timestamptz AND ':end' <> ':start'",
            3.0,
        ),
        (
            "SELECT 1 AS \":start\" -- :start ? $1\n /* :end /* */ :end */ WHERE $q$:end$q$ <> E'\\':end'",
            1.0,
        ),
        ("SELECT array_length((ARRAY[4, 5, 6])[2:3], 1) ; ", 2.0),
        (
            "SELECT count(*) FROM zoned WHERE '{\"a\": 1}'::jsonb ? 'a' AND at < :end",
            3.0,
        ),
        // The session's zone shows in what the query itself makes of time.
        (
            "SELECT extract(hour FROM '2026-07-01T12:00:00Z'::timestamptz)",
            12.0,
        ),
        ("SELECT (current_setting('TimeZone') = 'UTC')::int", 1.0),
        (
            "SELECT (current_setting('application_name') = 'contact-rate-exporter')::int",
            1.0,
        ),
        (
            "SELECT (current_setting('transaction_read_only') = 'on')::int",
            1.0,
        ),
        // Every type that a count or a sum comes in.
        ("SELECT 7::int2", 7.0),
        ("SELECT 2147483647::int4", 2_147_483_647.0),
        ("SELECT 9007199254740992::int8", 9_007_199_254_740_992.0),
        ("SELECT 0.5::float4", 0.5),
        ("SELECT 1e15::float8", 1e15),
        (
            "SELECT sum(n) FROM (VALUES (1::bigint), (41)) AS t (n)",
            42.0,
        ),
        (
            "SELECT avg(n) FROM (VALUES (1), (2), (2)) AS t (n)",
            5.0 / 3.0,
        ),
        ("SELECT 12.50::numeric(10, 2)", 12.5),
        ("SELECT (1 / 3::numeric)::numeric(60, 50)", 1.0 / 3.0),
        ("SELECT 0::numeric", 0.0),
        ("SELECT count(*) FROM plain WHERE false", 0.0),
    ];
    let queries: Vec<&str> = good.iter().map(|(query, _)| *query).collect();
    let populations = populations(&server, &queries);
    for (index, (query, expected)) in good.iter().enumerate() {
        let value = read(&populations, index)
            .await
            .unwrap_or_else(|error| panic!("{query}: {}", chain(&error)));
        assert!((value - expected).abs() < 1e-9, "{query} is {value}");
    }

    // All of them together take turns on one connection.
    let deadline = Instant::now() + TIMEOUT;
    let together = (0..good.len()).map(|index| populations.read(index, interval(), deadline));
    for value in futures_util::future::join_all(together).await {
        assert!(value.is_ok());
    }
    let mut admin = server.connect().await;
    let sessions = sqlx::query(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'contact-rate-exporter'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(sessions.get::<i64, _>(0), 1);

    // And leave no trace: no prepared statement, no open transaction, nothing in the log.
    let state = sqlx::query(
        "SELECT state FROM pg_stat_activity WHERE application_name = 'contact-rate-exporter'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(state.get::<String, _>(0), "idle");
    populations.close().await;
    assert!(
        !server.log_text().contains("ERROR"),
        "{}",
        server.log_text()
    );
    assert!(read(&populations, 0).await.is_ok(), "it opens a new one");
}

#[tokio::test]
async fn what_is_not_one_number_is_refused() {
    let server = Postgres::start(&[]).await;
    server.execute(TABLES).await;
    server
        .execute(
            "CREATE TABLE people (email text UNIQUE, age int);
             INSERT INTO people VALUES ('ada@example.org', 36);
             CREATE ROLE reader LOGIN PASSWORD 'right'",
        )
        .await;
    let bad = [
        ("SELECT NULL::bigint", "NULL"),
        ("SELECT sum(age) FROM people WHERE false", "NULL"),
        ("SELECT age FROM people WHERE false", "no row"),
        ("SELECT at FROM plain", "more than one row"),
        ("SELECT generate_series(1, 10000000)", "more than one row"),
        ("SELECT 1, 2", "2 columns"),
        ("SELECT FROM people", "0 columns"),
        ("SELECT '42'::text", "TEXT"),
        ("SELECT '42'", "TEXT"),
        ("SELECT true", "BOOL"),
        ("SELECT now()", "TIMESTAMPTZ"),
        ("SELECT ARRAY[1]", "INT4[]"),
        ("SELECT -1", "negative"),
        ("SELECT -0.001", "negative"),
        ("SELECT 'NaN'::float8", "NaN"),
        ("SELECT 'Infinity'::float8", "infinity"),
        ("SELECT 'NaN'::numeric", "NaN"),
        ("SELECT 'Infinity'::numeric", "too large"),
        ("SELECT repeat('9', 60)::numeric", "too large"),
        // Errors are told by code and position; the words can quote a row.
        ("SELECT email::int FROM people", "SQLSTATE 22P02"),
        ("SELECT 1 / (age - 36) FROM people", "SQLSTATE 22012"),
        (
            "SELECT 1 FROM nowhere",
            "SQLSTATE 42P01 at character 15: there is no such table",
        ),
        (
            "SELECT sum(agee) FROM people",
            "SQLSTATE 42703 at character 12",
        ),
        ("SELECT", "0 columns"),
        (
            "SELEC 1",
            "SQLSTATE 42601 at character 1: the syntax is wrong",
        ),
        ("SELECT 1; SELECT 2", "SQLSTATE 42601"),
        ("", "no row"),
        // Nothing can be written.
        (
            "INSERT INTO people VALUES ('eve@example.org', 1) RETURNING 1",
            "SQLSTATE 25006",
        ),
        ("UPDATE people SET age = 1 RETURNING age", "read-only"),
        (
            "WITH gone AS (DELETE FROM people RETURNING 1) SELECT count(*) FROM gone",
            "SQLSTATE 25006",
        ),
        ("CREATE TABLE more (a int)", "SQLSTATE 25006"),
        ("SET TRANSACTION READ WRITE", "no row"),
        ("COMMIT", "no row"),
        ("SELECT nextval('people_seq')", "SQLSTATE 42P01"),
    ];
    let queries: Vec<&str> = bad.iter().map(|(query, _)| *query).collect();
    let populations = populations(&server, &queries);
    for (index, (query, expected)) in bad.iter().enumerate() {
        let text = refused(&populations, index, Reason::Query).await;
        assert!(text.contains(expected), "{query}: {text}");
        assert!(text.contains(&format!("`population_{index}`")), "{text}");
        assert!(text.contains("`app` (postgres://localhost:"), "{text}");
        for secret in ["ada@", "eve@", "p&ss", "p%26ss"] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    // A session that tried to switch writing on cannot write in its next reading either.
    let sly = of_database(
        Dialect::Postgres,
        &server.url(""),
        TIMEOUT,
        &[
            "SELECT length(set_config('default_transaction_read_only', 'off', false))",
            "SELECT length(set_config('transaction_read_only', 'off', false))",
            "INSERT INTO people VALUES ('mallory@example.org', 1) RETURNING 1",
        ],
    );
    assert!(read(&sly, 0).await.is_ok());
    refused(&sly, 1, Reason::Query).await;
    let text = refused(&sly, 2, Reason::Query).await;
    assert!(text.contains("SQLSTATE 25006"), "{text}");

    // A role that may not read says so.
    let stranger = of_database(
        Dialect::Postgres,
        &server.url_of("reader", "right", ""),
        TIMEOUT,
        &["SELECT count(*) FROM people"],
    );
    let text = refused(&stranger, 0, Reason::Forbidden).await;
    assert!(text.contains("SQLSTATE 42501"), "{text}");
}

#[tokio::test]
async fn faults_are_told_apart_and_overcome() {
    let mut server = Postgres::start(&[]).await;

    let wrong = |role, password, parameters| {
        let url = server.url_of(role, password, parameters);
        of_database(Dialect::Postgres, &url, TIMEOUT, &["SELECT 1"])
    };
    let text = refused(&wrong("postgres", "hunter2", ""), 0, Reason::Auth).await;
    assert!(
        text.contains("SQLSTATE 28P01") && !text.contains("hunter2"),
        "{text}"
    );
    refused(&wrong("nobody_known", "hunter2", ""), 0, Reason::Auth).await;
    let text = refused(
        &wrong("postgres", PASSWORD, "dbname=nowhere"),
        0,
        Reason::Connect,
    )
    .await;
    assert!(text.contains("there is no such database"), "{text}");
    // The server has no TLS, and the address asks for it.
    refused(
        &wrong("postgres", PASSWORD, "sslmode=require"),
        0,
        Reason::Connect,
    )
    .await;

    // A statement that takes too long is ended by the server, and the session goes on.
    let short = of_database(
        Dialect::Postgres,
        &server.url(""),
        Duration::from_secs(3),
        &["SELECT 1 FROM pg_sleep(30)", "SELECT pg_backend_pid()"],
    );
    let process = read(&short, 1).await.unwrap();
    let begun = Instant::now();
    let text = refused(&short, 0, Reason::Timeout).await;
    assert!(text.contains("SQLSTATE 57014"), "{text}");
    assert!(begun.elapsed() < TIMEOUT);
    assert_eq!(read(&short, 1).await.unwrap(), process, "the same session");

    // Who waits for a turn waits to its deadline.
    let deadline = Instant::now() + Duration::from_millis(300);
    let (slow, waiting) = tokio::join!(read(&short, 0), async {
        tokio::task::yield_now().await;
        short.read(1, interval(), deadline).await
    });
    assert_eq!(slow.unwrap_err().reason(), Reason::Timeout);
    let waiting = waiting.unwrap_err();
    assert_eq!(waiting.reason(), Reason::Timeout);
    assert!(chain(&waiting).contains("turn"), "{}", chain(&waiting));

    // A deadline that comes first bounds the statement too, and the next reading is whole.
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(300);
    let error = short.read(0, interval(), deadline).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(2));

    // A session that the server ended costs no reading.
    let process = read(&short, 1).await.unwrap();
    server
        .execute(&format!("SELECT pg_terminate_backend({process})"))
        .await;
    assert_ne!(read(&short, 1).await.unwrap(), process);

    // Nor does a server that was started again; while it is gone, it says so.
    server.stop();
    refused(&short, 1, Reason::Connect).await;
    server.start_again().await;
    let process = read(&short, 1).await.unwrap();
    server.stop();
    server.start_again().await;
    assert!(
        read(&short, 1).await.is_ok(),
        "session {process} is gone, the reading is not"
    );

    // A server that is killed while it works is a broken connection.
    let long = populations(&server, &["SELECT 1 FROM pg_sleep(30)"]);
    let (outcome, ()) = tokio::join!(read(&long, 0), async {
        let mut admin = server.connect().await;
        loop {
            let sleeping = sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
            )
            .fetch_all(&mut admin)
            .await
            .unwrap();
            if !sleeping.is_empty() {
                break;
            }
        }
    });
    assert_eq!(outcome.unwrap_err().reason(), Reason::Connect);
}

/// A table of two tenants, whose policy shows the role `tenant` its own rows, and views on it.
const TENANTS: &str = "
    CREATE ROLE owner; CREATE ROLE tenant LOGIN PASSWORD 'right'; CREATE ROLE seer LOGIN BYPASSRLS PASSWORD 'right';
    CREATE SCHEMA tenant1; GRANT USAGE ON SCHEMA tenant1 TO tenant;
    CREATE TABLE users (tenant text, created_at timestamptz);
    INSERT INTO users SELECT 'a', '2020-01-01' FROM generate_series(1, 1000);
    CREATE TABLE tenant1.users (tenant text, created_at timestamptz);
    INSERT INTO tenant1.users SELECT 'b', '2020-01-01' FROM generate_series(1, 7);
    CREATE TABLE guarded AS SELECT * FROM users;
    CREATE VIEW by_owner AS SELECT * FROM guarded;
    CREATE VIEW by_reader WITH (security_invoker = true) AS SELECT * FROM guarded;
    CREATE VIEW by_forced AS SELECT * FROM guarded;
    ALTER TABLE guarded OWNER TO owner; ALTER VIEW by_owner OWNER TO owner; ALTER VIEW by_reader OWNER TO owner;
    ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON guarded USING (tenant = current_user);
    CREATE VIEW by_stranger AS SELECT * FROM guarded; ALTER VIEW by_stranger OWNER TO tenant;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO tenant, seer; GRANT SELECT ON tenant1.users TO tenant;
    CREATE TYPE mood AS ENUM ('sad', 'glad');
";

#[tokio::test]
async fn no_row_is_hidden_and_nothing_is_kept_from_one_reading_to_the_next() {
    let server = Postgres::start(&[]).await;
    server.execute(TENANTS).await;
    let of = |role: &str, parameters: &str, queries: &[&str]| {
        let url = server.url_of(
            role,
            if role == "postgres" {
                PASSWORD
            } else {
                "right"
            },
            parameters,
        );
        of_database(Dialect::Postgres, &url, TIMEOUT, queries)
    };

    // Policies would hide rows: the server raises instead, through views too, unless their owner sees all.
    let tables = ["guarded", "by_owner", "by_reader", "by_stranger"]
        .map(|table| format!("SELECT count(*) FROM {table} WHERE created_at < :end"));
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let tenant = of("tenant", "", &tables);
    for index in [0, 2, 3] {
        let text = refused(&tenant, index, Reason::Forbidden).await;
        assert!(
            text.contains("row-level security would hide rows"),
            "{text}"
        );
        assert!(text.contains("BYPASSRLS"), "{text}");
    }
    assert_eq!(read(&tenant, 1).await.unwrap(), 1000.0);
    let seer = of("seer", "", &tables[..1]);
    assert_eq!(read(&seer, 0).await.unwrap(), 1000.0);
    // Neither an address nor a query switches it on again.
    let sly = of("tenant", "options[row_security]=on", &tables);
    refused(&sly, 0, Reason::Forbidden).await;

    // The schema is the one that the address names.
    let count = ["SELECT count(*) FROM users WHERE created_at < :end"];
    assert_eq!(read(&of("tenant", "", &count), 0).await.unwrap(), 1000.0);
    for parameters in [
        "options[search_path]=tenant1",
        "options=-c%20search_path%3Dtenant1",
    ] {
        let populations = of("tenant", parameters, &count);
        for _again in 0..2 {
            assert_eq!(read(&populations, 0).await.unwrap(), 7.0, "{parameters}");
        }
    }

    // `check` tells what a name means there, and which are views.
    server
        .execute("CREATE MATERIALIZED VIEW tenant1.old AS SELECT * FROM users; GRANT SELECT ON tenant1.old TO tenant")
        .await;
    let named = of(
        "tenant",
        "options[search_path]=tenant1,public",
        &[
            "WITH guarded AS (SELECT 1) SELECT count(*) FROM users, \"by_owner\", guarded",
            "SELECT count(*) FROM old",
            "SELECT count(*) FROM nowhere",
        ],
    );
    let mut told = Vec::new();
    for index in 0..3 {
        let deadline = Instant::now() + TIMEOUT;
        let relations = named.relations(index, deadline).await;
        told.extend(relations.iter().map(ToString::to_string));
    }
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("public.by_owner (a view"), "{told:?}");
    assert_eq!(told[1], "tenant1.users");
    assert!(
        told[2].starts_with("tenant1.old (a materialized view"),
        "{told:?}"
    );

    // Settings and locks of one reading are gone in the next.
    let session = of(
        "postgres",
        "",
        &[
            "SELECT length(set_config('search_path', 'tenant1', false)) + length(set_config('default_transaction_read_only', 'off', false))",
            "SELECT 1 FROM pg_advisory_lock(42)",
            "SELECT count(*) FROM users WHERE created_at < :end",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
            "SELECT count(*) FROM pg_prepared_statements WHERE statement NOT LIKE '%pg_prepared_statements%'",
            "DELETE FROM users RETURNING 1",
            "SELECT pg_backend_pid()",
        ],
    );
    let process = read(&session, 6).await.unwrap();
    assert!(read(&session, 0).await.is_ok());
    assert!(read(&session, 1).await.is_ok());
    assert_eq!(read(&session, 2).await.unwrap(), 1000.0);
    assert_eq!(read(&session, 3).await.unwrap(), 0.0);
    assert_eq!(read(&session, 4).await.unwrap(), 0.0);
    let text = refused(&session, 5, Reason::Query).await;
    assert!(text.contains("SQLSTATE 25006"), "{text}");
    assert_eq!(read(&session, 2).await.unwrap(), 1000.0);
    assert_eq!(
        read(&session, 6).await.unwrap(),
        process,
        "the same session"
    );

    // Types that are no numbers are named, with what to write.
    let types = of(
        "postgres",
        "",
        &[
            "SELECT 'sad'::mood",
            "SELECT xmin FROM users LIMIT 1",
            "SELECT '{}'::jsonb",
            "SELECT 1::money",
        ],
    );
    for (index, name) in ["mood", "xid", "JSONB", "MONEY"].into_iter().enumerate() {
        for _again in 0..2 {
            let text = refused(&types, index, Reason::Query).await;
            assert!(text.to_lowercase().contains(&name.to_lowercase()), "{text}");
            assert!(text.contains("::bigint"), "{text}");
        }
    }

    // Seconds and texts that stand for instants.
    server
        .execute(
            "CREATE TABLE logins AS SELECT extract(epoch FROM at)::bigint AS seconds,
                 extract(epoch FROM at)::bigint * 1000 AS millis, to_char(at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS iso,
                 to_char(at, 'YYYY-MM-DD HH24:MI:SS') AS plain
             FROM unnest(ARRAY['2025-12-31 23:59:59', '2026-01-01 00:00:00', '2026-01-02 23:59:59', '2026-01-03 00:00:00']::timestamp[]) AS at",
        )
        .await;
    let forms = of(
        "postgres",
        "",
        &[
            "SELECT count(*) FROM logins WHERE seconds >= :start_unix AND seconds < :end_unix",
            "SELECT count(*) FROM logins WHERE to_timestamp(seconds) >= :start AND seconds < :end_unix",
            "SELECT count(*) FROM logins WHERE iso >= :start_iso AND iso < :end_iso",
            "SELECT count(*) FROM logins WHERE millis >= :start_unix AND millis < :end_unix",
            "SELECT count(*) FROM logins WHERE plain >= :start_iso AND plain < :end_iso",
            "SELECT count(*) FROM logins WHERE seconds >= :start AND seconds < :end",
        ],
    );
    for index in 0..3 {
        assert_eq!(read(&forms, index).await.unwrap(), 2.0, "{index}");
    }
    for (index, expected) in [(3, "milliseconds"), (4, ":start and :end"), (5, "42883")] {
        let text = refused(&forms, index, Reason::Query).await;
        assert!(text.contains(expected), "{text}");
    }

    // A timeout that the server could not count in its own unit.
    let url = server.url("");
    let patient = of_database(
        Dialect::Postgres,
        &url,
        Duration::from_hours(24 * 30),
        &["SELECT 1"],
    );
    let deadline = Instant::now() + Duration::from_hours(24 * 30);
    assert_eq!(patient.read(0, interval(), deadline).await.unwrap(), 1.0);

    // A conflict is worth one more try, and another error is not. The log tells how many there were.
    let log = server.folder().join("log");
    server
        .execute(&format!(
            "CREATE FUNCTION once(code text) RETURNS int LANGUAGE plpgsql AS $$
             BEGIN
                 IF position('first ' || code IN pg_read_file('{0}')) = 0 THEN
                     RAISE EXCEPTION 'first %', code USING ERRCODE = code;
                 END IF;
                 RETURN 1;
             END $$;
             CREATE FUNCTION always(code text) RETURNS int LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'always %', code USING ERRCODE = code; END $$",
            log.display()
        ))
        .await;
    let conflicts = of(
        "postgres",
        "",
        &[
            "SELECT once('40001')",
            "SELECT once('40P01')",
            "SELECT always('40001')",
            "SELECT once('22012')",
        ],
    );
    assert_eq!(read(&conflicts, 0).await.unwrap(), 1.0);
    assert_eq!(read(&conflicts, 1).await.unwrap(), 1.0);
    let text = refused(&conflicts, 2, Reason::Query).await;
    assert!(text.contains("standby"), "{text}");
    assert_eq!(server.log_text().matches("always 40001").count(), 2);
    refused(&conflicts, 3, Reason::Query).await;
}

#[tokio::test]
async fn a_password_that_rotates_is_read_again() {
    let server = Postgres::start(&[]).await;
    server
        .execute("CREATE ROLE app LOGIN PASSWORD 'first'")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    let write = |password: &str| {
        let next = folder.path().join("next");
        std::fs::write(&next, server.url_of("app", password, "")).unwrap();
        std::fs::rename(&next, &file).unwrap();
    };
    write("first");
    let populations = of_secret(
        Dialect::Postgres,
        Secret::from_file(&file, "databases.app.url_file").unwrap(),
        TIMEOUT,
        &["SELECT 1"],
    );
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
    // The file first, the role later: the session lives on, and the next login is refused until then.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'contact-rate-exporter'";
    server.execute("ALTER ROLE app PASSWORD 'second'").await;
    server.execute(end).await;
    refused(&populations, 0, Reason::Auth).await;
    write("second");
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
    // A file that says nothing of use leaves the session in force.
    std::fs::write(&file, "mysql://elsewhere/app").unwrap();
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
    // The refused login itself looks into the file, whatever its time stamp says.
    write("second");
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
    server.execute("ALTER ROLE app PASSWORD 'third!'").await;
    let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
    write("third!");
    std::fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    server.execute(end).await;
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
}

/// What a pooler answers to a login: an error of its own protocol, with its own words.
async fn pooler(message: &'static str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut start = [0; 4096];
            let _ = socket.read(&mut start).await;
            let fields = format!("SFATAL\0C08P01\0M{message}\0\0");
            let mut answer = vec![b'E'];
            answer.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
            answer.extend(fields.as_bytes());
            let _ = socket.write_all(&answer).await;
        }
    });
    port
}

#[tokio::test]
async fn a_pooler_that_refuses_a_login_says_so_in_its_own_way() {
    for (message, reason) in [
        ("password authentication failed for ada", Reason::Auth),
        ("no such database: ada", Reason::Auth),
        ("no such user: ada", Reason::Auth),
        (
            "unsupported startup parameter: options ada",
            Reason::Connect,
        ),
        (
            "no more connections allowed (max_client_conn) ada",
            Reason::Connect,
        ),
    ] {
        let port = pooler(message).await;
        let url = format!("postgres://hunter:2@127.0.0.1:{port}/app?sslmode=disable");
        let text = refused(
            &of_database(Dialect::Postgres, &url, TIMEOUT, &["SELECT 1"]),
            0,
            reason,
        )
        .await;
        assert!(
            text.contains("the pooler") && !text.contains("ada"),
            "{text}"
        );
        assert!(!text.contains("hunter"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_from_a_slow_query() {
    // Takes connections, and never says a word.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    for (dialect, scheme) in [(Dialect::Postgres, "postgres"), (Dialect::Mysql, "mysql")] {
        let url = format!("{scheme}://127.0.0.1:{port}/app");
        let silent = of_database(dialect, &url, Duration::from_millis(300), &["SELECT 1"]);
        let text = refused(&silent, 0, Reason::Timeout).await;
        assert!(text.contains("no connection in time"), "{text}");
        assert!(!text.contains("index"), "{text}");
    }
}
