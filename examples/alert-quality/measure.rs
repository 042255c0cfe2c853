//! False alarms a year and days to an alert, counted over simulated years and rises.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::alert::Alert;
use crate::observe::{HISTORY_DAYS, Observer};
use crate::rules::RuleSet;
use crate::simulate::{DAY, Population, Rise, Timeline, Traffic};

/// After so many days without an alert a rise counts as missed: twice the longest window, so that
/// every baseline has taken the rise in.
pub const HORIZON_DAYS: usize = 56;

/// Whole weeks that hold the history of the first observation.
const WARM_UP_DAYS: usize = HISTORY_DAYS.next_multiple_of(7);

const YEAR_DAYS: usize = 365;

/// Days that alerts are watched before a rise, so that none is held back by a cold start.
const LEAD_DAYS: usize = 2;

/// How long to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Years without a rise, per cell.
    pub years: usize,
    /// Rises per cell and size.
    pub rises: usize,
}

/// Alerts in years in which the true rate never changed.
#[derive(Clone, Debug)]
pub struct FalseAlarms {
    /// Of each rule, in a year.
    pub of_rules: Vec<f64>,
    /// Times in a year that the first of all rules fires while none did.
    pub episodes: f64,
}

impl FalseAlarms {
    /// Of all rules in a year, each counted by itself.
    pub fn sum(&self) -> f64 {
        self.of_rules.iter().sum()
    }
}

/// Days from the first minute of true rises to the first alert of any rule of a set.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    /// Of those caught, shortest first.
    caught: Vec<f64>,
    missed: usize,
}

impl Delays {
    fn rises(&self) -> f64 {
        (self.caught.len() + self.missed) as f64
    }

    /// Whether some rise was not caught at all.
    pub const fn is_censored(&self) -> bool {
        self.missed > 0
    }

    /// Half of all rises are caught by then; absent if fewer ever are.
    pub fn median(&self) -> Option<f64> {
        let middle = usize::midpoint(self.caught.len(), self.missed);
        self.caught.get(middle).copied()
    }

    /// The mean, with the horizon for those missed: at most the true mean.
    pub fn mean(&self) -> f64 {
        let missed = self.missed as f64 * HORIZON_DAYS as f64;
        (self.caught.iter().sum::<f64>() + missed) / self.rises()
    }

    /// Share caught within some days.
    pub fn share_within(&self, days: f64) -> f64 {
        self.caught.partition_point(|&delay| delay <= days) as f64 / self.rises()
    }
}

/// The alerts of some rule sets, on one help desk.
struct Watch<'a> {
    sets: &'a [RuleSet],
    alerts: Vec<Vec<Alert>>,
    observer: Observer,
    truth: f64,
}

impl<'a> Watch<'a> {
    fn new(sets: &'a [RuleSet], traffic: Traffic, step: usize) -> Self {
        Self {
            sets,
            alerts: Vec::new(),
            observer: Observer::new(step),
            // Tickets a week of a population of 1.
            truth: traffic.weekly,
        }
    }

    fn start(&mut self) {
        let alerts = |set: &RuleSet| vec![Alert::default(); set.rules.len()];
        self.alerts = self.sets.iter().map(alerts).collect();
    }

    /// Evaluates all rules at an edge. Tells `turned` of each set: which of its rules turned to
    /// firing, and whether any fired before.
    fn evaluate(
        &mut self,
        timeline: &Timeline,
        edge: usize,
        mut turned: impl FnMut(usize, &[bool], bool),
    ) {
        let observation = self.observer.observe(timeline, edge);
        let now = edge * timeline.step();
        let mut turns = Vec::new();
        for (number, (set, alerts)) in self.sets.iter().zip(&mut self.alerts).enumerate() {
            let fired = alerts.iter().any(Alert::is_firing);
            turns.clear();
            turns.extend(
                set.rules
                    .iter()
                    .zip(alerts)
                    .map(|(rule, alert)| alert.evaluate(rule, &observation, self.truth, now)),
            );
            if turns.contains(&true) {
                turned(number, &turns, fired);
            }
        }
    }

    fn is_firing(&self, set: usize) -> bool {
        self.alerts[set].iter().any(Alert::is_firing)
    }
}

/// Counts the alerts of each set over years in which nothing happens.
pub fn false_alarms(
    traffic: Traffic,
    sets: &[RuleSet],
    years: usize,
    step: usize,
    seed: u64,
) -> Vec<FalseAlarms> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut watch = Watch::new(sets, traffic, step);
    let mut counts: Vec<FalseAlarms> = sets
        .iter()
        .map(|set| FalseAlarms {
            of_rules: vec![0.0; set.rules.len()],
            episodes: 0.0,
        })
        .collect();
    let share = 1.0 / years as f64;
    // A growing population is 1 in the middle of the year.
    let first_day = -(YEAR_DAYS as f64 / 2.0) - WARM_UP_DAYS as f64;
    for _ in 0..years {
        let days = WARM_UP_DAYS + YEAR_DAYS;
        let timeline = Timeline::draw(traffic, None, first_day, days, step, &mut random);
        watch.start();
        for edge in WARM_UP_DAYS * timeline.per_day()..timeline.last() {
            watch.evaluate(&timeline, edge, |set, turns, fired| {
                let count = &mut counts[set];
                for (of_rule, &turned) in count.of_rules.iter_mut().zip(turns) {
                    *of_rule += if turned { share } else { 0.0 };
                }
                count.episodes += if fired { 0.0 } else { share };
            });
        }
    }
    counts
}

