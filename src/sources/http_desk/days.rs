//! Days that were counted: those that are over are asked for once.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use crate::{config::Segment, domain::Interval};

/// How long after its end a day is asked for again: what is counted from an index is some minutes
/// behind.
const SETTLES_AFTER_SECONDS: i64 = 3600;

/// Name and filter of a segment.
type Key = (String, Option<String>);

#[derive(Clone, Copy, Debug)]
struct Counted {
    tickets: u64,
    settled: bool,
}

/// Tickets created on days, by segment. Bounded: days that nobody asks for any more are dropped.
#[derive(Debug, Default)]
pub struct Days(Mutex<HashMap<Key, HashMap<Interval, Counted>>>);

fn key(segment: &Segment) -> Key {
    let filter = segment.condition.as_ref();
    (
        segment.name.clone(),
        filter.map(|text| text.as_str().to_owned()),
    )
}

impl Days {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, HashMap<Interval, Counted>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps of a segment's days only `wanted`, and says which of them are still to be asked for.
    pub fn missing(&self, segment: &Segment, wanted: &[Interval]) -> Vec<Interval> {
        let mut all = self.lock();
        let known = all.entry(key(segment)).or_default();
        known.retain(|day, _| wanted.contains(day));
        let is_settled = |day: &Interval| known.get(day).is_some_and(|one| one.settled);
        wanted
            .iter()
            .copied()
            .filter(|day| !is_settled(day))
            .collect()
    }

    /// Takes what was counted on a day, asked for at `now`.
    pub fn take(&self, segment: &Segment, day: Interval, tickets: u64, now: Timestamp) {
        let settled = now.as_second() - day.end.as_second() >= SETTLES_AFTER_SECONDS;
        let mut all = self.lock();
        let known = all.entry(key(segment)).or_default();
        known.insert(day, Counted { tickets, settled });
    }

    /// The counts of `wanted`; `None` while one is missing.
    pub fn all_of(&self, segment: &Segment, wanted: &[Interval]) -> Option<Vec<Option<u64>>> {
        let all = self.lock();
        let known = all.get(&key(segment))?;
        let counts = wanted.iter().map(|day| known.get(day));
        counts.map(|one| one.map(|one| Some(one.tickets))).collect()
    }

    /// Forgets the days of a segment: they contradict what is counted now.
    pub fn forget(&self, segment: &Segment) {
        self.lock().remove(&key(segment));
    }

    /// How many days of a segment are known.
    pub fn known(&self, segment: &Segment) -> usize {
        self.lock().get(&key(segment)).map_or(0, HashMap::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Interval {
        let at = |number: i64| Timestamp::from_second(number * 86_400).unwrap();
        Interval {
            start: at(number),
            end: at(number + 1),
        }
    }

    #[test]
    fn a_day_is_asked_for_until_it_has_settled_and_never_again() {
        let (days, all) = (Days::default(), Segment::all());
        let wanted = [day(1), day(2)];
        assert_eq!(days.missing(&all, &wanted), wanted);
        let soon = Timestamp::from_second(3 * 86_400 + 600).unwrap();
        days.take(&all, day(1), 5, soon);
        assert_eq!(days.all_of(&all, &wanted), None);
        days.take(&all, day(2), 0, soon);
        assert_eq!(days.missing(&all, &wanted), [day(2)], "just ended");
        assert_eq!(days.all_of(&all, &wanted), Some(vec![Some(5), Some(0)]));
        days.take(
            &all,
            day(2),
            7,
            Timestamp::from_second(3 * 86_400 + 3600).unwrap(),
        );
        assert!(days.missing(&all, &wanted).is_empty());
        assert_eq!(days.missing(&all, &[day(2), day(3)]), [day(3)]);
        assert_eq!(days.known(&all), 1, "day 1 is of no use any more");
        days.forget(&all);
        assert_eq!(days.known(&all), 0);
    }
}
