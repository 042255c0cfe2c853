//! By how much something is supposed to change.

use std::fmt;

/// A change in percent, of more than −100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// What the changed thing is multiplied by.
    pub fn factor(self) -> f64 {
        1.0 + self.0 / 100.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0.0 { '−' } else { '+' };
        write!(formatter, "{sign}{}\u{202f}%", self.0.abs())
    }
}

/// `-10%`, `+20%` or `20%`, from −100 % to +1000 %.
pub fn parse_share(text: &str) -> Result<Share, String> {
    let expected = || "expected a change in percent such as -10% or +20%, above -100%".to_owned();
    let number = text.strip_suffix('%').ok_or_else(expected)?;
    let percent: f64 = number.trim().parse().map_err(|_| expected())?;
    if percent.is_finite() && percent > -100.0 && percent <= 1000.0 {
        Ok(Share(percent))
    } else {
        Err(expected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percent_with_a_sign() {
        let factor = |text| parse_share(text).unwrap().factor();
        assert!((factor("-10%") - 0.9).abs() < 1e-12);
        assert!((factor("+20%") - 1.2).abs() < 1e-12);
        assert!((factor("7.5%") - 1.075).abs() < 1e-12);
        assert_eq!(parse_share("-10%").unwrap().to_string(), "−10\u{202f}%");
        for bad in ["", "%", "10", "-100%", "ten%", "NaN%", "inf%", "2000%"] {
            assert!(parse_share(bad).is_err(), "{bad:?}");
        }
    }
}
