//! One month after the other from the sources, a few at a time.

use std::{cell::Cell, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;
use tracing::warn;

use super::{
    Error,
    months::{Period, Periods},
};
use crate::{
    chain::chain,
    config::{CountsFrom, Population, PopulationKind, Segment},
    domain::{ContactCounts, Interval, Reason, confirm},
    sources::count::Populations,
    sources::helpscout::{self, Filter, HelpScout},
};

/// How long one month may take: long enough for any wait that Help Scout asks for.
const PATIENCE: Duration = Duration::from_hours(2);

/// Months read at once. The client paces its calls; more would only wait.
const AT_ONCE: usize = 3;

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
pub(super) struct Reading {
    pub(super) counts: ContactCounts,
    pub(super) population: Option<f64>,
    /// `φ` of the 56 days that end with the month.
    pub(super) dispersion: Option<f64>,
}

/// The readings of the month before and of every reported month.
pub(super) async fn read(
    sources: &Sources<'_>,
    periods: &Periods,
    progress: impl Fn(usize, usize),
) -> Result<Vec<Reading>, Error> {
    let filter = sources.filter().await?;
    let all = periods.reported.len() + 1;
    let done = Cell::new(0);
    let told = |reading| {
        done.set(done.get() + 1);
        progress(done.get(), all);
        reading
    };
    // The first answer tells whether the plan has reports, so nothing else is asked before it.
    let (before, by_search) = sources.first(&filter, periods.before).await?;
    let before = told(before);
    let months = stream::iter(&periods.reported)
        .map(|period| sources.month(&filter, *period, by_search))
        .buffered(AT_ONCE)
        .map_ok(told);
    let mut readings = vec![before];
    readings.extend(months.try_collect::<Vec<_>>().await?);
    Ok(readings)
}

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
    /// counted by search.
    async fn first(&self, filter: &Filter, period: Period) -> Result<(Reading, bool), Error> {
        let mut by_search = self.chosen.counts_from == CountsFrom::Search;
        let mut counts = self.counts(filter, period, by_search).await;
        if self.chosen.counts_from == CountsFrom::Auto
            && let Err(Error::Tickets { source, .. }) = &counts
            && source.is_forbidden()
        {
            warn!(
                "the Help Scout plan has no reports (403): created tickets are counted by search, \
                 without those deleted since; resolved, closed and replies are not known"
            );
            by_search = true;
            counts = self.counts(filter, period, by_search).await;
        }
        let reading = Reading {
            counts: counts?,
            population: self.population(period).await?,
            dispersion: None,
        };
        Ok((reading, by_search))
    }

    async fn month(
        &self,
        filter: &Filter,
        period: Period,
        by_search: bool,
    ) -> Result<Reading, Error> {
        let counts = self.counts(filter, period, by_search).await?;
        let dispersion = if by_search {
            None
        } else {
            self.dispersion(filter, period, counts.created).await?
        };
        Ok(Reading {
            counts,
            population: self.population(period).await?,
            dispersion,
        })
    }

    async fn counts(
        &self,
        filter: &Filter,
        period: Period,
        by_search: bool,
    ) -> Result<ContactCounts, Error> {
        let reader = self.reader();
        let interval = period.interval;
        let counts = async {
            if by_search {
                return Ok(ContactCounts {
                    created: Some(reader.created_by_search(filter, interval).await?),
                    ..ContactCounts::default()
                });
            }
            let mut counts = reader.contacts_alone(filter, interval).await?;
            if counts.created.is_none() {
                counts.created = Some(reader.created_alone(filter, interval).await?);
            }
            Ok(counts.completed())
        };
        counts
            .await
            .map_err(|source: helpscout::Error| Error::Tickets {
                month: period.month,
                source: source.into(),
            })
    }

    /// `φ`, if the daily counts agree with the count of the month.
    async fn dispersion(
        &self,
        filter: &Filter,
        period: Period,
        created: Option<u64>,
    ) -> Result<Option<f64>, Error> {
        let end = period.interval.end;
        let month = period.month;
        match self.reader().daily_created(filter, end).await {
            Ok(daily) => match confirm(&daily, &[(period.interval, created)]) {
                Ok(days) => Ok(days.dispersion()),
                Err(doubt) => {
                    warn!(
                        %month,
                        %doubt,
                        "the daily counts are not to be trusted: the bounds of the month's rates \
                         take tickets to vary by chance alone"
                    );
                    Ok(None)
                }
            },
            // Without it for good: no reason to lose the counts there are.
            Err(error) if matches!(error.reason(), Reason::Decode | Reason::Forbidden) => {
                warn!(
                    %month,
                    error = chain(&error),
                    "the daily counts are not known: the bounds of the month's rates take tickets \
                     to vary by chance alone"
                );
                Ok(None)
            }
            Err(source) => Err(Error::Tickets {
                month,
                source: source.into(),
            }),
        }
    }

    async fn population(&self, period: Period) -> Result<Option<f64>, Error> {
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
        size.map(Some).map_err(|source| Error::Size {
            month: period.month,
            source,
        })
    }
}
