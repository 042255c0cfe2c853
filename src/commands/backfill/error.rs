//! Why the past cannot be filled in.

use std::{io, path::PathBuf};

use super::{cache::CacheError, span::SpanError};
use crate::{
    domain::Interval,
    sources::{count, tickets},
};

/// The past cannot be filled in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The instants asked for are impossible.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// One label is given twice.
    #[error("--label={0}=… is given twice: a series has each label once")]
    Label(String),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The ticket source cannot be made of the config.
    #[error(transparent)]
    Source(#[from] tickets::Error),
    /// The populations cannot be built from the config.
    #[error("cannot prepare the populations")]
    Populations(#[source] count::Error),
    /// A question was not answered, after the source's own retries.
    #[error(
        "segment {segment}: cannot read {what}; all answers so far are kept, run it again to go on: \
         {why}"
    )]
    Tickets {
        /// Which answer, over which interval.
        what: String,
        /// Of which segment.
        segment: String,
        /// Why.
        why: String,
    },
    /// A population failed.
    #[error("no population {}; all answers so far are kept, run it again to go on", interval.in_words())]
    Population {
        /// Over which interval.
        interval: Interval,
        /// Which, and why.
        #[source]
        source: Box<count::Error>,
    },
    /// The file cannot be written.
    #[error(
        "cannot write {}; all answers are kept, run it again to write it anew", path.display()
    )]
    Output {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Whether flags or config are at fault.
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Span(_) | Self::Label(_) | Self::Populations(_))
    }
}
