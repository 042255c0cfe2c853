//! SQLite.
//!
//! The file is opened for each reading, read-only, and closed after it: that takes less than a
//! millisecond, a file put in its place is seen, and nothing is held in between. Only one statement
//! that reads is ever prepared: others could undo that, or write elsewhere.

use std::str::FromStr;

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Either, Executor, Row as _, SqlSafeStr,
    Statement as _, TypeInfo, ValueRef,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteError, SqliteRow},
};
use tokio::time::Instant;

use super::{
    Cell, Relation, RelationKind, Row, Shape, SqlError, Value,
    error::{Meaning, Refusal},
    files::Files,
    relation::Named,
    statement::{Bind, numbered, written},
    statement_time,
    value::collect,
};
use crate::{
    config::{Bound, Dialect, Template, misfit},
    domain::Reason,
};

/// Steps of SQLite's machine between two looks at the clock: far below a millisecond.
const STEPS: i32 = 1000;

/// How to open a file.
pub(super) struct Session {
    options: SqliteConnectOptions,
    file: Files,
}

/// A file that is open.
pub(super) struct Open {
    connection: SqliteConnection,
    limit: Instant,
}

impl Session {
    /// Reads the address, `sqlite://` and a path.
    pub(super) fn new(address: &str) -> Result<Self, SqlError> {
        let options = SqliteConnectOptions::from_str(address)
            .map_err(told)?
            .read_only(true)
            .create_if_missing(false)
            .pragma("query_only", "ON")
            .statement_cache_capacity(1)
            .disable_statement_logging();
        let file = Files::new(vec![options.get_filename().to_owned()]);
        Ok(Self { options, file })
    }

    /// Opens the file. Waits for a lock a little less long than to `limit`, so that it is SQLite that
    /// gives up and says why.
    pub(super) async fn begin(&mut self, limit: Instant) -> Result<Open, SqlError> {
        self.file.look().await?;
        let connection = self
            .options
            .clone()
            // SQLite counts the pauses that it asks for, and on a busy machine each lasts longer.
            .busy_timeout(statement_time(limit) * 3 / 4)
            .connect()
            .await
            .map_err(told)?;
        Ok(Open { connection, limit })
    }
}

impl Open {
    /// Asks `template`.
    pub(super) async fn fetch(
        &mut self,
        template: &Template,
        binds: impl Fn(Vec<Bound>) -> Vec<Bind>,
        shape: Shape,
    ) -> Result<Vec<Row>, SqlError> {
        self.ask(template, binds, shape, self.limit).await
    }

    /// Asks `template`, to `until` at most.
    pub(super) async fn sample(
        &mut self,
        template: &Template,
        binds: impl Fn(Vec<Bound>) -> Vec<Bind>,
        shape: Shape,
        until: Instant,
    ) -> Result<Vec<Row>, SqlError> {
        self.ask(template, binds, shape, until).await
    }

    async fn ask(
        &mut self,
        template: &Template,
        binds: impl Fn(Vec<Bound>) -> Vec<Bind>,
        shape: Shape,
        until: Instant,
    ) -> Result<Vec<Row>, SqlError> {
        let (text, bounds) = numbered(template, '?');
        if let Some(message) = misfit(&text, Dialect::Sqlite) {
            return Err(SqlError::Misfit(message));
        }
        // The query runs on a thread of its own, which goes on when nobody waits any more: it looks
        // at the clock itself.
        let end = std::time::Instant::now() + statement_time(until);
        self.connection
            .lock_handle()
            .await
            .map_err(told)?
            .set_progress_handler(STEPS, move || std::time::Instant::now() < end);
        // SQLite takes NULL for what nobody binds, and counts 0: that must not pass for an answer.
        let prepared = (&mut self.connection)
            .prepare(AssertSqlSafe(text).into_sql_str())
            .await
            .map_err(told)?;
        if !matches!(prepared.parameters(), Some(Either::Right(count)) if count == bounds.len()) {
            return Err(SqlError::Placeholder);
        }
        let mut asked = prepared.query();
        for bind in binds(bounds) {
            asked = match bind {
                // As SQLite's own `datetime()` writes it.
                Bind::Instant(instant) => asked.bind(written(instant, "%Y-%m-%d %H:%M:%S")),
                Bind::Unix(seconds) => asked.bind(seconds),
                Bind::Iso(text) => asked.bind(text),
            };
        }
        collect(asked.fetch(&mut self.connection), shape, told, cell).await
    }

    /// What a name means in the file.
    pub(super) async fn relation(&mut self, named: &Named) -> Result<Option<Relation>, SqlError> {
        let row = sqlx::query(
            "SELECT name, type FROM sqlite_schema WHERE lower(name) = lower(?1) AND type IN ('table', 'view')",
        )
        .bind(&named.table)
        .fetch_optional(&mut self.connection)
        .await
        .map_err(told)?;
        Ok(row.and_then(|row| {
            let is_view = row.try_get::<String, _>(1).ok()? == "view";
            Some(Relation {
                name: row.try_get(0).ok()?,
                kind: if is_view {
                    RelationKind::View
                } else {
                    RelationKind::Table
                },
            })
        }))
    }

    /// Closes the file.
    pub(super) async fn close(self) {
        let _goodbye = self.connection.close().await;
    }
}

fn cell(row: &SqliteRow, index: usize) -> Cell {
    let Ok(raw) = row.try_get_raw(index) else {
        return Cell::new("unknown", None);
    };
    // The type of the value: that of a column is only a wish in SQLite.
    let info = raw.type_info().into_owned();
    let name = info.name();
    if raw.is_null() {
        return Cell::new(name, Some(Value::Null));
    }
    let value = match name {
        "INTEGER" => row
            .try_get_unchecked::<i64, _>(index)
            .ok()
            .map(|value| Value::Integer(value.into())),
        "REAL" => row
            .try_get_unchecked::<f64, _>(index)
            .ok()
            .map(Value::Float),
        "TEXT" => row
            .try_get_unchecked::<String, _>(index)
            .ok()
            .and_then(Value::text),
        _ => Some(Value::Other),
    };
    Cell::new(name, value)
}

/// What may be told of an error.
fn told(error: sqlx::Error) -> SqlError {
    match &error {
        sqlx::Error::Database(database) => match database.try_downcast_ref::<SqliteError>() {
            Some(error) => refused(error),
            None => SqlError::Protocol,
        },
        _ => SqlError::of_driver(error),
    }
}

/// What SQLite said, without its words.
fn refused(error: &SqliteError) -> SqlError {
    let code: i32 = sqlx::error::DatabaseError::code(error)
        .and_then(|code| code.parse().ok())
        .unwrap_or_default();
    let (reason, meaning) = meaning(code);
    SqlError::Refused(Refusal {
        reason,
        code: format!("SQLite result code {code}"),
        position: None,
        meaning,
        is_conflict: false,
    })
}

/// Source: SQLite documentation, "Result and Error Codes". The low byte is the primary code.
fn meaning(code: i32) -> Meaning {
    let (reason, meaning) = match code & 0xff {
        1 => (
            Reason::Query,
            "the syntax is wrong, or there is no such table or column",
        ),
        3 | 23 => (Reason::Forbidden, "the file may not be read"),
        5 | 6 => (
            Reason::Timeout,
            "the file is locked by another process, which did not let go of it in time",
        ),
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
