//! What one refresh has read, and when.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::time::Instant;

use super::plan::PopulationUse;
use crate::domain::{ConfirmedDays, Contacts, DailyCounts, Interval, OpenTickets, Ratings};

/// A value, the `end` it holds for, and when it was read.
#[derive(Clone, Debug)]
pub struct Kept<T> {
    /// The value.
    pub value: T,
    /// Its `end`.
    pub end: Timestamp,
    /// When the refresh that read it started.
    pub read_at: Instant,
}

/// Segment and window.
pub type Pair = (usize, usize);
/// What one refresh has read so far, all for one `end`.
pub struct Gathered {
    /// `end`.
    pub end: Timestamp,
    /// When the refresh started: the age of everything it read counts from here.
    pub started: Instant,
    /// Tickets by segment and window.
    pub contacts: HashMap<Pair, Contacts>,
    /// Ratings by segment and window.
    pub ratings: HashMap<Pair, Ratings>,
    /// Daily counts by segment, only those that are trusted.
    pub daily: HashMap<usize, ConfirmedDays>,
    /// Daily counts by segment that could not be held against anything this time.
    pub unproven: HashMap<usize, DailyCounts>,
    /// Open tickets by segment; `None` where they cannot be known.
    pub open: HashMap<usize, Option<OpenTickets>>,
    /// Populations by index and interval.
    pub populations: HashMap<(usize, Interval), f64>,
}

impl Gathered {
    /// Nothing yet.
    pub fn new(end: Timestamp, started: Instant) -> Self {
        Self {
            end,
            started,
            contacts: HashMap::new(),
            ratings: HashMap::new(),
            daily: HashMap::new(),
            unproven: HashMap::new(),
            open: HashMap::new(),
            populations: HashMap::new(),
        }
    }

    /// A value of this refresh.
    pub fn kept<T>(&self, value: T) -> Kept<T> {
        Kept {
            value,
            end: self.end,
            read_at: self.started,
        }
    }

    /// `u`, `u₀` and `u_b` of a population for a window; `None` until the first two are read.
    pub fn exposure(&self, population: usize, uses: &PopulationUse) -> Option<Exposed> {
        let value = |interval: Interval| self.populations.get(&(population, interval)).copied();
        let current = value(uses.current)?;
        let previous = match uses.previous {
            Some(interval) => Some(value(interval)?),
            None => None,
        };
        let baseline = uses.baseline.as_ref().and_then(|baseline| {
            let sum: Option<f64> = baseline.intervals.iter().copied().map(value).sum();
            sum.map(|sum| sum * baseline.times)
        });
        Some(Exposed {
            current,
            previous,
            baseline,
        })
    }
}

/// The population of a window and of what it is compared with.
pub struct Exposed {
    /// `u`.
    pub current: f64,
    /// `u₀`.
    pub previous: Option<f64>,
    /// `u_b`.
    pub baseline: Option<f64>,
}
