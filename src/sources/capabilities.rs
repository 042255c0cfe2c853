//! What a ticket source can tell, and what asking it costs.

/// What a ticket source can tell beside created and open tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Resolved and closed tickets, replies, messages received, and times.
    pub all_counts: bool,
    /// Tickets created day by day: whether the source `daily_tickets` exists.
    pub days: bool,
    /// Ratings: whether the source `happiness` exists.
    pub ratings: bool,
}

/// What a refresh costs a ticket source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Calls of one refresh, when everything is answered at once.
    pub calls_per_refresh: usize,
    /// Most calls of one reading of the contact reasons; 0 where none are configured.
    pub calls_for_reasons: usize,
    /// Ceiling of calls in any minute.
    pub per_minute: u32,
    /// What the account is granted a minute, once an answer has told.
    pub granted_per_minute: Option<u32>,
}
