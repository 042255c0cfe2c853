//! One refresh's readings: every source at once, each bounded by the refresh's deadline.

use std::{collections::HashMap, future::Future, sync::Arc};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    plan,
    reports::{Plan, Probe, Reports, available, presume, settle},
};
use crate::{
    chain::chain,
    config::Config,
    domain::{
        ContactCounts, Contacts, DailyCounts, Interval, OpenTickets, Ratings, Reason, Source,
    },
    snapshot::SourceFailure,
    sources::count::{self, Populations},
    sources::helpscout::{self, HelpScout, Reader},
};

/// What the readers of a refresh share.
pub struct Readers {
    /// The help desk.
    pub helpscout: HelpScout,
    /// The populations.
    pub populations: Populations,
}

/// What was read of one source for one segment, window or population.
pub enum Reading {
    /// Tickets of a segment and window.
    Contacts {
        segment: usize,
        window: usize,
        result: Result<Contacts, SourceFailure>,
    },
    /// Ratings of a segment and window.
    Ratings {
        segment: usize,
        window: usize,
        result: Result<Ratings, SourceFailure>,
    },
    /// Daily counts of a segment.
    Daily {
        segment: usize,
        result: Result<DailyCounts, SourceFailure>,
    },
    /// Open tickets of a segment; `None` when the list call cannot filter by it.
    Open {
        segment: usize,
        result: Result<Option<OpenTickets>, SourceFailure>,
    },
    /// A population over all its intervals; those not reached are missing.
    Population {
        population: usize,
        values: HashMap<Interval, f64>,
        failures: Vec<SourceFailure>,
    },
}

impl Reading {
    /// The source it was read from.
    pub fn source(&self, config: &Config) -> Source {
        match self {
            Self::Contacts { .. } => Source::Tickets,
            Self::Ratings { .. } => Source::Happiness,
            Self::Daily { .. } => Source::DailyTickets,
            Self::Open { .. } => Source::OpenTickets,
            Self::Population { population, .. } => Source::Population(
                config
                    .populations
                    .get(*population)
                    .map_or_else(String::new, |population| population.name.clone()),
            ),
        }
    }
}

/// The readings of one refresh, as they come in. Dropping it cancels what is under way; all of it
/// is read-only.
pub struct Round<'a> {
    readings: FuturesUnordered<futures_util::future::BoxFuture<'a, Option<Reading>>>,
    reports: watch::Receiver<Reports>,
}

/// The frame of a round: everything in it is asked for the same `end`.
#[derive(Clone, Copy)]
struct Task<'a> {
    config: &'a Config,
    reader: &'a Reader<'a>,
    end: Timestamp,
    deadline: Instant,
}

impl<'a> Round<'a> {
    /// Prepares every reading for `end`; they run when [`Round::next`] is polled.
    pub fn new(
        config: &'a Config,
        readers: &'a Readers,
        reader: &'a Reader<'a>,
        plan: Plan,
        end: Timestamp,
        deadline: Instant,
    ) -> Self {
        let (decide, reports) = watch::channel(plan.reports);
        let decide = Arc::new(decide);
        let task = Task {
            config,
            reader,
            end,
            deadline,
        };
        let readings = FuturesUnordered::new();
        if plan.reports == Reports::Unknown {
            let presuming = presume(plan, Arc::clone(&decide));
            readings.push(boxed(async {
                presuming.await;
                None
            }));
        }
        for population in 0..config.populations.len() {
            let reading = read_population(task, &readers.populations, population, reports.clone());
            readings.push(boxed(reading));
        }
        // Lists are answered fast, reports are not: they need not queue behind them.
        for segment in 0..config.segments.len() {
            readings.push(boxed(read_open(task, segment)));
        }
        for segment in 0..config.segments.len() {
            for window in 0..config.windows.len() {
                let probes = segment == 0 && window == 0;
                let decide = probes.then(|| Arc::clone(&decide));
                let probe = decide.map(|decide| Probe { decide, plan });
                let reading = read_contacts(task, segment, window, probe, reports.clone());
                readings.push(boxed(reading));
            }
            readings.push(boxed(read_daily(task, segment, reports.clone())));
            if config.helpscout.happiness {
                for window in 0..config.windows.len() {
                    readings.push(boxed(read_ratings(task, segment, window, reports.clone())));
                }
            }
        }
        Self { readings, reports }
    }

    /// The next reading that is done; `None` when all are.
    pub async fn next(&mut self) -> Option<Reading> {
        while let Some(reading) = self.readings.next().await {
            if reading.is_some() {
                return reading;
            }
        }
        None
    }

    /// What is known of the plan by now.
    pub fn reports(&self) -> Reports {
        *self.reports.borrow()
    }
}

fn boxed<'a>(
    reading: impl Future<Output = Option<Reading>> + Send + 'a,
) -> futures_util::future::BoxFuture<'a, Option<Reading>> {
    Box::pin(reading)
}

