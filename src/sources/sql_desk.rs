//! A SQL database as a ticket source: the database of a help desk, or any table that records contacts.
//!
//! Queries go one after the other through one read-only connection of their own. A refresh asks each
//! query once for every segment and interval; each can fail by itself.
//!
//! | module | holds |
//! | --- | --- |
//! | `rows` | what the rows of an answer say |
//! | `questions` | the questions of one refresh |
//! | `past` | questions about the past |
//! | `error` | why a question was not answered |

mod error;
mod past;
mod questions;
mod rows;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use tokio::time::Instant;

use super::{
    capabilities::Capabilities,
    database::{Database, Relation, Row, Shape, Statement},
};
use crate::{
    config::{Config, Segment, SqlDesk, SqlQuestion as Question},
    domain::{DAYS, Interval},
};

pub use error::Error;
pub use past::Past;
pub use questions::Questions;
pub use rows::RowError;

/// Most statuses: each is a series per segment.
const MOST_STATUSES: usize = 50;
/// Most rows of a query whose rows have a fixed set of names; a few more tell which is wrong.
const MOST_RATINGS: usize = 10;

/// A database in which tickets are counted.
pub struct Desk {
    config: SqlDesk,
    database: Database,
    /// By segment's name.
    statements: HashMap<String, BTreeMap<Question, Statement>>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Desk")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Desk {
    /// As `config` says. Connects to nothing.
    pub fn new(config: &Config, desk: &SqlDesk) -> Result<Self, Error> {
        let database = config.databases.get(desk.database);
        let database = database.ok_or(Error::NoDatabase)?;
        let opened = Database::new(database, config.timeout);
        let opened = opened.map_err(|failure| Error::Address {
            database: database.name.clone(),
            failure,
        })?;
        let statements_of = |segment: &Segment| {
            Question::ALL
                .into_iter()
                .filter_map(|question| {
                    let query = desk.query(question, segment)?;
                    Some((question, Statement::new(query, desk.dialect())))
                })
                .collect()
        };
        Ok(Self {
            config: desk.clone(),
            database: opened,
            statements: config
                .segments
                .iter()
                .map(|segment| (segment.name.clone(), statements_of(segment)))
                .collect(),
        })
    }

    /// What people call it.
    pub fn name(&self) -> &'static str {
        self.config.name()
    }

    /// Whether it is asked `question`.
    pub fn answers(&self, question: Question) -> bool {
        self.config.answers(question)
    }

    /// What it can tell.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            all_counts: true,
            days: true,
            open: self.answers(Question::Open),
            ratings: self.answers(Question::Ratings),
        }
    }

    /// Statements of one refresh of `config`, when everything is answered at once.
    ///
    /// For every segment and window: `created`, `closed`, `resolved` and `replies` over it and over
    /// the one before, messages, first response and ratings over it; and once for every segment:
    /// open tickets, the oldest, and the days, or 56 single days.
    pub fn statements_per_refresh(&self, config: &Config) -> usize {
        let asked = |question| usize::from(self.answers(question));
        let twice = [
            Question::Created,
            Question::Closed,
            Question::Resolved,
            Question::Replies,
        ];
        let once = [
            Question::ReceivedMessages,
            Question::FirstResponseMeanSeconds,
            Question::Ratings,
        ];
        let by_window = 2 * twice.into_iter().map(asked).sum::<usize>()
            + once.into_iter().map(asked).sum::<usize>();
        let by_segment =
            asked(Question::Open) + asked(Question::OldestOpen) + self.statements_for_days();
        config.segments.len() * (config.windows.len() * by_window + by_segment)
    }

    fn statements_for_days(&self) -> usize {
        if self.answers(Question::CreatedByDay) {
            1
        } else {
            DAYS
        }
    }

    /// What it is not asked of what a desk can be asked beside `created`.
    pub fn absent(&self) -> Vec<&'static str> {
        Question::ALL
            .into_iter()
            .filter(|question| !question.is_for_others() && !self.answers(*question))
            .filter(|question| *question != Question::CreatedByDay)
            .map(Question::name)
            .collect()
    }

    /// The tables and views that its queries read: for `check`. Empty where nothing is known of them.
    pub async fn relations(&self, deadline: Instant) -> Vec<Relation> {
        let mut relations: Vec<Relation> = Vec::new();
        let of_all = self.statements.get(Segment::ALL);
        for statement in of_all.into_iter().flat_map(BTreeMap::values) {
            let found = self.database.relations(statement, deadline).await;
            for relation in found.unwrap_or_default() {
                if !relations.iter().any(|known| known.name == relation.name) {
                    relations.push(relation);
                }
            }
        }
        relations.sort_by(|one, other| one.name.cmp(&other.name));
        relations
    }

    /// Asks for one refresh: nothing is waited for past `deadline`.
    pub fn until(&self, deadline: Instant) -> Questions<'_> {
        Questions::new(self, deadline)
    }

    /// Asks for the past: nothing is waited for past `deadline`.
    pub const fn past(&self, deadline: Instant) -> Past<'_> {
        Past::new(self, deadline)
    }

    /// Says good-bye to the database. A later question opens a new session.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// What `question` gives of a segment over `interval`, as `read` understands it; `None` where it
    /// is not asked.
    async fn ask<T>(
        &self,
        question: Question,
        segment: &Segment,
        interval: Interval,
        deadline: Instant,
        read: impl FnOnce(&[Row]) -> Result<T, RowError> + Send,
    ) -> Result<Option<T>, Error> {
        let statements = self.statements.get(&segment.name);
        let Some(statement) = statements.and_then(|known| known.get(&question)) else {
            return Ok(None);
        };
        let rows = self
            .database
            .rows(statement, interval, shape(question, interval), deadline)
            .await
            .map_err(|failure| Error::Sql {
                question: question.name(),
                place: self.database.place(),
                failure,
            })?;
        read(&rows).map(Some).map_err(|failure| Error::Rows {
            question: question.name(),
            place: self.database.place(),
            failure,
        })
    }
}

fn shape(question: Question, interval: Interval) -> Shape {
    let pairs = |rows| Shape { columns: 2, rows };
    match question {
        Question::CreatedByDay => pairs(days_in(interval).max(1)),
        Question::Open | Question::OldestOpen => pairs(MOST_STATUSES),
        Question::Ratings | Question::Reasons => pairs(MOST_RATINGS),
        _ => Shape::NUMBER,
    }
}

/// Days of 24 hours that `interval` begins.
fn days_in(interval: Interval) -> usize {
    let day = crate::domain::DAY_SECONDS;
    usize::try_from((interval.seconds() + day - 1) / day).unwrap_or(0)
}
