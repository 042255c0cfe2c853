//! MySQL and MariaDB.
//!
//! The session cannot write and its time zone is UTC. Before each query the time limit is set,
//! which also shows whether the connection still lives.

use chrono::{DateTime, NaiveDateTime};
use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Row, TypeInfo, ValueRef,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow},
};
use tokio::time::Instant;
use url::Url;

use super::{
    SqlError, error::Meaning, is_whole, only_row, statement, statement_milliseconds, still_alive,
};
use crate::{
    config::{Piece, Template},
    domain::{Interval, Reason},
    sources::count::{AnswerError, Failure},
};

/// A MySQL or MariaDB session, open or not.
pub(super) struct Session {
    options: MySqlConnectOptions,
    connection: Option<(MySqlConnection, Server)>,
}

/// The two servers name and measure the time limit of a statement differently.
#[derive(Clone, Copy)]
enum Server {
    MySql,
    MariaDb,
}

impl Session {
    /// Reads the address `url`.
    pub(super) fn new(url: &Url) -> Result<Self, SqlError> {
        let options = MySqlConnectOptions::from_url(url)
            .map_err(SqlError::of)?
            // The query must mean here what it means in the operator's own client.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(Some("+00:00".to_owned()))
            .disable_statement_logging();
        Ok(Self {
            options,
            connection: None,
        })
    }

    /// Asks `query` before `limit`.
    pub(super) async fn read(
        &mut self,
        query: &Template,
        interval: Interval,
        limit: Instant,
    ) -> Result<f64, Failure> {
        // Whoever stops waiting drops this future, and the connection with it.
        let (mut connection, server) = self.limited(limit).await?;
        let answer = ask(&mut connection, query, interval).await;
        if is_whole(&answer) {
            self.connection = Some((connection, server));
        }
        answer
    }

    /// Ends the session.
    pub(super) async fn close(&mut self) {
        if let Some((connection, _)) = self.connection.take() {
            let _goodbye = connection.close().await;
        }
    }

    /// A connection whose next statement ends before `limit`: the one there is if it still lives,
    /// else a new one.
    async fn limited(&mut self, limit: Instant) -> Result<(MySqlConnection, Server), SqlError> {
        if let Some((mut connection, server)) = self.connection.take() {
            let command = server.limit(statement_milliseconds(limit));
            if still_alive(limit, sqlx::raw_sql(command).execute(&mut connection)).await {
                return Ok((connection, server));
            }
            tracing::debug!("the connection to MySQL or MariaDB is gone and is opened anew");
        }
        let mut connection = self.options.connect().await.map_err(SqlError::of)?;
        let server = prepare(&mut connection, limit)
            .await
            .map_err(SqlError::of)?;
        Ok((connection, server))
    }
}

impl Server {
    /// What sets the time limit of the next statements.
    fn limit(self, milliseconds: u128) -> AssertSqlSafe<String> {
        AssertSqlSafe(match self {
            Self::MySql => format!("SET SESSION max_execution_time = {milliseconds}"),
            Self::MariaDb => format!(
                "SET SESSION max_statement_time = {}.{:03}",
                milliseconds / 1000,
                milliseconds % 1000
            ),
        })
    }
}

async fn prepare(connection: &mut MySqlConnection, limit: Instant) -> Result<Server, sqlx::Error> {
    let row = sqlx::raw_sql("SELECT VERSION()")
        .fetch_one(&mut *connection)
        .await?;
    let server = if row.try_get::<String, _>(0)?.contains("MariaDB") {
        Server::MariaDb
    } else {
        Server::MySql
    };
    sqlx::raw_sql("SET SESSION TRANSACTION READ ONLY")
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql(server.limit(statement_milliseconds(limit)))
        .execute(connection)
        .await?;
    Ok(server)
}

async fn ask(
    connection: &mut MySqlConnection,
    query: &Template,
    interval: Interval,
) -> Result<f64, Failure> {
    let text = statement(query, |_| "?");
    let mut asked = sqlx::query(AssertSqlSafe(text)).persistent(false);
    for piece in query.pieces() {
        match piece {
            Piece::Start => asked = asked.bind(datetime(interval.start)),
            Piece::End => asked = asked.bind(datetime(interval.end)),
            Piece::Text(_) => {}
        }
    }
    let row = only_row(asked.fetch(connection)).await?;
    Ok(number(&row)?)
}

/// A `DATETIME`, in UTC as the session is.
fn datetime(instant: Timestamp) -> NaiveDateTime {
    // Every instant that jiff knows is one that chrono knows.
    DateTime::from_timestamp(instant.as_second(), 0)
        .unwrap_or_default()
        .naive_utc()
}

fn number(row: &MySqlRow) -> Result<f64, AnswerError> {
    if row
        .try_get_raw(0)
        .map_err(|_| AnswerError::Unreadable)?
        .is_null()
    {
        return Err(AnswerError::Null);
    }
    let name = row.column(0).type_info().name();
    let value = match name {
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => {
            row.try_get::<i64, _>(0).map(|value| value as f64)
        }
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED"
        | "BIGINT UNSIGNED" => row.try_get::<u64, _>(0).map(|value| value as f64),
        "FLOAT" => row.try_get::<f32, _>(0).map(f64::from),
        "DOUBLE" => row.try_get::<f64, _>(0),
        "DECIMAL" => row
            .try_get::<Decimal, _>(0)
            .map(|value| value.to_f64().unwrap_or(f64::NAN)),
        other => return Err(AnswerError::Type(other.to_owned())),
    };
    value.map_err(|_| AnswerError::Unreadable)
}

/// What the server said, without its words.
pub(super) fn refused(error: &MySqlDatabaseError) -> SqlError {
    let (reason, meaning) = meaning(error.number());
    SqlError::Refused {
        reason,
        code: format!(
            "SQLSTATE {} (error {})",
            error.code().unwrap_or("HY000"),
            error.number()
        ),
        position: None,
        meaning,
    }
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

#[cfg(test)]
mod tests {
    use sqlx::SqlSafeStr as _;

    use super::*;

    #[test]
    fn each_server_has_its_own_time_limit() {
        let text = |server: Server| server.limit(29_050).into_sql_str().as_str().to_owned();
        assert_eq!(
            text(Server::MySql),
            "SET SESSION max_execution_time = 29050"
        );
        assert_eq!(
            text(Server::MariaDb),
            "SET SESSION max_statement_time = 29.050"
        );
    }
}
