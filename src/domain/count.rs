//! What the help desk counts. `None` always means unknown, never zero.

use std::fmt;

use jiff::Timestamp;

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

impl ContactCounts {
    /// With what follows from the counts: resolved tickets are closed ones, so that none is resolved
    /// where none is closed.
    #[must_use]
    pub fn completed(self) -> Self {
        Self {
            resolved: self.resolved.or(self.closed.filter(|closed| *closed == 0)),
            ..self
        }
    }

    /// Completed, as a part of a sum: where nothing was resolved, nothing was at once.
    fn part(self) -> Self {
        let whole = self.completed();
        let none = whole.resolved.filter(|resolved| *resolved == 0);
        Self {
            resolved_on_first_reply: whole.resolved_on_first_reply.or(none),
            ..whole
        }
    }

    /// Counts of the parts of an interval together; what one part does not know is unknown. Means do
    /// not add up, and are unknown. `None` when a part was not read, or when there is none.
    pub fn sum(parts: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let first = parts.next()??.part();
        let mut sum = Self {
            first_response_mean_seconds: None,
            response_mean_seconds: None,
            resolution_mean_seconds: None,
            handle_mean_seconds: None,
            ..first
        };
        for part in parts {
            let part = part?.part();
            let add = |one: Option<u64>, other: Option<u64>| one?.checked_add(other?);
            sum = Self {
                created: add(sum.created, part.created),
                resolved: add(sum.resolved, part.resolved),
                closed: add(sum.closed, part.closed),
                replies: add(sum.replies, part.replies),
                received_messages: add(sum.received_messages, part.received_messages),
                resolved_on_first_reply: add(
                    sum.resolved_on_first_reply,
                    part.resolved_on_first_reply,
                ),
                ..sum
            };
        }
        Some(sum)
    }
}

/// What was counted in a window and in the equal one just before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contacts {
    /// In the window.
    pub current: ContactCounts,
    /// In the previous window.
    pub previous: ContactCounts,
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

/// Tickets waiting now, by the help desk's own words for their status, each once.
pub type OpenTickets = Vec<OpenCount>;

/// Tickets of one status that wait now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCount {
    /// The status: the label value.
    pub status: String,
    /// How many.
    pub count: u64,
    /// When the oldest of them was created; `None` where there is none, or it is not known.
    pub oldest: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> ContactCounts {
        ContactCounts {
            created: Some(126),
            resolved: Some(87),
            closed: Some(122),
            replies: None,
            resolved_on_first_reply: Some(29),
            ..ContactCounts::default()
        }
    }

    #[test]
    fn names_are_the_label_values() {
        let names = Tickets::ALL.map(|tickets| tickets.to_string());
        assert_eq!(names, ["created", "resolved", "closed", "replies"]);
    }

    #[test]
    fn every_choice_reads_its_own_count() {
        let chosen = Tickets::ALL.map(|tickets| counts().tickets(tickets));
        assert_eq!(chosen, [Some(126), Some(87), Some(122), None]);
        let unknown = Tickets::ALL.map(|tickets| ContactCounts::default().tickets(tickets));
        assert_eq!(unknown, [None; 4]);
    }

    #[test]
    fn replies_have_no_bounds() {
        let with_bounds = Tickets::ALL.map(Tickets::has_bounds);
        assert_eq!(with_bounds, [true, true, true, false]);
    }

    #[test]
    fn share_resolved_on_first_reply() {
        let ratio = |first, resolved| {
            ContactCounts {
                resolved,
                resolved_on_first_reply: first,
                ..counts()
            }
            .resolved_on_first_reply_ratio()
        };
        assert_eq!(ratio(Some(29), Some(87)), Some(1.0 / 3.0));
        assert_eq!(ratio(Some(0), Some(87)), Some(0.0));
        assert_eq!(ratio(Some(87), Some(87)), Some(1.0));
        // Nothing resolved, a contradiction, unknown.
        assert_eq!(ratio(Some(0), Some(0)), None);
        assert_eq!(ratio(Some(88), Some(87)), None);
        assert_eq!(ratio(None, Some(87)), None);
        assert_eq!(ratio(Some(29), None), None);
    }

    #[test]
    fn nothing_closed_is_nothing_resolved() {
        let completed = |closed, resolved| {
            let counts = ContactCounts {
                resolved,
                closed,
                ..ContactCounts::default()
            };
            counts.completed().resolved
        };
        assert_eq!(completed(Some(0), None), Some(0));
        assert_eq!(completed(Some(1), None), None);
        assert_eq!(completed(None, None), None);
        assert_eq!(completed(Some(4), Some(3)), Some(3));
    }

    #[test]
    fn counts_add_up_means_do_not_and_unknown_stays_unknown() {
        let busy = ContactCounts {
            created: Some(3),
            resolved: Some(2),
            closed: Some(4),
            resolved_on_first_reply: Some(1),
            handle_mean_seconds: Some(60.0),
            ..ContactCounts::default()
        };
        let quiet = ContactCounts {
            created: Some(0),
            closed: Some(0),
            replies: Some(0),
            ..ContactCounts::default()
        };
        let sum = |parts: [&ContactCounts; 2]| {
            ContactCounts::sum(parts.map(|part| Some(part.clone()))).unwrap()
        };
        let both = sum([&busy, &quiet]);
        assert_eq!(both, sum([&quiet, &busy]));
        assert_eq!(
            (both.created, both.resolved, both.closed),
            (Some(3), Some(2), Some(4))
        );
        assert_eq!(both.resolved_on_first_reply, Some(1));
        assert_eq!((both.replies, both.handle_mean_seconds), (None, None));
        assert_eq!(ContactCounts::sum([]), None);
        assert_eq!(ContactCounts::sum([Some(busy.clone()), None]), None);
        let most = ContactCounts {
            created: Some(u64::MAX),
            ..busy.clone()
        };
        assert_eq!(sum([&most, &busy]).created, None, "too large to count");
    }
}
