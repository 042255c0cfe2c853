//! Round values on an axis.

use crate::commands::report::figures;

/// Round values on an axis from 0.
pub(in crate::commands) struct Ticks {
    step: f64,
    count: u32,
    decimals: usize,
}

impl Ticks {
    /// At most `most` steps that reach `highest`, each 1, 2 or 5 times a power of ten.
    pub(in crate::commands) fn up_to(highest: f64, most: u32) -> Self {
        let least = highest.max(f64::MIN_POSITIVE) / f64::from(most);
        let power = least.log10().floor();
        let (step, power) = [(1.0, power), (2.0, power), (5.0, power), (1.0, power + 1.0)]
            .into_iter()
            .find(|(digit, power)| digit * 10_f64.powf(*power) >= least)
            .unwrap_or((1.0, power + 1.0));
        let step = step * 10_f64.powf(power);
        let count = (1..=most).find(|count| f64::from(*count) * step >= highest);
        Self {
            step,
            count: count.unwrap_or(most),
            decimals: (0_u8..12)
                .find(|decimals| power + f64::from(*decimals) >= 0.0)
                .map_or(0, usize::from),
        }
    }

    pub(in crate::commands) fn top(&self) -> f64 {
        f64::from(self.count) * self.step
    }

    pub(in crate::commands) fn values(&self) -> Vec<f64> {
        (0..=self.count)
            .map(|count| f64::from(count) * self.step)
            .collect()
    }

    pub(in crate::commands) fn text(&self, value: f64) -> String {
        match self.decimals {
            0 => figures::size(value.round()),
            decimals => format!("{value:.decimals$}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round_and_reach() {
        for (highest, most, step, count) in [
            (7.03, 5, 2.0, 4),
            (0.8, 5, 0.2, 4),
            (1387.0, 2, 1000.0, 2),
            (5.0, 5, 1.0, 5),
            (0.0, 2, 0.0, 1),
        ] {
            let ticks = Ticks::up_to(highest, most);
            assert!(ticks.top() >= highest, "{highest}");
            assert_eq!(ticks.count, count, "{highest}");
            assert!((ticks.step - step).abs() < 1e-9, "{highest}");
        }
        assert_eq!(Ticks::up_to(0.8, 5).text(0.6), "0.6");
        assert_eq!(Ticks::up_to(1387.0, 2).text(1000.0), "1\u{202f}000");
    }

    proptest! {
        #[test]
        fn ticks_reach_any_height(highest in 0.0..1e12_f64, most in 1_u32..8) {
            let ticks = Ticks::up_to(highest, most);
            prop_assert!(ticks.count <= most);
            prop_assert!(ticks.top() >= highest * (1.0 - 1e-12));
            prop_assert!(ticks.top() <= highest.max(1e-9) * 10.0);
        }
    }
}
