//! Populations in SQL databases.
//!
//! One connection per database, opened when first needed and shared by its populations, whose
//! queries take turns. A session cannot write, its time zone is UTC, and the server itself ends a
//! statement that takes too long. Nothing that a server says in words is kept: it can quote a row.

mod error;
mod mysql;
mod postgres;
mod sqlite;

use std::{future::Future, pin::pin, time::Duration};

use futures_util::{Stream, TryStreamExt};
use sqlx::Row;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};
use url::Url;

use super::{AnswerError, Failure};
use crate::{
    config::{self, Dialect, Piece, Template},
    domain::Interval,
    sources::transport,
};

pub use error::SqlError;

/// What a session is called where the server shows sessions.
const APPLICATION: &str = "contact-rate-exporter";

/// How long the good-bye to a server may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A query of one population.
pub(super) struct Query {
    database: usize,
    text: Template,
}

impl Query {
    /// The query `text`, asked of the database at index `database` of the configuration.
    pub(super) fn new(database: usize, text: Template) -> Self {
        Self { database, text }
    }

    /// Index of its database in the configuration.
    pub(super) fn database(&self) -> usize {
        self.database
    }
}

/// A database and its one connection.
pub(super) struct Database {
    place: String,
    timeout: Duration,
    session: Mutex<Session>,
}

enum Session {
    Postgres(Box<postgres::Session>),
    Mysql(Box<mysql::Session>),
    Sqlite(Box<sqlite::Session>),
}

impl Database {
    /// Reads the address. Connects to nothing.
    pub(super) fn new(database: &config::Database, timeout: Duration) -> Result<Self, SqlError> {
        let address = database.url.expose();
        let url = Url::parse(address).map_err(|error| SqlError::Address(Box::new(error)))?;
        let session = match database.dialect {
            Dialect::Postgres => Session::Postgres(Box::new(postgres::Session::new(&url)?)),
            Dialect::Mysql => Session::Mysql(Box::new(mysql::Session::new(&url)?)),
            Dialect::Sqlite => Session::Sqlite(Box::new(sqlite::Session::new(address)?)),
        };
        Ok(Self {
            place: format!(
                "database `{}` ({})",
                database.name,
                transport::redacted(&url)
            ),
            timeout,
            session: Mutex::new(session),
        })
    }

    /// The database as errors name it: no user, no password, no parameters.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Asks `query` when its turn comes; lasts the timeout from then, and to `deadline` at most.
    pub(super) async fn read(
        &self,
        query: &Query,
        interval: Interval,
        deadline: Instant,
    ) -> Result<f64, Failure> {
        let mut session = timeout_at(deadline, self.session.lock())
            .await
            .map_err(|_| SqlError::NoTurn)?;
        let limit = deadline.min(Instant::now() + self.timeout);
        let reading = async {
            match &mut *session {
                Session::Postgres(session) => session.read(&query.text, interval, limit).await,
                Session::Mysql(session) => session.read(&query.text, interval, limit).await,
                Session::Sqlite(session) => session.read(&query.text, interval, limit).await,
            }
        };
        timeout_at(limit, reading)
            .await
            .unwrap_or(Err(SqlError::TimedOut.into()))
    }

    /// Ends the session, if there is one and no query is under way.
    pub(super) async fn close(&self) {
        let _bounded = tokio::time::timeout(GOODBYE, async {
            match &mut *self.session.lock().await {
                Session::Postgres(session) => session.close().await,
                Session::Mysql(session) => session.close().await,
                // Opened for each reading, so there is none.
                Session::Sqlite(_) => {}
            }
        })
        .await;
    }
}

/// What the server is told a statement may last: a tenth less than we wait, or one second, so that
/// it is the server that gives up, and the session can be used again.
fn statement_milliseconds(limit: Instant) -> u128 {
    let remaining = limit.saturating_duration_since(Instant::now());
    let margin = (remaining / 10).min(Duration::from_secs(1));
    remaining.saturating_sub(margin).as_millis().max(1)
}

/// A session that has slept must answer its first command within a quarter of the time, so that
/// enough is left to open a new one: a connection that a firewall dropped gives no sign at all.
async fn still_alive<T, E>(limit: Instant, command: impl Future<Output = Result<T, E>>) -> bool {
    let remaining = limit.saturating_duration_since(Instant::now());
    let outcome = timeout_at(Instant::now() + remaining / 4, command).await;
    matches!(outcome, Ok(Ok(_)))
}

/// Whether the session that gave `answer` can be asked again: it has been read to its end.
fn is_whole(answer: &Result<f64, Failure>) -> bool {
    match answer {
        Ok(_) => true,
        Err(Failure::Answer(error)) => {
            !matches!(error, AnswerError::SeveralRows | AnswerError::Columns(_))
        }
        Err(Failure::Sql(error)) => error.leaves_session(),
        Err(Failure::Fetch(_)) => false,
    }
}

/// The query with each placeholder as `placeholder` writes it.
fn statement(query: &Template, mut placeholder: impl FnMut(&Piece) -> &'static str) -> String {
    query
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Start | Piece::End => placeholder(piece),
        })
        .collect()
}

/// The only row of an answer, which must have one column. A second row is not read to its end.
async fn only_row<R: Row>(rows: impl Stream<Item = Result<R, sqlx::Error>>) -> Result<R, Failure> {
    let mut rows = pin!(rows);
    let row = next(&mut rows).await?.ok_or(AnswerError::NoRow)?;
    if row.len() != 1 {
        return Err(AnswerError::Columns(row.len()).into());
    }
    if next(&mut rows).await?.is_some() {
        return Err(AnswerError::SeveralRows.into());
    }
    Ok(row)
}

async fn next<R>(
    rows: &mut (impl Stream<Item = Result<R, sqlx::Error>> + Unpin),
) -> Result<Option<R>, SqlError> {
    rows.try_next().await.map_err(SqlError::of)
}
