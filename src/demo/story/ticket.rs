//! One ticket and its life.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1};

use super::{
    Channel, Rating,
    calendar::{DAY, HOUR, MINUTE, after_office_seconds},
};

/// Nothing happens to a ticket later than this after its creation, so whoever looks for what
/// happened in an interval need not look at older ones.
pub(super) const LIFE_LIMIT: i64 = 60 * DAY;

/// Most replies to one ticket.
const REPLIES_LIMIT: usize = 6;

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    Agent,
    Customer,
}

/// A message of a ticket, internal notes left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// Seconds from 1970.
    pub(super) at: i64,
    pub(super) author: Author,
}

/// A ticket from its creation to its close, all instants in seconds from 1970.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) created: i64,
    pub(super) closed: i64,
    /// Its messages, as a range of the story's.
    pub(super) messages: (u32, u32),
    pub(super) rating: Option<(i64, Rating)>,
    pub(super) handle_seconds: u32,
    pub(super) traits: Traits,
}

/// What a ticket is filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traits {
    /// Index into [`super::MAILBOXES`].
    pub(super) mailbox: usize,
    /// One bit for each of [`super::TAGS`].
    pub(super) tags: u8,
    pub(super) channel: Channel,
    pub(super) by_agent: bool,
    pub(super) spam: bool,
}

/// What the hour of its creation does to a ticket.
#[derive(Clone, Copy)]
pub(super) struct Mood {
    /// Chance that the incident brought the ticket.
    pub(super) incident_share: f64,
    /// How much longer agents take than usual.
    pub(super) slowness: f64,
    /// Chances of great and okay among ratings.
    pub(super) ratings: (f64, f64),
}

/// Draws a ticket; its messages are appended to `messages`.
pub(super) fn draw(
    random: &mut impl Rng,
    created: i64,
    mood: Mood,
    messages: &mut Vec<Message>,
) -> Ticket {
    let traits = draw_traits(random, mood.incident_share);
    let first = messages.len();
    let closed = draw_messages(random, created, &traits, mood.slowness, messages);
    let replied = messages
        .iter()
        .skip(first)
        .any(|message| message.author == Author::Agent);
    let rating = (replied && random.random_bool(0.18))
        .then(|| {
            (
                closed + MINUTE + exponential(random, 10 * HOUR),
                draw_rating(random, mood.ratings),
            )
        })
        .filter(|(at, _)| *at < created + LIFE_LIMIT);
    let handle_seconds = 45 + exponential(random, 6 * MINUTE).min(2 * HOUR);
    Ticket {
        created,
        closed,
        messages: (index(first), index(messages.len())),
        rating,
        handle_seconds: u32::try_from(handle_seconds).unwrap_or_default(),
        traits,
    }
}

/// Draws a spam ticket, which no report knows of.
pub(super) fn draw_spam(
    random: &mut impl Rng,
    created: i64,
    messages: &mut Vec<Message>,
) -> Ticket {
    let first = messages.len();
    messages.push(Message {
        at: created,
        author: Author::Customer,
    });
    Ticket {
        created,
        closed: created + LIFE_LIMIT,
        messages: (index(first), index(messages.len())),
        rating: None,
        handle_seconds: 0,
        traits: Traits {
            mailbox: usize::from(random.random_bool(0.3)),
            tags: 0,
            channel: Channel::Email,
            by_agent: false,
            spam: true,
        },
    }
}

fn draw_traits(random: &mut impl Rng, incident_share: f64) -> Traits {
    let from_incident = random.random_bool(incident_share);
    let usual_mailbox = pick(random, &[0.74, 0.20]);
    let mut tags = 0;
    for (tag, share) in [0.10, 0.24, 0.16, 0.08, 0.05].into_iter().enumerate() {
        if random.random_bool(share) {
            tags |= 1 << tag;
        }
    }
    let channel = match pick(random, &[0.80, 0.12]) {
        0 => Channel::Email,
        1 => Channel::Chat,
        _ => Channel::Phone,
    };
    let by_agent = random.random_bool(0.05);
    if from_incident {
        // Users report a bug; some agent forgets the tag.
        return Traits {
            mailbox: usize::from(usual_mailbox == 1),
            tags: if random.random_bool(0.9) {
                tags | 1
            } else {
                tags
            },
            channel,
            by_agent: false,
            spam: false,
        };
    }
    Traits {
        mailbox: usual_mailbox,
        tags,
        channel,
        by_agent,
        spam: false,
    }
}

