//! Calendar weeks: from Monday to Monday in a time zone.

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

use crate::domain::Interval;

/// A calendar week. At a clock change it is an hour longer or shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    /// Its Monday.
    pub monday: Date,
    /// From its midnight to the next Monday's.
    pub interval: Interval,
}

impl Week {
    fn of(monday: Date, zone: &TimeZone) -> Option<Self> {
        let start = midnight(monday, zone)?;
        let end = midnight(monday.checked_add(1.week()).ok()?, zone)?;
        Some(Self {
            monday,
            interval: Interval { start, end },
        })
    }
}

/// The `count` weeks that were over at `now`, oldest first. Fewer only at the ends of the calendar.
pub fn completed_weeks(now: Timestamp, zone: &TimeZone, count: usize) -> Vec<Week> {
    let running = monday_before(now, zone);
    let mut weeks: Vec<Week> = (1..)
        .take(count)
        .map_while(|back: i64| {
            let monday = running?.checked_sub(back.weeks()).ok()?;
            Week::of(monday, zone)
        })
        .collect();
    weeks.reverse();
    weeks
}

/// The `count` weeks after the one that runs at `now`.
pub fn coming_weeks(now: Timestamp, zone: &TimeZone, count: usize) -> Vec<Week> {
    let running = monday_before(now, zone);
    (1..)
        .take(count)
        .map_while(|ahead: i64| {
            let monday = running?.checked_add(ahead.weeks()).ok()?;
            Week::of(monday, zone)
        })
        .collect()
}

/// The Monday of the week that runs at `now`.
fn monday_before(now: Timestamp, zone: &TimeZone) -> Option<Date> {
    let date = zone.to_datetime(now).date();
    let gone = i64::from(date.weekday().to_monday_zero_offset());
    date.checked_sub(gone.days()).ok()
}

/// The first instant of a date.
fn midnight(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(date.to_zoned(zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_local_mondays_and_follow_the_clock() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        // A Sunday night in Paris that is still Saturday nowhere: clocks went forward that morning.
        let now = "2026-03-29T21:59:59Z".parse().unwrap();
        let weeks = completed_weeks(now, &zone, 2);
        let texts: Vec<String> = weeks
            .iter()
            .map(|week| format!("{} {}", week.monday, week.interval.start))
            .collect();
        assert_eq!(
            texts,
            [
                "2026-03-09 2026-03-08T23:00:00Z",
                "2026-03-16 2026-03-15T23:00:00Z"
            ]
        );
        // One second later it is Monday, and the week of 167 hours is over.
        let now = "2026-03-29T22:00:00Z".parse().unwrap();
        let weeks = completed_weeks(now, &zone, 2);
        assert_eq!(weeks[1].monday.to_string(), "2026-03-23");
        assert_eq!(weeks[1].interval.seconds(), 167 * 3600);
        assert_eq!(weeks[0].interval.end, weeks[1].interval.start);
        let coming = coming_weeks(now, &zone, 2);
        assert_eq!(coming[0].monday.to_string(), "2026-04-06");
        assert_eq!(coming[1].interval.start, coming[0].interval.end);
    }
}
