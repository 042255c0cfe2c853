//! Whether the account's plan has reports: the first report of a refresh finds out for all.

use std::sync::Arc;

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// Whether the account's plan has reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reports {
    /// Not known yet: the first answer tells.
    Unknown,
    /// They are answered.
    Available,
    /// They are forbidden, or not asked for: tickets are counted by search.
    Unavailable,
}

/// What a refresh knows and presumes of the plan.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What is known.
    pub reports: Reports,
    /// What is taken to be so when the first report gives neither an answer nor a refusal.
    pub presumed: Reports,
    /// How long the others wait for the first report.
    pub patience: Instant,
}

/// Waits until it is known whether reports are to be had, and says so.
pub async fn available(mut reports: watch::Receiver<Reports>) -> bool {
    let known = reports
        .wait_for(|reports| *reports != Reports::Unknown)
        .await;
    known.is_ok_and(|reports| *reports == Reports::Available)
}

/// The first to tell decides for the whole refresh.
pub fn settle(decide: &watch::Sender<Reports>, told: Reports) {
    decide.send_if_modified(|reports| {
        let unknown = *reports == Reports::Unknown;
        if unknown {
            *reports = told;
        }
        unknown
    });
}

/// A first report that hangs must not leave the others waiting for longer than one call may take.
pub async fn presume(plan: Plan, decide: Arc<watch::Sender<Reports>>) {
    if timeout_at(plan.patience, available(decide.subscribe()))
        .await
        .is_err()
    {
        settle(&decide, plan.presumed);
    }
}

/// The right and the duty to find out whether the plan has reports.
pub struct Probe {
    /// Where it is told.
    pub decide: Arc<watch::Sender<Reports>>,
    /// What is presumed until then.
    pub plan: Plan,
}
