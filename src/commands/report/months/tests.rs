use proptest::prelude::*;

use super::*;
use crate::commands::report::Error;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn zone(name: &str) -> TimeZone {
    time_zone(name).unwrap()
}

fn names(periods: &Periods) -> Vec<String> {
    let names = periods.reported.iter();
    names.map(|period| period.month.to_string()).collect()
}

const NOW: &str = "2026-03-31T22:30:00Z";

fn chosen(
    from: Option<&str>,
    to: Option<&str>,
    include_current: bool,
    name: &str,
) -> Result<Periods, MonthsError> {
    let now = NOW.parse().unwrap();
    let (from, to) = (from.map(month), to.map(month));
    periods(from, to, include_current, &zone(name), now)
}

#[test]
fn a_month_is_four_digits_and_two() {
    assert_eq!(month("2025-01").to_string(), "2025-01");
    for text in [
        "",
        "2025",
        "2025-1",
        "2025-13",
        "2025-00",
        "25-01",
        "2025-01-01",
        "+025-01",
        "2025-+1",
        "2025/01",
        "1969-12",
        "9999-01",
        "٢٠٢٥-٠١",
    ] {
        assert!(text.parse::<Month>().is_err(), "{text:?}");
    }
}

/// Offsets before and after as the time zone database has them.
#[test]
fn months_begin_at_local_midnight() {
    let table = [
        ("UTC", "2025-03", "2025-03-01T00:00:00Z", 31 * 24),
        ("Europe/Paris", "2025-02", "2025-01-31T23:00:00Z", 28 * 24),
        (
            "Europe/Paris",
            "2025-03",
            "2025-02-28T23:00:00Z",
            31 * 24 - 1,
        ),
        (
            "Europe/Paris",
            "2025-10",
            "2025-09-30T22:00:00Z",
            31 * 24 + 1,
        ),
        ("Europe/Paris", "2025-12", "2025-11-30T23:00:00Z", 31 * 24),
        (
            "America/New_York",
            "2025-11",
            "2025-11-01T04:00:00Z",
            30 * 24 + 1,
        ),
        // Clocks skipped the midnight that began October.
        (
            "America/Asuncion",
            "2017-10",
            "2017-10-01T04:00:00Z",
            31 * 24 - 1,
        ),
        // Half an hour only.
        (
            "Australia/Lord_Howe",
            "2025-04",
            "2025-03-31T13:00:00Z",
            30 * 24,
        ),
    ];
    for (name, text, start, hours) in table {
        let interval = month(text).interval(&zone(name)).unwrap();
        assert_eq!(interval.start.to_string(), start, "{name} {text}");
        let extra = if name == "Australia/Lord_Howe" {
            1800
        } else {
            0
        };
        assert_eq!(interval.seconds(), hours * 3600 + extra, "{name} {text}");
    }
}

#[test]
fn thirteen_whole_months_by_default() {
    let utc = chosen(None, None, false, "UTC").unwrap();
    assert_eq!(names(&utc).len(), 13);
    assert_eq!(names(&utc)[0], "2025-02");
    assert_eq!(names(&utc)[12], "2026-02");
    assert_eq!(utc.before.month, month("2025-01"));
    // In Paris it is April by now.
    let paris = chosen(None, None, false, "Europe/Paris").unwrap();
    assert_eq!(names(&paris)[0], "2025-03");
    assert_eq!(names(&paris)[12], "2026-03");
    assert!(paris.reported.iter().all(|period| period.is_whole));
}

#[test]
fn the_running_month_on_request_up_to_now() {
    let periods = chosen(None, None, true, "UTC").unwrap();
    assert_eq!(names(&periods).len(), 14);
    let last = periods.reported[13];
    assert!(!last.is_whole);
    assert_eq!(
        last.interval.to_string(),
        "[2026-03-01T00:00:00Z, 2026-03-31T22:30:00Z)"
    );
    let named = chosen(Some("2026-01"), Some("2026-03"), false, "UTC").unwrap();
    assert_eq!(names(&named), ["2026-01", "2026-02"]);
    assert_eq!(named.left_out, Some(month("2026-03")));
    let past = chosen(None, Some("2026-02"), true, "UTC").unwrap();
    assert!(past.reported.iter().all(|period| period.is_whole));
    assert_eq!(past, chosen(None, None, false, "UTC").unwrap());
}

/// Nothing has gone by of a month that has just begun.
#[test]
fn no_empty_month() {
    let now = "2026-03-01T00:00:00Z".parse().unwrap();
    let periods = periods(None, None, true, &zone("UTC"), now).unwrap();
    assert_eq!(names(&periods).last().unwrap(), "2026-02");
    assert_eq!(names(&periods).len(), 13);
}

#[test]
fn what_cannot_be_reported() {
    let error = |from, to, current| {
        let error = Error::from(chosen(from, to, current, "UTC").unwrap_err());
        assert!(error.is_usage());
        error.to_string()
    };
    let text = error(Some("2026-02"), Some("2026-01"), false);
    assert!(
        text.contains("--from=2026-02 is after --to=2026-01"),
        "{text}"
    );
    let text = error(None, Some("2026-04"), true);
    assert!(text.contains("2026-04 is in the future"), "{text}");
    let text = error(Some("2027-01"), None, false);
    assert!(text.contains("2027-01 is in the future"), "{text}");
    for to in [None, Some("2026-03")] {
        let text = error(Some("2026-03"), to, false);
        assert!(text.contains("--include-current"), "{text}");
    }
    let text = error(Some("1970-01"), None, false);
    assert!(text.contains("600"), "{text}");
}

#[test]
fn unknown_time_zones_have_neighbours() {
    let text = time_zone("Europe/Pari").unwrap_err();
    assert!(text.ends_with("did you mean `Europe/Paris`?"), "{text}");
    assert!(time_zone("nowhere at all").is_err());
}

proptest! {
    #[test]
    fn parsing_never_panics(text in ".*") {
        let _ = text.parse::<Month>();
    }

    /// Months follow each other without gap or overlap, in any zone.
    #[test]
    fn months_are_adjacent(year in 1970_i16..2100, number in 1_i8..=12, index in 0_usize..5) {
        let name = ["UTC", "Europe/Paris", "America/Sao_Paulo", "Pacific/Apia", "Asia/Gaza"][index];
        let month = Month { year, month: number };
        let interval = month.interval(&zone(name)).unwrap();
        prop_assert!((27 * 86_400..=32 * 86_400).contains(&interval.seconds()));
        prop_assert_eq!(month.next().interval(&zone(name)).unwrap().start, interval.end);
        prop_assert_eq!(month.next().before(), month);
    }
}
