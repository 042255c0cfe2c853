//! How good a way of forecasting has been: rolling origins, and bounds from its own errors.

use super::{History, Horizon, LEADS, paths::Path};

/// Tenths of weeks that bounds are to hold.
const INSIDE_TENTHS: usize = 9;
/// Fewest past errors that bounds can be made of: with 9 the largest is the 90 % bound.
const FEWEST_ERRORS: usize = 9;
/// Fewest past bounds that a coverage is told of.
const FEWEST_BOUNDS: usize = 10;
/// First origins, at which nothing is settled, do not count.
const WARM_UP: usize = 8;
/// Least scale of an error, in parts of the mean week: a forecast near 0 must not make errors huge.
const LEAST_SCALE: f64 = 0.1;

/// Expected value and its 90 % bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Expected.
    pub expected: f64,
    /// Lower and upper bound, where enough past errors are known; never below 0.
    pub bounds: Option<(f64, f64)>,
}

/// How good the forecasts of one horizon have been.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Sum of absolute errors ÷ sum of what came; `None` where nothing could be compared.
    pub error: Option<f64>,
    /// Share of past bounds that held; `None` while there are fewer than ten.
    pub coverage: Option<f64>,
}

/// One way of forecasting against what came.
pub struct Backtest<'a> {
    history: &'a History,
    path: &'a Path,
    scale: f64,
    first: usize,
}

impl<'a> Backtest<'a> {
    /// `path` against `history`, week by week.
    pub fn new(history: &'a History, path: &'a Path) -> Self {
        let weeks = history.weeks().len();
        Self {
            history,
            path,
            scale: LEAST_SCALE * history.mean(),
            first: WARM_UP.min(weeks / 3),
        }
    }

    /// Mean of the coming weeks of `horizon`, now.
    pub fn mean_of(&self, horizon: Horizon) -> Option<Band> {
        self.band(1, horizon.weeks() + 1)
    }

    /// The week `ahead` weeks after the running one, from 1 to 13.
    pub fn week(&self, ahead: usize) -> Option<Band> {
        self.band(ahead, ahead + 1)
    }

    /// Expected and actual means over `horizon`, for every origin at which both are known, with the
    /// week at whose end the forecast was made.
    pub fn compared(&self, horizon: Horizon) -> Vec<(usize, f64, f64)> {
        self.outcomes(1, horizon.weeks() + 1)
    }

    /// How good it has been over `horizon`.
    pub fn quality(&self, horizon: Horizon) -> Quality {
        let outcomes = self.outcomes(1, horizon.weeks() + 1);
        let off: f64 = outcomes.iter().map(|(_, e, a)| (e - a).abs()).sum();
        let came: f64 = outcomes.iter().map(|(_, _, a)| a).sum();
        let held: Vec<bool> = outcomes
            .iter()
            .filter_map(|(origin, expected, actual)| {
                // Only errors that were known then.
                let known = outcomes.iter().filter(|o| o.0 + horizon.weeks() < *origin);
                let errors = known.map(|(_, e, a)| self.relative(*e, *a)).collect();
                let width = quantile(errors)? * self.scale_of(*expected);
                Some((expected - actual).abs() <= width)
            })
            .collect();
        Quality {
            error: (came > 0.0).then(|| off / came),
            coverage: (held.len() >= FEWEST_BOUNDS)
                .then(|| held.iter().filter(|held| **held).count() as f64 / held.len() as f64),
        }
    }

    fn band(&self, first: usize, last: usize) -> Option<Band> {
        let expected = mean_of(self.path.now()?.get(first..last)?)?;
        let outcomes = self.outcomes(first, last);
        let errors = outcomes.iter().map(|(_, e, a)| self.relative(*e, *a));
        let width = quantile(errors.collect()).map(|width| width * self.scale_of(expected));
        Some(Band {
            expected,
            bounds: width.map(|width| ((expected - width).max(0.0), expected + width)),
        })
    }

