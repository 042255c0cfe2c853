//! The one connection to a database: which driver, and where its address comes from.

use std::path::PathBuf;

use tokio::time::Instant;
use url::Url;

use super::{
    Relation, Row, Shape, SqlError, Statement, comparison, mysql, postgres, sqlite, statement::Bind,
};
use crate::{
    config::{self, Dialect, Secret, Template, address},
    domain::Interval,
};

/// How far a reading has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Asking,
}

impl Phase {
    /// What running out of time means now.
    pub(super) fn timed_out(self) -> SqlError {
        match self {
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
    /// Its file holds an address that cannot be used, and the log says so already.
    is_told: bool,
}

enum Driver {
    Postgres(Box<postgres::Session>),
    Mysql(Box<mysql::Session>),
    Sqlite(Box<sqlite::Session>),
}

/// A connection with a transaction begun. Whoever drops it ends the connection.
pub(super) enum Open {
    Postgres(Box<postgres::Open>),
    Mysql(Box<mysql::Open>),
    Sqlite(Box<sqlite::Open>),
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
        let driver = match dialect {
            Dialect::Postgres => {
                Driver::Postgres(Box::new(postgres::Session::new(&parsed(&address)?)?))
            }
            Dialect::Mysql => Driver::Mysql(Box::new(mysql::Session::new(&parsed(&address)?)?)),
            Dialect::Sqlite => Driver::Sqlite(Box::new(sqlite::Session::new(&address)?)),
        };
        Ok(Self {
            address: database.url.clone(),
            folder: database.folder.clone(),
            dialect,
            driver,
            is_told: false,
        })
    }

    /// Scheme, host and port; of a file nothing but that it is one.
    pub(super) fn place(&self) -> String {
        match &self.driver {
            Driver::Postgres(session) => session.place(),
            Driver::Mysql(session) => session.place(),
            Driver::Sqlite(_) => "sqlite".to_owned(),
        }
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
        *phase = Phase::Connecting;
        // Whoever stops waiting drops this future, and the connection with it.
        let mut open = self.driver.begin(limit).await?;
        *phase = Phase::Asking;
        let answer = async {
            if statement.is_due() {
                comparison::examine(&mut open, statement, limit).await?;
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
        let mut open = self.driver.begin(limit).await?;
        let mut relations = Vec::new();
        let mut outcome = Ok(());
        for named in statement.tables() {
            let found = match &mut open {
                Open::Postgres(open) => open.relation(named).await,
                Open::Mysql(open) => open.relation(named).await,
                Open::Sqlite(open) => open.relation(named).await,
            };
            match found {
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
        match &mut self.driver {
            Driver::Postgres(session) => session.close().await,
            Driver::Mysql(session) => session.close().await,
            // Opened for each reading, so there is none.
            Driver::Sqlite(_) => {}
        }
    }
}

impl Driver {
    async fn begin(&mut self, limit: Instant) -> Result<Open, SqlError> {
        Ok(match self {
            Self::Postgres(session) => Open::Postgres(Box::new(session.begin(limit).await?)),
            Self::Mysql(session) => Open::Mysql(Box::new(session.begin(limit).await?)),
            Self::Sqlite(session) => Open::Sqlite(Box::new(session.begin(limit).await?)),
        })
    }

    /// Rolls back, and keeps the connection if it can be asked again.
    async fn end(&mut self, open: Open, is_whole: bool) {
        match (self, open) {
            (Self::Postgres(session), Open::Postgres(open)) => session.end(*open, is_whole).await,
            (Self::Mysql(session), Open::Mysql(open)) => session.end(*open, is_whole).await,
            (_, Open::Sqlite(open)) => open.close().await,
            // A connection of another driver is dropped; there is none.
            _ => {}
        }
    }
}

impl Open {
    /// Asks the query over `interval`.
    pub(super) async fn fetch(
        &mut self,
        template: &Template,
        interval: Interval,
        shape: Shape,
    ) -> Result<Vec<Row>, SqlError> {
        let binds = |bounds: Vec<config::Bound>| {
            bounds
                .into_iter()
                .map(|bound| Bind::of(bound, interval))
                .collect()
        };
        match self {
            Self::Postgres(open) => open.fetch(template, binds, shape).await,
            Self::Mysql(open) => open.fetch(template, binds, shape).await,
            Self::Sqlite(open) => open.fetch(template, binds, shape).await,
        }
    }

    /// Asks for a sample of what a query compares; errors of its own are no errors of the query.
    pub(super) async fn sample(
        &mut self,
        template: &Template,
        shape: Shape,
        until: Instant,
    ) -> Result<Vec<Row>, SqlError> {
        let interval = comparison::anywhere();
        let binds = |bounds: Vec<config::Bound>| {
            bounds
                .into_iter()
                .map(|bound| Bind::of(bound, interval))
                .collect()
        };
        match self {
            Self::Postgres(open) => open.sample(template, binds, shape, until).await,
            Self::Mysql(open) => open.sample(template, binds, shape, until).await,
            Self::Sqlite(open) => open.sample(template, binds, shape, until).await,
        }
    }

    /// Asks the server whether the last query compared what it could not understand.
    async fn finish(&mut self) -> Result<(), SqlError> {
        match self {
            Self::Mysql(open) => open.warnings().await,
            Self::Postgres(_) | Self::Sqlite(_) => Ok(()),
        }
    }
}

fn parsed(address: &str) -> Result<Url, SqlError> {
    // Its error would show nothing of the address; neither does this.
    Url::parse(address).map_err(|error| SqlError::Address(error.to_string()))
}
