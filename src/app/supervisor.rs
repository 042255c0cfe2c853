//! What a supervisor such as systemd is told. Without one (`NOTIFY_SOCKET` is not set) nothing is.

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The exporter listens and answers.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A reload begins; [`ready`] tells its end.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic time"),
    }
}

/// The exporter stops.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the supervisor");
    }
}

/// Signs of life, where the supervisor wants them.
pub struct Watchdog {
    ticks: Option<Interval>,
}

impl Watchdog {
    /// Twice as often as is asked for in `WATCHDOG_USEC`.
    pub fn from_environment() -> Self {
        let ticks = sd_notify::watchdog_enabled()
            .filter(|time| !time.is_zero())
            .map(|time| {
                let mut ticks = interval(time / 2);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                ticks
            });
        Self { ticks }
    }

    /// Ends when it is time for a sign of life; for ever where none is wanted.
    pub async fn due(&mut self) {
        match &mut self.ticks {
            Some(ticks) => {
                ticks.tick().await;
            }
            None => std::future::pending().await,
        }
    }
}

/// The exporter lives.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}
