//! Counting what happened: the numbers that reports and lists must agree with.

use std::ops::Range;

use jiff::Timestamp;

use super::{
    Channel, MAILBOXES, Rating, Story, TAGS, instant,
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
    fn admits(&self, traits: &Traits) -> bool {
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

/// Tickets that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// For an agent.
    pub active: u64,
    /// For the customer.
    pub pending: u64,
}

/// State of a ticket at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waits for an agent.
    Active,
    /// Waits for the customer.
    Pending,
    /// Done.
    Closed,
    /// Never counted.
    Spam,
}

/// A ticket as the list of conversations shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// 1 for the oldest ticket of the story.
    pub number: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was closed, if it was.
    pub closed: Option<Timestamp>,
    /// State now.
    pub status: Status,
    /// Id of its mailbox.
    pub mailbox: u64,
    /// How the customer got in touch.
    pub channel: Channel,
    /// Messages so far.
    pub messages: u64,
    traits: Traits,
}

impl Listed {
    /// Ids and names of its tags.
    pub fn tags(&self) -> impl Iterator<Item = (u64, &'static str)> {
        tags(&self.traits)
    }
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

    /// Tickets that wait at an instant.
    pub fn open(&self, filter: &Filter, at: Timestamp) -> Open {
        let now = at.as_second();
        let mut open = Open::default();
        for ticket in self.created_in(now - LIFE_LIMIT..now.saturating_add(1)) {
            if filter.admits(&ticket.traits) {
                match self.status(ticket, now) {
                    Status::Active => open.active += 1,
                    Status::Pending => open.pending += 1,
                    Status::Closed | Status::Spam => {}
                }
            }
        }
        open
    }

    /// Tickets created in `[start, end)` that have one of some statuses `at` an instant, newest
    /// first. Those created after it are not listed.
    pub fn list(
        &self,
        filter: &Filter,
        statuses: &[Status],
        start: Timestamp,
        end: Timestamp,
        at: Timestamp,
    ) -> impl Iterator<Item = Listed> {
        let now = at.as_second();
        let created = start.as_second()..end.as_second().min(now.saturating_add(1));
        let first = self
            .tickets
            .partition_point(|ticket| ticket.created < created.start);
        self.created_in(created)
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, ticket)| filter.admits(&ticket.traits))
            .map(move |(index, ticket)| (index, ticket, self.status(ticket, now)))
            .filter(|(.., status)| statuses.contains(status))
            .map(move |(index, ticket, status)| self.listed(first + index + 1, ticket, status, now))
    }

    fn listed(&self, number: usize, ticket: &Ticket, status: Status, now: i64) -> Listed {
        let messages = self.messages_of(ticket);
        Listed {
            number: number as u64,
            created: instant(ticket.created),
            closed: (status == Status::Closed).then(|| instant(ticket.closed)),
            status,
            mailbox: MAILBOXES
                .get(ticket.traits.mailbox)
                .map_or(0, |(id, _)| *id),
            channel: ticket.traits.channel,
            messages: messages.partition_point(|message| message.at <= now) as u64,
            traits: ticket.traits,
        }
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

    /// State of a ticket that exists `now`.
    fn status(&self, ticket: &Ticket, now: i64) -> Status {
        if ticket.traits.spam {
            return Status::Spam;
        }
        if ticket.closed <= now {
            return Status::Closed;
        }
        let messages = self.messages_of(ticket);
        let so_far = messages.partition_point(|message| message.at <= now);
        match messages.get(so_far.saturating_sub(1)) {
            Some(Message {
                author: Author::Agent,
                ..
            }) => Status::Pending,
            _ => Status::Active,
        }
    }

    /// Tickets to which anything can have happened in an interval.
    fn alive_in(&self, interval: &Range<i64>) -> &[Ticket] {
        self.created_in(interval.start.saturating_sub(LIFE_LIMIT)..interval.end)
    }

    fn created_in(&self, interval: Range<i64>) -> &[Ticket] {
        let at = |second| {
            self.tickets
                .partition_point(|ticket| ticket.created < second)
        };
        self.tickets
            .get(at(interval.start)..at(interval.end))
            .unwrap_or_default()
    }

    fn messages_of(&self, ticket: &Ticket) -> &[Message] {
        let at = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
        self.messages
            .get(at(ticket.messages.0)..at(ticket.messages.1))
            .unwrap_or_default()
    }
}

fn tags(traits: &Traits) -> impl Iterator<Item = (u64, &'static str)> {
    let bits = traits.tags;
    TAGS.into_iter()
        .enumerate()
        .filter(move |(index, _)| bits & (1 << index) != 0)
        .map(|(_, tag)| tag)
}
