//! What there is to do, and how far it is, in words.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::commands::progress::{Begin, Progress};

/// How often it is told.
const TICK: Duration = Duration::from_millis(250);

/// What there is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Requests to the ticket source.
    pub calls: usize,
    /// Readings of populations.
    pub queries: usize,
}

impl Work {
    const fn is_nothing(self) -> bool {
        self.all() == 0
    }

    const fn all(self) -> usize {
        self.calls + self.queries
    }
}

/// How much of the work is done.
pub struct Done {
    /// The name of the ticket source.
    source: &'static str,
    total: Work,
    calls: AtomicUsize,
    queries: AtomicUsize,
    started: Instant,
}

impl Done {
    /// Nothing of `total` yet, the calls of which go to `source`.
    pub fn new(source: &'static str, total: Work) -> Self {
        Self {
            source,
            total,
            calls: AtomicUsize::new(0),
            queries: AtomicUsize::new(0),
            started: Instant::now(),
        }
    }

    /// Another call was answered.
    pub fn called(&self, calls: usize) {
        self.calls.fetch_add(calls, Ordering::Relaxed);
    }

    /// Another population was read.
    pub fn queried(&self) {
        self.queries.fetch_add(1, Ordering::Relaxed);
    }

    fn so_far(&self) -> Work {
        Work {
            calls: self.calls.load(Ordering::Relaxed),
            queries: self.queries.load(Ordering::Relaxed),
        }
    }

    /// Shows it, for good: drop it when the work is done. `pace` tells how many calls a minute are
    /// made at most.
    pub async fn show(&self, pace: impl Fn() -> Option<u32>) {
        if self.total.is_nothing() {
            return std::future::pending().await;
        }
        let progress = Progress::new("backfill", Begin::AtOnce);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (total, done) = (self.total, self.so_far());
            let text = describe(self.source, total, done, self.started.elapsed(), pace());
            progress.show(done.all(), total.all(), &text);
        }
    }
}

/// How far, how fast, and how long still.
fn describe(source: &str, total: Work, done: Work, elapsed: Duration, pace: Option<u32>) -> String {
    let minutes = elapsed.as_secs_f64() / 60.0;
    let rate = |done: usize| {
        if minutes > 0.0 {
            done as f64 / minutes
        } else {
            0.0
        }
    };
    let left = |total: usize, done: usize| total.saturating_sub(done) as f64;
    // Calls go at the pace, where there is one; all else as fast as it went so far.
    let calls_left = match (pace, left(total.calls, done.calls)) {
        (Some(pace), left) => left * 60.0 / f64::from(pace.max(1)),
        (None, left) if left > 0.0 && done.calls > 0 => left * 60.0 / rate(done.calls),
        (None, _) => 0.0,
    };
    let queries_left = match left(total.queries, done.queries) {
        left if left > 0.0 && done.queries > 0 => left * 60.0 / rate(done.queries),
        _ => 0.0,
    };
    format!(
        "{} of {} {source} calls ({:.0} a minute), {} of {} population readings, about {} left",
        done.calls,
        total.calls,
        rate(done.calls),
        done.queries,
        total.queries,
        duration(calls_left.max(queries_left))
    )
}

/// Seconds in words, rounded up to what people care about.
pub fn duration(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative; the cast saturates"
    )]
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_tells_how_long_calls_take() {
        let total = Work {
            calls: 3000,
            queries: 900,
        };
        let done = Work {
            calls: 1000,
            queries: 850,
        };
        let text = describe(
            "Help Scout",
            total,
            done,
            Duration::from_mins(10),
            Some(100),
        );
        assert_eq!(
            text,
            "1000 of 3000 Help Scout calls (100 a minute), 850 of 900 population readings, about 20 min left"
        );
        let slow = Work {
            calls: 3000,
            queries: 85,
        };
        assert!(
            describe(
                "Help Scout",
                total,
                slow,
                Duration::from_mins(10),
                Some(100)
            )
            .ends_with("about 96 min left")
        );
        let start = describe(
            "Help Scout",
            total,
            Work::default(),
            Duration::ZERO,
            Some(100),
        );
        assert!(start.ends_with("about 30 min left"), "{start}");
    }

    #[test]
    fn durations_in_words() {
        let words = [0.0, 0.2, 119.0, 120.0, 121.0, 7200.0, 93_784.0].map(duration);
        assert_eq!(
            words,
            [
                "0 s",
                "1 s",
                "119 s",
                "2 min",
                "3 min",
                "2 h 0 min",
                "26 h 3 min"
            ]
        );
    }
}
