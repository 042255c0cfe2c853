//! What a ticket source can tell, and what asking it costs.

/// Most days of tickets or messages by day that are asked for at once. Help Scout tells no more.
pub const MOST_DAYS: i64 = 60;

/// What a ticket source can tell beside created and open tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own, and any set of them can be"
)]
pub struct Capabilities {
    /// Resolved and closed tickets, replies, messages received, and times.
    pub all_counts: bool,
    /// Tickets created day by day: whether the source `daily_tickets` exists.
    pub days: bool,
    /// Open tickets: whether the source `open_tickets` exists.
    pub open: bool,
    /// Ratings: whether the source `happiness` exists.
    pub ratings: bool,
}

/// What a refresh costs a ticket source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Calls of one refresh, or statements, when everything is answered at once.
    pub calls_per_refresh: usize,
    /// Most calls of one reading of the contact reasons; 0 where none are configured.
    pub calls_for_reasons: usize,
    /// Ceiling of calls in any minute; `None` where there is none.
    pub per_minute: Option<u32>,
    /// What the account is granted a minute, once an answer has told.
    pub granted_per_minute: Option<u32>,
}
