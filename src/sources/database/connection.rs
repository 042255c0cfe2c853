//! The drivers, behind one face.

use tokio::time::Instant;
use url::Url;

use super::{
    Relation, Row, Shape, SqlError, comparison, mysql, postgres, relation::Named, sqlite,
    statement::Bind,
};
use crate::{
    config::{self, Dialect, Template},
    domain::Interval,
};

/// The driver of one kind of database, with its connection if there is one.
pub(super) enum Driver {
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

impl Driver {
    /// For the address. Connects to nothing.
    pub(super) fn new(dialect: Dialect, address: &str) -> Result<Self, SqlError> {
        Ok(match dialect {
            Dialect::Postgres => {
                Self::Postgres(Box::new(postgres::Session::new(&parsed(address)?)?))
            }
            Dialect::Mysql => Self::Mysql(Box::new(mysql::Session::new(&parsed(address)?)?)),
            Dialect::Sqlite => Self::Sqlite(Box::new(sqlite::Session::new(address)?)),
        })
    }

    /// Scheme, host and port; of a file nothing but that it is one.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Postgres(session) => session.place(),
            Self::Mysql(session) => session.place(),
            Self::Sqlite(_) => "sqlite".to_owned(),
        }
    }

    /// Begins a transaction, on a connection that is opened if there is none.
    pub(super) async fn begin(&mut self, limit: Instant) -> Result<Open, SqlError> {
        Ok(match self {
            Self::Postgres(session) => Open::Postgres(Box::new(session.begin(limit).await?)),
            Self::Mysql(session) => Open::Mysql(Box::new(session.begin(limit).await?)),
            Self::Sqlite(session) => Open::Sqlite(Box::new(session.begin(limit).await?)),
        })
    }

    /// Rolls back, and keeps the connection if it can be asked again.
    pub(super) async fn end(&mut self, open: Open, is_whole: bool) {
        match (self, open) {
            (Self::Postgres(session), Open::Postgres(open)) => session.end(*open, is_whole).await,
            (Self::Mysql(session), Open::Mysql(open)) => session.end(*open, is_whole).await,
            (_, Open::Sqlite(open)) => open.close().await,
            // A connection of another driver is dropped; there is none.
            _ => {}
        }
    }

    /// Says good-bye to the server.
    pub(super) async fn close(&mut self) {
        match self {
            Self::Postgres(session) => session.close().await,
            Self::Mysql(session) => session.close().await,
            // Opened for each reading, so there is none.
            Self::Sqlite(_) => {}
        }
    }
}

impl Open {
    /// The table or view of that name, if there is one.
    pub(super) async fn relation(&mut self, named: &Named) -> Result<Option<Relation>, SqlError> {
        match self {
            Self::Postgres(open) => open.relation(named).await,
            Self::Mysql(open) => open.relation(named).await,
            Self::Sqlite(open) => open.relation(named).await,
        }
    }

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
    pub(super) async fn finish(&mut self) -> Result<(), SqlError> {
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
