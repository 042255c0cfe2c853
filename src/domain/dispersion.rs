//! How much more than Poisson the daily counts vary.

const DAYS_PER_WEEK: usize = 7;

/// The dispersion φ of the counts `d_i` of `n` consecutive days, once weekdays are taken out
/// (Pearson's χ² over its degrees of freedom): with `m_j` the mean of the days of weekday position
/// `j`, over the days with `m_j > 0`,
/// `φ = max(1, Σ (d_i − m_j)² / m_j ÷ (n − number of positions used))`.
///
/// At least 1, and 1 when no day has a ticket, or no weekday two days: nothing then speaks for extra
/// variation.
pub fn dispersion(counts: &[u64]) -> f64 {
    let mut chi_squared = 0.0;
    let mut degrees = 0;
    for position in 0..DAYS_PER_WEEK {
        let days = || {
            let counts = counts.iter().skip(position).step_by(DAYS_PER_WEEK);
            counts.map(|&count| count as f64)
        };
        let number = days().count();
        let mean = days().sum::<f64>() / number as f64;
        if mean > 0.0 {
            chi_squared += days().map(|day| (day - mean).powi(2)).sum::<f64>() / mean;
            degrees += number - 1;
        }
    }
    if degrees == 0 {
        return 1.0;
    }
    (chi_squared / degrees as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::days::DAYS;
    use super::*;

    /// Eight weeks with quiet week-ends (made up), oldest day first.
    const EIGHT_WEEKS: [u64; DAYS] = [
        12, 15, 9, 11, 14, 3, 2, //
        10, 18, 7, 13, 9, 5, 1, //
        25, 14, 12, 8, 11, 2, 4, //
        9, 11, 16, 10, 12, 6, 0, //
        13, 30, 8, 12, 15, 3, 2, //
        11, 9, 10, 14, 7, 4, 3, //
        16, 12, 13, 9, 10, 1, 2, //
        8, 17, 11, 22, 12, 5, 1,
    ];

    fn assert_dispersion(counts: &[u64; DAYS], expected: f64) {
        let actual = dispersion(counts);
        assert!(
            (actual - expected).abs() <= 1e-13 * expected,
            "{actual} is not {expected}"
        );
    }

    /// Reference: the formula in exact fractions (Python's `fractions`).
    #[test]
    fn agrees_with_exact_fractions() {
        assert_dispersion(&EIGHT_WEEKS, 287_855_149.0 / 211_721_895.0);
    }

    /// Reference: the same, with the week-ends closed, so that five positions are used.
    #[test]
    fn days_that_never_have_a_ticket_do_not_count() {
        let mut counts = EIGHT_WEEKS;
        for week in counts.chunks_mut(DAYS_PER_WEEK) {
            week[5..].fill(0);
        }
        assert_dispersion(&counts, 1_648_993.0 / 1_042_965.0);
    }

    /// By hand: mean 12.5 at one position, (87.5² + 7 · 12.5²) / 12.5 = 700 over 7 degrees.
    #[test]
    fn all_tickets_on_one_day() {
        let mut counts = [0; DAYS];
        counts[20] = 100;
        assert_dispersion(&counts, 100.0);
    }

    /// By hand: every position 4 and 6 in turn, 8 · 1² / 5 = 1.6 over 7 degrees, which is less than Poisson.
    #[test]
    fn is_at_least_one() {
        assert_dispersion(&[0; DAYS], 1.0);
        assert_dispersion(&[7; DAYS], 1.0);
        let calm = std::array::from_fn(|day| 4 + 2 * (day as u64 / 7 % 2));
        assert_dispersion(&calm, 1.0);
    }

    /// A week pattern alone, however strong, is no dispersion.
    #[test]
    fn weekdays_are_taken_out() {
        assert_dispersion(&std::array::from_fn(|day| (day % 7 * 100) as u64), 1.0);
    }

    #[test]
    fn holds_for_large_counts() {
        assert_dispersion(
            &EIGHT_WEEKS.map(|day| day * 180_000),
            1_151_420_596_000.0 / 4_704_931.0,
        );
        let mut counts = [0; DAYS];
        counts[55] = u64::MAX;
        assert_dispersion(&counts, u64::MAX as f64);
    }

    /// By hand: two weeks and a day. The first position has 8, 12 and 10: mean 10, (4 + 4) / 10; the
    /// others 4 and 16: mean 10, 72 / 10 each; 44 over 15 − 7 degrees.
    #[test]
    fn fewer_days_have_fewer_degrees() {
        let mut counts = [4_u64; 15];
        counts[7..].fill(16);
        (counts[0], counts[7], counts[14]) = (8, 12, 10);
        let actual = dispersion(&counts);
        assert!((actual - 44.0 / 8.0).abs() < 1e-12, "{actual}");
        assert_eq!(dispersion(&[]).to_bits(), 1.0_f64.to_bits());
        assert_eq!(dispersion(&[3, 9]).to_bits(), 1.0_f64.to_bits());
    }

    fn daily() -> impl Strategy<Value = [u64; DAYS]> {
        proptest::collection::vec(0_u64..10_000, DAYS).prop_map(|days| days.try_into().unwrap())
    }

    proptest! {
        #[test]
        fn is_never_below_one_nor_above_the_tickets(counts in daily()) {
            let actual = dispersion(&counts);
            let tickets = counts.iter().sum::<u64>() as f64;
            prop_assert!(actual >= 1.0 && actual <= tickets.max(1.0) * (1.0 + 1e-12));
        }

        /// The weeks may come in any order, and the eight weeks may begin on any weekday.
        #[test]
        fn the_first_day_does_not_matter(counts in daily(), days in 0..DAYS) {
            let mut rotated = counts;
            rotated.rotate_left(days);
            let expected = dispersion(&counts);
            let actual = dispersion(&rotated);
            prop_assert!((actual - expected).abs() <= 1e-12 * expected);
        }

        /// Where it is above 1, twice the tickets on every day double it.
        #[test]
        fn scales_with_the_counts(counts in daily()) {
            let once = dispersion(&counts);
            let twice = dispersion(&counts.map(|day| day * 2));
            if once > 1.0 {
                prop_assert!((twice - 2.0 * once).abs() <= 1e-12 * twice);
            }
        }
    }
}
