//! The seam: where tickets are counted, in the words of the domain.
//!
//! A ticket source says what it can tell, and tells it. What it cannot tell is unknown and has no
//! series. A new one is a folder beside this file and an arm of [`TicketSource`].

mod past;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    capabilities::{Budget, Capabilities},
    count::Populations,
    counted::Counted,
    database::Relation,
    helpscout, http_desk, sql_desk,
    telemetry::Telemetry,
};
use crate::{
    config::{self, Config, Reasons, Segment},
    domain::{
        ContactReason, ContactReasons, DailyCounts, HelpCenter, Interval, OpenTickets, Ratings,
        Reason, ReasonCounts, SourceFailure,
    },
};

pub use self::past::PastReader;

/// A place where tickets are counted.
#[derive(Debug)]
pub enum TicketSource {
    /// A Help Scout account.
    HelpScout(Box<helpscout::Desk>),
    /// A SQL database.
    Sql(Box<sql_desk::Desk>),
    /// An endpoint that counts.
    Http(Box<http_desk::Desk>),
}

/// The desk of a configuration cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Help Scout client cannot be built.
    #[error("cannot prepare the Help Scout client")]
    HelpScout(#[source] helpscout::Error),
    /// The client's metrics, which nothing shows here, cannot be made.
    #[error("cannot prepare the Help Scout client's metrics")]
    Telemetry(#[source] prometheus::Error),
    /// The database cannot be prepared.
    #[error("cannot prepare the database in which tickets are counted")]
    Sql(#[source] sql_desk::Error),
    /// The endpoint cannot be asked.
    #[error("cannot prepare the endpoint that counts tickets")]
    Http(#[source] http_desk::Error),
}

impl TicketSource {
    /// As `config` says. Connects to nothing.
    pub fn new(config: &Config, telemetry: &Telemetry) -> Result<Self, Error> {
        match &config.desk {
            config::Desk::HelpScout(account) => {
                helpscout::Desk::new(config, account, telemetry.helpscout.clone())
                    .map(|desk| Self::HelpScout(Box::new(desk)))
                    .map_err(Error::HelpScout)
            }
            config::Desk::Sql(desk) => sql_desk::Desk::new(config, desk)
                .map(|desk| Self::Sql(Box::new(desk)))
                .map_err(Error::Sql),
            config::Desk::Http(desk) => http_desk::Desk::new(config, desk, &telemetry.http)
                .map(|desk| Self::Http(Box::new(desk)))
                .map_err(Error::Http),
        }
    }

    /// For a long run of questions about the past, with metrics that nothing shows. Connects to
    /// nothing.
    pub fn for_history(config: &Config) -> Result<Self, Error> {
        let telemetry = Telemetry::new().map_err(Error::Telemetry)?;
        match &config.desk {
            config::Desk::HelpScout(account) => {
                helpscout::Desk::for_history(config, account, telemetry.helpscout)
                    .map(|desk| Self::HelpScout(Box::new(desk)))
                    .map_err(Error::HelpScout)
            }
            config::Desk::Sql(desk) => sql_desk::Desk::new(config, desk)
                .map(|desk| Self::Sql(Box::new(desk)))
                .map_err(Error::Sql),
            config::Desk::Http(desk) => http_desk::Desk::for_history(config, desk, &telemetry.http)
                .map(|desk| Self::Http(Box::new(desk)))
                .map_err(Error::Http),
        }
    }

    /// For a new configuration. What this one knows of quota, waits and abilities goes on, where the
    /// account is the same.
    pub fn succeed(&self, config: &Config, telemetry: &Telemetry) -> Result<Self, Error> {
        match (self, &config.desk) {
            (Self::HelpScout(desk), config::Desk::HelpScout(account)) => desk
                .succeed(config, account)
                .map(|desk| Self::HelpScout(Box::new(desk)))
                .map_err(Error::HelpScout),
            (Self::Http(desk), config::Desk::Http(to)) => desk
                .succeed(config, to)
                .map(|desk| Self::Http(Box::new(desk)))
                .map_err(Error::Http),
            _ => {
                // The metrics of a client that is asked no more would stand still for good.
                telemetry.reset();
                Self::new(config, telemetry)
            }
        }
    }

    /// Its name for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::HelpScout(_) => "Help Scout",
            Self::Sql(desk) => desk.name(),
            Self::Http(_) => "HTTP",
        }
    }

    /// What counts the tickets of a window, for people.
    pub const fn counted_by(&self) -> &'static str {
        match self {
            Self::HelpScout(_) => "the productivity report",
            Self::Sql(_) => "the query `created`",
            Self::Http(_) => "the text `created`",
        }
    }

    /// What it can tell, as far as is known by now.
    pub fn capabilities(&self) -> Capabilities {
        match self {
            Self::HelpScout(desk) => desk.capabilities(),
            Self::Sql(desk) => desk.capabilities(),
            Self::Http(desk) => desk.capabilities(),
        }
    }

    /// Why it tells less than it could, if it is for a reason that the operator should know.
    pub fn limitation(&self, config: &Config) -> Option<&'static str> {
        match self {
            Self::HelpScout(desk) => {
                let account = config.helpscout()?;
                let found = account.counts_from == config::CountsFrom::Auto;
                (found && desk.counts_by_search()).then_some(
                    "the Help Scout plan has no reports (403): created tickets are counted by search, the rest is absent",
                )
            }
            Self::Sql(_) => None,
            Self::Http(desk) => desk.limitation(),
        }
    }

    /// What cannot be known of a segment, and why.
    pub fn unknown_of(&self, segment: &Segment) -> Option<String> {
        match self {
            Self::HelpScout(desk) => (!segment.channels.is_empty()).then(|| {
                let missing = if desk.counts_by_search() {
                    "tickets and open tickets"
                } else {
                    "open tickets"
                };
                format!(
                    "Help Scout's conversation list cannot filter by channel, so that {missing} are absent"
                )
            }),
            Self::Sql(_) | Self::Http(_) => None,
        }
    }

    /// Why nothing is counted of a segment by a source that has created tickets only.
    pub fn not_countable(&self, segment: &Segment) -> String {
        match self {
            Self::HelpScout(_) => format!(
                "segment `{}` names a channel, or a tag with a comma in it, which the list of conversations cannot filter by",
                segment.name
            ),
            // Its answers hold created tickets, or fail.
            Self::Sql(_) | Self::Http(_) => format!("segment `{}` was not counted", segment.name),
        }
    }

    /// What a refresh of `config` costs.
    pub fn budget(&self, config: &Config) -> Budget {
        match self {
            Self::HelpScout(desk) => {
                let client = desk.client();
                let by_search = desk.counts_by_search();
                Budget {
                    calls_per_refresh: config.helpscout().map_or(0, |account| {
                        helpscout::Desk::calls_per_refresh(config, account, by_search)
                    }),
                    calls_for_reasons: config
                        .reasons
                        .as_ref()
                        .map_or(0, |wanted| desk.calls_for_reasons(wanted)),
                    per_minute: Some(client.pace_per_minute()),
                    granted_per_minute: client.granted_per_minute(),
                }
            }
            Self::Sql(desk) => Budget {
                calls_per_refresh: desk.statements_per_refresh(config),
                calls_for_reasons: 0,
                per_minute: None,
                granted_per_minute: None,
            },
            Self::Http(desk) => desk.budget(config),
        }
    }

    /// Why the pace is not certain before the first answer, to follow it; `None` where it is.
    pub fn pace_in_doubt(&self, config: &Config) -> Option<&'static str> {
        match self {
            Self::HelpScout(_) => {
                let ceiling = config.helpscout()?.requests_per_minute;
                ceiling.is_none().then_some(
                    " (half of the 200 that the smallest plan is granted; the account's own limit is known from the first answer)",
                )
            }
            Self::Sql(_) | Self::Http(_) => None,
        }
    }

    /// Requests that [`PastReader::created`] takes, when everything is answered at once.
    pub const fn requests_to_count_created(&self) -> usize {
        match self {
            // One for each status.
            Self::HelpScout(_) => 3,
            Self::Sql(_) | Self::Http(_) => 1,
        }
    }

    /// Asks for the past: nothing is waited for past `deadline`.
    pub fn past(&self, deadline: Instant) -> PastReader<'_> {
        match self {
            Self::HelpScout(desk) => PastReader::HelpScout(desk.past(deadline)),
            Self::Sql(desk) => PastReader::Sql(desk.past(deadline)),
            Self::Http(desk) => PastReader::Http(desk.past(deadline)),
        }
    }

    /// The same populations, with what the help desk itself counts of them: visitors of its help
    /// centre.
    #[must_use]
    pub fn counting_visitors(&self, populations: Populations) -> Populations {
        match self {
            Self::HelpScout(desk) => populations.asking(desk.client()),
            // It has no help centre.
            Self::Sql(_) | Self::Http(_) => populations,
        }
    }

    /// The `wanted` contact reasons that there are now; `None` where the source has none. A source that
    /// counts them all at once has counted them, in a window and in the equal one before it; of others
    /// each [is asked for](Self::reason). One call or query; nothing is waited for past `deadline`.
    ///
    /// A reason that does not exist is a failure beside the others.
    pub async fn reasons(
        &self,
        wanted: &Reasons,
        _current: Interval,
        _previous: Interval,
        deadline: Instant,
    ) -> Option<Result<ContactReasons, SourceFailure>> {
        match self {
            Self::HelpScout(desk) => Some(desk.reasons(wanted, deadline).await),
            Self::Sql(_) | Self::Http(_) => None,
        }
    }

    /// Tickets created with one contact reason, as [`Self::reasons`] gave it, in a window and in the
    /// equal one before it. Nothing is waited for past `deadline`.
    pub async fn reason(
        &self,
        reason: &ContactReason,
        current: Interval,
        previous: Interval,
        deadline: Instant,
    ) -> Result<ReasonCounts, SourceFailure> {
        match self {
            Self::HelpScout(desk) => desk.reason(reason, current, previous, deadline).await,
            // It gave none to ask for.
            Self::Sql(_) | Self::Http(_) => Err(SourceFailure {
                reason: Reason::Query,
                segments: Vec::new(),
                text: format!(
                    "contact reason `{}`: {} does not count contact reasons",
                    reason.name,
                    self.name()
                ),
            }),
        }
    }

    /// Asks for one refresh: nothing is waited for past `deadline`; `patience` is when the refresh
    /// publishes what it has.
    pub fn until(&self, deadline: Instant, patience: Instant) -> TicketReader<'_> {
        match self {
            Self::HelpScout(desk) => TicketReader::HelpScout(desk.until(deadline, patience)),
            Self::Sql(desk) => TicketReader::Sql(desk.until(deadline)),
            Self::Http(desk) => TicketReader::Http(desk.until(deadline, patience)),
        }
    }

    /// What days are held against, for people.
    pub const fn days_agree_with(&self) -> &'static str {
        match self {
            Self::HelpScout(_) => "the reports",
            Self::Sql(_) | Self::Http(_) => "the windows",
        }
    }

    /// What one question is called for people, many of them.
    pub const fn calls(&self) -> &'static str {
        match self {
            Self::HelpScout(_) | Self::Http(_) => "calls",
            Self::Sql(_) => "statements",
        }
    }

    /// The config key of the ceiling of calls in any minute.
    pub const fn pace_key(&self) -> &'static str {
        match self {
            Self::HelpScout(_) => "helpscout.requests_per_minute",
            Self::Sql(_) | Self::Http(_) => "tickets.http.requests_per_minute",
        }
    }

    /// The tables and views that tickets are counted in, as far as that can be told: for `check`.
    pub async fn relations(&self, deadline: Instant) -> Vec<Relation> {
        match self {
            Self::HelpScout(_) | Self::Http(_) => Vec::new(),
            Self::Sql(desk) => desk.relations(deadline).await,
        }
    }

    /// What it is not asked, or cannot tell, of what a ticket source can: for `check`.
    pub fn absent(&self) -> Vec<&'static str> {
        match self {
            Self::HelpScout(_) => Vec::new(),
            Self::Sql(desk) => desk.absent(),
            Self::Http(desk) => desk.absent(),
        }
    }

    /// Of a source whose days are read one by one: how many of all are known by now.
    pub fn days_known(&self, config: &Config) -> Option<(usize, usize)> {
        match self {
            Self::HelpScout(_) | Self::Sql(_) => None,
            Self::Http(desk) => Some(desk.days_known(config)),
        }
    }

    /// Says good-bye, where there is a connection. A later question opens a new one.
    pub async fn close(&self) {
        match self {
            Self::HelpScout(_) | Self::Http(_) => {}
            Self::Sql(desk) => desk.close().await,
        }
    }
}

