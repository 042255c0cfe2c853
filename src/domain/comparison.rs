//! Before and after: whether contact rates of two spans differ by more than chance would have it.
//!
//! A quasi-Poisson comparison: the ratio of two rates with a 95 % interval from
//! `ln(r₁/r₀) ± t · √(φ (1/t₀ + 1/t₁))` and the p-value of the same statistic, both with Student's t
//! on the degrees of freedom that `φ` was estimated with (quasi-likelihood: `McCullagh` and
//! Nelder, "Generalized Linear Models", 2nd ed. 1989, 4.5 and 6.2). `φ` is Pearson's, of the days of both sides about their own
//! weekday means, at least 1.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::{
    change::{Change, change},
    rate::rate,
};

/// Share of the interval outside, on each side.
const TAIL: f64 = 0.025;
/// Days in a week.
const WEEK: usize = 7;
/// The span that savings are told for, in days.
const SAVINGS_DAYS: f64 = 28.0;

/// What was counted in one span.
#[derive(Clone, Debug, PartialEq)]
pub struct Side<'a> {
    /// Tickets of the whole span.
    pub tickets: u64,
    /// The population of the whole span: a flow over it, or a stock at its end.
    pub population: f64,
    /// Length in days; of a span with a clock change a fraction.
    pub days: f64,
    /// Tickets of each day from the span's first on; `None` is a day that is not known. Empty where
    /// days are not known at all.
    pub daily: &'a [Option<u64>],
    /// The weekday of the first day, from 0.
    pub first_weekday: usize,
}

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// What can be said of two spans. `None` is what cannot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// `r₀`.
    pub rate_before: Option<f64>,
    /// `r₁`.
    pub rate_after: Option<f64>,
    /// `r₁ / r₀`.
    pub ratio: Option<Estimate>,
    /// Two-sided: the chance of a difference this large if nothing changed.
    pub p_value: Option<f64>,
    /// `(r₀ − r₁) · u₁ · 28 / days`: tickets saved in 28 days, negative where they are added.
    pub saved_per_28_days: Option<Estimate>,
    /// Why the count changed.
    pub effects: Option<Change>,
    /// `φ`; `None` where the days do not tell, and then 1 is used.
    pub dispersion: Option<f64>,
}

/// What a comparison comes to, for the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Fewer contacts: the whole interval is below 1.
    Fewer,
    /// More contacts: the whole interval is above 1.
    More,
    /// The interval holds 1.
    NoDifference,
    /// There is no ratio.
    Unknown,
}

impl Comparison {
    /// What it comes to. It claims no cause.
    pub fn verdict(&self) -> Verdict {
        match self.ratio {
            None => Verdict::Unknown,
            Some(ratio) if ratio.upper < 1.0 => Verdict::Fewer,
            Some(ratio) if ratio.lower > 1.0 => Verdict::More,
            Some(_) => Verdict::NoDifference,
        }
    }
}

/// Compares `after` with `before`.
///
/// Where one side has no ticket, ½ is added to both counts for the interval and the p-value; where
/// neither has, there is no ratio.
pub fn compare(before: &Side<'_>, after: &Side<'_>) -> Comparison {
    let spread = spread(&[before, after]);
    let dispersion = spread.map_or(1.0, |spread| spread.dispersion);
    let rate_before = rate(before.tickets, before.population);
    let rate_after = rate(after.tickets, after.population);
    let reach = reach(spread);
    let mut comparison = Comparison {
        rate_before,
        rate_after,
        ratio: None,
        p_value: None,
        saved_per_28_days: None,
        effects: change(
            after.tickets,
            after.population,
            before.tickets,
            before.population,
        ),
        dispersion: spread.map(|spread| spread.dispersion),
    };
    let (Some(rate_before), Some(rate_after)) = (rate_before, rate_after) else {
        return comparison;
    };
    let (t0, t1) = (before.tickets as f64, after.tickets as f64);
    if before.tickets + after.tickets > 0 {
        let none = before.tickets == 0 || after.tickets == 0;
        let (c0, c1) = if none { (t0 + 0.5, t1 + 0.5) } else { (t0, t1) };
        let log = (c1 / after.population).ln() - (c0 / before.population).ln();
        let deviation = (dispersion * (1.0 / c0 + 1.0 / c1)).sqrt();
        comparison.p_value = Some(two_sided(log / deviation, spread));
        if before.tickets > 0 {
            comparison.ratio = Some(Estimate {
                value: rate_after / rate_before,
                lower: if after.tickets == 0 {
                    0.0
                } else {
                    (log - reach * deviation).exp()
                },
                upper: (log + reach * deviation).exp(),
            })
            .filter(|ratio| ratio.upper.is_finite());
        }
    }
    if after.days > 0.0 {
        let scale = after.population * SAVINGS_DAYS / after.days;
        let saved = (rate_before - rate_after) * scale;
        let variance = rate_before / before.population + rate_after / after.population;
        let width = reach * (dispersion * variance).sqrt() * scale;
        comparison.saved_per_28_days =
            (saved.is_finite() && width.is_finite()).then_some(Estimate {
                value: saved,
                lower: saved - width,
                upper: saved + width,
            });
    }
    comparison
}

