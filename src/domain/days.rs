//! Tickets created day by day, and how far they can be trusted.
//!
//! Daily counts come from another call than the counts of windows, and what one leaves out the other
//! may have. Nothing is concluded from days but through [`confirm`].

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{
    dispersion::dispersion,
    duration::{DAY_SECONDS, WEEK},
    window::Interval,
};

/// How many days of created tickets are read to judge a rise: eight weeks.
pub const DAYS: usize = 56;

/// The interval of the [`DAYS`] days of 24 hours that end at `end`.
pub fn days_before(end: Timestamp) -> Interval {
    const SECONDS: i64 = 8 * WEEK;
    Interval::ending_at(end, SECONDS)
}

/// Fewest days, from the first with a ticket on, that tell how much days vary.
pub const FEWEST_DAYS: usize = 14;

/// Tickets created on each of consecutive days, oldest first, as a source tells them.
///
/// A day that the answer leaves out is `None`. It may have had no ticket, or the answer may be in
/// pieces: [`confirm`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyCounts {
    /// Where each day begins, and where the last one ends: one more than there are days.
    bounds: Vec<Timestamp>,
    counts: Vec<Option<u64>>,
}

impl DailyCounts {
    /// Days of 24 hours, the last of which ends at `end`.
    pub fn ending_at(end: Timestamp, counts: Vec<Option<u64>>) -> Self {
        let day = SignedDuration::from_secs(DAY_SECONDS);
        let mut bounds = vec![end];
        for _ in &counts {
            let last = bounds.last().copied().unwrap_or(end);
            bounds.push(last.checked_sub(day).unwrap_or(Timestamp::MIN));
        }
        bounds.reverse();
        Self { bounds, counts }
    }

    /// Days as a calendar has them: day `i` is `[bounds[i], bounds[i + 1])`. `None` unless the bounds
    /// rise and are one more than the counts.
    pub fn between(bounds: Vec<Timestamp>, counts: Vec<Option<u64>>) -> Option<Self> {
        let rise = bounds.is_sorted_by(|one, next| one < next);
        (rise && bounds.len() == counts.len() + 1).then_some(Self { bounds, counts })
    }

    /// The days with their counts, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Interval, Option<u64>)> {
        let bounds = self.bounds.iter().zip(self.bounds.iter().skip(1));
        bounds
            .map(|(&start, &end)| Interval { start, end })
            .zip(self.counts.iter().copied())
    }

    /// All days together; empty at the beginning of time when there are none.
    fn span(&self) -> Interval {
        let at = |bound: Option<&Timestamp>| bound.copied().unwrap_or(Timestamp::MIN);
        Interval {
            start: at(self.bounds.first()),
            end: at(self.bounds.last()),
        }
    }

    /// The days that `interval` is made of; `None` when it is not made of whole days among these.
    fn days_of(&self, interval: Interval) -> Option<&[Option<u64>]> {
        let first = self.bounds.binary_search(&interval.start).ok()?;
        let last = self.bounds.binary_search(&interval.end).ok()?;
        self.counts.get(first..last)
    }

    /// Tickets of the days that lie wholly within `interval`, and of those that it touches.
    fn least_and_most(&self, interval: Interval) -> (u64, u64) {
        let sum = |chosen: &dyn Fn(Interval) -> bool| {
            let days = self.iter().filter(|(day, _)| chosen(*day));
            days.fold(0_u64, |sum, (_, count)| {
                sum.saturating_add(count.unwrap_or(0))
            })
        };
        let within = sum(&|day| interval.start <= day.start && day.end <= interval.end);
        let touched = sum(&|day| day.start < interval.end && interval.start < day.end);
        (within, touched)
    }

    /// Whether every instant of `interval` lies in one of the days.
    fn cover(&self, interval: Interval) -> bool {
        let span = self.span();
        span.start <= interval.start && interval.end <= span.end
    }
}

