//! What every client of a help desk keeps to: its pace, the waits that it is asked for, a few
//! retries, bounded answers, and metrics of all that.
//!
//! | module | holds |
//! | --- | --- |
//! | [`answer`] | one request, its bounded answer, what the headers say |
//! | [`broken`] | an answer that did not come whole |
//! | [`pace`] | when the next request may leave |
//! | [`telemetry`] | what was sent, how long it took, what quota is left |

pub mod answer;
pub mod broken;
pub mod pace;
pub mod telemetry;

use std::{future::Future, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{debug, warn};

use self::{
    answer::{Answer, Hints},
    broken::Broken,
    pace::{Late, Pace},
    telemetry::Telemetry,
};

/// Tries of one call that meets 5xx, resets and timeouts: the first and two more.
const RETRIES: usize = 2;
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// How often one call waits for the rate limit before it gives up.
const RATE_LIMITED_TRIES: u32 = 5;

/// Wait after a 429 that does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_mins(1);
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// Waits are told in whole seconds: one more covers whatever was rounded off.
const WAIT_MARGIN: Duration = Duration::from_secs(1);

/// Everything that all calls of one account share.
#[derive(Debug)]
pub struct Calls {
    /// What the service is called in the log.
    pub service: &'static str,
    /// When requests may leave.
    pub pace: Pace,
    /// Where they are counted.
    pub telemetry: Telemetry,
    /// Bound of one try.
    pub timeout: Duration,
}

/// Where a call goes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Index of its lane in [`pace::Limits::lanes`].
    pub lane: usize,
    /// The label `endpoint`.
    pub endpoint: &'static str,
    /// What the log calls it.
    pub place: &'static str,
}

/// What one call may still spend on failures that time may heal.
#[derive(Debug)]
pub struct Patience {
    delays: ExponentialBackoff,
    rate_limited: u32,
}

impl Patience {
    /// For one call.
    pub fn new() -> Self {
        Self {
            delays: ExponentialBuilder::new()
                .with_min_delay(FIRST_DELAY)
                .with_max_times(RETRIES)
                .with_jitter()
                .build(),
            rate_limited: 0,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a call brought no answer that could be looked at.
#[derive(Debug)]
pub enum Failure {
    /// The wait that a 429 asked for lasts `wait` more, past the deadline.
    Held {
        /// What is left of it.
        wait: Duration,
    },
    /// One 429 after the other, each wait having been kept.
    StillRateLimited {
        /// How often.
        times: u32,
    },
    /// The pace leaves no room before the deadline.
    Paced {
        /// The ceiling in force.
        per_minute: u32,
    },
    /// The deadline came.
    OutOfTime,
    /// No answer, or one that broke off.
    Broken(Broken),
    /// A status of 500 or more.
    Server(Answer),
}

impl From<Late> for Failure {
    fn from(late: Late) -> Self {
        match late {
            Late::Held { wait } => Self::Held { wait },
            Late::Paced { per_minute } => Self::Paced { per_minute },
            Late::Busy => Self::OutOfTime,
        }
    }
}

impl Calls {
    /// Sends until there is an answer that time would not change: one with a status under 500 that is
    /// no 429, and whole where it is a success. Nothing is sent, waited or retried past `deadline`.
    pub async fn exchange<S>(
        &self,
        target: Target,
        patience: &mut Patience,
        deadline: Instant,
        send: impl Fn() -> S + Send + Sync,
    ) -> Result<Answer, Failure>
    where
        S: Future<Output = Result<Answer, Broken>> + Send,
    {
        loop {
            let failure = match self.try_once(target, deadline, &send).await? {
                Ok(answer) if answer.status == 429 => {
                    patience.rate_limited += 1;
                    if patience.rate_limited >= RATE_LIMITED_TRIES {
                        return Err(Failure::StillRateLimited {
                            times: patience.rate_limited,
                        });
                    }
                    // The next turn comes after the wait, or not at all.
                    continue;
                }
                Ok(answer) if (500..600).contains(&answer.status) => Failure::Server(answer),
                Ok(Answer {
                    body: Err(source),
                    status: 200..300,
                    ..
                })
                | Err(source) => {
                    let transient = source.is_transient();
                    let failure = Failure::Broken(source);
                    if !transient {
                        return Err(failure);
                    }
                    failure
                }
                Ok(answer) => return Ok(answer),
            };
            let Some(delay) = patience.delays.next() else {
                return Err(failure);
            };
            let next = Instant::now() + delay;
            if next >= deadline {
                return Err(failure);
            }
            debug!(
                endpoint = target.place,
                error = failure.in_short(),
                delay_seconds = delay.as_secs_f64(),
                "trying again"
            );
            sleep_until(next).await;
        }
    }

    /// One request in its turn. The outer error is final; the inner one may be tried again.
    async fn try_once<S>(
        &self,
        target: Target,
        deadline: Instant,
        send: &(impl Fn() -> S + Send + Sync),
    ) -> Result<Result<Answer, Broken>, Failure>
    where
        S: Future<Output = Result<Answer, Broken>> + Send,
    {
        let turn = self.pace.turn(target.lane, deadline).await?;
        let bound = deadline.min(Instant::now() + self.timeout);
        let mut sending = self.telemetry.sending(target.endpoint);
        let outcome = match timeout_at(bound, send()).await {
            Ok(outcome) => outcome,
            Err(_elapsed) if bound == deadline => return Err(Failure::OutOfTime),
            Err(_elapsed) => Err(Broken::try_timeout(self.timeout)),
        };
        drop(turn);
        if let Ok(answer) = &outcome {
            sending.answered(answer.status);
            debug!(
                endpoint = target.place,
                status = answer.status,
                seconds = sending.elapsed().as_secs_f64(),
                correlation_id = answer.hints.correlation_id,
                "{} answered",
                self.service
            );
            self.heed(answer.status, &answer.hints);
        }
        Ok(outcome)
    }

    /// Takes quota and waits from an answer's headers.
    fn heed(&self, status: u16, hints: &Hints) {
        self.telemetry.quota(hints.limit, hints.remaining);
        if status == 429 {
            let wait = hints.wait.unwrap_or(DEFAULT_WAIT).min(LONGEST_WAIT) + WAIT_MARGIN;
            if self.pace.hold(wait) {
                warn!(
                    wait_seconds = wait.as_secs(),
                    correlation_id = hints.correlation_id,
                    "{}'s rate limit is used up: no request before the wait is over",
                    self.service
                );
            }
        }
    }
}

impl Failure {
    /// In a word or two, for the log.
    fn in_short(&self) -> String {
        match self {
            Self::Held { .. } | Self::StillRateLimited { .. } | Self::Paced { .. } => {
                "rate limited".to_owned()
            }
            Self::OutOfTime => "out of time".to_owned(),
            Self::Broken(broken) => broken.to_string(),
            Self::Server(answer) => format!("status {}", answer.status),
        }
    }
}

/// What is left of a wait, in whole seconds that are surely enough.
pub fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
