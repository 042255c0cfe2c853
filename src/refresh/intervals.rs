//! Which intervals of which population a refresh reads, worked out once.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::{
    config::{Config, Population, PopulationKind},
    domain::{BaselineFrom, Exposed, Interval, Question, Window},
};

/// The intervals of a population that one window needs.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationUse {
    /// For `u`.
    pub current: Interval,
    /// For `u₀`; `None` when the population has no known past.
    pub previous: Option<Interval>,
    /// For `u_b`: the sum of these, each taken `times`.
    pub baseline: Option<BaselineUse>,
}

/// The intervals whose populations make `u_b`.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineUse {
    /// The intervals.
    pub intervals: Vec<Interval>,
    /// How often each counts: `k` for a stock, once for a flow.
    pub times: f64,
}

impl PopulationUse {
    /// What `window` needs of `population`.
    pub fn new(population: &Population, window: &Window, end: Timestamp) -> Self {
        let has_past = population.has_past();
        let question = Question::of(window, end);
        let has_baseline = has_past && question.baseline != BaselineFrom::Nothing;
        match population.kind {
            PopulationKind::Total => {
                let before = Interval::instant(question.current.start);
                Self {
                    current: Interval::instant(end),
                    previous: has_past.then_some(before),
                    baseline: has_baseline.then(|| BaselineUse {
                        intervals: vec![before],
                        times: f64::from(window.baseline(end).windows),
                    }),
                }
            }
            PopulationKind::Window => Self {
                current: question.current,
                previous: question.previous.filter(|_| has_past),
                baseline: has_baseline.then(|| BaselineUse {
                    intervals: window.baseline(end).intervals,
                    times: 1.0,
                }),
            },
        }
    }

    /// `u`, `u₀` and `u_b` from what was read; `None` where `u` was not. Each other one stands for
    /// itself.
    fn exposed(&self, values: &HashMap<Interval, f64>) -> Option<Exposed> {
        let value = |interval: &Interval| values.get(interval).copied();
        Some(Exposed {
            current: value(&self.current)?,
            previous: self.previous.as_ref().and_then(value),
            baseline: self.baseline.as_ref().and_then(|baseline| {
                let sum: Option<f64> = baseline.intervals.iter().map(value).sum();
                sum.map(|sum| sum * baseline.times)
            }),
        })
    }
}

/// What every window needs of every population, for one `end`.
#[derive(Clone, Debug)]
pub struct Uses {
    /// By population, then by window.
    of: Vec<Vec<PopulationUse>>,
}

impl Uses {
    /// What the windows of `config` need.
    pub fn new(config: &Config, end: Timestamp) -> Self {
        let of_population = |population: &Population| {
            let windows = config.windows.iter();
            windows
                .map(|window| PopulationUse::new(population, window, end))
                .collect()
        };
        Self {
            of: config.populations.iter().map(of_population).collect(),
        }
    }

    fn of(&self, population: usize) -> impl Iterator<Item = &PopulationUse> {
        self.of.get(population).into_iter().flatten()
    }

    /// The running intervals of a population, each once: the source is up when they are read.
    pub fn current(&self, population: usize) -> Vec<Interval> {
        each_once(self.of(population).map(|uses| uses.current))
    }

    /// What the running ones are compared with, each once, the shortest first: they are asked the
    /// least of. Without daily counts there is no baseline to read for.
    pub fn past(&self, population: usize, with_baselines: bool) -> Vec<Interval> {
        let current = self.current(population);
        let mut past = each_once(self.of(population).flat_map(|uses| {
            let baseline = uses.baseline.iter().filter(|_| with_baselines);
            let baseline = baseline.flat_map(|baseline| baseline.intervals.iter().copied());
            uses.previous.into_iter().chain(baseline)
        }));
        past.retain(|interval| !current.contains(interval));
        past.sort_by_key(|interval| (interval.seconds(), std::cmp::Reverse(interval.end)));
        past
    }

    /// Of each window: what was read of a population.
    pub fn exposed(
        &self,
        population: usize,
        values: &HashMap<Interval, f64>,
    ) -> impl Iterator<Item = Option<Exposed>> {
        self.of(population).map(|uses| uses.exposed(values))
    }

    /// Of each window: the value of a population in it.
    pub fn values(
        &self,
        population: usize,
        values: &HashMap<Interval, f64>,
    ) -> impl Iterator<Item = Option<f64>> {
        self.of(population)
            .map(|uses| values.get(&uses.current).copied())
    }
}

/// Every interval of the population that the windows need, each once, in a stable order.
pub fn population_intervals(
    population: &Population,
    windows: &[Window],
    end: Timestamp,
    with_baselines: bool,
) -> Vec<Interval> {
    let of = windows.iter();
    let of = of.map(|window| PopulationUse::new(population, window, end));
    let uses = Uses {
        of: vec![of.collect()],
    };
    let mut all = uses.current(0);
    all.extend(uses.past(0, with_baselines));
    all
}

fn each_once(intervals: impl Iterator<Item = Interval>) -> Vec<Interval> {
    let mut seen = BTreeSet::new();
    intervals
        .filter(|interval| seen.insert(*interval))
        .collect()
}
