//! What the alert rules make of each scenario, whatever the hour of the week at which the demo is
//! started. The formulas are those of `docs/metrics.md`, written here on their own.

use std::ops::{Range, RangeInclusive};

use jiff::SignedDuration;

use super::{
    Channel, DEFAULT_SEED, Filter, MAILBOXES, MONDAY, RECENT_HOURS, Scenario, Story, TAGS,
    arrivals::{Draw, hourly_counts},
    plot::{PAST_HOURS, Plot},
};

const WEEK: i64 = 168;

/// Running sums of the hourly counts, so that any interval of hours is one subtraction.
struct Sums {
    first: i64,
    sums: Vec<f64>,
}

impl Sums {
    fn new(first: i64, counts: &[u32]) -> Self {
        let mut sum = 0.0;
        let mut sums = vec![0.0];
        sums.extend(counts.iter().map(|count| {
            sum += f64::from(*count);
            sum
        }));
        Self { first, sums }
    }

    fn until(&self, hour: i64) -> f64 {
        self.sums[usize::try_from(hour - self.first).unwrap()]
    }

    fn between(&self, start: i64, end: i64) -> f64 {
        self.until(end) - self.until(start)
    }
}

struct Week {
    tickets: Sums,
    users: Sums,
    dossiers: Sums,
}

impl Week {
    fn new(scenario: Scenario, seed: u64, anchor_hour: i64) -> Self {
        let plot = Plot::new(scenario, anchor_hour);
        let sums = |draw, hours: Range<i64>, mean: &dyn Fn(i64) -> f64| {
            Sums::new(hours.start, &hourly_counts(seed, draw, hours, mean))
        };
        Self {
            tickets: sums(Draw::TicketCounts, RECENT_HOURS, &|hour| plot.tickets(hour)),
            users: sums(Draw::Users, -PAST_HOURS..RECENT_HOURS.end, &|hour| {
                plot.registrations(hour)
            }),
            dossiers: sums(Draw::Dossiers, RECENT_HOURS, &|hour| plot.dossiers(hour)),
        }
    }

    fn dispersion(&self, end: i64) -> f64 {
        let days: Vec<f64> = (0..56)
            .map(|day| {
                let start = end - (56 - day) * 24;
                self.tickets.between(start, start + 24)
            })
            .collect();
        let mut sum = 0.0;
        for position in 0..7 {
            let same = || days.iter().skip(position).step_by(7);
            let mean = same().sum::<f64>() / 8.0;
            sum += same().map(|day| (day - mean).powi(2) / mean).sum::<f64>();
        }
        (sum / 49.0).max(1.0)
    }

    /// Rate over baseline, and the p-value of the rise, for users and for dossiers.
    fn rise(&self, end: i64, window: i64) -> [(f64, f64); 2] {
        let weeks = if window < WEEK { 4 } else { 0 };
        let k = if window < WEEK {
            4
        } else {
            (56 * 24 / window - 1).clamp(1, 4)
        };
        let baseline = |sums: &Sums| -> f64 {
            if weeks > 0 {
                (1..=weeks)
                    .map(|week| sums.between(end - week * WEEK - window, end - week * WEEK))
                    .sum()
            } else {
                sums.between(end - (k + 1) * window, end - window)
            }
        };
        let t = self.tickets.between(end - window, end);
        let t_b = baseline(&self.tickets);
        let users = (
            self.users.until(end),
            k as f64 * self.users.until(end - window),
        );
        let dossiers = (
            self.dossiers.between(end - window, end),
            baseline(&self.dossiers),
        );
        [users, dossiers].map(|(u, u_b)| {
            let z = 2.0 * (((t + 0.375) / u).sqrt() - ((t_b + 0.375) / u_b).sqrt())
                / (self.dispersion(end) * (1.0 / u + 1.0 / u_b)).sqrt();
            let p = statrs::function::erf::erfc(z / std::f64::consts::SQRT_2) / 2.0;
            ((t / u) / (t_b / u_b), p)
        })
    }
}

