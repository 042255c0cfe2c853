//! Which instants are filled in.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::domain::parse_duration;

const MINUTE: i64 = 60;

/// Prometheus still writes to the block of the last two hours, and a block that overlaps it is
/// compacted with trouble; one hour more is for its delay in closing it.
pub const OPEN_BLOCK: SignedDuration = SignedDuration::from_hours(3);

/// Most steps: ten years by the quarter of an hour.
const MOST_STEPS: i64 = 400_000;

/// The first instant that anything may start at. Help Scout is younger.
const EARLIEST: i64 = 946_684_800;

/// The instants to fill in: `from`, `from + step`, … up to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    from: Timestamp,
    step: i64,
    steps: i64,
}

/// The instants asked for cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Nothing lies between.
    #[error("--from={from} is after --to={to}")]
    Backwards {
        /// As given.
        from: Timestamp,
        /// As given.
        to: Timestamp,
    },
    /// Before anything can have been counted.
    #[error("--from={0} is before the year 2000")]
    TooEarly(Timestamp),
    /// In the block that Prometheus is still writing.
    #[error(
        "--to={to} is within the last 3 hours, which belong to the block that Prometheus is still writing: \
         the latest possible is {latest}"
    )]
    TooLate {
        /// As given.
        to: Timestamp,
        /// What is possible now.
        latest: Timestamp,
    },
    /// More steps than anybody can want.
    #[error("more than {MOST_STEPS} steps: make --step longer, or fill the years in one by one")]
    TooMany,
}

impl Span {
    /// The instants from `from` to `to`, both included, every `step` seconds.
    pub fn new(
        from: Timestamp,
        to: Timestamp,
        step: Step,
        now: Timestamp,
    ) -> Result<Self, SpanError> {
        if from > to {
            return Err(SpanError::Backwards { from, to });
        }
        if from.as_second() < EARLIEST {
            return Err(SpanError::TooEarly(from));
        }
        let latest = now.checked_sub(OPEN_BLOCK).unwrap_or(Timestamp::MIN);
        if to > latest {
            let latest = crate::domain::cut_to_minute(latest);
            return Err(SpanError::TooLate { to, latest });
        }
        let steps = (to.as_second() - from.as_second()) / step.0 + 1;
        if steps > MOST_STEPS {
            return Err(SpanError::TooMany);
        }
        Ok(Self {
            from,
            step: step.0,
            steps,
        })
    }

    /// Seconds from one instant to the next.
    pub const fn step(&self) -> i64 {
        self.step
    }

    /// How many instants, at least one.
    pub const fn steps(&self) -> i64 {
        self.steps
    }

    /// The instant at `index`; negative indices lie before the first.
    pub fn end(&self, index: i64) -> Timestamp {
        Timestamp::from_second(self.from.as_second() + index * self.step).unwrap_or(self.from)
    }

    /// The last instant.
    pub fn last(&self) -> Timestamp {
        self.end(self.steps - 1)
    }
}

/// Seconds between two instants: whole minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(i64);

/// Reads `--step`: a Prometheus duration of whole minutes.
pub fn parse_step(text: &str) -> Result<Step, String> {
    parse_duration(text)
        .filter(|seconds| *seconds > 0 && seconds % MINUTE == 0)
        .map(Step)
        .ok_or_else(|| "expected a duration in whole minutes, such as 1d or 6h".to_owned())
}

/// Reads `--from` and `--to`: a date, which is its midnight in UTC, or an instant, both as in RFC 3339
/// and at a whole minute, as every `end` is.
pub fn parse_instant(text: &str) -> Result<Timestamp, String> {
    let instant = text.parse::<Timestamp>().ok().or_else(|| {
        let date: Date = text.parse().ok()?;
        // A date parses with a time behind it too.
        let plain = text.len() == "2025-01-01".len();
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp()).filter(|_| plain)
    });
    match instant {
        None => Err(
            "expected a date or an instant, such as 2025-01-01 or 2025-01-01T06:00:00Z".to_owned(),
        ),
        Some(instant) if instant != crate::domain::cut_to_minute(instant) => {
            Err("expected a whole minute, as every window ends at one".to_owned())
        }
        Some(instant) => Ok(instant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        parse_instant(text).unwrap()
    }

    fn span(from: &str, to: &str, step: &str) -> Result<Span, SpanError> {
        let now = "2026-03-10T12:34:56Z".parse().unwrap();
        Span::new(at(from), at(to), parse_step(step).unwrap(), now)
    }

    #[test]
    fn dates_are_midnights_and_instants_whole_minutes() {
        assert_eq!(at("2025-01-01").to_string(), "2025-01-01T00:00:00Z");
        assert_eq!(
            at("2025-01-01T06:30:00Z").to_string(),
            "2025-01-01T06:30:00Z"
        );
        assert_eq!(
            at("2025-01-01T06:30:00+01:00").to_string(),
            "2025-01-01T05:30:00Z"
        );
        for bad in [
            "",
            "2025",
            "2025-13-01",
            "2025-01-01T06:30:01Z",
            "2025-01-01T06:30:00",
            "today",
        ] {
            assert!(parse_instant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn steps_are_whole_minutes() {
        assert_eq!(parse_step("1d"), Ok(Step(86_400)));
        assert_eq!(parse_step("1h30m"), Ok(Step(5_400)));
        for bad in ["0s", "30s", "1", "", "-1d"] {
            assert!(parse_step(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_ends_are_filled_in() {
        let year = span("2025-01-01", "2026-01-01", "1d").unwrap();
        assert_eq!(year.steps(), 366);
        assert_eq!(year.end(0), at("2025-01-01"));
        assert_eq!(year.last(), at("2026-01-01"));
        assert_eq!(year.end(-1), at("2024-12-31"));
        let odd = span("2025-01-01", "2025-01-02", "7h").unwrap();
        assert_eq!((odd.steps(), odd.last()), (4, at("2025-01-01T21:00:00Z")));
        assert_eq!(span("2025-01-01", "2025-01-01", "1d").unwrap().steps(), 1);
    }

    #[test]
    fn impossible_spans_say_why() {
        let text = |span: Result<Span, SpanError>| span.unwrap_err().to_string();
        assert!(text(span("2025-01-02", "2025-01-01", "1d")).contains("is after"));
        assert!(text(span("1999-01-02", "2025-01-01", "1d")).contains("before the year 2000"));
        assert!(text(span("2001-01-02", "2025-01-01", "1m")).contains("more than"));
        let late = text(span("2026-03-01", "2026-03-10T09:35:00Z", "1d"));
        assert!(late.contains("last 3 hours"), "{late}");
        assert!(late.ends_with("2026-03-10T09:34:00Z"), "{late}");
        assert!(span("2026-03-01", "2026-03-10T09:34:00Z", "1d").is_ok());
    }
}
