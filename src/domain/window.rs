//! Trailing windows: half-open intervals of exact seconds, in UTC.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// Parses a Prometheus duration (`90s`, `5m`, `1h30m`, `7d`, `4w`) to whole seconds.
///
/// Units go from large to small, each at most once, as in Prometheus; `y` (365 days) and `ms` are
/// known too, the latter only in whole seconds. Returns `None` for anything else.
pub fn parse_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * DAY * 1000),
        ("w", WEEK * 1000),
        ("d", DAY * 1000),
        ("h", HOUR * 1000),
        ("m", MINUTE * 1000),
        ("s", 1000),
        ("ms", 1),
    ];
    let mut rest = text;
    let mut next_unit = 0;
    let mut milliseconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit = rest.get(..letters)?;
        let index = UNITS.iter().position(|(name, _)| *name == unit)?;
        if index < next_unit {
            return None;
        }
        next_unit = index + 1;
        milliseconds = milliseconds.checked_add(number.checked_mul(UNITS.get(index)?.1)?)?;
        rest = rest.get(letters..)?;
    }
    (!text.is_empty() && milliseconds % 1000 == 0).then_some(milliseconds / 1000)
}

/// A half-open interval `[start, end)` in UTC, at whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant after.
    pub end: Timestamp,
}

impl Interval {
    /// The `seconds` that end at `end`. Saturates at the ends of representable time,
    /// so that no clock, however wrong, makes it negative.
    pub fn ending_at(end: Timestamp, seconds: i64) -> Self {
        Self {
            start: earlier(end, seconds),
            end,
        }
    }

    /// Length in seconds.
    pub fn seconds(self) -> i64 {
        self.end.as_second() - self.start.as_second()
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}, {})", self.start, self.end)
    }
}

/// A configured trailing window `[end − w, end)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    name: String,
    seconds: i64,
}

/// What a window is judged against, fair to weekdays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Its length in windows, `k`.
    pub windows: u32,
    /// The intervals it is made of, adjacent ones merged, newest first.
    pub intervals: Vec<Interval>,
}

impl Window {
    /// Shortest window: one hour.
    pub const SHORTEST_SECONDS: i64 = HOUR;
    /// Longest window: 366 days.
    pub const LONGEST_SECONDS: i64 = 366 * DAY;

    /// A window called `text`, a Prometheus duration of 1 h to 366 d in whole minutes.
    pub fn parse(text: &str) -> Option<Self> {
        let seconds = parse_duration(text)?;
        ((Self::SHORTEST_SECONDS..=Self::LONGEST_SECONDS).contains(&seconds)
            && seconds % MINUTE == 0)
            .then(|| Self {
                name: text.to_owned(),
                seconds,
            })
    }

    /// The label value: the duration as configured.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Length in seconds, `w`.
    pub const fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Length in whole days, or `None` when it is not a whole number of days.
    pub fn days(&self) -> Option<usize> {
        (self.seconds % DAY == 0)
            .then(|| usize::try_from(self.seconds / DAY).ok())
            .flatten()
    }

    /// `[end − w, end)`.
    pub fn current(&self, end: Timestamp) -> Interval {
        Interval::ending_at(end, self.seconds)
    }

    /// `[end − 2w, end − w)`.
    pub fn previous(&self, end: Timestamp) -> Interval {
        Interval::ending_at(self.current(end).start, self.seconds)
    }

    /// For `w < 7d` the same window 1, 2, 3 and 4 weeks earlier; else the `k·w` just before the
    /// window, `k = min(4, ⌊56d / w⌋ − 1)`, at least 1.
    pub fn baseline(&self, end: Timestamp) -> Baseline {
        if self.seconds < WEEK {
            let intervals = (1..=4)
                .map(|weeks| Interval::ending_at(earlier(end, weeks * WEEK), self.seconds))
                .collect();
            return Baseline {
                windows: 4,
                intervals,
            };
        }
        let windows = (56 * DAY / self.seconds - 1).clamp(1, 4);
        let interval = Interval::ending_at(self.current(end).start, windows * self.seconds);
        Baseline {
            windows: u32::try_from(windows).unwrap_or(1),
            intervals: vec![interval],
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

fn earlier(instant: Timestamp, seconds: i64) -> Timestamp {
    instant
        .checked_sub(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MIN)
}

/// The start of a refresh cut to the minute: the `end` of all its intervals.
pub fn cut_to_minute(instant: Timestamp) -> Timestamp {
    let second = instant.as_second();
    Timestamp::from_second(second - second.rem_euclid(MINUTE)).unwrap_or(instant)
}
