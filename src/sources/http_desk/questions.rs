//! The questions of one refresh.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError, atomic::Ordering},
};

use jiff::{Timestamp, ToSpan as _};
use tokio::time::Instant;

use super::{Desk, Error, FIGURES, NOT_URGENT, URGENT};
use crate::{
    chain::chain,
    config::Segment,
    domain::{
        ContactCounts, Contacts, DAYS, DailyCounts, Figure, Interval, OpenCount, OpenTickets,
        SourceFailure, day_bounds,
    },
    sources::{capabilities::Capabilities, counted::Counted},
};

/// The questions of one refresh. What fails because nobody answers is not asked again in it.
#[derive(Debug)]
pub struct Questions<'a> {
    desk: &'a Desk,
    deadline: Instant,
    /// Until when days are read.
    days_until: Instant,
    broken: Mutex<Option<Error>>,
    /// Segments whose days were given in this refresh: who asks again doubts them.
    given: Mutex<HashSet<String>>,
}

impl<'a> Questions<'a> {
    pub(super) fn new(desk: &'a Desk, deadline: Instant, patience: Instant) -> Self {
        let first = !desk.has_read.load(Ordering::Relaxed);
        Self {
            desk,
            deadline,
            // The first rate does not wait for days.
            days_until: if first {
                patience.min(deadline)
            } else {
                deadline
            },
            broken: Mutex::default(),
            given: Mutex::default(),
        }
    }

    /// What can be told.
    pub fn capabilities(&self) -> Capabilities {
        self.desk.capabilities()
    }

    async fn count(
        &self,
        figure: Figure,
        segment: &Segment,
        interval: Interval,
    ) -> Result<Option<u64>, SourceFailure> {
        let outcome = match self.why_broken() {
            Some(error) => Err(error),
            None => {
                self.desk
                    .count(figure, segment, interval, URGENT, self.deadline)
                    .await
            }
        };
        outcome.map_err(|error| self.failed(figure.key(), segment, error))
    }

