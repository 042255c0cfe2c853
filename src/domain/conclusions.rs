//! What may be concluded from the counts of a segment, the one place where it is decided.
//!
//! The refresh, `backfill` and `report` say what was read, and show what is concluded here. Where
//! nothing is concluded it says why.

use std::fmt;

use super::{
    assessment::Evidence,
    count::{ContactCounts, Contacts, Tickets},
    days::{ConfirmedDays, DailyCounts, Doubt, confirm, unchecked_dispersion},
    rise::Exposure,
    window::{Interval, Window},
};

/// The longest window whose baseline is made of daily counts: with its baseline it is 56 days.
const LONGEST_WINDOW_OF_DAYS: usize = 28;

/// What is asked of one window, or of a month: which intervals, and what they are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where `t` is counted.
    pub current: Interval,
    /// Where `t₀` is counted, if it is.
    pub previous: Option<Interval>,
    /// How `t_b` is known.
    pub baseline: BaselineFrom,
}

/// How the tickets of a baseline are known without calls of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineFrom {
    /// The sum of daily counts over these intervals.
    Days(Vec<Interval>),
    /// The baseline is the previous window, and so is its count.
    Previous,
    /// It is not.
    Nothing,
}

impl Question {
    /// What a refresh asks of `window` at `end`.
    pub fn of(window: &Window, end: jiff::Timestamp) -> Self {
        let baseline = window.baseline(end);
        let made_of_days = window
            .days()
            .is_some_and(|days| days <= LONGEST_WINDOW_OF_DAYS);
        Self {
            current: window.current(end),
            previous: Some(window.previous(end)),
            baseline: if made_of_days {
                BaselineFrom::Days(baseline.intervals)
            } else if baseline.windows == 1 {
                BaselineFrom::Previous
            } else {
                BaselineFrom::Nothing
            },
        }
    }

    /// What is asked of an interval by itself.
    pub const fn alone(interval: Interval) -> Self {
        Self {
            current: interval,
            previous: None,
            baseline: BaselineFrom::Nothing,
        }
    }
}

/// What was read of a segment for one `end`.
#[derive(Clone, Debug)]
pub struct SegmentReading<'a> {
    /// One per window: what was asked, and what was counted. `None` where it was not read.
    pub windows: Vec<(Question, Option<&'a Contacts>)>,
    /// The daily counts, where they were read.
    pub days: Option<&'a DailyCounts>,
}

/// What is concluded of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusions {
    /// One per window; `None` where it was not read.
    pub windows: Vec<Option<WindowConclusions>>,
    /// Dispersion `φ`.
    pub dispersion: Option<f64>,
    /// What `φ` is if days that could not be checked this time ([`Doubt::Unchecked`]) are right: of
    /// use only where days of the segment have been confirmed before.
    pub unchecked_dispersion: Option<f64>,
    /// Why nothing was concluded from days that were read.
    pub doubt: Option<Doubt>,
}

/// What is concluded of one window of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowConclusions {
    /// In the window. `None` is unknown.
    pub current: ContactCounts,
    /// In the previous one.
    pub previous: ContactCounts,
    /// `t_b`.
    pub baseline: Option<u64>,
    /// Why `created` of the window is unknown, where it is.
    pub no_created: Option<NoCreated>,
}

/// Why it is not known how many tickets were created in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCreated {
    /// The answer lacks it, and daily counts cannot give it: the window is not made of whole days, or
    /// of more than there are.
    NotInDays,
    /// The answer lacks it, and daily counts were not read.
    NoDays,
    /// The answer lacks it, and daily counts are not to be trusted.
    Doubtful(Doubt),
}

impl fmt::Display for NoCreated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the answer does not say how many tickets were created")?;
        match self {
            Self::NotInDays => formatter
                .write_str(", and daily counts tell it for windows of 1 to 56 whole days alone"),
            Self::NoDays => formatter.write_str(", and there are no daily counts"),
            Self::Doubtful(doubt) => write!(formatter, "; {doubt}"),
        }
    }
}

