//! Counting what happened: the numbers that reports must agree with.

use std::ops::Range;

use jiff::Timestamp;

use super::{
    Channel, MAILBOXES, Rating, Story, TAGS,
    ticket::{Author, LIFE_LIMIT, Message, Ticket, Traits},
};

/// Which tickets are counted. Several values of one kind mean any of them, none means every one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Ids among [`MAILBOXES`].
    pub mailboxes: Vec<u64>,
    /// Ids among [`TAGS`].
    pub tags: Vec<u64>,
    /// Channels.
    pub channels: Vec<Channel>,
}

impl Filter {
    pub(super) fn admits(&self, traits: &Traits) -> bool {
        let mailbox = MAILBOXES.get(traits.mailbox).map(|(id, _)| id);
        (self.mailboxes.is_empty() || mailbox.is_some_and(|id| self.mailboxes.contains(id)))
            && (self.channels.is_empty() || self.channels.contains(&traits.channel))
            && (self.tags.is_empty() || tags(traits).any(|(id, _)| self.tags.contains(&id)))
    }
}

/// What happened to tickets in an interval, spam left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    /// Tickets created, by customers or agents.
    pub created: u64,
    /// Those of them that an agent created.
    pub created_by_agents: u64,
    /// Tickets closed, with or without a reply.
    pub closed: u64,
    /// Tickets closed with at least one reply, each once.
    pub resolved: Vec<Resolved>,
    /// Replies sent, the first message of a ticket that an agent created among them.
    pub replies: u64,
    /// Messages received from customers.
    pub messages: u64,
    /// For each ticket that got a reply in the interval to a waiting customer: how long customers
    /// waited for those replies, in seconds, on average.
    pub response_seconds: Vec<i64>,
    /// For each of the same tickets: how long the customer waited for its first reply.
    pub first_response_seconds: Vec<i64>,
}

/// A ticket that was resolved in the interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// From creation to close.
    pub resolution_seconds: i64,
    /// Replies it took.
    pub replies: u32,
    /// Time that agents spent on it.
    pub handle_seconds: u32,
}

/// Ratings received in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratings {
    /// Great.
    pub great: u64,
    /// Okay.
    pub okay: u64,
    /// Not good.
    pub not_good: u64,
    /// Customers who got a reply in the interval, with a rating or without.
    pub customers: u64,
}

impl Story {
    /// What happened in `[start, end)`.
    pub fn activity(&self, filter: &Filter, start: Timestamp, end: Timestamp) -> Activity {
        let interval = start.as_second()..end.as_second();
        let mut activity = Activity::default();
        for ticket in self.alive_in(&interval) {
            if ticket.traits.spam || !filter.admits(&ticket.traits) {
                continue;
            }
            if interval.contains(&ticket.created) {
                activity.created += 1;
                activity.created_by_agents += u64::from(ticket.traits.by_agent);
            }
            self.count_messages(ticket, &interval, &mut activity);
        }
        activity
    }

    /// Tickets created in `[start, end)`, spam left out: as [`Story::activity`] says, but faster.
    pub fn created(&self, filter: &Filter, start: Timestamp, end: Timestamp) -> u64 {
        let count = self
            .created_in(start.as_second()..end.as_second())
            .iter()
            .filter(|ticket| !ticket.traits.spam && filter.admits(&ticket.traits))
            .count();
        count as u64
    }

    /// Ratings received in `[start, end)`.
    pub fn ratings(&self, filter: &Filter, start: Timestamp, end: Timestamp) -> Ratings {
        let interval = start.as_second()..end.as_second();
        let mut ratings = Ratings::default();
        for ticket in self.alive_in(&interval) {
            if ticket.traits.spam || !filter.admits(&ticket.traits) {
                continue;
            }
            if let Some((at, rating)) = ticket.rating
                && interval.contains(&at)
            {
                match rating {
                    Rating::Great => ratings.great += 1,
                    Rating::Okay => ratings.okay += 1,
                    Rating::NotGood => ratings.not_good += 1,
                }
            }
            let replied = self
                .messages_of(ticket)
                .iter()
                .any(|message| message.author == Author::Agent && interval.contains(&message.at));
            ratings.customers += u64::from(replied);
        }
        ratings
    }

