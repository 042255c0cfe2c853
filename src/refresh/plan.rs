//! What a refresh reads: which intervals of which population, and how many calls.

use jiff::Timestamp;

use crate::{
    config::{Config, CountsFrom, Population, PopulationKind},
    domain::{ConfirmedDays, Exposure, Interval, Window},
};

/// The longest window whose baseline is made of daily counts.
const LONGEST_WINDOW_OF_DAYS: usize = 28;

/// The intervals of a population that one window needs.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationUse {
    /// For `u`.
    pub current: Interval,
    /// For `u₀`; `None` when the population has no known past.
    pub previous: Option<Interval>,
    /// For `u_b`: the sum of these, each taken `times`.
    pub baseline: Option<BaselineUse>,
}

/// The intervals whose populations make `u_b`.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineUse {
    /// The intervals.
    pub intervals: Vec<Interval>,
    /// How often each counts: `k` for a stock, once for a flow.
    pub times: f64,
}

impl PopulationUse {
    /// What `window` needs of `population`. `with_baseline` is false where daily counts are not
    /// read, so that no query is made for nothing.
    pub fn new(
        population: &Population,
        window: &Window,
        end: Timestamp,
        with_baseline: bool,
    ) -> Self {
        let has_past = population.has_past();
        let with_baseline = with_baseline && has_past && has_baseline(window);
        match population.kind {
            PopulationKind::Total => {
                let before = instant(window.current(end).start);
                Self {
                    current: instant(end),
                    previous: has_past.then_some(before),
                    baseline: with_baseline.then(|| BaselineUse {
                        intervals: vec![before],
                        times: f64::from(window.baseline(end).windows),
                    }),
                }
            }
            PopulationKind::Window => Self {
                current: window.current(end),
                previous: has_past.then(|| window.previous(end)),
                baseline: with_baseline.then(|| BaselineUse {
                    intervals: window.baseline(end).intervals,
                    times: 1.0,
                }),
            },
        }
    }
}

/// A stock is read at an instant: the empty interval that ends there.
fn instant(end: Timestamp) -> Interval {
    Interval { start: end, end }
}

/// Every interval of the population that the windows need, each once, in a stable order.
pub fn population_intervals(
    population: &Population,
    windows: &[Window],
    end: Timestamp,
    with_baseline: bool,
) -> Vec<Interval> {
    let mut intervals: Vec<Interval> = Vec::new();
    for window in windows {
        let uses = PopulationUse::new(population, window, end, with_baseline);
        let baseline = uses
            .baseline
            .into_iter()
            .flat_map(|baseline| baseline.intervals);
        for interval in [uses.current]
            .into_iter()
            .chain(uses.previous)
            .chain(baseline)
        {
            if !intervals.contains(&interval) {
                intervals.push(interval);
            }
        }
    }
    intervals
}

/// Whether the window's baseline can be known without calls of its own.
fn has_baseline(window: &Window) -> bool {
    is_made_of_days(window) || is_previous_window(window)
}

fn is_made_of_days(window: &Window) -> bool {
    window
        .days()
        .is_some_and(|days| days <= LONGEST_WINDOW_OF_DAYS)
}

/// With `k = 1` the baseline is the previous window.
fn is_previous_window(window: &Window) -> bool {
    window.baseline(Timestamp::UNIX_EPOCH).windows == 1
}

/// `t_b`: from the daily counts, or, where they do not reach and `k = 1`, the previous count.
pub fn baseline_tickets(
    window: &Window,
    end: Timestamp,
    daily: Option<&ConfirmedDays>,
    previous_created: Option<u64>,
) -> Option<u64> {
    if is_made_of_days(window) {
        return daily?.baseline_in(&window.baseline(end).intervals);
    }
    is_previous_window(window).then_some(previous_created?)
}

/// `t_b` and `u_b` together, when both are known.
pub fn baseline(tickets: Option<u64>, population: Option<f64>) -> Option<Exposure> {
    Some(Exposure {
        tickets: tickets?,
        population: population?,
    })
}

/// Help Scout calls of one refresh, when everything is answered as recorded.
///
/// `2·W·S + 3·S` with reports and ratings; without ratings `W·S` fewer. By search, six for every
/// window and segment that the list call can filter (three statuses, current and previous), and two
/// for its open tickets.
pub fn help_scout_calls(config: &Config, by_search: bool) -> usize {
    let windows = config.windows.len();
    let listable = config
        .segments
        .iter()
        .filter(|segment| segment.channels.is_empty())
        .count();
    let segments = config.segments.len();
    if by_search || config.helpscout.counts_from == CountsFrom::Search {
        return listable * (6 * windows + 2);
    }
    let happiness = usize::from(config.helpscout.happiness);
    segments * windows * (1 + happiness) + segments + 2 * listable
}
