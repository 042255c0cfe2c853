//! Whether the account's plan has reports: the first report of a refresh finds out for all.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tracing::{info, warn};

use crate::{config::CountsFrom, sources::capabilities::Capabilities};

/// How long a plan without reports is believed before reports are asked for again.
const RETRY: Duration = Duration::from_hours(1);

/// Whether the account's plan has reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reports {
    /// Not known yet: the first answer tells.
    Unknown,
    /// They are answered.
    Available,
    /// They are forbidden, or not asked for: tickets are counted by search.
    Unavailable,
}

/// What is known of the plan, from refresh to refresh.
#[derive(Debug)]
pub(super) struct Plan {
    counts_from: CountsFrom,
    known: Mutex<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    reports: Reports,
    /// When reports were last refused, on a plan that has none.
    refused_at: Option<Instant>,
    /// Whether the log has it that there are none.
    told: bool,
}

impl Known {
    /// What only reports know is back with the first that is answered.
    fn answered(&mut self) {
        self.refused_at = None;
        if std::mem::take(&mut self.told) {
            info!("Help Scout answers reports: tickets are counted from them again");
        }
    }
}

/// What an account can tell.
pub(super) const fn capabilities(reports: bool, happiness: bool) -> Capabilities {
    Capabilities {
        all_counts: reports,
        days: reports,
        open: true,
        ratings: reports && happiness,
    }
}

impl Plan {
    pub(super) fn new(counts_from: CountsFrom) -> Self {
        let reports = match counts_from {
            CountsFrom::Auto => Reports::Unknown,
            CountsFrom::Reports => Reports::Available,
            CountsFrom::Search => Reports::Unavailable,
        };
        Self {
            counts_from,
            known: Mutex::new(Known {
                reports,
                refused_at: None,
                told: false,
            }),
        }
    }

    /// For a client that goes on with the same account.
    pub(super) fn succeed(&self, counts_from: CountsFrom) -> Self {
        let next = Self::new(counts_from);
        if counts_from == self.counts_from {
            *next.lock() = *self.lock();
        }
        next
    }

    /// Whether there are reports, as far as is known by now.
    pub(super) fn has_reports(&self) -> bool {
        let known = self.lock();
        known.reports != Reports::Unavailable && known.refused_at.is_none()
    }

    /// Whether tickets are counted by search.
    pub(super) fn counts_by_search(&self) -> bool {
        self.lock().reports == Reports::Unavailable
    }

    /// What is known by now.
    pub(super) fn reports(&self) -> Reports {
        self.lock().reports
    }

    /// Takes what was found out outside a refresh, if nothing is known yet.
    pub(super) fn learn(&self, told: Reports) {
        let mut known = self.lock();
        if known.reports != Reports::Unknown {
            return;
        }
        known.reports = told;
        if told == Reports::Unavailable {
            known.refused_at = Some(Instant::now());
        } else {
            known.answered();
        }
    }

    /// Takes what an earlier run found out, if nothing is known yet: nobody is told again.
    pub(super) fn recall(&self, told: Reports) {
        let mut known = self.lock();
        if known.reports == Reports::Unknown {
            known.reports = told;
        }
    }

    /// Begins a refresh: `patience` is how long its other calls wait for the first report.
    pub(super) fn begin(&self, patience: Instant) -> Finding<'_> {
        let started = Instant::now();
        let mut known = self.lock();
        let due = |refused| started.duration_since(refused) >= RETRY;
        if self.counts_from == CountsFrom::Auto && known.refused_at.is_some_and(due) {
            known.reports = Reports::Unknown;
        }
        Finding {
            plan: self,
            started,
            patience,
            first: known.reports,
            presumed: match known.refused_at {
                Some(_) => Reports::Unavailable,
                None => Reports::Available,
            },
            decided: watch::Sender::new(known.reports),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // There is nothing that a panic could leave half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one refresh finds out about the plan. The first to tell decides for all of it.
#[derive(Debug)]
pub(super) struct Finding<'a> {
    plan: &'a Plan,
    started: Instant,
    patience: Instant,
    /// What was known before.
    first: Reports,
    /// What is taken to be so when the first report gives neither an answer nor a refusal.
    presumed: Reports,
    decided: watch::Sender<Reports>,
}

impl Finding<'_> {
    /// Whether the first report has yet to tell.
    pub(super) fn is_open(&self) -> bool {
        *self.decided.borrow() == Reports::Unknown
    }

    /// Whether reports are not to be had, as far as is known by now.
    pub(super) fn is_without_reports(&self) -> bool {
        *self.decided.borrow() == Reports::Unavailable
    }

    /// Waits until it is known whether reports are to be had, or is presumed: a first report that
    /// hangs must not leave the others waiting for longer than one call may take.
    pub(super) async fn reports(&self) -> bool {
        let mut decided = self.decided.subscribe();
        let known = decided.wait_for(|reports| *reports != Reports::Unknown);
        if timeout_at(self.patience, known).await.is_err() {
            self.presume();
        }
        !self.is_without_reports()
    }

    /// Decides, if nothing is decided yet.
    pub(super) fn tell(&self, told: Reports) {
        let first = self.decided.send_if_modified(|reports| {
            let unknown = *reports == Reports::Unknown;
            if unknown {
                *reports = told;
            }
            unknown
        });
        if first && told == Reports::Available {
            self.plan.lock().answered();
        }
    }

    /// Decides that it is as it was, if nothing is decided yet.
    pub(super) fn presume(&self) {
        self.tell(self.presumed);
    }

    /// Remembers what the refresh found, and says so once, until it changes. `refused` says whether
    /// a report on tickets was forbidden where there were reports before.
    pub(super) fn end(&self, refused: bool) {
        if self.plan.counts_from != CountsFrom::Auto {
            return;
        }
        let mut known = self.plan.lock();
        known.reports = *self.decided.borrow();
        if known.reports == Reports::Unavailable {
            if !known.told {
                known.told = true;
                warn!(
                    "Help Scout refuses reports (403): the plan has none. Created tickets are counted by searching \
                     conversations; what only reports know is absent"
                );
            }
            if self.first == Reports::Unknown {
                known.refused_at = Some(self.started);
            }
        } else if refused {
            // The next refresh finds out about the plan.
            known.reports = Reports::Unknown;
        }
    }
}
