//! What each way of forecasting says, as of every week of the history.

use super::{
    History, WEEKS_AHEAD, YEAR,
    season::{last_year, scaled_year},
    smoothing::levels,
};

/// Expected weeks 1 to 13 ahead, as of one week's end.
pub type Ahead = [Option<f64>; WEEKS_AHEAD];

/// One way of forecasting: what it said at the end of every week, with what was known then.
#[derive(Clone, Debug, PartialEq)]
pub struct Path(pub Vec<Ahead>);

impl Path {
    /// What it says now; `None` without a week.
    pub fn now(&self) -> Option<&Ahead> {
        self.0.last()
    }
}

/// The three ways of forecasting one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Paths {
    /// Smoothing, mixed with last year's weeks where two years are known.
    pub method: Path,
    /// The last known week again and again.
    pub last_value: Path,
    /// The same week of last year as it was: the seasonal naive.
    pub last_year: Path,
}

impl Paths {
    /// All three, over the whole history.
    pub fn of(history: &History) -> Self {
        let weeks = history.weeks();
        let mut last = None;
        let last_value = weeks.iter().map(|week| {
            last = week.or(last);
            [last; WEEKS_AHEAD]
        });
        let last_value = Path(last_value.collect());
        let last_year = Path(
            (0..weeks.len())
                .map(|origin| std::array::from_fn(|ahead| last_year(weeks, origin, ahead + 1)))
                .collect(),
        );
        Self {
            method: mixed(history),
            last_value,
            last_year,
        }
    }
}

/// Rate to come × population to come, where both are known. Both begin with the same week.
pub fn product(rate: &Path, population: &Path) -> Path {
    let pairs = rate.0.iter().zip(&population.0);
    Path(
        pairs
            .map(|(rate, population)| {
                std::array::from_fn(|ahead| Some(rate[ahead]? * population[ahead]?))
            })
            .collect(),
    )
}

/// Shares of last year in the mixture to choose from.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Weeks by which nearby horizons share their choice.
const NEIGHBOURS: usize = 2;
/// Errors that the half counts as: another share must have been clearly better.
const PRIOR: f64 = 8.0;
/// How much of the half's error another share must save before anything is known.
const RELUCTANCE: f64 = 0.3;
/// How much an error of a week ago counts.
const MEMORY: f64 = 0.99;
/// From how many weeks on last year is mixed in, where two years are known by now: what the mixture
/// would have said some months earlier tells how good it is.
const MIXED_FROM: usize = 2 * YEAR - 40;

/// Absolute errors of every share, by week ahead.
struct Errors {
    sums: [[f64; SHARES.len()]; WEEKS_AHEAD],
    counts: [f64; WEEKS_AHEAD],
}

impl Errors {
    /// The share of last year for `ahead` (from 0): half, unless another was clearly better.
    fn share(&self, ahead: usize) -> f64 {
        const HALF: usize = SHARES.len() / 2;
        let near = ahead.saturating_sub(NEIGHBOURS)..(ahead + NEIGHBOURS + 1).min(WEEKS_AHEAD);
        let count: f64 = self.counts[near.clone()].iter().sum();
        if count <= 0.0 {
            return SHARES[HALF];
        }
        let mean = |share: usize| -> f64 {
            let sums = self.sums[near.clone()].iter();
            sums.map(|sums| sums[share]).sum::<f64>() / count
        };
        let half = mean(HALF);
        let trust = PRIOR / (count / near.len() as f64 + PRIOR);
        let cost = |share: usize| {
            mean(share) + RELUCTANCE * trust * half * (SHARES[share] - SHARES[HALF]).abs()
        };
        let best = (0..SHARES.len()).min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
        best.map_or(SHARES[HALF], |best| SHARES[best])
    }

    fn take(&mut self, ahead: usize, year: f64, level: f64, actual: f64) {
        for (sum, share) in self.sums[ahead].iter_mut().zip(SHARES) {
            *sum = MEMORY * *sum + (actual - mix(share, year, level)).abs();
        }
        self.counts[ahead] = MEMORY * self.counts[ahead] + 1.0;
    }
}

fn mix(share: f64, year: f64, level: f64) -> f64 {
    share * year + (1.0 - share) * level
}

fn mixed(history: &History) -> Path {
    let weeks = history.weeks();
    let levels = levels(history);
    let years = scaled_year(history);
    let mut errors = Errors {
        sums: [[0.0; SHARES.len()]; WEEKS_AHEAD],
        counts: [0.0; WEEKS_AHEAD],
    };
    let two_years = weeks.len() >= 2 * YEAR;
    let mut path = Vec::with_capacity(weeks.len());
    for (origin, (level, year)) in levels.iter().zip(&years).enumerate() {
        // What this week shows of earlier forecasts.
        if let Some(actual) = weeks[origin] {
            let earlier = levels[..origin].iter().zip(&years[..origin]).rev();
            for (ahead, (level, year)) in earlier.take(WEEKS_AHEAD).enumerate() {
                if let (Some(level), Some(year)) = (*level, year[ahead]) {
                    errors.take(ahead, year, level, actual);
                }
            }
        }
        path.push(std::array::from_fn(|ahead| {
            let level = (*level)?;
            Some(match year[ahead] {
                Some(year) if two_years && origin + 1 >= MIXED_FROM => {
                    mix(errors.share(ahead), year, level)
                }
                _ => level,
            })
        }));
    }
    Path(path)
}
