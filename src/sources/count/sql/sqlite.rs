//! SQLite.
//!
//! The file is opened for each reading, read-only, and closed after it: that takes less than a
//! millisecond, a file put in its place is seen, and nothing is held in between.

use std::{str::FromStr, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Either, Executor, Row, SqlSafeStr, Statement,
    TypeInfo, ValueRef,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteError, SqliteRow},
};
use tokio::time::Instant;

use super::{SqlError, error::Meaning, only_row, statement};
use crate::{
    config::{Piece, Template},
    domain::{Interval, Reason},
    sources::count::{AnswerError, Failure},
};

/// Steps of SQLite's machine between two looks at the clock: far below a millisecond.
const STEPS: i32 = 1000;

/// How long SQLite waits for a lock at most; its own unit is an `i32` of milliseconds.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// How to open a file.
pub(super) struct Session {
    options: SqliteConnectOptions,
}

impl Session {
    /// Reads the address, `sqlite://` and a path.
    pub(super) fn new(address: &str) -> Result<Self, SqlError> {
        let options = SqliteConnectOptions::from_str(address)
            .map_err(SqlError::of)?
            .read_only(true)
            .create_if_missing(false)
            .pragma("query_only", "ON")
            .statement_cache_capacity(1)
            .disable_statement_logging();
        Ok(Self { options })
    }

    /// Asks `query` before `limit`.
    pub(super) async fn read(
        &mut self,
        query: &Template,
        interval: Interval,
        limit: Instant,
    ) -> Result<f64, Failure> {
        let remaining = limit.saturating_duration_since(Instant::now());
        let mut connection = self
            .options
            .clone()
            .busy_timeout(remaining.min(LONGEST_WAIT))
            .connect()
            .await
            .map_err(SqlError::of)?;
        // The query runs on a thread of its own, which goes on when nobody waits any more: it looks
        // at the clock itself.
        let end = limit.into_std();
        connection
            .lock_handle()
            .await
            .map_err(SqlError::of)?
            .set_progress_handler(STEPS, move || std::time::Instant::now() < end);
        let answer = ask(&mut connection, query, interval).await;
        let _goodbye = connection.close().await;
        answer
    }
}

async fn ask(
    connection: &mut SqliteConnection,
    query: &Template,
    interval: Interval,
) -> Result<f64, Failure> {
    let end = if query.uses_start() { "?2" } else { "?1" };
    let text = statement(query, |piece| match piece {
        Piece::End => end,
        _ => "?1",
    });
    let placeholders = usize::from(query.uses_start()) + usize::from(query.uses_end());
    // SQLite takes NULL for what nobody binds, and counts 0: that must not pass for an answer.
    let prepared = connection
        .prepare(AssertSqlSafe(text).into_sql_str())
        .await
        .map_err(SqlError::of)?;
    if !matches!(prepared.parameters(), Some(Either::Right(count)) if count == placeholders) {
        return Err(SqlError::Placeholder.into());
    }
    let mut asked = prepared.query();
    if query.uses_start() {
        asked = asked.bind(text_of(interval.start));
    }
    if query.uses_end() {
        asked = asked.bind(text_of(interval.end));
    }
    let row = only_row(asked.fetch(connection)).await?;
    Ok(number(&row)?)
}

/// `YYYY-MM-DD HH:MM:SS` in UTC, as SQLite's own `datetime()` writes it.
fn text_of(instant: Timestamp) -> String {
    instant
        .to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn number(row: &SqliteRow) -> Result<f64, AnswerError> {
    let raw = row.try_get_raw(0).map_err(|_| AnswerError::Unreadable)?;
    if raw.is_null() {
        return Err(AnswerError::Null);
    }
    // The type of the value: that of a column is only a wish in SQLite.
    let name = raw.type_info().name().to_owned();
    let value = match name.as_str() {
        "INTEGER" => row.try_get_unchecked::<i64, _>(0).map(|value| value as f64),
        "REAL" => row.try_get_unchecked::<f64, _>(0),
        _ => return Err(AnswerError::Type(name)),
    };
    value.map_err(|_| AnswerError::Unreadable)
}

/// What SQLite said, without its words.
pub(super) fn refused(error: &SqliteError) -> SqlError {
    let code: i32 = sqlx::error::DatabaseError::code(error)
        .and_then(|code| code.parse().ok())
        .unwrap_or_default();
    let (reason, meaning) = meaning(code);
    SqlError::Refused {
        reason,
        code: format!("SQLite result code {code}"),
        position: None,
        meaning,
    }
}

/// Source: SQLite documentation, "Result and Error Codes". The low byte is the primary code.
fn meaning(code: i32) -> Meaning {
    let (reason, meaning) = match code & 0xff {
        1 => (
            Reason::Query,
            "the syntax is wrong, or there is no such table or column",
        ),
        3 | 23 => (Reason::Forbidden, "the file may not be read"),
        5 | 6 => (Reason::Timeout, "the file is locked by another process"),
        8 => (
            Reason::Query,
            "the query wants to write, and the session is read-only; or the file is in WAL mode and cannot be recovered by reading alone",
        ),
        9 => (
            Reason::Timeout,
            "the statement ran out of time: is there an index on the columns of its WHERE?",
        ),
        10 => (
            Reason::Connect,
            "the file cannot be read: input or output error",
        ),
        11 => (Reason::Query, "the file is damaged"),
        14 => (
            Reason::Connect,
            "the file cannot be opened: does it exist, may it be read (and, in WAL mode, its directory written)?",
        ),
        26 => (Reason::Connect, "the file is not an SQLite database"),
        _ => return (Reason::Query, None),
    };
    (reason, Some(meaning))
}