    fn count_messages(&self, ticket: &Ticket, interval: &Range<i64>, activity: &mut Activity) {
        let mut replies = 0;
        let mut waiting_since = None;
        let mut first_wait = None;
        let (mut waits, mut waited) = (0, 0);
        for message in self.messages_of(ticket) {
            let inside = interval.contains(&message.at);
            match message.author {
                Author::Customer => {
                    activity.messages += u64::from(inside);
                    waiting_since.get_or_insert(message.at);
                }
                Author::Agent => {
                    replies += 1;
                    activity.replies += u64::from(inside);
                    if let Some(since) = waiting_since.take() {
                        let wait = message.at - since;
                        first_wait.get_or_insert(wait);
                        if inside {
                            waits += 1;
                            waited += wait;
                        }
                    }
                }
            }
        }
        if let Some(first_wait) = first_wait.filter(|_| waits > 0) {
            activity.response_seconds.push(waited / waits);
            activity.first_response_seconds.push(first_wait);
        }
        if interval.contains(&ticket.closed) {
            activity.closed += 1;
            if replies > 0 {
                activity.resolved.push(Resolved {
                    resolution_seconds: ticket.closed - ticket.created,
                    replies,
                    handle_seconds: ticket.handle_seconds,
                });
            }
        }
    }

    /// Tickets to which anything can have happened in an interval.
    fn alive_in(&self, interval: &Range<i64>) -> &[Ticket] {
        self.created_in(interval.start.saturating_sub(LIFE_LIMIT)..interval.end)
    }

    pub(super) fn created_in(&self, interval: Range<i64>) -> &[Ticket] {
        let at = |second| {
            self.tickets
                .partition_point(|ticket| ticket.created < second)
        };
        self.tickets
            .get(at(interval.start)..at(interval.end))
            .unwrap_or_default()
    }

    pub(super) fn messages_of(&self, ticket: &Ticket) -> &[Message] {
        let at = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
        self.messages
            .get(at(ticket.messages.0)..at(ticket.messages.1))
            .unwrap_or_default()
    }
}

/// Ids and names of a ticket's tags.
pub(super) fn tags(traits: &Traits) -> impl Iterator<Item = (u64, &'static str)> {
    let bits = traits.tags;
    TAGS.into_iter()
        .enumerate()
        .filter(move |(index, _)| bits & (1 << index) != 0)
        .map(|(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::{
        super::{DEFAULT_SEED, MONDAY, RECENT_HOURS, Scenario},
        *,
    };

    fn story() -> Story {
        Story::of_hours(Scenario::Incident, DEFAULT_SEED, MONDAY + 40, RECENT_HOURS)
    }

    fn everything(activity: &Activity) -> [usize; 6] {
        [
            activity.created,
            activity.created_by_agents,
            activity.closed,
            activity.resolved.len() as u64,
            activity.replies,
            activity.messages,
        ]
        .map(|count| usize::try_from(count).unwrap())
    }

    #[test]
    fn adjacent_intervals_add_up_and_shortcuts_agree() {
        let story = story();
        let at = |seconds| story.anchor() + SignedDuration::from_secs(seconds);
        let spans = -50 * 86_400_i64..40 * 3_600;
        proptest!(|(mut cuts in prop::array::uniform3(spans), channel in prop::bool::ANY)| {
            cuts.sort_unstable();
            let [start, middle, end] = cuts.map(at);
            let filter = Filter {
                channels: channel.then_some(Channel::Chat).into_iter().collect(),
                ..Filter::default()
            };
            let whole = story.activity(&filter, start, end);
            let parts = [(start, middle), (middle, end)]
                .map(|(start, end)| everything(&story.activity(&filter, start, end)));
            let sum: Vec<usize> = parts[0].iter().zip(parts[1]).map(|(a, b)| a + b).collect();
            prop_assert_eq!(sum, everything(&whole));
            prop_assert_eq!(story.created(&filter, start, end), whole.created);
            prop_assert!(whole.resolved.len() as u64 <= whole.closed);
            prop_assert!(whole.response_seconds.len() as u64 <= whole.replies);
            let ratings = |start, end| {
                let ratings = story.ratings(&filter, start, end);
                ratings.great + ratings.okay + ratings.not_good
            };
            prop_assert_eq!(ratings(start, end), ratings(start, middle) + ratings(middle, end));
        });
    }

    #[test]
    fn unknown_ids_admit_nothing() {
        let story = story();
        let filter = Filter {
            tags: vec![1],
            ..Filter::default()
        };
        let start = story.anchor() - SignedDuration::from_hours(100);
        assert_eq!(story.created(&filter, start, story.anchor()), 0);
    }
}
