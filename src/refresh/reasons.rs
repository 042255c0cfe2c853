//! Contact reasons: read on their own, with the populations of the same interval, and the last good
//! counts of each.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::Sources;
use crate::{
    chain::chain,
    config::{Config, PopulationKind, Reasons},
    domain::{ContactReasons, Interval, Reason, ReasonCounts, SourceFailure, Window, rate},
    snapshot::ReasonValues,
};

/// What one reading of the contact reasons gave.
#[derive(Debug, Default)]
pub struct ReasonsRead {
    /// The reasons that there are; `None` where that is not known.
    pub reasons: Option<ContactReasons>,
    /// Each population over the same interval; `None` where it is not known.
    pub populations: Vec<Option<f64>>,
    /// Everything that failed.
    pub failures: Vec<SourceFailure>,
}

/// Reads the contact reasons of the window that ends at `end`, and the populations over it. Asks
/// nothing past `deadline`.
pub async fn read(
    config: &Config,
    wanted: &Reasons,
    sources: &Sources,
    end: Timestamp,
    deadline: Instant,
) -> ReasonsRead {
    let mut read = ReasonsRead::default();
    let Some(window) = config.windows.get(wanted.window) else {
        return read;
    };
    let (current, previous) = (window.current(end), window.previous(end));
    let reasons = sources.tickets.reasons(wanted, current, previous, deadline);
    match timeout_at(deadline, reasons).await {
        Ok(Some(Ok(reasons))) => {
            read.failures.extend(reasons.failures.iter().cloned());
            read.reasons = Some(reasons);
        }
        Ok(Some(Err(failure))) => read.failures.push(failure),
        Ok(None) => {}
        Err(_) => read.failures.push(late()),
    }
    if read.reasons.is_some() {
        read_populations(config, window, sources, end, deadline, &mut read).await;
    }
    read
}

async fn read_populations(
    config: &Config,
    window: &Window,
    sources: &Sources,
    end: Timestamp,
    deadline: Instant,
    read: &mut ReasonsRead,
) {
    for (index, population) in config.populations.iter().enumerate() {
        let interval = match population.kind {
            PopulationKind::Window => window.current(end),
            PopulationKind::Total => Interval { start: end, end },
        };
        let reading = sources.populations.read(index, interval, deadline);
        let value = match timeout_at(deadline, reading).await {
            Ok(Ok(value)) => Some(value),
            Ok(Err(error)) => {
                read.failures.push(SourceFailure {
                    reason: error.reason(),
                    segments: Vec::new(),
                    text: chain(&error),
                });
                None
            }
            Err(_) => {
                read.failures.push(late());
                None
            }
        };
        read.populations.push(value);
    }
}

fn late() -> SourceFailure {
    SourceFailure {
        reason: Reason::Timeout,
        segments: Vec::new(),
        text: "not read before the next reading was due".to_owned(),
    }
}

/// Every reason's last good counts and rates.
#[derive(Default)]
pub struct LastReasons {
    /// Key and present name, in order.
    names: Vec<(String, String)>,
    counts: HashMap<String, (ReasonCounts, Instant)>,
    /// By key and population. A rate is of tickets and population of one reading, which may be an
    /// earlier one than that of the counts.
    rates: HashMap<(String, usize), (f64, Instant)>,
}

impl LastReasons {
    /// Takes over what was read, by a reading that began at `read_at`. A reason that is not there any
    /// more goes at once; one that could not be counted keeps its last counts under its present name.
    pub fn take(&mut self, read: &ReasonsRead, read_at: Instant) {
        let Some(ContactReasons { reasons, .. }) = &read.reasons else {
            return;
        };
        let named = reasons
            .iter()
            .map(|one| (one.key.clone(), one.name.clone()));
        self.names = named.collect();
        let names = &self.names;
        let exists = |key: &String| names.iter().any(|(known, _)| known == key);
        self.counts.retain(|key, _| exists(key));
        self.rates.retain(|(key, _), _| exists(key));
        for reason in reasons {
            let Some(counts) = reason.counts else {
                continue;
            };
            self.counts.insert(reason.key.clone(), (counts, read_at));
            for (index, population) in read.populations.iter().enumerate() {
                let Some(population) = population else {
                    continue;
                };
                let place = (reason.key.clone(), index);
                match rate(counts.current, *population) {
                    Some(rate) => self.rates.insert(place, (rate, read_at)),
                    None => self.rates.remove(&place),
                };
            }
        }
    }

