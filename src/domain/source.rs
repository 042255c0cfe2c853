//! What a refresh reads, and why a reading can fail.

use std::fmt;

/// One thing that a refresh reads: the label `source`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Ticket counts, replies and times of a window (productivity reports, or search).
    Tickets,
    /// Tickets created on each of the last 56 days.
    DailyTickets,
    /// Tickets waiting now.
    OpenTickets,
    /// Customers' ratings.
    Happiness,
    /// A population, by its name.
    Population(String),
}

impl Source {
    /// The label value.
    pub fn name(&self) -> &str {
        match self {
            Self::Tickets => "tickets",
            Self::DailyTickets => "daily_tickets",
            Self::OpenTickets => "open_tickets",
            Self::Happiness => "happiness",
            Self::Population(name) => name,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why a reading failed: the label `reason` of `contact_source_failures_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Credentials refused: a wrong app secret, a refused database login.
    Auth,
    /// Known to the other side, but not allowed.
    Forbidden,
    /// The other side asked to wait longer than the refresh lasts.
    RateLimited,
    /// No answer in time.
    Timeout,
    /// No connection, or one that broke.
    Connect,
    /// An HTTP status that is none of the above.
    Status,
    /// An answer that cannot be understood, or that contradicts another.
    Decode,
    /// A database or Prometheus query that failed or did not give one number.
    Query,
    /// An answer over the size limit.
    TooLarge,
}

impl Reason {
    /// Every reason, in the order of their label values' first appearance in the docs.
    pub const ALL: [Self; 9] = [
        Self::Auth,
        Self::Forbidden,
        Self::RateLimited,
        Self::Timeout,
        Self::Connect,
        Self::Status,
        Self::Decode,
        Self::Query,
        Self::TooLarge,
    ];

    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Status => "status",
            Self::Decode => "decode",
            Self::Query => "query",
            Self::TooLarge => "too_large",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
