//! What each way of forecasting says, as of every week of the history.

use super::{
    History, LEADS, YEAR,
    season::{last_year, scaled_year},
    smoothing::levels,
};

/// Expected in the week that then runs and in weeks 1 to 13 ahead of it, as of one week's end.
pub type Ahead = [Option<f64>; LEADS];

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
    /// Of a flow: smoothing, mixed with last year's weeks where two years are known. Of a stock: its
    /// last reading, moved on.
    pub method: Path,
    /// The last known week again and again.
    pub last_value: Path,
    /// The same week of last year as it was: the seasonal naive.
    pub last_year: Path,
}

impl Paths {
    /// All three, over the whole history of a flow: so many a week.
    pub fn of_flow(history: &History) -> Self {
        Self::with(history, mixed(history))
    }

    /// All three, over the whole history of a stock: so many at the end of each week. Its method is
    /// the movement lately, since a stock that grows is never at its old level again.
    pub fn of_stock(history: &History) -> Self {
        Self::with(history, moved(history))
    }

    fn with(history: &History, method: Path) -> Self {
        let weeks = history.weeks();
        let mut last = None;
        let last_value = weeks.iter().map(|week| {
            last = week.or(last);
            [last; LEADS]
        });
        let last_value = Path(last_value.collect());
        let last_year = Path(
            (0..weeks.len())
                .map(|origin| std::array::from_fn(|ahead| last_year(weeks, origin, ahead + 1)))
                .collect(),
        );
        Self {
            method,
            last_value,
            last_year,
        }
    }
}

/// What is expected of a stock: it goes on from where it stands, by as much a week as it has moved
/// lately.
fn moved(history: &History) -> Path {
    let weeks = history.weeks();
    let mut last: Option<f64> = None;
    let steps: Vec<Option<f64>> = weeks
        .iter()
        .map(|week| {
            let step = week.zip(last).map(|(week, last)| week - last);
            last = *week;
            step
        })
        .collect();
    // From the last reading on; weeks that were not read have moved it as well.
    let (mut stands, mut since) = (None, 0_u32);
    let path = levels(&steps, &[])
        .into_iter()
        .zip(weeks)
        .map(|(step, week)| {
            (stands, since) = match week {
                Some(week) => (Some(*week), 0),
                None => (stands, since + 1),
            };
            std::array::from_fn(|lead| {
                let weeks = f64::from(since) + (lead + 1) as f64;
                Some((stands? + weeks * step.unwrap_or(0.0)).max(0.0))
            })
        });
    Path(path.collect())
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

/// How many weeks were known when the method first spoke as it does now.
pub(super) fn settled_from(history: &History) -> usize {
    if history.weeks().len() >= 2 * YEAR {
        MIXED_FROM
    } else {
        0
    }
}

/// Absolute errors of every share, by week ahead.
struct Errors {
    sums: [[f64; SHARES.len()]; LEADS],
    counts: [f64; LEADS],
}

impl Errors {
    /// The share of last year for `ahead` (from 0): half, unless another was clearly better.
    fn share(&self, ahead: usize) -> f64 {
        const HALF: usize = SHARES.len() / 2;
        let near = ahead.saturating_sub(NEIGHBOURS)..(ahead + NEIGHBOURS + 1).min(LEADS);
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
    let levels = levels(weeks, &history.shifts);
    let years = scaled_year(history);
    let mut errors = Errors {
        sums: [[0.0; SHARES.len()]; LEADS],
        counts: [0.0; LEADS],
    };
    let two_years = weeks.len() >= 2 * YEAR;
    let mut path = Vec::with_capacity(weeks.len());
    for (origin, (level, year)) in levels.iter().zip(&years).enumerate() {
        // What this week shows of earlier forecasts.
        if let Some(actual) = weeks[origin] {
            let earlier = levels[..origin].iter().zip(&years[..origin]).rev();
            for (ahead, (level, year)) in earlier.take(LEADS).enumerate() {
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
