//! Completed weeks, read beside the refreshes: all of them once, then the last two every day and soon
//! after a week has ended. What is to come is concluded here too, off the refreshes' way.

mod reading;

use std::{mem, time::Duration};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::background::{Context, Ended, Step, Task};
use crate::{
    config::Config,
    domain::{
        Source, SourceFailure,
        forecast::{Past, plan},
    },
    snapshot::Finding,
};

pub use reading::WeeksReader;

/// How long after a week its days are asked for: counts lag.
const AFTER_MIDNIGHT: Duration = Duration::from_mins(15);
/// From one reading to the next. The clock may be set, and late changes come every day.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);
const SHORTEST_PAUSE: Duration = Duration::from_mins(1);

/// The reading of weeks.
pub struct Weeks {
    definition: u64,
    /// What is known so far.
    past: Past,
    every: Duration,
    /// What failed in the first step of a reading, when its second is to come.
    created: Option<Vec<SourceFailure>>,
}

impl Weeks {
    /// `None` where nothing is forecast.
    pub fn of(config: &Config) -> Option<Self> {
        config.forecast.as_ref().map(|_| Self {
            definition: config.forecast_hash(),
            past: Past::default(),
            every: LONGEST_PAUSE,
            created: None,
        })
    }

    async fn read(&mut self, context: &Context) -> Step {
        let Some(mut reader) = WeeksReader::new(&context.config, &context.sources) else {
            return Step {
                finding: None,
                end: Some(Ended::default()),
            };
        };
        reader.take_turns(&context.turns);
        // Expected tickets need not wait for what the team can do: that takes a call a week.
        if let Some(mut failures) = mem::take(&mut self.created) {
            failures.extend(reader.resolved(&mut self.past).await);
            return self.concluded(Some(failures)).await;
        }
        self.past = reader.frame(&self.past, (context.now)());
        self.every = pause(&self.past, (context.now)());
        let mut failures = reader.created(&mut self.past).await;
        failures.extend(reader.populations(&mut self.past).await);
        let mut segments = self.past.segments.iter();
        if segments.any(|segment| segment.capacity.is_none()) {
            self.created = Some(failures);
            self.concluded(None).await
        } else {
            self.concluded(Some(failures)).await
        }
    }

    async fn concluded(&self, failures: Option<Vec<SourceFailure>>) -> Step {
        let past = self.past.clone();
        // Hundreds of backtests: not on the threads that answer scrapes.
        let planning = spawn_blocking(move || plan(&past)).await.ok();
        Step {
            finding: planning.map(Finding::Planning),
            end: failures.map(|failures| Ended {
                failures,
                missing_past: None,
            }),
        }
    }
}

impl Task for Weeks {
    fn source(&self) -> Source {
        Source::Forecast
    }

    fn definition(&self) -> u64 {
        self.definition
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn step<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Step> {
        Box::pin(self.read(context))
    }
}

/// Until the running week, the one after the last of `past`, has been over for a while.
fn pause(past: &Past, now: Timestamp) -> Duration {
    let next = past.coming.first();
    let left = next.map(|week| week.interval.start.duration_since(now));
    let left = left.and_then(|left| Duration::try_from(left).ok());
    left.map_or(LONGEST_PAUSE, |left| {
        (left + AFTER_MIDNIGHT).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::forecast::coming_weeks;

    #[test]
    fn weeks_are_read_daily_and_soon_after_one_has_ended() {
        let paused = |now: &str| {
            let now = now.parse().unwrap();
            let past = Past {
                coming: coming_weeks(now, &TimeZone::UTC, 13),
                ..Past::default()
            };
            pause(&past, now)
        };
        assert_eq!(paused("2026-11-25T12:00:00Z"), LONGEST_PAUSE);
        let sunday = paused("2026-11-29T23:00:00Z");
        assert_eq!(sunday, Duration::from_mins(75));
        assert_eq!(
            pause(&Past::default(), Timestamp::UNIX_EPOCH),
            LONGEST_PAUSE
        );
    }
}
