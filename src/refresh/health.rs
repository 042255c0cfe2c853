//! How each source fares, and what the log says of it.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tracing::{debug, info, warn};

use crate::{
    config::Config,
    domain::{Doubt, Reason, Source},
    snapshot::{SourceFailure, SourceState},
};

/// The state of every source that exists now, in a stable order.
pub struct Health {
    states: Vec<SourceState>,
}

impl Health {
    /// Every configured source, none read yet.
    pub fn new(config: &Config, with_reports: bool) -> Self {
        let states = sources(config, with_reports)
            .into_iter()
            .map(|source| SourceState {
                source,
                up: false,
                last_success: None,
                last_duration_seconds: None,
                last_failure: None,
            })
            .collect();
        Self { states }
    }

    /// Follows the sources that exist: those that only reports know come and go with the plan.
    pub fn follow(&mut self, config: &Config, with_reports: bool) {
        let mut known: BTreeMap<Source, SourceState> = self
            .states
            .drain(..)
            .map(|state| (state.source.clone(), state))
            .collect();
        self.states = Self::new(config, with_reports)
            .states
            .into_iter()
            .map(|fresh| known.remove(&fresh.source).unwrap_or(fresh))
            .collect();
    }

    /// The states for a snapshot.
    pub fn states(&self) -> Vec<SourceState> {
        self.states.clone()
    }

    /// Notes that every reading of a source is in. A change is logged, a repetition only for
    /// whoever debugs.
    pub fn finish(
        &mut self,
        source: &Source,
        failures: &[SourceFailure],
        took: Duration,
        now: Timestamp,
    ) {
        let Some(state) = self.states.iter_mut().find(|state| state.source == *source) else {
            return;
        };
        let failure = summary(failures);
        let seconds = took.as_secs_f64();
        match (&failure, &state.last_failure) {
            (Some(failure), before)
                if before.as_ref().map(|b| b.reason) != Some(failure.reason) =>
            {
                warn!(%source, reason = %failure.reason, error = %failure, "source failed");
            }
            (Some(failure), _) => {
                debug!(%source, reason = %failure.reason, error = %failure, "source still fails");
            }
            (None, Some(_)) => info!(%source, seconds, "source works again"),
            (None, None) => debug!(%source, seconds, "source read"),
        }
        state.up = failure.is_none();
        state.last_duration_seconds = Some(seconds);
        if failure.is_none() {
            state.last_success = Some(now);
        }
        state.last_failure = failure;
    }
}

/// The first failure stands for all of them.
fn summary(failures: &[SourceFailure]) -> Option<SourceFailure> {
    let mut groups = SourceFailure::grouped(failures).into_iter();
    let mut first = groups.next()?;
    let others = groups.count();
    if others > 0 {
        first.text = format!("{} (and {others} more)", first.text);
    }
    Some(first)
}

/// Every source of a configuration. On a plan without reports, and with `counts_from: search`,
/// daily counts and ratings do not exist.
pub fn sources(config: &Config, with_reports: bool) -> Vec<Source> {
    let mut sources = vec![Source::Tickets];
    if with_reports {
        sources.push(Source::DailyTickets);
    }
    sources.push(Source::OpenTickets);
    if with_reports && config.helpscout.happiness {
        sources.push(Source::Happiness);
    }
    let populations = config.populations.iter();
    sources.extend(populations.map(|population| Source::Population(population.name.clone())));
    sources
}

/// Daily counts of which nothing may be concluded.
pub fn doubted(config: &Config, end: Timestamp, segment: &str, doubt: Doubt) -> SourceFailure {
    let window = |interval| {
        let mut windows = config.windows.iter();
        windows.find(|window| window.current(end) == interval)
    };
    let what = match doubt {
        Doubt::Contradicts {
            interval,
            days,
            created,
        } if let Some(window) = window(interval) => format!(
            "the daily counts of the last {window} sum to {days}, but {created} tickets were counted as created in it"
        ),
        _ => doubt.to_string(),
    };
    SourceFailure {
        reason: Reason::Decode,
        segments: vec![segment.to_owned()],
        text: format!(
            "{what}; baseline, p-value and dispersion rest on daily counts and are left out"
        ),
    }
}
