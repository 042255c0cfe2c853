//! Why a database did not say how many tickets there are.

use super::rows::RowError;
use crate::{domain::Reason, sources::database::SqlError};

/// Why a database did not answer a question about tickets.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one that its driver understands.
    #[error("the address of database `{database}` cannot be used")]
    Address {
        /// Its name in the configuration.
        database: String,
        /// What is wrong with it.
        #[source]
        failure: SqlError,
    },
    /// The configuration names no database.
    #[error("tickets are counted in a database that the configuration does not have")]
    NoDatabase,
    /// The query gave no answer.
    #[error("`{question}` could not be read from {place}")]
    Sql {
        /// Which query, by its key.
        question: &'static str,
        /// The database by name, scheme, host and port.
        place: String,
        /// Why.
        #[source]
        failure: SqlError,
    },
    /// The rows are no answer.
    #[error("`{question}` could not be read from {place}")]
    Rows {
        /// Which query, by its key.
        question: &'static str,
        /// The database by name, scheme, host and port.
        place: String,
        /// Why.
        #[source]
        failure: RowError,
    },
    /// The database was not there a moment ago.
    #[error("{text}")]
    Broken {
        /// What it was counted as.
        reason: Reason,
        /// Why, as told then.
        text: String,
    },
}

impl Error {
    /// The label value that tells of it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Address { failure, .. } | Self::Sql { failure, .. } => failure.reason(),
            Self::NoDatabase | Self::Rows { .. } => Reason::Query,
            Self::Broken { reason, .. } => *reason,
        }
    }

    /// Whether other queries would fail alike: nobody answers, or nobody is let in.
    pub(super) fn concerns_all(&self) -> bool {
        match self {
            Self::Sql { failure, .. } => {
                matches!(failure.reason(), Reason::Connect | Reason::Auth)
                    || matches!(failure, SqlError::NoConnection | SqlError::NoTurn)
            }
            Self::Broken { .. } => true,
            _ => false,
        }
    }
}
