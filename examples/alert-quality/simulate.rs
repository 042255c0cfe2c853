//! Help desks made up ticket by ticket, with nights, week-ends and days of their own.

use std::f64::consts::LN_2;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, Poisson};

/// Minutes in a day.
pub const DAY: usize = 24 * 60;

/// Days in which a growing population doubles.
const DOUBLING: f64 = 365.0;

/// Share of a week's tickets on each day, Monday first.
pub const WEEKDAYS: [f64; 7] = [0.21, 0.19, 0.18, 0.17, 0.15, 0.05, 0.05];

/// Weight of each hour of a day: quiet nights, a peak in the morning, another after lunch.
const HOURS: [f64; 24] = [
    1.0, 0.5, 0.5, 0.5, 0.5, 1.0, 2.0, 5.0, 9.0, 12.0, 12.0, 10.0, 7.0, 8.0, 10.0, 10.0, 9.0, 7.0,
    5.0, 4.0, 4.0, 3.0, 2.0, 2.0,
];

/// How the population moves, and how it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Population {
    /// Always the same.
    Steady,
    /// Doubles in a year and is counted at an instant, as registered users are.
    GrowingTotal,
    /// Doubles in a year and is counted over the window, as files submitted are.
    GrowingFlow,
}

impl Population {
    /// All three, in the order of the tables.
    pub const ALL: [Self; 3] = [Self::Steady, Self::GrowingTotal, Self::GrowingFlow];

    /// As the tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::GrowingTotal => "growing total",
            Self::GrowingFlow => "growing flow",
        }
    }

    /// Its size at `day`; 1 at day 0.
    pub fn size(self, day: f64) -> f64 {
        match self {
            Self::Steady => 1.0,
            Self::GrowingTotal | Self::GrowingFlow => (day / DOUBLING).exp2(),
        }
    }

    /// The population of a window of `length` days, or of several: of the interval from day `from`
    /// to day `to`, for which a total is read at day `read_at`.
    pub fn exposure(self, (from, to): (f64, f64), length: f64, read_at: f64) -> f64 {
        match self {
            Self::Steady | Self::GrowingTotal => self.size(read_at) * (to - from) / length,
            // The integral of the size.
            Self::GrowingFlow => (self.size(to) - self.size(from)) * DOUBLING / LN_2 / length,
        }
    }
}

/// One kind of help desk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Tickets a week that a population of 1 brings.
    pub weekly: f64,
    /// Coefficient of variation of a day's intensity, beside weekdays; 0 is plain Poisson.
    pub variation: f64,
    /// Those who make contact.
    pub population: Population,
}

/// A true rise of the contact rate that stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rise {
    /// The first minute of it.
    pub onset: usize,
    /// What the intensity is multiplied by from then on, at least 1.
    pub factor: f64,
}

/// Tickets of one help desk over some days, in steps of some minutes.
pub struct Timeline {
    /// Tickets created before each edge between two steps.
    before: Vec<u64>,
    step: usize,
    first_day: f64,
    /// Those who make contact.
    pub population: Population,
}

impl Timeline {
    /// Draws `days` whole days, the first a Monday, which is `first_day` to the population.
    /// The tickets drawn do not depend on `step`, a divisor of a day in minutes.
    pub fn draw(
        traffic: Traffic,
        rise: Option<Rise>,
        first_day: f64,
        days: usize,
        step: usize,
        random: &mut ChaCha8Rng,
    ) -> Self {
        let mut before = vec![0; days * DAY / step + 1];
        let hours = cumulative_hours();
        for (day, weekday) in (0..days).zip(WEEKDAYS.into_iter().cycle()) {
            let expected = traffic.weekly
                * weekday
                * traffic.population.size(first_day + day as f64 + 0.5)
                * day_factor(traffic.variation, random);
            let mut create = |expected: f64, from: usize| {
                for _ in 0..poisson(expected, random) {
                    let minute = day * DAY + minute_of_day(&hours, random);
                    if minute >= from {
                        before[minute / step + 1] += 1;
                    }
                }
            };
            create(expected, 0);
            if let Some(rise) = rise {
                create(expected * (rise.factor - 1.0), rise.onset);
            }
        }
        let mut sum = 0_u64;
        for edge in &mut before {
            sum += *edge;
            *edge = sum;
        }
        Self {
            before,
            step,
            first_day,
            population: traffic.population,
        }
    }

    /// Tickets created from edge `from` to edge `to`.
    pub fn created(&self, from: usize, to: usize) -> u64 {
        self.before[to] - self.before[from]
    }

    /// The last edge.
    pub fn last(&self) -> usize {
        self.before.len() - 1
    }

    /// Minutes from one edge to the next.
    pub const fn step(&self) -> usize {
        self.step
    }

    /// Edges in a day.
    pub const fn per_day(&self) -> usize {
        DAY / self.step
    }

