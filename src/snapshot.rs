//! The immutable result of a refresh, from which every page is drawn.
//!
//! A snapshot holds only what may be shown now: a value that is unknown or too old is `None`.
//! How it was fetched and how it will be printed are not known here.

use std::{fmt, sync::Arc};

use jiff::Timestamp;

use crate::domain::{
    Bounds, Change, ContactCounts, OpenTickets, Ratings, Reason, Source, Tickets, Window,
};

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
    /// One per source that exists now.
    pub sources: Vec<SourceState>,
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
    /// What the last reading failed for; `None` when it succeeded or was not tried yet.
    pub last_failure: Option<SourceFailure>,
}

/// A failed reading, in words fit for the operator: no secret, no row, no customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFailure {
    /// The bounded reason.
    pub reason: Reason,
    /// The segments that were not read; none for what has no segments.
    pub segments: Vec<String>,
    /// The error chain on one line.
    pub text: String,
}

impl SourceFailure {
    /// The different failures among `failures`, each once with all its segments.
    pub fn grouped(failures: &[Self]) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for failure in failures {
            let same =
                |group: &&mut Self| (group.reason, &group.text) == (failure.reason, &failure.text);
            if let Some(group) = groups.iter_mut().find(same) {
                for segment in &failure.segments {
                    if !group.segments.contains(segment) {
                        group.segments.push(segment.clone());
                    }
                }
            } else {
                groups.push(failure.clone());
            }
        }
        groups
    }
}

impl fmt::Display for SourceFailure {
    /// `segment a: text`, `segments a, b: text` or just the text; the reason is for others to add.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.segments.as_slice() {
            [] => {}
            [segment] => write!(formatter, "segment {segment}: ")?,
            segments => write!(formatter, "segments {}: ", segments.join(", "))?,
        }
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_failures_are_told_once_with_all_their_segments() {
        let failure = |segment: &str, text: &str| SourceFailure {
            reason: Reason::Auth,
            segments: vec![segment.to_owned()],
            text: text.to_owned(),
        };
        let failures = [
            failure("all", "refused"),
            failure("bug", "refused"),
            failure("all", "refused"),
            failure("bug", "gone"),
        ];
        let told: Vec<String> = SourceFailure::grouped(&failures)
            .iter()
            .map(SourceFailure::to_string)
            .collect();
        assert_eq!(told, ["segments all, bug: refused", "segment bug: gone"]);
    }
}
