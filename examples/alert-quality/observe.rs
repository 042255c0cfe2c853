//! What `/metrics` would say at one instant: simulated counts, the exporter's own formulas.

use contact_rate_exporter::domain::{DAYS, Exposure, Window, dispersion, rate, rise_p_value};
use jiff::Timestamp;

use crate::simulate::{DAY, Timeline};

/// A window that some rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    Day,
    ThreeDays,
    Week,
    Fortnight,
    FourWeeks,
}

impl Span {
    /// All five, shortest first.
    pub const ALL: [Self; 5] = [
        Self::Day,
        Self::ThreeDays,
        Self::Week,
        Self::Fortnight,
        Self::FourWeeks,
    ];

    /// As configured.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::ThreeDays => "3d",
            Self::Week => "7d",
            Self::Fortnight => "14d",
            Self::FourWeeks => "28d",
        }
    }
}

/// How the p-value is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// As specified, and as the exporter does.
    Specified,
    /// Proposal: `φ` from the 56 days, midnight to midnight, that end a week ago; so neither the
    /// rise itself nor the hour of the day moves it.
    EarlierDispersion,
    /// Proposal: that, and a total population read in the middle of each baseline interval, not at `end − w`.
    EarlierDispersionMiddleStock,
}

impl Statistic {
    /// All three.
    pub const ALL: [Self; 3] = [
        Self::Specified,
        Self::EarlierDispersion,
        Self::EarlierDispersionMiddleStock,
    ];
}

/// Days of history that an observation looks back at: 56 daily counts that ended up to 8 days ago.
pub const HISTORY_DAYS: usize = DAYS + 8;

/// One window's contact rate with what it is judged by; absent where the exporter has no series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Assessed {
    pub rate: Option<f64>,
    pub baseline: Option<f64>,
    /// By [`Statistic`].
    pub p_values: [Option<f64>; Statistic::ALL.len()],
}

impl Assessed {
    /// Whether the rate is at least `factor` times its baseline.
    pub fn is_at_least(&self, factor: f64) -> bool {
        self.rate
            .zip(self.baseline)
            .is_some_and(|(rate, baseline)| rate >= factor * baseline)
    }

    /// The p-value of a rise.
    pub const fn p_value(&self, statistic: Statistic) -> Option<f64> {
        self.p_values[statistic as usize]
    }
}

/// All that a rule can see at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observation {
    spans: [Assessed; Span::ALL.len()],
    /// `contact_rate_previous_ratio` of 7d.
    pub previous_week: Option<f64>,
}

impl Observation {
    /// What is said about one window.
    pub const fn of(&self, span: Span) -> &Assessed {
        &self.spans[span as usize]
    }

    /// The same with something else said about one window.
    #[cfg(test)]
    pub const fn with(mut self, span: Span, assessed: Assessed) -> Self {
        self.spans[span as usize] = assessed;
        self
    }
}

/// Looks at timelines of one step.
pub struct Observer {
    layouts: Vec<Layout>,
    per_day: usize,
}

/// Where a window and its baseline lie, in edges before `end`. The same for every `end`.
struct Layout {
    length: usize,
    baseline: Vec<(usize, usize)>,
}

impl Observer {
    /// An observer of timelines with an edge every `step` minutes.
    pub fn new(step: usize) -> Self {
        let end = Timestamp::UNIX_EPOCH;
        let edges = |instant: Timestamp| {
            let minutes = end.duration_since(instant).as_mins();
            usize::try_from(minutes).unwrap_or_default() / step
        };
        let layouts = Span::ALL
            .iter()
            .filter_map(|span| Window::parse(span.name()))
            .map(|window| Layout {
                length: edges(window.current(end).start),
                baseline: window
                    .baseline(end)
                    .intervals
                    .iter()
                    .map(|interval| (edges(interval.start), edges(interval.end)))
                    .collect(),
            })
            .collect();
        Self {
            layouts,
            per_day: DAY / step,
        }
    }

    /// What the exporter would say at edge `end`, at least [`HISTORY_DAYS`] from the start.
    pub fn observe(&self, timeline: &Timeline, end: usize) -> Observation {
        let now = self.dispersion(timeline, end);
        let a_week_ago = end / self.per_day * self.per_day - 7 * self.per_day;
        let earlier = self.dispersion(timeline, a_week_ago);
        let mut observation = Observation::default();
        for (assessed, layout) in observation.spans.iter_mut().zip(&self.layouts) {
            let [current, baseline, by_middle] = self.exposures(timeline, layout, end);
            *assessed = Assessed {
                rate: rate(current.tickets, current.population),
                baseline: rate(baseline.tickets, baseline.population),
                p_values: [
                    rise_p_value(current, baseline, now),
                    rise_p_value(current, baseline, earlier),
                    rise_p_value(current, by_middle, earlier),
                ],
            };
        }
        let week = 7 * self.per_day;
        let previous = self.exposure(timeline, (end - 2 * week, end - week), week, end - week);
        observation.previous_week = rate(previous.tickets, previous.population);
        observation
    }

