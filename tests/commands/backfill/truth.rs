//! What the story itself says of a series at an instant.

use contact_rate_exporter::{
    demo::story::{Activity, Channel, Filter, MAILBOXES, TAGS},
    domain::{Assessment, DAYS, Evidence, Exposure, Interval, Tickets, Window, assess, dispersion},
};
use jiff::Timestamp;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::world::{STORY, days};

/// The segments of the config.
pub const SEGMENTS: [&str; 4] = ["all", "usagers", "bug", "telephone"];
/// The windows of the config.
pub const WINDOWS: [&str; 3] = ["1d", "7d", "28d"];

/// What is asked about.
pub struct Moment {
    pub end: Timestamp,
    pub segment: usize,
    pub window: usize,
}

impl Moment {
    fn filter(&self) -> Filter {
        let mut filter = Filter::default();
        match self.segment {
            1 => filter.mailboxes.push(MAILBOXES[0].0),
            2 => filter.tags.push(TAGS[0].0),
            3 => filter.channels.push(Channel::Phone),
            _ => {}
        }
        filter
    }

    fn window(&self) -> Window {
        Window::parse(WINDOWS[self.window]).unwrap()
    }

    fn labels(&self) -> String {
        format!(
            r#"segment="{}",window="{}""#,
            SEGMENTS[self.segment], WINDOWS[self.window]
        )
    }

    fn activity(&self) -> Activity {
        let current = self.window().current(self.end);
        STORY.activity(&self.filter(), current.start, current.end)
    }

    fn count(&self, tickets: Tickets, interval: Interval) -> u64 {
        let activity = STORY.activity(&self.filter(), interval.start, interval.end);
        match tickets {
            Tickets::Created => activity.created,
            Tickets::Resolved => activity.resolved.len() as u64,
            Tickets::Closed => activity.closed,
            Tickets::Replies => activity.replies,
        }
    }

    fn dispersion(&self) -> f64 {
        let filter = self.filter();
        dispersion(&std::array::from_fn::<u64, DAYS, _>(|day| {
            let start = self.end - days((DAYS - day).try_into().unwrap());
            STORY.created(&filter, start, start + days(1))
        }))
    }

    /// The rate as the specification has it, from the story's own numbers.
    fn assessment(&self, tickets: Tickets, users: bool) -> Assessment {
        let window = self.window();
        let (current, previous) = (window.current(self.end), window.previous(self.end));
        let baseline = window.baseline(self.end);
        let population = |interval: Interval| {
            let dossiers = STORY.dossiers(interval.start, interval.end) as f64;
            if users {
                STORY.users(interval.end) as f64
            } else {
                dossiers
            }
        };
        let intervals = baseline.intervals.iter().copied();
        let stock = STORY.users(current.start) as f64 * f64::from(baseline.windows);
        let exposure = Exposure {
            tickets: intervals
                .clone()
                .map(|one| self.count(Tickets::Created, one))
                .sum(),
            population: if users {
                stock
            } else {
                intervals.map(population).sum()
            },
        };
        assess(&Evidence {
            tickets,
            count: self.count(tickets, current),
            population: population(current),
            previous_count: Some(self.count(tickets, previous)),
            previous_population: Some(population(previous)),
            dispersion: Some(self.dispersion()),
            baseline: Some(exposure),
        })
        .unwrap()
    }

    /// A series at random, and its value.
    pub fn question(&self, random: &mut ChaCha8Rng) -> (String, Option<f64>) {
        let labels = self.labels();
        let of = |name: &str| format!("contact_{name}{{{labels}}}");
        let count = |count: usize| Some(count as f64);
        let activity = self.activity();
        let kind = random.random_range(0..18);
        match kind {
            0 => return (of("created_tickets"), Some(activity.created as f64)),
            1 => return (of("resolved_tickets"), count(activity.resolved.len())),
            2 => return (of("closed_tickets"), Some(activity.closed as f64)),
            3 => return (of("sent_replies"), Some(activity.replies as f64)),
            4 => return (of("received_messages"), Some(activity.messages as f64)),
            5 => {
                let resolved = activity.resolved.len();
                let first = activity
                    .resolved
                    .iter()
                    .filter(|one| one.replies == 1)
                    .count();
                let ratio = first as f64 / resolved as f64;
                let name = "resolved_on_first_reply_ratio";
                return (of(name), (resolved > 0).then_some(ratio));
            }
            6 => {
                let current = self.window().current(self.end);
                let ratings = STORY.ratings(&self.filter(), current.start, current.end);
                let series = format!(r#"contact_happiness_ratings{{{labels},rating="not_good"}}"#);
                return (series, Some(ratings.not_good as f64));
            }
            7 => {
                return (
                    "contact_users".to_owned(),
                    Some(STORY.users(self.end) as f64),
                );
            }
            8 => {
                let current = self.window().current(self.end);
                let series = format!(r#"contact_dossiers{{window="{}"}}"#, WINDOWS[self.window]);
                return (
                    series,
                    Some(STORY.dossiers(current.start, current.end) as f64),
                );
            }
            9 => {
                let segment = SEGMENTS[self.segment];
                let series = format!(r#"contact_tickets_dispersion_ratio{{segment="{segment}"}}"#);
                return (series, Some(self.dispersion()));
            }
            10 => {
                // Nobody can know how many were open.
                return (
                    format!(
                        r#"contact_open_tickets{{segment="{}"}}"#,
                        SEGMENTS[self.segment]
                    ),
                    None,
                );
            }
            _ => {}
        }
        let users = random.random_bool(0.5);
        let population = if users { "users" } else { "dossiers" };
        let tickets = match kind {
            11..=13 => Tickets::Created,
            _ => Tickets::ALL[random.random_range(0..Tickets::ALL.len())],
        };
        let labels = format!(r#"{labels},population="{population}",tickets="{tickets}""#);
        let of = |name: &str| format!("contact_{name}{{{labels}}}");
        let truth = self.assessment(tickets, users);
        match kind {
            11 => (of("rate_baseline_ratio"), truth.baseline),
            12 | 13 => (of("rate_rise_p_value"), truth.rise_p_value),
            14 => (of("rate_previous_ratio"), truth.previous),
            15 => (
                of("rate_upper_ratio"),
                truth.bounds.map(|bounds| bounds.upper),
            ),
            16 => {
                let series = format!(r#"contact_tickets_change{{{labels},cause="rate"}}"#);
                (series, truth.change.map(|change| change.rate))
            }
            _ => (of("rate_ratio"), Some(truth.ratio)),
        }
    }
}
