//! Why a database gave no answer, told by codes and positions only.

use std::error::Error as StdError;

use sqlx::{mysql::MySqlDatabaseError, postgres::PgDatabaseError, sqlite::SqliteError};

use super::{mysql, postgres, sqlite};
use crate::domain::Reason;

/// Why a database gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// Its address is not one that the driver understands.
    #[error("the address is not understood")]
    Address(#[source] Box<dyn StdError + Send + Sync>),
    /// Other queries of the same database took all the time there was.
    #[error("other queries of the same database took all the time: their turn ended too late")]
    NoTurn,
    /// No answer within the timeout, or before the refresh had to end.
    #[error("no answer in time: is there an index on the columns of the query's WHERE?")]
    TimedOut,
    /// No connection, one that broke, or a certificate that is not trusted.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Box<dyn StdError + Send + Sync>),
    /// Something else answers there, or asks for what the driver does not know.
    #[error("what answers there does not speak the database's protocol, or an unknown part of it")]
    Protocol,
    /// The database said no.
    #[error("{}", refusal(.code, *.position, *.meaning))]
    Refused {
        /// What to count it as.
        reason: Reason,
        /// SQLSTATE, with the error number of MySQL, or the result code of SQLite.
        code: String,
        /// Where in the query, counted in characters from 1, as the server sees it (a
        /// placeholder is then `$1` or `$2`).
        position: Option<usize>,
        /// What the code means, where that can be said in general.
        meaning: Option<&'static str>,
    },
    /// The query has a `?`, or another placeholder that nothing would fill.
    #[error(
        "the query has a placeholder that is neither :start nor :end, and nothing to fill it with"
    )]
    Placeholder,
}

fn refusal(code: &str, position: Option<usize>, meaning: Option<&'static str>) -> String {
    let place = position.map(|position| format!(" at character {position}"));
    let meaning = meaning.map(|meaning| format!(": {meaning}"));
    format!(
        "the database answered {code}{}{}",
        place.unwrap_or_default(),
        meaning.unwrap_or_default()
    )
}

/// What a code of a database means: how to count it, and what to tell.
pub(super) type Meaning = (Reason, Option<&'static str>);

impl SqlError {
    /// Keeps what may be told of a driver's error.
    pub(super) fn of(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                    postgres::refused(error)
                } else if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
                    mysql::refused(error)
                } else if let Some(error) = error.try_downcast_ref::<SqliteError>() {
                    sqlite::refused(error)
                } else {
                    Self::Protocol
                }
            }
            sqlx::Error::Configuration(error) => Self::Address(error),
            sqlx::Error::Io(error) => Self::Unreachable(Box::new(error)),
            sqlx::Error::Tls(error) => Self::Unreachable(error),
            // The words are the driver's own.
            sqlx::Error::Protocol(text) if text.contains("prepared statement expected") => {
                Self::Placeholder
            }
            _ => Self::Protocol,
        }
    }

    /// The label value that tells of it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NoTurn | Self::TimedOut => Reason::Timeout,
            Self::Address(_) | Self::Unreachable(_) | Self::Protocol => Reason::Connect,
            Self::Refused { reason, .. } => *reason,
            Self::Placeholder => Reason::Query,
        }
    }

    /// Whether the session lives on and can be asked again.
    pub(super) fn leaves_session(&self) -> bool {
        match self {
            Self::Refused { reason, .. } => *reason != Reason::Connect,
            _ => false,
        }
    }
}
