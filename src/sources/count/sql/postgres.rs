//! PostgreSQL.
//!
//! Each reading is a read-only transaction of its own that sets its time zone and time limit for
//! itself and is rolled back. So it holds behind a connection pooler too, no session setting leaks
//! to others there, and a server's log shows no error.

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Row, TypeInfo, ValueRef,
    postgres::{
        PgConnectOptions, PgConnection, PgDatabaseError, PgErrorPosition, PgRow, PgSslMode,
    },
};
use tokio::time::Instant;
use url::Url;

use super::{
    APPLICATION, SqlError, error::Meaning, is_whole, only_row, statement, statement_milliseconds,
    still_alive,
};
use crate::{
    config::{Piece, Template},
    domain::{Interval, Reason},
    sources::count::{AnswerError, Failure},
};

/// Parameters of an address that the driver knows; it would log the value of any other.
const PARAMETERS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A PostgreSQL session, open or not.
pub(super) struct Session {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl Session {
    /// Reads the address `url`.
    pub(super) fn new(url: &Url) -> Result<Self, SqlError> {
        let mut known = url.clone();
        let is_known = |key: &str| PARAMETERS.contains(&key) || key.starts_with("options[");
        known.set_query(None);
        for (key, value) in url.query_pairs() {
            if is_known(&key) {
                known.query_pairs_mut().append_pair(&key, &value);
            } else {
                tracing::warn!(parameter = %key, "a parameter of the PostgreSQL address is not known and has no effect");
            }
        }
        let mut options = PgConnectOptions::from_url(&known).map_err(SqlError::of)?;
        // As in libpq: with a root certificate at hand, `require` checks it.
        let has_root = known
            .query_pairs()
            .any(|(key, _)| matches!(&*key, "sslrootcert" | "ssl-root-cert" | "ssl-ca"));
        if has_root && matches!(options.get_ssl_mode(), PgSslMode::Require) {
            options = options.ssl_mode(PgSslMode::VerifyCa);
        }
        if options.get_application_name().is_none() {
            options = options.application_name(APPLICATION);
        }
        Ok(Self {
            options: options
                // Poolers refuse this start-up parameter, and nothing here prints floats.
                .extra_float_digits(None)
                .statement_cache_capacity(0)
                .disable_statement_logging(),
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
        let mut connection = self.begin(limit).await?;
        let answer = ask(&mut connection, query, interval).await;
        if is_whole(&answer)
            && sqlx::raw_sql("ROLLBACK")
                .execute(&mut connection)
                .await
                .is_ok()
        {
            self.connection = Some(connection);
        }
        answer
    }

    /// Ends the session.
    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _goodbye = connection.close().await;
        }
    }

