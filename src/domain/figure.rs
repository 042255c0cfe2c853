//! The counts of a window one by one: each can fail by itself.

use super::count::{ContactCounts, Tickets};

/// One number out of [`ContactCounts`] that a source is asked for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Figure {
    /// Tickets created.
    Created,
    /// Tickets closed.
    Closed,
    /// Tickets closed with a reply.
    Resolved,
    /// Replies sent.
    Replies,
    /// Messages received.
    ReceivedMessages,
    /// Mean wait for the first response.
    FirstResponse,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Created,
        Self::Closed,
        Self::Resolved,
        Self::Replies,
        Self::ReceivedMessages,
        Self::FirstResponse,
    ];

    /// The one that `tickets` chooses.
    pub const fn of(tickets: Tickets) -> Self {
        match tickets {
            Tickets::Created => Self::Created,
            Tickets::Resolved => Self::Resolved,
            Tickets::Closed => Self::Closed,
            Tickets::Replies => Self::Replies,
        }
    }
}

impl ContactCounts {
    /// Of these counts, those that `self` does not know are taken from `earlier`, if they are among
    /// `figures`.
    pub fn fill(&mut self, earlier: &Self, figures: &[Figure]) {
        for figure in figures {
            match figure {
                Figure::Created => self.created = self.created.or(earlier.created),
                Figure::Closed => self.closed = self.closed.or(earlier.closed),
                Figure::Resolved => self.resolved = self.resolved.or(earlier.resolved),
                Figure::Replies => self.replies = self.replies.or(earlier.replies),
                Figure::ReceivedMessages => {
                    self.received_messages = self.received_messages.or(earlier.received_messages);
                }
                Figure::FirstResponse => {
                    self.first_response_mean_seconds = self
                        .first_response_mean_seconds
                        .or(earlier.first_response_mean_seconds);
                }
            }
        }
    }

    /// These counts without all but `figures`.
    #[must_use]
    pub fn only(&self, figures: &[Figure]) -> Self {
        let mut only = Self::default();
        only.fill(self, figures);
        only
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_filled_from_before_and_nothing_else() {
        let before = ContactCounts {
            created: Some(5),
            closed: Some(4),
            replies: Some(3),
            ..ContactCounts::default()
        };
        let mut now = ContactCounts {
            created: Some(6),
            ..ContactCounts::default()
        };
        now.fill(&before, &[Figure::Closed, Figure::Created]);
        assert_eq!(
            (now.created, now.closed, now.replies),
            (Some(6), Some(4), None)
        );
        assert_eq!(before.only(&[Figure::Replies]).replies, Some(3));
        assert_eq!(before.only(&[Figure::Replies]).created, None);
    }
}
