//! Populations: how many could have made contact, read where the operator says.
//!
//! One file per kind of source: [`database`](super::database) (PostgreSQL, MySQL and MariaDB,
//! SQLite), `http` (a JSON endpoint), `promql` (a Prometheus) and [`helpscout`] (visitors of its help
//! centre). Each gives one non-negative number or says why not: a population that is not known is
//! never 0.

mod answer;
mod fetch;
mod http;
mod promql;

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    config::{Config, Dialect, PopulationSource},
    domain::{Interval, Reason},
    sources::{
        database::{Database, Relation, Shape, SqlError, Statement},
        helpscout::{self, HelpScout},
    },
};

pub use answer::AnswerError;
pub use fetch::FetchError;

/// What becomes of any answer that a population's server gives. An accepted one is a count.
///
/// # Panics
///
/// Where one of the properties does not hold.
#[cfg(any(test, fuzzing))]
pub fn survive(body: &[u8]) {
    let answers = [http::read(body), promql::read(body)];
    for value in answers.into_iter().flatten() {
        assert!(
            answer::checked(value).is_err() || (value.is_finite() && value >= 0.0),
            "{value}"
        );
    }
}

/// Every configured population, and the connections that reading them takes.
pub struct Populations {
    prepared: Vec<Prepared>,
    databases: Vec<Database>,
    /// Whom to ask for visitors of a help centre.
    help_scout: Option<Arc<HelpScout>>,
}

/// One population: its name for errors, and where it is read.
struct Prepared {
    name: String,
    source: Source,
}

enum Source {
    Sql {
        database: usize,
        statement: Box<Statement>,
    },
    Http(http::Endpoint),
    Prometheus(promql::Query),
    HelpCenterVisitors,
}

impl Populations {
    /// Prepares to read the populations of `config`, in its order. Connects to nothing.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let databases = config
            .databases
            .iter()
            .map(|database| {
                Database::new(database, config.timeout).map_err(|failure| Error::Address {
                    database: database.name.clone(),
                    failure,
                })
            })
            .collect::<Result<_, _>>()?;
        let prepared = config
            .populations
            .iter()
            .map(|population| Prepared {
                name: population.name.clone(),
                source: match &population.source {
                    PopulationSource::Sql { database, query } => Source::Sql {
                        database: *database,
                        statement: Box::new(Statement::new(
                            query.clone(),
                            config
                                .databases
                                .get(*database)
                                .map_or(Dialect::Sqlite, |database| database.dialect),
                        )),
                    },
                    PopulationSource::Http {
                        url,
                        pointer,
                        headers,
                        bearer,
                        in_the_clear,
                    } => {
                        tell_of_clear_credentials(&population.name, *in_the_clear);
                        Source::Http(http::Endpoint::new(
                            url.clone(),
                            pointer.clone(),
                            headers.clone(),
                            bearer.clone(),
                            config.timeout,
                        ))
                    }
                    PopulationSource::Prometheus {
                        url,
                        query,
                        in_the_clear,
                    } => {
                        tell_of_clear_credentials(&population.name, *in_the_clear);
                        Source::Prometheus(promql::Query::new(url, query, config.timeout))
                    }
                    PopulationSource::HelpCenterVisitors => Source::HelpCenterVisitors,
                },
            })
            .collect();
        Ok(Self {
            prepared,
            databases,
            help_scout: None,
        })
    }

    /// The same, with visitors of a help centre asked of `help_scout`: without it they are unknown.
    /// Readings with the deadline of a refresh share its calls.
    #[must_use]
    pub fn asking(self, help_scout: &Arc<HelpScout>) -> Self {
        Self {
            help_scout: Some(Arc::clone(help_scout)),
            ..self
        }
    }

    /// Reads the population at index `population` of the configuration: over `[start, end)`, or
    /// for a total at `end`.
    ///
    /// Queries of one database take turns, and a turn that does not come before `deadline` is a
    /// `timeout`. A query lasts the configured timeout at most; over HTTP each of at most three
    /// tries does.
    pub async fn read(
        &self,
        population: usize,
        interval: Interval,
        deadline: Instant,
    ) -> Result<f64, Error> {
        let prepared = self
            .prepared
            .get(population)
            .ok_or(Error::Unknown(population))?;
        let (place, outcome) = match &prepared.source {
            Source::Sql {
                database,
                statement,
            } => {
                let database = self
                    .databases
                    .get(*database)
                    .ok_or(Error::Unknown(population))?;
                let rows = database.rows(statement, interval, Shape::NUMBER, deadline);
                let answer = match rows.await {
                    Ok(rows) => answer::number(&rows, database.dialect()).map_err(Failure::from),
                    Err(error) => Err(answer::failure(error)),
                };
                (database.place(), answer)
            }
            Source::Http(endpoint) => (
                endpoint.place(interval),
                endpoint.read(interval, deadline).await,
            ),
            Source::Prometheus(query) => (query.place(), query.read(interval.end, deadline).await),
            Source::HelpCenterVisitors => {
                let help_scout = self.help_scout.as_ref().ok_or(Error::Unknown(population))?;
                let visits = help_scout.until(deadline).help_center(interval).await;
                let visitors = visits.map(|visits| visits.visitors as f64);
                (
                    "the help centre".to_owned(),
                    visitors.map_err(|error| Failure::HelpScout(Box::new(error))),
                )
            }
        };
        outcome
            .and_then(|value| Ok(answer::checked(value)?))
            .map_err(|failure| Error::Read {
                population: prepared.name.clone(),
                place,
                failure,
            })
    }

    /// The tables and views that the population at index `population` is counted in, with the
    /// schema that they were found in: for `check`. Empty where nothing is known of them, and for
    /// populations that are not read from a database.
    pub async fn relations(&self, population: usize, deadline: Instant) -> Vec<Relation> {
        let Some(Source::Sql {
            database,
            statement,
        }) = self
            .prepared
            .get(population)
            .map(|prepared| &prepared.source)
        else {
            return Vec::new();
        };
        match self.databases.get(*database) {
            Some(database) => database
                .relations(statement, deadline)
                .await
                .unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Says good-bye to the databases, so that their logs show no connection that broke.
    /// A later [`read`](Self::read) opens new ones.
    pub async fn close(&self) {
        futures_util::future::join_all(self.databases.iter().map(Database::close)).await;
    }
}

/// An operator who allowed it once should not forget it.
fn tell_of_clear_credentials(population: &str, in_the_clear: bool) {
    if in_the_clear {
        tracing::warn!(
            population,
            "its credentials travel unencrypted, as allow_plain_http lets them"
        );
    }
}

/// Why a population is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address of a database is not one that its driver understands.
    #[error("the address of database `{database}` cannot be used")]
    Address {
        /// Its name in the configuration.
        database: String,
        /// What is wrong with it.
        #[source]
        failure: SqlError,
    },
    /// A population was read and did not give one non-negative number.
    #[error("population `{population}` could not be read from {place}")]
    Read {
        /// Its name in the configuration.
        population: String,
        /// Where it is read: scheme, host and port.
        place: String,
        /// What went wrong.
        #[source]
        failure: Failure,
    },
    /// There is no population at that index.
    #[error("there is no population at index {0}")]
    Unknown(usize),
}

