//! Makes the Help Scout calls of a plan, several at a time, and keeps every answer.

use std::time::Duration;

use tokio::{sync::OnceCell, time::Instant};

use super::{
    Error,
    cache::{Cache, CacheError},
    chain::Pair,
    entry::{Key, Kind, Value},
    plan::{Call, Mode, Plan},
};
use crate::{
    config::{Config, CountsFrom, Segment},
    domain::Interval,
    sources::helpscout::{self, Filter, HelpScout, Reader},
};

const DAY: i64 = 24 * 60 * 60;

/// Far enough away: only one try is bounded, by `timeout`. Waits for the pace may be long.
const NO_DEADLINE: Duration = Duration::from_hours(24 * 365 * 20);

/// The help desk, asked for the past.
pub struct Tickets<'a> {
    config: &'a Config,
    cache: &'a Cache,
    help_scout: &'a HelpScout,
    filters: Vec<OnceCell<Filter>>,
}

impl<'a> Tickets<'a> {
    /// Asks `help_scout` and keeps the answers in `cache`.
    pub fn new(config: &'a Config, cache: &'a Cache, help_scout: &'a HelpScout) -> Self {
        Self {
            config,
            cache,
            help_scout,
            filters: config.segments.iter().map(|_| OnceCell::new()).collect(),
        }
    }

