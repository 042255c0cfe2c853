//! The immutable result of a refresh, from which every page is drawn.
//!
//! A snapshot holds only what may be shown now: a value that is unknown or too old is `None`.
//! How it was fetched and how it will be printed are not known here.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{
    Bounds, Change, ContactCounts, HelpCenter, OpenTickets, Ratings, Reason, ReasonCounts, Source,
    Tickets, Window, forecast::Planning,
};

pub use crate::domain::SourceFailure;

impl Snapshot {
    /// The contact reasons, once they were read.
    pub fn reasons(&self) -> Option<&ReasonsFound> {
        self.found.iter().find_map(|found| found.reasons())
    }
}

/// What is counted: the fixed frame of every snapshot made under one configuration.
/// All vectors of a [`Snapshot`] are indexed by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Segment names, `all` first.
    pub segments: Vec<String>,
    /// Windows as configured.
    pub windows: Vec<Window>,
    /// Populations as configured.
    pub populations: Vec<PopulationFrame>,
    /// Targets as configured.
    pub targets: Vec<TargetFrame>,
}

/// A population's place in the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PopulationFrame {
    /// Its name.
    pub name: String,
    /// Whether it is a flow over a window (`true`) or a stock at `end` (`false`).
    pub per_window: bool,
}

/// The operator's target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetFrame {
    /// Index into [`Frame::populations`].
    pub population: usize,
    /// Index into [`Frame::windows`].
    pub window: usize,
    /// Which way to count tickets.
    pub tickets: Tickets,
    /// The rate to stay at or under.
    pub at_most: f64,
}

/// Everything that `/metrics` shows of the sources.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// What the vectors below are indexed by.
    pub frame: Arc<Frame>,
    /// `end` of the last finished refresh; `None` before the first.
    pub window_end: Option<Timestamp>,
    /// One per segment.
    pub segments: Vec<SegmentValues>,
    /// One per population.
    pub populations: Vec<PopulationValues>,
    /// Rates, in the order segment, population, window, tickets; only those with a ratio.
    pub rates: Vec<RateValues>,
    /// Visits of the help centre, one per window.
    pub help_center: Vec<Option<HelpCenter>>,
    /// One per source that exists now.
    pub sources: Vec<SourceState>,
    /// What was read beside the refreshes, each source's once.
    pub found: Vec<Arc<Finding>>,
}

/// What was read beside the refreshes.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Contact reasons.
    Reasons(ReasonsFound),
    /// What is to come.
    Planning(Planning),
}

impl Snapshot {
    /// What is to come, where it is forecast and known.
    pub fn planning(&self) -> Option<&Planning> {
        self.found.iter().find_map(|finding| match &**finding {
            Finding::Planning(planning) => Some(planning),
            Finding::Reasons(_) => None,
        })
    }
}

impl Finding {
    /// Contact reasons, if it is that.
    pub const fn reasons(&self) -> Option<&ReasonsFound> {
        match self {
            Self::Reasons(reasons) => Some(reasons),
            Self::Planning(_) => None,
        }
    }
}

/// What is known of one segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentValues {
    /// One per window.
    pub counts: Vec<Option<ContactCounts>>,
    /// One per window.
    pub ratings: Vec<Option<Ratings>>,
    /// Tickets waiting now.
    pub open: Option<OpenTickets>,
    /// Dispersion `φ` of the daily counts.
    pub dispersion: Option<f64>,
}

/// What is known of one population.
#[derive(Clone, Debug, PartialEq)]
pub enum PopulationValues {
    /// A stock.
    Total(Option<f64>),
    /// A flow, one per window.
    Window(Vec<Option<f64>>),
}

