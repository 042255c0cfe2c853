//! The help centre: who visits it, how visits begin and how they end.

use std::ops::Range;

use jiff::Timestamp;

use super::{
    Story,
    arrivals::{Arrivals, Draw, hourly_counts},
    plot::Plot,
};

/// Sites of the help centre by id, and which share of the visits each has.
pub const HELP_SITES: [(&str, f64); 2] = [
    ("5244c0000000000000000001", 0.7),
    ("5244c0000000000000000002", 0.3),
];

const ARTICLES_PER_VISIT: f64 = 1.4;

/// Visits of the help centre in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HelpVisits {
    /// Visitors.
    pub visitors: u64,
    /// Those who began with a search; the others browsed.
    pub searched: u64,
    /// Those whose search failed.
    pub failed: u64,
    /// Those who wrote a message; the rest found an answer.
    pub contacted: u64,
    /// Articles read.
    pub articles: u64,
}

/// What happens on one site.
pub(super) struct Site {
    visitors: Arrivals,
    searched: Arrivals,
    failed: Arrivals,
    contacted: Arrivals,
    articles: Arrivals,
}

impl Site {
    fn new(plot: &Plot, seed: u64, hours: &Range<i64>, first_hour: i64, share: f64) -> Self {
        let arrivals = |draw, part: &dyn Fn(i64) -> f64| {
            let mean = |hour| share * plot.help_visits(hour) * part(hour);
            Arrivals::new(first_hour, &hourly_counts(seed, draw, hours.clone(), mean))
        };
        Self {
            visitors: arrivals(Draw::HelpVisits, &|_| 1.0),
            searched: arrivals(Draw::HelpSearches, &|hour| plot.help_moods(hour).searched),
            failed: arrivals(Draw::HelpFailures, &|hour| plot.help_moods(hour).failed),
            contacted: arrivals(Draw::HelpMessages, &|hour| plot.help_moods(hour).contacted),
            articles: arrivals(Draw::HelpArticles, &|_| ARTICLES_PER_VISIT),
        }
    }
}

impl Story {
    /// Visits in `[start, end)` of some of [`HELP_SITES`] by index; none means all.
    pub fn help_visits(&self, sites: &[usize], start: Timestamp, end: Timestamp) -> HelpVisits {
        let mut visits = HelpVisits::default();
        for (index, site) in self.help_sites().iter().enumerate() {
            if !sites.is_empty() && !sites.contains(&index) {
                continue;
            }
            let count = |arrivals: &Arrivals| {
                let before = arrivals.before(start.as_second());
                arrivals.before(end.as_second()).saturating_sub(before)
            };
            let visitors = count(&site.visitors);
            let failed = count(&site.failed).min(visitors);
            visits.visitors += visitors;
            visits.searched += count(&site.searched).min(visitors);
            visits.failed += failed;
            visits.contacted += count(&site.contacted).min(visitors - failed);
            visits.articles += count(&site.articles);
        }
        visits
    }

    /// Drawn when first asked for: most stories are told without.
    fn help_sites(&self) -> &[Site] {
        self.help_sites.get_or_init(|| {
            let plot = Plot::new(self.scenario, self.anchor_hour);
            let first_hour = self.anchor_hour + self.hours.start;
            let sites = (0..).zip(HELP_SITES);
            sites
                .map(|(number, (_, share))| {
                    let seed = self.seed.wrapping_add(number);
                    Site::new(&plot, seed, &self.hours, first_hour, share)
                })
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{
        super::{DEFAULT_SEED, MONDAY, RECENT_HOURS, Scenario},
        *,
    };

    fn days(count: i64) -> SignedDuration {
        SignedDuration::from_hours(24 * count)
    }

    #[test]
    fn sites_add_up_and_so_do_intervals() {
        let story = Story::of_hours(Scenario::Steady, DEFAULT_SEED, MONDAY, RECENT_HOURS);
        let end = story.anchor();
        let of = |sites: &[usize], start: i64, stop: i64| {
            story.help_visits(sites, end + days(start), end + days(stop))
        };
        let all = of(&[], -28, 0);
        let parts = [of(&[0], -28, 0), of(&[1], -28, 0)];
        assert_eq!(all.visitors, parts[0].visitors + parts[1].visitors);
        assert!(parts[0].visitors > parts[1].visitors);
        assert_eq!(all.articles, parts[0].articles + parts[1].articles);
        assert_eq!(
            all.visitors,
            of(&[], -28, -7).visitors + of(&[], -7, 0).visitors
        );
        assert!((30_000..42_000).contains(&all.visitors), "{all:?}");
        assert!(all.failed + all.contacted < all.visitors);
        assert_eq!(of(&[], 1_000, 1_007), HelpVisits::default());
    }

    /// Share of visits that failed or ended in a message, before and now.
    #[test]
    fn each_scenario_shows_in_the_help_centre() {
        for (scenario, more, fewer) in [
            (Scenario::Steady, 1.1, 0.9),
            (Scenario::Incident, 2.2, 1.4),
            (Scenario::Improvement, 0.8, 0.5),
        ] {
            let story = Story::of_hours(scenario, DEFAULT_SEED, MONDAY, RECENT_HOURS);
            let end = story.anchor();
            let share = |start: i64, stop: i64| {
                let visits = story.help_visits(&[], end + days(start), end + days(stop));
                (visits.failed + visits.contacted) as f64 / visits.visitors as f64
            };
            let change = share(-2, 0) / share(-50, -30);
            assert!((fewer..more).contains(&change), "{scenario} {change}");
        }
    }
}
