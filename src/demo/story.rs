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
mod help_center;
mod list;
mod plot;
mod table;
mod ticket;

use std::{fmt, ops::Range, sync::OnceLock};

use jiff::Timestamp;
use rand::RngExt;

use arrivals::{Arrivals, Draw, generator, hourly_counts};
pub(super) use calendar::DAY;
use calendar::HOUR;
use plot::{FUTURE_HOURS, PAST_HOURS, Plot};
use ticket::{Message, Mood, Ticket};

pub use count::{Activity, Filter, Ratings, Resolved};
pub use help_center::{HELP_SITES, HelpVisits};
pub use list::{Listed, Open, Status};
pub use table::{Told, ToldMessage};

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
    seed: u64,
    /// Hours from 1970 to the anchor.
    anchor_hour: i64,
    /// Hours that are told, counted from the anchor.
    hours: Range<i64>,
    /// By instant of creation.
    tickets: Vec<Ticket>,
    messages: Vec<Message>,
    users: Arrivals,
    dossiers: Arrivals,
    help_sites: OnceLock<Vec<help_center::Site>>,
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
            seed,
            anchor_hour,
            hours,
            tickets,
            messages,
            users: Arrivals::new(first_hour, &users),
            dossiers: Arrivals::new(first_hour, &dossiers),
            help_sites: OnceLock::new(),
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

/// Monday 2026-01-05T00:00:00Z, in hours from 1970.
#[cfg(test)]
const MONDAY: i64 = 1_767_571_200 / 3_600;

/// Hours of a story that is told for a test: enough for the dispersion, and for every baseline of
/// a window that ends in them.
#[cfg(test)]
const RECENT_HOURS: Range<i64> = -58 * 24..48;

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn days(count: i64) -> SignedDuration {
        SignedDuration::from_hours(24 * count)
    }

    #[test]
    fn scenarios_are_called_the_same_on_the_command_line() {
        for scenario in Scenario::ALL {
            let value = clap::ValueEnum::to_possible_value(&scenario).unwrap();
            assert_eq!(value.get_name(), scenario.name());
        }
        assert_eq!(Scenario::default(), Scenario::Incident);
    }

    /// The same noise on every day: only the calendar moves.
    #[test]
    fn a_week_later_it_is_the_same_story() {
        for scenario in Scenario::ALL {
            let story = Story::of_hours(scenario, 3, MONDAY + 5, RECENT_HOURS);
            let later = Story::of_hours(scenario, 3, MONDAY + 5 + 168, RECENT_HOURS);
            assert!(story.tickets.len() > 1_000);
            assert_eq!(story.tickets.len(), later.tickets.len());
            for (ticket, later) in story.tickets.iter().zip(&later.tickets) {
                assert_eq!(ticket.created + 7 * 86_400, later.created);
                assert_eq!(ticket.closed + 7 * 86_400, later.closed);
                assert_eq!(ticket.traits, later.traits);
            }
        }
    }

    #[test]
    fn the_hour_is_the_anchor_and_the_seed_matters() {
        let now: Timestamp = "2026-01-07T10:59:59Z".parse().unwrap();
        let hour = now.as_second() / HOUR;
        let story = Story::new(Scenario::Steady, 3, now);
        assert_eq!(story.anchor().to_string(), "2026-01-07T10:00:00Z");
        assert_eq!(story.launch().to_string(), "2023-01-08T10:00:00Z");
        assert_eq!(story.horizon().to_string(), "2026-03-08T10:00:00Z");
        let recent = Story::of_hours(Scenario::Steady, 3, hour, RECENT_HOURS);
        let other = Story::of_hours(Scenario::Steady, 4, hour, RECENT_HOURS);
        let created = |story: &Story| {
            let all = Filter::default();
            let end = story.anchor();
            story.created(&all, end - days(50), end)
        };
        assert_eq!(created(&story), created(&recent), "hours stand alone");
        assert_ne!(created(&story), created(&other));

        // Nothing before the launch, nothing after the horizon.
        let all = Filter::default();
        let (launch, horizon) = (story.launch(), story.horizon());
        assert_eq!(
            story.activity(&all, Timestamp::MIN, launch),
            Activity::default()
        );
        assert_eq!(story.users(launch), 0);
        assert_eq!(story.dossiers(Timestamp::MIN, launch), 0);
        assert_eq!(story.dossiers(horizon, Timestamp::MAX), 0);
        assert_eq!(story.created(&all, horizon, Timestamp::MAX), 0);
        assert!(story.dossiers(horizon - days(1), horizon) > 100);
    }

    /// Contact rate and size of each story, and how they move.
    #[test]
    fn each_scenario_tells_what_it_says() {
        let now = "2026-01-07T10:00:00Z".parse().unwrap();
        let all = Filter::default();
        for scenario in Scenario::ALL {
            let story = Story::new(scenario, DEFAULT_SEED, now);
            let rate = |start: i64, end: i64| {
                let (start, end) = (now + days(start), now + days(end));
                story.created(&all, start, end) as f64 / story.dossiers(start, end) as f64
            };
            let per_user = |end: i64| {
                let end = now + days(end);
                story.created(&all, end - days(28), end) as f64 / story.users(end) as f64
            };
            let size = |end: i64| {
                let end = now + days(end);
                story.dossiers(end - days(28), end) as f64
            };
            let usual = rate(-300, -30);
            assert!((0.05..0.06).contains(&usual), "{scenario} {usual}");
            let recent = rate(-2, 0) / usual;
            let users = per_user(-30) / per_user(-200);
            let growth = size(0) / size(-182);
            assert!((0.8..1.25).contains(&users), "{scenario} {users}");
            let expected = match scenario {
                Scenario::Steady => (0.85..1.15, 0.98..1.1),
                Scenario::Growth => (0.85..1.15, 1.5..1.8),
                Scenario::Incident => (4.0..6.0, 0.98..1.1),
                Scenario::Improvement => (0.5..0.8, 0.98..1.1),
            };
            assert!(expected.0.contains(&recent), "{scenario} {recent}");
            assert!(expected.1.contains(&growth), "{scenario} {growth}");
            assert!((10_000.0..40_000.0).contains(&size(0)));
        }
    }
}
