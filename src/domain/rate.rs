//! The contact rate itself.

/// Contact rate `tickets / population`: a ratio, never a percentage.
///
/// `None` when the population is 0, negative or not finite, or so small that the rate is too
/// large for f64: without a population there is no rate. A population may be fractional, as
/// totals from Prometheus can be.
pub fn rate(tickets: u64, population: f64) -> Option<f64> {
    Some(tickets as f64 / divisor(population)?).filter(|rate| rate.is_finite())
}

/// The population, if it can be divided by.
pub(super) fn divisor(population: f64) -> Option<f64> {
    (population.is_finite() && population > 0.0).then_some(population)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The worked example of `docs/metrics.md`: recorded reports of 2017-11 and 2017-12.
    #[test]
    fn worked_example() {
        assert_eq!(rate(126, 2400.0), Some(0.0525));
        assert_eq!(rate(178, 2000.0), Some(0.089));
    }

    #[test]
    fn no_ticket_is_a_true_zero() {
        assert_eq!(rate(0, 2400.0), Some(0.0));
    }

    #[test]
    fn no_population_no_rate() {
        for population in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(rate(126, population), None, "{population}");
            assert_eq!(rate(0, population), None, "{population}");
        }
        assert_eq!(rate(1, f64::from_bits(1)), None);
    }

    #[test]
    fn a_population_may_be_fractional() {
        assert_eq!(rate(3, 1.5), Some(2.0));
        assert_eq!(rate(1, 0.25), Some(4.0));
    }

    proptest! {
        #[test]
        fn is_never_other_than_a_number_of_at_least_zero(tickets: u64, population: f64) {
            if let Some(rate) = rate(tickets, population) {
                prop_assert!(rate.is_finite() && rate >= 0.0);
            }
        }

        #[test]
        fn falls_as_the_population_grows(tickets in 1_u64..10_000_000, population in 1e-3..1e12_f64) {
            prop_assert!(rate(tickets, population) > rate(tickets, population * 2.0));
        }
    }
}