    /// A connection with a transaction begun: the one there is if it still lives, else a new one.
    async fn begin(&mut self, limit: Instant) -> Result<PgConnection, SqlError> {
        if let Some(mut connection) = self.connection.take() {
            let command = begin(limit);
            if still_alive(limit, sqlx::raw_sql(command).execute(&mut connection)).await {
                return Ok(connection);
            }
            tracing::debug!("the connection to PostgreSQL is gone and is opened anew");
        }
        let mut connection = self.options.connect().await.map_err(SqlError::of)?;
        sqlx::raw_sql(begin(limit))
            .execute(&mut connection)
            .await
            .map_err(SqlError::of)?;
        Ok(connection)
    }
}

/// Begins a transaction that cannot write, has a time limit, and knows UTC only. Notices stay
/// away, since the driver logs them and they can quote a row.
fn begin(limit: Instant) -> AssertSqlSafe<String> {
    let milliseconds = statement_milliseconds(limit);
    AssertSqlSafe(format!(
        "BEGIN READ ONLY; \
         SET LOCAL statement_timeout = {milliseconds}; \
         SET LOCAL idle_in_transaction_session_timeout = {milliseconds}; \
         SET LOCAL TimeZone = 'UTC'; \
         SET LOCAL client_min_messages = 'error'"
    ))
}

async fn ask(
    connection: &mut PgConnection,
    query: &Template,
    interval: Interval,
) -> Result<f64, Failure> {
    // `$1` is the first that is used at all.
    let end = if query.uses_start() { "$2" } else { "$1" };
    let text = statement(query, |piece| match piece {
        Piece::End => end,
        _ => "$1",
    });
    let mut asked = sqlx::query(AssertSqlSafe(text)).persistent(false);
    if query.uses_start() {
        asked = asked.bind(timestamptz(interval.start));
    }
    if query.uses_end() {
        asked = asked.bind(timestamptz(interval.end));
    }
    let row = only_row(asked.fetch(connection)).await?;
    Ok(number(&row)?)
}

fn timestamptz(instant: Timestamp) -> DateTime<Utc> {
    // Every instant that jiff knows is one that chrono knows.
    DateTime::from_timestamp(instant.as_second(), 0).unwrap_or_default()
}

fn number(row: &PgRow) -> Result<f64, AnswerError> {
    if row
        .try_get_raw(0)
        .map_err(|_| AnswerError::Unreadable)?
        .is_null()
    {
        return Err(AnswerError::Null);
    }
    let name = row.column(0).type_info().name();
    let value = match name {
        "INT2" => row.try_get::<i16, _>(0).map(f64::from),
        "INT4" => row.try_get::<i32, _>(0).map(f64::from),
        "INT8" => row.try_get::<i64, _>(0).map(|value| value as f64),
        "FLOAT4" => row.try_get::<f32, _>(0).map(f64::from),
        "FLOAT8" => row.try_get::<f64, _>(0),
        "NUMERIC" => row
            .try_get::<Decimal, _>(0)
            .map(|value| value.to_f64().unwrap_or(f64::NAN)),
        other => return Err(AnswerError::Type(other.to_owned())),
    };
    value.map_err(|_| AnswerError::Unreadable)
}

/// What PostgreSQL said, without its words.
pub(super) fn refused(error: &PgDatabaseError) -> SqlError {
    let (reason, meaning) = meaning(error.code());
    SqlError::Refused {
        reason,
        code: format!("SQLSTATE {}", error.code()),
        position: error.position().and_then(|position| match position {
            PgErrorPosition::Original(position) => Some(position),
            PgErrorPosition::Internal { .. } => None,
        }),
        meaning,
    }
}

/// Source: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes".
fn meaning(code: &str) -> Meaning {
    let (reason, meaning) = match code {
        "28P01" => (
            Reason::Auth,
            "the password is wrong, or there is no such role",
        ),
        "57014" => (
            Reason::Timeout,
            "the statement ran out of time: is there an index on the columns of its WHERE?",
        ),
        "25P04" => (Reason::Timeout, "the transaction ran out of time"),
        "55P03" => (Reason::Timeout, "a lock was not given in time"),
        "42501" => (
            Reason::Forbidden,
            "the role may not read this: GRANT SELECT on its tables",
        ),
        "3D000" => (Reason::Connect, "there is no such database"),
        "53300" => (
            Reason::Connect,
            "the server has no connection left for this role",
        ),
        "57P01" | "57P02" => (Reason::Connect, "the server is stopping"),
        "57P03" => (Reason::Connect, "the server is starting or stopping"),
        "25P03" | "57P05" => (
            Reason::Connect,
            "the server ended the session because it was idle",
        ),
        "25006" => (
            Reason::Query,
            "the query wants to write, and the session is read-only",
        ),
        "42601" => (Reason::Query, "the syntax is wrong"),
        "42703" => (Reason::Query, "there is no such column"),
        "42883" => (
            Reason::Query,
            "there is no such function or operator for these types",
        ),
        "42P01" => (Reason::Query, "there is no such table"),
        "3F000" => (Reason::Query, "there is no such schema"),
        _ => {
            return match code.get(..2) {
                Some("28") => (
                    Reason::Auth,
                    Some("the login was refused: see pg_hba.conf and the role"),
                ),
                Some("08") => (Reason::Connect, Some("the connection failed")),
                _ => (Reason::Query, None),
            };
        }
    };
    (reason, Some(meaning))
}
