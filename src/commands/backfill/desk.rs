//! Makes the Help Scout calls of a schedule, several at a time, and keeps every answer.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};
use tracing::warn;

use super::{
    cache::{Cache, CacheError, Key, Kind, Value},
    error::Error,
    intervals::Pair,
    past::parts,
    schedule::{Call, Mode, Schedule},
};
use crate::{
    chain::chain,
    config::{Config, CountsFrom, Segment},
    domain::{DAY_SECONDS, Interval},
    sources::helpscout::{self, Filter, HelpScout, Reader},
};

/// Far enough away: only one try is bounded, by `timeout`. Waits for the pace may be long.
const NO_DEADLINE: Duration = Duration::from_hours(24 * 365 * 20);

/// The help desk, asked for the past.
pub struct Desk<'a> {
    config: &'a Config,
    cache: &'a Cache,
    help_scout: &'a HelpScout,
    filters: Vec<OnceCell<Filter>>,
    messages_refused: AtomicBool,
}

impl<'a> Desk<'a> {
    /// Asks `help_scout` and keeps the answers in `cache`.
    pub fn new(config: &'a Config, cache: &'a Cache, help_scout: &'a HelpScout) -> Self {
        Self {
            config,
            cache,
            help_scout,
            filters: config.segments.iter().map(|_| OnceCell::new()).collect(),
            messages_refused: AtomicBool::new(false),
        }
    }

