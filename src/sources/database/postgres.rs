//! PostgreSQL.
//!
//! Each reading is a read-only transaction of its own that sets its time zone and time limit for
//! itself and is rolled back; then the session forgets what else it was told. So it holds behind a
//! connection pooler too, no session setting leaks to others there, and a server's log shows no
//! error. Row-level security is off in it: where a policy would hide rows the server raises an
//! error, and no count is silently smaller.

mod codes;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Row as _, TypeInfo, ValueRef,
    postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, PgSslMode, PgTypeKind},
    query::Query,
};
use tokio::time::Instant;
use url::Url;

use self::codes::{told, told_at_login};
use super::{
    Cell, Relation, RelationKind, Row, Shape, SqlError, Value,
    relation::Named,
    statement::{Bind, numbered},
    statement_time, still_alive,
    value::collect,
};
use crate::config::{Bound, Template};

/// What a session is called where the server shows sessions.
const APPLICATION: &str = "contact-rate-exporter";

/// Statements of one reading that stay prepared until its end: the query, its samples, and those
/// with which the driver asks for the name of a type that it does not know.
const STATEMENTS: usize = 16;

/// A PostgreSQL session, open or not.
pub(super) struct Session {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

/// A connection with a read-only transaction begun.
pub(super) struct Open {
    connection: PgConnection,
}

impl Session {
    /// Reads the address `url`.
    pub(super) fn new(url: &Url) -> Result<Self, SqlError> {
        let mut options = PgConnectOptions::from_url(url).map_err(told)?;
        // As in libpq: with a root certificate at hand, `require` checks it.
        let has_root = url
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
                .statement_cache_capacity(STATEMENTS)
                .disable_statement_logging(),
            connection: None,
        })
    }

    /// Scheme, host and port.
    pub(super) fn place(&self) -> String {
        match self.options.get_socket() {
            Some(_) => "postgres, a socket".to_owned(),
            None => format!(
                "postgres://{}:{}",
                self.options.get_host(),
                self.options.get_port()
            ),
        }
    }

    /// A connection with a transaction begun: the one there is if it still lives, else a new one.
    pub(super) async fn begin(&mut self, limit: Instant) -> Result<Open, SqlError> {
        if let Some(mut connection) = self.connection.take() {
            let command = begin(limit);
            if still_alive(limit, sqlx::raw_sql(command).execute(&mut connection)).await {
                return Ok(Open { connection });
            }
            tracing::debug!("the connection to PostgreSQL is gone and is opened anew");
        }
        let mut connection = self.options.connect().await.map_err(told_at_login)?;
        sqlx::raw_sql(begin(limit))
            .execute(&mut connection)
            .await
            .map_err(told)?;
        Ok(Open { connection })
    }

    /// Rolls back and forgets; keeps the connection if that works.
    pub(super) async fn end(&mut self, open: Open, is_whole: bool) {
        let mut connection = open.connection;
        if is_whole && forget(&mut connection).await.is_ok() {
            self.connection = Some(connection);
        }
    }

    /// Ends the session.
    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _goodbye = connection.close().await;
        }
    }
}

/// Ends the transaction. Prepared statements end within it, since behind a pooler the next command
/// may reach another server; then whatever the session was told (locks, settings) is forgotten.
async fn forget(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.clear_cached_statements().await?;
    sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
    sqlx::raw_sql("DISCARD ALL").execute(connection).await?;
    Ok(())
}

/// Begins a transaction that cannot write, has a time limit, knows UTC only and sees every row or
/// fails. Notices stay away, since the driver logs them and they can quote a row.
fn begin(limit: Instant) -> AssertSqlSafe<String> {
    let milliseconds = statement_time(limit).as_millis();
    AssertSqlSafe(format!(
        "BEGIN READ ONLY; \
         SET LOCAL statement_timeout = {milliseconds}; \
         SET LOCAL idle_in_transaction_session_timeout = {milliseconds}; \
         SET LOCAL TimeZone = 'UTC'; \
         SET LOCAL row_security = off; \
         SET LOCAL client_min_messages = 'error'"
    ))
}

impl Open {
    /// Asks `template`.
    pub(super) async fn fetch(
        &mut self,
        template: &Template,
        binds: impl Fn(Vec<Bound>) -> Vec<Bind>,
        shape: Shape,
    ) -> Result<Vec<Row>, SqlError> {
        let (text, bounds) = numbered(template, '$');
        let asked = sqlx::query(AssertSqlSafe(text)).persistent(true);
        let asked = binds(bounds).into_iter().fold(asked, bound);
        collect(asked.fetch(&mut self.connection), shape, told, cell).await
    }

