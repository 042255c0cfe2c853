//! Which way of forecasting is shown: the one that was least wrong.

use std::collections::HashMap;

use super::{
    FEWEST_WEEKS, History, Horizon, LEADS, WEEKS_AHEAD,
    backtest::{Backtest, Band, Quality},
    paths::{Path, Paths, product, settled_from},
};

/// How a forecast came about: the label `method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From the history of tickets alone.
    Direct,
    /// Rate to come × population to come.
    RateAndPopulation,
    /// The same week of last year.
    LastYear,
    /// The last week again.
    LastValue,
}

impl Method {
    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::RateAndPopulation => "rate_and_population",
            Self::LastYear => "last_year",
            Self::LastValue => "last_value",
        }
    }
}

/// The past of a population, week by week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PopulationPast<'a> {
    /// Its completed weeks, oldest first: the flow of each, or the stock at its end.
    pub weeks: &'a [Option<f64>],
    /// Whether it is a stock.
    pub is_stock: bool,
}

impl PopulationPast<'_> {
    fn paths(&self, history: &History) -> Paths {
        if self.is_stock {
            Paths::of_stock(history)
        } else {
            Paths::of_flow(history)
        }
    }
}

/// What is expected, and how good such expectations have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// How it came about.
    pub method: Method,
    /// The population it came through, an index into those given, for
    /// [`Method::RateAndPopulation`].
    pub population: Option<usize>,
    /// Weeks 1 to 13 ahead; those that cannot be told yet are missing at the end.
    pub weeks: Vec<Band>,
    /// Mean of the coming weeks, by horizon; `None` where too little is known.
    pub horizons: [Option<Band>; Horizon::ALL.len()],
    /// How good it has been, by horizon.
    pub quality: [Quality; Horizon::ALL.len()],
    /// Error of the best naive way, by horizon.
    pub naive_error: [Option<f64>; Horizon::ALL.len()],
    /// Known weeks of history.
    pub known_weeks: usize,
    /// The week with which the present level began, an index into those given, where it is not the
    /// first.
    pub level_since: Option<usize>,
}

/// One way of forecasting, and the population it goes through.
type Way = (Method, Option<usize>, Path);

