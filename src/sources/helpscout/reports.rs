//! The reports: what was counted in an interval. They need a plan that has reports.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::{
    Reader,
    endpoint::Endpoint,
    error::{Detail, Error},
    filter::{Filter, Query, last_second},
    wire::{Happiness, Productivity, Series},
};
use crate::{
    domain::{
        ContactCounts, Contacts, DAY_SECONDS, DailyCounts, Interval, Ratings, Tickets, days_before,
        stamp,
    },
    sources::capabilities::MOST_DAYS,
};

/// Longest range of which Help Scout gives a series by day, in seconds.
pub(super) const LONGEST_BY_DAY: i64 = MOST_DAYS * DAY_SECONDS;

/// What an account's answers were once seen to lack, so that the log says it once.
#[derive(Debug, Default)]
pub(super) struct Seen {
    created_missing: AtomicBool,
    messages_missing: AtomicBool,
    messages_refused: AtomicBool,
    previous_missing: AtomicBool,
}

fn first(seen: &AtomicBool) -> bool {
    !seen.swap(true, Ordering::Relaxed)
}

impl Reader<'_> {
    /// Counts and means of `current`, and the counts of `previous`: one call for both, a second
    /// one when the answer's previous range lacks a count that the current range has, and one for
    /// messages received when the report lacks them.
    ///
    /// A count that no call gives is `None`. `created` may be: the daily counts have it too.
    pub async fn contacts(
        &self,
        filter: &Filter,
        current: Interval,
        previous: Interval,
    ) -> Result<Contacts, Error> {
        let mut contacts = self.counts_of_two(filter, current, previous).await?;
        self.complete(filter, current, &mut contacts.current)
            .await?;
        Ok(contacts)
    }

    /// What productivity reports say of two equal intervals that do not overlap, the later one
    /// first: in one call, or two when the answer's previous range lacks a count that the current
    /// range has. What they leave out is not read elsewhere.
    pub async fn counts_of_two(
        &self,
        filter: &Filter,
        current: Interval,
        previous: Interval,
    ) -> Result<Contacts, Error> {
        let mut query = filter.report(current);
        query.push("previousStart", stamp(previous.start));
        query.push("previousEnd", stamp(last_second(previous)));
        let report: Productivity = self.get(Endpoint::Productivity, &query).await?;
        let current = report.current();
        let given = report.previous().filter(|previous| {
            !Tickets::ALL
                .iter()
                .any(|way| current.tickets(*way).is_some() && previous.tickets(*way).is_none())
        });
        let previous = if let Some(previous) = given {
            previous
        } else {
            if first(&self.help_scout.seen.previous_missing) {
                info!(
                    "a productivity report lacks counts of its previous range: reading such \
                     ranges by calls of their own"
                );
            }
            self.counts(filter, previous).await?
        };
        Ok(Contacts { current, previous })
    }

    /// Counts and means of `interval` by itself.
    pub async fn contacts_alone(
        &self,
        filter: &Filter,
        interval: Interval,
    ) -> Result<ContactCounts, Error> {
        let mut counts = self.counts(filter, interval).await?;
        self.complete(filter, interval, &mut counts).await?;
        Ok(counts)
    }

    /// What the productivity report says of `interval`, and nothing else.
    pub async fn counts(
        &self,
        filter: &Filter,
        interval: Interval,
    ) -> Result<ContactCounts, Error> {
        let query = filter.report(interval);
        let report: Productivity = self.get(Endpoint::Productivity, &query).await?;
        Ok(report.current())
    }

    /// Reads elsewhere what a productivity report left out.
    async fn complete(
        &self,
        filter: &Filter,
        interval: Interval,
        counts: &mut ContactCounts,
    ) -> Result<(), Error> {
        let seen = &self.help_scout.seen;
        if counts.created.is_none() && first(&seen.created_missing) {
            info!(
                "a productivity report lacks newConversations: tickets created are taken from \
                 the daily counts, for windows of whole days"
            );
        }
        if counts.received_messages.is_some() {
            return Ok(());
        }
        if first(&seen.messages_missing) {
            info!(
                "a productivity report lacks messagesReceived: reading them from the \
                 received-messages report"
            );
        }
        let messages = self.received_messages(filter, interval).await;
        counts.received_messages = self.unless_refused(messages)?.flatten();
        Ok(())
    }

    /// `None` where the account has no report of messages at all: no reason to lose the counts there
    /// are.
    pub(super) fn unless_refused<T>(&self, told: Result<T, Error>) -> Result<Option<T>, Error> {
        match told {
            Ok(told) => Ok(Some(told)),
            Err(error) if error.is_rejection() => {
                if first(&self.help_scout.seen.messages_refused) {
                    warn!(%error, "messages received cannot be counted on this account");
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Messages received from customers in `interval`; `None` when the answer is empty.
    pub async fn received_messages(
        &self,
        filter: &Filter,
        interval: Interval,
    ) -> Result<Option<u64>, Error> {
        let endpoint = Endpoint::ReceivedMessages;
        self.sum(endpoint, filter, interval).await
    }

    /// Tickets created in `interval`, as the series has them; `None` when the answer is empty. For
    /// what no confirmed days are to be had of.
    pub(super) async fn created(
        &self,
        filter: &Filter,
        interval: Interval,
    ) -> Result<Option<u64>, Error> {
        let endpoint = Endpoint::ConversationsNew;
        self.sum(endpoint, filter, interval).await
    }

    async fn sum(
        &self,
        endpoint: Endpoint,
        filter: &Filter,
        interval: Interval,
    ) -> Result<Option<u64>, Error> {
        let mut query = filter.report(interval);
        // Any step will do for a sum; by day is given for two months at most.
        let step = if interval.seconds() <= LONGEST_BY_DAY {
            "day"
        } else {
            "month"
        };
        query.push("viewBy", step);
        let series: Series = self.get(endpoint, &query).await?;
        series.sum().map_err(|what| not_understood(endpoint, what))
    }

    /// Tickets created on each of the 56 days that end at `end`, as the answer has them: nothing may
    /// be concluded from them before they are [confirmed](crate::domain::confirm).
    pub async fn daily_created(
        &self,
        filter: &Filter,
        end: Timestamp,
    ) -> Result<DailyCounts, Error> {
        let counts = self.created_by_day(filter, days_before(end)).await?;
        Ok(DailyCounts::ending_at(end, counts))
    }

    /// Tickets created on each day of `interval`, which is made of 1 to 60 whole days; `None`
    /// where the answer leaves a day out.
    pub async fn created_by_day(
        &self,
        filter: &Filter,
        interval: Interval,
    ) -> Result<Vec<Option<u64>>, Error> {
        let days = whole_days(interval)?;
        let endpoint = Endpoint::ConversationsNew;
        self.by_day(endpoint, filter, interval, days).await
    }

    /// Messages received on each day of `interval`, which is made of 1 to 60 whole days; `None`
    /// where the answer leaves a day out.
    pub async fn received_by_day(
        &self,
        filter: &Filter,
        interval: Interval,
    ) -> Result<Vec<Option<u64>>, Error> {
        let days = whole_days(interval)?;
        let endpoint = Endpoint::ReceivedMessages;
        self.by_day(endpoint, filter, interval, days).await
    }

    /// Tickets created on each day of `interval` of at most 60 days, the last of which may be cut
    /// short. As for [`Reader::daily_created`], they want to be confirmed.
    pub async fn created_days(
        &self,
        filter: &Filter,
        interval: Interval,
    ) -> Result<DailyCounts, Error> {
        let seconds = interval.seconds();
        let days = usize::try_from(seconds / DAY_SECONDS + i64::from(seconds % DAY_SECONDS > 0))
            .ok()
            .filter(|days| *days > 0 && seconds <= LONGEST_BY_DAY)
            .ok_or(Error::NotDays { interval })?;
        let endpoint = Endpoint::ConversationsNew;
        let counts = self.by_day(endpoint, filter, interval, days).await?;
        let day = SignedDuration::from_secs(DAY_SECONDS);
        let starts =
            std::iter::successors(Some(interval.start), |start| start.checked_add(day).ok());
        let bounds = starts.take(days).chain([interval.end]).collect();
        DailyCounts::between(bounds, counts).ok_or(Error::NotDays { interval })
    }

    async fn by_day(
        &self,
        endpoint: Endpoint,
        filter: &Filter,
        interval: Interval,
        days: usize,
    ) -> Result<Vec<Option<u64>>, Error> {
        let mut query = filter.report(interval);
        query.push("viewBy", "day");
        let series: Series = self.get(endpoint, &query).await?;
        series
            .by_day(interval.start, days)
            .map_err(|what| not_understood(endpoint, what))
    }

    /// Ratings received in two equal intervals that do not overlap, the later one first: in one
    /// call, or two when the answer has no previous range.
    pub async fn happiness_of_two(
        &self,
        filter: &Filter,
        current: Interval,
        previous: Interval,
    ) -> Result<[Ratings; 2], Error> {
        let endpoint = Endpoint::Happiness;
        let mut query = filter.report(current);
        query.push("previousStart", stamp(previous.start));
        query.push("previousEnd", stamp(last_second(previous)));
        let report: Happiness = self.get(endpoint, &query).await?;
        let current = report
            .ratings()
            .map_err(|what| not_understood(endpoint, what))?;
        let previous = match report.previous_ratings() {
            Some(ratings) => ratings,
            None => self.happiness(filter, previous).await?,
        };
        Ok([current, previous])
    }

    /// Ratings received in `interval`.
    pub async fn happiness(&self, filter: &Filter, interval: Interval) -> Result<Ratings, Error> {
        let endpoint = Endpoint::Happiness;
        let report: Happiness = self.get(endpoint, &filter.report(interval)).await?;
        report
            .ratings()
            .map_err(|what| not_understood(endpoint, what))
    }

    pub(super) fn get<T: serde::de::DeserializeOwned + Send>(
        &self,
        endpoint: Endpoint,
        query: &Query,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        self.help_scout
            .caller
            .get(endpoint, query.as_str(), self.deadline)
    }
}

fn not_understood(endpoint: Endpoint, what: String) -> Error {
    Error::NotUnderstood {
        endpoint,
        detail: Detail {
            message: Some(what),
            correlation_id: None,
        },
    }
}

/// How many days `interval` is made of: 1 to 60, with nothing left over.
fn whole_days(interval: Interval) -> Result<usize, Error> {
    let seconds = interval.seconds();
    usize::try_from(seconds / DAY_SECONDS)
        .ok()
        .filter(|days| *days > 0 && seconds % DAY_SECONDS == 0 && seconds <= LONGEST_BY_DAY)
        .ok_or(Error::NotDays { interval })
}
