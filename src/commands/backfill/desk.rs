//! Asks a ticket source the questions of a schedule, several at a time, and keeps every answer.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    cache::{Cache, CacheError, Key, Kind, Value},
    error::Error,
    intervals::Pair,
    past::parts,
    schedule::{Call, Mode, Schedule},
};
use crate::{
    config::{Config, Segment},
    domain::{DAY_SECONDS, Interval, SourceFailure},
    sources::tickets::{PastReader, TicketSource},
};

/// Far enough away: only one try is bounded, by `timeout`. Waits for the pace may be long.
const NO_DEADLINE: Duration = Duration::from_hours(24 * 365 * 20);

/// A ticket source, asked for the past.
pub struct Desk<'a> {
    config: &'a Config,
    cache: &'a Cache,
    source: &'a TicketSource,
    past: PastReader<'a>,
}

impl<'a> Desk<'a> {
    /// Asks `source` and keeps the answers in `cache`.
    pub fn new(config: &'a Config, cache: &'a Cache, source: &'a TicketSource) -> Self {
        Self {
            config,
            cache,
            source,
            past: source.past(Instant::now() + NO_DEADLINE),
        }
    }

    /// Finds out what the source can tell: from what the cache has, or by the first question, whose
    /// answer is not lost. `schedules` are those with all counts and with created tickets only.
    pub async fn mode(&self, schedules: &[Schedule; 2]) -> Result<Mode, Error> {
        if !self.past.capabilities().all_counts {
            return Ok(Mode::CreatedOnly);
        }
        if let Some(mode) = known_mode(self.cache, schedules).await? {
            self.past.recall(mode != Mode::CreatedOnly);
            return Ok(mode);
        }
        let [all_counts, _] = schedules;
        let Some(first) = all_counts.first() else {
            return Ok(Mode::RECORDED);
        };
        match self.read(0, Call::Counts(first)).await {
            Ok(()) => {
                let mode = known_mode(self.cache, schedules).await?;
                Ok(mode.unwrap_or(Mode::RECORDED))
            }
            Err(Error::Tickets { .. }) if !self.past.capabilities().all_counts => {
                Ok(Mode::CreatedOnly)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks a question about a segment, as far as its answer is not in the cache.
    pub async fn read(&self, segment: usize, call: Call) -> Result<(), Error> {
        if self.cache.has_all(&questions(segment, call)).await? {
            return Ok(());
        }
        let Some(configured) = self.config.segments.get(segment) else {
            return Ok(());
        };
        let asked = match call {
            Call::Counts(pair) => self.counts(segment, configured, pair).await,
            Call::Ratings(pair) => self.ratings(segment, configured, pair).await,
            _ => self.ask(segment, configured, call).await,
        };
        asked.map_err(|error| match error {
            Asked::Cache(error) => Error::Cache(error),
            Asked::Source(failure) => Error::Tickets {
                what: self.describe(call),
                segment: configured.name.clone(),
                why: failure.text,
            },
        })
    }

    async fn ask(&self, segment: usize, configured: &'a Segment, call: Call) -> Result<(), Asked> {
        let count = |kind, interval, count| (key(kind, segment, interval), Value::Count(count));
        let past = &self.past;
        let answers = match call {
            Call::Counts(_) | Call::Ratings(_) => Vec::new(),
            Call::CreatedByDay(interval) => {
                let days = past.created_by_day(configured, interval).await?;
                days.iter()
                    .map(|(day, told)| count(Kind::Created, day, told))
                    .collect()
            }
            Call::MessagesByDay(interval) => {
                let told = past.messages_by_day(configured, interval).await?;
                let told = told.into_iter().flatten().chain(std::iter::repeat(None));
                parts(interval, DAY_SECONDS)
                    .zip(told)
                    .map(|(day, told)| count(Kind::Messages, day, told))
                    .collect()
            }
            Call::Messages(interval) => {
                let told = past.messages(configured, interval).await?;
                vec![count(Kind::Messages, interval, told)]
            }
            Call::Created(interval) => match past.created(configured, interval).await? {
                Some(found) => vec![count(Kind::Searched, interval, Some(found))],
                None => return Ok(()),
            },
        };
        Ok(self.cache.keep(answers).await?)
    }

    async fn counts(
        &self,
        segment: usize,
        configured: &'a Segment,
        pair: Pair,
    ) -> Result<(), Asked> {
        let answer =
            |interval, counts| (key(Kind::Counts, segment, interval), Value::Counts(counts));
        let missing = self.missing(Kind::Counts, segment, pair).await?;
        if let [earlier, later] = missing[..] {
            let told = self.past.all_counts(configured, later, Some(earlier));
            let told = told.await?;
            let both = vec![answer(later, told.current), answer(earlier, told.previous)];
            return Ok(self.cache.keep(both).await?);
        }
        for interval in missing {
            let told = self.past.all_counts(configured, interval, None).await?;
            let kept = vec![answer(interval, told.current)];
            self.cache.keep(kept).await?;
        }
        Ok(())
    }

    async fn ratings(
        &self,
        segment: usize,
        configured: &'a Segment,
        pair: Pair,
    ) -> Result<(), Asked> {
        let answer = |interval, ratings| {
            (
                key(Kind::Ratings, segment, interval),
                Value::Ratings(ratings),
            )
        };
        let missing = self.missing(Kind::Ratings, segment, pair).await?;
        if let [earlier, later] = missing[..] {
            let told = self.past.ratings(configured, later, Some(earlier));
            let (current, previous) = told.await?;
            let previous = previous.map(|ratings| answer(earlier, ratings));
            let both = [answer(later, current)].into_iter().chain(previous);
            return Ok(self.cache.keep(both.collect()).await?);
        }
        for interval in missing {
            let (ratings, _) = self.past.ratings(configured, interval, None).await?;
            self.cache.keep(vec![answer(interval, ratings)]).await?;
        }
        Ok(())
    }

    async fn missing(
        &self,
        kind: Kind,
        segment: usize,
        pair: Pair,
    ) -> Result<Vec<Interval>, CacheError> {
        let mut missing = Vec::new();
        for interval in pair.intervals() {
            if !self.cache.has_all(&[key(kind, segment, interval)]).await? {
                missing.push(interval);
            }
        }
        Ok(missing)
    }

    /// Requests that a question takes when everything is answered as recorded.
    pub const fn requests(&self, call: Call) -> usize {
        requests(self.source, call)
    }

    fn describe(&self, call: Call) -> String {
        let (what, interval) = match call {
            Call::Counts(pair) => (self.source.counted_by(), pair.later),
            Call::Ratings(pair) => ("the ratings", pair.later),
            Call::CreatedByDay(days) => ("the tickets created by day", days),
            Call::MessagesByDay(days) => ("the messages received by day", days),
            Call::Messages(interval) => ("the messages received", interval),
            Call::Created(interval) => ("the tickets created", interval),
        };
        format!("{what} over {interval}")
    }
}

/// Requests that a question takes when everything is answered as recorded.
pub const fn requests(source: &TicketSource, call: Call) -> usize {
    match call {
        Call::Created(_) => source.requests_to_count_created(),
        _ => 1,
    }
}

/// Why an answer was not had, or not kept.
enum Asked {
    Cache(CacheError),
    Source(SourceFailure),
}

impl From<CacheError> for Asked {
    fn from(error: CacheError) -> Self {
        Self::Cache(error)
    }
}

impl From<SourceFailure> for Asked {
    fn from(failure: SourceFailure) -> Self {
        Self::Source(failure)
    }
}

/// What the cache tells of what the source can tell: it has the first interval of one of the schedules.
pub async fn known_mode(
    cache: &Cache,
    schedules: &[Schedule; 2],
) -> Result<Option<Mode>, CacheError> {
    for first in schedules.iter().filter_map(Schedule::first) {
        let mut known = Vec::new();
        for interval in first.intervals() {
            known.extend(cache.counts(0, interval).await?);
        }
        if !known.is_empty() {
            // The range that a report is on and its previous one may lack different counts.
            return Ok(Some(Mode::AllCounts {
                created: known.iter().all(|counts| counts.created.is_some()),
                messages: known
                    .iter()
                    .all(|counts| counts.received_messages.is_some()),
            }));
        }
        for interval in first.intervals() {
            if cache.has_all(&[key(Kind::Searched, 0, interval)]).await? {
                return Ok(Some(Mode::CreatedOnly));
            }
        }
    }
    Ok(None)
}

/// What a question asks for.
pub fn questions(segment: usize, call: Call) -> Vec<Key> {
    let of = |kind, intervals: &mut dyn Iterator<Item = Interval>| {
        intervals
            .map(|interval| key(kind, segment, interval))
            .collect()
    };
    match call {
        Call::Counts(pair) => of(Kind::Counts, &mut pair.intervals()),
        Call::Ratings(pair) => of(Kind::Ratings, &mut pair.intervals()),
        Call::CreatedByDay(days) => of(Kind::Created, &mut parts(days, DAY_SECONDS)),
        Call::MessagesByDay(days) => of(Kind::Messages, &mut parts(days, DAY_SECONDS)),
        Call::Messages(interval) => vec![key(Kind::Messages, segment, interval)],
        Call::Created(interval) => vec![key(Kind::Searched, segment, interval)],
    }
}

const fn key(kind: Kind, segment: usize, interval: Interval) -> Key {
    Key {
        kind,
        subject: segment,
        interval,
    }
}
