//! The week of a public service. All of it is UTC: a clock change would make two weeks of the
//! story unlike, and the demo's numbers depend on the day it is started.

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(in crate::demo) const DAY: i64 = 24 * HOUR;

const HOURS_PER_WEEK: usize = 168;

/// Agents answer from Monday to Friday between these hours.
const OFFICE_OPENS: i64 = 8 * HOUR;
const OFFICE_CLOSES: i64 = 17 * HOUR;

/// What part of the busiest hour's tickets come at each hour of the day.
const TICKETS_BY_HOUR: [f64; 24] = [
    0.06, 0.04, 0.03, 0.03, 0.04, 0.07, 0.18, 0.42, 0.78, 0.98, 1.00, 0.92, 0.66, 0.78, 0.94, 0.92,
    0.80, 0.62, 0.46, 0.38, 0.34, 0.28, 0.18, 0.10,
];

/// Dossiers are filed at home too, so evenings weigh more.
const DOSSIERS_BY_HOUR: [f64; 24] = [
    0.14, 0.08, 0.05, 0.04, 0.05, 0.08, 0.18, 0.40, 0.70, 0.92, 1.00, 0.94, 0.70, 0.80, 0.94, 0.92,
    0.84, 0.72, 0.60, 0.58, 0.62, 0.56, 0.42, 0.26,
];

/// How the week's arrivals spread over its hours, Monday 00:00 first.
pub(super) struct Rhythm {
    shares: Vec<f64>,
}

impl Rhythm {
    /// Tickets: a week-end day has 0.65 of the tickets of a mean weekday.
    pub(super) fn tickets() -> Self {
        Self::new(&TICKETS_BY_HOUR, [1.08, 1.04, 1.00, 0.98, 0.90, 0.65, 0.65])
    }

    /// Dossiers and registrations.
    pub(super) fn dossiers() -> Self {
        Self::new(
            &DOSSIERS_BY_HOUR,
            [1.06, 1.04, 1.01, 0.99, 0.90, 0.62, 0.66],
        )
    }

    fn new(hours: &[f64; 24], days: [f64; 7]) -> Self {
        let total = hours.iter().sum::<f64>() * days.iter().sum::<f64>();
        let shares = days
            .iter()
            .flat_map(|day| hours.iter().map(move |hour| day * hour / total))
            .collect();
        Self { shares }
    }

    /// The share of its week's arrivals that comes in the hour `unix_hour`, counted from 1970.
    pub(super) fn share(&self, unix_hour: i64) -> f64 {
        // 1970-01-01 was a Thursday, three days after a Monday.
        usize::try_from((unix_hour + 3 * 24).rem_euclid(168))
            .ok()
            .and_then(|hour| self.shares.get(hour % HOURS_PER_WEEK))
            .copied()
            .unwrap_or_default()
    }
}

/// The instant at which `seconds` of office hours have gone by since `instant`.
/// It always lies in office hours.
pub(super) fn after_office_seconds(instant: i64, seconds: i64) -> i64 {
    let mut left = seconds.max(0);
    let mut day = instant.div_euclid(DAY);
    loop {
        if (day + 3).rem_euclid(7) < 5 {
            let begin = instant.max(day * DAY + OFFICE_OPENS);
            let here = day * DAY + OFFICE_CLOSES - begin;
            if left < here {
                return begin + left;
            }
            left -= here.max(0);
        }
        day += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    #[test]
    fn shares_make_one_week_and_week_ends_are_quiet_but_not_dead() {
        for rhythm in [Rhythm::tickets(), Rhythm::dossiers()] {
            let monday = at("2026-01-05T00:00:00Z") / HOUR;
            let day = |day: i64| -> f64 {
                (0..24)
                    .map(|hour| rhythm.share(monday + day * 24 + hour))
                    .sum()
            };
            let weekdays = (0..5).map(day).sum::<f64>() / 5.0;
            let week_end = (5..7).map(day).sum::<f64>() / 2.0;
            assert!((weekdays * 5.0 + week_end * 2.0 - 1.0).abs() < 1e-12);
            assert!((0.58..=0.68).contains(&(week_end / weekdays)));
            assert!(rhythm.share(monday + 3) < rhythm.share(monday + 10) / 10.0);
        }
    }

    #[test]
    fn office_hours_skip_nights_and_week_ends() {
        for (from, seconds, expected) in [
            ("2026-01-05T10:00:00Z", 3600, "2026-01-05T11:00:00Z"),
            ("2026-01-05T03:00:00Z", 60, "2026-01-05T08:01:00Z"),
            ("2026-01-05T16:30:00Z", 3600, "2026-01-06T08:30:00Z"),
            ("2026-01-09T18:00:00Z", 0, "2026-01-12T08:00:00Z"),
            ("2026-01-10T12:00:00Z", 9 * 3600, "2026-01-13T08:00:00Z"),
        ] {
            assert_eq!(
                after_office_seconds(at(from), seconds),
                at(expected),
                "{from}"
            );
        }
    }
}
