//! Help Scout asked for the past: what `backfill`, `report` and the history read.

mod calendar;

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{
    Error, Filter, Reader,
    looked_up::{Asking, created_none, never, no_ticket},
    plan::{Plan, Reports, capabilities},
};
use crate::{
    config::Segment,
    domain::{ContactCounts, Contacts, DailyCounts, Interval, Ratings, SourceFailure},
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
        self.plan.recall(if all_counts {
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
    /// may be cut short: nothing may be concluded before they are [confirmed](crate::domain::confirm).
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
