//! Questions about the past.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::time::Instant;

use super::{Desk, Questions};
use crate::{
    config::Segment,
    domain::{
        ContactCounts, Contacts, DAY_SECONDS, DailyCounts, Interval, Reason, SourceFailure,
        day_bounds,
    },
    sources::capabilities::Capabilities,
};

/// An endpoint that counts, asked for the past. What one question cannot answer fails the whole: an
/// answer that is kept must be whole.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    desk: &'a Desk,
    deadline: Instant,
}

impl<'a> Past<'a> {
    pub(super) const fn new(desk: &'a Desk, deadline: Instant) -> Self {
        Self { desk, deadline }
    }

    /// What can be told.
    pub fn capabilities(&self) -> Capabilities {
        self.desk.capabilities()
    }

    fn questions(&self) -> Questions<'a> {
        self.desk.until(self.deadline, self.deadline)
    }

    /// Counts of a segment in an interval. What is not asked is unknown.
    pub async fn counts(
        &self,
        segment: &Segment,
        interval: Interval,
    ) -> Result<ContactCounts, SourceFailure> {
        self.questions().counts(segment, interval).await
    }

    /// The same in two intervals.
    pub async fn both(
        &self,
        segment: &Segment,
        later: Interval,
        earlier: Option<Interval>,
    ) -> Result<Contacts, SourceFailure> {
        let current = self.counts(segment, later).await?;
        let previous = match earlier {
            Some(earlier) => self.counts(segment, earlier).await?,
            None => ContactCounts::default(),
        };
        Ok(Contacts { current, previous })
    }

    /// Tickets of a segment created on each day of 24 hours of `interval`, the last of which may be
    /// cut short, one call each.
    pub async fn created_by_day(
        &self,
        segment: &Segment,
        interval: Interval,
    ) -> Result<DailyCounts, SourceFailure> {
        let (start, end) = (interval.start.as_second(), interval.end.as_second());
        let days = (end - start + DAY_SECONDS - 1) / DAY_SECONDS;
        let mut bounds: Vec<Timestamp> = (0..days)
            .filter_map(|day| Timestamp::from_second(start + day * DAY_SECONDS).ok())
            .collect();
        bounds.push(interval.end);
        let counts = self.questions().days_between(segment, &bounds).await?;
        DailyCounts::between(bounds, counts).ok_or_else(|| no_days(segment))
    }

    /// Tickets of a segment created on each of `days` consecutive days of a calendar, from `first` on.
    pub async fn created_on_days(
        &self,
        segment: &Segment,
        first: Date,
        days: usize,
        zone: &TimeZone,
    ) -> Result<Vec<Option<u64>>, SourceFailure> {
        let bounds = day_bounds(first, days, zone).ok_or_else(|| no_days(segment))?;
        self.questions().days_between(segment, &bounds).await
    }

    /// There are none: an endpoint that counts gives one number for one question.
    pub fn no_ratings(segment: &Segment) -> SourceFailure {
        SourceFailure {
            reason: Reason::Query,
            segments: vec![segment.name.clone()],
            text: "an endpoint that counts has no ratings".to_owned(),
        }
    }
}

fn no_days(segment: &Segment) -> SourceFailure {
    SourceFailure {
        reason: Reason::Query,
        segments: vec![segment.name.clone()],
        text: "these days cannot be told from each other".to_owned(),
    }
}
