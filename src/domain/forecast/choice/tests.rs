#![allow(clippy::float_cmp, reason = "whole numbers, exact in f64")]

use proptest::prelude::*;

use super::*;

fn known(weeks: impl IntoIterator<Item = f64>) -> Vec<Option<f64>> {
    weeks.into_iter().map(Some).collect()
}

/// A small generator whose stream is written down here: noise without a crate.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    }
}

fn expected(forecast: &Forecast, horizon: usize) -> f64 {
    forecast.horizons[horizon].unwrap().expected
}

#[test]
fn a_steady_desk_goes_on() {
    let mut noise = noise(1);
    let weeks = known((0..60).map(|_| 100.0 + 20.0 * noise()));
    let forecast = choose(&weeks, &[]).unwrap();
    assert_eq!(forecast.method, Method::Direct);
    assert!((expected(&forecast, 1) - 100.0).abs() < 5.0);
    let (lower, upper) = forecast.horizons[1].unwrap().bounds.unwrap();
    assert!(lower > 80.0 && upper < 120.0);
    assert_eq!(forecast.weeks.len(), WEEKS_AHEAD);
    assert!(forecast.quality[0].error.unwrap() < forecast.naive_error[0].unwrap());
}

#[test]
fn a_yearly_season_is_seen_after_two_years_and_not_before() {
    let season = |week: u32| 100.0 + 50.0 * (f64::from(week) * std::f64::consts::TAU / 52.0).sin();
    // The season turns upwards: its mean over the coming quarter is 100 + 50 · 2 / π.
    let two_years = known((0..156).map(season));
    let forecast = choose(&two_years, &[]).unwrap();
    assert!((expected(&forecast, 2) - 131.0).abs() < 5.0, "{forecast:?}");
    let one_year = known((104..156).map(season));
    let forecast = choose(&one_year, &[]).unwrap();
    assert!(expected(&forecast, 2) < 115.0);
}

#[test]
fn a_quarter_is_not_told_before_a_year_is_known() {
    let weeks = known((0..51).map(|_| 10.0));
    let forecast = choose(&weeks, &[]).unwrap();
    assert_eq!(forecast.horizons[2], None);
    assert_eq!(forecast.weeks.len(), 4);
    assert!(forecast.horizons[1].is_some());
    assert_eq!(choose(&weeks[..11], &[]), None);
    assert!(choose(&weeks[..12], &[]).is_some());
}

#[test]
fn a_start_in_the_middle_begins_the_history() {
    let mut weeks = vec![Some(0.0); 40];
    weeks.extend(known((0..11).map(|_| 20.0)));
    assert_eq!(choose(&weeks, &[]), None);
    weeks.push(Some(20.0));
    let forecast = choose(&weeks, &[]).unwrap();
    assert_eq!(forecast.known_weeks, 12);
    assert_eq!(expected(&forecast, 0), 20.0);
}

#[test]
fn after_a_change_of_level_the_old_one_counts_no_more() {
    let mut noise = noise(2);
    let mut weeks = known((0..60).map(|_| 100.0 + 10.0 * noise()));
    weeks.extend(known((0..6).map(|_| 200.0 + 10.0 * noise())));
    let told = choose(&weeks, &[]).unwrap();
    assert_eq!(told.level_since, Some(60));
    assert!((expected(&told, 1) - 200.0).abs() < 10.0);
    // Nor where two years are known: last year is then scaled to the new level.
    let mut weeks = known((0..110).map(|_| 100.0 + 10.0 * noise()));
    weeks.extend(known((0..6).map(|_| 60.0 + 6.0 * noise())));
    let told = choose(&weeks, &[]).unwrap();
    assert_eq!(told.level_since, Some(110));
    assert!((expected(&told, 2) - 60.0).abs() < 6.0, "{told:?}");
}

