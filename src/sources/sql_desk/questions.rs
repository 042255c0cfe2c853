//! The questions of one refresh.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Desk, Error, RowError, days_in, rows};
use crate::{
    chain::chain,
    config::{Segment, SqlQuestion as Question},
    domain::{
        ContactCounts, Contacts, DAYS, DailyCounts, Figure, Interval, OpenTickets, Ratings,
        SourceFailure, days_before,
    },
    sources::{capabilities::Capabilities, counted::Counted, database::Row},
};

/// The questions of one refresh. What fails because nobody answers is not asked again in it.
#[derive(Debug)]
pub struct Questions<'a> {
    desk: &'a Desk,
    deadline: Instant,
    broken: Mutex<Option<(crate::domain::Reason, String)>>,
}

impl<'a> Questions<'a> {
    pub(super) fn new(desk: &'a Desk, deadline: Instant) -> Self {
        Self {
            desk,
            deadline,
            broken: Mutex::default(),
        }
    }

    /// What can be told.
    pub fn capabilities(&self) -> Capabilities {
        self.desk.capabilities()
    }

    pub(super) async fn ask<T>(
        &self,
        question: Question,
        segment: &Segment,
        interval: Interval,
        read: impl FnOnce(&[Row]) -> Result<T, RowError> + Send,
    ) -> Result<Option<T>, SourceFailure> {
        let answer = match self.why_broken() {
            Some((reason, text)) => Err(Error::Broken { reason, text }),
            None => {
                self.desk
                    .ask(question, segment, interval, self.deadline, read)
                    .await
            }
        };
        answer.map_err(|error| {
            let text = match &error {
                // Which question it was does not matter, and whoever counts failures sees one.
                Error::Sql { place, failure, .. } if error.concerns_all() => {
                    format!("{place}: {}", chain(failure))
                }
                error => chain(error),
            };
            let reason = error.reason();
            if error.concerns_all() {
                *self.broken.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((reason, text.clone()));
            }
            SourceFailure {
                reason,
                segments: vec![segment.name.clone()],
                text,
            }
        })
    }