/// A contact rate and all that goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct RateValues {
    /// Index into [`Frame::segments`].
    pub segment: usize,
    /// Index into [`Frame::populations`].
    pub population: usize,
    /// Index into [`Frame::windows`].
    pub window: usize,
    /// Which way tickets are counted.
    pub tickets: Tickets,
    /// `r`.
    pub ratio: f64,
    /// `r₀`.
    pub previous: Option<f64>,
    /// 95 % confidence bounds of `r`.
    pub bounds: Option<Bounds>,
    /// `r_b`.
    pub baseline: Option<f64>,
    /// p-value of a rise over the baseline.
    pub rise_p_value: Option<f64>,
    /// Why the ticket count changed.
    pub change: Option<Change>,
}

/// Contact reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct ReasonsFound {
    /// The window over which they are counted.
    pub window: Window,
    /// Those that could be counted; with Help Scout, those with most tickets of all time first.
    pub reasons: Vec<ReasonValues>,
}

/// Tickets created with one contact reason.
#[derive(Clone, Debug, PartialEq)]
pub struct ReasonValues {
    /// Its present name, different from all others.
    pub name: String,
    /// In the window and in the one before.
    pub counts: ReasonCounts,
    /// Tickets in the window ÷ population, one per population.
    pub ratios: Vec<Option<f64>>,
}

/// How a source fares.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceState {
    /// Which one.
    pub source: Source,
    /// Whether its last reading succeeded for every segment and window.
    pub up: bool,
    /// When a reading last succeeded; `None` before the first success.
    pub last_success: Option<Timestamp>,
    /// How long the last reading took, failed or not; `None` before the first.
    pub last_duration_seconds: Option<f64>,
    /// What the last reading failed for, each failure once with all its segments; empty when it
    /// succeeded or was not tried yet.
    pub last_failures: Vec<SourceFailure>,
    /// Which part of the past the last reading could not give, and why: what is compared with it is
    /// unknown, while the present is known.
    pub missing_past: Option<String>,
    /// Failed readings so far.
    pub failures: FailureTotals,
}

impl SourceState {
    /// Nothing read yet.
    pub const fn unread(source: Source) -> Self {
        Self {
            source,
            up: false,
            last_success: None,
            last_duration_seconds: None,
            last_failures: Vec::new(),
            missing_past: None,
            failures: FailureTotals([0; Reason::ALL.len()]),
        }
    }

    /// The first of its failures, which stands for all of them.
    pub fn last_failure(&self) -> Option<SourceFailure> {
        let mut first = self.last_failures.first()?.clone();
        let others = self.last_failures.len() - 1;
        if others > 0 {
            first.text = format!("{} (and {others} more)", first.text);
        }
        Some(first)
    }
}

/// Failed readings of a source by reason; they only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureTotals([u64; Reason::ALL.len()]);

impl FailureTotals {
    /// Counts one more.
    pub fn add(&mut self, reason: Reason) {
        for (total, each) in self.0.iter_mut().zip(Reason::ALL) {
            *total = total.saturating_add(u64::from(each == reason));
        }
    }

    /// Every reason with its total, 0 where it has not occurred.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> + use<> {
        Reason::ALL.into_iter().zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_reason() {
        let mut totals = FailureTotals::default();
        totals.add(Reason::Decode);
        totals.add(Reason::Decode);
        totals.add(Reason::TooLarge);
        let counted: Vec<_> = totals.iter().filter(|(_, total)| *total > 0).collect();
        assert_eq!(counted, [(Reason::Decode, 2), (Reason::TooLarge, 1)]);
        assert_eq!(totals.iter().count(), Reason::ALL.len());
    }

    #[test]
    fn the_first_failure_stands_for_all() {
        let mut state = SourceState::unread(Source::Tickets);
        assert_eq!(state.last_failure(), None);
        let failure = |text: &str| SourceFailure {
            reason: Reason::Auth,
            segments: Vec::new(),
            text: text.to_owned(),
        };
        state.last_failures = vec![failure("gone"), failure("lost"), failure("broken")];
        assert_eq!(state.last_failure().unwrap().text, "gone (and 2 more)");
    }
}