    /// Of the weeks from `first` to `last` (0 is the one that then runs, the end excluded) of every
    /// origin.
    fn outcomes(&self, first: usize, last: usize) -> Vec<(usize, f64, f64)> {
        let weeks = self.history.weeks();
        (self.first..weeks.len())
            .filter_map(|origin| {
                let actual = mean_of(weeks.get(origin + 1 + first..origin + 1 + last)?)?;
                let expected = mean_of(self.path.0.get(origin)?.get(first..last)?)?;
                Some((origin, expected, actual))
            })
            .collect()
    }

    fn relative(&self, expected: f64, actual: f64) -> f64 {
        let off = (expected - actual).abs();
        if off == 0.0 {
            0.0
        } else {
            off / self.scale_of(expected)
        }
    }

    fn scale_of(&self, expected: f64) -> f64 {
        expected.max(self.scale)
    }
}

/// The mean when every value is known.
fn mean_of(values: &[Option<f64>]) -> Option<f64> {
    debug_assert!(values.len() <= LEADS);
    let sum: Option<f64> = values.iter().copied().sum();
    (!values.is_empty()).then_some(sum? / values.len() as f64)
}

/// The error that 90 % of new ones stay under, if they are as the past ones.
fn quantile(mut errors: Vec<f64>) -> Option<f64> {
    if errors.len() < FEWEST_ERRORS {
        return None;
    }
    errors.sort_unstable_by(f64::total_cmp);
    // Nine tenths of one more than there are, rounded up.
    let rank = ((errors.len() + 1) * INSIDE_TENTHS).div_ceil(10);
    errors.get(rank.min(errors.len()) - 1).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "whole numbers, exact in f64")]

    use super::{
        super::{Paths, WEEKS_AHEAD},
        *,
    };

    fn history(weeks: impl IntoIterator<Item = f64>) -> History {
        let weeks: Vec<_> = weeks.into_iter().map(Some).collect();
        History::new(&weeks)
    }

    /// By hand: of two weeks of 100 and two of 110 in turn, the week after the running one is off by 10
    /// each time.
    #[test]
    fn errors_are_those_of_the_past() {
        let history = history((0..40).map(|week| if week % 4 < 2 { 100.0 } else { 110.0 }));
        let paths = Paths::of_flow(&history);
        let backtest = Backtest::new(&history, &paths.last_value);
        let quality = backtest.quality(Horizon::Week);
        assert!((quality.error.unwrap() - 10.0 / 105.0).abs() < 0.002);
        let band = backtest.mean_of(Horizon::Week).unwrap();
        assert_eq!(band.expected, 110.0);
        // 10 % of a forecast of 100 and 1/11 of one of 110: the larger holds nine in ten.
        let (lower, upper) = band.bounds.unwrap();
        assert!((lower - 99.0).abs() < 1e-9 && (upper - 121.0).abs() < 1e-9);
        assert_eq!(quality.coverage, Some(1.0));
    }

    #[test]
    fn nine_errors_make_bounds_and_eight_none() {
        assert_eq!(quantile((1..=8).map(f64::from).collect()), None);
        assert_eq!(quantile((1..=9).map(f64::from).collect()), Some(9.0));
        assert_eq!(quantile((1..=19).map(f64::from).collect()), Some(18.0));
    }

    #[test]
    fn bounds_are_never_below_nothing() {
        let history = history((0..60).map(|week| f64::from(week % 5)));
        let paths = Paths::of_flow(&history);
        for path in [&paths.method, &paths.last_value] {
            for ahead in 1..=WEEKS_AHEAD {
                let band = Backtest::new(&history, path).week(ahead).unwrap();
                let (lower, upper) = band.bounds.unwrap();
                assert!(lower >= 0.0 && lower <= band.expected && band.expected <= upper);
            }
        }
    }

    #[test]
    fn a_week_that_is_not_known_is_not_compared() {
        let mut weeks: Vec<_> = (0..30).map(|_| Some(50.0)).collect();
        weeks[20] = None;
        let history = History::new(&weeks);
        let paths = Paths::of_flow(&history);
        let backtest = Backtest::new(&history, &paths.method);
        assert_eq!(backtest.quality(Horizon::Week).error, Some(0.0));
        let origins: Vec<usize> = backtest
            .compared(Horizon::Week)
            .iter()
            .map(|compared| compared.0)
            .collect();
        assert!(!origins.contains(&18) && origins.contains(&19));
    }
}