    /// Drops what is older than `max_age`, and returns when the next will be.
    pub fn expire(&mut self, now: Instant, max_age: Duration) -> Option<Instant> {
        let mut next = None;
        let mut keep = |read_at: Instant| {
            let expires = read_at + max_age;
            let keep = now < expires;
            if keep {
                next = Some(next.map_or(expires, |next: Instant| next.min(expires)));
            }
            keep
        };
        self.counts.retain(|_, (_, read_at)| keep(*read_at));
        self.rates.retain(|_, (_, read_at)| keep(*read_at));
        next
    }

    /// Forgets the rates of the population at `index`: its address has changed.
    pub fn forget_population(&mut self, index: usize) {
        self.rates.retain(|(_, population), _| *population != index);
    }

    /// What may be shown, with one rate per population of `populations`.
    pub fn values(&self, populations: usize) -> Vec<ReasonValues> {
        let known = self.names.iter().filter_map(|(key, name)| {
            let (counts, _) = self.counts.get(key)?;
            let rate = |index| {
                let known = self.rates.get(&(key.clone(), index));
                known.map(|(rate, _)| *rate)
            };
            Some(ReasonValues {
                name: name.clone(),
                counts: *counts,
                ratios: (0..populations).map(rate).collect(),
            })
        });
        known.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ContactReason;

    const MAX_AGE: Duration = Duration::from_hours(3);

    fn reason(key: &str, name: &str, current: Option<u64>) -> ContactReason {
        ContactReason {
            key: key.to_owned(),
            name: name.to_owned(),
            counts: current.map(|current| ReasonCounts {
                current,
                previous: Some(1),
            }),
        }
    }

    fn read(reasons: &[ContactReason], populations: &[Option<f64>]) -> ReasonsRead {
        ReasonsRead {
            reasons: Some(ContactReasons {
                reasons: reasons.to_vec(),
                failures: Vec::new(),
            }),
            populations: populations.to_vec(),
            failures: Vec::new(),
        }
    }

    fn shown(last: &LastReasons) -> Vec<(String, u64, Option<f64>)> {
        let values = last.values(1).into_iter();
        values
            .map(|one| (one.name, one.counts.current, one.ratios[0]))
            .collect()
    }

    #[test]
    fn reasons_are_renamed_kept_and_removed_by_key() {
        let start = Instant::now();
        let hour = Duration::from_hours(1);
        let mut last = LastReasons::default();
        let first = [reason("1", "bug", Some(8)), reason("2", "login", Some(2))];
        last.take(&read(&first, &[Some(100.0)]), start);
        let bug = ("bug".to_owned(), 8, Some(0.08));
        assert_eq!(shown(&last), [bug, ("login".to_owned(), 2, Some(0.02))]);

        // Renamed, and not counted this time.
        let second = [reason("1", "défaut", None), reason("2", "login", Some(3))];
        last.take(&read(&second, &[None]), start + hour);
        let renamed = ("défaut".to_owned(), 8, Some(0.08));
        // The last whole set of tickets and population stays.
        let login = ("login".to_owned(), 3, Some(0.02));
        assert_eq!(shown(&last), [renamed, login.clone()]);

        // A list that failed changes nothing; one that lacks a reason takes it away.
        last.take(&ReasonsRead::default(), start + hour);
        assert_eq!(shown(&last).len(), 2);
        last.take(&read(&[reason("2", "login", None)], &[None]), start + hour);
        assert_eq!(shown(&last), [login]);

        // Each for itself until it is too old.
        assert_eq!(last.expire(start + hour, MAX_AGE), Some(start + MAX_AGE));
        assert_eq!(
            last.expire(start + MAX_AGE, MAX_AGE),
            Some(start + hour + MAX_AGE)
        );
        assert_eq!(shown(&last), [("login".to_owned(), 3, None)]);
        assert_eq!(last.expire(start + hour + MAX_AGE, MAX_AGE), None);
        assert_eq!(shown(&last), []);
    }

    #[test]
    fn no_population_no_rate() {
        let start = Instant::now();
        let mut last = LastReasons::default();
        let bug = [reason("1", "bug", Some(8))];
        last.take(&read(&bug, &[Some(100.0)]), start);
        last.take(&read(&bug, &[Some(0.0)]), start);
        assert_eq!(shown(&last), [("bug".to_owned(), 8, None)]);
        last.take(&read(&bug, &[Some(100.0)]), start);
        last.forget_population(0);
        assert_eq!(shown(&last), [("bug".to_owned(), 8, None)]);
    }
}
