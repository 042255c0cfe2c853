//! Rolling origins: what was said, and what came.

use contact_rate_exporter::domain::forecast::{History, Horizon, Path, Paths, choose, shifts};

/// Sums over the origins of one series, one length of history and one horizon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// What came.
    pub came: f64,
    /// Absolute errors: as shown, of the last value, of last year's weeks (where a year is known), of
    /// plain smoothing (the method with one year of history only).
    pub shown: f64,
    pub last_value: f64,
    pub last_year: f64,
    pub smoothing: f64,
    /// Forecasts made.
    pub origins: u32,
    /// Those with bounds, and those of them that held.
    pub with_bounds: u32,
    pub held: u32,
}

impl Sums {
    /// Weighted absolute error of what was shown.
    pub fn error(&self) -> f64 {
        self.shown / self.came
    }

    /// Of the best naive way.
    pub fn naive(&self) -> f64 {
        let year = if self.last_year > 0.0 {
            self.last_year
        } else {
            f64::INFINITY
        };
        self.last_value.min(year) / self.came
    }

    /// Of plain smoothing.
    pub fn smoothing(&self) -> f64 {
        self.smoothing / self.came
    }

    /// Share of bounds that held.
    pub fn coverage(&self) -> f64 {
        f64::from(self.held) / f64::from(self.with_bounds)
    }
}

/// Forecasts from `history` weeks at a time, at every `stride`th week of `weeks`.
pub fn evaluate(weeks: &[f64], history: usize, stride: usize) -> [Sums; Horizon::ALL.len()] {
    let mut sums = [Sums::default(); Horizon::ALL.len()];
    for end in (history..weeks.len()).step_by(stride) {
        let known: Vec<Option<f64>> = weeks[end - history..end]
            .iter()
            .copied()
            .map(Some)
            .collect();
        let Some(forecast) = choose(&known, &[]) else {
            continue;
        };
        let of = History::new(&known);
        let naive = Paths::of_flow(&of);
        let plain = smoothing(&known);
        for ((sums, horizon), told) in sums.iter_mut().zip(Horizon::ALL).zip(forecast.horizons) {
            let Some(told) = told else { continue };
            let coming = 1..horizon.weeks() + 1;
            // After the running week.
            let Some(came) = weeks.get(end + 1..=end + horizon.weeks()) else {
                continue;
            };
            let actual = came.iter().sum::<f64>() / horizon.weeks() as f64;
            let off = |path: &Path| {
                let now = path.now()?.get(coming.clone())?;
                let sum: f64 = now.iter().copied().sum::<Option<f64>>()?;
                Some((sum / horizon.weeks() as f64 - actual).abs())
            };
            sums.came += actual;
            sums.origins += 1;
            sums.shown += (told.expected - actual).abs();
            sums.last_value += off(&naive.last_value).unwrap_or_default();
            sums.last_year += off(&naive.last_year).unwrap_or_default();
            sums.smoothing += off(&plain).unwrap_or_default();
            if let Some((lower, upper)) = told.bounds {
                sums.with_bounds += 1;
                sums.held += u32::from((lower..=upper).contains(&actual));
            }
        }
    }
    sums
}

/// What smoothing alone says: the method knows nothing of a season from less than two years.
fn smoothing(known: &[Option<f64>]) -> Path {
    let latest = known.len().saturating_sub(2 * 52 - 1);
    Paths::of_flow(&History::new(&known[latest..])).method
}

/// Changes of level found in a whole series, a year.
pub fn shifts_a_year(weeks: &[f64]) -> f64 {
    let known: Vec<Option<f64>> = weeks.iter().copied().map(Some).collect();
    shifts(&known).len() as f64 / (weeks.len() as f64 / 52.0)
}
