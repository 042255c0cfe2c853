//! The truth of the demo: every ticket, user and dossier of an invented public service.
//!
//! A [`Story`] is a function of its scenario, its seed and the hour it was told (the anchor), the
//! same on every machine. It begins three years before the anchor and goes on for 60 days after
//! it. Every number is counted from the same tickets, so that all answers agree with each other.

#[cfg(test)]
mod alarms;
mod arrivals;
mod calendar;
mod count;
mod plot;
mod ticket;

use std::{fmt, ops::Range};

use jiff::Timestamp;
use rand::RngExt;

use arrivals::{Arrivals, Draw, generator, hourly_counts};
use calendar::HOUR;
use plot::{FUTURE_HOURS, PAST_HOURS, Plot};
use ticket::{Message, Mood, Ticket};

pub use count::{Activity, Filter, Listed, Open, Ratings, Resolved, Status};

/// The seed of `demo`. Any other makes as good a story, but this one is known to raise no false
/// alarm at any hour of the week.
pub const DEFAULT_SEED: u64 = 7;

/// Mailboxes: id and name.
pub const MAILBOXES: [(u64, &str); 3] = [
    (125_926, "Usagers"),
    (125_927, "Administrations"),
    (125_928, "Partenaires"),
];

/// Tags: id and name. The first marks what the incident brings.
pub const TAGS: [(u64, &str); 5] = [
    (3_745_889, "bug"),
    (3_745_890, "compte"),
    (3_745_891, "pièces justificatives"),
    (3_745_892, "délais"),
    (3_745_893, "accessibilité"),
];

/// Which story is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Scenario {
    /// Nothing changes.
    Steady,
    /// The service and its tickets grow together: the contact rate does not change.
    Growth,
    /// The contact rate starts rising two days ago.
    #[default]
    Incident,
    /// A release three weeks ago made contact less often needed.
    Improvement,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Steady,
        Self::Growth,
        Self::Incident,
        Self::Improvement,
    ];

    /// The value of `--scenario`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Growth => "growth",
            Self::Incident => "incident",
            Self::Improvement => "improvement",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How a customer got in touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// E-mail.
    Email,
    /// Chat.
    Chat,
    /// Telephone.
    Phone,
}

/// What a customer thought of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rating {
    /// Great.
    Great,
    /// Okay.
    Okay,
    /// Not good.
    NotGood,
}

/// Every ticket, user and dossier from the launch to the horizon.
pub struct Story {
    scenario: Scenario,
    /// Hours from 1970 to the anchor.
    anchor_hour: i64,
    /// By instant of creation.
    tickets: Vec<Ticket>,
    messages: Vec<Message>,
    users: Arrivals,
    dossiers: Arrivals,
}

impl Story {
    /// Tells a story that has its anchor at the start of the hour of `now`.
    pub fn new(scenario: Scenario, seed: u64, now: Timestamp) -> Self {
        let anchor_hour = now.as_second().div_euclid(HOUR);
        Self::of_hours(scenario, seed, anchor_hour, -PAST_HOURS..FUTURE_HOURS)
    }

    /// Tells only some hours of a story, counted from its anchor.
    fn of_hours(scenario: Scenario, seed: u64, anchor_hour: i64, hours: Range<i64>) -> Self {
        let plot = Plot::new(scenario, anchor_hour);
        let count =
            |draw, mean: &dyn Fn(i64) -> f64| hourly_counts(seed, draw, hours.clone(), mean);
        let users = count(Draw::Users, &|hour| plot.registrations(hour));
        let dossiers = count(Draw::Dossiers, &|hour| plot.dossiers(hour));
        let created = count(Draw::TicketCounts, &|hour| plot.tickets(hour));
        let mut tickets = Vec::new();
        let mut messages = Vec::new();
        for (hour, count) in hours.clone().zip(created) {
            draw_hour(seed, &plot, hour, count, &mut tickets, &mut messages);
        }
        tickets.shrink_to_fit();
        messages.shrink_to_fit();
        let first_hour = anchor_hour + hours.start;
        Self {
            scenario,
            anchor_hour,
            tickets,
            messages,
            users: Arrivals::new(first_hour, &users),
            dossiers: Arrivals::new(first_hour, &dossiers),
        }
    }

    /// Which story it is.
    pub fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// The hour in which the story is told.
    pub fn anchor(&self) -> Timestamp {
        instant(self.anchor_hour * HOUR)
    }

    /// The first hour of the service: nothing happened before it.
    pub fn launch(&self) -> Timestamp {
        instant((self.anchor_hour - PAST_HOURS) * HOUR)
    }

    /// Nobody arrives any more from here on.
    pub fn horizon(&self) -> Timestamp {
        instant((self.anchor_hour + FUTURE_HOURS) * HOUR)
    }

    /// Users who registered before an instant.
    pub fn users(&self, before: Timestamp) -> u64 {
        self.users.before(before.as_second())
    }

    /// Dossiers filed in `[start, end)`.
    pub fn dossiers(&self, start: Timestamp, end: Timestamp) -> u64 {
        self.dossiers
            .before(end.as_second())
            .saturating_sub(self.dossiers.before(start.as_second()))
    }

    /// Start of each hour, and at which of its seconds a user registered.
    pub(super) fn user_hours(
        &self,
    ) -> impl Iterator<Item = (Timestamp, impl Iterator<Item = u64>)> {
        instants_by_hour(&self.users)
    }

    /// Start of each hour, and at which of its seconds a dossier was filed.
    pub(super) fn dossier_hours(
        &self,
    ) -> impl Iterator<Item = (Timestamp, impl Iterator<Item = u64>)> {
        instants_by_hour(&self.dossiers)
    }
}

fn instants_by_hour(
    arrivals: &Arrivals,
) -> impl Iterator<Item = (Timestamp, impl Iterator<Item = u64>)> {
    arrivals.hours().map(|(start, count)| {
        let seconds = (0..count).map(move |index| Arrivals::offset(index, count));
        (instant(start), seconds)
    })
}

/// Draws the tickets created in one hour, spam among them.
fn draw_hour(
    seed: u64,
    plot: &Plot,
    hour: i64,
    count: u32,
    tickets: &mut Vec<Ticket>,
    messages: &mut Vec<Message>,
) {
    let in_incident = plot.in_incident(hour);
    let mood = Mood {
        incident_share: plot.incident_share(hour),
        slowness: if in_incident { 2.5 } else { 1.0 },
        ratings: match plot.scenario() {
            Scenario::Incident if in_incident => (0.42, 0.23),
            Scenario::Improvement if plot.contact_factor(hour) < 1.0 => (0.82, 0.11),
            _ => (0.72, 0.16),
        },
    };
    let start = plot.unix_hour(hour) * HOUR;
    let mut drawn = Vec::new();
    for index in 0..count {
        // Each ticket has its own place in the stream: one more or less does not change the others.
        let mut random = generator(seed, Draw::TicketLives, hour, index);
        let created = start + random.random_range(0..HOUR);
        drawn.push(ticket::draw(&mut random, created, mood, messages));
        if random.random_bool(0.04) {
            drawn.push(ticket::draw_spam(&mut random, created, messages));
        }
    }
    drawn.sort_by_key(|ticket| ticket.created);
    tickets.append(&mut drawn);
}

/// All instants of a story are far inside representable time, unless the clock is not.
fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}
