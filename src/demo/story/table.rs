//! Tickets one by one, as a help desk's own database would hold them.

use jiff::Timestamp;

use super::{
    Channel, MAILBOXES, Rating, Story,
    count::tags,
    instant,
    ticket::{Author, Ticket},
};

/// A ticket with its whole life, what is still to come included.
#[derive(Clone, Debug)]
pub struct Told {
    /// 1 for the oldest ticket of the story.
    pub number: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When it is closed.
    pub closed: Timestamp,
    /// Id of its mailbox.
    pub mailbox: u64,
    /// How the customer got in touch.
    pub channel: Channel,
    /// Whether it is spam, which nobody counts.
    pub spam: bool,
    /// Ids of its tags.
    pub tags: Vec<u64>,
    /// How long its customer waits for the first reply, in seconds; `None` where none comes.
    pub first_response_seconds: Option<i64>,
    /// Its messages, oldest first.
    pub messages: Vec<ToldMessage>,
    /// When it is rated, and how.
    pub rating: Option<(Timestamp, Rating)>,
}

/// A message of a ticket.
#[derive(Clone, Copy, Debug)]
pub struct ToldMessage {
    /// When it is sent.
    pub at: Timestamp,
    /// Whether an agent writes it.
    pub by_agent: bool,
    /// Whether it is the first reply to a customer who waits.
    pub is_awaited: bool,
}

impl Story {
    /// Every ticket, oldest first.
    pub fn told(&self) -> impl Iterator<Item = Told> {
        let tickets = self.tickets.iter().enumerate();
        tickets.map(|(index, ticket)| self.tell(index as u64 + 1, ticket))
    }

    fn tell(&self, number: u64, ticket: &Ticket) -> Told {
        let mut waiting_since = None;
        let mut first_response_seconds = None;
        let mut messages = Vec::new();
        for message in self.messages_of(ticket) {
            let by_agent = message.author == Author::Agent;
            let awaited = if by_agent { waiting_since.take() } else { None };
            if let Some(since) = awaited {
                let waited: i64 = message.at - since;
                first_response_seconds.get_or_insert(waited);
            }
            if !by_agent {
                waiting_since.get_or_insert(message.at);
            }
            messages.push(ToldMessage {
                at: instant(message.at),
                by_agent,
                is_awaited: awaited.is_some(),
            });
        }
        let rating = ticket.rating.map(|(at, rating)| (instant(at), rating));
        Told {
            number,
            created: instant(ticket.created),
            closed: instant(ticket.closed),
            mailbox: MAILBOXES
                .get(ticket.traits.mailbox)
                .map_or(0, |(id, _)| *id),
            channel: ticket.traits.channel,
            spam: ticket.traits.spam,
            tags: tags(&ticket.traits).map(|(id, _)| id).collect(),
            first_response_seconds,
            messages,
            rating,
        }
    }
}