    /// `φ` of the 56 days that end at an edge.
    fn dispersion(&self, timeline: &Timeline, end: usize) -> f64 {
        let first = end - DAYS * self.per_day;
        dispersion(&std::array::from_fn::<u64, DAYS, _>(|day| {
            let start = first + day * self.per_day;
            timeline.created(start, start + self.per_day)
        }))
    }

    /// The window, its baseline, and the baseline by stocks in the middle of its intervals.
    fn exposures(&self, timeline: &Timeline, layout: &Layout, end: usize) -> [Exposure; 3] {
        let Layout { length, .. } = *layout;
        let current = self.exposure(timeline, (end - length, end), length, end);
        let none = Exposure {
            tickets: 0,
            population: 0.0,
        };
        layout.baseline.iter().fold(
            [current, none, none],
            |[current, mut baseline, mut by_middle], &(from, to)| {
                let interval = (end - from, end - to);
                let middle = end - usize::midpoint(from, to);
                for (sum, read_at) in [(&mut baseline, end - length), (&mut by_middle, middle)] {
                    let part = self.exposure(timeline, interval, length, read_at);
                    sum.tickets += part.tickets;
                    sum.population += part.population;
                }
                [current, baseline, by_middle]
            },
        )
    }

    fn exposure(
        &self,
        timeline: &Timeline,
        (from, to): (usize, usize),
        length: usize,
        read_at: usize,
    ) -> Exposure {
        Exposure {
            tickets: timeline.created(from, to),
            population: timeline.population.exposure(
                (timeline.day(from), timeline.day(to)),
                length as f64 / self.per_day as f64,
                timeline.day(read_at),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use contact_rate_exporter::domain::{DailyCounts, Evidence, Tickets, assess, confirm};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::simulate::{Population, Traffic};

    const SECONDS_PER_DAY: i64 = 86_400;

    /// What the study says is what the exporter would publish from the same daily counts.
    #[test]
    fn says_what_the_exporter_says() {
        for population in [Population::Steady, Population::GrowingTotal] {
            let traffic = Traffic {
                weekly: 50.0,
                variation: 0.3,
                population,
            };
            let mut random = ChaCha8Rng::seed_from_u64(3);
            let timeline = Timeline::draw(traffic, None, 0.0, 100, 60, &mut random);
            let observer = Observer::new(60);
            for day in [HISTORY_DAYS, 80, 99] {
                let edge = day * 24;
                let observation = observer.observe(&timeline, edge);
                for span in Span::ALL {
                    let expected = published(&timeline, day, span.name());
                    let actual = observation.of(span);
                    assert_eq!(actual.rate, Some(expected.ratio));
                    assert_eq!(actual.baseline, expected.baseline);
                    assert_eq!(actual.p_value(Statistic::Specified), expected.rise_p_value);
                    if span == Span::Week {
                        assert_eq!(observation.previous_week, expected.previous);
                    }
                }
            }
        }
    }

    /// As the refresh does: windows and daily counts by instants, stocks at `end` and `end − w`.
    fn published(
        timeline: &Timeline,
        day: usize,
        window: &str,
    ) -> contact_rate_exporter::domain::Assessment {
        let end = Timestamp::from_second(i64::try_from(day).unwrap() * SECONDS_PER_DAY).unwrap();
        let counts = (0..DAYS).map(|index| {
            let start = (day - DAYS + index) * 24;
            Some(timeline.created(start, start + 24))
        });
        let daily = DailyCounts::ending_at(end, counts.collect());
        let daily = confirm(&daily, &[(Window::parse("1h").unwrap().current(end), None)]).unwrap();
        let window = Window::parse(window).unwrap();
        let created = |interval| daily.created_in(interval).unwrap();
        let stock = |instant: Timestamp| {
            timeline
                .population
                .size(instant.as_second() as f64 / SECONDS_PER_DAY as f64)
        };
        let baseline = window.baseline(end);
        let start = window.current(end).start;
        assess(&Evidence {
            tickets: Tickets::Created,
            count: created(window.current(end)),
            population: stock(end),
            previous_count: Some(created(window.previous(end))),
            previous_population: Some(stock(start)),
            dispersion: daily.dispersion(),
            baseline: Some(Exposure {
                tickets: baseline.intervals.iter().map(|&one| created(one)).sum(),
                population: f64::from(baseline.windows) * stock(start),
            }),
        })
        .unwrap()
    }

    /// By hand: the Monday of a growing flow, against its four Mondays before.
    #[test]
    fn a_flow_is_counted_over_its_own_intervals() {
        let traffic = Traffic {
            weekly: 500.0,
            variation: 0.0,
            population: Population::GrowingFlow,
        };
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let timeline = Timeline::draw(traffic, None, 0.0, 72, 60, &mut random);
        let observation = Observer::new(60).observe(&timeline, 71 * 24);
        let monday = |day: usize| {
            let middle = timeline.population.size(day as f64 + 0.5);
            (timeline.created(day * 24, day * 24 + 24) as f64, middle)
        };
        let (tickets, population) = monday(70);
        let (before, populations) = [63, 56, 49, 42]
            .map(monday)
            .into_iter()
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let day = observation.of(Span::Day);
        assert!((day.rate.unwrap() / (tickets / population) - 1.0).abs() < 1e-6);
        assert!((day.baseline.unwrap() / (before / populations) - 1.0).abs() < 1e-6);
    }
}