/// Forecasts `tickets` (completed weeks, oldest first) directly and through each of `populations`
/// (the same weeks), and gives the way with the smallest error in the backtest; the naive ones only
/// where neither beats them. `None` with fewer than 12 known weeks.
pub fn choose(tickets: &[Option<f64>], populations: &[PopulationPast<'_>]) -> Option<Forecast> {
    let history = History::new(tickets);
    let through = populations
        .iter()
        .enumerate()
        .filter_map(|(index, population)| {
            let path = through(&history, *population)?;
            Some((Method::RateAndPopulation, Some(index), path))
        });
    let through: Vec<Way> = through.collect();
    best_of(&history, Paths::of_flow(&history), through)
}

/// Forecasts a population from its own past. `None` with fewer than 12 known weeks.
pub fn expect_population(population: PopulationPast<'_>) -> Option<Forecast> {
    let history = History::new(population.weeks);
    best_of(&history, population.paths(&history), Vec::new())
}

fn best_of(history: &History, own: Paths, through: Vec<Way>) -> Option<Forecast> {
    let known_weeks = history.known();
    if known_weeks < FEWEST_WEEKS {
        return None;
    }
    let mut ways = vec![(Method::Direct, None, own.method)];
    ways.extend(through);
    ways.push((Method::LastYear, None, own.last_year));
    ways.push((Method::LastValue, None, own.last_value));
    let best = least_wrong(history, &ways);
    let naive_error = naive(history, &ways);
    let (method, population, path) = ways.into_iter().nth(best)?;
    let backtest = Backtest::new(history, &path);
    let told = |horizon: Horizon| {
        let enough = known_weeks >= horizon.fewest_weeks();
        enough.then(|| backtest.mean_of(horizon)).flatten()
    };
    let furthest = if known_weeks >= Horizon::Quarter.fewest_weeks() {
        WEEKS_AHEAD
    } else {
        Horizon::Month.weeks()
    };
    let level_start = history.level_start(history.weeks().len().saturating_sub(1));
    Some(Forecast {
        method,
        population,
        weeks: (1..=furthest)
            .map_while(|ahead| backtest.week(ahead))
            .collect(),
        horizons: Horizon::ALL.map(told),
        quality: Horizon::ALL.map(|horizon| backtest.quality(horizon)),
        naive_error,
        known_weeks,
        level_since: (level_start > 0).then_some(history.skipped() + level_start),
    })
}

/// The way through a population; `None` where too few weeks have both.
fn through(tickets: &History, past: PopulationPast<'_>) -> Option<Path> {
    let population = past.weeks.get(tickets.skipped()..)?;
    // A population that begins later has no rate before: the path is then unknown there.
    let rates: Vec<Option<f64>> = tickets
        .weeks()
        .iter()
        .zip(population)
        .map(|(tickets, population)| {
            let population = population.filter(|population| *population > 0.0)?;
            Some((*tickets)? / population)
        })
        .collect();
    let rate = History::new(&rates);
    let population = History::new(population);
    if rate.known().min(population.known()) < FEWEST_WEEKS {
        return None;
    }
    let pad = |history: &History, path: Path| {
        let mut padded = vec![[None; LEADS]; history.skipped()];
        padded.extend(path.0);
        Path(padded)
    };
    Some(product(
        &pad(&rate, Paths::of_flow(&rate).method),
        &pad(&population, past.paths(&population).method),
    ))
}

/// Fewest past weeks at which ways are held against each other: a quarter, and for last year's weeks
/// two, since fewer can be luck.
const FEWEST_COMPARED: usize = 13;
const FEWEST_COMPARED_YEAR: usize = 26;

/// The way with the smallest error, as a mean over the horizons of its error ÷ that of the first.
/// All are held against each other at the same past weeks, so that none wins by its choice of weeks;
/// those that say too little there are out.
fn least_wrong(history: &History, ways: &[Way]) -> usize {
    let settled = settled_from(history);
    let mut ratios = vec![(0.0, 0_u32); ways.len()];
    for horizon in Horizon::ALL {
        let compared: Vec<HashMap<usize, f64>> = ways
            .iter()
            .map(|(method, _, path)| {
                let mut compared = Backtest::new(history, path).compared(horizon);
                // Ways are held against each other as they are now.
                compared.retain(|(origin, ..)| *origin + 1 >= settled);
                let fewest = match method {
                    Method::LastYear => FEWEST_COMPARED_YEAR,
                    _ => FEWEST_COMPARED,
                };
                let off = compared
                    .iter()
                    .map(|(origin, expected, actual)| (*origin, (expected - actual).abs()));
                if compared.len() < fewest {
                    HashMap::new()
                } else {
                    off.collect()
                }
            })
            .collect();
        let told = || compared.iter().filter(|of| !of.is_empty());
        let Some(first) = compared.first() else {
            continue;
        };
        let common: Vec<usize> = first
            .keys()
            .copied()
            .filter(|origin| told().all(|of| of.contains_key(origin)))
            .collect();
        if common.len() < FEWEST_COMPARED {
            continue;
        }
        let error = |of: &HashMap<usize, f64>| -> f64 {
            let mut off: Vec<f64> = common
                .iter()
                .filter_map(|origin| of.get(origin))
                .copied()
                .collect();
            // Sums that do not depend on the order of a map.
            off.sort_unstable_by(f64::total_cmp);
            off.iter().sum()
        };
        let least = error(first);
        for (ratio, of) in ratios.iter_mut().zip(&compared) {
            if !of.is_empty() {
                let own = error(of);
                // Nothing was ever off: no way is better.
                let own = if least > 0.0 {
                    own / least
                } else if own > 0.0 {
                    f64::INFINITY
                } else {
                    1.0
                };
                *ratio = (ratio.0 + own, ratio.1 + 1);
            }
        }
    }
    let means = ratios.iter().map(|(sum, count)| {
        if *count > 0 {
            sum / f64::from(*count)
        } else {
            f64::INFINITY
        }
    });
    let (mut best, mut least) = (0, f64::INFINITY);
    for (index, mean) in means.enumerate() {
        if mean < least {
            (best, least) = (index, mean);
        }
    }
    best
}

fn naive(history: &History, ways: &[Way]) -> [Option<f64>; Horizon::ALL.len()] {
    Horizon::ALL.map(|horizon| {
        ways.iter()
            .filter(|(method, _, _)| matches!(method, Method::LastYear | Method::LastValue))
            .filter_map(|(_, _, path)| Backtest::new(history, path).quality(horizon).error)
            .min_by(f64::total_cmp)
    })
}

#[cfg(test)]
mod tests;
