//! What the help desk counts. `None` always means unknown, never zero.

use std::fmt;

use jiff::Timestamp;

use super::window::Interval;

/// The four ways to count contacts in a window: the label `tickets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tickets {
    /// Tickets created (`newConversations`).
    Created,
    /// Tickets closed with at least one reply, each once (`resolved`).
    Resolved,
    /// Tickets closed, with or without reply (`closed`).
    Closed,
    /// Replies sent by the team (`repliesSent`).
    Replies,
}

impl Tickets {
    /// All four, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Created, Self::Resolved, Self::Closed, Self::Replies];

    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Replies => "replies",
        }
    }

    /// Whether single contacts are counted, so that Poisson bounds hold.
    /// Replies come in runs within one ticket.
    pub const fn has_bounds(self) -> bool {
        !matches!(self, Self::Replies)
    }
}

impl fmt::Display for Tickets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What the help desk counted for one segment over one interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactCounts {
    /// Tickets created.
    pub created: Option<u64>,
    /// Tickets closed with at least one reply, each once.
    pub resolved: Option<u64>,
    /// Tickets closed, with or without reply.
    pub closed: Option<u64>,
    /// Replies sent by the team, first messages of new tickets included.
    pub replies: Option<u64>,
    /// Messages received from customers.
    pub received_messages: Option<u64>,
    /// Tickets resolved with exactly one reply.
    pub resolved_on_first_reply: Option<u64>,
    /// Mean wait for the first reply, in seconds.
    pub first_response_mean_seconds: Option<f64>,
    /// Mean wait for any reply, in seconds.
    pub response_mean_seconds: Option<f64>,
    /// Mean time from creation to resolution, in seconds.
    pub resolution_mean_seconds: Option<f64>,
    /// Mean time an agent spent on a reply, in seconds.
    pub handle_mean_seconds: Option<f64>,
}

impl ContactCounts {
    /// The count that `tickets` chooses.
    pub const fn tickets(&self, tickets: Tickets) -> Option<u64> {
        match tickets {
            Tickets::Created => self.created,
            Tickets::Resolved => self.resolved,
            Tickets::Closed => self.closed,
            Tickets::Replies => self.replies,
        }
    }

    /// Share of the resolved tickets that one reply resolved, from 0 to 1.
    /// `None` when nothing was resolved.
    pub fn resolved_on_first_reply_ratio(&self) -> Option<f64> {
        match (self.resolved_on_first_reply, self.resolved) {
            (Some(first), Some(resolved)) if resolved > 0 && first <= resolved => {
                Some(first as f64 / resolved as f64)
            }
            _ => None,
        }
    }
}

/// Ratings received in one interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratings {
    /// "Great".
    pub great: u64,
    /// "Okay".
    pub okay: u64,
    /// "Not good".
    pub not_good: u64,
}

/// Tickets waiting now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenTickets {
    /// Waiting for the team.
    pub active: u64,
    /// Waiting for the customer.
    pub pending: u64,
}

/// How many days of created tickets are kept to judge a rise: eight weeks.
pub const DAYS: usize = 56;

/// Tickets created on each of the [`DAYS`] days that end at the refresh's `end`, oldest first.
/// Day `i` is `[end − (56 − i) days, end − (55 − i) days)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyCounts(pub [u64; DAYS]);

impl DailyCounts {
    /// Tickets created in `interval`, for counts whose last day ends at `end`.
    /// `None` when the interval is not made of whole days among them.
    pub fn created_in(&self, end: Timestamp, interval: Interval) -> Option<u64> {
        let days_before_end = |instant: Timestamp| {
            let seconds = end.as_second() - instant.as_second();
            (seconds % SECONDS_PER_DAY == 0)
                .then(|| usize::try_from(seconds / SECONDS_PER_DAY).ok())
                .flatten()
        };
        let first = DAYS.checked_sub(days_before_end(interval.start)?)?;
        let after_last = DAYS.checked_sub(days_before_end(interval.end)?)?;
        Some(self.0.get(first..after_last)?.iter().sum())
    }
}

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
