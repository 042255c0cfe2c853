//! What MySQL and MariaDB say by codes.

use sqlx::mysql::MySqlDatabaseError;

use crate::{
    domain::Reason,
    sources::database::{
        SqlError,
        error::{Meaning, Refusal},
    },
};

/// The number of a database's error.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
    let database = error.as_database_error()?;
    Some(database.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

/// What may be told of an error.
pub(super) fn told(error: sqlx::Error) -> SqlError {
    match &error {
        sqlx::Error::Database(database) => {
            match database.try_downcast_ref::<MySqlDatabaseError>() {
                Some(error) => refused(error),
                None => SqlError::Protocol,
            }
        }
        _ => SqlError::of_driver(error),
    }
}

/// What the server said, without its words.
fn refused(error: &MySqlDatabaseError) -> SqlError {
    let (reason, meaning) = meaning(error.number());
    SqlError::Refused(Refusal {
        reason,
        code: format!(
            "SQLSTATE {} (error {})",
            error.code().unwrap_or("HY000"),
            error.number()
        ),
        position: None,
        meaning,
        // A deadlock.
        is_conflict: error.number() == 1213,
    })
}

/// Sources: MySQL 8.0 error message reference, MariaDB error code reference.
fn meaning(number: u16) -> Meaning {
    let (reason, meaning) = match number {
        1045 | 1698 => (
            Reason::Auth,
            "the user name or password is wrong, or this host may not log in",
        ),
        1044 => (Reason::Auth, "the user has no right on this database"),
        1130 | 1251 | 1820 | 1862 | 3118 | 4151 => (Reason::Auth, "the login was refused"),
        1142 | 1143 | 1227 | 1370 => (
            Reason::Forbidden,
            "the user may not read this: GRANT SELECT on its tables",
        ),
        1969 | 3024 => (
            Reason::Timeout,
            "the statement ran out of time: is there an index on the columns of its WHERE?",
        ),
        1205 | 1317 => (
            Reason::Timeout,
            "the statement was ended while it ran, or a lock was not given in time",
        ),
        1040 | 1203 | 1226 => (
            Reason::Connect,
            "the server has no connection left for this user",
        ),
        1049 => (Reason::Connect, "there is no such database"),
        1053 => (Reason::Connect, "the server is stopping"),
        1927 | 4031 => (Reason::Connect, "the server ended the session"),
        1129 => (
            Reason::Connect,
            "the server has blocked this host after too many failed connections",
        ),
        1213 => (Reason::Query, "it was in conflict with others, twice"),
        1046 => (
            Reason::Query,
            "the address names no database, and neither does the query",
        ),
        1792 => (
            Reason::Query,
            "the query wants to write, and the session is read-only",
        ),
        1054 => (Reason::Query, "there is no such column"),
        1064 => (Reason::Query, "the syntax is wrong"),
        1146 => (Reason::Query, "there is no such table"),
        1305 => (Reason::Query, "there is no such function"),
        _ => return (Reason::Query, None),
    };
    (reason, Some(meaning))
}