    /// The day of an edge, as the population counts days.
    pub fn day(&self, edge: usize) -> f64 {
        self.first_day + edge as f64 / self.per_day() as f64
    }
}

/// Share of a day's tickets up to the end of each hour.
fn cumulative_hours() -> [f64; 24] {
    let total: f64 = HOURS.iter().sum();
    let mut sum = 0.0;
    HOURS.map(|weight| {
        sum += weight;
        sum / total
    })
}

fn minute_of_day(hours: &[f64; 24], random: &mut ChaCha8Rng) -> usize {
    let share: f64 = random.random();
    let hour = hours.partition_point(|&up_to| up_to <= share).min(23);
    hour * 60 + random.random_range(0..60)
}

/// A day's own factor: gamma, of mean 1.
fn day_factor(variation: f64, random: &mut ChaCha8Rng) -> f64 {
    let variance = variation * variation;
    // No such distribution: every day is the same.
    Gamma::new(variance.recip(), variance).map_or(1.0, |gamma| gamma.sample(random))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a Poisson variable is a whole number from 0 on"
)]
fn poisson(mean: f64, random: &mut ChaCha8Rng) -> u64 {
    // No such distribution: nothing is expected.
    let count: f64 = Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(random));
    count as u64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn traffic(weekly: f64, variation: f64, population: Population) -> Traffic {
        Traffic {
            weekly,
            variation,
            population,
        }
    }

    fn draw(traffic: Traffic, rise: Option<Rise>, weeks: usize, step: usize) -> Timeline {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        Timeline::draw(traffic, rise, 0.0, weeks * 7, step, &mut random)
    }

    #[test]
    fn shares_sum_to_one() {
        assert!((WEEKDAYS.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((cumulative_hours()[23] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn weeks_have_the_tickets_asked_for() {
        let weeks = 400;
        let timeline = draw(traffic(500.0, 0.2, Population::Steady), None, weeks, 60);
        let mean = timeline.created(0, timeline.last()) as f64 / weeks as f64;
        assert!((mean - 500.0).abs() < 10.0, "{mean}");
    }

    /// Variance of a Monday's tickets over their mean: 1 for Poisson, else 1 + mean · variation².
    #[test]
    fn days_vary_as_asked() {
        for (variation, expected) in [(0.0, 1.0), (0.2, 5.2), (0.3, 10.45)] {
            let weeks = 2000;
            let timeline = draw(
                traffic(500.0, variation, Population::Steady),
                None,
                weeks,
                60,
            );
            let mondays: Vec<f64> = (0..weeks)
                .map(|week| timeline.created(week * 168, week * 168 + 24) as f64)
                .collect();
            let mean = mondays.iter().sum::<f64>() / weeks as f64;
            let squares = mondays.iter().map(|day| (day - mean).powi(2)).sum::<f64>();
            let ratio = squares / weeks as f64 / mean;
            assert!((ratio / expected - 1.0).abs() < 0.1, "{ratio}");
        }
    }

    #[test]
    fn a_rise_multiplies_from_its_onset_on() {
        let weeks = 400;
        let rise = Rise {
            onset: weeks / 2 * 7 * DAY,
            factor: 1.5,
        };
        let timeline = draw(
            traffic(100.0, 0.0, Population::Steady),
            Some(rise),
            weeks,
            60,
        );
        let half = timeline.last() / 2;
        let ratio =
            timeline.created(half, timeline.last()) as f64 / timeline.created(0, half) as f64;
        assert!((ratio - 1.5).abs() < 0.03, "{ratio}");
    }

    #[test]
    fn the_step_does_not_change_the_tickets() {
        let help_desk = traffic(50.0, 0.3, Population::GrowingTotal);
        let (fine, coarse) = (draw(help_desk, None, 9, 5), draw(help_desk, None, 9, 60));
        for hour in 0..=coarse.last() {
            assert_eq!(fine.created(0, hour * 12), coarse.created(0, hour));
        }
        assert!((fine.day(288) - coarse.day(24)).abs() < 1e-12);
    }

    #[test]
    fn a_growing_population_doubles_in_a_year() {
        for population in [Population::GrowingTotal, Population::GrowingFlow] {
            assert!((population.size(365.0) - 2.0).abs() < 1e-12);
        }
        // A flow is the mean size of the interval, once for each window in it.
        let flow = Population::GrowingFlow.exposure((0.0, 28.0), 7.0, 99.0);
        let mean = (0..28_000)
            .map(|step| Population::GrowingFlow.size((f64::from(step) + 0.5) / 1000.0))
            .sum::<f64>()
            / 28_000.0;
        assert!((flow - 4.0 * mean).abs() < 1e-6);
        // A total is what was read, once for each window.
        let total = Population::GrowingTotal.exposure((0.0, 28.0), 7.0, 365.0);
        assert!((total - 8.0).abs() < 1e-12);
    }
}