impl Error {
    /// The label value that tells of it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Address { failure, .. } => failure.reason(),
            Self::Read { failure, .. } => failure.reason(),
            Self::Unknown(_) => Reason::Query,
        }
    }
}

impl Error {
    /// Whether another interval may well be read, as where a source keeps its past for some days only.
    pub fn concerns_the_interval(&self) -> bool {
        match self {
            Self::Read { failure, .. } => match failure {
                Failure::Answer(_) => true,
                Failure::Sql(error) => error.reason() == Reason::Query,
                Failure::HelpScout(error) => {
                    matches!(error.reason(), Reason::Query | Reason::Decode)
                }
                Failure::Fetch(error) => {
                    matches!(error.reason(), Reason::Query | Reason::Decode) || error.refuses()
                }
            },
            Self::Address { .. } | Self::Unknown(_) => false,
        }
    }
}

/// What went wrong with one reading.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// An answer came and is not one non-negative number.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The database did not answer, or refused.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The HTTP endpoint did not answer, or not with the number.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Help Scout did not answer, or not with the number.
    #[error(transparent)]
    HelpScout(Box<helpscout::Error>),
}

impl Failure {
    fn reason(&self) -> Reason {
        match self {
            Self::Answer(_) => Reason::Query,
            Self::Sql(error) => error.reason(),
            Self::Fetch(error) => error.reason(),
            Self::HelpScout(error) => error.reason(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Readings of one refresh run at the same time, on any thread.
    #[test]
    fn readings_may_move_between_threads() {
        fn shared<T: Send + Sync>() {}
        fn movable<T: Send>(_: &T) {}
        fn reading(populations: &Populations, interval: Interval) {
            movable(&populations.read(0, interval, Instant::now()));
            movable(&populations.close());
        }
        shared::<Populations>();
        shared::<Error>();
        let _: fn(&Populations, Interval) = reading;
    }

    proptest! {
        #[test]
        fn any_answer_is_refused_or_a_count(body in prop::collection::vec(any::<u8>(), 0..200)) {
            survive(&body);
        }

        #[test]
        fn what_looks_like_an_answer_is_refused_or_a_count(
            number in "-?[0-9]{1,20}(\\.[0-9]{1,5})?(e-?[0-9]{1,3})?|NaN|[+-]?Inf",
            kind in "vector|scalar|matrix",
        ) {
            survive(format!(r#"{{"count":{number}}}"#).as_bytes());
            let point = format!(r#"[0,"{number}"]"#);
            let result = match kind.as_str() {
                "vector" => format!(r#"[{{"metric":{{}},"value":{point}}}]"#),
                _ => point,
            };
            survive(
                format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#).as_bytes(),
            );
        }
    }
}
