//! Reads, assesses and puts aside, step by step: readings run ahead of the steps, but not far.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::{
        OnceCell, Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::Instant,
};
use tracing::warn;

use super::{
    cache::{Cache, CacheError, Key, Kind, Value},
    desk::{Desk, questions, requests},
    error::Error,
    past::{Past, population_readings},
    samples::Samples,
    schedule::{Call, Schedule},
    work::{Done, Work},
};
use crate::{
    chain::chain,
    config::Config,
    domain::Interval,
    exposition::series,
    sources::{
        count::{self, Populations},
        tickets::TicketSource,
    },
};

/// Steps that readings may be ahead.
const AHEAD: usize = 32;
/// Calls that may be under way or wait for their turn; more than the client ever sends at once.
const CALLS: usize = 64;
/// Populations read at once. Queries of one database take turns anyway.
const QUERIES: usize = 4;
/// A population's own bounds end its readings; this is just no other one.
const NO_DEADLINE: Duration = Duration::from_hours(24);

/// What is left to do, the cache taken into account. Population readings that several steps need
/// are counted once.
pub async fn work(
    config: &Config,
    schedule: &Schedule,
    cache: &Cache,
    source: &TicketSource,
) -> Result<(Work, Vec<usize>), CacheError> {
    let mut work = Work::default();
    let mut by_population = vec![0; config.populations.len()];
    let mut counted = std::collections::HashSet::new();
    for step in 0..schedule.span().steps() {
        for call in schedule.calls(step) {
            for segment in segments(config, call) {
                if !cache.has_all(&questions(segment, call)).await? {
                    work.calls += requests(source, call);
                }
            }
        }
        let end = schedule.span().end(step);
        for (population, interval) in population_readings(config, schedule.mode(), end) {
            let key = population_key(population, interval);
            if counted.insert(key) && !cache.has_all(&[key]).await? {
                work.queries += 1;
                if let Some(count) = by_population.get_mut(population) {
                    *count += 1;
                }
            }
        }
        let horizon = schedule.horizon(step);
        counted.retain(|key| key.interval.end >= horizon);
        cache.forget_before(horizon).await;
    }
    Ok((work, by_population))
}

/// The segments that a question is asked about: what counts created tickets only cannot filter by
/// channel.
fn segments(config: &Config, call: Call) -> impl Iterator<Item = usize> {
    let created_only = matches!(call, Call::Created(_));
    config
        .segments
        .iter()
        .enumerate()
        .filter(move |(_, segment)| !created_only || segment.channels.is_empty())
        .map(|(index, _)| index)
}

const fn population_key(population: usize, interval: Interval) -> Key {
    Key {
        kind: Kind::Population,
        subject: population,
        interval,
    }
}

/// Everything that a run reads from and writes to.
pub struct Run<'a> {
    /// What is counted.
    pub config: &'a Config,
    /// The calls.
    pub schedule: &'a Schedule,
    /// The answers.
    pub cache: &'a Cache,
    /// The ticket source.
    pub desk: &'a Desk<'a>,
    /// The populations.
    pub populations: &'a Populations,
    /// How far it is.
    pub done: &'a Done,
    /// Populations that some intervals are not known of.
    pub unknown: &'a [Unknown],
}

/// What is not known of a population.
#[derive(Default)]
pub struct Unknown {
    /// How many of its intervals.
    pub intervals: AtomicUsize,
    /// Whether its latest one is known, once that was asked for.
    latest: OnceCell<bool>,
}

/// One thing in the order in which steps need them.
enum Item<T> {
    Reading(T),
    /// All that a step needs has come before.
    StepDone,
}

