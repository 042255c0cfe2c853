//! The readings of one refresh, sorted as they come in, and what is trusted of them.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Outlets,
    gathered::Gathered,
    health::{self, Health, sources},
    reading::Reading,
    reports::Reports,
};
use crate::{
    config::Config,
    domain::{DailyCounts, Doubt, Interval, Reason, Source, confirm},
    snapshot::SourceFailure,
};

/// The readings of one refresh, sorted as they come in.
pub struct Progress {
    /// What was read and may be used.
    pub gathered: Gathered,
    /// Readings still to come, by source.
    waiting: HashMap<Source, usize>,
    failures: HashMap<Source, Vec<SourceFailure>>,
    /// Ticket counts still to come, by segment.
    contacts_waiting: Vec<usize>,
    /// Daily counts not yet held against the created counts, by segment.
    unchecked: HashMap<usize, DailyCounts>,
    done: Vec<Source>,
    /// Whether reports on tickets were refused.
    pub tickets_forbidden: bool,
}

impl Progress {
    /// Nothing read yet.
    pub fn new(config: &Config, reports: Reports, end: Timestamp, started: Instant) -> Self {
        let places = config.segments.len() * config.windows.len();
        let waiting = sources(config, reports != Reports::Unavailable)
            .into_iter()
            .map(|source| {
                let readings = match source {
                    Source::Tickets | Source::Happiness => places,
                    Source::DailyTickets | Source::OpenTickets => config.segments.len(),
                    Source::Population(_) => 1,
                };
                (source, readings)
            })
            .collect();
        Self {
            gathered: Gathered::new(end, started),
            waiting,
            failures: HashMap::new(),
            contacts_waiting: vec![config.windows.len(); config.segments.len()],
            unchecked: HashMap::new(),
            done: Vec::new(),
            tickets_forbidden: false,
        }
    }

    /// Takes one reading in. With the last one of a source, its state is noted.
    pub fn take(
        &mut self,
        config: &Config,
        reading: Reading,
        outlets: &Outlets,
        health: &mut Health,
    ) {
        let source = reading.source(config);
        let segment = self.note_segment(&reading);
        let failures = self.sort(reading);
        for failure in &failures {
            (outlets.failed)(&source, failure);
            if source == Source::Tickets && failure.reason == Reason::Forbidden {
                self.tickets_forbidden = true;
            }
        }
        self.failures
            .entry(source.clone())
            .or_default()
            .extend(failures);
        if let Some(segment) = segment {
            self.check_daily(segment, config, outlets);
        }
        let Some(waiting) = self.waiting.get_mut(&source) else {
            return;
        };
        *waiting = waiting.saturating_sub(1);
        if *waiting > 0 {
            return;
        }
        self.done.push(source.clone());
        // Daily counts are good or bad only once the created counts are in.
        let counts = [Source::Tickets, Source::DailyTickets];
        if source != Source::DailyTickets {
            self.close(&source, outlets, health);
        }
        if counts.contains(&source) && counts.iter().all(|source| self.done.contains(source)) {
            self.close(&Source::DailyTickets, outlets, health);
        }
    }

    /// The segment whose ticket counts are all in, where the reading is about one: its daily counts
    /// can be checked without waiting for other segments.
    fn note_segment(&mut self, reading: &Reading) -> Option<usize> {
        let (segment, arrived) = match *reading {
            Reading::Contacts { segment, .. } => (segment, 1),
            Reading::Daily { segment, .. } => (segment, 0),
            _ => return None,
        };
        let waiting = self.contacts_waiting.get_mut(segment)?;
        *waiting = waiting.saturating_sub(arrived);
        (*waiting == 0).then_some(segment)
    }

    fn sort(&mut self, reading: Reading) -> Vec<SourceFailure> {
        let gathered = &mut self.gathered;
        let result = match reading {
            Reading::Contacts {
                segment,
                window,
                result,
            } => result.map(|contacts| {
                gathered.contacts.insert((segment, window), contacts);
            }),
            Reading::Ratings {
                segment,
                window,
                result,
            } => result.map(|ratings| {
                gathered.ratings.insert((segment, window), ratings);
            }),
            Reading::Daily { segment, result } => result.map(|daily| {
                self.unchecked.insert(segment, daily);
            }),
            Reading::Open { segment, result } => result.map(|open| {
                gathered.open.insert(segment, open);
            }),
            Reading::Population {
                population,
                values,
                failures,
            } => {
                for (interval, value) in values {
                    gathered.populations.insert((population, interval), value);
                }
                return failures;
            }
        };
        result.err().into_iter().collect()
    }

    /// Daily counts whose sum over a window is not the created count of that window are not
    /// trusted: the buckets may not be what they seem. Where no window of the segment was read,
    /// there is nothing to hold them against. Nor do days without a single ticket tell anything that
    /// no report confirms: buckets may have been left out, and that is no zero.
    fn check_daily(&mut self, segment: usize, config: &Config, outlets: &Outlets) {
        let Some(daily) = self.unchecked.remove(&segment) else {
            return;
        };
        let read: Vec<(Interval, Option<u64>)> = config
            .windows
            .iter()
            .enumerate()
            .filter_map(|(index, window)| {
                let contacts = self.gathered.contacts.get(&(segment, index))?;
                let interval = window.current(self.gathered.end);
                Some((interval, contacts.current.created))
            })
            .collect();
        match confirm(&daily, &read) {
            Ok(days) => {
                self.gathered.daily.insert(segment, days);
            }
            Err(Doubt::Unchecked) => {
                self.gathered.unproven.insert(segment, daily);
            }
            Err(doubt) => {
                let name = config.segments.get(segment).map_or("", |s| s.name.as_str());
                let failure = health::doubted(config, self.gathered.end, name, doubt);
                (outlets.failed)(&Source::DailyTickets, &failure);
                self.failures
                    .entry(Source::DailyTickets)
                    .or_default()
                    .push(failure);
            }
        }
    }

    fn close(&mut self, source: &Source, outlets: &Outlets, health: &mut Health) {
        let failures = self.failures.remove(source).unwrap_or_default();
        let took = self.gathered.started.elapsed();
        health.finish(source, &failures, took, (outlets.now)());
    }
}
