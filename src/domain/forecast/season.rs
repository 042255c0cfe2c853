//! The same week of last year, scaled by the year's growth.

use super::{History, LEADS, YEAR, mean};

/// Weeks over which growth is measured: those before the forecast against the same a year before.
const GROWTH: usize = 26;
/// Fewest of them that must be known, in both years.
const FEWEST: usize = 4;

/// What last year says of the weeks ahead, as of each week's end; `None` where it is not known.
pub fn scaled_year(history: &History) -> Vec<[Option<f64>; LEADS]> {
    let weeks = history.weeks();
    (0..weeks.len())
        .map(|origin| {
            let growth = growth(history, origin);
            std::array::from_fn(|ahead| Some(growth? * last_year(weeks, origin, ahead + 1)?))
        })
        .collect()
}

/// The week a year before the one that is `ahead` weeks after `origin`.
pub fn last_year(weeks: &[Option<f64>], origin: usize, ahead: usize) -> Option<f64> {
    let index = (origin + ahead).checked_sub(YEAR)?;
    weeks.get(index).copied().flatten()
}

/// This year ÷ last year, over weeks that are known in both, and of the present level only.
fn growth(history: &History, origin: usize) -> Option<f64> {
    let weeks = history.weeks();
    let first = (origin + 1).saturating_sub(GROWTH);
    let first = first.max(history.level_start(origin));
    let pairs = (first..=origin).filter_map(|week| {
        let now = weeks.get(week).copied().flatten()?;
        let then = weeks.get(week.checked_sub(YEAR)?).copied().flatten()?;
        Some((now, then))
    });
    let pairs: Vec<(f64, f64)> = pairs.collect();
    if pairs.len() < FEWEST {
        return None;
    }
    let now = mean(pairs.iter().map(|pair| Some(pair.0)))?;
    let then = mean(pairs.iter().map(|pair| Some(pair.1)))?;
    (then > 0.0).then(|| now / then)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: 100 in every week of the first year but 300 in its tenth, half as much again in the
    /// second.
    #[test]
    fn last_year_is_scaled_by_growth() {
        let mut weeks = vec![Some(100.0); YEAR];
        weeks[9] = Some(300.0);
        weeks.extend([Some(150.0); 8]);
        let found = scaled_year(&History::new(&weeks));
        // Eight weeks of the second year are known: the tenth is two ahead.
        let last = found.last().unwrap();
        assert_eq!(last[0], Some(150.0));
        assert_eq!(last[1], Some(450.0));
        assert_eq!(last[2], Some(150.0));
        // Three weeks into the second year growth is not known.
        assert_eq!(found[YEAR + 2], [None; LEADS]);
        assert!(found[YEAR + 3][0].is_some());
    }

    #[test]
    fn a_year_without_a_week_does_not_make_it_zero() {
        let mut weeks = vec![Some(100.0); 70];
        weeks[70 + 1 - YEAR] = None;
        let found = scaled_year(&History::new(&weeks));
        let last = found.last().unwrap();
        assert_eq!(last[0], Some(100.0));
        assert_eq!(last[1], None);
    }

    #[test]
    fn growth_is_that_of_the_present_level() {
        let mut weeks = vec![Some(100.0); YEAR + 20];
        weeks.extend([Some(50.0); 5]);
        let found = scaled_year(&History::new(&weeks));
        assert!(found.last().unwrap()[0] > Some(75.0));
        // Now it is known that the level is another.
        weeks.push(Some(50.0));
        let found = scaled_year(&History::new(&weeks));
        assert_eq!(found.last().unwrap()[0], Some(50.0));
    }
}
