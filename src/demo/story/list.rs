//! Tickets as they are at an instant: what waits, and what a list shows.

use jiff::Timestamp;

use super::{
    Channel, Filter, MAILBOXES, Story,
    count::tags,
    instant,
    ticket::{Author, LIFE_LIMIT, Message, Ticket, Traits},
};

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
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{
        super::{DEFAULT_SEED, MONDAY, RECENT_HOURS, Scenario, TAGS},
        *,
    };

    fn story() -> Story {
        Story::of_hours(Scenario::Incident, DEFAULT_SEED, MONDAY + 40, RECENT_HOURS)
    }

    /// Whatever was created and not closed is open: no ticket is lost or counted twice.
    #[test]
    fn what_is_not_closed_is_open() {
        let story = story();
        let told = story.anchor() + SignedDuration::from_hours(RECENT_HOURS.start);
        for filter in [
            Filter::default(),
            Filter {
                mailboxes: vec![MAILBOXES[1].0],
                tags: vec![TAGS[0].0, TAGS[1].0],
                ..Filter::default()
            },
        ] {
            for hours in [-1_200, -500, -48, 0, 30] {
                let at = story.anchor() + SignedDuration::from_hours(hours);
                let after = at + SignedDuration::from_secs(1);
                let activity = story.activity(&filter, told, after);
                let open = story.open(&filter, at);
                assert_eq!(
                    activity.created - activity.closed,
                    open.active + open.pending,
                    "{filter:?} {at}"
                );
                let listed = story
                    .list(&filter, &[Status::Pending], told, Timestamp::MAX, at)
                    .count();
                assert_eq!(listed as u64, open.pending);
            }
        }
    }

    #[test]
    fn a_list_is_newest_first_and_knows_no_future() {
        let story = story();
        let all = [
            Status::Active,
            Status::Pending,
            Status::Closed,
            Status::Spam,
        ];
        let now = story.anchor();
        let listed: Vec<Listed> = story
            .list(
                &Filter::default(),
                &all,
                Timestamp::MIN,
                Timestamp::MAX,
                now,
            )
            .collect();
        assert!(listed.is_sorted_by(|a, b| a.number > b.number && a.created >= b.created));
        assert!(listed[0].created <= now);
        assert_eq!(listed.last().map(|ticket| ticket.number), Some(1));
        for ticket in &listed {
            assert!(ticket.messages > 0);
            assert_eq!(ticket.closed.is_some(), ticket.status == Status::Closed);
        }
        assert!(listed.iter().any(|ticket| ticket.tags().count() > 1));
    }
}