    /// Finds out how the account lets tickets be counted: from what the cache has, or by the first
    /// call of the plan by reports, which is not lost. `plans` are those by reports and by search.
    pub async fn mode(&self, plans: &[Plan; 2]) -> Result<Mode, Error> {
        let counts_from = self.config.helpscout.counts_from;
        if counts_from == CountsFrom::Search {
            return Ok(Mode::Search);
        }
        if let Some(mode) = known_mode(self.cache, plans)? {
            return Ok(mode);
        }
        let [by_report, _] = plans;
        let Some(first) = by_report.first() else {
            return Ok(Mode::RECORDED);
        };
        match self.read(0, Call::Counts(first)).await {
            Ok(()) => Ok(known_mode(self.cache, plans)?.unwrap_or(Mode::RECORDED)),
            Err(Error::HelpScout { source, .. })
                if source.is_forbidden()
                    && self.config.helpscout.counts_from == CountsFrom::Auto =>
            {
                Ok(Mode::Search)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a call for a segment, as far as its answer is not in the cache.
    pub async fn read(&self, segment: usize, call: Call) -> Result<(), Error> {
        if is_kept(self.cache, segment, call)? {
            return Ok(());
        }
        let failed = |source| Error::HelpScout {
            what: describe(call),
            segment: self.name(segment).to_owned(),
            source: Box::new(source),
        };
        let reader = self.help_scout.until(Instant::now() + NO_DEADLINE);
        let filter = self.filter(segment, &reader).await.map_err(failed)?;
        let Some(filter) = filter else { return Ok(()) };
        match call {
            Call::Counts(pair) => self.counts(segment, &reader, filter, pair, &failed).await,
            Call::Ratings(pair) => self.ratings(segment, &reader, filter, pair, &failed).await,
            Call::CreatedByDay(days) => {
                let counts = reader.created_by_day(filter, days).await;
                self.keep_days(Kind::Created, segment, days, counts.map_err(failed)?)
            }
            Call::MessagesByDay(days) => {
                let counts = reader.received_by_day(filter, days).await;
                self.keep_days(Kind::Messages, segment, days, counts.map_err(failed)?)
            }
            Call::Messages(interval) => {
                let count = reader.received_messages(filter, interval).await;
                let count = count.map_err(failed)?;
                let count = count.map_or(Value::Untold, Value::Count);
                self.keep(Kind::Messages, segment, interval, count)
            }
            Call::Search(interval) => {
                if !filter.can_be_listed() {
                    return Ok(());
                }
                let count = reader.created_by_search(filter, interval).await;
                let count = Value::Count(count.map_err(failed)?);
                self.keep(Kind::Searched, segment, interval, count)
            }
        }
    }

    async fn counts(
        &self,
        segment: usize,
        reader: &Reader<'_>,
        filter: &Filter,
        pair: Pair,
        failed: &impl Fn(helpscout::Error) -> Error,
    ) -> Result<(), Error> {
        let keep =
            |interval, counts| self.keep(Kind::Counts, segment, interval, Value::Counts(counts));
        let missing = self.missing(Kind::Counts, segment, pair)?;
        if let [earlier, later] = missing[..] {
            let mut contacts = reader
                .counts_of_two(filter, later, earlier)
                .await
                .map_err(failed)?;
            keep(later, contacts.current.clone())?;
            let messages = |counts: &crate::domain::ContactCounts| counts.received_messages;
            if messages(&contacts.current).is_some() && messages(&contacts.previous).is_none() {
                contacts.previous = reader.counts(filter, earlier).await.map_err(failed)?;
            }
            return keep(earlier, contacts.previous);
        }
        for interval in missing {
            let counts = reader.counts(filter, interval).await.map_err(failed)?;
            keep(interval, counts)?;
        }
        Ok(())
    }

    async fn ratings(
        &self,
        segment: usize,
        reader: &Reader<'_>,
        filter: &Filter,
        pair: Pair,
        failed: &impl Fn(helpscout::Error) -> Error,
    ) -> Result<(), Error> {
        let keep = |interval, ratings| {
            self.keep(Kind::Ratings, segment, interval, Value::Ratings(ratings))
        };
        let missing = self.missing(Kind::Ratings, segment, pair)?;
        if let [earlier, later] = missing[..] {
            let [current, previous] = reader
                .happiness_of_two(filter, later, earlier)
                .await
                .map_err(failed)?;
            keep(later, current)?;
            return keep(earlier, previous);
        }
        for interval in missing {
            let ratings = reader.happiness(filter, interval).await.map_err(failed)?;
            keep(interval, ratings)?;
        }
        Ok(())
    }

    fn missing(&self, kind: Kind, segment: usize, pair: Pair) -> Result<Vec<Interval>, CacheError> {
        let mut missing = Vec::new();
        for interval in pair.intervals() {
            if !self.cache.has(key(kind, segment, interval))? {
                missing.push(interval);
            }
        }
        Ok(missing)
    }

    fn keep_days(
        &self,
        kind: Kind,
        segment: usize,
        days: Interval,
        counts: Vec<Option<u64>>,
    ) -> Result<(), Error> {
        for (day, count) in days_of(days).zip(counts) {
            // Days of created tickets are held against counts; messages have nothing to be held against.
            let value = match (kind, count) {
                (Kind::Messages, None) => Value::Untold,
                (_, count) => Value::Count(count.unwrap_or(0)),
            };
            self.keep(kind, segment, day, value)?;
        }
        Ok(())
    }

    fn keep(
        &self,
        kind: Kind,
        segment: usize,
        interval: Interval,
        value: Value,
    ) -> Result<(), Error> {
        Ok(self.cache.keep(key(kind, segment, interval), value)?)
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

/// What the cache tells of how the account counts: it has the first interval of one of the plans.
pub fn known_mode(cache: &Cache, plans: &[Plan; 2]) -> Result<Option<Mode>, CacheError> {
    let firsts = plans.iter().filter_map(Plan::first);
    for interval in firsts.flat_map(Pair::intervals) {
        if let Some(counts) = cache.counts(0, interval)? {
            return Ok(Some(Mode::Reports {
                created: counts.created.is_some(),
                messages: counts.received_messages.is_some(),
            }));
        }
        if cache.has(key(Kind::Searched, 0, interval))? {
            return Ok(Some(Mode::Search));
        }
    }
    Ok(None)
}

/// Whether nothing is left to ask.
pub fn is_kept(cache: &Cache, segment: usize, call: Call) -> Result<bool, CacheError> {
    let all = |kind: Kind, intervals: &mut dyn Iterator<Item = Interval>| {
        for interval in intervals {
            if !cache.has(key(kind, segment, interval))? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    match call {
        Call::Counts(pair) => all(Kind::Counts, &mut pair.intervals()),
        Call::Ratings(pair) => all(Kind::Ratings, &mut pair.intervals()),
        Call::CreatedByDay(days) => all(Kind::Created, &mut days_of(days)),
        Call::MessagesByDay(days) => all(Kind::Messages, &mut days_of(days)),
        Call::Messages(interval) => cache.has(key(Kind::Messages, segment, interval)),
        Call::Search(interval) => cache.has(key(Kind::Searched, segment, interval)),
    }
}

const fn key(kind: Kind, segment: usize, interval: Interval) -> Key {
    Key {
        kind,
        subject: segment,
        interval,
    }
}

fn days_of(days: Interval) -> impl Iterator<Item = Interval> {
    super::past::parts(days, DAY)
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
