//! What others do to a PostgreSQL database while the exporter reads it.

use std::time::Duration;

use contact_rate_exporter::{config::Dialect, domain::Reason};
use sqlx::Connection as _;

use crate::common::{
    populations::{of_database, read, refused},
    postgres::Postgres,
};

const COUNT: &str = "SELECT count(*) FROM people";

#[tokio::test]
async fn a_lock_of_another_and_a_right_taken_away_pass() {
    let mut server = Postgres::start(&[]).await;
    server
        .execute(
            "CREATE TABLE people (name text); INSERT INTO people VALUES ('a'), ('b');
             CREATE ROLE reader LOGIN PASSWORD 'right'; GRANT SELECT ON people TO reader",
        )
        .await;
    let url = server.url_of("reader", "right", "");
    let populations = of_database(
        Dialect::Postgres,
        &url,
        Duration::from_secs(4),
        &[COUNT, "SELECT 7"],
    );
    assert_eq!(read(&populations, 0).await.unwrap(), 2.0);

    // A migration holds the table: no number, and the other query of the same session still has one.
    let mut migration = server.connect().await;
    let mut open = migration.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *open)
        .await
        .unwrap();
    refused(&populations, 0, Reason::Timeout).await;
    assert_eq!(read(&populations, 1).await.unwrap(), 7.0);
    open.rollback().await.unwrap();
    assert_eq!(read(&populations, 0).await.unwrap(), 2.0);

    // A right that is taken away and given back, without a new login.
    server.execute("REVOKE SELECT ON people FROM reader").await;
    refused(&populations, 0, Reason::Forbidden).await;
    assert_eq!(read(&populations, 1).await.unwrap(), 7.0);
    server.execute("GRANT SELECT ON people TO reader").await;
    assert_eq!(read(&populations, 0).await.unwrap(), 2.0);

    // A table that is replaced while the session lasts counts what is there now.
    server
        .execute(
            "ALTER TABLE people RENAME TO old; CREATE TABLE people (name text, age int);
             INSERT INTO people VALUES ('c', 1); GRANT SELECT ON people TO reader",
        )
        .await;
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);

    // The server crashes and another takes its place at the same address: the next reading counts.
    server.stop();
    refused(&populations, 0, Reason::Connect).await;
    server.start_again().await;
    assert_eq!(read(&populations, 0).await.unwrap(), 1.0);
}
