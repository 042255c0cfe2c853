//! The queries of `examples/demarches-simplifiees.yml`, on the tables that they are written for.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::path::Path;

use contact_rate_exporter::{
    config::{self, Config},
    sources::count::Populations,
};

use crate::common::{populations::read, postgres::Postgres};

const EXAMPLE: &str = include_str!("../../examples/demarches-simplifiees.yml");

/// The columns that matter, with the types of db/schema.rb.
const TABLES: &str = "
    CREATE TABLE users (
        id serial PRIMARY KEY,
        email varchar NOT NULL DEFAULT '',
        created_at timestamp
    );
    CREATE TABLE dossiers (
        id serial PRIMARY KEY,
        state varchar,
        depose_at timestamp,
        for_procedure_preview boolean NOT NULL DEFAULT false,
        editing_fork_origin_id bigint,
        hidden_by_user_at timestamp
    );
    CREATE TABLE deleted_dossiers (
        id bigserial PRIMARY KEY,
        dossier_id bigint UNIQUE,
        state varchar,
        depose_at date,
        deleted_at timestamp
    );
";

/// The interval of the test is `[2026-01-01, 2026-01-03)` in UTC.
const ROWS: &str = "
    INSERT INTO users (created_at) VALUES
        ('2020-05-05 10:00:00'), ('2025-12-31 23:59:59'), ('2026-01-02 23:59:59.999'),
        -- after
        ('2026-01-03 00:00:00'), ('2026-02-01 10:00:00');
    INSERT INTO dossiers (id, state, depose_at) VALUES
        (1, 'en_construction', '2026-01-01 00:00:00'),
        (2, 'en_instruction', '2026-01-02 12:00:00'),
        (3, 'accepte', '2026-01-02 23:59:59.999'),
        -- before, after, and never
        (4, 'accepte', '2025-12-31 23:59:59.999'),
        (5, 'en_construction', '2026-01-03 00:00:00'),
        (6, 'brouillon', NULL);
    -- A preview, a copy for editing, and one that its user has hidden.
    INSERT INTO dossiers (id, state, depose_at, for_procedure_preview, editing_fork_origin_id, hidden_by_user_at) VALUES
        (7, 'en_construction', '2026-01-02 12:00:00', true, NULL, NULL),
        (8, 'en_construction', '2026-01-02 12:00:00', false, 2, NULL),
        (9, 'en_construction', '2026-01-02 12:00:00', false, NULL, '2026-01-02 13:00:00');
    INSERT INTO deleted_dossiers (dossier_id, state, depose_at, deleted_at) VALUES
        (101, 'en_construction', '2026-01-01', '2026-01-02 10:00:00'),
        (102, 'refuse', '2026-01-02', '2026-01-20 10:00:00'),
        -- before, after, from the time before the day was kept, and a draft
        (103, 'accepte', '2025-12-31', '2026-01-02 10:00:00'),
        (104, 'en_construction', '2026-01-03', '2026-01-04 10:00:00'),
        (105, 'accepte', NULL, '2026-01-02 10:00:00'),
        (106, 'brouillon', NULL, '2026-01-02 10:00:00'),
        -- number 9 from above
        (9, 'en_construction', '2026-01-02', '2026-01-02 13:00:00');
";

/// The file as the exporter reads it.
fn config(database_url: &str) -> Config {
    let environment = |name: &str| match name {
        "DATABASE_URL" => Some(database_url.to_owned()),
        "HELPSCOUT_APP_ID" | "HELPSCOUT_APP_SECRET" => Some("unused".to_owned()),
        _ => None,
    };
    config::parse(
        EXAMPLE,
        Path::new("examples/demarches-simplifiees.yml"),
        &environment,
    )
    .unwrap()
}

#[tokio::test]
async fn its_queries_count_what_they_say() {
    let server = Postgres::start(&[]).await;
    server.execute(TABLES).await;
    server.execute(ROWS).await;
    // The role that the file tells to create, with no other right.
    let statements: String = EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix("#   "))
        .collect();
    server.execute(&statements.replace('…', "right")).await;

    let config = config(&server.url_of("contact_rate", "right", ""));
    let populations = Populations::new(&config).unwrap();
    let expected = [("users", 3.0), ("dossiers", 3.0 + 1.0 + 2.0)];
    assert_eq!(config.populations.len(), expected.len());
    for (index, (name, expected)) in expected.into_iter().enumerate() {
        assert_eq!(config.populations[index].name, name);
        let value = read(&populations, index).await.unwrap();
        assert_eq!(value, expected, "{name}");
    }
}