/// Days until each set first alerts to a true rise, which starts at a random hour of a random day
/// of the year. Rises that find a set firing already are left out of its count.
pub fn delays(
    traffic: Traffic,
    factor: f64,
    sets: &[RuleSet],
    rises: usize,
    step: usize,
    seed: u64,
) -> Vec<Delays> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut watch = Watch::new(sets, traffic, step);
    let mut delays = vec![Delays::default(); sets.len()];
    for _ in 0..rises {
        let start = (WARM_UP_DAYS + LEAD_DAYS) * DAY;
        let onset = start + random.random_range(0..7 * 24) * 60;
        let days = WARM_UP_DAYS + LEAD_DAYS + 7 + HORIZON_DAYS;
        let half_year = YEAR_DAYS as f64 / 2.0;
        let first_day = random.random_range(-half_year..half_year) - WARM_UP_DAYS as f64;
        let rise = Some(Rise { onset, factor });
        let timeline = Timeline::draw(traffic, rise, first_day, days, step, &mut random);
        let rising_from = onset / step;
        let rising_to = rising_from + HORIZON_DAYS * timeline.per_day();
        watch.start();
        for edge in rising_from - LEAD_DAYS * timeline.per_day()..rising_from {
            watch.evaluate(&timeline, edge, |_, _, _| ());
        }
        let mut waiting: Vec<bool> = (0..sets.len()).map(|set| !watch.is_firing(set)).collect();
        for edge in rising_from..rising_to {
            if !waiting.contains(&true) {
                break;
            }
            watch.evaluate(&timeline, edge, |set, _, _| {
                if waiting[set] {
                    waiting[set] = false;
                    let minutes = edge * step - onset;
                    delays[set].caught.push(minutes as f64 / DAY as f64);
                }
            });
        }
        for (delay, waits) in delays.iter_mut().zip(waiting) {
            delay.missed += usize::from(waits);
        }
    }
    for delay in &mut delays {
        delay.caught.sort_by(f64::total_cmp);
    }
    delays
}

/// All cells of the study: weekly tickets, variation of days, population.
pub fn cells() -> Vec<Traffic> {
    let mut cells = Vec::new();
    for population in Population::ALL {
        for weekly in [5.0, 50.0, 500.0] {
            for variation in [0.0, 0.2, 0.3] {
                cells.push(Traffic {
                    weekly,
                    variation,
                    population,
                });
            }
        }
    }
    cells
}

/// Does `job` for every number below `count`, on all processors; results in order.
pub fn for_each<T: Send>(count: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        std::iter::from_fn(|| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            (number < count).then(|| (number, job(number)))
        })
        .collect::<Vec<_>>()
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut results: Vec<(usize, T)> = thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        handles
            .into_iter()
            .flat_map(|handle| {
                handle
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{above_truth, recommended, week_on_week};

    const BUSY: Traffic = Traffic {
        weekly: 500.0,
        variation: 0.0,
        population: Population::Steady,
    };

    #[test]
    fn counts_and_delays_are_the_same_for_the_same_seed() {
        let sets = [recommended(), week_on_week()];
        let run = || {
            let alarms = false_alarms(BUSY, &sets, 2, 60, 5);
            let delays = delays(BUSY, 1.5, &sets, 4, 60, 5);
            format!("{alarms:?} {delays:?}")
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn a_threshold_far_below_the_rate_always_fires_once_and_one_far_above_never() {
        let sets = [above_truth(0.5), above_truth(3.0)];
        let alarms = false_alarms(BUSY, &sets, 3, 60, 5);
        assert!((alarms[0].sum() - 1.0).abs() < 1e-12);
        assert!((alarms[0].episodes - 1.0).abs() < 1e-12);
        assert!(alarms[1].sum() < 1e-12);
    }

    /// A 7d rate passes 1.2 times the truth some two days into a rise by 1.7, then waits 6 h.
    #[test]
    fn delays_are_days_from_the_onset() {
        let delays = &delays(BUSY, 1.7, &[above_truth(1.2)], 40, 60, 5)[0];
        assert!(!delays.is_censored());
        let median = delays.median().unwrap();
        assert!((1.0..4.0).contains(&median), "{median}");
    }

    #[test]
    fn missed_rises_count_with_the_horizon() {
        let delays = Delays {
            caught: vec![1.0, 3.0, 20.0],
            missed: 1,
        };
        assert_eq!(delays.median(), Some(20.0));
        assert!((delays.mean() - 20.0).abs() < 1e-12);
        assert!((delays.share_within(14.0) - 0.5).abs() < 1e-12);
        assert!((delays.share_within(28.0) - 0.75).abs() < 1e-12);
        let mostly_missed = Delays {
            caught: vec![1.0],
            missed: 3,
        };
        assert_eq!(mostly_missed.median(), None);
    }

    #[test]
    fn jobs_are_done_once_and_in_order() {
        assert_eq!(
            for_each(100, |number| number * 2),
            (0..100).map(|n| n * 2).collect::<Vec<_>>()
        );
    }
}
