//! Simple exponential smoothing: the level of a series, week by week.

use super::Shift;

/// Smoothing constants to choose from.
const CONSTANTS: [f64; 9] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8];
/// Weeks whose mean a level starts from.
const START: usize = 4;
/// How much an error of a week ago counts: what worked lately is chosen.
const MEMORY: f64 = 0.99;

/// The level as of each week's end: what smoothing expects of every coming week. Each uses only
/// weeks up to it; the constant is the one whose one-week errors were least until then.
pub fn levels(weeks: &[Option<f64>], shifts: &[Shift]) -> Vec<Option<f64>> {
    let mut errors = [0.0; CONSTANTS.len()];
    let mut run: Option<Run> = None;
    let mut found = Vec::with_capacity(weeks.len());
    for (index, week) in weeks.iter().enumerate() {
        if let Some(shift) = shifts.iter().find(|shift| shift.known == index) {
            // From here on the level is that of the weeks since the change.
            run = None;
            for week in weeks.iter().take(index).skip(shift.from) {
                run = follow(run, *week, &mut [0.0; CONSTANTS.len()]);
            }
        }
        run = follow(run, *week, &mut errors);
        let best = least(&errors);
        found.push(run.as_ref().and_then(|run| run.levels.get(best).copied()));
    }
    found
}

/// The levels after one week more.
fn follow(run: Option<Run>, week: Option<f64>, errors: &mut [f64; CONSTANTS.len()]) -> Option<Run> {
    let Some(value) = week else { return run };
    Some(match run {
        None => Run {
            levels: [value; CONSTANTS.len()],
            seen: 1,
        },
        Some(mut run) => {
            run.take(value, errors);
            run
        }
    })
}

/// The levels of one stretch, one per constant.
struct Run {
    levels: [f64; CONSTANTS.len()],
    seen: usize,
}

impl Run {
    fn take(&mut self, value: f64, errors: &mut [f64; CONSTANTS.len()]) {
        let starts = self.seen < START;
        self.seen += 1;
        // A level begins as the plain mean of its first weeks.
        let plain = 1.0 / self.seen as f64;
        for ((level, error), constant) in self.levels.iter_mut().zip(errors).zip(CONSTANTS) {
            let off = value - *level;
            if starts {
                *level += plain * off;
            } else {
                *error = MEMORY * *error + off * off;
                *level += constant * off;
            }
        }
    }
}

fn least(errors: &[f64]) -> usize {
    let smallest = errors.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    smallest.map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "whole numbers, exact in f64")]

    use super::*;

    fn levels_of(weeks: &[Option<f64>], shifts: &[Shift]) -> Vec<f64> {
        levels(weeks, shifts)
            .into_iter()
            .map(Option::unwrap)
            .collect()
    }

    /// By hand: the mean of the first four weeks, then a step towards each.
    #[test]
    fn a_level_starts_as_a_mean_and_then_follows() {
        let weeks = [10.0, 20.0, 30.0, 40.0, 45.0].map(Some);
        let found = levels_of(&weeks, &[]);
        assert_eq!(&found[..4], [10.0, 15.0, 20.0, 25.0]);
        // All constants were off by the same 20; the first of them is taken: 25 + 0.05 · 20.
        assert_eq!(found[4], 26.0);
    }

    #[test]
    fn a_week_that_is_not_known_changes_nothing() {
        let weeks = [Some(10.0), None, Some(20.0), None, None];
        assert_eq!(levels_of(&weeks, &[]), [10.0, 10.0, 15.0, 15.0, 15.0]);
    }

    #[test]
    fn before_a_change_of_level_nothing_counts() {
        let mut weeks = vec![Some(100.0); 20];
        weeks.extend([Some(10.0); 3]);
        let shift = Shift {
            from: 20,
            known: 22,
        };
        let found = levels_of(&weeks, &[shift]);
        assert_eq!(found[22], 10.0);
        // What is known later does not help earlier.
        assert_eq!(found[..22], levels_of(&weeks[..22], &[])[..]);
        assert!(levels_of(&weeks, &[]).last().unwrap() > &10.5);
    }

    #[test]
    fn a_series_that_wanders_is_followed_fast_and_a_noisy_one_slowly() {
        let wandering: Vec<_> = (0..80)
            .map(|week| Some(100.0 + 5.0 * f64::from(week)))
            .collect();
        let last = *levels_of(&wandering, &[]).last().unwrap();
        assert!(last > 480.0, "{last}");
        let noisy: Vec<_> = (0..80)
            .map(|week| Some(if week % 2 == 0 { 80.0 } else { 120.0 }))
            .collect();
        let last = *levels_of(&noisy, &[]).last().unwrap();
        assert!((last - 100.0).abs() < 2.0, "{last}");
    }
}
