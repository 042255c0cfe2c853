//! One month after the other from the sources, a few at a time.

use std::{cell::Cell, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;
use tracing::warn;

use super::{
    error::Error,
    missing::{Missing, sentences},
    months::{Period, Periods},
};
use crate::{
    chain::chain,
    config::{Config, Population, PopulationKind, Segment},
    domain::{
        ContactCounts, Contacts, DailyCounts, Doubt, Interval, NoCreated, Question, Reason,
        SegmentReading, SourceFailure, conclude, days_before,
    },
    sources::{
        count::{self, Populations},
        tickets::{PastReader, TicketSource},
    },
};

/// How long one month may take: long enough for any wait that a help desk asks for.
const PATIENCE: Duration = Duration::from_hours(2);

/// Months read at once. The client paces its calls; more would only wait.
const AT_ONCE: usize = 3;

/// What there is no report without.
const TICKETS: &str = "the tickets";

/// What is read, out of all that the config has.
pub(super) struct Chosen<'a> {
    pub(super) segment: &'a Segment,
    /// With its index in the config.
    pub(super) population: Option<(usize, &'a Population)>,
}

/// Where it is read.
pub(super) struct Sources<'a> {
    pub(super) config: &'a Config,
    pub(super) tickets: &'a TicketSource,
    pub(super) populations: &'a Populations,
    pub(super) chosen: Chosen<'a>,
}

/// What is known of one month.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Known {
    pub(super) counts: ContactCounts,
    pub(super) population: Option<f64>,
    /// `φ` of the 56 days that end with the month.
    pub(super) dispersion: Option<f64>,
}

/// The month before and every reported month, and what could not be read of them. Fails when not one
/// month's tickets could.
pub(super) async fn read(
    sources: &Sources<'_>,
    periods: &Periods,
    progress: impl Fn(usize, usize),
) -> Result<(Vec<Known>, Vec<Missing>), Error> {
    let reader = MonthReader(sources);
    let all = periods.reported.len() + 1;
    let done = Cell::new(0);
    let told = |month| {
        done.set(done.get() + 1);
        progress(done.get(), all);
        month
    };
    // The first answer tells what the source can tell, so nothing else is asked before it.
    let before = told(reader.first(periods.before).await?);
    let months = stream::iter(&periods.reported)
        .map(|period| reader.month(*period))
        .buffered(AT_ONCE)
        .map(told);
    let mut read = vec![before];
    read.extend(months.collect::<Vec<_>>().await);
    let (known, missing): (Vec<Known>, Vec<Vec<Missing>>) = read.into_iter().unzip();
    let missing: Vec<Missing> = missing.into_iter().flatten().collect();
    let unread = missing.iter().filter(|one| one.what == TICKETS).count();
    if unread == all {
        return Err(Error::Incomplete(sentences(&missing)));
    }
    Ok((known, missing))
}

/// What was read of a month, and what could not be.
type Read = (Known, Vec<Missing>);

/// The questions of one report.
struct MonthReader<'a>(&'a Sources<'a>);

