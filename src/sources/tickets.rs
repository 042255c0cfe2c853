//! The seam: where tickets are counted, in the words of the domain.
//!
//! A ticket source says what it can tell, and tells it. What it cannot tell is unknown and has no
//! series. A new one is a folder beside this file and an arm of [`TicketSource`].

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    capabilities::{Budget, Capabilities},
    count::Populations,
    helpscout::{self, Telemetry},
};
use crate::{
    config::{Config, Reasons, Segment},
    domain::{
        ContactReason, ContactReasons, Contacts, DailyCounts, HelpCenter, Interval, OpenTickets,
        Ratings, ReasonCounts, SourceFailure,
    },
};

/// A place where tickets are counted.
#[derive(Debug)]
pub enum TicketSource {
    /// A Help Scout account.
    HelpScout(helpscout::Desk),
}

impl TicketSource {
    /// As `config` says. Connects to nothing.
    pub fn new(config: &Config, telemetry: &Telemetry) -> Result<Self, helpscout::Error> {
        helpscout::Desk::new(config, telemetry.clone()).map(Self::HelpScout)
    }

    /// For a new configuration. What this one knows of quota, waits and abilities goes on, where the
    /// account is the same.
    pub fn succeed(&self, config: &Config) -> Result<Self, helpscout::Error> {
        match self {
            Self::HelpScout(desk) => desk.succeed(config).map(Self::HelpScout),
        }
    }

    /// Its name for people.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::HelpScout(_) => "Help Scout",
        }
    }

    /// What counts the tickets of a window, for people.
    pub const fn counted_by(&self) -> &'static str {
        match self {
            Self::HelpScout(_) => "the productivity report",
        }
    }

    /// What it can tell, as far as is known by now.
    pub fn capabilities(&self) -> Capabilities {
        match self {
            Self::HelpScout(desk) => desk.capabilities(),
        }
    }

    /// Why it tells less than it could, if it is for a reason that the operator should know.
    pub fn limitation(&self, config: &Config) -> Option<&'static str> {
        match self {
            Self::HelpScout(desk) => {
                let found = config.helpscout.counts_from == crate::config::CountsFrom::Auto;
                (found && desk.counts_by_search()).then_some(
                    "the Help Scout plan has no reports (403): created tickets are counted by search, the rest is absent",
                )
            }
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
        }
    }

    /// What a refresh of `config` costs.
    pub fn budget(&self, config: &Config) -> Budget {
        match self {
            Self::HelpScout(desk) => {
                let client = desk.client();
                let by_search = desk.counts_by_search();
                Budget {
                    calls_per_refresh: helpscout::Desk::calls_per_refresh(config, by_search),
                    calls_for_reasons: config
                        .reasons
                        .as_ref()
                        .map_or(0, |wanted| desk.calls_for_reasons(wanted)),
                    per_minute: client.pace_per_minute(),
                    granted_per_minute: client.granted_per_minute(),
                }
            }
        }
    }

    /// The same populations, with what the help desk itself counts of them: visitors of its help
    /// centre.
    #[must_use]
    pub fn counting_visitors(&self, populations: Populations) -> Populations {
        match self {
            Self::HelpScout(desk) => populations.asking(desk.client()),
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
        }
    }

    /// Asks for one refresh: nothing is waited for past `deadline`; `patience` is when the refresh
    /// publishes what it has.
    pub fn until(&self, deadline: Instant, patience: Instant) -> TicketReader<'_> {
        match self {
            Self::HelpScout(desk) => TicketReader::HelpScout(desk.until(deadline, patience)),
        }
    }
}

/// The questions of one refresh. They may be asked all at once: calls take turns.
#[derive(Debug)]
pub enum TicketReader<'a> {
    /// Of a Help Scout account.
    HelpScout(helpscout::Questions<'a>),
}

impl TicketReader<'_> {
    /// What can be told, as far as this refresh knows by now.
    pub fn capabilities(&self) -> Capabilities {
        match self {
            Self::HelpScout(questions) => questions.capabilities(),
        }
    }

    /// Counts of a segment in a window and in the equal one before it, as the source has them.
    pub async fn contacts(
        &self,
        segment: &Segment,
        current: Interval,
        previous: Interval,
    ) -> Result<Contacts, SourceFailure> {
        match self {
            Self::HelpScout(questions) => questions.contacts(segment, current, previous).await,
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
        }
    }

    /// Tickets of a segment that wait now; `None` where they cannot be known.
    pub async fn open_tickets(
        &self,
        segment: &Segment,
    ) -> Result<Option<OpenTickets>, SourceFailure> {
        match self {
            Self::HelpScout(questions) => questions.open_tickets(segment).await,
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
        }
    }

    /// Visits of the help centre in `interval`; `None` where none is counted.
    pub async fn help_center(
        &self,
        interval: Interval,
    ) -> Option<Result<HelpCenter, SourceFailure>> {
        match self {
            Self::HelpScout(questions) => questions.help_center(interval).await,
        }
    }

    /// Says that the refresh ends, so that what it learnt of the source is remembered.
    pub fn end(&self) {
        match self {
            Self::HelpScout(questions) => questions.end(),
        }
    }
}
