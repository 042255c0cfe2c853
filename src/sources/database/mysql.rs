//! MySQL and MariaDB.
//!
//! Each reading is a read-only transaction of its own that is rolled back. Before it begins the
//! session's time zone, time limit and mode of access are set anew, whatever a query did to them,
//! which also shows whether the connection still lives.

mod codes;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Row as _, TypeInfo, ValueRef,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow},
};
use tokio::time::{Duration, Instant};
use url::Url;

use self::codes::{number, told};
use super::{
    Cell, Doubt, Relation, RelationKind, Row, Shape, SqlError, Value,
    relation::Named,
    statement::{Bind, counted},
    statement_time, still_alive,
    value::collect,
};
use crate::config::{Bound, Template};

/// The server does not know the variable.
const UNKNOWN_VARIABLE: u16 = 1193;

/// What lets a query leave something behind in the session that no transaction takes back: variables
/// and locks of the session.
const TRACES: [&str; 2] = ["@", "get_lock"];

/// Statements that stay prepared in a session. A server has room for 16 382 of all its sessions.
const STATEMENTS: usize = 256;

/// Most warnings that are looked at.
const WARNINGS: usize = 64;

/// A MySQL or MariaDB session, open or not.
pub(super) struct Session {
    options: MySqlConnectOptions,
    connection: Option<(MySqlConnection, Limit)>,
}

/// A connection with a read-only transaction begun.
pub(super) struct Open {
    connection: MySqlConnection,
    limit: Limit,
    until: Instant,
    /// Whether it must not be kept.
    leaves_traces: bool,
}

/// How the server limits the time of a statement. Servers that call themselves the same differ, and
/// those behind a proxy call themselves as they like: which one works is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// In seconds: MariaDB.
    MaxStatementTime,
    /// In milliseconds: MySQL.
    MaxExecutionTime,
    /// Not at all: whoever waits gives up, and the connection with it.
    None,
}

impl Session {
    /// Reads the address `url`.
    pub(super) fn new(url: &Url) -> Result<Self, SqlError> {
        let options = MySqlConnectOptions::from_url(url)
            .map_err(told)?
            // The query must mean here what it means in the operator's own client.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(Some("+00:00".to_owned()))
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        Ok(Self {
            options,
            connection: None,
        })
    }

    /// Scheme, host and port.
    pub(super) fn place(&self) -> String {
        match self.options.get_socket() {
            Some(_) => "mysql, a socket".to_owned(),
            None => format!(
                "mysql://{}:{}",
                self.options.get_host(),
                self.options.get_port()
            ),
        }
    }

    /// A connection with a transaction begun: the one there is if it still lives, else a new one.
    pub(super) async fn begin(&mut self, until: Instant) -> Result<Open, SqlError> {
        if let Some((mut connection, limit)) = self.connection.take() {
            if still_alive(until, prepare(&mut connection, limit, until)).await {
                return Ok(Open {
                    connection,
                    limit,
                    until,
                    leaves_traces: false,
                });
            }
            tracing::debug!("the connection to MySQL or MariaDB is gone and is opened anew");
        }
        let mut connection = self.options.connect().await.map_err(told)?;
        let limit = Limit::that_works(&mut connection, until).await?;
        prepare(&mut connection, limit, until).await.map_err(told)?;
        Ok(Open {
            connection,
            limit,
            until,
            leaves_traces: false,
        })
    }

    /// Rolls back, and keeps the connection if that works.
    pub(super) async fn end(&mut self, open: Open, is_whole: bool) {
        let Open {
            mut connection,
            limit,
            leaves_traces,
            ..
        } = open;
        if leaves_traces {
            let _goodbye = connection.close().await;
        } else if is_whole
            && sqlx::raw_sql("ROLLBACK")
                .execute(&mut connection)
                .await
                .is_ok()
        {
            self.connection = Some((connection, limit));
        }
    }

