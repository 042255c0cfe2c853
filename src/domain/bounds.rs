//! How far chance alone can move a contact rate.

use super::chi_squared::{LOWER, UPPER, quantile};
use super::rate::divisor;

/// 95 % confidence bounds of a contact rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Lower bound; 0 when no ticket was counted.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
}

/// The 95 % confidence bounds of `tickets / population` (Garwood's, widened by `dispersion` φ):
/// lower `φ · χ²(0.025; 2t/φ) / 2u`, upper `φ · χ²(0.975; 2t/φ + 2) / 2u`.
///
/// With φ = 1 they are the exact bounds of a Poisson count: F. Garwood, "Fiducial limits for the
/// Poisson distribution", Biometrika 28 (1936), 437–442. Where φ is not known, pass 1. They hold for
/// tickets that come one by one ([`super::Tickets::has_bounds`]).
///
/// `None` when the population is not a positive number, when φ is not a number of at least 1, or
/// when a bound is too large for f64.
pub fn bounds(tickets: u64, population: f64, dispersion: f64) -> Option<Bounds> {
    let population = divisor(population)?;
    if !(dispersion.is_finite() && dispersion >= 1.0) {
        return None;
    }
    let degrees = 2.0 * (tickets as f64 / dispersion);
    let rate_of = |chi_squared: f64| dispersion * (chi_squared / 2.0) / population;
    let lower = if tickets == 0 {
        0.0
    } else {
        rate_of(quantile(LOWER, degrees))
    };
    let upper = rate_of(quantile(UPPER, degrees + 2.0));
    upper.is_finite().then_some(Bounds { lower, upper })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_bounds(actual: Option<Bounds>, lower: f64, upper: f64, relative: f64) {
        let actual = actual.unwrap();
        assert!(
            (actual.lower - lower).abs() <= relative * lower
                && (actual.upper - upper).abs() <= relative * upper,
            "{actual:?} is not {lower}..{upper}"
        );
    }

    /// The exact 95 % limits of a Poisson count, after Garwood (1936), as tables print them: good to
    /// half of the last digit.
    #[test]
    fn agree_with_published_poisson_tables() {
        let table = [
            (0, 0.0, 3.689, 0.0005),
            (1, 0.0253, 5.572, 0.0005),
            (2, 0.242, 7.225, 0.0005),
            (3, 0.619, 8.767, 0.0005),
            (4, 1.090, 10.242, 0.0005),
            (5, 1.623, 11.668, 0.0005),
            (6, 2.202, 13.059, 0.0005),
            (7, 2.814, 14.423, 0.0005),
            (8, 3.454, 15.763, 0.0005),
            (9, 4.115, 17.085, 0.0005),
            (10, 4.795, 18.390, 0.0005),
            (20, 12.217, 30.888, 0.0005),
            (50, 37.11, 65.92, 0.005),
            (100, 81.36, 121.63, 0.005),
        ];
        for (tickets, lower, upper, half_digit) in table {
            let actual = bounds(tickets, 1.0, 1.0).unwrap();
            assert!(
                (actual.lower - lower).abs() <= half_digit
                    && (actual.upper - upper).abs() <= half_digit,
                "{tickets}: {actual:?}"
            );
        }
    }

    /// Reference: the formula written out with `scipy.stats.chi2.ppf`, version 1.17.1.
    #[test]
    fn agree_with_scipy() {
        let cases = [
            (
                126,
                2400.0,
                1.0,
                0.043_733_902_046_653_66,
                0.062_507_938_569_849_61,
            ),
            (
                126,
                2400.0,
                1.8,
                0.040_926_325_580_959_114,
                0.066_330_591_624_029_21,
            ),
            (
                3,
                100.0,
                5.0,
                8.868_593_032_969_912e-5,
                0.242_958_054_482_815_24,
            ),
            (
                1,
                50.0,
                40.0,
                3.791_679_495_495_183e-65,
                2.993_004_783_492_418_5,
            ),
            (
                10_000_000,
                1e8,
                1.0,
                0.099_938_029_968_842_68,
                0.100_061_998_977_314_98,
            ),
            (
                10_000_000,
                1e8,
                2.5,
                0.099_902_025_481_745_61,
                0.100_098_046_888_150_33,
            ),
        ];
        for (tickets, population, dispersion, lower, upper) in cases {
            let actual = bounds(tickets, population, dispersion);
            assert_bounds(actual, lower, upper, 1e-12);
        }
    }

    #[test]
    fn no_ticket_gives_zero_and_a_true_upper_bound() {
        // −ln 0.025, the largest mean that gives no ticket with a chance of 2.5 %.
        assert_bounds(bounds(0, 1.0, 1.0), 0.0, -0.025_f64.ln(), 1e-14);
        assert_bounds(bounds(0, 10.0, 2.0), 0.0, -0.025_f64.ln() / 5.0, 1e-14);
    }

    #[test]
    fn are_absent_where_they_mean_nothing() {
        for population in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(bounds(5, population, 1.0), None);
        }
        for dispersion in [0.0, 0.99, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(bounds(5, 10.0, dispersion), None);
        }
        assert_eq!(bounds(5, f64::MIN_POSITIVE, 1e10), None);
    }

    #[test]
    fn hold_for_any_count_and_dispersion() {
        for tickets in [1, 10_000_000, 1 << 53, u64::MAX] {
            for dispersion in [1.0, 7.3, 1e19] {
                let actual = bounds(tickets, 3.0, dispersion).unwrap();
                let rate = tickets as f64 / 3.0;
                assert!(actual.lower < rate && rate < actual.upper, "{actual:?}");
            }
        }
    }

    /// Chance of at most `most` from a Poisson variable, summed term by term.
    fn poisson_at_most(most: u64, mean: f64) -> f64 {
        let mut term = (-mean).exp();
        let mut sum = term;
        for k in 1..=most {
            term *= mean / k as f64;
            sum += term;
        }
        sum
    }

    proptest! {
        /// What defines the exact bounds: at each, a count this extreme has a chance of 2.5 %.
        #[test]
        fn cut_off_equal_poisson_tails(tickets in 1_u64..300) {
            let actual = bounds(tickets, 1.0, 1.0).unwrap();
            prop_assert!((poisson_at_most(tickets, actual.upper) - 0.025).abs() < 1e-10);
            prop_assert!((1.0 - poisson_at_most(tickets - 1, actual.lower) - 0.025).abs() < 1e-10);
        }

        #[test]
        fn enclose_the_rate_and_widen_with_dispersion(
            tickets in 0_u64..20_000_000,
            population in 1e-3..1e12_f64,
            dispersion in 1.0..50.0_f64,
        ) {
            let exact = bounds(tickets, population, 1.0).unwrap();
            let widened = bounds(tickets, population, dispersion).unwrap();
            let rate = tickets as f64 / population;
            prop_assert!(0.0 <= exact.lower && exact.lower <= rate && rate < exact.upper);
            prop_assert!(widened.lower <= exact.lower && exact.upper <= widened.upper);
        }

        #[test]
        fn grow_with_the_count(tickets in 0_u64..1_000_000, dispersion in 1.0..50.0_f64) {
            let fewer = bounds(tickets, 1.0, dispersion).unwrap();
            let more = bounds(tickets + 1, 1.0, dispersion).unwrap();
            prop_assert!(fewer.lower < more.lower && fewer.upper < more.upper);
        }
    }
}
