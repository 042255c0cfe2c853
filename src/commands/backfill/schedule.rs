//! Which questions to a ticket source a span needs, each once, in the order in which steps need them.

use jiff::{SignedDuration, Timestamp};

use super::{
    intervals::{Intervals, Pair},
    span::Span,
};
use crate::{
    config::Config,
    domain::{DAY_SECONDS, Interval, Window, days_before},
    sources::capabilities::MOST_DAYS,
};

/// What the ticket source can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All counts of an interval in one answer.
    AllCounts {
        /// Whether it has created tickets; else the series by day does.
        created: bool,
        /// Whether it has messages received; else their own series does.
        messages: bool,
    },
    /// Created tickets only, counted by themselves.
    CreatedOnly,
}

impl Mode {
    /// All of them, as Help Scout's answers were recorded.
    pub const RECORDED: Self = Self::AllCounts {
        created: true,
        messages: true,
    };
}

/// One question about one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// All counts.
    Counts(Pair),
    /// Ratings.
    Ratings(Pair),
    /// Tickets created by day, over 1 to 60 days.
    CreatedByDay(Interval),
    /// Messages received by day, over 1 to 60 days.
    MessagesByDay(Interval),
    /// Messages received in an interval that is not made of days.
    Messages(Interval),
    /// Tickets created, where the source can tell nothing else.
    Created(Interval),
}

/// How one window is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// As the sum of intervals of one step.
    Sum,
    /// For itself, in calls that two adjacent ones share.
    Own(Intervals),
    /// For itself, being no whole number of steps: with the window before it in one call.
    Odd,
}

/// How every window is read from one kind of answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// One per window.
    pub how: Vec<How>,
    /// The intervals of one step, if any window is their sum.
    pub units: Option<Intervals>,
    with_previous: bool,
    paired: bool,
}

impl Layout {
    /// The layout with the fewest calls. Windows are sums of steps where they can be, but a span of
    /// few steps reads long windows for themselves, rather than all the steps before it.
    /// `own` reads for themselves all that are longer than a step.
    fn new(span: &Span, windows: &[Window], with_previous: bool, paired: bool, own: bool) -> Self {
        let steps_of = |window: &Window| {
            (window.seconds() % span.step() == 0).then(|| window.seconds() / span.step())
        };
        // 0 makes no sum at all.
        let mut candidates: Vec<i64> = windows.iter().filter_map(steps_of).collect();
        candidates.push(0);
        candidates.retain(|length| !own || *length <= 1);
        let layout = |longest_sum: i64| {
            let how = windows.iter().map(|window| match steps_of(window) {
                None => How::Odd,
                Some(length) if length <= longest_sum => How::Sum,
                Some(length) => How::Own(Intervals::windows(span, length, with_previous)),
            });
            Self {
                how: how.collect(),
                units: (longest_sum > 0)
                    .then(|| Intervals::units(span, longest_sum, with_previous)),
                with_previous,
                paired,
            }
        };
        // On a tie the most sums: their intervals serve other spans as well.
        candidates.sort_unstable_by(|one, other| other.cmp(one));
        candidates
            .into_iter()
            .map(layout)
            .min_by_key(|layout| layout.cost(span))
            .unwrap_or_else(|| layout(0))
    }

    fn all_intervals(&self) -> impl Iterator<Item = &Intervals> {
        let own = self.how.iter().filter_map(|how| match how {
            How::Own(intervals) => Some(intervals),
            How::Sum | How::Odd => None,
        });
        self.units.iter().chain(own)
    }

    fn cost(&self, span: &Span) -> usize {
        self.all_intervals()
            .map(|intervals| intervals.count(span, self.paired))
            .sum()
    }

    fn calls(&self, span: &Span, windows: &[Window], step: i64) -> Vec<Pair> {
        let mut calls: Vec<Pair> = self
            .all_intervals()
            .flat_map(|intervals| intervals.calls(span, step, self.paired))
            .collect();
        let end = span.end(step);
        for (how, window) in self.how.iter().zip(windows) {
            if *how != How::Odd {
                continue;
            }
            let (later, earlier) = (window.current(end), window.previous(end));
            let alone = |later| Pair {
                later,
                earlier: None,
            };
            match (self.with_previous, self.paired) {
                (false, _) => calls.push(alone(later)),
                (true, true) => calls.push(Pair {
                    later,
                    earlier: Some(earlier),
                }),
                (true, false) => calls.extend([alone(earlier), alone(later)]),
            }
        }
        calls
    }
}

/// Days that are read as series by day, for every time of day at which steps end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days {
    /// How many days before its end a step needs.
    back: i64,
    /// Steps from one with the same time of day to the next.
    stride: i64,
}

