//! What a refresh reads, and why a reading can fail.

use std::fmt;

/// One thing that is read, with a refresh or beside it: the label `source`.
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
    /// Visits of the help centre.
    HelpCenter,
    /// Contact reasons, read beside the refreshes.
    Reasons,
    /// How easy the contact is to find, read beside the refreshes.
    Visibility,
    /// Tickets and populations of past days, read beside the refreshes.
    History,
    /// Tickets and populations of past weeks, read beside the refreshes.
    Forecast,
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
            Self::HelpCenter => "help_center",
            Self::Reasons => "reasons",
            Self::Visibility => "visibility",
            Self::History => "history",
            Self::Forecast => "forecast",
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

    /// Whether what failed may well work a little later: the other side is starting, or busy.
    pub const fn may_soon_pass(self) -> bool {
        matches!(self, Self::Connect | Self::Timeout | Self::Status)
    }

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

/// A failed reading, in words fit for the operator: no secret, no row, no customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFailure {
    /// The bounded reason.
    pub reason: Reason,
    /// The segments that were not read; none for what has no segments.
    pub segments: Vec<String>,
    /// The error chain on one line.
    pub text: String,
}

impl SourceFailure {
    /// The different failures among `failures`, each once with all its segments.
    pub fn grouped(failures: &[Self]) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for failure in failures {
            let same =
                |group: &&mut Self| (group.reason, &group.text) == (failure.reason, &failure.text);
            if let Some(group) = groups.iter_mut().find(same) {
                for segment in &failure.segments {
                    if !group.segments.contains(segment) {
                        group.segments.push(segment.clone());
                    }
                }
            } else {
                groups.push(failure.clone());
            }
        }
        groups
    }
}

impl fmt::Display for SourceFailure {
    /// `segment a: text`, `segments a, b: text` or just the text; the reason is for others to add.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.segments.as_slice() {
            [] => {}
            [segment] => write!(formatter, "segment {segment}: ")?,
            segments => write!(formatter, "segments {}: ", segments.join(", "))?,
        }
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_failures_are_told_once_with_all_their_segments() {
        let failure = |segment: &str, text: &str| SourceFailure {
            reason: Reason::Auth,
            segments: vec![segment.to_owned()],
            text: text.to_owned(),
        };
        let failures = [
            failure("all", "refused"),
            failure("bug", "refused"),
            failure("all", "refused"),
            failure("bug", "gone"),
        ];
        let told: Vec<String> = SourceFailure::grouped(&failures)
            .iter()
            .map(SourceFailure::to_string)
            .collect();
        assert_eq!(told, ["segments all, bug: refused", "segment bug: gone"]);
    }
}
