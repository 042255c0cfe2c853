//! Why there is no report, or not a whole one.

use std::{io, path::PathBuf};

use super::months::{Month, MonthsError};
use crate::{app, sources::tickets};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such segment.
    #[error("--segment={name}: the config has no segment of that name{near}")]
    Segment {
        /// As given.
        name: String,
        /// A name much like it, in words.
        near: String,
    },
    /// No such population.
    #[error("--population={name}: the config has no population of that name{near}")]
    Population {
        /// As given.
        name: String,
        /// A name much like it, in words.
        near: String,
    },
    /// The months asked for are impossible.
    #[error(transparent)]
    Months(#[from] MonthsError),
    /// What reads the sources cannot be built.
    #[error(transparent)]
    Prepare(#[from] app::Error),
    /// The ticket source cannot be made of the config.
    #[error(transparent)]
    Source(#[from] tickets::Error),
    /// What the segment names cannot be looked up.
    #[error("the filter of segment `{segment}` cannot be looked up in {desk}: {why}")]
    Filter {
        /// Its name.
        segment: String,
        /// The name of the ticket source.
        desk: &'static str,
        /// Why.
        why: String,
    },
    /// The tickets of a month could not be read.
    #[error("the tickets of {month} could not be read from {desk}: {why}")]
    Tickets {
        /// Which.
        month: Month,
        /// The name of the ticket source.
        desk: &'static str,
        /// Why.
        why: String,
    },
    /// Something could not be read: its cells are empty.
    #[error("{}", .0.join("\n  "))]
    Incomplete(Vec<String>),
    /// A record cannot be written as CSV or JSON.
    #[error("the report cannot be written as {format}")]
    Encode {
        /// Which format.
        format: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The chart cannot be drawn.
    #[error("the chart cannot be drawn")]
    Draw(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The report cannot be written to where it should go.
    #[error("cannot write the report to {}", path.display())]
    Write {
        /// The file, or standard output.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Whether the command line or the config is at fault.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Segment { .. } | Self::Population { .. } | Self::Months(_) => true,
            Self::Prepare(error) => error.is_config(),
            _ => false,
        }
    }
}