    fn why_broken(&self) -> Option<(crate::domain::Reason, String)> {
        self.broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts of a segment in a window and in the equal one before it, as far as they were answered.
    /// Of the one before only what rates are compared with.
    pub async fn contacts(
        &self,
        segment: &Segment,
        current: Interval,
        previous: Interval,
    ) -> Counted {
        let mut now = Counting::new(self, segment, current);
        let counts = now.all().await;
        let mut before = Counting::new(self, segment, previous);
        let compared = before.compared(&now.failed).await;
        let mut failures = now.failures;
        failures.extend(before.failures);
        let mut told = SourceFailure::grouped(&failures);
        told.dedup();
        Counted {
            contacts: (now.answered > 0).then_some(Contacts {
                current: counts,
                previous: compared,
            }),
            failed: now.failed,
            failures: told,
        }
    }

    /// Counts of a segment in an interval; the first failure fails all.
    pub(super) async fn counts(
        &self,
        segment: &Segment,
        interval: Interval,
    ) -> Result<ContactCounts, SourceFailure> {
        let mut counting = Counting::new(self, segment, interval);
        let counts = counting.all().await;
        match counting.failures.into_iter().next() {
            Some(failure) => Err(failure),
            None => Ok(counts),
        }
    }

    /// Tickets of a segment created on each of the 56 days that end at `end`.
    pub async fn daily_created(
        &self,
        segment: &Segment,
        end: Timestamp,
    ) -> Result<DailyCounts, SourceFailure> {
        let all = days_before(end);
        let told = self
            .ask(Question::CreatedByDay, segment, all, |told| {
                rows::days(told, days_in(all))
            })
            .await?;
        if let Some(counts) = told {
            return Ok(DailyCounts::ending_at(end, counts));
        }
        let mut counts = Vec::with_capacity(DAYS);
        let days: Vec<Interval> = DailyCounts::ending_at(end, vec![None; DAYS])
            .iter()
            .map(|(day, _)| day)
            .collect();
        for day in days {
            counts.push(
                self.ask(Question::Created, segment, day, rows::count)
                    .await?,
            );
        }
        Ok(DailyCounts::ending_at(end, counts))
    }

    /// Tickets of a segment that wait now, and what could not be read of them. `None` where nothing
    /// could, or where it is not asked.
    pub async fn open_tickets(
        &self,
        segment: &Segment,
    ) -> (Option<OpenTickets>, Vec<SourceFailure>) {
        let now = Interval {
            start: Timestamp::UNIX_EPOCH,
            end: Timestamp::UNIX_EPOCH,
        };
        let open = match self.ask(Question::Open, segment, now, rows::open).await {
            Ok(Some(open)) => open,
            Ok(None) => return (None, Vec::new()),
            Err(failure) => return (None, vec![failure]),
        };
        let oldest = self
            .ask(Question::OldestOpen, segment, now, rows::oldest)
            .await;
        let (oldest, failures) = match oldest {
            Ok(oldest) => (oldest.unwrap_or_default(), Vec::new()),
            Err(failure) => (BTreeMap::default(), vec![failure]),
        };
        (Some(rows::open_tickets(open, &oldest)), failures)
    }

    /// Ratings of a segment received in `interval`; `None` where they are not asked for.
    pub async fn ratings(
        &self,
        segment: &Segment,
        interval: Interval,
    ) -> Option<Result<Ratings, SourceFailure>> {
        self.ask(Question::Ratings, segment, interval, rows::ratings)
            .await
            .transpose()
    }
}

/// The counts of one interval, one question after the other.
struct Counting<'q, 'a> {
    questions: &'q Questions<'a>,
    segment: &'q Segment,
    interval: Interval,
    answered: usize,
    failed: Vec<Figure>,
    failures: Vec<SourceFailure>,
}

impl<'q, 'a> Counting<'q, 'a> {
    fn new(questions: &'q Questions<'a>, segment: &'q Segment, interval: Interval) -> Self {
        Self {
            questions,
            segment,
            interval,
            answered: 0,
            failed: Vec::new(),
            failures: Vec::new(),
        }
    }

    async fn one<T>(
        &mut self,
        figure: Figure,
        question: Question,
        read: impl FnOnce(&[Row]) -> Result<T, RowError> + Send,
    ) -> Option<T> {
        let answer = self
            .questions
            .ask(question, self.segment, self.interval, read);
        match answer.await {
            Ok(told) => {
                self.answered += usize::from(told.is_some());
                told
            }
            Err(failure) => {
                self.failed.push(figure);
                self.failures.push(failure);
                None
            }
        }
    }

    async fn all(&mut self) -> ContactCounts {
        let counts = self.compared(&[]).await;
        let messages = self.one(
            Figure::ReceivedMessages,
            Question::ReceivedMessages,
            rows::count,
        );
        let received_messages = messages.await;
        let first = Question::FirstResponseMeanSeconds;
        let first_response = self.one(Figure::FirstResponse, first, rows::seconds).await;
        ContactCounts {
            received_messages,
            first_response_mean_seconds: first_response.flatten(),
            ..counts
        }
    }

    /// Those of the four ways to count that did not fail a moment ago.
    async fn compared(&mut self, but: &[Figure]) -> ContactCounts {
        let mut counts = ContactCounts::default();
        for (figure, question, place) in [
            (Figure::Created, Question::Created, &mut counts.created),
            (Figure::Closed, Question::Closed, &mut counts.closed),
            (Figure::Resolved, Question::Resolved, &mut counts.resolved),
            (Figure::Replies, Question::Replies, &mut counts.replies),
        ] {
            if !but.contains(&figure) {
                *place = self.one(figure, question, rows::count).await;
            }
        }
        counts
    }
}
