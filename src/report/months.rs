//! Calendar months: how they are named, when they begin and end, and which of them are reported.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp,
    civil::Date,
    tz::{TimeZone, db},
};

use super::Error;
use crate::{config::suggestion, domain::Interval};

/// Months that are reported when none are named.
const DEFAULT_MONTHS: usize = 13;

/// Most months of one report: fifty years.
pub const MAX_MONTHS: usize = 600;

/// Years that a month may be in: before 1970 there is nothing to count, and after 9998 a month
/// may have no end.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=9998;

/// A calendar month, as `2025-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    fn of(date: Date) -> Self {
        Self {
            year: date.year(),
            month: date.month(),
        }
    }

    /// The calendar year.
    pub const fn year(self) -> i16 {
        self.year
    }

    /// The month of the year, from 1.
    pub const fn number(self) -> i8 {
        self.month
    }

    /// The month after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.month == 12 {
            Self {
                year: self.year.saturating_add(1),
                month: 1,
            }
        } else {
            Self {
                year: self.year,
                month: self.month + 1,
            }
        }
    }

    /// The month before this one.
    #[must_use]
    pub const fn before(self) -> Self {
        if self.month == 1 {
            Self {
                year: self.year.saturating_sub(1),
                month: 12,
            }
        } else {
            Self {
                year: self.year,
                month: self.month - 1,
            }
        }
    }

    /// From the first instant of the month in `zone` to the first of the next. Where clocks change,
    /// such a month is an hour shorter or longer.
    pub fn interval(self, zone: &TimeZone) -> Result<Interval, Error> {
        Ok(Interval {
            start: self.start(zone)?,
            end: self.next().start(zone)?,
        })
    }

    /// Midnight of the first day; where clocks skip it, the instant they skip to, and where they
    /// show it twice, the first time.
    fn start(self, zone: &TimeZone) -> Result<Timestamp, Error> {
        let midnight = Date::new(self.year, self.month, 1)
            .map(|day| day.at(0, 0, 0, 0))
            .and_then(|midnight| zone.to_ambiguous_timestamp(midnight).compatible());
        midnight.map_err(|source| Error::Calendar {
            month: self,
            source,
        })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        text.split_once('-')
            .filter(|(year, month)| year.len() == 4 && month.len() == 2)
            .filter(|(year, month)| digits(year) && digits(month))
            .and_then(|(year, month)| {
                Some(Self {
                    year: year.parse().ok()?,
                    month: month.parse().ok()?,
                })
            })
            .filter(|month| YEARS.contains(&month.year) && (1..=12).contains(&month.month))
            .ok_or_else(|| "expected a month as 2025-01".to_owned())
    }
}

/// The time zone called `name` in the IANA database, as `Europe/Paris`. For `--time-zone`.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        let known: Vec<String> = db().available().map(|name| name.to_string()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        format!(
            "no time zone of that name, as Europe/Paris or UTC{}",
            suggestion(name, &known)
        )
    })
}

/// A month, or what has gone by of the running one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Which month.
    pub month: Month,
    /// The whole month, or from its start to the instant of reading.
    pub interval: Interval,
    /// Whether the month has ended.
    pub is_whole: bool,
}

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Periods {
    /// The month before the first that is reported: what that one is compared with.
    pub before: Period,
    /// The months that are reported, oldest first; at least one.
    pub reported: Vec<Period>,
    /// The running month, where it was asked for by name and is left out.
    pub left_out: Option<Month>,
}

