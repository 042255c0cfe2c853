//! Calendar months: how they are named, when they begin and end, and which of them are reported.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{config, domain::Interval};

/// Months that are reported when none are named.
const DEFAULT_MONTHS: usize = 13;

/// Most months of one report: fifty years.
pub const MAX_MONTHS: usize = 600;

/// Years that a month may be in: before 1970 there is nothing to count, and after 9998 a month
/// may have no end.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=9998;

/// The months asked for cannot be reported.
#[derive(Debug, thiserror::Error)]
pub enum MonthsError {
    /// A month that has not begun.
    #[error("{month} is in the future: the running month is {running}")]
    Future {
        /// As given.
        month: Month,
        /// The running month.
        running: Month,
    },
    /// The months are the wrong way round.
    #[error("--from={from} is after --to={to}")]
    Reversed {
        /// The first month.
        from: Month,
        /// The last one.
        to: Month,
    },
    /// Nothing but the running month was asked for.
    #[error("{month} has not ended: --include-current reports what has gone by of it")]
    NotEnded {
        /// The running month.
        month: Month,
    },
    /// More months than one report may have.
    #[error("from {from} to {to} are more than {MAX_MONTHS} months")]
    TooMany {
        /// The first month.
        from: Month,
        /// The last one.
        to: Month,
    },
    /// The calendar does not know when a month begins.
    #[error("it cannot be said when {month} begins")]
    Calendar {
        /// Which.
        month: Month,
        /// Why.
        #[source]
        source: jiff::Error,
    },
}

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
    pub fn interval(self, zone: &TimeZone) -> Result<Interval, MonthsError> {
        Ok(Interval {
            start: self.start(zone)?,
            end: self.next().start(zone)?,
        })
    }

    /// Midnight of the first day; where clocks skip it, the instant they skip to, and where they
    /// show it twice, the first time.
    fn start(self, zone: &TimeZone) -> Result<Timestamp, MonthsError> {
        let midnight = Date::new(self.year, self.month, 1)
            .map(|day| day.at(0, 0, 0, 0))
            .and_then(|midnight| zone.to_ambiguous_timestamp(midnight).compatible());
        midnight.map_err(|source| MonthsError::Calendar {
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
    config::time_zone(name)
        .map_err(|hint| format!("no time zone of that name, as Europe/Paris or UTC{hint}"))
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
) -> Result<Periods, MonthsError> {
    let running = Month::of(now.to_zoned(zone.clone()).date());
    for month in [from, to].into_iter().flatten() {
        if month > running {
            return Err(MonthsError::Future { month, running });
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
            MonthsError::NotEnded { month: running }
        } else {
            MonthsError::Reversed { from, to }
        });
    }
    let mut reported = Vec::new();
    let mut left_out = None;
    let mut month = from;
    while month <= to {
        if reported.len() == MAX_MONTHS {
            return Err(MonthsError::TooMany { from, to });
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
        return Err(MonthsError::NotEnded { month: running });
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
mod tests;
