//! Asks for completed weeks: tickets day by day, populations week by week, one question at a time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{Timestamp, civil::Date};
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, sleep},
};

use crate::{
    chain::chain,
    config::{Config, Forecast, PopulationKind, Segment},
    domain::{
        Interval, SourceFailure,
        forecast::{
            Past, PopulationWeeks, SegmentPast, WEEKS_AHEAD, Week, coming_weeks, completed_weeks,
        },
    },
    refresh::{background::Turns, reading::Sources},
};

/// Weeks whose days are asked for at once: 56 days of at most 60.
const WEEKS_AT_ONCE: usize = 8;
/// Weeks that are read again, since tickets are still moved, merged and marked as spam.
const LATE_WEEKS: usize = 2;
/// A question that is not answered by then is a failure.
const PATIENCE: Duration = Duration::from_mins(10);
/// The part of a minute's requests that is asked for without a pause, and the pause after that:
/// refreshes go first.
const SHARE: u32 = 3;
const PAUSE: Duration = Duration::from_secs(30);
/// Requests for a question: a series and the count that it is held against, or one for each status.
const REQUESTS: u32 = 3;

/// Reads weeks from the sources of a configuration.
pub struct WeeksReader<'a> {
    config: &'a Config,
    forecast: &'a Forecast,
    sources: &'a Sources,
    /// Requests since the last pause.
    asked: u32,
    pauses: bool,
    /// Whose turn it is to ask the help desk, where others ask beside.
    turns: Option<Turns>,
}

impl<'a> WeeksReader<'a> {
    /// `None` where nothing is forecast.
    pub fn new(config: &'a Config, sources: &'a Sources) -> Option<Self> {
        Some(Self {
            forecast: config.forecast.as_ref()?,
            config,
            sources,
            asked: 0,
            pauses: true,
            turns: None,
        })
    }

    /// Asks the help desk in turns with others.
    pub fn take_turns(&mut self, turns: &Turns) {
        self.turns = Some(Arc::clone(turns));
    }

    /// Asks as fast as the pace of the account allows: for a command, which has no refreshes.
    pub const fn without_pauses(&mut self) {
        self.pauses = false;
    }

    /// The weeks completed at `now`, with what `known` says of those that will not change any more;
    /// the rest is unknown.
    pub fn frame(&self, known: &Past, now: Timestamp) -> Past {
        let weeks = completed_weeks(now, &self.config.time_zone, self.forecast.weeks);
        let segments = self.forecast.segments.iter().map(|&segment| {
            let before = known.segments.iter().find(|of| of.segment == segment);
            SegmentPast {
                segment,
                created: keep(&weeks, known, before.map(|of| &of.created)),
                resolved: keep(&weeks, known, before.map(|of| &of.resolved)),
                capacity: self.forecast.capacity_of(segment),
            }
        });
        let populations = self.forecast.populations.iter().map(|&population| {
            let before = known
                .populations
                .iter()
                .find(|of| of.population == population);
            let kind = self.config.populations.get(population).map(|of| of.kind);
            PopulationWeeks {
                population,
                is_stock: kind == Some(PopulationKind::Total),
                weeks: keep(&weeks, known, before.map(|of| &of.weeks)),
            }
        });
        Past {
            segments: segments.collect(),
            populations: populations.collect(),
            coming: coming_weeks(now, &self.config.time_zone, WEEKS_AHEAD),
            weeks,
        }
    }

    /// Asks for the tickets created in every week that `past` does not know, and in the last two.
    pub async fn created(&mut self, past: &mut Past) -> Vec<SourceFailure> {
        let mut failures = Vec::new();
        for index in 0..past.segments.len() {
            let Some(of) = past.segments.get_mut(index) else {
                break;
            };
            let Some(segment) = self.config.segments.get(of.segment) else {
                continue;
            };
            let mut created = std::mem::take(&mut of.created);
            if let Err(failure) = self.created_of(segment, &past.weeks, &mut created).await {
                failures.push(failure);
            }
            if let Some(of) = past.segments.get_mut(index) {
                of.created = created;
            }
        }
        failures
    }

    async fn created_of(
        &mut self,
        segment: &'a Segment,
        weeks: &[Week],
        created: &mut [Option<u64>],
    ) -> Result<(), SourceFailure> {
        let late = weeks.len().saturating_sub(LATE_WEEKS);
        let mut next = 0;
        while next < weeks.len() {
            if next < late && created.get(next).is_some_and(Option::is_some) {
                next += 1;
                continue;
            }
            let Some(first) = weeks.get(next) else { break };
            let turns = self.turns.clone();
            let turn = turn(turns.as_ref()).await;
            let tickets = &self.sources.tickets;
            let past = tickets.past(Instant::now() + PATIENCE);
            let told: Vec<Option<u64>> = if past.capabilities().days {
                let count = WEEKS_AT_ONCE.min(weeks.len() - next);
                let zone = &self.config.time_zone;
                let days = past.created_on_days(segment, first.monday, count * 7, zone);
                days.await?.chunks(7).map(whole_week).collect()
            } else {
                vec![past.created(segment, first.interval).await?]
            };
            let count = told.len().max(1);
            for (week, told) in created.iter_mut().skip(next).zip(told) {
                *week = told;
            }
            drop(turn);
            next += count;
            self.give_way(REQUESTS).await;
        }
        Ok(())
    }

