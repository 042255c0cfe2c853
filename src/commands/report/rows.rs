//! What is said of each month, from readings alone.

use super::{
    months::{Month, Period, Periods},
    reading::Known,
};
use crate::domain::{
    Assessment, Change, ContactCounts, Exposed, Interval, Tickets, WindowConclusions, assess,
};

/// One month.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) month: Month,
    pub(super) interval: Interval,
    /// False for the running month, of which only a part has gone by.
    pub(super) is_whole: bool,
    pub(super) counts: ContactCounts,
    pub(super) population: Option<f64>,
    /// Tickets created more than in the month before; unknown for the running month, which cannot
    /// be held against a whole one.
    pub(super) change_created: Option<i64>,
    assessments: [Option<Assessment>; Tickets::ALL.len()],
}

impl Row {
    fn new(period: Period, known: &Known, before: &Known) -> Self {
        let before = if period.is_whole {
            before
        } else {
            &Known::default()
        };
        let concluded = WindowConclusions {
            current: known.counts.clone(),
            previous: before.counts.clone(),
            baseline: None,
            no_created: None,
        };
        let assessment = |tickets: Tickets| {
            let exposed = Exposed {
                current: known.population?,
                previous: before.population,
                baseline: None,
            };
            assess(&concluded.evidence(tickets, &exposed, known.dispersion)?)
        };
        let created = known.counts.created.zip(before.counts.created);
        Self {
            month: period.month,
            interval: period.interval,
            is_whole: period.is_whole,
            counts: known.counts.clone(),
            population: known.population,
            change_created: created.and_then(|(created, before)| {
                i64::try_from(i128::from(created) - i128::from(before)).ok()
            }),
            assessments: Tickets::ALL.map(assessment),
        }
    }

    /// What is said of the rate by `tickets`; `None` where tickets or population are not known, or
    /// the population is 0.
    pub(super) fn assessment(&self, tickets: Tickets) -> Option<&Assessment> {
        let index = Tickets::ALL.iter().position(|way| *way == tickets)?;
        self.assessments.get(index)?.as_ref()
    }

    /// Why the number of tickets created is not that of the month before.
    pub(super) fn change(&self) -> Option<Change> {
        self.assessment(Tickets::Created)?.change
    }
}

/// A row for every reported month. `known` begins with the month before the first.
pub(super) fn rows(periods: &Periods, known: &[Known]) -> Vec<Row> {
    let months = periods.reported.iter().zip(known.windows(2));
    months
        .filter_map(|(period, pair)| match pair {
            [before, known] => Some(Row::new(*period, known, before)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "quotients of these counts are exact")]

    use super::*;
    use crate::commands::report::months::{periods, time_zone};

    fn reading(created: u64, population: f64) -> Known {
        Known {
            counts: ContactCounts {
                created: Some(created),
                replies: Some(created),
                ..ContactCounts::default()
            },
            population: Some(population),
            dispersion: None,
        }
    }

    fn winter(include_current: bool) -> Periods {
        let from = "2017-12".parse().unwrap();
        let now = "2018-01-15T00:00:00Z".parse().unwrap();
        let utc = time_zone("UTC").unwrap();
        periods(Some(from), None, include_current, &utc, now).unwrap()
    }

    /// The worked example of `docs/metrics.md`.
    #[test]
    fn december_against_november() {
        let rows = rows(
            &winter(false),
            &[reading(178, 2000.0), reading(126, 2400.0)],
        );
        let [row] = rows.as_slice() else {
            panic!("{rows:?}")
        };
        assert_eq!(row.month.to_string(), "2017-12");
        assert_eq!(row.change_created, Some(-52));
        let created = row.assessment(Tickets::Created).unwrap();
        assert_eq!(created.ratio, 0.0525);
        // Poisson tables: 126 has the limits 104.96 and 150.02.
        let bounds = created.bounds.unwrap();
        assert!((bounds.lower * 2400.0 - 104.96).abs() < 0.01, "{bounds:?}");
        assert!((bounds.upper * 2400.0 - 150.02).abs() < 0.01, "{bounds:?}");
        let change = row.change().unwrap();
        assert!((change.population - 28.3).abs() < 1e-9, "{change:?}");
        assert_eq!(change.population + change.rate, -52.0);
        assert_eq!(row.assessment(Tickets::Replies).unwrap().bounds, None);
        assert_eq!(row.assessment(Tickets::Closed), None);
    }

    #[test]
    fn the_running_month_has_a_rate_and_no_change() {
        let readings = [
            reading(178, 2000.0),
            reading(126, 2400.0),
            reading(60, 1000.0),
        ];
        let rows = rows(&winter(true), &readings);
        let running = rows.last().unwrap();
        assert!(!running.is_whole);
        assert_eq!(running.assessment(Tickets::Created).unwrap().ratio, 0.06);
        assert_eq!(running.change_created, None);
        assert_eq!(running.change(), None);
        assert_eq!(running.assessment(Tickets::Created).unwrap().previous, None);
    }

    #[test]
    fn nothing_is_made_up() {
        let empty = Known::default();
        let of = |before: &Known, now: &Known| {
            let mut rows = rows(&winter(false), &[before.clone(), now.clone()]);
            rows.remove(0)
        };
        let row = of(&reading(178, 2000.0), &empty);
        assert_eq!((row.change_created, row.change()), (None, None));
        assert_eq!(row.assessment(Tickets::Created), None);
        // Tickets are known on both sides, the rates are not.
        let row = of(&reading(178, 0.0), &reading(126, 2400.0));
        assert_eq!((row.change_created, row.change()), (Some(-52), None));
        let row = of(&reading(178, 2000.0), &reading(126, 0.0));
        assert_eq!(row.assessment(Tickets::Created), None);
    }
}