    /// Ends the session.
    pub(super) async fn close(&mut self) {
        if let Some((connection, _)) = self.connection.take() {
            let _goodbye = connection.close().await;
        }
    }
}

impl Limit {
    /// The one that the server behind `connection` knows.
    async fn that_works(
        connection: &mut MySqlConnection,
        until: Instant,
    ) -> Result<Self, SqlError> {
        for limit in [Self::MaxStatementTime, Self::MaxExecutionTime] {
            let Some(command) = limit.command(statement_time(until)) else {
                continue;
            };
            match sqlx::raw_sql(AssertSqlSafe(command))
                .execute(&mut *connection)
                .await
            {
                Ok(_) => return Ok(limit),
                Err(error) if number(&error) == Some(UNKNOWN_VARIABLE) => {}
                Err(error) => return Err(told(error)),
            }
        }
        tracing::debug!("the server knows no time limit of a statement");
        Ok(Self::None)
    }

    /// What sets the time limit of the next statements.
    fn command(self, time: Duration) -> Option<String> {
        let milliseconds = time.as_millis();
        match self {
            Self::MaxStatementTime => Some(format!(
                "SET SESSION max_statement_time = {}.{:03}",
                milliseconds / 1000,
                milliseconds % 1000
            )),
            Self::MaxExecutionTime => {
                Some(format!("SET SESSION max_execution_time = {milliseconds}"))
            }
            Self::None => None,
        }
    }
}

