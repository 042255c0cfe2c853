//! Contact reasons: which there are, tickets created with each, and the populations over the very same
//! interval.

mod last;

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use super::{Context, Ended, Step, Task};
use crate::{
    chain::chain,
    config::{Config, PopulationKind, Reasons},
    domain::{
        ContactReason, ContactReasons, Interval, Reason, ReasonCounts, Source, SourceFailure,
        Window, cut_to_minute,
    },
    snapshot::{Finding, ReasonsFound},
};
use last::LastReasons;

/// Reasons that are not answered for one after the other before the rest is left for later.
const FAILURES_IN_A_ROW: usize = 3;

/// Reads the contact reasons.
pub struct ReasonsTask {
    wanted: Reasons,
    definition: u64,
    last: LastReasons,
    /// Keys of those that were not answered for last time: they come last.
    failed: BTreeSet<String>,
}

impl ReasonsTask {
    /// The reasons that `config` wants counted; `None` where it wants none.
    pub fn new(config: &Config) -> Option<Self> {
        Some(Self {
            wanted: config.reasons.clone()?,
            definition: config.definition_and_addresses_hash(),
            last: LastReasons::default(),
            failed: BTreeSet::new(),
        })
    }

    async fn read(&mut self, context: &Context) -> Step {
        let config = &context.config;
        if let Some(wanted) = &config.reasons {
            self.wanted.every = wanted.every;
        }
        let Some(window) = config.windows.get(self.wanted.window) else {
            return Step::default();
        };
        let started = Instant::now();
        let end = cut_to_minute((context.now)());
        let asked = Asked {
            context,
            current: window.current(end),
            previous: window.previous(end),
        };
        let listed = match asked.list(&self.wanted).await {
            Ok(listed) => listed,
            // It is not known which there are: what was found stays until it is too old.
            Err(failure) => return self.ended(window, config, vec![failure]),
        };
        let ContactReasons {
            mut reasons,
            mut failures,
        } = listed;
        self.count(&asked, &mut reasons, started, &mut failures)
            .await;
        self.last.take(&reasons, asked.current, started);
        self.size(&asked, &mut failures).await;
        self.ended(window, config, failures)
    }

    /// Counts those reasons that are due. One that was counted less than `every` ago is not, when others
    /// are tried again.
    async fn count(
        &mut self,
        asked: &Asked<'_>,
        reasons: &mut [ContactReason],
        started: Instant,
        failures: &mut Vec<SourceFailure>,
    ) {
        let every = self.wanted.every;
        let mut due: Vec<&mut ContactReason> = reasons
            .iter_mut()
            .filter(|one| one.counts.is_none() && !self.last.is_fresh(&one.key, started, every))
            .collect();
        due.sort_by_key(|one| self.failed.contains(&one.key));
        self.failed.clear();
        let mut in_a_row = 0;
        for reason in due {
            match asked.count(reason).await {
                Ok(counts) => {
                    reason.counts = Some(counts);
                    in_a_row = 0;
                }
                Err(failure) => {
                    self.failed.insert(reason.key.clone());
                    in_a_row += 1;
                    let is_over = concerns_all(failure.reason) || in_a_row >= FAILURES_IN_A_ROW;
                    failures.push(failure);
                    if is_over {
                        break;
                    }
                }
            }
        }
    }

    /// Reads the populations over the intervals of the counts. One that failed is asked no more.
    async fn size(&mut self, asked: &Asked<'_>, failures: &mut Vec<SourceFailure>) {
        let populations = asked.context.config.populations.len();
        for (population, intervals) in self.last.missing(populations) {
            for interval in intervals {
                match asked.population(population, interval).await {
                    Ok(value) => self.last.size(population, interval, value),
                    Err(failure) => {
                        failures.push(failure);
                        break;
                    }
                }
            }
        }
        self.last.assess(populations);
    }

    /// Each reason is kept for itself: what is too old is told no more.
    fn ended(&mut self, window: &Window, config: &Config, failures: Vec<SourceFailure>) -> Step {
        self.last.expire(Instant::now(), self.wanted.max_age());
        Step {
            finding: Some(Finding::Reasons(ReasonsFound {
                window: window.clone(),
                reasons: self.last.values(config.populations.len()),
            })),
            end: Some(Ended {
                failures,
                missing_past: None,
            }),
        }
    }
}

impl Task for ReasonsTask {
    fn source(&self) -> Source {
        Source::Reasons
    }

    fn definition(&self) -> u64 {
        self.definition
    }

    fn every(&self) -> Duration {
        self.wanted.every
    }

    fn step<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Step> {
        Box::pin(self.read(context))
    }
}

/// Whether it is of no use to ask for another reason after this failure.
const fn concerns_all(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Auth | Reason::Forbidden | Reason::RateLimited
    )
}

/// One reading's questions: all for the same interval and the one before, each in its turn and within
/// the interval of a refresh.
struct Asked<'a> {
    context: &'a Context,
    current: Interval,
    previous: Interval,
}

impl Asked<'_> {
    fn deadline(&self) -> Instant {
        Instant::now() + self.context.config.interval
    }

    async fn list(&self, wanted: &Reasons) -> Result<ContactReasons, SourceFailure> {
        let _turn = self.context.turn().await;
        let tickets = &self.context.sources.tickets;
        let deadline = self.deadline();
        let listed = tickets.reasons(wanted, self.current, self.previous, deadline);
        match timeout_at(deadline, listed).await {
            Ok(Some(listed)) => listed,
            Ok(None) => Err(failure(
                Reason::Query,
                format!("{} knows no contact reasons", tickets.name()),
            )),
            Err(_) => Err(late("the list of contact reasons")),
        }
    }

    async fn count(&self, reason: &ContactReason) -> Result<ReasonCounts, SourceFailure> {
        let _turn = self.context.turn().await;
        let deadline = self.deadline();
        let tickets = &self.context.sources.tickets;
        let counts = tickets.reason(reason, self.current, self.previous, deadline);
        let counts = timeout_at(deadline, counts).await;
        counts.unwrap_or_else(|_| Err(late(&format!("contact reason `{}`", reason.name))))
    }

    async fn population(&self, index: usize, interval: Interval) -> Result<f64, SourceFailure> {
        let population = self.context.config.populations.get(index);
        let Some(population) = population else {
            return Err(failure(Reason::Query, format!("no population {index}")));
        };
        let interval = match population.kind {
            PopulationKind::Window => interval,
            PopulationKind::Total => Interval {
                start: interval.end,
                end: interval.end,
            },
        };
        let _turn = self.context.turn().await;
        let deadline = self.deadline();
        let populations = &self.context.sources.populations;
        match timeout_at(deadline, populations.read(index, interval, deadline)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failure(error.reason(), chain(&error))),
            Err(_) => Err(late(&format!("population `{}`", population.name))),
        }
    }
}

fn late(what: &str) -> SourceFailure {
    failure(Reason::Timeout, format!("{what} was not read in time"))
}

const fn failure(reason: Reason, text: String) -> SourceFailure {
    SourceFailure {
        reason,
        segments: Vec::new(),
        text,
    }
}
