//! Configurations with nothing but populations, and readings of them.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::{error::Error as StdError, time::Duration};

use contact_rate_exporter::{
    config::{
        Config, CountsFrom, Database, Dialect, HelpScout, Population, PopulationKind,
        PopulationSource, Secret, Segment, Template,
    },
    domain::{Interval, Reason, Window},
    sources::count::{Error, Populations},
};
use tokio::time::Instant;

/// The interval of every reading: two days whose ends are two days before and at this instant.
pub const END: &str = "2026-01-03T00:00:00Z";

/// `[2026-01-01, 2026-01-03)`.
pub fn interval() -> Interval {
    Interval::ending_at(END.parse().expect("an instant"), 2 * 24 * 3600)
}

/// A configuration with these databases and populations.
pub fn config(
    timeout: Duration,
    databases: Vec<Database>,
    sources: Vec<PopulationSource>,
) -> Config {
    Config {
        interval: Duration::from_mins(5),
        timeout,
        max_age: Duration::from_mins(15),
        time_zone: jiff::tz::TimeZone::UTC,
        windows: vec![Window::parse("7d").expect("a window")],
        desk: contact_rate_exporter::config::Desk::HelpScout(Box::new(HelpScout {
            app_id: "id".to_owned(),
            app_secret: Secret::new("secret"),
            base_url: url::Url::parse("http://localhost:1").expect("an address"),
            counts_from: CountsFrom::Auto,
            requests_per_minute: None,
            happiness: true,
            help_center: None,
        })),
        segments: vec![Segment::all()],
        databases,
        populations: sources
            .into_iter()
            .enumerate()
            .map(|(index, source)| Population {
                name: format!("population_{index}"),
                kind: PopulationKind::Window,
                source,
            })
            .collect(),
        reasons: None,
        targets: Vec::new(),
        forecast: None,
    }
}

/// Populations of one database, one for each query.
pub fn of_database(
    dialect: Dialect,
    url: &str,
    timeout: Duration,
    queries: &[&str],
) -> Populations {
    of_secret(dialect, Secret::new(url), timeout, queries)
}

/// Populations of one database whose address may stand in a file.
pub fn of_secret(
    dialect: Dialect,
    url: Secret,
    timeout: Duration,
    queries: &[&str],
) -> Populations {
    let database = Database {
        name: "app".to_owned(),
        dialect,
        url,
        folder: std::path::PathBuf::new(),
    };
    let sources = queries
        .iter()
        .map(|query| PopulationSource::Sql {
            database: 0,
            query: Template::sql(query, dialect),
        })
        .collect();
    Populations::new(&config(timeout, vec![database], sources)).expect("a good address")
}

/// Reads the population at `index` with a deadline far away.
pub async fn read(populations: &Populations, index: usize) -> Result<f64, Error> {
    let deadline = Instant::now() + Duration::from_mins(1);
    populations.read(index, interval(), deadline).await
}

/// Reads the population at `index`, which must fail with `reason`; gives all that the error says.
pub async fn refused(populations: &Populations, index: usize, reason: Reason) -> String {
    let error = match read(populations, index).await {
        Ok(value) => panic!("population {index} is {value}, and should have failed as {reason}"),
        Err(error) => error,
    };
    let text = chain(&error);
    assert_eq!(error.reason(), reason, "population {index}: {text}");
    text
}

/// An error and its causes, and what `Debug` shows of it.
pub fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text + &format!(" [{error:?}]")
}
