//! Which way of forecasting is shown: the one that was least wrong.

use super::{
    FEWEST_WEEKS, History, Horizon, WEEKS_AHEAD,
    backtest::{Backtest, Band, Quality},
    paths::{Path, Paths, product},
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

/// A population that tickets may be forecast through: its weeks go with those of the tickets.
pub struct Candidate<'a> {
    /// Its weeks, from the same Monday on as the tickets'.
    pub population: &'a [Option<f64>],
    /// Changes of the rate's level, as indices into the weeks.
    pub level_starts: &'a [usize],
}

/// What is expected, and how good such expectations have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// How it came about.
    pub method: Method,
    /// The population it came through, an index into the candidates, for
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
}

/// Forecasts `tickets` (completed weeks, oldest first) directly and through each of `candidates`, and
/// gives the way with the smallest error in the backtest; the naive ones only where neither beats
/// them. `None` with fewer than 12 known weeks.
pub fn choose(
    tickets: &[Option<f64>],
    level_starts: &[usize],
    candidates: &[Candidate<'_>],
) -> Option<Forecast> {
    let history = History::new(tickets, level_starts);
    if history.known() < FEWEST_WEEKS {
        return None;
    }
    let Paths {
        method,
        last_value,
        last_year,
    } = Paths::of(&history);
    let mut ways = vec![(Method::Direct, None, method)];
    for (index, candidate) in candidates.iter().enumerate() {
        if let Some(path) = through(&history, candidate) {
            ways.push((Method::RateAndPopulation, Some(index), path));
        }
    }
    ways.push((Method::LastYear, None, last_year));
    ways.push((Method::LastValue, None, last_value));
    let (mut best, mut least) = (0, f64::INFINITY);
    for (index, (_, _, path)) in ways.iter().enumerate() {
        // Against the first way at the same origins, so that none wins by its choice of weeks.
        let own = relative_error(&history, path, &ways[0].2);
        if own.is_some_and(|own| own < least) {
            (best, least) = (index, own.unwrap_or(least));
        }
    }
    let naive_error = naive(&history, &ways);
    let (method, population, path) = ways.into_iter().nth(best)?;
    let backtest = Backtest::new(&history, &path);
    let known_weeks = history.known();
    let told = |horizon: Horizon| {
        let enough = known_weeks >= horizon.fewest_weeks();
        enough.then(|| backtest.mean_of(horizon)).flatten()
    };
    let furthest = if known_weeks >= Horizon::Quarter.fewest_weeks() {
        WEEKS_AHEAD
    } else {
        Horizon::Month.weeks()
    };
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
    })
}

/// The way through a population; `None` where too few weeks have both.
fn through(tickets: &History, candidate: &Candidate<'_>) -> Option<Path> {
    let population = candidate.population.get(tickets.skipped()..)?;
    let weeks = tickets.weeks();
    // A population that begins later has no rate before: the path is then unknown there.
    let rates: Vec<Option<f64>> = weeks
        .iter()
        .zip(population)
        .map(|(tickets, population)| {
            let population = population.filter(|population| *population > 0.0)?;
            Some((*tickets)? / population)
        })
        .collect();
    let starts: Vec<usize> = candidate
        .level_starts
        .iter()
        .filter_map(|start| start.checked_sub(tickets.skipped()))
        .collect();
    let rate = History::new(&rates, &starts);
    let population = History::new(population, &[]);
    if rate.known().min(population.known()) < FEWEST_WEEKS {
        return None;
    }
    let pad = |history: &History| {
        let mut path = vec![[None; WEEKS_AHEAD]; history.skipped()];
        path.extend(Paths::of(history).method.0);
        Path(path)
    };
    Some(product(&pad(&rate), &pad(&population)))
}

