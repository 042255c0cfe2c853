//! Answers that count by day, week or month.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::lenient::{Count, Instant, List};
use crate::domain::DAY_SECONDS;

/// A time series. The key of an element's start and value differs between endpoints and eras.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a series")]
pub(in crate::sources::helpscout) struct Series {
    current: List<Bucket>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "a bucket")]
struct Bucket {
    start: Option<Instant>,
    date: Option<Instant>,
    count: Option<Count>,
    messages: Option<Count>,
}

impl Series {
    /// All buckets together; `None` when there is none, which tells nothing: they may have been left
    /// out.
    pub(in crate::sources::helpscout) fn sum(&self) -> Result<Option<u64>, String> {
        let mut sum: u64 = 0;
        for bucket in &self.current.0 {
            let Some(Count(count)) = bucket.messages.or(bucket.count) else {
                return Err("a bucket without a count".to_owned());
            };
            sum = sum
                .checked_add(count)
                .ok_or_else(|| "counts beyond any number".to_owned())?;
        }
        Ok((!self.current.0.is_empty()).then_some(sum))
    }

    /// One count per day for the `days` that begin at `start`. A bucket is placed by its own
    /// start, which must be that of one of the days; a day without a bucket is `None`.
    pub(in crate::sources::helpscout) fn by_day(
        &self,
        start: Timestamp,
        days: usize,
    ) -> Result<Vec<Option<u64>>, String> {
        let mut placed = BTreeMap::new();
        for bucket in &self.current.0 {
            let Some(Instant(at)) = bucket.start.or(bucket.date) else {
                return Err("a bucket without a start".to_owned());
            };
            let Some(Count(count)) = bucket.count.or(bucket.messages) else {
                return Err("a bucket without a count".to_owned());
            };
            let offset = at.duration_since(start);
            let day = usize::try_from(offset.as_secs() / DAY_SECONDS)
                .ok()
                .filter(|day| {
                    *day < days && offset == SignedDuration::from_hours(24) * to_i32(*day)
                })
                .ok_or_else(|| {
                    format!("a bucket starts at {at}, not a whole number of days after {start}")
                })?;
            if placed.insert(day, count).is_some() {
                return Err(format!("two buckets start at {at}"));
            }
        }
        Ok((0..days).map(|day| placed.get(&day).copied()).collect())
    }
}

fn to_i32(day: usize) -> i32 {
    i32::try_from(day).unwrap_or(i32::MAX)
}
