//! Why a database gave no answer, told by codes and positions only.

use std::error::Error as StdError;

use super::doubt::Doubt;
use crate::domain::Reason;

/// Why a database gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// Its address is not one that the driver understands. Shows no part of it.
    #[error("the address is not understood: {0}")]
    Address(String),
    /// Other queries of the same database took all the time there was.
    #[error("other queries of the same database took all the time: their turn ended too late")]
    NoTurn,
    /// No connection within the timeout, or before the refresh had to end.
    #[error(
        "no connection in time: is the host right, and does no firewall drop what is sent to it?"
    )]
    NoConnection,
    /// The file was not opened within the timeout, or before the refresh had to end.
    #[error("the file could not be opened in time: does its file system answer?")]
    NotOpened,
    /// What stands at the path is no file.
    #[error(
        "at the path of the database, or of a certificate, is {0}, and only regular files are read"
    )]
    NoFile(&'static str),
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
    #[error("{}", refusal(.0))]
    Refused(Refusal),
    /// The query has a `?`, or another placeholder that nothing would fill.
    #[error(
        "the query has a placeholder that is neither :start nor :end, and nothing to fill it with"
    )]
    Placeholder,
    /// It is not one statement that reads.
    #[error("the query {0}")]
    Misfit(&'static str),
    /// What it compares with its placeholders is not comparable with them.
    #[error(transparent)]
    Doubt(#[from] Doubt),
    /// The rows have other columns.
    #[error("the query gave {found} columns, and {expected} are needed")]
    Columns {
        /// How many came.
        found: usize,
        /// How many are needed.
        expected: usize,
    },
    /// More rows came; the rest was not read.
    #[error("the query gave more than {0} rows")]
    TooManyRows(usize),
}

/// What a database said, without its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What to count it as.
    pub reason: Reason,
    /// SQLSTATE, with the error number of MySQL, or the result code of SQLite.
    pub code: String,
    /// Where in the query, counted in characters from 1, as the server sees it (a placeholder is
    /// then `$1` or `$2`).
    pub position: Option<usize>,
    /// What the code means, where that can be said in general.
    pub meaning: Option<&'static str>,
    /// Whether the same query may well succeed when asked once more.
    pub is_conflict: bool,
}

fn refusal(refusal: &Refusal) -> String {
    let place = refusal
        .position
        .map(|position| format!(" at character {position}"));
    let meaning = refusal.meaning.map(|meaning| format!(": {meaning}"));
    format!(
        "the database answered {}{}{}",
        refusal.code,
        place.unwrap_or_default(),
        meaning.unwrap_or_default()
    )
}

/// What a code of a database means: how to count it, and what to tell.
pub(super) type Meaning = (Reason, Option<&'static str>);

impl SqlError {
    /// Keeps what may be told of a driver's error that is not the database's own.
    pub(super) fn of_driver(error: sqlx::Error) -> Self {
        match error {
            // Its words can quote the address.
            sqlx::Error::Configuration(_) => {
                Self::Address("a parameter has a value that the driver does not know".to_owned())
            }
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
            Self::NoTurn | Self::NoConnection | Self::NotOpened | Self::TimedOut => Reason::Timeout,
            Self::Address(_) | Self::Unreachable(_) | Self::NoFile(_) | Self::Protocol => {
                Reason::Connect
            }
            Self::Refused(refusal) => refusal.reason,
            Self::Placeholder
            | Self::Misfit(_)
            | Self::Doubt(_)
            | Self::Columns { .. }
            | Self::TooManyRows(_) => Reason::Query,
        }
    }

    /// Whether the same query may well succeed when asked once more.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_conflict)
    }

    /// Whether the session lives on and can be asked again: the answer was read to its end.
    pub(super) fn leaves_session(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.reason != Reason::Connect,
            Self::Doubt(_) | Self::Misfit(_) => true,
            _ => false,
        }
    }
}
