//! One refresh's readings: every source at once, each bounded by the refresh's deadline.

use std::{collections::HashMap, future::Future};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::{gathered::Pair, intervals::Uses};
use crate::{
    chain::chain,
    config::{Config, Segment},
    domain::{
        Contacts, DailyCounts, HelpCenter, Interval, OpenTickets, Question, Ratings, Reason,
        Source, SourceFailure,
    },
    sources::{
        count::{self, Populations},
        counted::Counted,
        tickets::{TicketReader, TicketSource},
    },
};

/// What a refresh reads.
pub struct Sources {
    /// The help desk.
    pub tickets: TicketSource,
    /// The populations.
    pub populations: Populations,
}

/// One reading: what a source gave for one segment, window or population, or why not.
pub enum Reading {
    /// Tickets of a segment and window.
    Contacts(Pair, Box<Counted>),
    /// Ratings of a segment and window; `None` where the source has none.
    Ratings(Pair, Option<Result<Ratings, SourceFailure>>),
    /// Daily counts of a segment; `None` where the source has none.
    Daily(usize, Option<Result<DailyCounts, SourceFailure>>),
    /// Both once more, since they contradicted each other: the counts of one window and the days.
    Again {
        /// Segment and window.
        pair: Pair,
        /// The counts and the days; nothing where the source has no days now.
        both: Box<Result<Option<(Contacts, DailyCounts)>, SourceFailure>>,
    },
    /// Open tickets of a segment, and what could not be read of them; `None` when they cannot be
    /// known, or, with a failure, could not be read.
    Open(usize, Option<OpenTickets>, Vec<SourceFailure>),
    /// Visits of the help centre in a window; `None` where none is counted.
    HelpCenter(usize, Option<Result<HelpCenter, SourceFailure>>),
    /// A population.
    Population(usize, PopulationReading),
}

/// What was read of a population.
#[derive(Default)]
pub struct PopulationReading {
    /// The values, by interval.
    pub values: HashMap<Interval, f64>,
    /// Why running intervals could not be read.
    pub failures: Vec<SourceFailure>,
    /// Which past could not be read, and why.
    pub missing_past: Option<String>,
}

impl Reading {
    /// The source it was read from.
    pub fn source(&self, config: &Config) -> Source {
        match self {
            Self::Contacts(..) => Source::Tickets,
            Self::Ratings(..) => Source::Happiness,
            Self::Daily(..) | Self::Again { .. } => Source::DailyTickets,
            Self::Open(..) => Source::OpenTickets,
            Self::HelpCenter(..) => Source::HelpCenter,
            Self::Population(index, _) => Source::Population(
                config
                    .populations
                    .get(*index)
                    .map_or_else(String::new, |population| population.name.clone()),
            ),
        }
    }
}

/// The readings of one refresh, as they come in. Dropping it cancels what is under way; all of it
/// is read-only.
pub struct Round<'a> {
    asked: Asked<'a>,
    readings: FuturesUnordered<BoxFuture<'a, Option<Reading>>>,
}

/// What the readings of a round share: everything is asked for the same `end`.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// What is counted.
    pub config: &'a Config,
    /// Whom to ask for tickets.
    pub tickets: &'a TicketReader<'a>,
    /// Whom to ask for populations.
    pub populations: &'a Populations,
    /// `end`.
    pub end: Timestamp,
    /// Until when.
    pub deadline: Instant,
}

impl<'a> Round<'a> {
    /// Prepares every reading; they run when [`Round::next`] is polled.
    pub fn new(asked: Asked<'a>, uses: &'a Uses) -> Self {
        let config = asked.config;
        let readings = FuturesUnordered::new();
        for index in 0..config.populations.len() {
            readings.push(boxed(read_population(asked, index, uses)));
        }
        // Lists are answered fast, reports are not: they need not queue behind them.
        for (index, segment) in config.segments.iter().enumerate() {
            readings.push(boxed(read_open(asked, index, segment)));
        }
        if config.help_center().is_some() {
            for (window, of) in config.windows.iter().enumerate() {
                readings.push(boxed(read_help_center(
                    asked,
                    window,
                    of.current(asked.end),
                )));
            }
        }
        for (index, segment) in config.segments.iter().enumerate() {
            for (window, of) in config.windows.iter().enumerate() {
                let question = Question::of(of, asked.end);
                let pair = (index, window);
                readings.push(boxed(read_contacts(asked, pair, segment, question)));
            }
            readings.push(boxed(read_daily(asked, index, segment)));
            for (window, of) in config.windows.iter().enumerate() {
                let interval = of.current(asked.end);
                readings.push(boxed(read_ratings(
                    asked,
                    (index, window),
                    segment,
                    interval,
                )));
            }
        }
        Self { asked, readings }
    }

    /// Asks once more for the counts of one window and the days of its segment.
    pub fn ask_again(&mut self, pair: Pair) {
        let config = self.asked.config;
        let (segment, window) = pair;
        if let (Some(segment), Some(window)) =
            (config.segments.get(segment), config.windows.get(window))
        {
            let question = Question::of(window, self.asked.end);
            let reading = read_again(self.asked, pair, segment, question);
            self.readings.push(boxed(reading));
        }
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
}

fn boxed<'a>(
    reading: impl Future<Output = Option<Reading>> + Send + 'a,
) -> BoxFuture<'a, Option<Reading>> {
    Box::pin(reading)
}