/// Sets the session anew and begins a transaction that cannot write. The session cannot either,
/// should the transaction end in the midst.
async fn prepare(
    connection: &mut MySqlConnection,
    limit: Limit,
    until: Instant,
) -> Result<(), sqlx::Error> {
    let commands = [
        Some("SET SESSION time_zone = '+00:00'".to_owned()),
        limit.command(statement_time(until)),
        Some("SET SESSION TRANSACTION READ ONLY".to_owned()),
        Some("START TRANSACTION READ ONLY".to_owned()),
    ];
    for command in commands.into_iter().flatten() {
        sqlx::raw_sql(AssertSqlSafe(command))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

impl Open {
    /// Asks `template`.
    pub(super) async fn fetch(
        &mut self,
        template: &Template,
        binds: impl Fn(Vec<Bound>) -> Vec<Bind>,
        shape: Shape,
    ) -> Result<Vec<Row>, SqlError> {
        let (text, bounds) = counted(template);
        let lower = text.to_lowercase();
        self.leaves_traces |= TRACES.iter().any(|trace| lower.contains(trace));
        // Kept prepared: to close a statement is a packet without an answer, and what is sent after
        // one waits for the server's delayed acknowledgement, 40 ms each time.
        let mut asked = sqlx::query(AssertSqlSafe(text)).persistent(true);
        for bind in binds(bounds) {
            asked = match bind {
                Bind::Instant(instant) => asked.bind(datetime(instant)),
                Bind::Unix(seconds) => asked.bind(seconds),
                Bind::Iso(text) => asked.bind(text),
            };
        }
        collect(asked.fetch(&mut self.connection), shape, told, cell).await
    }

    /// Asks `template`, to `until` at most.
    pub(super) async fn sample(
        &mut self,
        template: &Template,
        binds: impl Fn(Vec<Bound>) -> Vec<Bind>,
        shape: Shape,
        until: Instant,
    ) -> Result<Vec<Row>, SqlError> {
        self.limited(until).await?;
        let rows = self.fetch(template, binds, shape).await;
        self.limited(self.until).await?;
        rows
    }

    /// Sets the time limit of the next statements.
    async fn limited(&mut self, until: Instant) -> Result<(), SqlError> {
        if let Some(command) = self.limit.command(statement_time(until)) {
            sqlx::raw_sql(AssertSqlSafe(command))
                .execute(&mut self.connection)
                .await
                .map_err(told)?;
        }
        Ok(())
    }

    /// What a name means in this session.
    pub(super) async fn relation(&mut self, named: &Named) -> Result<Option<Relation>, SqlError> {
        let row = sqlx::query(
            "SELECT concat(table_schema, '.', table_name), table_type LIKE '%VIEW' \
             FROM information_schema.tables \
             WHERE table_schema = coalesce(?, database()) AND table_name = ?",
        )
        .bind(&named.schema)
        .bind(&named.table)
        .persistent(false)
        .fetch_optional(&mut self.connection)
        .await
        .map_err(told)?;
        Ok(row.and_then(|row| {
            let is_view = row.try_get_unchecked::<i64, _>(1).ok()? == 1;
            Some(Relation {
                name: row.try_get_unchecked(0).ok()?,
                kind: if is_view {
                    RelationKind::View
                } else {
                    RelationKind::Table
                },
            })
        }))
    }

    /// Fails when the last query met a value that it took for a time or number and that is none:
    /// such a comparison is false, whatever the row.
    pub(super) async fn warnings(&mut self) -> Result<(), SqlError> {
        let warnings = sqlx::raw_sql(AssertSqlSafe(format!("SHOW WARNINGS LIMIT {WARNINGS}")))
            .fetch_all(&mut self.connection)
            .await
            .map_err(told)?;
        let is_doubtful = warnings.iter().any(|row| {
            let code = row.try_get_unchecked::<u32, _>("Code").unwrap_or_default();
            // A value that is truncated or wrong for the type it is compared as; for a function.
            matches!(code, 1292 | 1366 | 1411 | 1525)
        });
        if is_doubtful {
            return Err(Doubt::Truncated.into());
        }
        Ok(())
    }
}

/// A `DATETIME`, in UTC as the session is.
fn datetime(instant: Timestamp) -> NaiveDateTime {
    // Every instant that jiff knows is one that chrono knows.
    DateTime::from_timestamp(instant.as_second(), 0)
        .unwrap_or_default()
        .naive_utc()
}

fn cell(row: &MySqlRow, index: usize) -> Cell {
    let Ok(raw) = row.try_get_raw(index) else {
        return Cell::new("unknown", None);
    };
    let name = row.column(index).type_info().name();
    if raw.is_null() {
        return Cell::new(name, Some(Value::Null));
    }
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
    let instant = |at: NaiveDateTime| Value::instant(at.and_utc().timestamp_micros());
    let value = match name {
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => row
            .try_get::<i64, _>(index)
            .ok()
            .map(|value| Value::Integer(value.into())),
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED"
        | "BIGINT UNSIGNED" => row
            .try_get::<u64, _>(index)
            .ok()
            .map(|value| Value::Integer(value.into())),
        "FLOAT" => row
            .try_get::<f32, _>(index)
            .ok()
            .map(|value| Value::Float(value.into())),
        "DOUBLE" => row.try_get::<f64, _>(index).ok().map(Value::Float),
        "DECIMAL" => row.try_get::<Decimal, _>(index).ok().map(Value::Decimal),
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET" => {
            row.try_get_unchecked::<String, _>(index)
                .ok()
                .and_then(Value::text)
        }
        "DATETIME" | "TIMESTAMP" => row
            .try_get_unchecked::<NaiveDateTime, _>(index)
            .ok()
            .and_then(instant),
        "DATE" => row
            .try_get::<NaiveDate, _>(index)
            .ok()
            .and_then(|date| instant(midnight(date))),
        _ => Some(Value::Other),
    };
    Cell::new(name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_own_time_limit() {
        let command = |limit: Limit| limit.command(Duration::from_millis(29_050));
        assert_eq!(
            command(Limit::MaxExecutionTime).as_deref(),
            Some("SET SESSION max_execution_time = 29050")
        );
        assert_eq!(
            command(Limit::MaxStatementTime).as_deref(),
            Some("SET SESSION max_statement_time = 29.050")
        );
        assert_eq!(command(Limit::None), None);
    }
}