async fn read_contacts(
    task: Task<'_>,
    segment: usize,
    window: usize,
    probe: Option<Probe>,
    reports: watch::Receiver<Reports>,
) -> Option<Reading> {
    let window_of = task.config.windows.get(window)?;
    let current = window_of.current(task.end);
    let previous = window_of.previous(task.end);
    let probe = probe.filter(|probe| probe.plan.reports == Reports::Unknown);
    let by_report = probe.is_some() || available(reports).await;
    let result = within(task, segment, async |filter| {
        if !by_report {
            return search(task.reader, &filter, current, previous).await;
        }
        let answer = task.reader.contacts(&filter, current, previous).await;
        let Some(Probe { decide, plan }) = &probe else {
            return answer;
        };
        let told = match &answer {
            Ok(_) => Reports::Available,
            Err(error) if error.is_forbidden() => Reports::Unavailable,
            Err(_) => plan.presumed,
        };
        settle(decide, told);
        // What was decided without this answer, because it was late, holds for all.
        if *decide.borrow() == Reports::Unavailable && answer.is_err() {
            return search(task.reader, &filter, current, previous).await;
        }
        answer
    })
    .await;
    // A probe that never got to ask must not leave the others waiting.
    if let Some(Probe { decide, plan }) = &probe {
        settle(decide, plan.presumed);
    }
    Some(Reading::Contacts {
        segment,
        window,
        result,
    })
}

/// Created tickets only: the rest is known to reports alone. The list call cannot filter by
/// channel, so that for such a segment nothing is known.
async fn search(
    reader: &Reader<'_>,
    filter: &helpscout::Filter,
    interval: Interval,
    previous: Interval,
) -> Result<Contacts, helpscout::Error> {
    if !filter.can_be_listed() {
        return Ok(Contacts {
            current: ContactCounts::default(),
            previous: ContactCounts::default(),
        });
    }
    let created = |created| ContactCounts {
        created: Some(created),
        ..ContactCounts::default()
    };
    Ok(Contacts {
        current: created(reader.created_by_search(filter, interval).await?),
        previous: created(reader.created_by_search(filter, previous).await?),
    })
}

async fn read_daily(
    task: Task<'_>,
    segment: usize,
    reports: watch::Receiver<Reports>,
) -> Option<Reading> {
    if !available(reports).await {
        return None;
    }
    let result = within(task, segment, async |filter| {
        task.reader.daily_created(&filter, task.end).await
    })
    .await;
    Some(Reading::Daily { segment, result })
}

async fn read_ratings(
    task: Task<'_>,
    segment: usize,
    window: usize,
    reports: watch::Receiver<Reports>,
) -> Option<Reading> {
    let interval = task.config.windows.get(window)?.current(task.end);
    if !available(reports).await {
        return None;
    }
    let result = within(task, segment, async |filter| {
        task.reader.happiness(&filter, interval).await
    })
    .await;
    Some(Reading::Ratings {
        segment,
        window,
        result,
    })
}

async fn read_open(task: Task<'_>, segment: usize) -> Option<Reading> {
    let result = within(task, segment, async |filter| {
        if !filter.can_be_listed() {
            return Ok(None);
        }
        task.reader.open_tickets(&filter).await.map(Some)
    })
    .await;
    Some(Reading::Open { segment, result })
}

/// Looks the segment's filter up and reads with it, all before the deadline.
async fn within<T>(
    task: Task<'_>,
    segment: usize,
    read: impl AsyncFnOnce(helpscout::Filter) -> Result<T, helpscout::Error>,
) -> Result<T, SourceFailure> {
    let Some(segment) = task.config.segments.get(segment) else {
        return Err(timed_out(Vec::new()));
    };
    let reading = async {
        let filter = task.reader.filter(segment).await?;
        read(filter).await
    };
    let segments = vec![segment.name.clone()];
    match timeout_at(task.deadline, reading).await {
        Ok(result) => result.map_err(|error| SourceFailure {
            reason: error.reason(),
            segments,
            text: chain(&error),
        }),
        Err(_) => Err(timed_out(segments)),
    }
}

fn timed_out(segments: Vec<String>) -> SourceFailure {
    SourceFailure {
        reason: Reason::Timeout,
        segments,
        text: "not read before the next refresh was due".to_owned(),
    }
}

async fn read_population(
    task: Task<'_>,
    populations: &Populations,
    index: usize,
    reports: watch::Receiver<Reports>,
) -> Option<Reading> {
    let population = task.config.populations.get(index)?;
    // Without daily counts there is no baseline to read for. Before the plan is known it is read.
    let with_baseline = *reports.borrow() != Reports::Unavailable;
    let windows = &task.config.windows;
    let mut values = HashMap::new();
    let mut failures = Vec::new();
    for interval in plan::population_intervals(population, windows, task.end, with_baseline) {
        let reading = populations.read(index, interval, task.deadline);
        let failure = match timeout_at(task.deadline, reading).await {
            Ok(Ok(value)) => {
                values.insert(interval, value);
                continue;
            }
            Ok(Err(error)) => failure(&error),
            Err(_) => timed_out(Vec::new()),
        };
        // What failed for the query may work for another interval; what failed for the other side
        // will not, and asking again for each interval would only add to its trouble.
        let goes_on = matches!(failure.reason, Reason::Query | Reason::Decode);
        failures.push(failure);
        if !goes_on {
            break;
        }
    }
    Some(Reading::Population {
        population: index,
        values,
        failures,
    })
}

fn failure(error: &count::Error) -> SourceFailure {
    SourceFailure {
        reason: error.reason(),
        segments: Vec::new(),
        text: chain(error),
    }
}
