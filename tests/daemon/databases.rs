//! The daemon on a real PostgreSQL and a real MariaDB.

use std::sync::Arc;

use contact_rate_exporter::demo::{
    simulator::{Options, Simulator, bind},
    story::{DEFAULT_SEED, Scenario, Story},
};
use jiff::Timestamp;

use crate::common::{
    exporter::{Exporter, value},
    mariadb::MariaDb,
    postgres::Postgres,
    server::Home,
};

const PEOPLE: &str = "CREATE TABLE users (created_at timestamp); INSERT INTO users VALUES ('2020-01-01'), ('2021-01-01'), ('2022-01-01'), ('2999-01-01')";
const FILES: &str = "CREATE TABLE dossiers (depose_at datetime); \
     INSERT INTO dossiers SELECT UTC_TIMESTAMP() - INTERVAL seq HOUR FROM seq_1_to_2400";

fn up(source: &str, value: u8) -> String {
    format!("contact_source_up{{source=\"{source}\"}} {value}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_and_comes_back_takes_nothing_else_with_it() {
    let story = Arc::new(Story::new(Scenario::Steady, DEFAULT_SEED, Timestamp::now()));
    let options = Options {
        requests_per_minute: 100_000,
        ..Options::default()
    };
    let listener = bind().await.unwrap();
    let desk = listener.local_addr().unwrap();
    tokio::spawn(Arc::new(Simulator::new(story, options)).run(listener, std::future::pending()));

    let mariadb = MariaDb::start_in(Home::new(&["mysql"]), &[]).await;
    mariadb.execute(&format!("USE app; {FILES}")).await;
    let mut postgres = Postgres::start(&[]).await;
    postgres.execute(PEOPLE).await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contact-rate.yml");
    std::fs::write(
        &file,
        format!(
            "interval: 10s
timeout: 5s
max_age: 1h
helpscout: {{app_id: demo, app_secret: demo, base_url: 'http://{desk}'}}
databases:
  people: {{url: '{}'}}
  files: {{url: '{}'}}
populations:
  users:
    total: {{database: people, query: 'SELECT count(*) FROM users WHERE created_at < :end'}}
  dossiers:
    window: {{database: files, query: 'SELECT count(*) FROM dossiers WHERE depose_at >= :start AND depose_at < :end'}}
",
            postgres.url(""),
            mariadb.url("")
        ),
    )
    .unwrap();
    let exporter = Exporter::start(&[&format!("--config.file={}", file.display())], &[]);
    let page = exporter.ready().await;
    for source in [
        "tickets",
        "daily_tickets",
        "open_tickets",
        "happiness",
        "users",
        "dossiers",
    ] {
        assert!(
            page.contains(&up(source, 1)),
            "{source}: {}",
            exporter.output()
        );
    }
    assert_eq!(value(&page, "contact_users"), Some(3.0));
    let week = value(&page, "contact_dossiers{window=\"7d\"}").unwrap();
    assert!((167.0..=169.0).contains(&week), "{week}");
    let created = value(
        &page,
        "contact_created_tickets{segment=\"all\",window=\"7d\"}",
    )
    .unwrap();
    let rate = "contact_rate_ratio{segment=\"all\",population=\"dossiers\",window=\"7d\",tickets=\"created\"}";
    assert!((value(&page, rate).unwrap() - created / week).abs() < 1e-12);

    postgres.stop();
    let down = exporter
        .metrics_when("users down", |page| page.contains(&up("users", 0)))
        .await;
    let counter = "contact_source_failures_total{reason=\"connect\",source=\"users\"}";
    assert!(value(&down, counter) >= Some(1.0), "{down}");
    for source in [
        "tickets",
        "daily_tickets",
        "open_tickets",
        "happiness",
        "dossiers",
    ] {
        assert!(
            down.contains(&up(source, 1)),
            "{source}: {}",
            exporter.output()
        );
    }
    assert_eq!(
        value(&down, "contact_users"),
        Some(3.0),
        "kept until it is too old"
    );
    let landing = exporter.get("/").await.1;
    assert!(landing.contains("connect"), "{landing}");

    postgres.start_again().await;
    let back = exporter
        .metrics_when("users up", |page| page.contains(&up("users", 1)))
        .await;
    assert_eq!(value(&back, "contact_users"), Some(3.0));
    let log = exporter.output();
    assert_eq!(log.matches("source failed").count(), 1, "{log}");
    assert_eq!(log.matches("source works again").count(), 1, "{log}");
}
