//! Help Scout asked for the past: what `backfill`, `report` and the history read.

use std::{ops::Range, time::Duration};

use futures_util::future::{BoxFuture, join};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::time::Instant;

use super::{
    Error, Filter, Reader,
    desk::capabilities,
    looked_up::{Asking, created_none, never, no_ticket},
    plan::{Plan, Reports},
    reports::LONGEST_BY_DAY,
};
use crate::{
    config::Segment,
    domain::{
        ContactCounts, Contacts, DAY_SECONDS, DailyCounts, Interval, Ratings, SourceFailure,
        confirm, day_bounds,
    },
    sources::capabilities::Capabilities,
};

/// How long ago names and ids may have been looked up for a zero that rests on them to be believed.
const FRESH: Duration = Duration::from_mins(10);

/// Questions about the past. They may be asked all at once: calls take turns.
///
/// The first answer tells of the plan, where nothing is known of it: whoever knows nothing asks one
/// question before the others.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    plan: &'a Plan,
    reader: Reader<'a>,
    happiness: bool,
    deadline: Instant,
}

impl<'a> Past<'a> {
    pub(super) const fn new(
        plan: &'a Plan,
        reader: Reader<'a>,
        happiness: bool,
        deadline: Instant,
    ) -> Self {
        Self {
            plan,
            reader,
            happiness,
            deadline,
        }
    }

    /// What can be told, as far as is known by now.
    pub fn capabilities(&self) -> Capabilities {
        capabilities(self.plan.has_reports(), self.happiness)
    }

    /// Takes what an earlier run found out of the plan, if nothing is known of it.
    pub fn recall(&self, all_counts: bool) {
        self.plan.learn(if all_counts {
            Reports::Available
        } else {
            Reports::Unavailable
        });
    }

    /// Looks up what the segment names.
    pub async fn look_up(&self, segment: &'a Segment) -> Result<(), SourceFailure> {
        self.within(segment, never, |_| Box::pin(async { Ok(()) }))
            .await
    }

    /// Counts of an interval: from the report, or by search on a plan that has none. Then only
    /// `created` is known, and nothing where the search cannot filter by the segment.
    pub async fn counts(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<ContactCounts, SourceFailure> {
        if self.plan.reports() != Reports::Unavailable {
            match self.reported(segment, interval, None).await {
                Err(_) if self.plan.reports() == Reports::Unavailable => {}
                reported => return reported.map(|contacts| contacts.current),
            }
        }
        Ok(ContactCounts {
            created: self.created(segment, interval).await?,
            ..ContactCounts::default()
        })
    }

    /// What reports say of an interval, and of the equal one just before it where that is asked for.
    pub async fn reported(
        &self,
        segment: &'a Segment,
        later: Interval,
        earlier: Option<Interval>,
    ) -> Result<Contacts, SourceFailure> {
        let Self { reader, plan, .. } = *self;
        self.within(segment, created_none, |filter| {
            Box::pin(async move {
                let told = reported(reader, &filter, later, earlier).await;
                learn(plan, &told);
                told
            })
        })
        .await
    }

    /// Tickets created in an interval, by search; `None` where it cannot filter by the segment.
    pub async fn created(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<Option<u64>, SourceFailure> {
        let reader = self.reader;
        self.within(
            segment,
            |created| *created == Some(0),
            |filter| Box::pin(async move { searched(reader, &filter, interval).await }),
        )
        .await
    }

    /// Tickets created on each day of 24 hours of an interval of at most 60 days, the last of which
    /// may be cut short: nothing may be concluded before they are [confirmed](confirm).
    pub async fn created_by_day(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<DailyCounts, SourceFailure> {
        let reader = self.reader;
        self.within(segment, no_ticket, |filter| {
            Box::pin(async move { reader.created_days(&filter, interval).await })
        })
        .await
    }

    /// Messages received on each of 1 to 60 days; `None` where the account has no such report.
    pub async fn messages_by_day(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<Option<Vec<Option<u64>>>, SourceFailure> {
        let reader = self.reader;
        self.within(segment, never, |filter| {
            Box::pin(async move {
                let told = reader.received_by_day(&filter, interval).await;
                reader.unless_refused(told)
            })
        })
        .await
    }

    /// Messages received in an interval, where the report of all counts leaves them out.
    pub async fn messages(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<Option<u64>, SourceFailure> {
        let reader = self.reader;
        self.within(segment, never, |filter| {
            Box::pin(async move {
                let told = reader.received_messages(&filter, interval).await;
                reader.unless_refused(told).map(Option::flatten)
            })
        })
        .await
    }

    /// Ratings of an interval, and of the equal one just before it where that is asked for.
    pub async fn ratings(
        &self,
        segment: &'a Segment,
        later: Interval,
        earlier: Option<Interval>,
    ) -> Result<(Ratings, Option<Ratings>), SourceFailure> {
        let reader = self.reader;
        self.within(segment, never, |filter| {
            Box::pin(async move {
                let Some(earlier) = earlier else {
                    return Ok((reader.happiness(&filter, later).await?, None));
                };
                let [later, earlier] = reader.happiness_of_two(&filter, later, earlier).await?;
                Ok((later, Some(earlier)))
            })
        })
        .await
    }

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

    async fn within<T: Send>(
        &self,
        segment: &'a Segment,
        is_zero: fn(&T) -> bool,
        read: impl Fn(Filter) -> BoxFuture<'a, Result<T, Error>> + Send + Sync,
    ) -> Result<T, SourceFailure> {
        let asking = Asking {
            reader: self.reader,
            segment,
            deadline: self.deadline,
            late: "not read in time",
        };
        let since = || {
            let now = Instant::now();
            now.checked_sub(FRESH).unwrap_or(now)
        };
        asking.read(since, is_zero, read).await
    }
}

fn learn<T>(plan: &Plan, told: &Result<T, Error>) {
    match told {
        Ok(_) => plan.learn(Reports::Available),
        Err(error) if error.is_forbidden() => plan.learn(Reports::Unavailable),
        Err(_) => {}
    }
}

async fn reported(
    reader: Reader<'_>,
    filter: &Filter,
    later: Interval,
    earlier: Option<Interval>,
) -> Result<Contacts, Error> {
    let Some(earlier) = earlier else {
        return Ok(Contacts {
            current: reader.counts(filter, later).await?,
            previous: ContactCounts::default(),
        });
    };
    let mut told = reader.counts_of_two(filter, later, earlier).await?;
    // What the report leaves out of its previous range it may have of a range by itself.
    if told.current.received_messages.is_some() && told.previous.received_messages.is_none() {
        told.previous = reader.counts(filter, earlier).await?;
    }
    Ok(told)
}

async fn searched(
    reader: Reader<'_>,
    filter: &Filter,
    interval: Interval,
) -> Result<Option<u64>, Error> {
    if !filter.can_be_listed() {
        return Ok(None);
    }
    reader.created_by_search(filter, interval).await.map(Some)
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