    /// Asks `template`, to `until` at most, and takes no harm when the server refuses it.
    pub(super) async fn sample(
        &mut self,
        template: &Template,
        binds: impl Fn(Vec<Bound>) -> Vec<Bind>,
        shape: Shape,
        until: Instant,
    ) -> Result<Vec<Row>, SqlError> {
        let milliseconds = statement_time(until).as_millis();
        let point = AssertSqlSafe(format!(
            "SAVEPOINT sample; SET LOCAL statement_timeout = {milliseconds}"
        ));
        sqlx::raw_sql(point)
            .execute(&mut self.connection)
            .await
            .map_err(told)?;
        let rows = self.fetch(template, binds, shape).await;
        sqlx::raw_sql("ROLLBACK TO SAVEPOINT sample")
            .execute(&mut self.connection)
            .await
            .map_err(told)?;
        rows
    }
}

impl Open {
    /// What a name means in this session.
    pub(super) async fn relation(&mut self, named: &Named) -> Result<Option<Relation>, SqlError> {
        let row = sqlx::query(
            "SELECT format('%s.%s', n.nspname, c.relname), c.relkind::text \
             FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE c.oid = pg_catalog.to_regclass($1)",
        )
        .bind(&named.written)
        .fetch_optional(&mut self.connection)
        .await
        .map_err(told)?;
        Ok(row.and_then(|row| {
            Some(Relation {
                name: row.try_get(0).ok()?,
                kind: match row.try_get::<String, _>(1).ok()?.as_str() {
                    "v" => RelationKind::View,
                    "m" => RelationKind::MaterializedView,
                    _ => RelationKind::Table,
                },
            })
        }))
    }
}

fn bound(
    query: Query<'_, sqlx::Postgres, PgArguments>,
    bind: Bind,
) -> Query<'_, sqlx::Postgres, PgArguments> {
    match bind {
        Bind::Instant(instant) => query.bind(timestamptz(instant)),
        Bind::Unix(seconds) => query.bind(seconds),
        Bind::Iso(text) => query.bind(text),
    }
}

fn timestamptz(instant: Timestamp) -> DateTime<Utc> {
    // Every instant that jiff knows is one that chrono knows.
    DateTime::from_timestamp(instant.as_second(), 0).unwrap_or_default()
}

fn cell(row: &PgRow, index: usize) -> Cell {
    let Ok(raw) = row.try_get_raw(index) else {
        return Cell::new("unknown", None);
    };
    let info = row.column(index).type_info();
    let name = info.name();
    if raw.is_null() {
        return Cell::new(name, Some(Value::Null));
    }
    let text = || {
        row.try_get_unchecked::<String, _>(index)
            .ok()
            .and_then(Value::text)
    };
    let value = match name {
        "INT2" => integer(row.try_get::<i16, _>(index)),
        "INT4" => integer(row.try_get::<i32, _>(index)),
        "INT8" => integer(row.try_get::<i64, _>(index)),
        "FLOAT4" => float(row.try_get::<f32, _>(index)),
        "FLOAT8" => float(row.try_get::<f64, _>(index)),
        "NUMERIC" => row.try_get::<Decimal, _>(index).ok().map(Value::Decimal),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "CITEXT" | "UNKNOWN" => text(),
        "TIMESTAMPTZ" => row
            .try_get::<DateTime<Utc>, _>(index)
            .ok()
            .and_then(|at| Value::instant(at.timestamp_micros())),
        "TIMESTAMP" => row
            .try_get::<NaiveDateTime, _>(index)
            .ok()
            .and_then(|at| Value::instant(at.and_utc().timestamp_micros())),
        "DATE" => row.try_get::<NaiveDate, _>(index).ok().and_then(|date| {
            Value::instant(date.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
        }),
        _ if matches!(info.kind(), PgTypeKind::Enum(_)) => text(),
        _ => Some(Value::Other),
    };
    Cell::new(name, value)
}

fn integer(value: Result<impl Into<i128>, sqlx::Error>) -> Option<Value> {
    value.ok().map(|value| Value::Integer(value.into()))
}

fn float(value: Result<impl Into<f64>, sqlx::Error>) -> Option<Value> {
    value.ok().map(|value| Value::Float(value.into()))
}