/// The questions of one refresh. They may be asked all at once: calls take turns.
#[derive(Debug)]
pub enum TicketReader<'a> {
    /// Of a Help Scout account.
    HelpScout(helpscout::Questions<'a>),
    /// Of a SQL database.
    Sql(sql_desk::Questions<'a>),
    /// Of an endpoint that counts.
    Http(http_desk::Questions<'a>),
}

impl TicketReader<'_> {
    /// What can be told, as far as this refresh knows by now.
    pub fn capabilities(&self) -> Capabilities {
        match self {
            Self::HelpScout(questions) => questions.capabilities(),
            Self::Sql(questions) => questions.capabilities(),
            Self::Http(questions) => questions.capabilities(),
        }
    }

    /// Counts of a segment in a window and in the equal one before it, as far as the source tells
    /// them.
    pub async fn contacts(
        &self,
        segment: &Segment,
        current: Interval,
        previous: Interval,
    ) -> Counted {
        match self {
            Self::HelpScout(questions) => {
                questions.contacts(segment, current, previous).await.into()
            }
            Self::Sql(questions) => questions.contacts(segment, current, previous).await,
            Self::Http(questions) => questions.contacts(segment, current, previous).await,
        }
    }

    /// Tickets of a segment created on each of the 56 days that end at `end`, as the source has them:
    /// nothing may be concluded before they are [confirmed](crate::domain::confirm). `None` where the
    /// source has no days.
    pub async fn daily_created(
        &self,
        segment: &Segment,
        end: Timestamp,
    ) -> Option<Result<DailyCounts, SourceFailure>> {
        match self {
            Self::HelpScout(questions) => questions.daily_created(segment, end).await,
            Self::Sql(questions) => Some(questions.daily_created(segment, end).await),
            Self::Http(questions) => questions.daily_created(segment, end).await,
        }
    }

    /// Tickets of a segment that wait now, and what could not be read of them. `None` where they
    /// cannot be known, or, with a failure, could not be read.
    pub async fn open_tickets(
        &self,
        segment: &Segment,
    ) -> (Option<OpenTickets>, Vec<SourceFailure>) {
        match self {
            Self::HelpScout(questions) => match questions.open_tickets(segment).await {
                Ok(open) => (open, Vec::new()),
                Err(failure) => (None, vec![failure]),
            },
            Self::Sql(questions) => questions.open_tickets(segment).await,
            Self::Http(questions) => questions.open_tickets(segment).await,
        }
    }

    /// Ratings of a segment received in `interval`; `None` where the source has none.
    pub async fn ratings(
        &self,
        segment: &Segment,
        interval: Interval,
    ) -> Option<Result<Ratings, SourceFailure>> {
        match self {
            Self::HelpScout(questions) => questions.ratings(segment, interval).await,
            Self::Sql(questions) => questions.ratings(segment, interval).await,
            Self::Http(_) => None,
        }
    }

    /// Visits of the help centre in `interval`; `None` where none is counted.
    pub async fn help_center(
        &self,
        interval: Interval,
    ) -> Option<Result<HelpCenter, SourceFailure>> {
        match self {
            Self::HelpScout(questions) => questions.help_center(interval).await,
            Self::Sql(_) | Self::Http(_) => None,
        }
    }

    /// Says that the refresh ends, so that what it learnt of the source is remembered.
    pub fn end(&self) {
        match self {
            Self::HelpScout(questions) => questions.end(),
            Self::Http(questions) => questions.end(),
            Self::Sql(_) => {}
        }
    }
}