/// `φ` and the degrees of freedom that it was estimated with.
#[derive(Clone, Copy, Debug)]
struct Spread {
    dispersion: f64,
    freedom: f64,
}

/// Pearson's `φ` of the days of all sides, each about its own weekday means; `None` where no
/// weekday of any side is known twice.
fn spread(sides: &[&Side<'_>]) -> Option<Spread> {
    let (mut sum, mut freedom) = (0.0, 0_usize);
    for side in sides {
        for weekday in 0..WEEK {
            let days: Vec<f64> = side
                .daily
                .iter()
                .enumerate()
                .filter(|(index, _)| (index + side.first_weekday) % WEEK == weekday)
                .filter_map(|(_, tickets)| tickets.map(|tickets| tickets as f64))
                .collect();
            let mean = days.iter().sum::<f64>() / days.len().max(1) as f64;
            // A weekday without a ticket tells nothing of how days vary.
            if mean > 0.0 {
                sum += days.iter().map(|day| (day - mean).powi(2)).sum::<f64>() / mean;
                freedom += days.len() - 1;
            }
        }
    }
    (freedom > 0).then(|| Spread {
        dispersion: (sum / freedom as f64).max(1.0),
        freedom: freedom as f64,
    })
}

/// Standard deviations to each side of a 95 % interval.
fn reach(spread: Option<Spread>) -> f64 {
    match student(spread) {
        Some(student) => student.inverse_cdf(1.0 - TAIL),
        None => Normal::standard().inverse_cdf(1.0 - TAIL),
    }
}

fn two_sided(z: f64, spread: Option<Spread>) -> f64 {
    let tail = match student(spread) {
        Some(student) => student.sf(z.abs()),
        None => Normal::standard().sf(z.abs()),
    };
    (2.0 * tail).min(1.0)
}

fn student(spread: Option<Spread>) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, spread?.freedom).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEFORE: [u64; 28] = [
        10, 9, 5, 5, 16, 3, 4, 9, 13, 14, 5, 7, 0, 0, 6, 13, 6, 8, 13, 2, 2, 18, 10, 4, 15, 19, 4,
        3,
    ];
    const AFTER: [u64; 28] = [
        13, 7, 5, 10, 7, 1, 3, 17, 10, 2, 14, 6, 0, 3, 14, 7, 5, 9, 0, 1, 1, 14, 6, 2, 12, 4, 1, 1,
    ];

    fn side(daily: &[Option<u64>], population: f64) -> Side<'_> {
        Side {
            tickets: daily.iter().flatten().sum(),
            population,
            days: daily.len() as f64,
            daily,
            first_weekday: 0,
        }
    }

    fn assert_near(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() <= 1e-9 * expected.abs(),
            "{actual} is not {expected}"
        );
    }

    /// Reference: statsmodels 0.15 on these days: `φ` the Pearson scale of a Poisson GLM with a term
    /// per side and weekday. Interval and p-value: scipy 1.17's Student's t with 42 degrees of freedom;
    /// a Poisson GLM of the two totals with that scale gives the same to 10⁻⁵, where it stops.
    #[test]
    fn agrees_with_statsmodels() {
        let (before, after) = (BEFORE.map(Some), AFTER.map(Some));
        let found = compare(&side(&before, 20_000.0), &side(&after, 22_000.0));
        assert_near(found.dispersion.unwrap(), 1.289_951_951_392_855_6);
        let ratio = found.ratio.unwrap();
        assert_near(ratio.value, 0.713_412_148_391_109_2);
        assert_near(ratio.lower, 0.565_997_030_922_140_5);
        assert_near(ratio.upper, 0.899_221_843_338_712_6);
        assert_near(found.p_value.unwrap(), 0.005_257_171_838_946_675);
        let saved = found.saved_per_28_days.unwrap();
        assert_near(saved.value, 70.3);
        assert_near(saved.lower, 21.958_230_164_604_288);
        assert_near(saved.upper, 118.641_769_835_395_76);
        let effects = found.effects.unwrap();
        assert_near(effects.population + effects.rate, -48.0);
        assert_eq!(found.verdict(), Verdict::Fewer);
    }

    #[test]
    fn without_days_chance_alone_is_assumed() {
        let bare = |tickets, population| Side {
            tickets,
            population,
            days: 28.0,
            daily: &[],
            first_weekday: 0,
        };
        let found = compare(&bare(100, 1000.0), &bare(100, 1000.0));
        assert_eq!(found.dispersion, None);
        let ratio = found.ratio.unwrap();
        // exp(± 1.959964 · √0.02).
        assert!(
            (ratio.upper - 1.319_405).abs() < 1e-5
                && (ratio.lower * ratio.upper - 1.0).abs() < 1e-12
        );
        assert_eq!(found.p_value, Some(1.0));
        assert_eq!(found.verdict(), Verdict::NoDifference);
    }

    #[test]
    fn no_ticket_and_no_population() {
        let bare = |tickets, population| Side {
            tickets,
            population,
            days: 28.0,
            daily: &[],
            first_weekday: 0,
        };
        let gone = compare(&bare(50, 1000.0), &bare(0, 1000.0));
        let ratio = gone.ratio.unwrap();
        assert_eq!((ratio.value, ratio.lower), (0.0, 0.0));
        assert!(ratio.upper > 0.0 && ratio.upper < 0.5);
        assert_eq!(gone.verdict(), Verdict::Fewer);
        // From nothing to something: no ratio, but a p-value and what was added.
        let come = compare(&bare(0, 1000.0), &bare(50, 1000.0));
        assert_eq!(come.ratio, None);
        assert!(come.p_value.unwrap() < 0.01);
        assert_near(come.saved_per_28_days.unwrap().value, -50.0);
        let nothing = compare(&bare(0, 1000.0), &bare(0, 1000.0));
        assert_eq!((nothing.ratio, nothing.p_value), (None, None));
        let nobody = compare(&bare(5, 0.0), &bare(5, 1000.0));
        assert_eq!(nobody.rate_before, None);
        assert_eq!(nobody.verdict(), Verdict::Unknown);
        assert_eq!(nobody.saved_per_28_days, None);
    }

    #[test]
    fn savings_are_told_for_28_days() {
        let week = |tickets| Side {
            tickets,
            population: 100.0,
            days: 7.0,
            daily: &[],
            first_weekday: 0,
        };
        let saved = compare(&week(20), &week(10)).saved_per_28_days.unwrap();
        assert_near(saved.value, 40.0);
    }

    proptest! {
        /// Before and after exchanged: the ratio is its inverse, the p-value the same.
        #[test]
        fn is_symmetric(
            before in proptest::collection::vec(proptest::option::weighted(0.9, 0_u64..50), 28),
            after in proptest::collection::vec(proptest::option::weighted(0.9, 0_u64..50), 28),
            populations in (1.0_f64..1e6, 1.0_f64..1e6),
        ) {
            let (before, after) = (side(&before, populations.0), side(&after, populations.1));
            let there = compare(&before, &after);
            let back = compare(&after, &before);
            prop_assert_eq!(there.dispersion.is_some(), back.dispersion.is_some());
            if let (Some(there), Some(back)) = (there.ratio, back.ratio) && there.value > 0.0 && back.value > 0.0 {
                prop_assert!((there.value * back.value - 1.0).abs() < 1e-9);
                prop_assert!((there.lower * back.upper - 1.0).abs() < 1e-9);
            }
            if let (Some(there), Some(back)) = (there.p_value, back.p_value) {
                prop_assert!((there - back).abs() < 1e-9);
            }
        }

        /// The interval holds 1 exactly where the p-value is above 5 %.
        #[test]
        fn interval_and_p_value_agree(t0 in 1_u64..500, t1 in 1_u64..500, daily in proptest::collection::vec(0_u64..20, 28)) {
            let daily: Vec<_> = daily.into_iter().map(Some).collect();
            let of = |tickets| Side { tickets, population: 100.0, days: 28.0, daily: &daily, first_weekday: 3 };
            let found = compare(&of(t0), &of(t1));
            let ratio = found.ratio.unwrap();
            let p_value = found.p_value.unwrap();
            prop_assume!((p_value - 0.05).abs() > 1e-9);
            prop_assert_eq!(ratio.lower <= 1.0 && 1.0 <= ratio.upper, p_value > 0.05);
        }
    }
}