/// Mean over the horizons of the error of `path` ÷ that of `other`, at the origins of both; `None`
/// where there are too few to tell.
fn relative_error(history: &History, path: &Path, other: &Path) -> Option<f64> {
    /// A quarter of weeks: fewer can be luck.
    const FEWEST: usize = 13;
    let (ours, theirs) = (Backtest::new(history, path), Backtest::new(history, other));
    let ratios: Vec<f64> = Horizon::ALL
        .into_iter()
        .filter_map(|horizon| {
            let theirs: std::collections::HashMap<usize, (f64, f64)> = theirs
                .compared(horizon)
                .into_iter()
                .map(|(origin, expected, actual)| (origin, (expected, actual)))
                .collect();
            let (mut own, mut their, mut count) = (0.0, 0.0, 0);
            for (origin, expected, actual) in ours.compared(horizon) {
                let Some((expected_there, _)) = theirs.get(&origin) else {
                    continue;
                };
                own += (expected - actual).abs();
                their += (expected_there - actual).abs();
                count += 1;
            }
            let worse = own > their;
            // Nothing was ever off: no way is better.
            (count >= FEWEST).then(|| {
                if their > 0.0 || worse {
                    own / their
                } else {
                    1.0
                }
            })
        })
        .collect();
    (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64)
}

fn naive(
    history: &History,
    ways: &[(Method, Option<usize>, Path)],
) -> [Option<f64>; Horizon::ALL.len()] {
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
        let forecast = choose(&weeks, &[], &[]).unwrap();
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
        let forecast = choose(&two_years, &[], &[]).unwrap();
        assert!((expected(&forecast, 2) - 131.0).abs() < 5.0, "{forecast:?}");
        let one_year = known((104..156).map(season));
        let forecast = choose(&one_year, &[], &[]).unwrap();
        assert!(expected(&forecast, 2) < 115.0);
    }

    #[test]
    fn a_quarter_is_not_told_before_a_year_is_known() {
        let weeks = known((0..51).map(|_| 10.0));
        let forecast = choose(&weeks, &[], &[]).unwrap();
        assert_eq!(forecast.horizons[2], None);
        assert_eq!(forecast.weeks.len(), 4);
        assert!(forecast.horizons[1].is_some());
        assert_eq!(choose(&weeks[..11], &[], &[]), None);
        assert!(choose(&weeks[..12], &[], &[]).is_some());
    }

    #[test]
    fn a_start_in_the_middle_begins_the_history() {
        let mut weeks = vec![Some(0.0); 40];
        weeks.extend(known((0..11).map(|_| 20.0)));
        assert_eq!(choose(&weeks, &[], &[]), None);
        weeks.push(Some(20.0));
        let forecast = choose(&weeks, &[], &[]).unwrap();
        assert_eq!(forecast.known_weeks, 12);
        assert_eq!(expected(&forecast, 0), 20.0);
    }

    #[test]
    fn after_a_change_of_level_the_old_one_counts_no_more() {
        let mut noise = noise(2);
        let mut weeks = known((0..60).map(|_| 100.0 + 10.0 * noise()));
        weeks.extend(known((0..3).map(|_| 200.0 + 10.0 * noise())));
        let told = choose(&weeks, &[60], &[]).unwrap();
        assert!((expected(&told, 1) - 200.0).abs() < 10.0);
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
        let candidate = Candidate {
            population: &population,
            level_starts: &[],
        };
        let forecast = choose(&tickets, &[], &[candidate]).unwrap();
        assert_eq!(forecast.method, Method::RateAndPopulation);
        assert_eq!(forecast.population, Some(0));
    }

    #[test]
    fn growth_goes_on() {
        let weeks = known((0..208).map(|week| 100.0 * 1.005_f64.powi(week)));
        let forecast = choose(&weeks, &[], &[]).unwrap();
        let last = 100.0 * 1.005_f64.powi(207);
        assert!(expected(&forecast, 2) > last);
    }

    proptest! {
        /// Twice the tickets in every week, twice the forecast.
        #[test]
        fn scales_with_the_tickets(weeks in proptest::collection::vec(proptest::option::weighted(0.9, 0_u32..200), 0..150)) {
            let once: Vec<_> = weeks.iter().map(|week| week.map(f64::from)).collect();
            let twice: Vec<_> = once.iter().map(|week| week.map(|value| 2.0 * value)).collect();
            match (choose(&once, &[], &[]), choose(&twice, &[], &[])) {
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
        fn never_lies_by_form(weeks in proptest::collection::vec(proptest::option::of(-1.0e6_f64..1.0e12), 0..150), start in 0_usize..200) {
            if let Some(forecast) = choose(&weeks, &[start], &[]) {
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
