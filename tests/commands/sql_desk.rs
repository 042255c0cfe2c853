//! Commands where tickets are counted in a database of one's own.

use std::path::Path;

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::common::exporter::{Ended, run};

/// Three tickets created in October 2026, two of them closed, one each on 2026-09-30 and 2026-11-01.
const TICKETS: &str = "
    CREATE TABLE tickets (team INTEGER, created_at TEXT, closed_at TEXT);
    INSERT INTO tickets VALUES
      (1, '2026-09-30 23:59:59', NULL), (1, '2026-10-01 00:00:00', '2026-10-02 08:00:00'),
      (2, '2026-10-15 12:00:00', '2026-10-31 23:59:59'), (2, '2026-10-31 23:59:59', NULL),
      (1, '2026-11-01 00:00:00', '2026-11-01 00:00:00');
    CREATE TABLE people (created_at TEXT);
    INSERT INTO people VALUES ('2020-01-01 00:00:00'), ('2021-01-01 00:00:00');";

const CONFIG: &str = "windows: [1d, 7d]
tickets:
  database: app
  created: SELECT count(*) FROM tickets t WHERE {segment} AND t.created_at >= :start AND t.created_at < :end
  closed: SELECT count(*) FROM tickets t WHERE {segment} AND t.closed_at >= :start AND t.closed_at < :end
  open: SELECT 'Waits For Us', count(*) FROM tickets t WHERE {segment} AND t.closed_at IS NULL
segments: [{name: second, where: t.team = 2}]
populations: {users: {total: {database: app, query: SELECT count(*) FROM people WHERE created_at < :end}}}
";

async fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("app.sqlite");
    let options = SqliteConnectOptions::new()
        .filename(&database)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(TICKETS)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let text = format!(
        "{CONFIG}databases: {{app: {{url: 'sqlite://{}'}}}}\n",
        database.display()
    );
    std::fs::write(folder.path().join("contact-rate.yml"), text).unwrap();
    folder
}

fn asked(folder: &Path, arguments: &[&str]) -> Ended {
    let flag = format!(
        "--config.file={}",
        folder.join("contact-rate.yml").display()
    );
    let mut all = vec![arguments[0], &flag];
    all.extend(&arguments[1..]);
    run(&all, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_what_the_desk_says_what_it_does_not_and_what_it_costs() {
    let folder = folder().await;
    let ended = asked(folder.path(), &["check", "--log.level=error"]);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    for said in [
        "1d: 0 created, 0 closed; 7d: 0 created, 0 closed",
        "2 waits_for_us",
        "counted in tickets",
        "SQL is not asked for, and absent: resolved, replies, received_messages, oldest_open, first_response_mean_seconds, ratings",
        // For two segments: two windows of created and closed, each twice; 56 days; open tickets.
        "130 SQL statements per refresh, 1560 per hour",
    ] {
        assert!(
            ended.output.contains(said),
            "no {said:?} in:\n{}",
            ended.output
        );
    }
    assert!(!ended.output.contains("Help Scout"), "{}", ended.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_counts_months_in_the_database() {
    let folder = folder().await;
    for (segment, created, closed) in [("all", "3", "2"), ("second", "2", "1")] {
        let segment = format!("--segment={segment}");
        let months = [
            "report",
            "--from=2026-10",
            "--to=2026-10",
            "--format=json",
            &segment,
        ];
        let ended = asked(folder.path(), &months);
        assert_eq!(ended.code, Some(0), "{}", ended.output);
        let start = ended.output.find(['[', '{']).unwrap();
        let month: serde_json::Value = serde_json::from_str(&ended.output[start..]).unwrap();
        let text = month.to_string();
        assert!(text.contains(&format!("\"created\":{created}")), "{text}");
        assert!(text.contains(&format!("\"closed\":{closed}")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_filled_in_from_the_database() {
    let folder = folder().await;
    let output = folder.path().join("past.om");
    let flag = format!("--output={}", output.display());
    let span = [
        "backfill",
        "--from=2026-10-08",
        "--to=2026-11-02",
        "--step=1d",
        &flag,
    ];
    let ended = asked(folder.path(), &span);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let text = std::fs::read_to_string(output).unwrap();
    // On 2026-11-01 at 0:00 UTC the week before it held one ticket, of the second team.
    let at = |line: &str| text.lines().any(|found| found == line);
    let end = "1793491200";
    for line in [
        format!("contact_created_tickets{{segment=\"all\",window=\"7d\"}} 1 {end}"),
        format!("contact_created_tickets{{segment=\"second\",window=\"7d\"}} 1 {end}"),
        format!("contact_closed_tickets{{segment=\"all\",window=\"7d\"}} 1 {end}"),
        format!(
            "contact_rate_ratio{{segment=\"all\",population=\"users\",window=\"7d\",tickets=\"created\"}} 0.5 {end}"
        ),
    ] {
        assert!(at(&line), "no {line} in:\n{text}");
    }
    assert!(!text.contains("contact_resolved_tickets{segment=\"all\",window=\"7d\"} 1"));
}
