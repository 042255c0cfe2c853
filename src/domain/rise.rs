//! Whether a contact rate rose by more than chance would have it.

use statrs::distribution::{ContinuousCDF, Normal};

use super::rate::divisor;

/// Tickets and the population they came from, over one window or baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposure {
    /// Tickets created.
    pub tickets: u64,
    /// Those who could have made contact, once for every window that the interval is long.
    pub population: f64,
}

/// The chance of a rise of the contact rate this large over the baseline, if nothing changed:
/// `1 − Φ(z)` with `z = 2 (√((t + ⅜)/u) − √((t_b + ⅜)/u_b)) / √(φ (1/u + 1/u_b))`.
///
/// The square root makes the variance of a Poisson count the same whatever its mean; the ⅜ is
/// F. J. Anscombe's, "The transformation of Poisson, binomial and negative-binomial data",
/// Biometrika 35 (1948), 246–254. The test is one-sided, and `dispersion` φ widens it
/// (quasi-Poisson). The tail is computed without cancellation, to a relative error of 10⁻⁹ down to
/// 10⁻³⁰⁸; a smaller one ends as 0.
///
/// `None` when no ticket was counted in either interval, when a population is not a positive number,
/// or when φ is not a number of at least 1. Where φ or the baseline is not known there is no p-value to ask for.
pub fn rise_p_value(current: Exposure, baseline: Exposure, dispersion: f64) -> Option<f64> {
    let population = divisor(current.population)?.sqrt();
    let baseline_population = divisor(baseline.population)?.sqrt();
    let known_dispersion = dispersion.is_finite() && dispersion >= 1.0;
    if !known_dispersion || (current.tickets == 0 && baseline.tickets == 0) {
        return None;
    }
    // The formula with numerator and denominator times √(u·u_b): no step can overflow.
    let difference = stabilised(current.tickets) * baseline_population
        - stabilised(baseline.tickets) * population;
    let deviation = dispersion.sqrt() * population.hypot(baseline_population);
    Some(Normal::standard().sf(2.0 * difference / deviation))
}

fn stabilised(tickets: u64) -> f64 {
    (tickets as f64 + 0.375).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn p_value(current: (u64, f64), baseline: (u64, f64), dispersion: f64) -> Option<f64> {
        let exposure = |(tickets, population)| Exposure {
            tickets,
            population,
        };
        rise_p_value(exposure(current), exposure(baseline), dispersion)
    }

    /// Reference: the spec's formula to 40 digits with mpmath 1.4.1 (`erfc(z/√2)/2`).
    #[test]
    fn agrees_with_the_formula_to_forty_digits() {
        let cases = [
            ((126, 2400.0), (712, 8000.0), 1.0, 0.999_999_998_429_750_5),
            (
                (75, 1000.0),
                (200, 4000.0),
                1.0,
                0.002_054_623_438_079_962_5,
            ),
            ((75, 1000.0), (200, 4000.0), 1.8, 0.016_221_406_445_785_902),
            ((0, 100.0), (4, 400.0), 1.0, 0.780_943_482_116_570_4),
            ((4, 100.0), (0, 400.0), 1.0, 7.017_389_850_232_179e-4),
            ((1, 100.0), (0, 400.0), 3.0, 0.185_438_350_326_498_26),
            (
                (500, 1000.0),
                (1000, 4000.0),
                1.0,
                4.721_400_251_517_664_5e-32,
            ),
            (
                (10_000_000, 1e8),
                (39_900_000, 4e8),
                1.0,
                7.441_663_066_589_939e-13,
            ),
            (
                (10_020_000, 1e8),
                (40_000_000, 4e8),
                2.5,
                1.744_645_394_423_457_5e-4,
            ),
            ((50, 1234.5), (190, 4938.25), 1.25, 0.375_158_693_876_032_7),
        ];
        for (current, baseline, dispersion, expected) in cases {
            let actual = p_value(current, baseline, dispersion).unwrap();
            assert!(
                (actual - expected).abs() <= 1e-9 * expected,
                "{current:?} {baseline:?}: {actual:e} is not {expected:e}"
            );
        }
    }

    #[test]
    fn is_absent_where_it_means_nothing() {
        assert_eq!(p_value((0, 100.0), (0, 400.0), 1.0), None);
        for population in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(p_value((5, population), (5, 400.0), 1.0), None);
            assert_eq!(p_value((5, 100.0), (5, population), 1.0), None);
        }
        for dispersion in [0.0, 0.99, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(p_value((5, 100.0), (5, 400.0), dispersion), None);
        }
    }

    #[test]
    fn a_rise_beyond_any_doubt_is_zero() {
        assert_eq!(p_value((1_000_000, 100.0), (5, 400.0), 1.0), Some(0.0));
    }

    proptest! {
        #[test]
        fn is_always_a_probability(
            current: (u64, f64),
            baseline: (u64, f64),
            dispersion in prop_oneof![Just(1.0), 1.0..f64::MAX],
        ) {
            if let Some(p) = p_value(current, baseline, dispersion) {
                prop_assert!((0.0..=1.0).contains(&p), "{p}");
            }
        }

        #[test]
        fn falls_with_tickets_and_rises_with_dispersion(
            tickets in 1_u64..100_000,
            baseline in 0_u64..400_000,
            population in 1.0..1e9_f64,
            dispersion in 1.0..20.0_f64,
        ) {
            let with = |tickets, dispersion| {
                p_value((tickets, population), (baseline, 4.0 * population), dispersion).unwrap()
            };
            // The tail itself is approximate.
            let tolerance = 1.0 + 1e-9;
            prop_assert!(with(tickets + 1, dispersion) <= with(tickets, dispersion) * tolerance);
            if with(tickets, 1.0) < 0.5 {
                prop_assert!(with(tickets, 1.0) <= with(tickets, dispersion) * tolerance);
            }
        }

        /// Only ratios of populations count: whole rates, not their unit.
        #[test]
        fn does_not_change_with_the_unit_of_the_population(
            tickets in 0_u64..10_000,
            baseline in 1_u64..40_000,
            population in 1.0..1e6_f64,
            unit in 1e-3..1e3_f64,
        ) {
            let one = p_value((tickets, population), (baseline, 3.0 * population), 1.5).unwrap();
            let other = p_value(
                (tickets, population * unit),
                (baseline, 3.0 * population * unit),
                1.5,
            )
            .unwrap();
            prop_assert!((one - other).abs() <= 1e-9 * one.max(f64::MIN_POSITIVE));
        }
    }
}
