//! What the team can carry, and when that is not enough.

use super::Band;

/// Weeks in a row over which a team has shown what it can do: one alone can be luck, or overtime.
const WEEKS: usize = 4;

/// The highest mean of four completed weeks in a row of tickets resolved; `None` where no four in a
/// row are known.
pub fn measured_capacity(resolved: &[Option<u64>]) -> Option<f64> {
    let means = resolved.windows(WEEKS).filter_map(|weeks| {
        let sum = weeks
            .iter()
            .try_fold(0_u64, |sum, week| sum.checked_add((*week)?))?;
        Some(sum as f64 / WEEKS as f64)
    });
    means.max_by(f64::total_cmp)
}

/// The first of the coming weeks, from 1, of which more is expected than `capacity`.
pub fn reached(weeks: &[Band], capacity: f64) -> Option<usize> {
    let mut weeks = weeks.iter();
    let index = weeks.position(|week| week.expected > capacity)?;
    Some(index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: (40 + 50 + 60 + 50) / 4.
    #[test]
    fn the_best_four_weeks_in_a_row_are_what_a_team_can_do() {
        let weeks = [10, 40, 50, 60, 50, 20].map(Some);
        assert_eq!(measured_capacity(&weeks), Some(50.0));
        assert_eq!(measured_capacity(&weeks[..3]), None);
        let gap = [Some(99), Some(99), None, Some(99), Some(99)];
        assert_eq!(measured_capacity(&gap), None);
        assert_eq!(measured_capacity(&[Some(0); 4]), Some(0.0));
        assert_eq!(measured_capacity(&[Some(u64::MAX); 4]), None);
    }

    #[test]
    fn capacity_is_reached_by_the_first_week_above_it() {
        let weeks = [90.0, 100.0, 101.0, 120.0].map(|expected| Band {
            expected,
            bounds: None,
        });
        assert_eq!(reached(&weeks, 100.0), Some(3));
        assert_eq!(reached(&weeks, 120.0), None);
        assert_eq!(reached(&weeks, 10.0), Some(1));
    }
}