async fn read_contacts(
    asked: Asked<'_>,
    pair: Pair,
    segment: &Segment,
    question: Question,
) -> Option<Reading> {
    let previous = question.previous?;
    let reading = asked.tickets.contacts(segment, question.current, previous);
    Some(Reading::Contacts(pair, Box::new(reading.await)))
}

async fn read_daily(asked: Asked<'_>, index: usize, segment: &Segment) -> Option<Reading> {
    let reading = asked.tickets.daily_created(segment, asked.end).await;
    Some(Reading::Daily(index, reading))
}

async fn read_again(
    asked: Asked<'_>,
    pair: Pair,
    segment: &Segment,
    question: Question,
) -> Option<Reading> {
    let previous = question.previous?;
    let contacts = asked.tickets.contacts(segment, question.current, previous);
    let contacts = contacts.await;
    let days = asked.tickets.daily_created(segment, asked.end).await;
    let failure = contacts.failures.into_iter().next();
    let both = match (contacts.contacts, failure, days) {
        (_, _, Some(Err(failure))) | (_, Some(failure), _) => Err(failure),
        (Some(contacts), None, Some(Ok(days))) => Ok(Some((contacts, days))),
        _ => Ok(None),
    };
    Some(Reading::Again {
        pair,
        both: Box::new(both),
    })
}

async fn read_ratings(
    asked: Asked<'_>,
    pair: Pair,
    segment: &Segment,
    interval: Interval,
) -> Option<Reading> {
    let ratings = asked.tickets.ratings(segment, interval).await;
    Some(Reading::Ratings(pair, ratings))
}

async fn read_open(asked: Asked<'_>, index: usize, segment: &Segment) -> Option<Reading> {
    let (open, failures) = asked.tickets.open_tickets(segment).await;
    Some(Reading::Open(index, open, failures))
}

async fn read_help_center(asked: Asked<'_>, window: usize, interval: Interval) -> Option<Reading> {
    let visits = asked.tickets.help_center(interval).await;
    Some(Reading::HelpCenter(window, visits))
}

async fn read_population(asked: Asked<'_>, index: usize, uses: &Uses) -> Option<Reading> {
    let mut reading = PopulationReading::default();
    let mut is_over = false;
    for interval in uses.current(index) {
        match read_interval(asked, index, interval).await {
            Ok(value) => {
                reading.values.insert(interval, value);
            }
            Err(mut failure) => {
                let goes_on = concerns_the_interval(&failure);
                is_over |= !goes_on && failure.reason != Reason::Status;
                if !reading.values.is_empty() {
                    // Which of several it is, is not to be guessed.
                    failure.text = format!("{}: {}", interval.in_words(), failure.text);
                }
                reading.failures.push(failure);
                if !goes_on {
                    break;
                }
            }
        }
    }
    // A window that could be read is compared with its past, whatever became of the others.
    if !reading.values.is_empty() && !is_over {
        // Without daily counts there is no baseline to read for. Before the plan is known it is.
        let with_baselines = asked.tickets.capabilities().days;
        read_past(asked, index, uses.past(index, with_baselines), &mut reading).await;
    }
    Some(Reading::Population(index, reading))
}

/// Each interval of the past stands for itself: without it the running rate is shown all the same.
async fn read_past(
    asked: Asked<'_>,
    index: usize,
    intervals: Vec<Interval>,
    reading: &mut PopulationReading,
) {
    let mut missing: Vec<(Interval, SourceFailure)> = Vec::new();
    let mut is_over = false;
    for interval in intervals {
        let failed = match missing.last() {
            // What hung or broke off is not asked again for longer intervals.
            Some((_, failure)) if is_over => Err(failure.clone()),
            _ => read_interval(asked, index, interval).await,
        };
        match failed {
            Ok(value) => {
                reading.values.insert(interval, value);
            }
            Err(failure) => {
                // An endpoint may refuse what is long ago.
                is_over |= !concerns_the_interval(&failure) && failure.reason != Reason::Status;
                missing.push((interval, failure));
            }
        }
    }
    let latest = missing.iter().max_by_key(|(interval, _)| interval.end);
    let Some((latest, failure)) = latest else {
        return;
    };
    let earliest = reading.values.keys().map(|interval| interval.start).min();
    let since = earliest.map_or_else(String::new, |since| format!("; it is known since {since}"));
    let place = latest.in_words();
    let others = match missing.len() {
        1 => String::new(),
        2 => " and 1 other interval".to_owned(),
        count => format!(" and {} other intervals", count - 1),
    };
    reading.missing_past = Some(format!(
        "its past {place}{others} could not be read, and what is compared with it is absent{since} ({}: {})",
        failure.reason, failure.text
    ));
}

async fn read_interval(
    asked: Asked<'_>,
    index: usize,
    interval: Interval,
) -> Result<f64, SourceFailure> {
    let reading = asked.populations.read(index, interval, asked.deadline);
    match timeout_at(asked.deadline, reading).await {
        Ok(result) => result.map_err(|error| failed(&error)),
        Err(_) => Err(SourceFailure {
            reason: Reason::Timeout,
            segments: Vec::new(),
            text: "not read before the next refresh was due".to_owned(),
        }),
    }
}

/// What failed for the query may work for another interval; what failed for the other side will not,
/// and asking again for each interval would only add to its trouble.
const fn concerns_the_interval(failure: &SourceFailure) -> bool {
    matches!(failure.reason, Reason::Query | Reason::Decode)
}

fn failed(error: &count::Error) -> SourceFailure {
    SourceFailure {
        reason: error.reason(),
        segments: Vec::new(),
        text: chain(error),
    }
}
