//! Seeded draws, and counts of arrivals by the hour.

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::calendar::HOUR;

/// What is drawn. Each has a random stream of its own, so that no draw moves another.
#[derive(Clone, Copy)]
pub(super) enum Draw {
    Users = 1,
    Dossiers = 2,
    TicketCounts = 3,
    TicketLives = 4,
    HelpVisits = 5,
    HelpSearches = 6,
    HelpFailures = 7,
    HelpMessages = 8,
    HelpArticles = 9,
}

/// More words of the stream than the life of one ticket can use.
const WORDS_PER_TICKET: u128 = 1 << 9;
/// More words of the stream than all tickets of one hour use.
const WORDS_PER_HOUR: u128 = 1 << 18;
/// Makes positions in the stream positive for any hour of the story.
const HOUR_OFFSET: i64 = 1 << 32;

/// The generator for one of the arrivals of an hour, which is counted from the anchor. Since
/// neither the stream nor the position in it depends on the date, a story has the same noise on
/// whatever day it is told.
pub(super) fn generator(seed: u64, draw: Draw, hour: i64, index: u32) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(draw as u64);
    let hour = u128::try_from(hour + HOUR_OFFSET).unwrap_or_default();
    generator.set_word_pos(hour * WORDS_PER_HOUR + u128::from(index) * WORDS_PER_TICKET);
    generator
}

/// How many arrive in each hour: one Poisson draw per hour, by inversion, so that a larger mean
/// never gives fewer for the same noise.
pub(super) fn hourly_counts(
    seed: u64,
    draw: Draw,
    hours: Range<i64>,
    mean: impl Fn(i64) -> f64,
) -> Vec<u32> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(draw as u64);
    // Two words for each draw: one after the other from here on, as if each hour were sought.
    let first = u128::try_from(hours.start + HOUR_OFFSET).unwrap_or_default();
    generator.set_word_pos(2 * first);
    hours
        .map(|hour| poisson(mean(hour), generator.random()))
        .collect()
}

/// The smallest count whose cumulative Poisson probability reaches `quantile`.
fn poisson(mean: f64, quantile: f64) -> u32 {
    let mut probability = (-mean).exp();
    let mut cumulative = probability;
    let mut count = 0;
    // The second condition ends the loop where rounding keeps the sum just under a quantile of 1.
    while cumulative < quantile && (probability > 0.0 && count < 10_000) {
        count += 1;
        probability *= mean / f64::from(count);
        cumulative += probability;
    }
    count
}

/// Arrivals of which only the instant matters. Those of an hour are spread evenly over it, so that
/// an hour is one number and any interval is counted without listing them.
pub(super) struct Arrivals {
    /// Hours from 1970 to the first one.
    first_hour: i64,
    /// Arrivals before each hour, and last those before the end.
    before: Vec<u64>,
}

impl Arrivals {
    pub(super) fn new(first_hour: i64, counts: &[u32]) -> Self {
        let mut total = 0;
        let mut before = Vec::with_capacity(counts.len() + 1);
        before.push(0);
        for count in counts {
            total += u64::from(*count);
            before.push(total);
        }
        Self { first_hour, before }
    }

    /// Arrivals strictly before an instant.
    pub(super) fn before(&self, instant: i64) -> u64 {
        let Ok(index) = usize::try_from(instant.div_euclid(HOUR) - self.first_hour) else {
            return 0;
        };
        let all = self.before.last().copied().unwrap_or_default();
        let earlier = self.before.get(index).copied().unwrap_or(all);
        let next = self.before.get(index + 1).copied().unwrap_or(all);
        let second = u64::try_from(instant.rem_euclid(HOUR)).unwrap_or_default();
        // As many as there are `i` with `offset(i, n) < second`.
        earlier + (second * (next - earlier) + 1_799) / 3_600
    }

    /// Start of each hour, in seconds from 1970, and how many arrive in it.
    pub(super) fn hours(&self) -> impl Iterator<Item = (i64, u64)> {
        self.before
            .iter()
            .zip(self.before.iter().skip(1))
            .zip(self.first_hour..)
            .map(|((before, next), hour)| (hour * HOUR, next - before))
    }

    /// Seconds from the start of its hour to the `index`th of `count` arrivals.
    pub(super) const fn offset(index: u64, count: u64) -> u64 {
        (2 * index + 1) * 1_800 / count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn poisson_draws_follow_the_distribution_and_the_mean() {
        // Cumulative probabilities of mean 2: 0.1353, 0.4060, 0.6767, 0.8571, …
        for (quantile, expected) in [(0.13, 0), (0.14, 1), (0.40, 1), (0.41, 2), (0.86, 4)] {
            assert_eq!(poisson(2.0, quantile), expected, "{quantile}");
        }
        assert_eq!(poisson(0.0, 0.999), 0);
        assert!(poisson(150.0, 1.0) < 500, "ends even at 1");
    }

    #[test]
    fn the_noise_of_an_hour_does_not_depend_on_where_one_starts() {
        let all = hourly_counts(7, Draw::Dossiers, -100..50, |_| 20.0);
        let some = hourly_counts(7, Draw::Dossiers, -10..5, |_| 20.0);
        assert_eq!(all[90..105], some);
    }

    proptest! {
        #[test]
        fn counting_is_the_same_as_listing(
            counts in prop::collection::vec(0_u32..5_000, 1..6),
            second in -4_000_i64..30_000,
        ) {
            let arrivals = Arrivals::new(0, &counts);
            let listed = arrivals
                .hours()
                .flat_map(|(start, count)| {
                    (0..count).map(move |index| {
                        start + i64::try_from(Arrivals::offset(index, count)).unwrap()
                    })
                })
                .filter(|instant| *instant < second)
                .count();
            prop_assert_eq!(arrivals.before(second), listed as u64);
        }
    }
}
