//! One step: what a refresh at that instant would have published.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    cache::{Cache, CacheError, Kind},
    schedule::{How, Layout, Mode, Schedule},
};
use crate::{
    config::Config,
    domain::{
        ContactCounts, Contacts, DAY_SECONDS, DAYS, DailyCounts, Interval, Ratings, Window,
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
    pub schedule: &'a Schedule,
    /// The answers.
    pub cache: &'a Cache,
    /// Steps and segments at which the days did not agree with the counts.
    pub mistrusted: AtomicUsize,
}

impl Past<'_> {
    /// The snapshot of `step`. What is not known is absent.
    pub async fn snapshot(&self, step: i64) -> Result<Snapshot, CacheError> {
        let end = self.schedule.span().end(step);
        let mut gathered = Gathered::new(self.config, end, Instant::now());
        for segment in 0..self.config.segments.len() {
            for (index, window) in self.config.windows.iter().enumerate() {
                let contacts = Contacts {
                    current: self.current(segment, index, window, end).await?,
                    previous: self.counts(segment, index, window.previous(end)).await?,
                };
                gathered.contacts.insert((segment, index), contacts);
                if let Some(layout) = &self.schedule.ratings
                    && let Some(ratings) = self.ratings(layout, segment, index, window, end).await?
                {
                    gathered.ratings.insert((segment, index), ratings);
                }
            }
            if let Some(daily) = self.daily(segment, end).await? {
                gathered.daily.insert(segment, daily);
                if gathered.conclude(segment).doubt.is_some() {
                    self.mistrusted.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        for (index, interval) in population_readings(self.config, self.schedule.mode(), end) {
            if let Some(value) = self.cache.population(index, interval).await? {
                gathered.take_population(index, interval, value);
            }
        }
        Ok(snapshot_of(self.config, &self.frame, &gathered))
    }

    async fn current(
        &self,
        segment: usize,
        index: usize,
        window: &Window,
        end: Timestamp,
    ) -> Result<ContactCounts, CacheError> {
        let interval = window.current(end);
        let mut counts = self.counts(segment, index, interval).await?;
        let elsewhere = matches!(
            self.schedule.mode(),
            Mode::AllCounts {
                messages: false,
                ..
            }
        );
        if elsewhere && counts.received_messages.is_none() {
            let part = match window.days() {
                Some(_) => DAY_SECONDS,
                None => interval.seconds(),
            };
            counts.received_messages = self.told(Kind::Messages, segment, interval, part).await?;
        }
        Ok(counts)
    }

    /// Counts of the window at `index` over `interval`: its current or its previous one.
    async fn counts(
        &self,
        segment: usize,
        index: usize,
        interval: Interval,
    ) -> Result<ContactCounts, CacheError> {
        let is_sum = self.schedule.counts.how.get(index) == Some(&How::Sum);
        let part = if is_sum {
            self.schedule.span().step()
        } else {
            interval.seconds()
        };
        if self.schedule.mode() == Mode::CreatedOnly {
            return Ok(ContactCounts {
                created: self.searched(segment, interval, part).await?,
                ..ContactCounts::default()
            });
        }
        let mut read = Vec::new();
        for part in parts(interval, part) {
            read.push(self.cache.counts(segment, part).await?);
        }
        if let [Some(whole)] = &read[..] {
            return Ok(whole.clone());
        }
        Ok(ContactCounts::sum(read).unwrap_or_default())
    }

    async fn ratings(
        &self,
        layout: &Layout,
        segment: usize,
        index: usize,
        window: &Window,
        end: Timestamp,
    ) -> Result<Option<Ratings>, CacheError> {
        let part = match layout.how.get(index) {
            Some(How::Sum) => self.schedule.span().step(),
            _ => window.seconds(),
        };
        let mut sum = Ratings {
            great: 0,
            okay: 0,
            not_good: 0,
        };
        for part in parts(window.current(end), part) {
            let Some(ratings) = self.cache.ratings(segment, part).await? else {
                return Ok(None);
            };
            sum.great = sum.great.saturating_add(ratings.great);
            sum.okay = sum.okay.saturating_add(ratings.okay);
            sum.not_good = sum.not_good.saturating_add(ratings.not_good);
        }
        Ok(Some(sum))
    }

    /// The 56 days that end at `end`, as read by day; `None` where they were not.
    async fn daily(
        &self,
        segment: usize,
        end: Timestamp,
    ) -> Result<Option<DailyCounts>, CacheError> {
        if self.schedule.mode() == Mode::CreatedOnly {
            return Ok(None);
        }
        let mut days = Vec::with_capacity(DAYS);
        for day in parts(days_before(end), DAY_SECONDS) {
            match self.cache.count(Kind::Created, segment, day).await? {
                Some(told) => days.push(told),
                None => return Ok(None),
            }
        }
        Ok(Some(DailyCounts::ending_at(end, days)))
    }

    /// Created tickets found by search in the parts of `interval`; `None` when one is not known.
    async fn searched(
        &self,
        segment: usize,
        interval: Interval,
        part: i64,
    ) -> Result<Option<u64>, CacheError> {
        let mut sum: u64 = 0;
        for part in parts(interval, part) {
            let found = self.cache.count(Kind::Searched, segment, part).await?;
            let Some(found) = found.flatten() else {
                return Ok(None);
            };
            sum = sum.saturating_add(found);
        }
        Ok(Some(sum))
    }

    /// The sum of what a series tells of the parts of `interval`. A part that it leaves out counts 0 as
    /// long as it tells of another: a series that tells of none is no zero.
    async fn told(
        &self,
        kind: Kind,
        segment: usize,
        interval: Interval,
        part: i64,
    ) -> Result<Option<u64>, CacheError> {
        let mut sum: Option<u64> = None;
        for part in parts(interval, part) {
            let Some(told) = self.cache.count(kind, segment, part).await? else {
                return Ok(None);
            };
            if let Some(count) = told {
                sum = Some(sum.unwrap_or(0).saturating_add(count));
            }
        }
        Ok(sum)
    }
}

/// The intervals of every population with a past that the step ending at `end` needs.
pub fn population_readings(
    config: &Config,
    mode: Mode,
    end: Timestamp,
) -> impl Iterator<Item = (usize, Interval)> {
    let with_baseline = mode != Mode::CreatedOnly;
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
        let week = Interval::ending_at(end, 7 * DAY_SECONDS);
        let days: Vec<Interval> = parts(week, DAY_SECONDS).collect();
        assert_eq!(days.len(), 7);
        assert_eq!((days[0].start, days[6].end), (week.start, week.end));
        assert!(days.windows(2).all(|two| two[0].end == two[1].start));
        assert_eq!(parts(week, 7 * DAY_SECONDS).collect::<Vec<_>>(), [week]);
    }
}
