//! Durations as Prometheus writes them.

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 60 * MINUTE;
/// Seconds of a day of 24 hours.
pub const DAY_SECONDS: i64 = 24 * HOUR;
pub(super) const DAY: i64 = DAY_SECONDS;
pub(super) const WEEK: i64 = 7 * DAY;

/// Parses a Prometheus duration (`90s`, `5m`, `1h30m`, `7d`, `4w`) to whole seconds.
///
/// Units go from large to small, each at most once, as in Prometheus; `y` (365 days) and `ms` are
/// known too, the latter only in whole seconds. Returns `None` for anything else.
pub fn parse_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * DAY * 1000),
        ("w", WEEK * 1000),
        ("d", DAY * 1000),
        ("h", HOUR * 1000),
        ("m", MINUTE * 1000),
        ("s", 1000),
        ("ms", 1),
    ];
    let mut rest = text;
    let mut next_unit = 0;
    let mut milliseconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit = rest.get(..letters)?;
        let index = UNITS.iter().position(|(name, _)| *name == unit)?;
        if index < next_unit {
            return None;
        }
        next_unit = index + 1;
        milliseconds = milliseconds.checked_add(number.checked_mul(UNITS.get(index)?.1)?)?;
        rest = rest.get(letters..)?;
    }
    (!text.is_empty() && milliseconds % 1000 == 0).then_some(milliseconds / 1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_durations() {
        let table = [
            ("0s", 0),
            ("90s", 90),
            ("5m", 300),
            ("1h", HOUR),
            ("1h30m", 90 * MINUTE),
            ("007d", WEEK),
            ("168h", WEEK),
            ("4w", 28 * DAY),
            ("1y", 365 * DAY),
            (
                "1y2w3d4h5m6s",
                365 * DAY + 17 * DAY + 4 * HOUR + 5 * MINUTE + 6,
            ),
            ("1d30m", DAY + 30 * MINUTE),
            ("2000ms", 2),
            ("1s1000ms", 2),
        ];
        for (text, seconds) in table {
            assert_eq!(parse_duration(text), Some(seconds), "{text:?}");
        }
    }

    #[test]
    fn bad_durations() {
        let table = [
            "",
            " ",
            "0",
            "7",
            "d",
            "7 d",
            " 7d",
            "7d ",
            "-1h",
            "+1h",
            "1.5h",
            "1,5h",
            "1e3s",
            "7D",
            "7days",
            "1m1h",
            "1s1m",
            "1m1m",
            "1ms1s",
            "5µs",
            "٣h",
            "1h_",
            "1500ms",
            "1ms",
            "h1",
            "1hm",
            "99999999999999999999d",
            "9223372036854775807s",
            "9223372036854775807y",
            "292471208y52w",
        ];
        for text in table {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = parse_duration(&text);
        }

        #[test]
        fn parts_add_up(days in 0_i64..1000, hours in 0_i64..1000, seconds in 0_i64..1000) {
            let text = format!("{days}d{hours}h{seconds}s");
            prop_assert_eq!(parse_duration(&text), Some(days * DAY + hours * HOUR + seconds));
        }
    }
}