/// The population of a window and of what it is compared with. `None` means unknown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposed {
    /// `u`.
    pub current: f64,
    /// `u₀`.
    pub previous: Option<f64>,
    /// `u_b`.
    pub baseline: Option<f64>,
}

/// Concludes what is known of a segment.
///
/// * `created` is the answer's own count; where that lacks it, the sum of daily counts that are
///   confirmed. So is `created` of the previous window.
/// * Where nothing was closed, nothing was resolved.
/// * Dispersion and baselines rest on confirmed days, from the first with a ticket on.
pub fn conclude(reading: &SegmentReading<'_>) -> Conclusions {
    let reported: Vec<(Interval, Option<u64>)> = reading
        .windows
        .iter()
        .filter_map(|(question, contacts)| {
            contacts.map(|contacts| (question.current, contacts.current.created))
        })
        .collect();
    let days = reading.days.map(|days| confirm(days, &reported));
    let windows = reading.windows.iter().map(|(question, contacts)| {
        contacts.map(|contacts| conclude_window(question, contacts, days.as_ref()))
    });
    let doubt = days.as_ref().and_then(|days| days.as_ref().err().copied());
    Conclusions {
        windows: windows.collect(),
        unchecked_dispersion: reading
            .days
            .filter(|_| doubt == Some(Doubt::Unchecked))
            .and_then(unchecked_dispersion),
        dispersion: days
            .as_ref()
            .and_then(|days| days.as_ref().ok()?.dispersion()),
        doubt,
    }
}

fn conclude_window(
    question: &Question,
    contacts: &Contacts,
    days: Option<&Result<ConfirmedDays, Doubt>>,
) -> WindowConclusions {
    let confirmed = days.and_then(|days| days.as_ref().ok());
    let created = |counts: &ContactCounts, interval: Option<Interval>| {
        counts.created.or_else(|| confirmed?.created_in(interval?))
    };
    let current = ContactCounts {
        created: created(&contacts.current, Some(question.current)),
        ..contacts.current.clone().completed()
    };
    let previous = ContactCounts {
        created: created(&contacts.previous, question.previous),
        ..contacts.previous.clone().completed()
    };
    let baseline = match &question.baseline {
        BaselineFrom::Days(intervals) => confirmed.and_then(|days| days.baseline_in(intervals)),
        BaselineFrom::Previous => previous.created.filter(|_| {
            let begins = confirmed.filter(|days| !days.may_have_begun_before());
            begins.is_none_or(|days| {
                let begins = days.begins_at();
                begins
                    .zip(question.previous)
                    .is_some_and(|(begins, previous)| begins <= previous.start)
            })
        }),
        BaselineFrom::Nothing => None,
    };
    let no_created = current.created.is_none().then_some(match days {
        None => NoCreated::NoDays,
        Some(Err(doubt)) => NoCreated::Doubtful(*doubt),
        Some(Ok(_)) => NoCreated::NotInDays,
    });
    WindowConclusions {
        current,
        previous,
        baseline,
        no_created,
    }
}

impl NoCreated {
    /// Whether another refresh may well tell: days may be read, or be right, the next time.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::NoDays | Self::Doubtful(_))
    }
}

impl WindowConclusions {
    /// What a rate of this window is assessed from; `None` when the count that `tickets` chooses is
    /// unknown.
    pub fn evidence(
        &self,
        tickets: Tickets,
        exposed: &Exposed,
        dispersion: Option<f64>,
    ) -> Option<Evidence> {
        Some(Evidence {
            tickets,
            count: self.current.tickets(tickets)?,
            population: exposed.current,
            previous_count: self.previous.tickets(tickets),
            previous_population: exposed.previous,
            dispersion,
            baseline: self
                .baseline
                .zip(exposed.baseline)
                .map(|(tickets, population)| Exposure {
                    tickets,
                    population,
                }),
        })
    }
}

#[cfg(test)]
mod tests;
