use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{contents::Contents, *};
use crate::domain::forecast::{SegmentPast, coming_weeks, completed_weeks};

/// Weeks of such tickets that end on a Wednesday.
fn contents(
    created: Vec<Option<u64>>,
    capacity: Option<f64>,
    rate: Option<&str>,
) -> Option<Contents> {
    let now = "2026-11-25T12:00:00Z".parse().unwrap();
    let past = Past {
        weeks: completed_weeks(now, &TimeZone::UTC, created.len()),
        coming: coming_weeks(now, &TimeZone::UTC, WEEKS_AHEAD),
        segments: vec![SegmentPast {
            segment: 0,
            resolved: Vec::new(),
            created: created.clone(),
            capacity,
        }],
        populations: Vec::new(),
    };
    let planning = plan(&past);
    Some(Contents {
        segment: "all".to_owned(),
        through: None,
        population_name: None,
        population: None,
        zone: TimeZone::UTC,
        past_weeks: past.weeks,
        past_created: created,
        coming: planning.coming,
        forecast: planning.segments.into_iter().next()?.forecast?,
        capacity,
        weeks: 3,
        rate: rate.map(|rate| parse_share(rate).unwrap()),
        growth: None,
        failures: Vec::new(),
    })
}

#[test]
fn a_table_reads_aloud() {
    let steady = contents(vec![Some(1200); 30], Some(1100.0), Some("-10%")).unwrap();
    assert_eq!(
        table::draw(&steady),
        "\
Tickets to come, segment all, weeks from Monday in UTC, from past tickets

week         tickets   lower   upper   capacity   what if   lower   upper
──────────────────────────────────────────────────────────────────────────
2026-11-30     1\u{202f}200   1\u{202f}200   1\u{202f}200      1\u{202f}100     1\u{202f}080   1\u{202f}080   1\u{202f}080
2026-12-07     1\u{202f}200   1\u{202f}200   1\u{202f}200      1\u{202f}100     1\u{202f}080   1\u{202f}080   1\u{202f}080
2026-12-14     1\u{202f}200   1\u{202f}200   1\u{202f}200      1\u{202f}100     1\u{202f}080   1\u{202f}080   1\u{202f}080

lower, upper: bounds that nine weeks in ten are to stay within.
Capacity is exceeded in the week of 2026-11-30.
With contact rate −10\u{202f}%, capacity is not exceeded in these weeks.
Over four weeks it has been 0\u{202f}% off on average, the simplest guess 0\u{202f}%.
"
    );
}

#[test]
fn what_is_not_known_is_a_dash_or_empty() {
    let young = contents(vec![Some(7); 12], None, None).unwrap();
    let text = table::draw(&young);
    assert!(
        text.contains("2026-11-30       7.0       –       –\n"),
        "{text}"
    );
    assert!(
        text.contains("What the team can resolve is not known."),
        "{text}"
    );
    let csv = records::csv(&young).unwrap();
    let first = csv.lines().nth(1).unwrap();
    assert!(first.ends_with(",7.0,,,,,,,"), "{first}");
}

proptest! {
    #[test]
    fn any_weeks_can_be_drawn(
        created in proptest::collection::vec(proptest::option::of(0_u64..1_000_000), 12..80),
        capacity in proptest::option::of(0.1..1e6_f64),
    ) {
        if let Some(contents) = contents(created, capacity, Some("+20%")) {
            let text = chart::draw(&contents).unwrap();
            prop_assert!(!text.contains("NaN") && !text.contains("inf"));
            records::json(&contents).unwrap();
        }
    }
}
