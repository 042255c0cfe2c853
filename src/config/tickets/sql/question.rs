//! What a database can be asked about tickets.

/// What a database can be asked about tickets, one query each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// Tickets created in an interval.
    Created,
    /// The same by days of 24 hours from the start of the interval: rows of number and count.
    CreatedByDay,
    /// Tickets closed in an interval.
    Closed,
    /// Tickets closed in an interval, with a reply by a person before its end.
    Resolved,
    /// Replies sent in an interval.
    Replies,
    /// Messages of customers received in an interval.
    ReceivedMessages,
    /// Open tickets now: rows of status and count.
    Open,
    /// When the oldest of them was created: rows of status and instant.
    OldestOpen,
    /// Mean wait for the first response of an interval: one number or NULL.
    FirstResponseMeanSeconds,
    /// Ratings of an interval: rows of rating and count.
    Ratings,
    /// Created tickets of an interval by reason: rows of reason and count.
    Reasons,
    /// Different people who got a reply in an interval.
    Customers,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::CreatedByDay,
        Self::Closed,
        Self::Resolved,
        Self::Replies,
        Self::ReceivedMessages,
        Self::Open,
        Self::OldestOpen,
        Self::FirstResponseMeanSeconds,
        Self::Ratings,
        Self::Reasons,
        Self::Customers,
    ];

    /// Its key in the config file, and its name in the files of schemas.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::CreatedByDay => "created_by_day",
            Self::Closed => "closed",
            Self::Resolved => "resolved",
            Self::Replies => "replies",
            Self::ReceivedMessages => "received_messages",
            Self::Open => "open",
            Self::OldestOpen => "oldest_open",
            Self::FirstResponseMeanSeconds => "first_response_mean_seconds",
            Self::Ratings => "ratings",
            Self::Reasons => "reasons",
            Self::Customers => "customers",
        }
    }

    /// Whether it is about now, so that its query knows neither `:start` nor `:end`.
    pub const fn is_about_now(self) -> bool {
        matches!(self, Self::Open | Self::OldestOpen)
    }

    /// Whether no refresh asks it.
    pub const fn is_for_others(self) -> bool {
        matches!(self, Self::Reasons | Self::Customers)
    }

    /// Whether a schema's query is asked without being asked for.
    pub const fn is_asked_by_default(self) -> bool {
        !matches!(self, Self::Ratings | Self::Reasons | Self::Customers)
    }
}
