//! The readings of one refresh, sorted as they come in: each once, its value and its failure
//! together.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    gathered::{Gathered, Pair},
    reading::Reading,
    states::{Outcome, States, sources},
};
use crate::{
    config::Config,
    domain::{Contacts, DailyCounts, Doubt, Reason, Source, SourceFailure},
    sources::capabilities::Capabilities,
};

/// The readings of one refresh, sorted as they come in.
pub struct Progress {
    /// What was read.
    pub gathered: Gathered,
    /// What counts the tickets of a window, for people.
    counted_by: &'static str,
    /// Of each source: how many readings are to come, and what was said so far.
    sources: HashMap<Source, Said>,
    /// Ticket counts still to come, by segment.
    contacts_waiting: Vec<usize>,
    /// Daily counts that wait for the ticket counts of their segment.
    days: HashMap<usize, DailyCounts>,
    /// Days and counts that contradicted each other, and were asked for once more.
    contradicted: HashMap<usize, DailyCounts>,
    /// Sources whose address has changed meanwhile: what they say is of the old one.
    moved: HashSet<Source>,
}

#[derive(Default)]
struct Said {
    waiting: usize,
    failures: Vec<SourceFailure>,
    missing_past: Option<String>,
}

impl Progress {
    /// Nothing read yet.
    pub fn new(
        config: &Config,
        counted_by: &'static str,
        end: Timestamp,
        started: Instant,
    ) -> Self {
        let places = config.segments.len() * config.windows.len();
        // All there may be: what a help desk cannot tell it does not say.
        let all = Capabilities {
            all_counts: true,
            days: true,
            open: true,
            ratings: true,
        };
        let said = |source: Source| {
            let waiting = match source {
                Source::Tickets | Source::Happiness => places,
                Source::DailyTickets | Source::OpenTickets => config.segments.len(),
                Source::HelpCenter => config.windows.len(),
                // Those read beside the refresh are not among them.
                _ => 1,
            };
            let said = Said {
                waiting,
                ..Said::default()
            };
            (source, said)
        };
        Self {
            gathered: Gathered::new(config, end, started),
            counted_by,
            sources: sources(config, all).into_iter().map(said).collect(),
            contacts_waiting: vec![config.windows.len(); config.segments.len()],
            days: HashMap::new(),
            contradicted: HashMap::new(),
            moved: HashSet::new(),
        }
    }

    /// What was read of `source`, and will be read in this refresh, is of an address that holds no
    /// more.
    pub fn drop_moved(&mut self, config: &Config, source: &Source) {
        self.moved.insert(source.clone());
        match source {
            Source::Tickets => {
                self.gathered.contacts.clear();
                self.gathered.failed.clear();
            }
            Source::DailyTickets => {
                self.gathered.daily.clear();
                self.days.clear();
            }
            Source::OpenTickets => self.gathered.open.clear(),
            Source::Happiness => self.gathered.ratings.clear(),
            Source::HelpCenter => self.gathered.help_center.clear(),
            Source::Population(name) => {
                let mut populations = config.populations.iter();
                if let Some(index) = populations.position(|population| population.name == *name) {
                    self.gathered.populations.remove(&index);
                }
            }
            // Nothing of it is read in a refresh.
            _ => {}
        }
    }

    /// Takes one reading in. With the last one of a source, its state is noted. Gives the segment and
    /// window of which counts and days are to be asked for once more.
    pub fn take(
        &mut self,
        config: &Config,
        reading: Reading,
        states: &mut States,
        now: Timestamp,
    ) -> Option<Pair> {
        let source = reading.source(config);
        if self.moved.contains(&source) {
            return None;
        }
        let gathered = &mut self.gathered;
        let mut judged = None;
        let failures = match reading {
            Reading::Contacts(pair, counted) => {
                if let Some(waiting) = self.contacts_waiting.get_mut(pair.0) {
                    *waiting = waiting.saturating_sub(1);
                }
                judged = Some(pair.0);
                if let Some(contacts) = counted.contacts {
                    gathered.contacts.insert(pair, contacts);
                    gathered.failed.insert(pair, counted.failed);
                }
                counted.failures
            }
            Reading::Ratings(_, None) | Reading::Daily(_, None) | Reading::HelpCenter(_, None) => {
                return None;
            }
            Reading::HelpCenter(window, Some(result)) => result
                .map(|visits| gathered.help_center.insert(window, visits))
                .err()
                .into_iter()
                .collect(),
            Reading::Ratings(pair, Some(result)) => result
                .map(|ratings| gathered.ratings.insert(pair, ratings))
                .err()
                .into_iter()
                .collect(),
            Reading::Daily(segment, Some(Ok(days))) => {
                self.days.insert(segment, days);
                return self.judge(config, segment, states, now);
            }
            Reading::Daily(_, Some(Err(failure))) => vec![failure],
            Reading::Again { pair, both } => {
                let failure = match *both {
                    Ok(Some((contacts, days))) => self.judge_again(config, pair, contacts, days),
                    Err(failure) => {
                        self.contradicted.remove(&pair.0);
                        Some(failure)
                    }
                    // The source reads its days anew: it is neither up nor down by this.
                    Ok(None) => {
                        self.contradicted.remove(&pair.0);
                        return None;
                    }
                };
                self.note(&source, failure, states, now);
                return None;
            }
            Reading::Open(segment, open, failures) => {
                if open.is_some() || failures.is_empty() {
                    gathered.open.insert(segment, open);
                }
                failures
            }
            Reading::Population(index, reading) => {
                gathered
                    .populations
                    .entry(index)
                    .or_default()
                    .extend(reading.values);
                if let Some(said) = self.sources.get_mut(&source) {
                    said.missing_past = reading.missing_past;
                }
                self.note(&source, reading.failures, states, now);
                return None;
            }
        };
        self.note(&source, failures, states, now);
        judged.and_then(|segment| self.judge(config, segment, states, now))
    }