/// Why nothing may be concluded from daily counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No other count was read this time that they could be held against. They need not be wrong.
    Unchecked,
    /// They hold no ticket at all, and no other count says that there was none: days may have been
    /// left out.
    Unconfirmed,
    /// They contradict the count of an interval.
    Contradicts {
        /// Whose count.
        interval: Interval,
        /// What its days sum to: the nearest sum that the days allow.
        days: u64,
        /// What was counted.
        created: u64,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchecked => formatter.write_str(
                "no count of a window was read that the daily counts could be held against",
            ),
            Self::Unconfirmed => formatter.write_str(
                "the daily counts hold no ticket at all, and no other count says that none was created",
            ),
            Self::Contradicts {
                interval,
                days,
                created,
            } => write!(
                formatter,
                "the daily counts over {interval} sum to {days}, but {created} tickets were counted as created in it"
            ),
        }
    }
}

/// Holds daily counts against what was counted as created in intervals: `reported` has one entry for
/// every interval that was read, `None` where the answer does not say.
///
/// The days that lie within an interval may not hold more tickets than it, and the days that it
/// touches not fewer, if they cover it: an interval of whole days has exactly the sum of its days.
pub fn confirm(
    days: &DailyCounts,
    reported: &[(Interval, Option<u64>)],
) -> Result<ConfirmedDays, Doubt> {
    for &(interval, created) in reported {
        let Some(created) = created else { continue };
        let (least, most) = days.least_and_most(interval);
        let nearest = if created < least {
            least
        } else if created > most && days.cover(interval) {
            most
        } else {
            continue;
        };
        return Err(Doubt::Contradicts {
            interval,
            days: nearest,
            created,
        });
    }
    if reported.is_empty() {
        return Err(Doubt::Unchecked);
    }
    let begin = days.counts.iter().position(|count| count.unwrap_or(0) > 0);
    let said = reported.iter().any(|(_, created)| created.is_some());
    if begin.is_none() && !said {
        return Err(Doubt::Unconfirmed);
    }
    Ok(ConfirmedDays {
        days: days.clone(),
        begin,
    })
}

/// `φ` of days that could not be held against anything this time: of use only where the days of this
/// very source have proved right before.
pub fn unchecked_dispersion(days: &DailyCounts) -> Option<f64> {
    let begin = days.counts.iter().position(|count| count.unwrap_or(0) > 0);
    let days = days.clone();
    ConfirmedDays { days, begin }.dispersion()
}

/// Daily counts that agree with what else was counted. A day left out had no ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedDays {
    days: DailyCounts,
    /// The first day with a ticket. What was before the mailbox, the tag or the table began is not
    /// zero, it is unknown.
    begin: Option<usize>,
}

impl ConfirmedDays {
    /// Tickets created in `interval`. `None` when it is not made of whole days among these, when
    /// there is no ticket on any of them, or when the sum is too large to count.
    pub fn created_in(&self, interval: Interval) -> Option<u64> {
        self.begin?;
        let days = self.days.days_of(interval)?;
        (!days.is_empty()).then(|| sum(days)).flatten()
    }

    /// Tickets of a baseline made of `intervals`, or `None`: also when it reaches back to before the
    /// first day with a ticket.
    pub fn baseline_in(&self, intervals: &[Interval]) -> Option<u64> {
        let begin = self.begins_at()?;
        intervals.iter().try_fold(0_u64, |total, &interval| {
            let days = self.days.days_of(interval)?;
            (begin <= interval.start).then_some(())?;
            total.checked_add(sum(days)?)
        })
    }

    /// Dispersion `φ` of the days from the first with a ticket on; `None` when they are fewer than
    /// [`FEWEST_DAYS`].
    pub fn dispersion(&self) -> Option<f64> {
        let known = self.days.counts.get(self.begin?..)?;
        let counts: Vec<u64> = known.iter().map(|count| count.unwrap_or(0)).collect();
        (counts.len() >= FEWEST_DAYS).then(|| dispersion(&counts))
    }

    /// Where the first day with a ticket begins: nothing is known of what was before. `None` when no
    /// day has a ticket.
    pub fn begins_at(&self) -> Option<Timestamp> {
        self.days.bounds.get(self.begin?).copied()
    }

    /// Whether there were tickets before the first of these days, for all that they tell.
    pub(super) fn may_have_begun_before(&self) -> bool {
        self.begin == Some(0)
    }
}

fn sum(days: &[Option<u64>]) -> Option<u64> {
    days.iter()
        .try_fold(0_u64, |sum, day| sum.checked_add(day.unwrap_or(0)))
}

#[cfg(test)]
mod tests;