    /// The same for tickets resolved, of segments whose capacity is measured.
    pub async fn resolved(&mut self, past: &mut Past) -> Vec<SourceFailure> {
        let mut failures = Vec::new();
        let late = past.weeks.len().saturating_sub(LATE_WEEKS);
        for of in &mut past.segments {
            let Some(segment) = self.config.segments.get(of.segment) else {
                continue;
            };
            if of.capacity.is_some() {
                continue;
            }
            for (index, (week, resolved)) in past.weeks.iter().zip(&mut of.resolved).enumerate() {
                // Nothing is resolved before anything came.
                let begun = of
                    .created
                    .iter()
                    .take(index + 1)
                    .any(|week| week.is_none_or(|n| n > 0));
                if !begun || index < late && resolved.is_some() {
                    continue;
                }
                let past = self.sources.tickets.past(Instant::now() + PATIENCE);
                if !past.capabilities().all_counts {
                    break;
                }
                let turns = self.turns.clone();
                let turn = turn(turns.as_ref()).await;
                let counts = past.counts(segment, week.interval).await;
                drop(turn);
                match counts {
                    Ok(counts) => *resolved = counts.completed().resolved,
                    Err(failure) => {
                        failures.push(failure);
                        break;
                    }
                }
                self.give_way(1).await;
            }
        }
        failures
    }

    /// Asks for every week of the populations that `past` does not know, and for the last two.
    pub async fn populations(&mut self, past: &mut Past) -> Vec<SourceFailure> {
        let late = past.weeks.len().saturating_sub(LATE_WEEKS);
        let mut failures = Vec::new();
        for of in &mut past.populations {
            let weeks = past.weeks.iter().zip(&mut of.weeks).enumerate();
            // The latest first: an endpoint may refuse what is long ago, and the past that is
            // missing then is unknown.
            for (index, (week, value)) in weeks.rev() {
                if index < late && value.is_some() {
                    continue;
                }
                let interval = if of.is_stock {
                    let end = week.interval.end;
                    Interval { start: end, end }
                } else {
                    week.interval
                };
                let deadline = Instant::now() + PATIENCE;
                let populations = &self.sources.populations;
                match populations.read(of.population, interval, deadline).await {
                    Ok(told) => *value = Some(told),
                    Err(_) if index < late => break,
                    Err(error) => {
                        failures.push(SourceFailure {
                            reason: error.reason(),
                            segments: Vec::new(),
                            text: chain(&error),
                        });
                        break;
                    }
                }
            }
        }
        failures
    }

    /// Lets refreshes go first: only a part of what may be asked in a minute is asked at once.
    async fn give_way(&mut self, requests: u32) {
        if !self.pauses {
            return;
        }
        self.asked += requests;
        let budget = self.sources.tickets.budget(self.config);
        // A database takes what comes.
        let Some(pace) = budget.per_minute else {
            return;
        };
        if self.asked >= (pace / SHARE).max(REQUESTS) {
            self.asked = 0;
            sleep(PAUSE).await;
        }
    }
}

/// Waits for a turn, where turns are taken.
async fn turn(turns: Option<&Turns>) -> Option<SemaphorePermit<'_>> {
    // It is never closed.
    turns?.acquire().await.ok()
}

/// Values by week in another frame of weeks.
fn keep<T: Copy>(weeks: &[Week], known: &Past, values: Option<&Vec<Option<T>>>) -> Vec<Option<T>> {
    let known: HashMap<Date, T> = known
        .weeks
        .iter()
        .zip(values.into_iter().flatten())
        .filter_map(|(week, value)| Some((week.monday, (*value)?)))
        .collect();
    weeks
        .iter()
        .map(|week| known.get(&week.monday).copied())
        .collect()
}

/// A week is unknown if a day of it is.
fn whole_week(days: &[Option<u64>]) -> Option<u64> {
    days.iter()
        .try_fold(0_u64, |sum, day| sum.checked_add((*day)?))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_week_is_unknown_if_a_day_is() {
        assert_eq!(whole_week(&[Some(1), Some(0), Some(5)]), Some(6));
        assert_eq!(whole_week(&[Some(1), None, Some(5)]), None);
    }

    #[test]
    fn what_is_known_stays_with_its_monday() {
        let at = |day: &str| -> Timestamp { format!("2026-11-{day}T12:00:00Z").parse().unwrap() };
        let known = Past {
            weeks: completed_weeks(at("18"), &TimeZone::UTC, 3),
            ..Past::default()
        };
        let later = completed_weeks(at("25"), &TimeZone::UTC, 3);
        let values = vec![Some(1), None, Some(3)];
        assert_eq!(keep(&later, &known, Some(&values)), [None, Some(3), None]);
        assert_eq!(keep::<u64>(&later, &known, None), [None; 3]);
    }
}
