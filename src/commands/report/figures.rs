//! Numbers as people read them: thousands apart, percent with one decimal.

use crate::domain::Bounds;

/// What stands for a number that is not known.
pub(in crate::commands) const UNKNOWN: &str = "–";

/// Between thousands and before `%`: a space that no line breaks at and no column takes for its
/// end, as the SI brochure has it.
const SPACE: char = '\u{202f}';

/// A count.
pub(in crate::commands) fn count(value: u64) -> String {
    apart(&value.to_string())
}

/// A population: whole where it is, else with one decimal.
pub(in crate::commands) fn size(value: f64) -> String {
    if value.fract() == 0.0 {
        apart(&format!("{value:.0}"))
    } else {
        decimal(value)
    }
}

/// More or fewer, with a sign.
pub(in crate::commands) fn difference(value: i64) -> String {
    let sign = sign(value.cmp(&0));
    format!("{sign}{}", count(value.unsigned_abs()))
}

/// More or fewer, with a sign and one decimal.
pub(in crate::commands) fn effect(value: f64) -> String {
    let rounded = tenths(value * 10.0);
    let sign = sign(rounded.total_cmp(&0.0));
    format!("{sign}{}", decimal(rounded.abs() / 10.0))
}

/// `count ÷ population` in percent, halves rounded up: 126 ÷ 2400 is 5.3 %.
pub(in crate::commands) fn percent(count: u64, population: f64) -> String {
    // One division, so that a half is a half: 100 times the ratio would be rounded twice.
    in_percent(tenths(count as f64 * 1000.0 / population))
}

/// Confidence bounds in percent.
pub(in crate::commands) fn bounds(bounds: Bounds) -> String {
    let percent = |ratio: f64| decimal(tenths(ratio * 1000.0) / 10.0);
    format!("{}–{}", percent(bounds.lower), percent(bounds.upper))
}

fn in_percent(tenths: f64) -> String {
    format!("{}{SPACE}%", decimal(tenths / 10.0))
}

/// Rounded, halves away from zero, and without a negative zero.
fn tenths(value: f64) -> f64 {
    value.round() + 0.0
}

fn decimal(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest}", apart(whole)),
        None => text,
    }
}

/// A true minus sign, which is as wide as a plus sign.
const fn sign(order: std::cmp::Ordering) -> &'static str {
    match order {
        std::cmp::Ordering::Less => "−",
        std::cmp::Ordering::Equal => "±",
        std::cmp::Ordering::Greater => "+",
    }
}

/// Digits in groups of three.
fn apart(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    let length = digits.chars().count();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (length - index).is_multiple_of(3) {
            text.push(SPACE);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        text.replace(SPACE, "_")
    }

    #[test]
    fn thousands_stand_apart() {
        let table = [
            (0, "0"),
            (12, "12"),
            (999, "999"),
            (1000, "1_000"),
            (12_345_678, "12_345_678"),
        ];
        for (value, expected) in table {
            assert_eq!(plain(&count(value)), expected);
            assert_eq!(plain(&size(value as f64)), expected);
        }
        assert_eq!(plain(&size(1234.56)), "1_234.6");
    }

    #[test]
    fn halves_of_a_tenth_of_a_percent_go_up() {
        let table = [
            (126, 2400.0, "5.3_%"),
            (178, 2000.0, "8.9_%"),
            (187, 2000.0, "9.4_%"),
            (181, 2000.0, "9.1_%"),
            (1, 2000.0, "0.1_%"),
            (0, 2000.0, "0.0_%"),
            (25_000, 100.0, "25_000.0_%"),
        ];
        for (count, population, expected) in table {
            assert_eq!(plain(&percent(count, population)), expected, "{count}");
        }
        // Every tie is exact, whatever the population.
        for population in 1..500_u64 {
            let text = percent(5 * population, 10_000.0 * population as f64);
            assert_eq!(plain(&text), "0.1_%", "{population}");
        }
    }

    #[test]
    fn differences_have_signs() {
        assert_eq!(difference(-52), "−52");
        assert_eq!(plain(&difference(1052)), "+1_052");
        assert_eq!(difference(0), "±0");
        assert_eq!(effect(28.266_7), "+28.3");
        assert_eq!(effect(-80.266_7), "−80.3");
        assert_eq!(effect(-0.04), "±0.0");
        assert!(difference(i64::MIN).starts_with('−'));
    }

    #[test]
    fn bounds_in_percent() {
        let limits = Bounds {
            lower: 0.043_73,
            upper: 0.062_51,
        };
        assert_eq!(bounds(limits), "4.4–6.3");
    }
}
