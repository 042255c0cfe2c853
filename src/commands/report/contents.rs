//! All that a report tells, however it is drawn.

use jiff::tz::TimeZone;

use super::{missing::Missing, rows::Row};

/// A contact rate by month, oldest first.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) segment: String,
    pub(super) population: Option<String>,
    pub(super) zone: TimeZone,
    pub(super) rows: Vec<Row>,
    pub(super) missing: Vec<Missing>,
}

impl Contents {
    /// Name of the time zone.
    pub(super) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// What tickets are divided by, in words.
    pub(super) fn population_name(&self) -> String {
        self.population
            .as_deref()
            .unwrap_or("population")
            .replace('_', " ")
    }
}
