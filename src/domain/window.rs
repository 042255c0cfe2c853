//! Trailing windows: half-open intervals of exact seconds, in UTC.

use std::fmt;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use super::duration::{DAY, HOUR, MINUTE, WEEK, parse_duration};

/// A half-open interval `[start, end)` in UTC, at whole seconds; or an instant, at which a stock is
/// read: nothing is in it, and it is never counted in.
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

    /// The instant `end`.
    pub const fn instant(end: Timestamp) -> Self {
        Self { start: end, end }
    }

    /// Whether it is an instant.
    pub fn is_instant(self) -> bool {
        self.start == self.end
    }

    /// In words: `at …` for an instant, else `over …`.
    pub fn in_words(self) -> String {
        if self.is_instant() {
            format!("at {}", self.end)
        } else {
            format!("over {self}")
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

/// The start of a refresh cut to the minute: the `end` of all its intervals. Never after
/// `instant`, before 1970 either.
pub fn cut_to_minute(instant: Timestamp) -> Timestamp {
    let last_minute = TimestampRound::new()
        .smallest(Unit::Minute)
        .mode(RoundMode::Floor);
    // Fails only within the first minute of representable time.
    instant.round(last_minute).unwrap_or(instant)
}

/// `instant` as ISO 8601 writes it, in UTC and to the second: `2026-01-31T12:00:00Z`.
pub fn stamp(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(text: &str) -> Window {
        Window::parse(text).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// `days` before `end`, as an instant.
    fn days_before(end: Timestamp, days: i64) -> Timestamp {
        earlier(end, days * DAY)
    }

    #[test]
    fn an_instant_is_told_from_an_interval() {
        let end = at("2026-01-02T00:00:00Z");
        let stock = Interval::instant(end);
        assert!(stock.is_instant() && !Interval::ending_at(end, 60).is_instant());
        assert_eq!(stock.in_words(), "at 2026-01-02T00:00:00Z");
        assert_eq!(
            Interval::ending_at(end, 60).in_words(),
            "over [2026-01-01T23:59:00Z, 2026-01-02T00:00:00Z)"
        );
    }

    #[test]
    fn windows_are_whole_minutes_from_an_hour_to_366_days() {
        for text in ["1h", "60m", "1h1m", "1d", "7d", "168h", "28d", "1y", "366d"] {
            let window = window(text);
            assert_eq!(window.name(), text);
            assert_eq!(window.to_string(), text);
            assert_eq!(Some(window.seconds()), parse_duration(text));
        }
        for text in ["", "59m", "1h30s", "366d1m", "53w", "2y", "7", "0s"] {
            assert_eq!(Window::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn whole_days() {
        assert_eq!(window("1d").days(), Some(1));
        assert_eq!(window("48h").days(), Some(2));
        assert_eq!(window("366d").days(), Some(366));
        assert_eq!(window("1h").days(), None);
        assert_eq!(window("1d1h").days(), None);
    }

    #[test]
    fn current_and_previous() {
        let end = at("2017-12-15T10:30:00Z");
        let week = window("7d");
        assert_eq!(
            week.current(end).to_string(),
            "[2017-12-08T10:30:00Z, 2017-12-15T10:30:00Z)"
        );
        assert_eq!(
            week.previous(end).to_string(),
            "[2017-12-01T10:30:00Z, 2017-12-08T10:30:00Z)"
        );
    }

    /// A short window is held against the same weekday and time of day.
    #[test]
    fn baseline_of_a_short_window() {
        let end = at("2017-12-15T10:30:00Z");
        for (text, days) in [("1h", 0), ("1d", 1), ("6d", 6), ("6d23h59m", 6)] {
            let window = window(text);
            let baseline = window.baseline(end);
            assert_eq!(baseline.windows, 4, "{text}");
            let expected: Vec<Interval> = [7, 14, 21, 28]
                .map(|back| Interval::ending_at(days_before(end, back), window.seconds()))
                .to_vec();
            assert_eq!(baseline.intervals, expected, "{text}");
            assert!(window.seconds() >= days * DAY);
        }
        assert_eq!(
            window("1d").baseline(end).intervals[0].to_string(),
            "[2017-12-07T10:30:00Z, 2017-12-08T10:30:00Z)"
        );
    }

    /// `k = min(4, ⌊56d / w⌋ − 1)`, at least 1, by hand.
    #[test]
    fn baseline_of_a_long_window() {
        let end = at("2017-12-15T10:30:00Z");
        let table = [
            ("7d", 7, 4),
            ("10d", 10, 4),
            ("11d", 11, 4),
            ("12d", 12, 3),
            ("14d", 14, 3),
            ("18d", 18, 2),
            ("19d", 19, 1),
            ("28d", 28, 1),
            ("29d", 29, 1),
            ("56d", 56, 1),
            ("57d", 57, 1),
            ("366d", 366, 1),
        ];
        for (text, days, windows) in table {
            let expected = Baseline {
                windows,
                intervals: vec![Interval {
                    start: days_before(end, days * (1 + i64::from(windows))),
                    end: days_before(end, days),
                }],
            };
            assert_eq!(window(text).baseline(end), expected, "{text}");
        }
    }

    #[test]
    fn intervals_stop_at_the_beginning_of_time() {
        let interval = Interval::ending_at(Timestamp::MIN, HOUR);
        assert_eq!(interval.start, Timestamp::MIN);
        assert_eq!(interval.seconds(), 0);
        let soon = earlier(Timestamp::MIN, -10);
        assert_eq!(Interval::ending_at(soon, HOUR).seconds(), 10);
        for text in ["1h", "6d", "7d", "366d"] {
            let baseline = window(text).baseline(soon);
            assert!(baseline.intervals.iter().all(|one| one.seconds() >= 0));
        }
    }

    #[test]
    fn cuts_to_the_minute_before() {
        let table = [
            ("2017-12-15T10:30:59.999Z", "2017-12-15T10:30:00Z"),
            ("2017-12-15T10:30:00Z", "2017-12-15T10:30:00Z"),
            ("1970-01-01T00:00:00.5Z", "1970-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:59:00Z"),
            ("1969-12-31T23:59:00Z", "1969-12-31T23:59:00Z"),
            ("1969-12-31T23:58:59.999999999Z", "1969-12-31T23:58:00Z"),
        ];
        for (instant, minute) in table {
            assert_eq!(cut_to_minute(at(instant)), at(minute), "{instant}");
        }
    }

    #[test]
    fn cuts_without_leaving_time() {
        assert_eq!(cut_to_minute(Timestamp::MIN), Timestamp::MIN);
        assert!(cut_to_minute(Timestamp::MAX) <= Timestamp::MAX);
    }

    fn instants() -> impl Strategy<Value = Timestamp> {
        (
            -10_000_000_000_i64..10_000_000_000,
            -999_999_999..=999_999_999,
        )
            .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap())
    }

    fn windows() -> impl Strategy<Value = Window> {
        (60_i64..=366 * 24 * 60).prop_map(|minutes| window(&format!("{minutes}m")))
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = Window::parse(&text);
        }

        #[test]
        fn a_cut_instant_is_the_last_minute_not_after(instant in instants()) {
            let minute = cut_to_minute(instant);
            prop_assert!(minute <= instant);
            prop_assert!(instant < earlier(minute, -MINUTE));
            prop_assert_eq!(minute.as_second().rem_euclid(MINUTE), 0);
            prop_assert_eq!(cut_to_minute(minute), minute);
        }

        #[test]
        fn the_previous_window_is_as_long_and_just_before(window in windows(), instant in instants()) {
            let end = cut_to_minute(instant);
            prop_assert_eq!(window.current(end).end, end);
            prop_assert_eq!(window.previous(end).end, window.current(end).start);
            prop_assert_eq!(window.current(end).seconds(), window.seconds());
            prop_assert_eq!(window.previous(end).seconds(), window.seconds());
        }

        #[test]
        fn a_baseline_is_whole_windows_before_the_current_one(
            window in windows(),
            instant in instants(),
        ) {
            let end = cut_to_minute(instant);
            let baseline = window.baseline(end);
            let seconds: i64 = baseline.intervals.iter().map(|one| one.seconds()).sum();
            prop_assert_eq!(seconds, i64::from(baseline.windows) * window.seconds());
            let mut later = window.current(end).start;
            for interval in baseline.intervals {
                prop_assert!(interval.end <= later);
                later = interval.start;
            }
        }

        /// What the 56 daily counts must cover.
        #[test]
        fn a_baseline_fits_in_eight_weeks_where_two_windows_do(minutes in 60_i64..=28 * 24 * 60) {
            let end = at("2017-12-15T10:30:00Z");
            let baseline = window(&format!("{minutes}m")).baseline(end);
            let first = baseline.intervals.last().unwrap().start;
            prop_assert!(first >= days_before(end, 56));
        }
    }
}
