//! Why there is no forecast.

use std::{io, path::PathBuf};

use crate::{app, domain::SourceFailure, sources::tickets};

/// Why there is no forecast, or one from less than there could be.
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
    /// The population's past cannot be asked for.
    #[error(
        "--population={name}: it has no past to forecast from: its query must use :end, as in `WHERE created_at < :end`"
    )]
    NoPast {
        /// As given.
        name: String,
    },
    /// What reads the sources cannot be built.
    #[error(transparent)]
    Prepare(#[from] app::Error),
    /// The ticket source cannot be made of the config.
    #[error(transparent)]
    Source(#[from] tickets::Error),
    /// There is too little history, or it could not be read.
    #[error("{} known since the first ticket, {needed} needed, and one of the last two among them{}", weeks(*known), listed(failures))]
    TooFew {
        /// Known weeks.
        known: usize,
        /// Weeks that it takes.
        needed: usize,
        /// What could not be read.
        failures: Vec<SourceFailure>,
    },
    /// Something could not be read.
    #[error("the forecast rests on less than it could: {0}")]
    Incomplete(String),
    /// A record cannot be written as CSV or JSON.
    #[error("the forecast cannot be written as {format}")]
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
    /// The forecast cannot be written to where it should go.
    #[error("cannot write the forecast to {}", path.display())]
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
            Self::Segment { .. } | Self::Population { .. } | Self::NoPast { .. } => true,
            Self::Prepare(error) => error.is_config(),
            _ => false,
        }
    }
}

fn weeks(count: usize) -> String {
    match count {
        1 => "1 week is".to_owned(),
        count => format!("{count} weeks are"),
    }
}

fn listed(failures: &[SourceFailure]) -> String {
    let failures = failures.iter().map(|failure| format!("\n  {failure}"));
    failures.collect()
}
