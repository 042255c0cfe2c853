//! SQL databases: PostgreSQL, MySQL and MariaDB, SQLite.
//!
//! One connection per database, opened when first needed, whose readings take turns. Each reading
//! is a read-only transaction of its own that is rolled back, in a session whose time zone is UTC
//! and whose settings are set anew for it; the server itself ends a statement that takes too long.
//! A reading whose comparisons are not defined is refused (`comparison`). Nothing that a server
//! says in words is kept: it can quote a row.
//!
//! | module | holds |
//! | --- | --- |
//! | `statement` | a query, its placeholders and how they are bound |
//! | `value` | what a row is made of |
//! | `session` | the one session: its address, read again when it changes, and its readings |
//! | `connection` | which driver |
//! | `postgres`, `mysql`, `sqlite` | the drivers: transactions, limits, types, codes |
//! | `comparison` | what a query compares with its placeholders, and whether that is defined |
//! | `examination` | the samples that tell |
//! | `files` | what a driver opens by itself: no pipe, no device |
//! | `relation` | what a query reads, for `check` |

mod comparison;
mod connection;
mod doubt;
mod error;
mod examination;
mod files;
mod mysql;
mod postgres;
mod relation;
mod session;
mod sqlite;
mod statement;
mod value;

use std::time::Duration;

use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use self::session::{Phase, Session};
use crate::{
    config::{self, Dialect},
    domain::{Interval, Reason},
};

pub use doubt::Doubt;
pub use error::SqlError;
pub use relation::{Relation, RelationKind};
pub use statement::Statement;
pub use value::{Cell, Row, Shape, Value};

/// How long the good-bye to a server may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Longest time that a server is told: the unit of some is an `i32` of milliseconds.
const LONGEST: Duration = Duration::from_hours(24);

/// A database and its one connection.
pub struct Database {
    name: String,
    dialect: Dialect,
    timeout: Duration,
    /// Where it is, for errors; the address may change while it is asked.
    place: std::sync::Mutex<String>,
    session: Mutex<Session>,
}

impl Database {
    /// Reads the address. Connects to nothing. A reading lasts `timeout` at most.
    pub fn new(database: &config::Database, timeout: Duration) -> Result<Self, SqlError> {
        let session = Session::new(database)?;
        Ok(Self {
            name: database.name.clone(),
            dialect: database.dialect,
            timeout,
            place: std::sync::Mutex::new(session.place()),
            session: Mutex::new(session),
        })
    }

    /// The database as errors name it: its name in the configuration, scheme, host and port.
    pub fn place(&self) -> String {
        let place = self
            .place
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        format!("database `{}` ({place})", self.name)
    }

    /// Which SQL it speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The rows that `statement` gives over `interval`, which must be as `shape` says.
    ///
    /// Asks when its turn comes; lasts the timeout from then, and to `deadline` at most. A conflict
    /// (a deadlock, a standby's recovery) gets one more try, and so does a refused login whose
    /// secret stands in a file that has another content by now.
    pub async fn rows(
        &self,
        statement: &Statement,
        interval: Interval,
        shape: Shape,
        deadline: Instant,
    ) -> Result<Vec<Row>, SqlError> {
        let mut session = timeout_at(deadline, self.session.lock())
            .await
            .map_err(|_| SqlError::NoTurn)?;
        let limit = deadline.min(Instant::now() + self.timeout);
        let mut phase = Phase::Connecting;
        let reading = self.patiently(&mut session, statement, interval, shape, limit, &mut phase);
        timeout_at(limit, reading)
            .await
            .unwrap_or_else(|_| Err(phase.timed_out()))
    }

    /// The tables and views that `statement` reads, as far as that can be told, before `deadline`.
    pub async fn relations(
        &self,
        statement: &Statement,
        deadline: Instant,
    ) -> Result<Vec<Relation>, SqlError> {
        let limit = deadline.min(Instant::now() + self.timeout);
        timeout_at(limit, async {
            let mut session = self.session.lock().await;
            session.relations(statement, limit).await
        })
        .await
        .unwrap_or(Err(SqlError::TimedOut))
    }

    async fn patiently(
        &self,
        session: &mut Session,
        statement: &Statement,
        interval: Interval,
        shape: Shape,
        limit: Instant,
        phase: &mut Phase,
    ) -> Result<Vec<Row>, SqlError> {
        self.renew(session, false).await;
        let mut may_conflict = true;
        let mut may_rotate = true;
        loop {
            let outcome = session.read(statement, interval, shape, limit, phase).await;
            let Err(error) = &outcome else {
                return outcome;
            };
            let again = if error.is_conflict() {
                std::mem::take(&mut may_conflict)
            } else if error.reason() == Reason::Auth {
                std::mem::take(&mut may_rotate) && self.renew(session, true).await
            } else {
                false
            };
            if !again {
                return outcome;
            }
            tracing::debug!(database = %self.name, reason = %error.reason(), "the reading is tried once more");
        }
    }

    /// Reads the address again; whether it is another now.
    async fn renew(&self, session: &mut Session, refused: bool) -> bool {
        let is_new = session.renew(&self.name, refused).await;
        if is_new {
            *self
                .place
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = session.place();
        }
        is_new
    }

    /// Says good-bye to the server, if no query is under way. A later reading opens a new session.
    pub async fn close(&self) {
        let _bounded = tokio::time::timeout(GOODBYE, async {
            self.session.lock().await.close().await;
        })
        .await;
    }
}

/// What the server is told a statement may last: a tenth less than we wait, or one second, so that
/// it is the server that gives up, says why, and can be asked again.
fn statement_time(limit: Instant) -> Duration {
    let remaining = limit.saturating_duration_since(Instant::now());
    let margin = (remaining / 10).min(Duration::from_secs(1));
    remaining
        .saturating_sub(margin)
        .clamp(Duration::from_millis(1), LONGEST)
}

/// A session that has slept must answer its first command within a quarter of the time, so that
/// enough is left to open a new one: a connection that a firewall dropped gives no sign at all.
async fn still_alive<T, E>(limit: Instant, command: impl Future<Output = Result<T, E>>) -> bool {
    let remaining = limit.saturating_duration_since(Instant::now());
    let outcome = timeout_at(Instant::now() + remaining / 4, command).await;
    matches!(outcome, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_a_time_that_it_can_count() {
        let now = Instant::now();
        let far = statement_time(now + Duration::from_hours(24 * 30));
        assert_eq!(far, Duration::from_hours(24));
        assert!(far.as_millis() < i32::MAX as u128);
        assert_eq!(statement_time(now), Duration::from_millis(1));
        let near = statement_time(now + Duration::from_secs(5));
        assert!(near <= Duration::from_millis(4500), "{near:?}");
    }
}