impl Days {
    fn calls(&self, span: &Span, step: i64) -> Vec<Interval> {
        // The first step with this time of day, and the last one.
        let first = step % self.stride;
        let last = first + (span.steps() - 1 - first) / self.stride * self.stride;
        let start = span.end(first).as_second() - self.back * DAY_SECONDS;
        let day =
            |index: i64| Timestamp::from_second(start + index * DAY_SECONDS).unwrap_or_default();
        let days_to = |end: Timestamp| (end.as_second() - start) / DAY_SECONDS;
        let all = days_to(span.end(last));
        let known = if step == first {
            0
        } else {
            days_to(span.end(step - self.stride))
        };
        let now = days_to(span.end(step));
        // Whole calls of 60 days.
        let next = (known + MOST_DAYS - 1) / MOST_DAYS;
        let end = (now + MOST_DAYS - 1) / MOST_DAYS;
        (next..end)
            .map(|number| number * MOST_DAYS)
            .map(|block| Interval {
                start: day(block),
                end: day((block + MOST_DAYS).min(all)),
            })
            .collect()
    }
}

/// All questions of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    span: Span,
    mode: Mode,
    windows: Vec<Window>,
    /// How counts are read.
    pub counts: Layout,
    /// How ratings are read, if they are.
    pub ratings: Option<Layout>,
    created_days: Option<Days>,
    message_days: Option<Days>,
}

impl Schedule {
    /// The calls that `config` needs over `span`. With `means` every window is read for itself.
    pub fn new(config: &Config, span: Span, mode: Mode, means: bool) -> Self {
        let windows = config.windows.clone();
        let all_counts = mode != Mode::CreatedOnly;
        let counts = Layout::new(&span, &windows, true, all_counts, means && all_counts);
        let ratings = (all_counts && config.asks_for_ratings())
            .then(|| Layout::new(&span, &windows, false, true, false));
        let stride = DAY_SECONDS / greatest_common_divisor(span.step(), DAY_SECONDS);
        let days = |back: i64| Days { back, stride };
        let (created_days, message_days) = match mode {
            Mode::CreatedOnly => (None, None),
            Mode::AllCounts { messages, .. } => {
                // As the daemon reads them, so that nothing rests on days that it would not trust.
                let created = days_before(span.end(0)).seconds() / DAY_SECONDS;
                let longest = windows.iter().filter_map(Window::days).max();
                let longest = longest.filter(|_| !messages);
                let longest = longest.and_then(|longest| i64::try_from(longest).ok());
                (Some(days(created)), longest.map(days))
            }
        };
        Self {
            span,
            mode,
            windows,
            counts,
            ratings,
            created_days,
            message_days,
        }
    }

    /// The instants.
    pub const fn span(&self) -> &Span {
        &self.span
    }

    /// How tickets are counted.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The first interval that is read: what is known of it tells how the account counts.
    pub fn first(&self) -> Option<Pair> {
        self.counts
            .calls(&self.span, &self.windows, 0)
            .first()
            .copied()
    }

    /// The calls per segment that are first needed at `step`.
    pub fn calls(&self, step: i64) -> Vec<Call> {
        let Self { span, windows, .. } = self;
        let counts = self.counts.calls(span, windows, step);
        if self.mode == Mode::CreatedOnly {
            return counts
                .into_iter()
                .flat_map(Pair::intervals)
                .map(Call::Created)
                .collect();
        }
        let mut calls: Vec<Call> = counts.into_iter().map(Call::Counts).collect();
        if let Some(ratings) = &self.ratings {
            let ratings = ratings.calls(span, windows, step);
            calls.extend(ratings.into_iter().map(Call::Ratings));
        }
        if let Some(days) = &self.created_days {
            calls.extend(days.calls(span, step).into_iter().map(Call::CreatedByDay));
        }
        if let Some(days) = &self.message_days {
            calls.extend(days.calls(span, step).into_iter().map(Call::MessagesByDay));
        }
        if matches!(
            self.mode,
            Mode::AllCounts {
                messages: false,
                ..
            }
        ) {
            let odd = windows.iter().filter(|window| window.days().is_none());
            let end = span.end(step);
            calls.extend(odd.map(|window| Call::Messages(window.current(end))));
        }
        calls
    }

    /// What ended before this instant is not needed at `step` or later.
    pub fn horizon(&self, step: i64) -> Timestamp {
        let back = SignedDuration::from_secs(horizon(&self.windows));
        let end = self.span.end(step);
        end.checked_sub(back).unwrap_or(Timestamp::MIN)
    }
}

/// Seconds before its end that a step looks back: twice the longest window, or the 56 days of the
/// dispersion, or the longest baseline.
fn horizon(windows: &[Window]) -> i64 {
    let baseline = |window: &Window| {
        let end = Timestamp::UNIX_EPOCH;
        let starts = window.baseline(end).intervals.into_iter();
        starts.map(|interval| -interval.start.as_second()).max()
    };
    windows
        .iter()
        .flat_map(|window| baseline(window).into_iter().chain([2 * window.seconds()]))
        .max()
        .unwrap_or(0)
        .max(days_before(Timestamp::UNIX_EPOCH).seconds())
}

fn greatest_common_divisor(one: i64, other: i64) -> i64 {
    if other == 0 {
        one
    } else {
        greatest_common_divisor(other, one % other)
    }
}
