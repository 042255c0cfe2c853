//! The last good counts of each contact reason, and the rates that they make.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    domain::{ContactReason, Interval, ReasonCounts, rate, reason_names},
    snapshot::ReasonValues,
};

/// Every reason's last good counts and rates.
#[derive(Default)]
pub(super) struct LastReasons {
    /// Key and present name, in order.
    names: Vec<(String, String)>,
    counts: HashMap<String, Counted>,
    /// Sizes of the populations over the intervals of the counts.
    sizes: HashMap<(usize, Interval), f64>,
    /// By key and population. A rate is of tickets and population of one interval, which may be an
    /// earlier one than that of the counts.
    rates: HashMap<(String, usize), (f64, Instant)>,
}

struct Counted {
    counts: ReasonCounts,
    interval: Interval,
    /// When the reading began.
    read_at: Instant,
}

impl LastReasons {
    /// Takes over what was read of `interval`, by a reading that began at `read_at`. A reason that is not
    /// there any more goes at once; one without counts keeps its last ones under its present name.
    pub(super) fn take(&mut self, reasons: &[ContactReason], interval: Interval, read_at: Instant) {
        let keyed = reasons.iter();
        let names = reason_names(keyed.map(|one| (one.key.as_str(), one.name.as_str())));
        let keys = reasons.iter().map(|one| one.key.clone());
        self.names = keys.zip(names).collect();
        let names = &self.names;
        let exists = |key: &String| names.iter().any(|(known, _)| known == key);
        self.counts.retain(|key, _| exists(key));
        self.rates.retain(|(key, _), _| exists(key));
        for reason in reasons {
            if let Some(counts) = reason.counts {
                let counted = Counted {
                    counts,
                    interval,
                    read_at,
                };
                self.counts.insert(reason.key.clone(), counted);
            }
        }
        let intervals = self.intervals();
        self.sizes
            .retain(|(_, interval), _| intervals.contains(interval));
    }

    fn intervals(&self) -> BTreeSet<Interval> {
        self.counts.values().map(|one| one.interval).collect()
    }

    /// Whether a reason was counted less than `every` before `now`, but for a tenth of it: timers are not
    /// that exact.
    pub(super) fn is_fresh(&self, key: &str, now: Instant, every: Duration) -> bool {
        let counted = self.counts.get(key);
        counted.is_some_and(|one| now < one.read_at + every / 10 * 9)
    }

    /// Of each of so many populations, over which intervals it is not known yet.
    pub(super) fn missing(&self, populations: usize) -> BTreeMap<usize, Vec<Interval>> {
        let of = |population: usize| {
            let intervals = self.intervals().into_iter();
            let missing = intervals.filter(|one| !self.sizes.contains_key(&(population, *one)));
            (population, missing.collect())
        };
        (0..populations).map(of).collect()
    }

    /// Takes over the size of a population over an interval.
    pub(super) fn size(&mut self, population: usize, interval: Interval, value: f64) {
        self.sizes.insert((population, interval), value);
    }

    /// Makes the rates by each of so many populations. Where the size of one is not known, the last rate
    /// stays.
    pub(super) fn assess(&mut self, populations: usize) {
        for (key, counted) in &self.counts {
            for population in 0..populations {
                let Some(size) = self.sizes.get(&(population, counted.interval)) else {
                    continue;
                };
                let place = (key.clone(), population);
                match rate(counted.counts.current, *size) {
                    Some(rate) => self.rates.insert(place, (rate, counted.read_at)),
                    None => self.rates.remove(&place),
                };
            }
        }
    }

    /// Drops what is older than `max_age`.
    pub(super) fn expire(&mut self, now: Instant, max_age: Duration) {
        self.counts.retain(|_, one| now < one.read_at + max_age);
        self.rates
            .retain(|_, (_, read_at)| now < *read_at + max_age);
    }

    /// What may be shown, with one rate for each of so many populations.
    pub(super) fn values(&self, populations: usize) -> Vec<ReasonValues> {
        let known = self.names.iter().filter_map(|(key, name)| {
            let counts = self.counts.get(key)?.counts;
            let rate = |index| {
                let known = self.rates.get(&(key.clone(), index));
                known.map(|(rate, _)| *rate)
            };
            Some(ReasonValues {
                name: name.clone(),
                counts,
                ratios: (0..populations).map(rate).collect(),
            })
        });
        known.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

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

    fn interval(hour: i64) -> Interval {
        let end = jiff::Timestamp::from_second(hour * 3600).unwrap();
        Interval::ending_at(end, 86_400)
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
        let mut last = LastReasons::default();
        let first = [reason("1", "bug", Some(8)), reason("2", "login", Some(2))];
        last.take(&first, interval(0), start);
        assert_eq!(last.missing(1), BTreeMap::from([(0, vec![interval(0)])]));
        last.size(0, interval(0), 100.0);
        last.assess(1);
        assert_eq!(last.missing(1), BTreeMap::from([(0, vec![])]));
        let bug = ("bug".to_owned(), 8, Some(0.08));
        assert_eq!(shown(&last), [bug, ("login".to_owned(), 2, Some(0.02))]);
        assert!(last.is_fresh("1", start + HOUR / 2, HOUR));
        assert!(!last.is_fresh("1", start + HOUR * 9 / 10, HOUR));
        assert!(!last.is_fresh("3", start, HOUR));

        // Renamed, and not counted this time; of the other the population is not known.
        let second = [reason("1", "défaut", None), reason("2", "login", Some(3))];
        last.take(&second, interval(1), start + HOUR);
        let renamed = ("défaut".to_owned(), 8, Some(0.08));
        // The last whole set of tickets and population stays.
        last.assess(1);
        let login = ("login".to_owned(), 3, Some(0.02));
        assert_eq!(shown(&last), [renamed.clone(), login]);
        assert_eq!(last.missing(1), BTreeMap::from([(0, vec![interval(1)])]));
        last.size(0, interval(1), 200.0);
        last.assess(1);
        let login = ("login".to_owned(), 3, Some(0.015));
        assert_eq!(shown(&last), [renamed, login.clone()]);

        // Each for itself until it is too old.
        last.expire(start + 3 * HOUR, 3 * HOUR);
        assert_eq!(shown(&last), [login]);
        last.take(&[reason("1", "bug", None)], interval(3), start + 3 * HOUR);
        assert_eq!(shown(&last), []);
    }

    #[test]
    fn no_population_no_rate() {
        let start = Instant::now();
        let mut last = LastReasons::default();
        let bug = [reason("1", "bug", Some(8))];
        last.take(&bug, interval(0), start);
        last.size(0, interval(0), 100.0);
        last.assess(1);
        last.take(&bug, interval(1), start);
        last.size(0, interval(1), 0.0);
        last.assess(1);
        assert_eq!(shown(&last), [("bug".to_owned(), 8, None)]);
        assert_eq!(last.missing(0), BTreeMap::new());
    }

    /// A name that two have is told apart, whatever order they come in.
    #[test]
    fn no_two_have_one_name() {
        let mut last = LastReasons::default();
        let two = [reason("1", "bug", Some(8)), reason("2", "bug", Some(2))];
        last.take(&two, interval(0), Instant::now());
        let names: Vec<String> = shown(&last).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["bug", "bug (2)"]);
    }
}