    /// Finds out how the account lets tickets be counted: from what the cache has, or by the first
    /// call for reports, whose answer is not lost. `schedules` are those by reports and by search.
    pub async fn mode(&self, schedules: &[Schedule; 2]) -> Result<Mode, Error> {
        let counts_from = super::counts_from(self.config);
        if counts_from == CountsFrom::Search {
            return Ok(Mode::Search);
        }
        if let Some(mode) = known_mode(self.cache, schedules).await? {
            return Ok(mode);
        }
        let [by_report, _] = schedules;
        let Some(first) = by_report.first() else {
            return Ok(Mode::RECORDED);
        };
        match self.read(0, Call::Counts(first)).await {
            Ok(()) => {
                let mode = known_mode(self.cache, schedules).await?;
                Ok(mode.unwrap_or(Mode::RECORDED))
            }
            Err(Error::HelpScout { source, .. })
                if source.is_forbidden() && counts_from == CountsFrom::Auto =>
            {
                Ok(Mode::Search)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a call for a segment, as far as its answer is not in the cache.
    pub async fn read(&self, segment: usize, call: Call) -> Result<(), Error> {
        if self.cache.has_all(&questions(segment, call)).await? {
            return Ok(());
        }
        let reader = self.help_scout.until(Instant::now() + NO_DEADLINE);
        let filter = self.filter(segment, &reader).await;
        let asked = match filter {
            Ok(None) => return Ok(()),
            Ok(Some(filter)) => self.ask(segment, call, &reader, filter).await,
            Err(error) => Err(Asked::Desk(error)),
        };
        asked.map_err(|error| match error {
            Asked::Cache(error) => Error::Cache(error),
            Asked::Desk(source) => Error::HelpScout {
                what: describe(call),
                segment: self.name(segment).to_owned(),
                source: Box::new(source),
            },
        })
    }

    async fn ask(
        &self,
        segment: usize,
        call: Call,
        reader: &Reader<'_>,
        filter: &Filter,
    ) -> Result<(), Asked> {
        let count = |kind, interval, count| (key(kind, segment, interval), Value::Count(count));
        let days = |kind, days, counts: Vec<Option<u64>>| -> Vec<(Key, Value)> {
            let counted = parts(days, DAY_SECONDS).zip(counts);
            counted.map(|(day, told)| count(kind, day, told)).collect()
        };
        let answers = match call {
            Call::Counts(pair) => return self.counts(segment, reader, filter, pair).await,
            Call::Ratings(pair) => return self.ratings(segment, reader, filter, pair).await,
            Call::CreatedByDay(interval) => {
                let counts = reader.created_by_day(filter, interval).await?;
                days(Kind::Created, interval, counts)
            }
            Call::MessagesByDay(interval) => {
                let counts = reader.received_by_day(filter, interval).await;
                let counts = self
                    .unless_refused(counts)?
                    .unwrap_or_else(|| parts(interval, DAY_SECONDS).map(|_| None).collect());
                days(Kind::Messages, interval, counts)
            }
            Call::Messages(interval) => {
                let told = reader.received_messages(filter, interval).await;
                vec![count(
                    Kind::Messages,
                    interval,
                    self.unless_refused(told)?.flatten(),
                )]
            }
            Call::Search(interval) => {
                if !filter.can_be_listed() {
                    return Ok(());
                }
                let found = reader.created_by_search(filter, interval).await?;
                vec![count(Kind::Searched, interval, Some(found))]
            }
        };
        Ok(self.cache.keep(answers).await?)
    }

    /// `None` where the account has no such report at all: no reason to lose all other counts.
    fn unless_refused<T>(&self, told: Result<T, helpscout::Error>) -> Result<Option<T>, Asked> {
        match told {
            Ok(told) => Ok(Some(told)),
            Err(error) if error.is_rejection() => {
                if !self.messages_refused.swap(true, Ordering::Relaxed) {
                    warn!(
                        error = chain(&error),
                        "messages received cannot be counted on this account"
                    );
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn counts(
        &self,
        segment: usize,
        reader: &Reader<'_>,
        filter: &Filter,
        pair: Pair,
    ) -> Result<(), Asked> {
        let answer =
            |interval, counts| (key(Kind::Counts, segment, interval), Value::Counts(counts));
        let missing = self.missing(Kind::Counts, segment, pair).await?;
        if let [earlier, later] = missing[..] {
            let contacts = reader.counts_of_two(filter, later, earlier).await?;
            let (current, previous) = (contacts.current, contacts.previous);
            // What the report leaves out of its previous range it may have of a range by itself.
            if current.received_messages.is_some() && previous.received_messages.is_none() {
                self.cache.keep(vec![answer(later, current)]).await?;
                let alone = reader.counts(filter, earlier).await?;
                return Ok(self.cache.keep(vec![answer(earlier, alone)]).await?);
            }
            let both = vec![answer(later, current), answer(earlier, previous)];
            return Ok(self.cache.keep(both).await?);
        }
        for interval in missing {
            let counts = reader.counts(filter, interval).await?;
            self.cache.keep(vec![answer(interval, counts)]).await?;
        }
        Ok(())
    }

    async fn ratings(
        &self,
        segment: usize,
        reader: &Reader<'_>,
        filter: &Filter,
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
            let [current, previous] = reader.happiness_of_two(filter, later, earlier).await?;
            let both = vec![answer(later, current), answer(earlier, previous)];
            return Ok(self.cache.keep(both).await?);
        }
        for interval in missing {
            let ratings = reader.happiness(filter, interval).await?;
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

    /// The segment in Help Scout's terms, looked up once.
    async fn filter(
        &self,
        segment: usize,
        reader: &Reader<'_>,
    ) -> Result<Option<&Filter>, helpscout::Error> {
        let configured: Option<&Segment> = self.config.segments.get(segment);
        let (Some(cell), Some(configured)) = (self.filters.get(segment), configured) else {
            return Ok(None);
        };
        let filter = cell.get_or_try_init(|| reader.filter(configured)).await?;
        Ok(Some(filter))
    }

    fn name(&self, segment: usize) -> &str {
        let segment = self.config.segments.get(segment);
        segment.map_or("", |segment| segment.name.as_str())
    }
}

/// Why an answer was not had, or not kept.
enum Asked {
    Cache(CacheError),
    Desk(helpscout::Error),
}

impl From<CacheError> for Asked {
    fn from(error: CacheError) -> Self {
        Self::Cache(error)
    }
}

impl From<helpscout::Error> for Asked {
    fn from(error: helpscout::Error) -> Self {
        Self::Desk(error)
    }
}

/// What the cache tells of how the account counts: it has the first interval of one of the schedules.
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
            return Ok(Some(Mode::Reports {
                created: known.iter().all(|counts| counts.created.is_some()),
                messages: known
                    .iter()
                    .all(|counts| counts.received_messages.is_some()),
            }));
        }
        for interval in first.intervals() {
            if cache.has_all(&[key(Kind::Searched, 0, interval)]).await? {
                return Ok(Some(Mode::Search));
            }
        }
    }
    Ok(None)
}

/// What a call answers.
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
        Call::Search(interval) => vec![key(Kind::Searched, segment, interval)],
    }
}

const fn key(kind: Kind, segment: usize, interval: Interval) -> Key {
    Key {
        kind,
        subject: segment,
        interval,
    }
}

fn describe(call: Call) -> String {
    let (what, interval) = match call {
        Call::Counts(pair) => ("the productivity report", pair.later),
        Call::Ratings(pair) => ("the happiness report", pair.later),
        Call::CreatedByDay(days) => ("the tickets created by day", days),
        Call::MessagesByDay(days) => ("the messages received by day", days),
        Call::Messages(interval) => ("the messages received", interval),
        Call::Search(interval) => ("the search for tickets created", interval),
    };
    format!("{what} over {interval}")
}
