//! Completed weeks, read beside the refreshes: once after the first of them, then once a week, the
//! last two weeks again. What is to come is concluded here too, off the refreshes' way.

mod reading;

use std::{sync::Arc, time::Duration};

use backon::BackoffBuilder as _;
use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep},
};

use super::{reading::Sources, states::Outcome};
use crate::{
    config::Config,
    domain::{
        SourceFailure,
        forecast::{Past, Planning, plan},
    },
};

pub use reading::WeeksReader;

/// How long after a week its days are asked for: counts lag.
const AFTER_MIDNIGHT: Duration = Duration::from_mins(15);
/// Pauses after a failure; they double.
const RETRIES: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(1));
/// The clock may be set, and a week may have begun meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);

/// What was read, and what it says.
pub struct WeeksRead {
    /// The weeks.
    pub past: Arc<Past>,
    /// What is to come.
    pub planning: Arc<Planning>,
    /// How the source `forecast` fares.
    pub outcome: Outcome,
}

/// The reading of weeks as a task, which ends when this is dropped.
pub struct Weeks {
    receiver: mpsc::Receiver<WeeksRead>,
    _task: JoinSet<()>,
}

impl Weeks {
    /// Begins to read, if anything is forecast. `known` need not be read again.
    pub fn begin(
        config: &Arc<Config>,
        sources: &Arc<Sources>,
        known: Arc<Past>,
        now: fn() -> Timestamp,
    ) -> Option<Self> {
        config.forecast.as_ref()?;
        let (sender, receiver) = mpsc::channel(1);
        let mut task = JoinSet::new();
        let (config, sources) = (Arc::clone(config), Arc::clone(sources));
        task.spawn(async move { read_for_good(&config, &sources, known, now, sender).await });
        Some(Self {
            receiver,
            _task: task,
        })
    }

    /// What is read next. Never ends by itself.
    pub async fn next(weeks: &mut Option<Self>) -> WeeksRead {
        if let Some(weeks) = weeks
            && let Some(read) = weeks.receiver.recv().await
        {
            return read;
        }
        std::future::pending().await
    }
}

async fn read_for_good(
    config: &Config,
    sources: &Sources,
    known: Arc<Past>,
    now: fn() -> Timestamp,
    sender: mpsc::Sender<WeeksRead>,
) {
    let mut known = known;
    let mut retries = None;
    while let Some(mut reader) = WeeksReader::new(config, sources) {
        let started = Instant::now();
        let mut past = reader.frame(&known, now());
        let mut failures = reader.created(&mut past).await;
        failures.extend(reader.populations(&mut past).await);
        let measured = past
            .segments
            .iter()
            .any(|segment| segment.capacity.is_none());
        let Some(read) = conclude(past.clone(), &failures, started, now()).await else {
            return;
        };
        if sender.send(read).await.is_err() {
            return;
        }
        // Expected tickets need not wait for what the team can do: that takes a call a week.
        if measured {
            failures.extend(reader.resolved(&mut past).await);
            let Some(read) = conclude(past.clone(), &failures, started, now()).await else {
                return;
            };
            if sender.send(read).await.is_err() {
                return;
            }
        }
        known = Arc::new(past);
        if failures.is_empty() {
            retries = None;
            wait_for_a_new_week(&known, now).await;
        } else {
            let retries = retries.get_or_insert_with(|| {
                backon::ExponentialBuilder::new()
                    .with_min_delay(RETRIES.0)
                    .with_max_delay(RETRIES.1)
                    .without_max_times()
                    .with_jitter()
                    .build()
            });
            sleep(retries.next().unwrap_or(RETRIES.1)).await;
        }
    }
}

/// Until the running week, the one after the last of `known`, has been over for a while.
async fn wait_for_a_new_week(known: &Past, now: fn() -> Timestamp) {
    let Some(next) = known.coming.first() else {
        return sleep(LONGEST_SLEEP).await;
    };
    loop {
        let left = next.interval.start.duration_since(now());
        let Ok(left) = Duration::try_from(left) else {
            return sleep(AFTER_MIDNIGHT).await;
        };
        sleep(left.min(LONGEST_SLEEP)).await;
    }
}

/// Hundreds of backtests: not on the threads that answer scrapes.
async fn conclude(
    past: Past,
    failures: &[SourceFailure],
    started: Instant,
    at: Timestamp,
) -> Option<WeeksRead> {
    let concluded = spawn_blocking(move || {
        let planning = plan(&past);
        (past, planning)
    });
    let (past, planning) = concluded.await.ok()?;
    Some(WeeksRead {
        past: Arc::new(past),
        planning: Arc::new(planning),
        outcome: Outcome {
            failures: failures.to_vec(),
            missing_past: None,
            took: started.elapsed(),
            at,
        },
    })
}