/// The months from `from` to `to`, both included, as seen at `now`. Without `to` up to the last
/// one that has ended, without `from` 13 whole months; `include_current` adds the running one.
pub fn periods(
    from: Option<Month>,
    to: Option<Month>,
    include_current: bool,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Periods, Error> {
    let running = Month::of(now.to_zoned(zone.clone()).date());
    for month in [from, to].into_iter().flatten() {
        if month > running {
            return Err(Error::Future { month, running });
        }
    }
    let to = to.unwrap_or(if include_current {
        running
    } else {
        running.before()
    });
    let from = from.unwrap_or_else(|| {
        let last_whole = to.min(running.before());
        (1..DEFAULT_MONTHS).fold(last_whole, |month, _| month.before())
    });
    if from > to {
        // Without `to` that is a wish for the running month.
        return Err(if from == running {
            Error::NotEnded { month: running }
        } else {
            Error::Reversed { from, to }
        });
    }
    let mut reported = Vec::new();
    let mut left_out = None;
    let mut month = from;
    while month <= to {
        if reported.len() == MAX_MONTHS {
            return Err(Error::TooMany { from, to });
        }
        let mut interval = month.interval(zone)?;
        let is_whole = month < running;
        if !is_whole {
            interval.end = now;
        }
        if is_whole || include_current && interval.start < now {
            reported.push(Period {
                month,
                interval,
                is_whole,
            });
        } else {
            left_out = Some(month);
        }
        month = month.next();
    }
    if reported.is_empty() {
        return Err(Error::NotEnded { month: running });
    }
    Ok(Periods {
        before: Period {
            month: from.before(),
            interval: from.before().interval(zone)?,
            is_whole: true,
        },
        reported,
        left_out,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        time_zone(name).unwrap()
    }

    fn names(periods: &Periods) -> Vec<String> {
        let names = periods.reported.iter();
        names.map(|period| period.month.to_string()).collect()
    }

    const NOW: &str = "2026-03-31T22:30:00Z";

    fn chosen(
        from: Option<&str>,
        to: Option<&str>,
        include_current: bool,
        name: &str,
    ) -> Result<Periods, Error> {
        let now = NOW.parse().unwrap();
        let (from, to) = (from.map(month), to.map(month));
        periods(from, to, include_current, &zone(name), now)
    }

    #[test]
    fn a_month_is_four_digits_and_two() {
        assert_eq!(month("2025-01").to_string(), "2025-01");
        for text in [
            "",
            "2025",
            "2025-1",
            "2025-13",
            "2025-00",
            "25-01",
            "2025-01-01",
            "+025-01",
            "2025-+1",
            "2025/01",
            "1969-12",
            "9999-01",
            "٢٠٢٥-٠١",
        ] {
            assert!(text.parse::<Month>().is_err(), "{text:?}");
        }
    }

    /// Offsets before and after as the time zone database has them.
    #[test]
    fn months_begin_at_local_midnight() {
        let table = [
            ("UTC", "2025-03", "2025-03-01T00:00:00Z", 31 * 24),
            ("Europe/Paris", "2025-02", "2025-01-31T23:00:00Z", 28 * 24),
            (
                "Europe/Paris",
                "2025-03",
                "2025-02-28T23:00:00Z",
                31 * 24 - 1,
            ),
            (
                "Europe/Paris",
                "2025-10",
                "2025-09-30T22:00:00Z",
                31 * 24 + 1,
            ),
            ("Europe/Paris", "2025-12", "2025-11-30T23:00:00Z", 31 * 24),
            (
                "America/New_York",
                "2025-11",
                "2025-11-01T04:00:00Z",
                30 * 24 + 1,
            ),
            // Clocks skipped the midnight that began October.
            (
                "America/Asuncion",
                "2017-10",
                "2017-10-01T04:00:00Z",
                31 * 24 - 1,
            ),
            // Half an hour only.
            (
                "Australia/Lord_Howe",
                "2025-04",
                "2025-03-31T13:00:00Z",
                30 * 24,
            ),
        ];
        for (name, text, start, hours) in table {
            let interval = month(text).interval(&zone(name)).unwrap();
            assert_eq!(interval.start.to_string(), start, "{name} {text}");
            let extra = if name == "Australia/Lord_Howe" {
                1800
            } else {
                0
            };
            assert_eq!(interval.seconds(), hours * 3600 + extra, "{name} {text}");
        }
    }

    #[test]
    fn thirteen_whole_months_by_default() {
        let utc = chosen(None, None, false, "UTC").unwrap();
        assert_eq!(names(&utc).len(), 13);
        assert_eq!(names(&utc)[0], "2025-02");
        assert_eq!(names(&utc)[12], "2026-02");
        assert_eq!(utc.before.month, month("2025-01"));
        // In Paris it is April by now.
        let paris = chosen(None, None, false, "Europe/Paris").unwrap();
        assert_eq!(names(&paris)[0], "2025-03");
        assert_eq!(names(&paris)[12], "2026-03");
        assert!(paris.reported.iter().all(|period| period.is_whole));
    }

    #[test]
    fn the_running_month_on_request_up_to_now() {
        let periods = chosen(None, None, true, "UTC").unwrap();
        assert_eq!(names(&periods).len(), 14);
        let last = periods.reported[13];
        assert!(!last.is_whole);
        assert_eq!(
            last.interval.to_string(),
            "[2026-03-01T00:00:00Z, 2026-03-31T22:30:00Z)"
        );
        let named = chosen(Some("2026-01"), Some("2026-03"), false, "UTC").unwrap();
        assert_eq!(names(&named), ["2026-01", "2026-02"]);
        assert_eq!(named.left_out, Some(month("2026-03")));
        let past = chosen(None, Some("2026-02"), true, "UTC").unwrap();
        assert!(past.reported.iter().all(|period| period.is_whole));
        assert_eq!(past, chosen(None, None, false, "UTC").unwrap());
    }

    /// Nothing has gone by of a month that has just begun.
    #[test]
    fn no_empty_month() {
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        let periods = periods(None, None, true, &zone("UTC"), now).unwrap();
        assert_eq!(names(&periods).last().unwrap(), "2026-02");
        assert_eq!(names(&periods).len(), 13);
    }

    #[test]
    fn what_cannot_be_reported() {
        let error = |from, to, current| {
            let error = chosen(from, to, current, "UTC").unwrap_err();
            assert!(error.is_usage());
            error.to_string()
        };
        let text = error(Some("2026-02"), Some("2026-01"), false);
        assert!(
            text.contains("--from=2026-02 is after --to=2026-01"),
            "{text}"
        );
        let text = error(None, Some("2026-04"), true);
        assert!(text.contains("2026-04 is in the future"), "{text}");
        let text = error(Some("2027-01"), None, false);
        assert!(text.contains("2027-01 is in the future"), "{text}");
        for to in [None, Some("2026-03")] {
            let text = error(Some("2026-03"), to, false);
            assert!(text.contains("--include-current"), "{text}");
        }
        let text = error(Some("1970-01"), None, false);
        assert!(text.contains("600"), "{text}");
    }

    #[test]
    fn unknown_time_zones_have_neighbours() {
        let text = time_zone("Europe/Pari").unwrap_err();
        assert!(text.ends_with("did you mean `Europe/Paris`?"), "{text}");
        assert!(time_zone("nowhere at all").is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = text.parse::<Month>();
        }

        /// Months follow each other without gap or overlap, in any zone.
        #[test]
        fn months_are_adjacent(year in 1970_i16..2100, number in 1_i8..=12, index in 0_usize..5) {
            let name = ["UTC", "Europe/Paris", "America/Sao_Paulo", "Pacific/Apia", "Asia/Gaza"][index];
            let month = Month { year, month: number };
            let interval = month.interval(&zone(name)).unwrap();
            prop_assert!((27 * 86_400..=32 * 86_400).contains(&interval.seconds()));
            prop_assert_eq!(month.next().interval(&zone(name)).unwrap().start, interval.end);
            prop_assert_eq!(month.next().before(), month);
        }
    }
}
