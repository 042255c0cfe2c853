//! The section `reasons`: which contact reasons are counted, over which window, how often.

use std::time::Duration;

use super::{
    Reference,
    decode::{Decoder, Section},
    sections::{bounded_by, window_index},
    segments::references,
    tickets::DeskKind,
};
use crate::domain::{MOST_REASONS, Window};

const DEFAULT_EVERY: Duration = Duration::from_hours(1);
const MOST_EVERY: Duration = Duration::from_hours(24);
const DEFAULT_TOP: usize = 10;
/// The window is by default the longest that is no longer than this.
const DEFAULT_WINDOW_SECONDS: i64 = 28 * 24 * 3600;

/// Contact reasons to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasons {
    /// Index into [`Config::windows`](super::Config::windows).
    pub window: usize,
    /// Time from one reading to the next; never less than the interval of a refresh.
    pub every: Duration,
    /// Which ones.
    pub choice: ReasonChoice,
}

impl Reasons {
    /// How long a count that could not be read again is still shown.
    pub fn max_age(&self) -> Duration {
        self.every * 3
    }

    /// How many reasons are counted at most.
    pub const fn most(&self) -> usize {
        match &self.choice {
            ReasonChoice::Top(top) => *top,
            ReasonChoice::Tags(tags) => tags.len(),
        }
    }
}

/// Which contact reasons are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReasonChoice {
    /// So many, those with most tickets: 1 to [`MOST_REASONS`].
    Top(usize),
    /// These tags; at least one and at most [`MOST_REASONS`].
    Tags(Vec<Reference>),
}

/// `None` without the section, or where it has a problem. `desk` says who is asked; `None` where the
/// desk has a problem of its own.
pub fn reasons(
    decoder: &mut Decoder<'_>,
    root: &mut Section<'_>,
    windows: &[Window],
    interval: Duration,
    desk: Option<DeskKind>,
) -> Option<Reasons> {
    let field = root.take("reasons")?;
    if matches!(desk, Some(DeskKind::Sql | DeskKind::Http)) {
        decoder.problem(
            &field,
            "contact reasons are not supported by this ticket source: they are tags of Help Scout and go with `helpscout`; remove this section",
        );
        return None;
    }
    let mut section = decoder.section(&field)?;
    let window = match section.take("window") {
        // Windows that could not be read have their own problems already.
        Some(_) if windows.is_empty() => None,
        Some(field) => window_index(decoder, &field, windows),
        None => default_window(windows),
    };
    let every = match section.take("every") {
        Some(field) => bounded_by(
            decoder,
            &field,
            (interval, "the interval of a refresh"),
            MOST_EVERY,
        ),
        None => Some(DEFAULT_EVERY.max(interval)),
    };
    let top = section.take("top");
    let tags = section.take("tags");
    let choice = match (&top, &tags) {
        (Some(_), Some(tags)) => {
            decoder.problem(tags, "give either top or tags, not both");
            None
        }
        (_, Some(field)) => {
            let before = decoder.problems();
            let tags = references(decoder, Some(field.clone()));
            if tags.is_empty() {
                if decoder.problems() == before {
                    decoder.problem(field, "expected at least one tag");
                }
                None
            } else if tags.len() > MOST_REASONS {
                decoder.problem(
                    field,
                    format!("at most {MOST_REASONS} tags, found {}", tags.len()),
                );
                None
            } else {
                Some(ReasonChoice::Tags(tags))
            }
        }
        (Some(field), None) => {
            let expected = format!("a whole number from 1 to {MOST_REASONS}");
            let top = decoder.parsed(field, &expected, |text| {
                let top: usize = text.value.parse().ok()?;
                (1..=MOST_REASONS).contains(&top).then_some(top)
            });
            top.map(ReasonChoice::Top)
        }
        (None, None) => Some(ReasonChoice::Top(DEFAULT_TOP)),
    };
    decoder.finish(section);
    Some(Reasons {
        window: window?,
        every: every?,
        choice: choice?,
    })
}

/// The longest window of at most four weeks, or the shortest where all are longer.
fn default_window(windows: &[Window]) -> Option<usize> {
    let of = |(index, window): (usize, &Window)| (window.seconds(), index);
    let all = || windows.iter().enumerate().map(of);
    let (_, index) = all()
        .filter(|(seconds, _)| *seconds <= DEFAULT_WINDOW_SECONDS)
        .max()
        .or_else(|| all().min())?;
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_window_is_the_longest_up_to_four_weeks() {
        let of = |names: &[&str]| {
            let windows: Vec<Window> = names
                .iter()
                .map(|name| Window::parse(name).unwrap())
                .collect();
            default_window(&windows).map(|index| names[index].to_owned())
        };
        assert_eq!(of(&["1d", "28d", "7d"]).unwrap(), "28d");
        assert_eq!(of(&["365d", "1d", "14d"]).unwrap(), "14d");
        assert_eq!(of(&["365d", "90d"]).unwrap(), "90d");
        assert_eq!(of(&[]), None);
    }
}
