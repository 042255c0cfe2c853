//! Tickets by day of a calendar.

use std::ops::Range;

use futures_util::future::join;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    super::{Error, Filter, Reader, plan::Reports, reports::LONGEST_BY_DAY},
    Past, learn,
};
use crate::{
    config::Segment,
    domain::{DAY_SECONDS, DailyCounts, Interval, SourceFailure, confirm, day_bounds},
};

impl<'a> Past<'a> {
    /// Tickets created on each of `days` days of a calendar.
    ///
    /// By report it takes two calls for 60 days: the series and the count that it is held against.
    /// Buckets are of 24 hours, so that the series begins anew after a day that is longer or shorter.
    /// By search it takes three calls for each day.
    pub async fn created_on_days(
        &self,
        segment: &'a Segment,
        first: Date,
        days: usize,
        zone: &TimeZone,
    ) -> Result<Vec<Option<u64>>, SourceFailure> {
        let Some(bounds) = day_bounds(first, days, zone) else {
            return Ok(vec![None; days]);
        };
        let mut counts = vec![None; days];
        for run in runs(&bounds) {
            let Some(bounds) = bounds.get(run.start..=run.end) else {
                continue;
            };
            let reported = match self.plan.reports() {
                Reports::Unavailable => None,
                Reports::Available | Reports::Unknown => {
                    Some(self.reported_days(segment, bounds).await)
                }
            };
            let told = match reported {
                Some(told) if self.plan.reports() != Reports::Unavailable => told?,
                _ => self.searched_days(segment, bounds).await?,
            };
            for (count, told) in counts.iter_mut().skip(run.start).zip(told) {
                *count = told;
            }
        }
        Ok(counts)
    }

    async fn reported_days(
        &self,
        segment: &'a Segment,
        bounds: &[Timestamp],
    ) -> Result<Vec<Option<u64>>, SourceFailure> {
        let Self { reader, plan, .. } = *self;
        let bounds = bounds.to_vec();
        self.within(segment, nothing_on_days, |filter| {
            let bounds = bounds.clone();
            Box::pin(async move {
                let told = match confirmed_days(reader, &filter, &bounds).await {
                    // Counts of the same account may lag behind each other.
                    Err(Error::Doubtful(_)) => confirmed_days(reader, &filter, &bounds).await,
                    told => told,
                };
                learn(plan, &told);
                told
            })
        })
        .await
    }

    async fn searched_days(
        &self,
        segment: &'a Segment,
        bounds: &[Timestamp],
    ) -> Result<Vec<Option<u64>>, SourceFailure> {
        let mut counts = Vec::new();
        for (&start, &end) in bounds.iter().zip(bounds.iter().skip(1)) {
            let day = Interval { start, end };
            counts.push(self.created(segment, day).await?);
        }
        Ok(counts)
    }
}

/// One series, held against the count of all its days. A day that it leaves out had no ticket where
/// that count says so, else it is unknown.
async fn confirmed_days(
    reader: Reader<'_>,
    filter: &Filter,
    bounds: &[Timestamp],
) -> Result<Vec<Option<u64>>, Error> {
    let (Some(&start), Some(&end)) = (bounds.first(), bounds.last()) else {
        return Ok(Vec::new());
    };
    let interval = Interval { start, end };
    let days = bounds.len() - 1;
    let (told, reported) = join(
        reader.created_days(filter, interval),
        reader.counts(filter, interval),
    )
    .await;
    let mut told: Vec<Option<u64>> = told?.iter().map(|(_, count)| count).collect();
    // The hour that a day of 25 has more is a bucket of its own.
    if let Some(rest) = told.get(days).copied() {
        told.truncate(days);
        if let Some(last) = told.last_mut() {
            *last = match (*last, rest) {
                (None, None) => None,
                (one, rest) => one.unwrap_or(0).checked_add(rest.unwrap_or(0)),
            };
        }
    }
    let created = reported?.created;
    let told = DailyCounts::between(bounds.to_vec(), told).ok_or(Error::NotDays { interval })?;
    confirm(&told, &[(interval, created)]).map_err(Error::Doubtful)?;
    let left_out = created.map(|_| 0);
    Ok(told.iter().map(|(_, count)| count.or(left_out)).collect())
}

#[expect(clippy::ptr_arg, reason = "it is told what a question gives")]
fn nothing_on_days(counts: &Vec<Option<u64>>) -> bool {
    counts.iter().all(|count| count.unwrap_or(0) == 0)
}

/// Days that one series can tell: of 24 hours each but the last, and of 60 days at most. Days that
/// the calendar leaves out are in none.
fn runs(bounds: &[Timestamp]) -> Vec<Range<usize>> {
    let seconds = |day: usize| {
        let start = bounds.get(day)?.as_second();
        Some(bounds.get(day + 1)?.as_second() - start)
    };
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut length = 0;
    let mut may_go_on = false;
    for day in 0.. {
        let Some(day_seconds) = seconds(day) else {
            break;
        };
        if day_seconds <= 0 {
            may_go_on = false;
            continue;
        }
        match runs.last_mut() {
            Some(run) if may_go_on && length + day_seconds <= LONGEST_BY_DAY => {
                run.end = day + 1;
                length += day_seconds;
            }
            _ => {
                runs.push(day..day + 1);
                length = day_seconds;
            }
        }
        may_go_on = day_seconds == DAY_SECONDS;
    }
    runs
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn runs_of(first: Date, days: usize, zone: &str) -> Vec<Range<usize>> {
        let zone = TimeZone::get(zone).unwrap();
        runs(&day_bounds(first, days, &zone).unwrap())
    }

    #[test]
    fn a_series_ends_after_a_day_of_another_length_and_after_sixty_days() {
        assert_eq!(
            runs_of(date(2026, 1, 1), 121, "UTC"),
            [0..60, 60..120, 120..121]
        );
        // 29 March has 23 hours, 25 October has 25.
        assert_eq!(
            runs_of(date(2026, 3, 1), 40, "Europe/Paris"),
            [0..29, 29..40]
        );
        assert_eq!(
            runs_of(date(2026, 10, 1), 40, "Europe/Paris"),
            [0..25, 25..40]
        );
        // Sixty days and an hour are too many.
        assert_eq!(
            runs_of(date(2026, 8, 27), 60, "Europe/Paris"),
            [0..59, 59..60]
        );
        assert_eq!(runs_of(date(2011, 12, 28), 4, "Pacific/Apia"), [0..2, 3..4]);
        assert_eq!(runs_of(date(2026, 1, 1), 0, "UTC"), [0..0; 0]);
    }
}