    /// Daily counts are good or bad only once the ticket counts of their segment are in. Where they
    /// contradict a window, both are asked for once more: help desks count with a lag, and the one
    /// that was asked later may have seen a ticket more.
    fn judge(
        &mut self,
        config: &Config,
        segment: usize,
        states: &mut States,
        now: Timestamp,
    ) -> Option<Pair> {
        if self.contacts_waiting.get(segment) != Some(&0) {
            return None;
        }
        let days = self.days.remove(&segment)?;
        self.gathered.daily.insert(segment, days);
        let doubt = self.gathered.conclude(segment).doubt;
        if let Some(Doubt::Contradicts { interval, .. }) = doubt
            && let Some(window) = self.gathered.window_of(interval)
        {
            let days = self.gathered.daily.remove(&segment)?;
            self.contradicted.insert(segment, days);
            return Some((segment, window));
        }
        let failure = doubt.and_then(|doubt| self.failure(config, segment, doubt));
        self.note(&Source::DailyTickets, failure, states, now);
        None
    }

    /// A contradiction that stays as it was is a fault. One that changes is a count that has not
    /// settled: nothing is concluded this time, and nothing is wrong.
    fn judge_again(
        &mut self,
        config: &Config,
        pair: Pair,
        contacts: Contacts,
        days: DailyCounts,
    ) -> Option<SourceFailure> {
        let (segment, _) = pair;
        let first_days = self.contradicted.remove(&segment)?;
        let gathered = &mut self.gathered;
        let settled = first_days == days
            && gathered
                .contacts
                .get(&pair)
                .is_some_and(|first| first.current.created == contacts.current.created);
        gathered.contacts.insert(pair, contacts);
        gathered.daily.insert(segment, days);
        let doubt = gathered.conclude(segment).doubt?;
        if matches!(doubt, Doubt::Contradicts { .. }) {
            gathered.daily.remove(&segment);
            if !settled {
                return None;
            }
        }
        self.failure(config, segment, doubt)
    }

    /// In words, a doubt that is a failure of the daily counts.
    fn failure(&self, config: &Config, segment: usize, doubt: Doubt) -> Option<SourceFailure> {
        let what = match doubt {
            Doubt::Unchecked => return None,
            Doubt::Unconfirmed => doubt.to_string(),
            Doubt::Contradicts {
                interval,
                days,
                created,
            } => {
                let window = self.gathered.window_of(interval);
                match window.and_then(|window| config.windows.get(window)) {
                    Some(window) => format!(
                        "the daily counts of the last {window} sum to {days}, but {} counts {created} created",
                        self.counted_by
                    ),
                    None => doubt.to_string(),
                }
            }
        };
        Some(SourceFailure {
            reason: Reason::Decode,
            segments: config
                .segments
                .get(segment)
                .map(|segment| segment.name.clone())
                .into_iter()
                .collect(),
            text: format!(
                "{what}; baseline, p-value and dispersion rest on daily counts and are left out"
            ),
        })
    }

    /// Notes that a reading of `source` is in, with its failures. With the last one the state of the
    /// source is told.
    fn note(
        &mut self,
        source: &Source,
        failures: impl IntoIterator<Item = SourceFailure>,
        states: &mut States,
        now: Timestamp,
    ) {
        let Some(said) = self.sources.get_mut(source) else {
            return;
        };
        said.failures.extend(failures);
        said.waiting = said.waiting.saturating_sub(1);
        if said.waiting > 0 {
            return;
        }
        if let Some(said) = self.sources.remove(source) {
            let outcome = Outcome {
                failures: said.failures,
                missing_past: said.missing_past,
                took: self.gathered.started.elapsed(),
                at: now,
            };
            states.finish(source, outcome);
        }
    }
}
