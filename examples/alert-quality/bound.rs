//! The least delay that any alert with one false alarm a year can have on average.
//!
//! G. Lorden, "Procedures for reacting to a change in distribution", Annals of Mathematical
//! Statistics 42 (1971), 1897–1908: to first order, `ln(days between false alarms) / KL` days, where
//! `KL` is the Kullback–Leibler divergence of a day after the rise from a day before it. The
//! rule that reaches it knows both rates beforehand; ours knows neither.

use crate::simulate::{Traffic, WEEKDAYS};

const DAYS_BETWEEN_FALSE_ALARMS: f64 = 365.0;
const WEEK: f64 = 7.0;

/// Lorden's bound in days for plain Poisson counts, `KL = λ (f ln f − f + 1)` for `λ` tickets a day
/// and a rise by the factor `f`.
pub fn poisson_days(weekly: f64, factor: f64) -> f64 {
    let divergence = weekly / WEEK * (factor * factor.ln() - factor + 1.0);
    DAYS_BETWEEN_FALSE_ALARMS.ln() / divergence
}

/// The same for days that vary as those of `traffic`: counts of a Poisson day whose intensity is
/// gamma are negative binomial, with `shape = variation⁻²`, and for a mean of `m` tickets
/// `KL = m f ln f − (shape + m f) ln ((shape + m f) / (shape + m))`.
pub fn days(traffic: Traffic, factor: f64) -> f64 {
    if traffic.variation <= 0.0 {
        return poisson_days(traffic.weekly, factor);
    }
    let shape = traffic.variation.powi(-2);
    let weekly: f64 = WEEKDAYS
        .iter()
        .map(|share| {
            let before = share * traffic.weekly;
            let after = before * factor;
            after * factor.ln() - (shape + after) * ((shape + after) / (shape + before)).ln()
        })
        .sum();
    DAYS_BETWEEN_FALSE_ALARMS.ln() / (weekly / WEEK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Population;

    fn traffic(weekly: f64, variation: f64) -> Traffic {
        Traffic {
            weekly,
            variation,
            population: Population::Steady,
        }
    }

    /// The figures that came with the task, to the digit they were given.
    #[test]
    fn agrees_with_published_figures() {
        for (weekly, factor, expected) in [
            (50.0, 1.5, 7.6),
            (50.0, 2.0, 2.1),
            (500.0, 1.2, 4.4),
            (500.0, 1.5, 0.8),
        ] {
            let actual = poisson_days(weekly, factor);
            assert!(
                (actual - expected).abs() < 0.05,
                "{actual} is not {expected}"
            );
        }
    }

    #[test]
    fn days_that_hardly_vary_are_nearly_poisson() {
        let plain = poisson_days(50.0, 1.5);
        assert!((days(traffic(50.0, 0.0), 1.5) / plain - 1.0).abs() < 1e-12);
        assert!((days(traffic(50.0, 1e-3), 1.5) / plain - 1.0).abs() < 1e-3);
    }

    /// For one day of mean 20 and shape 25, the divergence summed term by term.
    #[test]
    fn divergence_of_negative_binomial_days() {
        let (shape, before, factor) = (25.0_f64, 20.0_f64, 1.5_f64);
        let ln_chances = |mean: f64| {
            let mut ln_chance = shape * (shape / (shape + mean)).ln();
            (0..2000)
                .map(|count| {
                    let here = ln_chance;
                    let next = f64::from(count);
                    ln_chance += ((shape + next) / (next + 1.0) * mean / (shape + mean)).ln();
                    here
                })
                .collect::<Vec<_>>()
        };
        let summed: f64 = ln_chances(before * factor)
            .into_iter()
            .zip(ln_chances(before))
            .map(|(after, before)| after.exp() * (after - before))
            .sum();
        let after = before * factor;
        let closed =
            after * factor.ln() - (shape + after) * ((shape + after) / (shape + before)).ln();
        assert!((summed - closed).abs() < 1e-9, "{summed} is not {closed}");
    }

    #[test]
    fn days_that_vary_take_longer() {
        for weekly in [5.0, 50.0, 500.0] {
            let [plain, some, much] = [0.0, 0.2, 0.3].map(|c| days(traffic(weekly, c), 1.5));
            assert!(plain < some && some < much);
        }
    }
}
