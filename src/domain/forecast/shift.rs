//! Changes of level: a rise or fall that is large, sudden and lasting.

use super::{YEAR, mean};

/// Weeks that a new level must have lasted to count as one: longer than holidays.
const LASTING: usize = 6;
/// Weeks of the level before that it is held against, and fewest of them that must be known.
const BEFORE: usize = 8;
const FEWEST_BEFORE: usize = 6;
/// Least factor, up or down.
const LEAST_FACTOR: f64 = 1.25;
/// Least distance of the two means in standard errors.
const LEAST_DISTANCE: f64 = 6.0;
/// Least part of the change that comes between two weeks before and two weeks after: a season or a
/// drift comes slower.
const SUDDEN: f64 = 0.6;
/// Weeks by which a season may come earlier or later than a year ago.
const SLACK: usize = 2;

/// A new level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Its first week.
    pub from: usize,
    /// The week at whose end it can be told from chance, holidays and season. A forecast made
    /// earlier knows nothing of it.
    pub known: usize,
}

/// The changes of level in `weeks`, each found with what was known when its sixth week ended.
///
/// Every week after it lies beyond every week before it, the means differ by six standard errors and
/// by a factor of 1.25, and at least 60 % of that came at once. What came at the same time of the
/// year before, where that is known, is season and no change of level.
pub fn shifts(weeks: &[Option<f64>]) -> Vec<Shift> {
    let mut found: Vec<Shift> = Vec::new();
    for known in LASTING..weeks.len() {
        let from = known + 1 - LASTING;
        let last = found.last().map_or(0, |shift| shift.from);
        let begin = from.saturating_sub(BEFORE).max(last);
        if let Some(factor) = change(weeks, begin, from)
            && !is_season(weeks, from, factor)
        {
            found.push(Shift { from, known });
        }
    }
    found
}

/// Level from `from` on ÷ level since `begin`, if it is another level.
fn change(weeks: &[Option<f64>], begin: usize, from: usize) -> Option<f64> {
    let before: Vec<f64> = known_in(weeks, begin..from);
    let after: Vec<f64> = known_in(weeks, from..from + LASTING);
    if before.len() < FEWEST_BEFORE || after.len() < LASTING - 1 {
        return None;
    }
    let (level, new) = (mean_of(&before)?, mean_of(&after)?);
    let factor = new / level;
    if !(factor >= LEAST_FACTOR || factor <= 1.0 / LEAST_FACTOR) {
        return None;
    }
    let extent = |values: &[f64]| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (least, most)
    };
    let ((least_before, most_before), (least_after, most_after)) =
        (extent(&before), extent(&after));
    if least_after <= most_before && most_after >= least_before {
        return None;
    }
    let squares = |values: &[f64], mean: f64| -> f64 {
        values.iter().map(|value| (value - mean).powi(2)).sum()
    };
    let (n, m) = (before.len() as f64, after.len() as f64);
    let variance = (squares(&before, level) + squares(&after, new)) / (n + m - 2.0);
    if (new - level).abs() < LEAST_DISTANCE * (variance * (1.0 / n + 1.0 / m)).sqrt() {
        return None;
    }
    let at_once = mean_of(after.get(..2)?)? - mean_of(before.get(before.len().checked_sub(2)?..)?)?;
    (at_once / (new - level) >= SUDDEN).then_some(factor)
}

/// Whether the level changed as much at about the same time of the year before.
fn is_season(weeks: &[Option<f64>], from: usize, factor: f64) -> bool {
    let Some(year_ago) = from.checked_sub(YEAR) else {
        return false;
    };
    (year_ago.saturating_sub(SLACK)..=year_ago + SLACK)
        .filter_map(|from| {
            let before = known_in(weeks, from.saturating_sub(BEFORE)..from);
            let after = known_in(weeks, from..from + LASTING);
            let then = mean_of(&after)? / mean_of(&before)?;
            then.is_finite().then_some(factor / then)
        })
        .any(|rest| {
            let rest = if factor > 1.0 { rest } else { 1.0 / rest };
            rest < LEAST_FACTOR
        })
}

fn known_in(weeks: &[Option<f64>], range: std::ops::Range<usize>) -> Vec<f64> {
    let weeks = weeks.get(range).unwrap_or_default();
    weeks.iter().copied().flatten().collect()
}

fn mean_of(values: &[f64]) -> Option<f64> {
    mean(values.iter().copied().map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 95, 105, 100 in turn.
    fn around(level: f64, weeks: usize) -> impl Iterator<Item = Option<f64>> {
        (0..weeks).map(move |week| Some(level * [0.95, 1.05, 1.0][week % 3]))
    }

    #[test]
    fn a_level_that_lasts_is_found_when_its_sixth_week_ends() {
        for new in [150.0, 60.0] {
            let mut weeks: Vec<_> = around(100.0, 20).collect();
            weeks.extend(around(new, 5));
            assert_eq!(shifts(&weeks), []);
            weeks.push(Some(new));
            let shift = Shift {
                from: 20,
                known: 25,
            };
            assert_eq!(shifts(&weeks), [shift]);
            weeks.extend(around(new, 30));
            assert_eq!(shifts(&weeks), [shift], "told once");
        }
    }

    #[test]
    fn holidays_a_drift_and_noise_are_none() {
        let mut holidays: Vec<_> = around(100.0, 20).collect();
        holidays.extend(around(40.0, 5));
        holidays.extend(around(100.0, 20));
        assert_eq!(shifts(&holidays), []);
        let drift: Vec<_> = (0..120)
            .map(|week| Some(100.0 * 1.01_f64.powi(week)))
            .collect();
        assert_eq!(shifts(&drift), []);
        let season: Vec<_> = (0..160)
            .map(|week| {
                let turn = f64::from(week) * std::f64::consts::TAU / 52.0;
                Some(100.0 + 40.0 * turn.sin())
            })
            .collect();
        assert_eq!(shifts(&season), []);
        assert_eq!(shifts(&[Some(0.0); 40]), []);
    }

    #[test]
    fn what_came_a_year_before_as_well_is_season() {
        let year = || around(100.0, 35).chain(around(160.0, 17));
        let weeks: Vec<_> = year().chain(year()).collect();
        let from: Vec<usize> = shifts(&weeks).iter().map(|shift| shift.from).collect();
        // The first autumn and the first new year cannot be told from a change for good.
        assert_eq!(from, [35, 52]);
    }

    #[test]
    fn weeks_that_are_not_known_are_left_out() {
        let mut weeks: Vec<_> = around(100.0, 20).chain(around(200.0, 6)).collect();
        (weeks[13], weeks[22]) = (None, None);
        assert_eq!(shifts(&weeks).len(), 1);
        (weeks[14], weeks[15]) = (None, None);
        assert_eq!(shifts(&weeks), []);
    }
}
