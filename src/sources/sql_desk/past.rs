//! Questions about the past.

use jiff::{civil::Date, tz::TimeZone};
use tokio::time::Instant;

use super::{Desk, Questions, days_in, rows};
use crate::{
    config::{Segment, SqlQuestion as Question},
    domain::{
        ContactCounts, Contacts, DAY_SECONDS, DailyCounts, Interval, Ratings, Reason,
        SourceFailure, day_bounds,
    },
    sources::capabilities::Capabilities,
};

/// A database of tickets, asked for the past. What one question cannot answer fails the whole: an
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
        self.desk.until(self.deadline)
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
    /// cut short.
    pub async fn created_by_day(
        &self,
        segment: &Segment,
        interval: Interval,
    ) -> Result<DailyCounts, SourceFailure> {
        let mut bounds: Vec<_> = (0..days_in(interval))
            .filter_map(|day| i64::try_from(day).ok())
            .filter_map(|day| {
                let start = interval.start.as_second() + day * DAY_SECONDS;
                jiff::Timestamp::from_second(start).ok()
            })
            .collect();
        bounds.push(interval.end);
        let counts = self.days_between(segment, &bounds).await?;
        DailyCounts::between(bounds, counts).ok_or_else(|| no_days(segment))
    }

    /// Ratings of a segment received in two intervals.
    pub async fn ratings(
        &self,
        segment: &Segment,
        later: Interval,
        earlier: Option<Interval>,
    ) -> Result<(Ratings, Option<Ratings>), SourceFailure> {
        let current = self.ratings_in(segment, later).await?;
        let previous = match earlier {
            Some(earlier) => Some(self.ratings_in(segment, earlier).await?),
            None => None,
        };
        Ok((current, previous))
    }

    async fn ratings_in(
        &self,
        segment: &Segment,
        interval: Interval,
    ) -> Result<Ratings, SourceFailure> {
        let told = self.questions().ratings(segment, interval).await;
        told.unwrap_or_else(|| {
            Err(SourceFailure {
                reason: Reason::Query,
                segments: vec![segment.name.clone()],
                text: "ratings are not asked for".to_owned(),
            })
        })
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
        self.days_between(segment, &bounds).await
    }

    /// Tickets created from each bound to the next: days of 24 hours that follow each other by one
    /// query, where there is one; the others one by one.
    async fn days_between(
        &self,
        segment: &Segment,
        bounds: &[jiff::Timestamp],
    ) -> Result<Vec<Option<u64>>, SourceFailure> {
        let questions = self.questions();
        let days: Vec<Interval> = bounds
            .windows(2)
            .filter_map(|pair| match *pair {
                [start, end] => Some(Interval { start, end }),
                _ => None,
            })
            .collect();
        let mut counts = Vec::with_capacity(days.len());
        let by_day = self.desk.answers(Question::CreatedByDay);
        let whole = |day: &Interval| day.seconds() == DAY_SECONDS;
        for run in days.chunk_by(|one, next| by_day && whole(one) && whole(next)) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let span = Interval {
                start: first.start,
                end: last.end,
            };
            if run.len() == 1 {
                counts.push(
                    questions
                        .ask(Question::Created, segment, span, rows::count)
                        .await?,
                );
                continue;
            }
            let told = questions
                .ask(Question::CreatedByDay, segment, span, |told| {
                    rows::days(told, run.len())
                })
                .await?;
            counts.extend(told.unwrap_or_default());
        }
        Ok(counts)
    }
}

fn no_days(segment: &Segment) -> SourceFailure {
    SourceFailure {
        reason: Reason::Query,
        segments: vec![segment.name.clone()],
        text: "these days cannot be told from each other".to_owned(),
    }
}