/// Extremes over all 168 alignments of the anchor with the week, over `ends` hours after it, and
/// over both populations.
#[derive(Debug)]
struct Extremes {
    smallest_rise: f64,
    smallest_p: f64,
    largest_p: f64,
}

fn extremes<const N: usize>(
    scenario: Scenario,
    windows: [i64; N],
    ends: RangeInclusive<i64>,
) -> [Extremes; N] {
    let mut extremes = windows.map(|_| Extremes {
        smallest_rise: f64::INFINITY,
        smallest_p: 1.0,
        largest_p: 0.0,
    });
    for alignment in 0..WEEK {
        let week = Week::new(scenario, DEFAULT_SEED, MONDAY + alignment);
        for (window, extremes) in windows.iter().zip(&mut extremes) {
            for (rise, p) in ends.clone().flat_map(|end| week.rise(end, *window)) {
                extremes.smallest_rise = extremes.smallest_rise.min(rise);
                extremes.smallest_p = extremes.smallest_p.min(p);
                extremes.largest_p = extremes.largest_p.max(p);
            }
        }
    }
    extremes
}

#[test]
fn the_incident_is_seen_at_once() {
    let [week] = extremes(Scenario::Incident, [WEEK], 0..=2);
    // So large a rise is told whatever four weeks say, see `prometheus/rules`.
    assert!(week.smallest_rise >= 1.75, "{week:?}");
    assert!(week.largest_p < 0.002, "{week:?}");
}

#[test]
fn nothing_else_raises_an_alarm() {
    for scenario in [Scenario::Steady, Scenario::Growth, Scenario::Improvement] {
        let all = extremes(scenario, [24, WEEK, 4 * WEEK], 0..=6);
        assert!(
            all.iter().all(|window| window.smallest_p > 0.02),
            "{scenario} {all:?}"
        );
    }
}

#[test]
fn the_incident_is_seen_as_long_as_the_demo_may_run() {
    for alignment in (0..WEEK).step_by(24) {
        let story = Week::new(Scenario::Incident, DEFAULT_SEED, MONDAY + alignment);
        for end in 0..RECENT_HOURS.end {
            for (rise, p) in story.rise(end, WEEK) {
                assert!(rise > 1.5 && p < 0.003, "{alignment} {end} {rise} {p}");
            }
        }
    }
}

/// A segment has fewer tickets and its own noise. What is asked is what the rule asks.
#[test]
fn no_segment_raises_an_alarm() {
    let segments: Vec<Filter> = MAILBOXES
        .iter()
        .map(|(id, _)| Filter {
            mailboxes: vec![*id],
            ..Filter::default()
        })
        .chain(TAGS.iter().map(|(id, _)| Filter {
            tags: vec![*id],
            ..Filter::default()
        }))
        .chain(
            [Channel::Email, Channel::Chat, Channel::Phone].map(|channel| Filter {
                channels: vec![channel],
                ..Filter::default()
            }),
        )
        .collect();
    let mut worst = (1.0, String::new());
    for scenario in [Scenario::Steady, Scenario::Growth, Scenario::Improvement] {
        for alignment in (0..WEEK).step_by(24) {
            let story = Story::of_hours(scenario, DEFAULT_SEED, MONDAY + alignment, RECENT_HOURS);
            let mut week = Week::new(scenario, DEFAULT_SEED, MONDAY + alignment);
            for filter in &segments {
                let tickets = |hour: i64| {
                    let start = story.anchor() + SignedDuration::from_hours(hour);
                    let end = start + SignedDuration::from_hours(1);
                    u32::try_from(story.created(filter, start, end)).unwrap()
                };
                let counts: Vec<u32> = RECENT_HOURS.map(tickets).collect();
                week.tickets = Sums::new(RECENT_HOURS.start, &counts);
                for (_, p) in week.rise(0, WEEK) {
                    if p < worst.0 {
                        worst = (p, format!("{scenario} {alignment} {filter:?}"));
                    }
                }
            }
        }
    }
    assert!(worst.0 > 0.003, "{worst:?}");
}
