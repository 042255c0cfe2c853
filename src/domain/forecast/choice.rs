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
mod tests {
    #![allow(clippy::float_cmp, reason = "whole numbers, exact in f64")]

    use proptest::prelude::*;

    use super::*;

    fn known(weeks: impl IntoIterator<Item = f64>) -> Vec<Option<f64>> {
        weeks.into_iter().map(Some).collect()
    }

    /// A small generator whose stream is written down here: noise without a crate.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        }
    }

    fn expected(forecast: &Forecast, horizon: usize) -> f64 {
        forecast.horizons[horizon].unwrap().expected
    }

    #[test]
    fn a_steady_desk_goes_on() {
        let mut noise = noise(1);
        let weeks = known((0..60).map(|_| 100.0 + 20.0 * noise()));
        let forecast = choose(&weeks, &[]).unwrap();
        assert_eq!(forecast.method, Method::Direct);
        assert!((expected(&forecast, 1) - 100.0).abs() < 5.0);
        let (lower, upper) = forecast.horizons[1].unwrap().bounds.unwrap();
        assert!(lower > 80.0 && upper < 120.0);
        assert_eq!(forecast.weeks.len(), WEEKS_AHEAD);
        assert!(forecast.quality[0].error.unwrap() < forecast.naive_error[0].unwrap());
    }

    #[test]
    fn a_yearly_season_is_seen_after_two_years_and_not_before() {
        let season =
            |week: u32| 100.0 + 50.0 * (f64::from(week) * std::f64::consts::TAU / 52.0).sin();
        // The season turns upwards: its mean over the coming quarter is 100 + 50 · 2 / π.
        let two_years = known((0..156).map(season));
        let forecast = choose(&two_years, &[]).unwrap();
        assert!((expected(&forecast, 2) - 131.0).abs() < 5.0, "{forecast:?}");
        let one_year = known((104..156).map(season));
        let forecast = choose(&one_year, &[]).unwrap();
        assert!(expected(&forecast, 2) < 115.0);
    }

    #[test]
    fn a_quarter_is_not_told_before_a_year_is_known() {
        let weeks = known((0..51).map(|_| 10.0));
        let forecast = choose(&weeks, &[]).unwrap();
        assert_eq!(forecast.horizons[2], None);
        assert_eq!(forecast.weeks.len(), 4);
        assert!(forecast.horizons[1].is_some());
        assert_eq!(choose(&weeks[..11], &[]), None);
        assert!(choose(&weeks[..12], &[]).is_some());
    }

    #[test]
    fn a_start_in_the_middle_begins_the_history() {
        let mut weeks = vec![Some(0.0); 40];
        weeks.extend(known((0..11).map(|_| 20.0)));
        assert_eq!(choose(&weeks, &[]), None);
        weeks.push(Some(20.0));
        let forecast = choose(&weeks, &[]).unwrap();
        assert_eq!(forecast.known_weeks, 12);
        assert_eq!(expected(&forecast, 0), 20.0);
    }

    #[test]
    fn after_a_change_of_level_the_old_one_counts_no_more() {
        let mut noise = noise(2);
        let mut weeks = known((0..60).map(|_| 100.0 + 10.0 * noise()));
        weeks.extend(known((0..6).map(|_| 200.0 + 10.0 * noise())));
        let told = choose(&weeks, &[]).unwrap();
        assert_eq!(told.level_since, Some(60));
        assert!((expected(&told, 1) - 200.0).abs() < 10.0);
        // Nor where two years are known: last year is then scaled to the new level.
        let mut weeks = known((0..110).map(|_| 100.0 + 10.0 * noise()));
        weeks.extend(known((0..6).map(|_| 60.0 + 6.0 * noise())));
        let told = choose(&weeks, &[]).unwrap();
        assert_eq!(told.level_since, Some(110));
        assert!((expected(&told, 2) - 60.0).abs() < 6.0, "{told:?}");
    }

    /// Tickets follow the population at once: a population that grows for sure is the better way.
    #[test]
    fn the_way_through_the_population_is_taken_where_it_is_better() {
        let mut noise = noise(3);
        let population: Vec<f64> = (0..120)
            .map(|week| {
                1000.0 * (1.0 + 0.5 * (f64::from(week) * std::f64::consts::TAU / 52.0).sin())
            })
            .collect();
        let mut rate = 0.05;
        let tickets = known(population.iter().map(|population| {
            rate *= 1.0 + 0.02 * noise();
            rate * population
        }));
        let population = known(population);
        let population = PopulationPast {
            weeks: &population,
            is_stock: false,
        };
        let forecast = choose(&tickets, &[population]).unwrap();
        assert_eq!(forecast.method, Method::RateAndPopulation);
        assert_eq!(forecast.population, Some(0));
    }

    /// 10 000 users and 100 more each week: by hand, 13 weeks after the running one.
    #[test]
    fn a_stock_goes_on_from_where_it_stands() {
        let mut weeks = known((0..60).map(|week| 10_000.0 + 100.0 * f64::from(week)));
        let stock = |weeks: &[Option<f64>]| {
            expect_population(PopulationPast {
                weeks,
                is_stock: true,
            })
            .unwrap()
        };
        let forecast = stock(&weeks);
        assert_eq!(forecast.method, Method::Direct);
        assert!((forecast.weeks[12].expected - 17_300.0).abs() < 1e-6);
        // A reading that is missing at the end is a week gone by all the same.
        weeks.push(None);
        let later = stock(&weeks);
        assert!((later.weeks[11].expected - 17_300.0).abs() < 1e-6);
        // A stock that stands still stays, one that shrinks goes on shrinking.
        let still = stock(&known((0..60).map(|_| 500.0)));
        assert_eq!(still.weeks[12].expected, 500.0);
        let shrinking = stock(&known((0..60).map(|week| 1000.0 - 10.0 * f64::from(week))));
        assert!((shrinking.weeks[3].expected - 360.0).abs() < 1e-6);
    }

    #[test]
    fn growth_goes_on() {
        let weeks = known((0..208).map(|week| 100.0 * 1.005_f64.powi(week)));
        let forecast = choose(&weeks, &[]).unwrap();
        let last = 100.0 * 1.005_f64.powi(207);
        assert!(expected(&forecast, 2) > last);
    }

    proptest! {
        /// Twice the tickets in every week, twice the forecast.
        #[test]
        fn scales_with_the_tickets(weeks in proptest::collection::vec(proptest::option::weighted(0.9, 0_u32..200), 0..150)) {
            let once: Vec<_> = weeks.iter().map(|week| week.map(f64::from)).collect();
            let twice: Vec<_> = once.iter().map(|week| week.map(|value| 2.0 * value)).collect();
            match (choose(&once, &[]), choose(&twice, &[])) {
                (None, None) => {}
                (Some(once), Some(twice)) => {
                    prop_assert_eq!(once.method, twice.method);
                    for (a, b) in once.weeks.iter().zip(&twice.weeks) {
                        prop_assert!((2.0 * a.expected - b.expected).abs() <= 1e-9 * b.expected.max(1.0));
                    }
                }
                _ => prop_assert!(false),
            }
        }

        /// Numbers are finite and in order, whatever the history.
        #[test]
        fn never_lies_by_form(weeks in proptest::collection::vec(proptest::option::of(-1.0e6_f64..1.0e12), 0..150), population in proptest::collection::vec(proptest::option::of(-1.0_f64..1.0e12), 0..150), is_stock: bool) {
            if let Some(forecast) = choose(&weeks, &[PopulationPast { weeks: &population, is_stock }]) {
                for band in forecast.weeks.iter().chain(forecast.horizons.iter().flatten()) {
                    prop_assert!(band.expected.is_finite() && band.expected >= 0.0);
                    if let Some((lower, upper)) = band.bounds {
                        prop_assert!(0.0 <= lower && lower <= band.expected && band.expected <= upper && upper.is_finite());
                    }
                }
            }
        }
    }
}
