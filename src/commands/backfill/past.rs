//! One step: what a refresh at that instant would have published.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    cache::{Cache, CacheError},
    entry::{Key, Kind},
    plan::{How, Layout, Mode, Plan},
};
use crate::{
    config::Config,
    domain::{
        ContactCounts, Contacts, DAY_SECONDS as DAY, DAYS, DailyCounts, Interval, Ratings, Window,
        days_before,
    },
    refresh::{Gathered, population_intervals, snapshot_of},
    snapshot::{Frame, Snapshot},
};

/// Draws snapshots of the past from answers.
pub struct Past<'a> {
    /// What is counted.
    pub config: &'a Config,
    /// The frame of every snapshot.
    pub frame: Arc<Frame>,
    /// How everything was read.
    pub plan: &'a Plan,
    /// The answers.
    pub cache: &'a Cache,
    /// Steps and segments at which the days did not agree with the counts.
    pub mistrusted: AtomicUsize,
}

impl Past<'_> {
    /// The snapshot of `step`. What is not known is absent.
    pub fn snapshot(&self, step: i64) -> Result<Snapshot, CacheError> {
        let end = self.plan.span().end(step);
        let mut gathered = Gathered::new(self.config, end, Instant::now());
        for segment in 0..self.config.segments.len() {
            for (index, window) in self.config.windows.iter().enumerate() {
                let contacts = Contacts {
                    current: self.current(segment, index, window, end)?,
                    previous: self.counts(segment, index, window.previous(end))?,
                };
                // A segment of which nothing is known has not been read at all.
                gathered.contacts.insert((segment, index), contacts);
                if let Some(layout) = &self.plan.ratings
                    && let Some(ratings) = self.ratings(layout, segment, index, window, end)?
                {
                    gathered.ratings.insert((segment, index), ratings);
                }
            }
            if let Some(daily) = self.daily(segment, end)? {
                gathered.daily.insert(segment, daily);
                if gathered.conclude(segment).doubt.is_some() {
                    self.mistrusted.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        for (index, interval) in population_readings(self.config, self.plan.mode(), end) {
            if let Some(value) = self.cache.population(index, interval)? {
                gathered.take_population(index, interval, value);
            }
        }
        Ok(snapshot_of(self.config, &self.frame, &gathered))
    }

    fn current(
        &self,
        segment: usize,
        index: usize,
        window: &Window,
        end: Timestamp,
    ) -> Result<ContactCounts, CacheError> {
        let mut counts = self.counts(segment, index, window.current(end))?;
        if counts.received_messages.is_none()
            && matches!(
                self.plan.mode(),
                Mode::Reports {
                    messages: false,
                    ..
                }
            )
        {
            counts.received_messages = match window.days() {
                Some(_) => self.messages(segment, window.current(end))?,
                None => self
                    .cache
                    .count(Kind::Messages, segment, window.current(end))?,
            };
        }
        Ok(counts)
    }

    /// Counts of the window at `index` over `interval`: its current or its previous one.
    fn counts(
        &self,
        segment: usize,
        index: usize,
        interval: Interval,
    ) -> Result<ContactCounts, CacheError> {
        let is_sum = self.plan.counts.how.get(index) == Some(&How::Sum);
        let part = if is_sum {
            self.plan.span().step()
        } else {
            interval.seconds()
        };
        if self.plan.mode() == Mode::Search {
            return Ok(ContactCounts {
                created: self.sum(Kind::Searched, segment, interval, part)?,
                ..ContactCounts::default()
            });
        }
        let mut read = Vec::new();
        for part in parts(interval, part) {
            read.push(self.cache.counts(segment, part)?);
        }
        if let [Some(whole)] = &read[..] {
            return Ok(whole.clone());
        }
        Ok(ContactCounts::sum(read).unwrap_or_default())
    }

    fn ratings(
        &self,
        layout: &Layout,
        segment: usize,
        index: usize,
        window: &Window,
        end: Timestamp,
    ) -> Result<Option<Ratings>, CacheError> {
        let part = match layout.how.get(index) {
            Some(How::Sum) => self.plan.span().step(),
            _ => window.seconds(),
        };
        let mut sum = Ratings {
            great: 0,
            okay: 0,
            not_good: 0,
        };
        for part in parts(window.current(end), part) {
            let Some(ratings) = self.cache.ratings(segment, part)? else {
                return Ok(None);
            };
            sum.great = sum.great.saturating_add(ratings.great);
            sum.okay = sum.okay.saturating_add(ratings.okay);
            sum.not_good = sum.not_good.saturating_add(ratings.not_good);
        }
        Ok(Some(sum))
    }

    /// The 56 days that end at `end`: sums of steps where there are such, else as read by day.
    /// Where both are known and differ, buckets are not what they seem and none of them is used.
    fn daily(&self, segment: usize, end: Timestamp) -> Result<Option<DailyCounts>, CacheError> {
        let Mode::Reports { created, .. } = self.plan.mode() else {
            return Ok(None);
        };
        let step = self.plan.span().step();
        let units_start = self
            .plan
            .units_start()
            .filter(|_| created && DAY % step == 0);
        let mut days = [None; DAYS];
        let mut from_series = false;
        let mut differ = false;
        let all = days_before(end);
        for (count, day) in days.iter_mut().zip(parts(all, DAY)) {
            let read = self.cache.count(Kind::Created, segment, day)?;
            let known = units_start.is_some_and(|start| day.start >= start);
            let sum = if known {
                self.created(segment, day)?
            } else {
                None
            };
            differ |= sum.zip(read).is_some_and(|(sum, read)| sum != read);
            from_series |= sum.is_none();
            let Some(known) = sum.or(read) else {
                return Ok(None);
            };
            *count = Some(known);
        }
        if from_series && differ {
            self.mistrusted.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        Ok(Some(DailyCounts::ending_at(end, days.to_vec())))
    }

    /// Created tickets of a day, from the counts of its steps.
    fn created(&self, segment: usize, day: Interval) -> Result<Option<u64>, CacheError> {
        let mut sum: u64 = 0;
        for part in parts(day, self.plan.span().step()) {
            let counts = self.cache.counts(segment, part)?;
            let Some(created) = counts.and_then(|counts| counts.created) else {
                return Ok(None);
            };
            sum = sum.saturating_add(created);
        }
        Ok(Some(sum))
    }

    /// Messages received on the days of `interval`; `None` when not one of them was told.
    fn messages(&self, segment: usize, interval: Interval) -> Result<Option<u64>, CacheError> {
        let mut told: Option<u64> = None;
        for day in parts(interval, DAY) {
            let key = Key {
                kind: Kind::Messages,
                subject: segment,
                interval: day,
            };
            if !self.cache.has(key)? {
                return Ok(None);
            }
            if let Some(count) = self.cache.count(Kind::Messages, segment, day)? {
                told = Some(told.unwrap_or(0).saturating_add(count));
            }
        }
        Ok(told)
    }

    /// The sum over the parts of `interval`; `None` when one is not known.
    fn sum(
        &self,
        kind: Kind,
        segment: usize,
        interval: Interval,
        part: i64,
    ) -> Result<Option<u64>, CacheError> {
        let mut sum: u64 = 0;
        for part in parts(interval, part) {
            let Some(count) = self.cache.count(kind, segment, part)? else {
                return Ok(None);
            };
            sum = sum.saturating_add(count);
        }
        Ok(Some(sum))
    }
}

/// The intervals of every population with a past that the step ending at `end` needs.
pub fn population_readings(
    config: &Config,
    mode: Mode,
    end: Timestamp,
) -> impl Iterator<Item = (usize, Interval)> {
    let with_baseline = mode != Mode::Search;
    config
        .populations
        .iter()
        .enumerate()
        .filter(|(_, population)| population.has_past())
        .flat_map(move |(index, population)| {
            population_intervals(population, &config.windows, end, with_baseline)
                .into_iter()
                .map(move |interval| (index, interval))
        })
}

/// `interval` in parts of `seconds`, the oldest first. Its length is a multiple.
pub fn parts(interval: Interval, seconds: i64) -> impl Iterator<Item = Interval> {
    let start = interval.start.as_second();
    let count = interval.seconds() / seconds.max(1);
    (1..=count).filter_map(move |index| {
        let end = Timestamp::from_second(start + index * seconds).ok()?;
        Some(Interval::ending_at(end, seconds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_adjacent_and_whole() {
        let end: Timestamp = "2025-01-08T00:00:00Z".parse().unwrap();
        let week = Interval::ending_at(end, 7 * DAY);
        let days: Vec<Interval> = parts(week, DAY).collect();
        assert_eq!(days.len(), 7);
        assert_eq!((days[0].start, days[6].end), (week.start, week.end));
        assert!(days.windows(2).all(|two| two[0].end == two[1].start));
        assert_eq!(parts(week, 7 * DAY).collect::<Vec<_>>(), [week]);
    }
}
