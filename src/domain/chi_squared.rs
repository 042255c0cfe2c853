//! The two quantiles of the χ² distribution that 95 % bounds need.
//!
//! The incomplete gamma function of `statrs` is a series whose length grows with the square root
//! of the degrees of freedom, and its own quantile stops at an absolute error of 10⁻⁹. So the
//! series is inverted here for few degrees of freedom only, and a published expansion, whose
//! cost does not grow, takes over for many. The relative error is below 10⁻¹² everywhere.

use std::f64::consts::SQRT_2;

use statrs::function::gamma::{checked_gamma_lr, ln_gamma};

/// A probability with the standard normal quantile that belongs to it.
#[derive(Clone, Copy)]
pub(super) struct Probability {
    value: f64,
    normal_quantile: f64,
}

/// 2.5 %.
pub(super) const LOWER: Probability = Probability {
    value: 0.025,
    normal_quantile: -1.959_963_984_540_054,
};

/// 97.5 %.
pub(super) const UPPER: Probability = Probability {
    value: 0.975,
    normal_quantile: 1.959_963_984_540_054,
};

/// From here on the expansion is as good as f64: its first left-out term is below 10⁻¹³ of the sum.
const MANY_DEGREES: f64 = 1000.0;

/// `χ²(probability; degrees)`: what a χ² variable of so many degrees of freedom, whole or not,
/// stays below with that probability. Degrees must be positive and finite.
pub(super) fn quantile(probability: Probability, degrees: f64) -> f64 {
    if degrees >= MANY_DEGREES {
        expansion(probability.normal_quantile, degrees)
    } else {
        inversion(probability, degrees)
    }
}

/// The Cornish–Fisher expansion of the χ² quantile in powers of `degrees`^(−½).
/// Source: H. Goldberg and H. Levine, "Approximate formulas for the percentage points and
/// normalization of t and χ²", Annals of Mathematical Statistics 17 (1946), 216–225.
fn expansion(z: f64, degrees: f64) -> f64 {
    let z2 = z * z;
    let root = degrees.sqrt();
    let terms = [
        z * SQRT_2,
        (z2 - 1.0) * 2.0 / 3.0,
        z * (z2 - 7.0) / (9.0 * SQRT_2),
        -((6.0 * z2 + 14.0) * z2 - 32.0) / 405.0,
        z * ((9.0 * z2 + 256.0) * z2 - 433.0) / (4860.0 * SQRT_2),
        (((12.0 * z2 - 243.0) * z2 - 923.0) * z2 + 1472.0) / 25_515.0,
        -z * (((3753.0 * z2 + 4353.0) * z2 - 289_517.0) * z2 - 289_717.0) / (9_185_400.0 * SQRT_2),
    ];
    // terms[i] belongs to degrees^((1 − i) / 2).
    let series = terms.iter().rev().fold(0.0, |sum, term| sum / root + term);
    degrees + root * series
}

