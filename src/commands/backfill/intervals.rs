//! Intervals of one length on the grid of steps, and how few calls read them.

use super::span::Span;
use crate::domain::Interval;

/// One call's intervals: one, or two adjacent ones, since a report tells of a previous range too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The later one, or the only one.
    pub later: Interval,
    /// The interval just before.
    pub earlier: Option<Interval>,
}

impl Pair {
    /// Both, the earlier one first.
    pub fn intervals(self) -> impl Iterator<Item = Interval> {
        self.earlier.into_iter().chain([self.later])
    }
}

/// Intervals of one length, a whole number of steps, that end at steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// Length in steps.
    length: i64,
    /// Step at which the first one ends.
    first: i64,
    /// Last step before step 0 at which one ends, if any does: beyond it they begin again at 0.
    last_before: i64,
    steps: i64,
}

impl Intervals {
    /// Intervals of one step that add up to every window of at most `length` steps, and with
    /// `with_previous` to the window before it.
    pub fn units(span: &Span, length: i64, with_previous: bool) -> Self {
        let reach = if with_previous { 2 * length } else { length };
        Self {
            length: 1,
            first: 1 - reach,
            last_before: -1,
            steps: span.steps(),
        }
    }

    /// A window of `length` steps at every step, and with `with_previous` the window before it.
    pub fn windows(span: &Span, length: i64, with_previous: bool) -> Self {
        let steps = span.steps();
        Self {
            length,
            first: if with_previous { -length } else { 0 },
            last_before: (steps - 1 - length).min(-1),
            steps,
        }
    }

    fn needs(&self, step: i64) -> bool {
        (self.first <= step && step <= self.last_before) || (0 <= step && step < self.steps)
    }

    /// The calls whose intervals are first needed at `step`. Over all steps every interval is read
    /// once. With `paired` two adjacent intervals share a call.
    pub fn calls(&self, span: &Span, step: i64, paired: bool) -> impl Iterator<Item = Pair> {
        let intervals = *self;
        let span = *span;
        let new = if step == 0 { self.first.min(0) } else { step }..=step;
        new.filter(move |end| intervals.needs(*end))
            .filter_map(move |end| intervals.call(&span, end, paired))
    }

    /// The call that is made for the interval that ends at step `end`; none when it comes with an
    /// earlier one's.
    fn call(&self, span: &Span, end: i64, paired: bool) -> Option<Pair> {
        let interval = |end: i64| Interval::ending_at(span.end(end), self.length * span.step());
        let alone = Some(Pair {
            later: interval(end),
            earlier: None,
        });
        if !paired {
            return alone;
        }
        // Blocks of `length` intervals: each of an even block goes with the adjacent one of the next.
        let is_even = (end - self.first) / self.length % 2 == 0;
        if is_even {
            let next = end + self.length;
            if !self.needs(next) {
                return alone;
            }
            return Some(Pair {
                later: interval(next),
                earlier: Some(interval(end)),
            });
        }
        if self.needs(end - self.length) {
            return None;
        }
        alone
    }

    /// How many calls there are.
    pub fn count(&self, span: &Span, paired: bool) -> usize {
        (0..span.steps())
            .map(|step| self.calls(span, step, paired).count())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{
        super::span::{parse_instant, parse_step},
        *,
    };

    fn span(steps: i64) -> Span {
        let from = parse_instant("2025-01-01").unwrap();
        let to = jiff::Timestamp::from_second(from.as_second() + (steps - 1) * 86_400).unwrap();
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        Span::new(from, to, parse_step("1d").unwrap(), now).unwrap()
    }

    #[test]
    fn a_year_of_days_takes_half_as_many_calls() {
        let span = span(366);
        let units = Intervals::units(&span, 28, true);
        assert_eq!(units.count(&span, false), 366 + 55);
        assert_eq!(units.count(&span, true), 211);
    }

    proptest! {
        #[test]
        fn every_interval_is_read_once_and_in_time(
            steps in 1_i64..60,
            length in 1_i64..20,
            with_previous: bool,
            units: bool,
            paired: bool,
        ) {
            let span = span(steps);
            let intervals = if units {
                Intervals::units(&span, length, with_previous)
            } else {
                Intervals::windows(&span, length, with_previous)
            };
            let mut read = BTreeSet::new();
            for step in 0..steps {
                for pair in intervals.calls(&span, step, paired) {
                    if let Some(earlier) = pair.earlier {
                        prop_assert_eq!(earlier.end, pair.later.start);
                    }
                    for interval in pair.intervals() {
                        prop_assert!(interval.end <= span.last());
                        prop_assert!(read.insert(interval), "{} twice", interval);
                    }
                }
                // What the window and its predecessor are made of is there.
                let parts = if units { length } else { 1 };
                let total = if with_previous { 2 * parts } else { parts };
                for part in 0..total {
                    let back = if units { part } else { part * length };
                    let interval = Interval::ending_at(span.end(step - back), intervals.length * span.step());
                    prop_assert!(read.contains(&interval), "no {} at {}", interval, step);
                }
            }
            let least = if paired { read.len().div_ceil(2) } else { read.len() };
            prop_assert!(intervals.count(&span, paired) >= least);
            if units {
                prop_assert_eq!(intervals.count(&span, paired), least);
                prop_assert_eq!(i64::try_from(read.len()), Ok(steps - intervals.first));
            }
        }
    }
}
