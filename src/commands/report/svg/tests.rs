use proptest::prelude::*;

use super::*;
use crate::{
    commands::report::{
        months::{Month, periods, time_zone},
        reading::Known,
        rows::rows,
    },
    domain::ContactCounts,
};

/// A report of the months before June 2026 and of what has gone by of June.
fn report(segment: &str, numbers: &[Option<(u64, f64)>]) -> Contents {
    let zone = time_zone("UTC").unwrap();
    let now = "2026-06-10T00:00:00Z".parse().unwrap();
    let from =
        (1..numbers.len()).fold("2026-06".parse().unwrap(), |month: Month, _| month.before());
    let periods = periods(Some(from), None, true, &zone, now).unwrap();
    let mut known = vec![Known::default()];
    known.extend(numbers.iter().map(|numbers| Known {
        counts: ContactCounts {
            created: numbers.map(|(created, _)| created),
            ..ContactCounts::default()
        },
        population: numbers.map(|(_, population)| population),
        dispersion: Some(1.5),
    }));
    Contents {
        segment: segment.to_owned(),
        population: Some("dossiers_deposes".to_owned()),
        zone,
        rows: rows(&periods, &known),
        missing: Vec::new(),
    }
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn names_are_escaped_and_fit() {
    let text = draw(&report("a <b> & \"c\"", &[Some((5, 100.0))])).unwrap();
    assert!(text.starts_with("<svg role=\"img\" aria-label=\"Contact rate: "));
    assert!(
        text.contains("segment a &lt;b&gt; &amp; &quot;c&quot;,"),
        "{text}"
    );
    assert!(text.contains("tickets created ÷ dossiers deposes"));
    let long = draw(&report(&"x".repeat(64), &[Some((5, 100.0))])).unwrap();
    assert!(long.contains(&"x".repeat(64)));
}

#[test]
fn what_is_not_known_is_not_drawn() {
    let known = Some((50, 1000.0));
    let gap = [known, known, None, known, Some((3, 0.0)), known, known];
    let text = draw(&report("all", &gap)).unwrap();
    // A band before the gap and one after the other; the month between them stands alone.
    assert_eq!(count(&text, "<polygon"), 2);
    assert_eq!(count(&text, "5.0\u{202f}%"), 5);
    // The running month is open.
    assert_eq!(count(&text, "<circle"), 5 + 1);
    assert!(text.contains("Jun*"));
    let nothing = draw(&report("all", &[None, None])).unwrap();
    assert!(nothing.contains("No rate is known."));
    assert_eq!(count(&nothing, "<circle"), 0);
}

/// A month of three people must not flatten the others.
#[test]
fn a_wild_band_is_cut() {
    let wild = [Some((0, 1.0)), Some((50, 1000.0)), Some((55, 1000.0))];
    let text = draw(&report("all", &wild)).unwrap();
    assert!(text.contains("15 %") && !text.contains("100 %"), "{text}");
}

proptest! {
    #[test]
    fn any_months_can_be_drawn(
        numbers in proptest::collection::vec(
            proptest::option::of((0_u64..10_000_000, 0.0..1e9_f64)), 1..60,
        ),
    ) {
        let text = draw(&report("all", &numbers)).unwrap();
        prop_assert!(!text.contains("NaN") && !text.contains("inf"));
    }
}