    fn why_broken(&self) -> Option<Error> {
        let broken = self.broken.lock();
        broken.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn failed(&self, key: &str, segment: &Segment, error: Error) -> SourceFailure {
        let text = if error.concerns_all() {
            // Which question it was does not matter, and whoever counts failures sees one.
            format!("{}: {}", self.desk.place, chain(&error))
        } else {
            format!("tickets.{key} from {}: {}", self.desk.place, chain(&error))
        };
        let reason = error.reason();
        if error.concerns_all() {
            let broken = self.broken.lock();
            *broken.unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        SourceFailure {
            reason,
            segments: vec![segment.name.clone()],
            text,
        }
    }

    /// Counts of a segment in a window and in the equal one before it, as far as they were answered.
    pub async fn contacts(
        &self,
        segment: &Segment,
        current: Interval,
        previous: Interval,
    ) -> Counted {
        let mut contacts = Contacts::default();
        let (mut answered, mut failed, mut failures) = (false, Vec::new(), Vec::new());
        for (figure, twice) in FIGURES {
            match self.count(figure, segment, current).await {
                Ok(count) => {
                    answered |= count.is_some();
                    set(&mut contacts.current, figure, count);
                }
                Err(failure) => {
                    failed.push(figure);
                    failures.push(failure);
                    continue;
                }
            }
            if !twice {
                continue;
            }
            match self.count(figure, segment, previous).await {
                Ok(count) => set(&mut contacts.previous, figure, count),
                Err(failure) => failures.push(failure),
            }
        }
        Counted {
            contacts: (answered || failed.is_empty()).then_some(contacts),
            failed,
            failures: SourceFailure::grouped(&failures),
        }
    }

    /// All counts of a segment in an interval; the first failure fails all.
    pub(super) async fn counts(
        &self,
        segment: &Segment,
        interval: Interval,
    ) -> Result<ContactCounts, SourceFailure> {
        let mut counts = ContactCounts::default();
        for (figure, _) in FIGURES {
            let count = self.count(figure, segment, interval).await?;
            set(&mut counts, figure, count);
        }
        Ok(counts)
    }

    /// Tickets created from each bound to the next.
    pub(super) async fn days_between(
        &self,
        segment: &Segment,
        bounds: &[Timestamp],
    ) -> Result<Vec<Option<u64>>, SourceFailure> {
        let mut counts = Vec::with_capacity(bounds.len());
        for day in intervals(bounds) {
            counts.push(self.count(Figure::Created, segment, day).await?);
        }
        Ok(counts)
    }

    /// Tickets of a segment created on each of the last 56 whole days of the calendar. Days that are
    /// over are asked for once. `None` while some are still to be read: nothing is wrong then.
    pub async fn daily_created(
        &self,
        segment: &Segment,
        end: Timestamp,
    ) -> Option<Result<DailyCounts, SourceFailure>> {
        let desk = self.desk;
        if !self.capabilities().days {
            return None;
        }
        if self.given().contains(&segment.name) {
            // They contradict what is counted now: tickets were deleted or merged since.
            desk.days.forget(segment);
            return None;
        }
        let today = end.to_zoned(desk.zone.clone()).date();
        let first = today.checked_sub(i64::try_from(DAYS).ok()?.days()).ok()?;
        let bounds = day_bounds(first, DAYS, &desk.zone)?;
        let days: Vec<Interval> = intervals(&bounds).collect();
        // The newest first: they are the first of use.
        for day in desk.days.missing(segment, &days).into_iter().rev() {
            if self.why_broken().is_some() {
                break;
            }
            let counted = desk.count(Figure::Created, segment, day, NOT_URGENT, self.days_until);
            match counted.await {
                Ok(Some(tickets)) => desk.days.take(segment, day, tickets, end),
                Ok(None) => return None,
                Err(error) if error.is_lack_of_time() => break,
                Err(error) => return Some(Err(self.failed("created", segment, error))),
            }
        }
        if let Some(error) = self.why_broken() {
            return Some(Err(self.failed("created", segment, error)));
        }
        let counts = desk.days.all_of(segment, &days)?;
        self.given().insert(segment.name.clone());
        DailyCounts::between(bounds, counts).map(Ok)
    }

    fn given(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tickets of a segment that wait now, by status, and what could not be read of them.
    pub async fn open_tickets(
        &self,
        segment: &Segment,
    ) -> (Option<OpenTickets>, Vec<SourceFailure>) {
        let mut open = OpenTickets::new();
        let mut failures = Vec::new();
        for status in self.desk.config.statuses() {
            let Some(request) = self.desk.config.open(status, segment) else {
                continue;
            };
            let outcome = match self.why_broken() {
                Some(error) => Err(error),
                None => self.desk.ask(&request, URGENT, self.deadline).await,
            };
            match outcome {
                Ok(count) => open.push(OpenCount {
                    status: status.to_owned(),
                    count,
                    oldest: None,
                }),
                Err(error) => {
                    let key = format!("open.{status}");
                    failures.push(self.failed(&key, segment, error));
                }
            }
        }
        let told = SourceFailure::grouped(&failures);
        // A sum over some of the statuses would be too low.
        (failures.is_empty().then_some(open), told)
    }

    /// Says that the refresh ends.
    pub fn end(&self) {
        self.desk.has_read.store(true, Ordering::Relaxed);
    }
}

fn intervals(bounds: &[Timestamp]) -> impl Iterator<Item = Interval> + '_ {
    let pairs = bounds.iter().zip(bounds.iter().skip(1));
    pairs.map(|(&start, &end)| Interval { start, end })
}

const fn set(counts: &mut ContactCounts, figure: Figure, count: Option<u64>) {
    match figure {
        Figure::Created => counts.created = count,
        Figure::Closed => counts.closed = count,
        Figure::Resolved => counts.resolved = count,
        Figure::Replies => counts.replies = count,
        Figure::ReceivedMessages => counts.received_messages = count,
        Figure::FirstResponse => {}
    }
}
