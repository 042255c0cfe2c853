//! Why the number of tickets changed.

use super::rate::divisor;

/// Why the number of tickets changed against the previous window. The two parts sum to the change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Tickets more (or fewer) because the population grew (or shrank).
    pub population: f64,
    /// Tickets more (or fewer) because the rate rose (or fell).
    pub rate: f64,
}

/// Splits `t − t₀` into a population effect `(r + r₀)/2 · (u − u₀)` and a rate effect
/// `(u + u₀)/2 · (r − r₀)`, with `r = t/u` and `r₀ = t₀/u₀`.
///
/// The two sum to `t − t₀` with no cross term; for counts up to 2⁵² and parts below 2⁵³ without any rounding
/// error. `None` when a population is not a positive number, or when a part is too large for f64.
pub fn change(
    tickets: u64,
    population: f64,
    previous_tickets: u64,
    previous_population: f64,
) -> Option<Change> {
    let population = divisor(population)?;
    let previous_population = divisor(previous_population)?;
    let size = tickets.abs_diff(previous_tickets) as f64;
    let total = if tickets < previous_tickets {
        -size
    } else {
        size
    };
    // Multiplied out, the effects are (total ∓ gap)/2, where the gap is what today's rate would have
    // brought from the previous population, less what the previous rate would bring from today's.
    let gap = tickets as f64 * (previous_population / population)
        - previous_tickets as f64 * (population / previous_population);
    let population_effect = f64::midpoint(total, -gap);
    let rate_effect = f64::midpoint(total, gap);
    if !(population_effect.is_finite() && rate_effect.is_finite()) {
        return None;
    }
    // The smaller part is what the larger leaves over: it is then a multiple of the
    // larger's last bit and no longer than it, so this difference is exact, and so is the sum.
    Some(if population_effect.abs() > rate_effect.abs() {
        Change {
            population: population_effect,
            rate: total - population_effect,
        }
    } else {
        Change {
            population: total - rate_effect,
            rate: rate_effect,
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_change(actual: Option<Change>, population: f64, rate: f64) {
        let actual = actual.unwrap();
        assert!(
            (actual.population - population).abs() < 1e-12 && (actual.rate - rate).abs() < 1e-12,
            "{actual:?} is not {population} and {rate}"
        );
    }

    /// The worked example of `docs/metrics.md`: −52 = +28.3 − 80.3.
    #[test]
    fn worked_example() {
        assert_change(change(126, 2400.0, 178, 2000.0), 28.3, -80.3);
    }

    /// Reference: the formula in exact fractions (Python's `fractions`).
    #[test]
    fn agrees_with_exact_fractions() {
        let actual = change(50, 1234.5, 40, 1200.0);
        assert_change(actual, 41_929.0 / 32_920.0, 287_271.0 / 32_920.0);
        assert_change(change(0, 10.0, 7, 20.0), -1.75, -5.25);
        assert_change(change(7, 20.0, 0, 10.0), 1.75, 5.25);
    }

    #[test]
    fn one_cause_alone_explains_all() {
        let only = |population, rate| Some(Change { population, rate });
        assert_eq!(change(130, 777.7, 100, 777.7), only(0.0, 30.0));
        assert_eq!(change(200, 4000.0, 100, 2000.0), only(100.0, 0.0));
        assert_eq!(change(0, 10.0, 0, 20.0), only(0.0, 0.0));
    }

    #[test]
    fn is_absent_without_a_population() {
        for population in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(change(5, population, 5, 10.0), None);
            assert_eq!(change(5, 10.0, 5, population), None);
        }
        assert_eq!(change(5, f64::MIN_POSITIVE, 5, 1e300), None);
        assert_eq!(change(0, f64::from_bits(1), 0, 1e300), None);
    }

    proptest! {
        #[test]
        #[expect(clippy::float_cmp, reason = "exactly, not nearly")]
        fn the_parts_sum_to_the_change(
            tickets in 0_u64..1 << 52,
            population in 1.0..1e7_f64,
            previous_tickets in 0_u64..1 << 52,
            growth in 0.01..1.9_f64,
        ) {
            let change = change(tickets, population, previous_tickets, population * growth).unwrap();
            let expected = tickets.cast_signed() - previous_tickets.cast_signed();
            let largest = change.population.abs().max(change.rate.abs());
            prop_assume!(largest < (1_u64 << 53) as f64);
            prop_assert_eq!(change.population + change.rate, expected as f64);
        }

        /// As the spec writes them.
        #[test]
        fn the_parts_are_those_of_the_formula(
            tickets in 0_u64..10_000_000,
            population in 1.0..1e9_f64,
            previous_tickets in 0_u64..10_000_000,
            previous_population in 1.0..1e9_f64,
        ) {
            let change =
                change(tickets, population, previous_tickets, previous_population).unwrap();
            let rate = tickets as f64 / population;
            let previous_rate = previous_tickets as f64 / previous_population;
            let by_population = f64::midpoint(rate, previous_rate) * (population - previous_population);
            let by_rate = f64::midpoint(population, previous_population) * (rate - previous_rate);
            let tolerance = 1e-12
                * (rate * previous_population
                    + previous_rate * population
                    + tickets as f64
                    + previous_tickets as f64);
            prop_assert!((change.population - by_population).abs() <= tolerance);
            prop_assert!((change.rate - by_rate).abs() <= tolerance);
        }

        /// Exchanging the windows turns both signs.
        #[test]
        fn looking_back_turns_the_signs(
            tickets in 0_u64..1_000_000,
            population in 1.0..1e6_f64,
            previous_tickets in 0_u64..1_000_000,
            previous_population in 1.0..1e6_f64,
        ) {
            let forth = change(tickets, population, previous_tickets, previous_population).unwrap();
            let back = change(previous_tickets, previous_population, tickets, population).unwrap();
            let turned = Change { population: -back.population, rate: -back.rate };
            prop_assert_eq!(forth, turned);
        }
    }
}