/// Newton's method for `ln P(a, x) = ln probability` in `ln x`, with `a = degrees / 2`.
///
/// `ln P` is increasing and concave in `ln x` (the logarithm of a gamma variable has a
/// log-concave density), so from the left of the root the steps never pass it, and one step
/// from the right lands left of it: the method converges from every start.
fn inversion(probability: Probability, degrees: f64) -> f64 {
    // Quadratic convergence needs at most six; the bound only guards against a flaw.
    const MOST_STEPS: usize = 32;
    let shape = degrees / 2.0;
    let ln_gamma_shape = ln_gamma(shape);
    let mut x = if degrees < 2.0 {
        // The first term of the series of P: at most the quantile.
        let first = ((probability.value.ln() + ln_gamma_shape + shape.ln()) / shape).exp();
        if first < f64::EPSILON {
            // The other terms are lost in rounding.
            return 2.0 * first;
        }
        first
    } else {
        // E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", PNAS 17 (1931), 684–688.
        let variance = 2.0 / (9.0 * degrees);
        shape * (1.0 - variance + probability.normal_quantile * variance.sqrt()).powi(3)
    };
    for _ in 0..MOST_STEPS {
        let Ok(below) = checked_gamma_lr(shape, x) else {
            break;
        };
        let density = (shape * x.ln() - x - ln_gamma_shape).exp();
        let step = (probability.value / below).ln() * below / density;
        if !step.is_finite() {
            break;
        }
        x *= step.exp();
        if step.abs() < 1e-13 {
            break;
        }
    }
    2.0 * x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_close(actual: f64, expected: f64, relative: f64) {
        assert!(
            (actual - expected).abs() <= relative * expected.abs(),
            "{actual:e} is not {expected:e}"
        );
    }

    /// Reference: `scipy.stats.chi2.ppf`, version 1.17.1.
    #[test]
    fn agrees_with_scipy() {
        let lower = [
            (0.02, 7.045_371_994_627_437e-161),
            (0.2, 1.158_342_049_104_294_1e-16),
            (0.67, 2.353_640_216_831_332e-5),
            (1.5, 0.013_113_021_163_018_94),
            (2.0, 0.050_635_615_968_579_75),
            (10.0, 3.246_972_780_236_841_3),
            (33.3, 19.274_158_609_714_2),
            (200.0, 162.727_982_501_846_27),
            (999.9, 914.161_537_262_419_9),
            (1000.0, 914.257_153_799_259),
            (1234.567, 1_139.083_565_433_292_5),
            (2000.0, 1_877.946_036_815_390_5),
            (2e4, 19_609.904_934_520_368),
            (6_666_666.666_666_667, 6_659_511.784_586_012),
            (2e7, 19_987_605.993_768_536),
            (2e19, 1.999_999_998_760_41e19),
        ];
        for (degrees, expected) in lower {
            assert_close(quantile(LOWER, degrees), expected, 1e-12);
        }
        let upper = [
            (2.0, 7.377_758_908_227_871),
            (2.001, 7.379_862_182_933_398),
            (12.0, 23.336_664_158_645_34),
            (35.3, 53.573_883_240_807_3),
            (202.0, 243.253_587_584_852_77),
            (999.9, 1_089.426_529_257_189_3),
            (1000.0, 1_089.530_912_774_913_5),
            (2002.0, 2_127.904_272_032_604),
            (20_002.0, 20_395.903_249_322_946),
            (20_000_002.0, 20_012_399.795_462_996),
            (2e19, 2.000_000_001_239_59e19),
        ];
        for (degrees, expected) in upper {
            assert_close(quantile(UPPER, degrees), expected, 1e-12);
        }
    }

    /// With two degrees of freedom χ² is exponential: the quantile is `−2 ln(1 − p)`.
    #[test]
    fn two_degrees_are_exponential() {
        assert_close(quantile(LOWER, 2.0), -2.0 * (-0.025_f64).ln_1p(), 1e-14);
        assert_close(quantile(UPPER, 2.0), -2.0 * 0.025_f64.ln(), 1e-14);
    }

    #[test]
    fn the_two_methods_meet() {
        for probability in [LOWER, UPPER] {
            let expanded = expansion(probability.normal_quantile, MANY_DEGREES);
            assert_close(inversion(probability, MANY_DEGREES), expanded, 1e-12);
        }
    }

    #[test]
    fn a_quantile_below_the_smallest_f64_is_zero() {
        assert!(quantile(LOWER, 1e-6).abs() < f64::MIN_POSITIVE);
        assert!(quantile(LOWER, f64::MIN_POSITIVE).abs() < f64::MIN_POSITIVE);
    }

    proptest! {
        #[test]
        fn the_quantile_inverts_the_distribution(degrees in 0.5..1200.0_f64) {
            for probability in [LOWER, UPPER] {
                let x = quantile(probability, degrees);
                let below = checked_gamma_lr(degrees / 2.0, x / 2.0).unwrap();
                prop_assert!((below - probability.value).abs() < 1e-10);
            }
        }

        #[test]
        fn the_quantile_grows_with_the_degrees(ln_degrees in -3.0..40.0_f64, growth in 1e-3..1.0_f64) {
            let degrees = ln_degrees.exp();
            prop_assert!(quantile(LOWER, degrees) <= quantile(LOWER, degrees * (1.0 + growth)));
            let degrees = degrees + 2.0;
            prop_assert!(quantile(UPPER, degrees) < quantile(UPPER, degrees * (1.0 + growth)));
        }
    }
}