/// Tickets follow the population at once: a population that grows for sure is the better way.
#[test]
fn the_way_through_the_population_is_taken_where_it_is_better() {
    let mut noise = noise(3);
    let population: Vec<f64> = (0..120)
        .map(|week| 1000.0 * (1.0 + 0.5 * (f64::from(week) * std::f64::consts::TAU / 52.0).sin()))
        .collect();
    let mut rate = 0.05;
    let tickets = known(population.iter().map(|population| {
        rate *= 1.0 + 0.02 * noise();
        rate * population
    }));
    let population = known(population);
    let population = PopulationPast {
        weeks: &population,
        is_stock: false,
    };
    let forecast = choose(&tickets, &[population]).unwrap();
    assert_eq!(forecast.method, Method::RateAndPopulation);
    assert_eq!(forecast.population, Some(0));
}

/// 10 000 users and 100 more each week: by hand, 13 weeks after the running one.
#[test]
fn a_stock_goes_on_from_where_it_stands() {
    let mut weeks = known((0..60).map(|week| 10_000.0 + 100.0 * f64::from(week)));
    let stock = |weeks: &[Option<f64>]| {
        expect_population(PopulationPast {
            weeks,
            is_stock: true,
        })
        .unwrap()
    };
    let forecast = stock(&weeks);
    assert_eq!(forecast.method, Method::Direct);
    assert!((forecast.weeks[12].expected - 17_300.0).abs() < 1e-6);
    // A reading that is missing at the end is a week gone by all the same.
    weeks.push(None);
    let later = stock(&weeks);
    assert!((later.weeks[11].expected - 17_300.0).abs() < 1e-6);
    // A stock that stands still stays, one that shrinks goes on shrinking.
    let still = stock(&known((0..60).map(|_| 500.0)));
    assert_eq!(still.weeks[12].expected, 500.0);
    let shrinking = stock(&known((0..60).map(|week| 1000.0 - 10.0 * f64::from(week))));
    assert!((shrinking.weeks[3].expected - 360.0).abs() < 1e-6);
}

#[test]
fn growth_goes_on() {
    let weeks = known((0..208).map(|week| 100.0 * 1.005_f64.powi(week)));
    let forecast = choose(&weeks, &[]).unwrap();
    let last = 100.0 * 1.005_f64.powi(207);
    assert!(expected(&forecast, 2) > last);
}

proptest! {
    /// Twice the tickets in every week, twice the forecast.
    #[test]
    fn scales_with_the_tickets(weeks in proptest::collection::vec(proptest::option::weighted(0.9, 0_u32..200), 0..150)) {
        let once: Vec<_> = weeks.iter().map(|week| week.map(f64::from)).collect();
        let twice: Vec<_> = once.iter().map(|week| week.map(|value| 2.0 * value)).collect();
        match (choose(&once, &[]), choose(&twice, &[])) {
            (None, None) => {}
            (Some(once), Some(twice)) => {
                prop_assert_eq!(once.method, twice.method);
                for (a, b) in once.weeks.iter().zip(&twice.weeks) {
                    prop_assert!((2.0 * a.expected - b.expected).abs() <= 1e-9 * b.expected.max(1.0));
                }
            }
            _ => prop_assert!(false),
        }
    }

    /// Numbers are finite and in order, whatever the history.
    #[test]
    fn never_lies_by_form(weeks in proptest::collection::vec(proptest::option::of(-1.0e6_f64..1.0e12), 0..150), population in proptest::collection::vec(proptest::option::of(-1.0_f64..1.0e12), 0..150), is_stock: bool) {
        if let Some(forecast) = choose(&weeks, &[PopulationPast { weeks: &population, is_stock }]) {
            for band in forecast.weeks.iter().chain(forecast.horizons.iter().flatten()) {
                prop_assert!(band.expected.is_finite() && band.expected >= 0.0);
                if let Some((lower, upper)) = band.bounds {
                    prop_assert!(0.0 <= lower && lower <= band.expected && band.expected <= upper && upper.is_finite());
                }
            }
        }
    }
}