impl MonthReader<'_> {
    fn past(&self) -> PastReader<'_> {
        self.0.tickets.past(Instant::now() + PATIENCE)
    }

    /// The month before: it needs no bounds, hence no dispersion. Fails when every other month would
    /// fail alike.
    async fn first(&self, period: Period) -> Result<Read, Error> {
        let segment = self.0.chosen.segment;
        let looked_up = self.past().look_up(segment).await;
        looked_up.map_err(|failure| Error::Filter {
            segment: segment.name.clone(),
            desk: self.0.tickets.name(),
            why: failure.text,
        })?;
        let counts = self.counts(period).await;
        if let Some(limitation) = &self.0.tickets.limitation(self.0.config) {
            warn!("{limitation}");
        }
        match counts {
            Err(failure)
                if matches!(
                    failure.reason,
                    Reason::Auth | Reason::Forbidden | Reason::Connect
                ) =>
            {
                Err(Error::Tickets {
                    month: period.month,
                    desk: self.0.tickets.name(),
                    why: failure.text,
                })
            }
            counts => Ok(self.rest(period, counts, false).await),
        }
    }

    async fn month(&self, period: Period) -> Read {
        let counts = self.counts(period).await;
        self.rest(period, counts, true).await
    }

    async fn counts(&self, period: Period) -> Result<ContactCounts, SourceFailure> {
        let segment = self.0.chosen.segment;
        let counts = self.past().counts(segment, period.interval).await?;
        if counts == ContactCounts::default() && !self.past().capabilities().all_counts {
            return Err(SourceFailure {
                reason: Reason::Query,
                segments: Vec::new(),
                text: self.0.tickets.not_countable(segment),
            });
        }
        Ok(counts)
    }

    /// All that goes with the counts of a month. What cannot be read is unknown, and named.
    async fn rest(
        &self,
        period: Period,
        counts: Result<ContactCounts, SourceFailure>,
        with_dispersion: bool,
    ) -> Read {
        let segment = self.0.chosen.segment;
        let has_days = self.past().capabilities().days;
        let month = period.month;
        let mut missing = Vec::new();
        let mut miss = |what, reason| {
            missing.push(Missing {
                month,
                what,
                reason,
            });
        };
        let population = self.population(period).await.unwrap_or_else(|error| {
            miss("the population", chain(&error));
            None
        });
        let counts = match counts {
            Ok(counts) => counts,
            Err(failure) => {
                miss(TICKETS, failure.text);
                let unknown = Known {
                    population,
                    ..Known::default()
                };
                return (unknown, missing);
            }
        };
        let mut concluded = conclude_month(period.interval, counts, None);
        if has_days && concluded.counts.created.is_none() {
            let days = self.past().created_by_day(segment, period.interval).await;
            match unless_without(days) {
                Ok(days) => {
                    concluded = conclude_month(period.interval, concluded.counts, Some(&days));
                    if let Some(why) = concluded.no_created {
                        warn!(%month, "tickets created are not known: {why}");
                    }
                }
                Err(Without::ForGood(why)) => warn!(%month, "tickets created are not known: {why}"),
                Err(Without::ThisTime(why)) => miss("the tickets created", why),
            }
        }
        let mut counts = concluded.counts;
        if !self.0.config.tells_resolved() {
            counts.resolved = None;
        }
        let mut dispersion = None;
        if with_dispersion && has_days {
            let before = days_before(period.interval.end);
            let days = unless_without(self.past().created_by_day(segment, before).await);
            let doubt = match &days {
                Ok(days) => {
                    let concluded = conclude_month(period.interval, counts.clone(), Some(days));
                    dispersion = concluded.dispersion;
                    concluded.doubt.map(|doubt| doubt.to_string())
                }
                Err(Without::ForGood(why)) => Some(why.clone()),
                Err(Without::ThisTime(why)) => {
                    miss("the daily counts", why.clone());
                    None
                }
            };
            if let Some(doubt) = doubt {
                warn!(
                    %month,
                    "{doubt}: the bounds of the month's rates take tickets to vary by chance alone"
                );
            }
        }
        let known = Known {
            counts,
            population,
            dispersion,
        };
        (known, missing)
    }

    async fn population(&self, period: Period) -> Result<Option<f64>, count::Error> {
        let Some((index, population)) = self.0.chosen.population else {
            return Ok(None);
        };
        // What has no past is only known now.
        if period.is_whole && !population.has_past() {
            return Ok(None);
        }
        let end = period.interval.end;
        let interval = match population.kind {
            PopulationKind::Window => period.interval,
            PopulationKind::Total => Interval::instant(end),
        };
        let deadline = Instant::now() + PATIENCE;
        let size = self.0.populations.read(index, interval, deadline).await;
        size.map(Some)
    }
}

/// Why days are not there.
enum Without {
    /// The account has none that can be understood: no reason to lose the counts there are.
    ForGood(String),
    /// They could not be read.
    ThisTime(String),
}

fn unless_without(days: Result<DailyCounts, SourceFailure>) -> Result<DailyCounts, Without> {
    days.map_err(|failure| match failure.reason {
        Reason::Decode | Reason::Forbidden => Without::ForGood(failure.text),
        _ => Without::ThisTime(failure.text),
    })
}

/// What is concluded of a month, by the rules of the domain.
struct Concluded {
    counts: ContactCounts,
    dispersion: Option<f64>,
    doubt: Option<Doubt>,
    no_created: Option<NoCreated>,
}

fn conclude_month(
    interval: Interval,
    counts: ContactCounts,
    days: Option<&DailyCounts>,
) -> Concluded {
    let contacts = Contacts {
        current: counts,
        previous: ContactCounts::default(),
    };
    let mut concluded = conclude(&SegmentReading {
        windows: vec![(Question::alone(interval), Some(&contacts))],
        days,
    });
    let month = concluded.windows.pop().flatten();
    Concluded {
        no_created: month.as_ref().and_then(|month| month.no_created),
        counts: month.map(|month| month.current).unwrap_or_default(),
        dispersion: concluded.dispersion,
        doubt: concluded.doubt,
    }
}