impl Run<'_> {
    /// Reads what is missing and puts the samples of every step aside. When a reading fails no more
    /// are begun, and those under way are still kept.
    pub async fn run(&self, past: &Past<'_>, samples: &mut Samples) -> Result<(), Error> {
        let stop = AtomicBool::new(false);
        let (tickets, populations) = (Lane::new(), Lane::new());
        let (tickets_done, mut tickets_read) = unbounded_channel();
        let (populations_done, mut populations_read) = unbounded_channel();
        let assess = async {
            let read = [&mut tickets_read, &mut populations_read];
            let outcome = self
                .assess(past, samples, read, [&tickets, &populations])
                .await;
            stop.store(true, Ordering::Relaxed);
            // Readers that are ahead must not wait for steps that nobody draws.
            tickets.ahead.close();
            populations.ahead.close();
            outcome
        };
        let steps = 0..self.schedule.span().steps();
        let calls = steps.clone().flat_map(|step| {
            let calls = self.schedule.calls(step).into_iter().flat_map(|call| {
                segments(self.config, call).map(move |segment| Item::Reading((segment, call)))
            });
            calls
                .collect::<Vec<_>>()
                .into_iter()
                .chain([Item::StepDone])
        });
        let queries = steps.flat_map(|step| {
            let end = self.schedule.span().end(step);
            population_readings(self.config, self.schedule.mode(), end)
                .map(Item::Reading)
                .chain([Item::StepDone])
        });
        let read_calls = tickets.read(calls, CALLS, &stop, tickets_done, |(segment, call)| {
            self.call(segment, call)
        });
        let read_queries = populations.read(
            queries,
            QUERIES,
            &stop,
            populations_done,
            |(population, interval)| self.query(population, interval),
        );
        let (calls, queries, assessed) = tokio::join!(read_calls, read_queries, assess);
        calls.and(queries).and(assessed)
    }

    async fn call(&self, segment: usize, call: Call) -> Result<(), Error> {
        if self.cache.has_all(&questions(segment, call)).await? {
            return Ok(());
        }
        self.desk.read(segment, call).await?;
        self.done.called(self.desk.requests(call));
        Ok(())
    }

    async fn query(&self, population: usize, interval: Interval) -> Result<(), Error> {
        let key = population_key(population, interval);
        if self.cache.has_all(&[key]).await? {
            return Ok(());
        }
        let source = match self.read_population(population, interval).await? {
            Ok(()) => {
                self.done.queried();
                return Ok(());
            }
            Err(source) => source,
        };
        if source.concerns_the_interval()
            && let Some(unknown) = self.unknown.get(population)
            && *unknown
                .latest
                .get_or_try_init(|| self.knows_the_latest(population, interval))
                .await?
        {
            if unknown.intervals.fetch_add(1, Ordering::Relaxed) == 0 {
                warn!(
                    error = chain(&source),
                    "left out where it is not known: no population {}",
                    interval.in_words()
                );
            }
            self.done.queried();
            return Ok(());
        }
        Err(Error::Population {
            interval,
            source: Box::new(source),
        })
    }

    /// Whether a population that failed over `failed` can be read over its latest interval: then it
    /// is its past that is too short.
    async fn knows_the_latest(&self, population: usize, failed: Interval) -> Result<bool, Error> {
        let end = self.schedule.span().last();
        let readings = population_readings(self.config, self.schedule.mode(), end);
        let latest = readings
            .filter(|(index, _)| *index == population)
            .map(|(_, interval)| interval)
            .max_by_key(|interval| (interval.end, interval.start));
        let Some(latest) = latest.filter(|latest| *latest != failed) else {
            return Ok(false);
        };
        Ok(self.read_population(population, latest).await?.is_ok())
    }

    /// Reads a population and keeps what it gives.
    async fn read_population(
        &self,
        population: usize,
        interval: Interval,
    ) -> Result<Result<(), count::Error>, CacheError> {
        let deadline = Instant::now() + NO_DEADLINE;
        match self.populations.read(population, interval, deadline).await {
            Ok(value) => {
                let key = population_key(population, interval);
                self.cache
                    .keep(vec![(key, Value::Population(value))])
                    .await?;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn assess(
        &self,
        past: &Past<'_>,
        samples: &mut Samples,
        mut read: [&mut UnboundedReceiver<()>; 2],
        lanes: [&Lane; 2],
    ) -> Result<(), Error> {
        for step in 0..self.schedule.span().steps() {
            for read in &mut read {
                if read.recv().await.is_none() {
                    // The reader has failed, and says why itself.
                    return Ok(());
                }
            }
            let snapshot = past.snapshot(step).await?;
            samples.begin(step);
            series::visit(&snapshot, samples);
            samples.put(self.cache).await?;
            let horizon = self.schedule.horizon(step);
            self.cache.forget_before(horizon).await;
            for lane in lanes {
                lane.ahead.add_permits(1);
            }
            // All may be in the cache, and then nothing above ever waits.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// One kind of reading on its way through the steps.
struct Lane {
    /// Steps that it may be ahead.
    ahead: Semaphore,
}

impl Lane {
    fn new() -> Self {
        Self {
            ahead: Semaphore::new(AHEAD),
        }
    }

    /// Reads items in their order, up to `at_once` at a time, and says when all of a step are read.
    /// Waits only between readings: one that is under way must go on, lest its time run out.
    async fn read<T, F>(
        &self,
        items: impl Iterator<Item = Item<T>>,
        at_once: usize,
        stop: &AtomicBool,
        done: UnboundedSender<()>,
        read: impl Fn(T) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let mut outcome = Ok(());
        let readings = stream::iter(items.take_while(|_| !stop.load(Ordering::Relaxed)))
            .map(|item| async {
                match item {
                    Item::Reading(reading) => read(reading).await.map(|()| false),
                    // Closed when no step is drawn any more.
                    Item::StepDone => Ok(match self.ahead.acquire().await {
                        Ok(permit) => {
                            permit.forget();
                            true
                        }
                        Err(_closed) => false,
                    }),
                }
            })
            .buffered(at_once);
        let mut readings = std::pin::pin!(readings);
        while let Some(read) = readings.next().await {
            match read {
                Ok(step_done) => {
                    if step_done && outcome.is_ok() {
                        // Nobody hears it once a step has failed.
                        let _ = done.send(());
                    }
                }
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    if outcome.is_ok() {
                        outcome = Err(error);
                    }
                }
            }
        }
        outcome
    }
}
