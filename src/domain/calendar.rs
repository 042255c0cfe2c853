//! Days as a calendar has them: of 23, 24 or 25 hours where clocks change.

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

/// Where each of `days` consecutive days from `first` on begins in `zone`, and where the last one
/// ends: one more than there are days. `None` where the calendar ends.
///
/// A day that a zone leaves out, as Samoa's 30 December 2011, begins where it ends.
pub fn day_bounds(first: Date, days: usize, zone: &TimeZone) -> Option<Vec<Timestamp>> {
    let begins = |day: usize| {
        let date = first
            .checked_add(i64::try_from(day).ok()?.days())
            .ok()?
            .to_zoned(zone.clone())
            .ok()?;
        // Midnight, or where the day begins if midnight is left out.
        Some(date.start_of_day().ok()?.timestamp())
    };
    (0..=days).map(begins).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn hours(first: Date, days: usize, zone: &str) -> Vec<i64> {
        let zone = TimeZone::get(zone).unwrap();
        let bounds = day_bounds(first, days, &zone).unwrap();
        let ends = bounds.iter().skip(1);
        bounds
            .iter()
            .zip(ends)
            .map(|(start, end)| (end.as_second() - start.as_second()) / 3600)
            .collect()
    }

    #[test]
    fn days_are_as_long_as_clocks_make_them() {
        assert_eq!(hours(date(2026, 3, 28), 3, "Europe/Paris"), [24, 23, 24]);
        assert_eq!(hours(date(2026, 10, 24), 3, "Europe/Paris"), [24, 25, 24]);
        // Midnight itself is left out.
        assert_eq!(hours(date(2024, 4, 25), 3, "Africa/Cairo"), [24, 23, 24]);
        assert_eq!(hours(date(2011, 12, 29), 3, "Pacific/Apia"), [24, 0, 24]);
        assert_eq!(hours(date(2026, 1, 1), 0, "UTC"), [0_i64; 0]);
    }

    #[test]
    fn the_calendar_ends() {
        assert_eq!(day_bounds(Date::MAX, 2, &TimeZone::UTC), None);
    }
}
