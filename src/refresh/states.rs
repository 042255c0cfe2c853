//! How each source fares, and what the log says of it.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tracing::{debug, info, warn};

use crate::{
    config::Config,
    domain::{Source, SourceFailure},
    snapshot::SourceState,
    sources::capabilities::Capabilities,
};

/// All that one refresh says of a source, once every reading of it is in.
pub struct Outcome {
    /// Every failed reading.
    pub failures: Vec<SourceFailure>,
    /// Which past could not be read, and why.
    pub missing_past: Option<String>,
    /// From the start of the refresh to the last reading.
    pub took: Duration,
    /// When the last reading came.
    pub at: Timestamp,
}

/// The state of every source that exists now, in a stable order.
pub struct States(Vec<SourceState>);

impl States {
    /// Every source, none read yet.
    pub fn new(config: &Config, capabilities: Capabilities) -> Self {
        let sources = all(config, capabilities);
        Self(sources.into_iter().map(SourceState::unread).collect())
    }

    /// Follows the sources that exist: some come and go with what the help desk can tell. Says
    /// whether any did.
    pub fn follow(&mut self, config: &Config, capabilities: Capabilities) -> bool {
        let wanted = all(config, capabilities);
        if wanted.iter().eq(self.0.iter().map(|state| &state.source)) {
            return false;
        }
        let mut known: BTreeMap<Source, SourceState> = self
            .0
            .drain(..)
            .map(|state| (state.source.clone(), state))
            .collect();
        let states = wanted.into_iter().map(|source| {
            known
                .remove(&source)
                .unwrap_or_else(|| SourceState::unread(source))
        });
        self.0 = states.collect();
        true
    }

    /// Forgets how `source` fared, but for its failures: counters only grow.
    pub fn forget(&mut self, source: &Source) {
        for state in self.0.iter_mut().filter(|state| state.source == *source) {
            let failures = state.failures;
            *state = SourceState::unread(source.clone());
            state.failures = failures;
        }
    }

    /// Forgets how all fared but those of `kept`.
    pub fn forget_all_but(&mut self, kept: &[Source]) {
        for source in self.names() {
            if !kept.contains(&source) {
                self.forget(&source);
            }
        }
    }

    /// The sources that exist now.
    pub fn names(&self) -> Vec<Source> {
        self.0.iter().map(|state| state.source.clone()).collect()
    }

    /// The states for a snapshot.
    pub fn all(&self) -> Vec<SourceState> {
        self.0.clone()
    }

    /// Whether a source has never been read, and for a reason that may soon pass: the other side is
    /// not there yet.
    pub fn may_soon_work(&self) -> bool {
        self.0.iter().any(|state| {
            let mut failures = state.last_failures.iter();
            let refreshed = state.source != Source::Forecast;
            refreshed
                && state.last_success.is_none()
                && failures.any(|failure| failure.reason.may_soon_pass())
        })
    }

    /// Notes what a refresh says of a source. A change is logged, a repetition only for whoever
    /// debugs.
    pub fn finish(&mut self, source: &Source, outcome: Outcome) {
        let Some(state) = self.0.iter_mut().find(|state| state.source == *source) else {
            return;
        };
        for failure in &outcome.failures {
            state.failures.add(failure.reason);
        }
        let seconds = outcome.took.as_secs_f64();
        let before = state.last_failures.first().map(|failure| failure.reason);
        state.up = outcome.failures.is_empty();
        state.last_failures = SourceFailure::grouped(&outcome.failures);
        state.last_duration_seconds = Some(seconds);
        if state.up {
            state.last_success = Some(outcome.at);
        }
        match state.last_failure() {
            Some(failure) if before != Some(failure.reason) => {
                warn!(%source, reason = %failure.reason, error = %failure, "source failed");
            }
            Some(failure) => {
                debug!(%source, reason = %failure.reason, error = %failure, "source still fails");
            }
            None if before.is_some() => info!(%source, seconds, "source works again"),
            None => debug!(%source, seconds, "source read"),
        }
        match (&outcome.missing_past, &state.missing_past) {
            (Some(missing), None) if state.up => warn!(%source, "{missing}"),
            (None, Some(_)) if state.up => info!(%source, "its past is known again"),
            _ => {}
        }
        // While the present is not known either, nothing is known of the past.
        if state.up {
            state.missing_past = outcome.missing_past;
        }
    }
}

/// Every source of a configuration: those read with every refresh, then those read beside it.
pub fn all(config: &Config, capabilities: Capabilities) -> Vec<Source> {
    let mut all = sources(config, capabilities);
    all.extend(beside(config));
    all
}

/// The sources that are read beside the refreshes: one for each background task.
fn beside(config: &Config) -> Vec<Source> {
    let reasons = config.reasons.iter().map(|_| Source::Reasons);
    let forecast = config.forecast.iter().map(|_| Source::Forecast);
    reasons.chain(forecast).collect()
}

/// Every source that is read with every refresh, of a configuration whose help desk can tell so much.
pub fn sources(config: &Config, capabilities: Capabilities) -> Vec<Source> {
    let mut sources = vec![Source::Tickets];
    if capabilities.days {
        sources.push(Source::DailyTickets);
    }
    if capabilities.open {
        sources.push(Source::OpenTickets);
    }
    if capabilities.ratings {
        sources.push(Source::Happiness);
    }
    if config.help_center().is_some() {
        sources.push(Source::HelpCenter);
    }
    let populations = config.populations.iter();
    sources.extend(populations.map(|population| Source::Population(population.name.clone())));
    sources
}
