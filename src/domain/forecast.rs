//! How many tickets will come: weekly history in, expected weeks with bounds out, and how good the
//! same method would have been in the past.
//!
//! The method is simple exponential smoothing of the weekly series (R. G. Brown, "Statistical
//! Forecasting for Inventory Control", 1959), its constant chosen by the errors so far, mixed with
//! the same week of last year scaled by the year's growth where two years are known. Bounds come
//! from the method's own past errors (split conformal prediction: Vovk, Gammerman, Shafer,
//! "Algorithmic Learning in a Random World", 2005), so they are as wide as it has earned.
//!
//! Own code instead of a crate: no well-kept crate combines smoothing, a scaled year and rolling
//! origins over gaps, and it is short. What it is worth is measured in `docs/forecast-quality.md`.
//!
//! Pure: a forecast is a function of the history alone.

mod backtest;
mod capacity;
mod choice;
mod paths;
mod plan;
mod season;
mod shift;
mod smoothing;
mod weeks;

pub use backtest::{Backtest, Band, Quality};
pub use capacity::{measured_capacity, reached};
pub use choice::{Forecast, Method, PopulationPast, choose, expect_population};
pub use paths::{Path, Paths, product};
pub use plan::{Past, Planning, PopulationPlan, PopulationWeeks, SegmentPast, SegmentPlan, plan};
pub use shift::{Shift, shifts};
pub use weeks::{Week, coming_weeks, completed_weeks};

/// Furthest week ahead. The first is the one after the running week: what is completed ends before
/// that one.
pub const WEEKS_AHEAD: usize = 13;
/// Weeks that a way of forecasting looks ahead: the running one, and those.
const LEADS: usize = WEEKS_AHEAD + 1;
/// Weeks in a year.
pub const YEAR: usize = 52;
/// Fewest known weeks that a forecast rests on.
pub const FEWEST_WEEKS: usize = 12;

/// Weeks ahead that a mean is told over: the label `horizon`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Horizon {
    /// The coming week.
    Week,
    /// The coming four weeks.
    Month,
    /// The coming quarter of a year.
    Quarter,
}

impl Horizon {
    /// All, the nearest first.
    pub const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Quarter];

    /// How many weeks it is long.
    pub const fn weeks(self) -> usize {
        match self {
            Self::Week => 1,
            Self::Month => 4,
            Self::Quarter => WEEKS_AHEAD,
        }
    }

    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Week => "1w",
            Self::Month => "4w",
            Self::Quarter => "13w",
        }
    }

    /// Fewest known weeks of history: a quarter cannot be told before a year is known, since a
    /// season would pass for a level.
    pub const fn fewest_weeks(self) -> usize {
        match self {
            Self::Week | Self::Month => FEWEST_WEEKS,
            Self::Quarter => YEAR,
        }
    }
}

/// Completed weeks, oldest first. `None` is a week that is not known; it is left out, not 0.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    weeks: Vec<Option<f64>>,
    /// Changes of level, ascending.
    shifts: Vec<Shift>,
    /// Weeks cut off at the front.
    skipped: usize,
}

impl History {
    /// The history in `weeks`, begun with its first week that has anything. What came before a
    /// [change of level](shifts) says nothing of the level after it. Values that are negative or not
    /// finite are not known.
    pub fn new(weeks: &[Option<f64>]) -> Self {
        let known = |week: &Option<f64>| week.filter(|value| value.is_finite() && *value >= 0.0);
        let weeks: Vec<Option<f64>> = weeks.iter().map(known).collect();
        let skipped = weeks
            .iter()
            .position(|week| week.is_some_and(|value| value > 0.0))
            .unwrap_or(weeks.len());
        let weeks = weeks.get(skipped..).unwrap_or_default().to_vec();
        Self {
            shifts: shifts(&weeks),
            weeks,
            skipped,
        }
    }

    /// The weeks, from the first that has anything.
    pub fn weeks(&self) -> &[Option<f64>] {
        &self.weeks
    }

    /// How many weeks are known.
    pub fn known(&self) -> usize {
        self.weeks.iter().flatten().count()
    }

    /// How many weeks before the first with anything were cut off.
    pub const fn skipped(&self) -> usize {
        self.skipped
    }

    /// Mean of the known weeks; 0 when there are none.
    fn mean(&self) -> f64 {
        mean(self.weeks.iter().copied()).unwrap_or(0.0)
    }

    /// The week with which the level began that holds at `week`, as far as is known at its end.
    fn level_start(&self, week: usize) -> usize {
        let mut shifts = self.shifts.iter().rev();
        let latest = shifts.find(|shift| shift.known <= week);
        latest.map_or(0, |shift| shift.from)
    }
}

/// Mean of the known values; `None` when none is.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values
        .flatten()
        .fold((0.0, 0_usize), |(sum, count), value| {
            (sum + value, count + 1)
        });
    (count > 0).then(|| sum / count as f64)
}