/// Draws who wrote when; returns when the ticket was closed.
fn draw_messages(
    random: &mut impl Rng,
    created: i64,
    traits: &Traits,
    slowness: f64,
    messages: &mut Vec<Message>,
) -> i64 {
    let limit = created + LIFE_LIMIT;
    let mean_work = match traits.channel {
        Channel::Email => 5 * HOUR,
        Channel::Chat => 12 * MINUTE,
        Channel::Phone => 25 * MINUTE,
    };
    let work = |random: &mut _| {
        let seconds = slowness * exponential(random, mean_work) as f64;
        20 + whole(seconds)
    };
    let mut write = |at: i64, author: Author| {
        let in_time = at < limit;
        if in_time {
            messages.push(Message { at, author });
        }
        in_time
    };
    let mut answered;
    if traits.by_agent {
        write(created, Author::Agent);
        answered = created;
        if random.random_bool(0.5) {
            return after_office_seconds(created, 2 * DAY).min(limit);
        }
    } else {
        write(created, Author::Customer);
        // Thanks, wrong addresses, repeats: closed without a word.
        if random.random_bool(0.16) {
            return after_office_seconds(created, work(random)).min(limit);
        }
        answered = after_office_seconds(created, work(random));
        if !write(answered, Author::Agent) {
            return limit;
        }
    }
    for _ in 1..REPLIES_LIMIT {
        if !random.random_bool(0.36) {
            break;
        }
        let mut asked = answered + 5 * MINUTE + exponential(random, 18 * HOUR);
        if !write(asked, Author::Customer) {
            return limit;
        }
        let reply = after_office_seconds(asked, work(random));
        // The impatient write twice before they are answered.
        if random.random_bool(0.25) {
            asked += 10 * MINUTE + exponential(random, 5 * HOUR);
            if asked < reply && !write(asked, Author::Customer) {
                return limit;
            }
        }
        if !write(reply, Author::Agent) {
            return limit;
        }
        answered = reply;
    }
    // Most are closed with the last reply, some wait for an answer that does not come.
    if random.random_bool(0.72) {
        answered
    } else {
        after_office_seconds(answered, 9 * HOUR + exponential(random, 18 * HOUR)).min(limit)
    }
}

fn draw_rating(random: &mut impl Rng, (great, okay): (f64, f64)) -> Rating {
    match pick(random, &[great, okay]) {
        0 => Rating::Great,
        1 => Rating::Okay,
        _ => Rating::NotGood,
    }
}

/// The first share that a draw falls in; their number when it falls in none.
fn pick(random: &mut impl Rng, shares: &[f64]) -> usize {
    let draw = random.random::<f64>();
    let mut sum = 0.0;
    shares
        .iter()
        .take_while(|share| {
            sum += **share;
            draw >= sum
        })
        .count()
}

/// Seconds of an exponential time with a mean, at most ten means.
fn exponential(random: &mut impl Rng, mean: i64) -> i64 {
    let draw: f64 = Exp1.sample(random);
    whole(draw.min(10.0) * mean as f64)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a few weeks of seconds at most; the fraction is dropped on purpose"
)]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}

/// Messages are some hundred thousand.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{
        super::arrivals::{Draw, generator},
        *,
    };

    const MOOD: Mood = Mood {
        incident_share: 0.0,
        slowness: 1.0,
        ratings: (0.7, 0.2),
    };

    #[test]
    fn a_life_is_in_order_and_ends_in_time() {
        let created = "2026-01-09T20:00:00Z"
            .parse::<jiff::Timestamp>()
            .unwrap()
            .as_second();
        for hour in 0..2_000 {
            let mut random = generator(1, Draw::TicketLives, hour, 0);
            let mut messages = Vec::new();
            let slowness = if hour % 2 == 0 { 1.0 } else { 30.0 };
            let mood = Mood { slowness, ..MOOD };
            let ticket = draw(&mut random, created, mood, &mut messages);
            assert_eq!(messages[0].at, created);
            assert!(messages.is_sorted_by_key(|message| message.at));
            assert!(messages.iter().all(|message| message.at <= ticket.closed));
            assert!(ticket.closed <= created + LIFE_LIMIT);
            assert!(ticket.rating.is_none_or(|(at, _)| at > ticket.closed));
            for reply in messages
                .iter()
                .skip(1)
                .filter(|m| m.author == Author::Agent)
            {
                let hour = reply.at.rem_euclid(DAY) / HOUR;
                assert!((8..17).contains(&hour), "{hour}");
            }
        }
    }

    #[test]
    fn what_the_incident_brings_is_mostly_tagged_as_a_bug() {
        let mut random = generator(1, Draw::TicketLives, 0, 0);
        let bugs = |share: f64, random: &mut _| {
            (0..1_000)
                .filter(|_| draw_traits(random, share).tags & 1 != 0)
                .count()
        };
        assert!(bugs(0.0, &mut random) < 150);
        assert!(bugs(1.0, &mut random) > 850);
    }
}
