//! The daemon where tickets are counted in the database of a help desk.

use std::fs;

use crate::common::{
    exporter::{Exporter, value},
    postgres::Postgres,
};

/// Moves the fixture's week so that it ended an hour ago.
const MOVE: &str = "
    UPDATE tickets SET created_at = created_at + d, close_at = close_at + d, last_close_at = last_close_at + d,
      first_response_at = first_response_at + d FROM moved;
    UPDATE ticket_articles SET created_at = created_at + d FROM moved;";

fn up(source: &str, value: u8) -> String {
    format!("contact_source_up{{source=\"{source}\"}} {value}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn five_lines_make_zammad_the_ticket_source() {
    let fixture =
        |name: &str| fs::read_to_string(format!("tests/fixtures/helpdesks/{name}")).unwrap();
    let mut server = Postgres::start(&[]).await;
    server
        .execute(&format!(
            "SET TimeZone = 'UTC'; {} {} \
             CREATE TABLE moved AS SELECT now()::timestamp - interval '1 hour' - timestamp '2026-02-08 23:00:00' AS d; {MOVE} \
             CREATE TABLE users (created_at timestamp); INSERT INTO users VALUES ('2020-01-01'), ('2020-01-01')",
            fixture("zammad.postgres.tables.sql"),
            fixture("zammad.rows.sql")
        ))
        .await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("zammad");
    fs::write(&secret, server.url("")).unwrap();
    let file = folder.path().join("contact-rate.yml");
    // The five lines of the documentation, and times that a test has.
    let text = format!(
        "tickets: {{database: helpdesk, schema: zammad}}
databases:
  helpdesk: {{url_file: {0}}}
  app: {{url_file: {0}}}
populations: {{users: {{total: {{database: app, query: SELECT count(*) FROM users WHERE created_at < :end}}}}}}
windows: [8d]
interval: 10s
timeout: 5s
max_age: 1h
segments: [{{name: second, where: t.group_id IN (2)}}]
",
        secret.display()
    );
    fs::write(&file, text).unwrap();
    let exporter = Exporter::start(&[&format!("--config.file={}", file.display())], &[]);
    let page = exporter.ready().await;
    for source in ["tickets", "daily_tickets", "open_tickets", "users"] {
        assert!(
            page.contains(&up(source, 1)),
            "{source}: {}",
            exporter.output()
        );
    }
    // What this desk is not asked, or is Help Scout's own, does not exist.
    for absent in [
        "happiness",
        "contact_helpscout_",
        "contact_handle_mean_seconds{",
    ] {
        assert!(!page.contains(absent), "{absent}");
    }
    // The week's seven, the one a second before it, and the one at its end.
    let of = |series: &str| value(&page, series);
    assert_eq!(
        of("contact_created_tickets{segment=\"all\",window=\"8d\"}"),
        Some(9.0)
    );
    assert_eq!(
        of(
            "contact_rate_ratio{segment=\"all\",population=\"users\",window=\"8d\",tickets=\"created\"}"
        ),
        Some(4.5)
    );
    for series in [
        "contact_closed_tickets{segment=\"second\",window=\"8d\"}",
        "contact_resolved_tickets{segment=\"all\",window=\"8d\"}",
        "contact_sent_replies{segment=\"all\",window=\"8d\"}",
        "contact_received_messages{segment=\"all\",window=\"8d\"}",
        "contact_first_response_mean_seconds{segment=\"all\",window=\"8d\"}",
        "contact_tickets_dispersion_ratio{segment=\"all\"}",
        "contact_rate_baseline_ratio{segment=\"all\",population=\"users\",window=\"8d\",tickets=\"created\"}",
        "contact_rate_rise_p_value{segment=\"all\",population=\"users\",window=\"8d\",tickets=\"created\"}",
        "contact_rate_upper_ratio{segment=\"all\",population=\"users\",window=\"8d\",tickets=\"closed\"}",
        "contact_tickets_change{segment=\"all\",population=\"users\",window=\"8d\",tickets=\"replies\",cause=\"rate\"}",
        "contact_oldest_open_ticket_timestamp_seconds{segment=\"all\",status=\"new\"}",
    ] {
        assert!(of(series).is_some(), "no {series} in:\n{page}");
    }
    assert_eq!(
        of("contact_open_tickets{segment=\"all\",status=\"pending_reminder\"}"),
        Some(2.0)
    );

    server.stop();
    let down = exporter
        .metrics_when("the desk down", |page| page.contains(&up("tickets", 0)))
        .await;
    assert_eq!(
        value(
            &down,
            "contact_created_tickets{segment=\"all\",window=\"8d\"}"
        ),
        Some(9.0),
        "kept until it is too old"
    );
    let counter = "contact_source_failures_total{reason=\"connect\",source=\"tickets\"}";
    assert!(value(&down, counter) >= Some(1.0), "{down}");
    server.start_again().await;
    exporter
        .metrics_when("the desk back", |page| page.contains(&up("tickets", 1)))
        .await;
}
