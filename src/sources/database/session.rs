//! The one connection to a database: which driver, and where its address comes from.

use std::path::PathBuf;

use tokio::time::Instant;

use super::{
    Relation, Row, Shape, SqlError, Statement, connection::Driver, examination::examine,
    files::Files,
};
use crate::{
    config::{self, Dialect, Secret, address},
    domain::Interval,
};

/// How far a reading has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Opening,
    Connecting,
    Asking,
}

impl Phase {
    /// What running out of time means now.
    pub(super) fn timed_out(self) -> SqlError {
        match self {
            Self::Opening => SqlError::NotOpened,
            Self::Connecting => SqlError::NoConnection,
            Self::Asking => SqlError::TimedOut,
        }
    }
}

/// A session, open or not.
pub(super) struct Session {
    address: Secret,
    folder: PathBuf,
    dialect: Dialect,
    driver: Driver,
    /// What the address says that certificates are read from.
    certificates: Files,
    /// Its file holds an address that cannot be used, and the log says so already.
    is_told: bool,
}

impl Session {
    /// Reads the address. Connects to nothing.
    pub(super) fn new(database: &config::Database) -> Result<Self, SqlError> {
        let dialect = address::validate(database.url.expose()).map_err(SqlError::Address)?;
        if dialect != database.dialect {
            let message = "it is of another kind of database than the queries were written for";
            return Err(SqlError::Address(message.to_owned()));
        }
        let address = address::resolved(database.url.expose(), &database.folder);
        let driver = Driver::new(dialect, &address)?;
        Ok(Self {
            address: database.url.clone(),
            folder: database.folder.clone(),
            dialect,
            driver,
            certificates: Files::new(address::certificates(&address)),
            is_told: false,
        })
    }

    /// Scheme, host and port; of a file nothing but that it is one.
    pub(super) fn place(&self) -> String {
        self.driver.place()
    }

    /// Takes the address from its file where that has changed, or was `refused`. Whether it is
    /// another now; then the old connection is gone. What cannot be read, or is no address of the
    /// same kind of database, leaves the old one in force.
    pub(super) async fn renew(&mut self, name: &str, refused: bool) -> bool {
        let known = self.address.clone();
        let latest = if refused {
            known.reread().await.unwrap_or_else(|| known.clone())
        } else {
            known.latest().await
        };
        if latest == known {
            // The file may be another and say the same.
            self.address = latest;
            return false;
        }
        let database = config::Database {
            name: name.to_owned(),
            dialect: self.dialect,
            url: latest,
            folder: self.folder.clone(),
        };
        match Self::new(&database) {
            Ok(session) => {
                *self = session;
                tracing::info!(database = name, "the address was read again from its file");
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_told, true) {
                    tracing::warn!(
                        database = name,
                        error = %error,
                        "its file holds an address that cannot be used; the old one stays in force"
                    );
                }
                false
            }
        }
    }

    /// One reading, in a transaction of its own.
    pub(super) async fn read(
        &mut self,
        statement: &Statement,
        interval: Interval,
        shape: Shape,
        limit: Instant,
        phase: &mut Phase,
    ) -> Result<Vec<Row>, SqlError> {
        *phase = match self.dialect {
            Dialect::Sqlite => Phase::Opening,
            Dialect::Postgres | Dialect::Mysql => Phase::Connecting,
        };
        self.certificates.look().await?;
        // Whoever stops waiting drops this future, and the connection with it.
        let mut open = self.driver.begin(limit).await?;
        *phase = Phase::Asking;
        let answer = async {
            if statement.is_due() {
                examine(&mut open, statement, limit).await?;
            }
            let rows = open.fetch(statement.template(), interval, shape).await?;
            open.finish().await?;
            Ok(rows)
        }
        .await;
        let is_whole = answer
            .as_ref()
            .map_or_else(SqlError::leaves_session, |_| true);
        self.driver.end(open, is_whole).await;
        answer
    }

    /// The tables and views that a query names.
    pub(super) async fn relations(
        &mut self,
        statement: &Statement,
        limit: Instant,
    ) -> Result<Vec<Relation>, SqlError> {
        self.certificates.look().await?;
        let mut open = self.driver.begin(limit).await?;
        let mut relations = Vec::new();
        let mut outcome = Ok(());
        for named in statement.tables() {
            match open.relation(named).await {
                Ok(found) => relations.extend(found),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        self.driver.end(open, outcome.is_ok()).await;
        relations.sort();
        outcome.map(|()| relations)
    }

    /// Ends the session.
    pub(super) async fn close(&mut self) {
        self.driver.close().await;
    }
}
