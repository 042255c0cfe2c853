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
    config::{CountsFrom, Population, PopulationKind, Segment},
    domain::{
        ContactCounts, Contacts, DailyCounts, Doubt, Interval, NoCreated, Question, Reason,
        SegmentReading, conclude,
    },
    sources::count::{self, Populations},
    sources::helpscout::{self, Filter, HelpScout},
};

/// How long one month may take: long enough for any wait that Help Scout asks for.
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
    pub(super) counts_from: CountsFrom,
}

/// Where it is read.
pub(super) struct Sources<'a> {
    pub(super) helpscout: &'a HelpScout,
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
    let filter = sources.filter().await?;
    let all = periods.reported.len() + 1;
    let done = Cell::new(0);
    let told = |month| {
        done.set(done.get() + 1);
        progress(done.get(), all);
        month
    };
    // The first answer tells whether the plan has reports, so nothing else is asked before it.
    let (before, by_search) = sources.first(&filter, periods.before).await?;
    let before = told(before);
    let months = stream::iter(&periods.reported)
        .map(|period| sources.month(&filter, *period, by_search))
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

impl Sources<'_> {
    fn reader(&self) -> helpscout::Reader<'_> {
        self.helpscout.until(Instant::now() + PATIENCE)
    }

    async fn filter(&self) -> Result<Filter, Error> {
        let segment = self.chosen.segment;
        let filter = self.reader().filter(segment).await;
        filter.map_err(|source| Error::Filter {
            segment: segment.name.clone(),
            source: source.into(),
        })
    }

    /// The month before: it needs no bounds, hence no dispersion. Says too whether tickets must be
    /// counted by search. Fails when every other month would fail alike.
    async fn first(&self, filter: &Filter, period: Period) -> Result<(Read, bool), Error> {
        let mut by_search = self.chosen.counts_from == CountsFrom::Search;
        let mut counts = self.counts(filter, period.interval, by_search).await;
        if self.chosen.counts_from == CountsFrom::Auto
            && counts.as_ref().is_err_and(helpscout::Error::is_forbidden)
        {
            warn!(
                "the Help Scout plan has no reports (403): created tickets are counted by search, \
                 without those deleted since; resolved, closed and replies are not known"
            );
            by_search = true;
            counts = self.counts(filter, period.interval, by_search).await;
        }
        match counts {
            Err(source)
                if matches!(
                    source.reason(),
                    Reason::Auth | Reason::Forbidden | Reason::Connect
                ) =>
            {
                Err(Error::Tickets {
                    month: period.month,
                    source: source.into(),
                })
            }
            counts => {
                let read = self.rest(filter, period, counts, by_search, false).await;
                Ok((read, by_search))
            }
        }
    }

    async fn month(&self, filter: &Filter, period: Period, by_search: bool) -> Read {
        let counts = self.counts(filter, period.interval, by_search).await;
        self.rest(filter, period, counts, by_search, true).await
    }

    /// What the source itself says of `interval`.
    async fn counts(
        &self,
        filter: &Filter,
        interval: Interval,
        by_search: bool,
    ) -> Result<ContactCounts, helpscout::Error> {
        let reader = self.reader();
        if by_search {
            return Ok(ContactCounts {
                created: Some(reader.created_by_search(filter, interval).await?),
                ..ContactCounts::default()
            });
        }
        reader.counts(filter, interval).await
    }

    /// All that goes with the counts of a month. What cannot be read is unknown, and named.
    async fn rest(
        &self,
        filter: &Filter,
        period: Period,
        counts: Result<ContactCounts, helpscout::Error>,
        by_search: bool,
        with_dispersion: bool,
    ) -> Read {
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
            Err(error) => {
                miss(TICKETS, chain(&error));
                let unknown = Known {
                    population,
                    ..Known::default()
                };
                return (unknown, missing);
            }
        };
        let mut concluded = conclude_month(period.interval, counts, None);
        if !by_search && concluded.counts.created.is_none() {
            let days = self.reader().created_days(filter, period.interval).await;
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
        let counts = concluded.counts;
        let mut dispersion = None;
        if with_dispersion && !by_search {
            let reader = self.reader();
            let days = reader.daily_created(filter, period.interval.end).await;
            let days = unless_without(days);
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
        let Some((index, population)) = self.chosen.population else {
            return Ok(None);
        };
        // What has no past is only known now.
        if period.is_whole && !population.has_past() {
            return Ok(None);
        }
        let end = period.interval.end;
        let interval = match population.kind {
            PopulationKind::Window => period.interval,
            PopulationKind::Total => Interval { start: end, end },
        };
        let deadline = Instant::now() + PATIENCE;
        let size = self.populations.read(index, interval, deadline).await;
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

fn unless_without(days: Result<DailyCounts, helpscout::Error>) -> Result<DailyCounts, Without> {
    days.map_err(|error| {
        let why = chain(&error);
        match error.reason() {
            Reason::Decode | Reason::Forbidden => Without::ForGood(why),
            _ => Without::ThisTime(why),
        }
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
