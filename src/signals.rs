//! Signals of the process: stop on SIGTERM and SIGINT, reload on SIGHUP.

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{Signal as Stream, SignalKind, signal},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

/// What the process was asked for. Clones hear the same.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    stop: CancellationToken,
    reload: Arc<Notify>,
}

impl Requests {
    /// Asks to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Asks for a reload. Several that nobody has heard yet are one.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Returns once a stop was asked for, before or after this call.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Returns once a reload was asked for, since the last return of this method.
    pub async fn reloads(&self) {
        self.reload.notified().await;
    }
}

/// The handlers, installed from construction on: no signal ends the process any more.
pub struct Signals {
    terminate: Stream,
    interrupt: Stream,
    hang_up: Stream,
}

/// One signal.
enum Heard {
    Stop,
    HangUp,
}

impl Signals {
    /// Installs the handlers, within a runtime. Fails when the system refuses.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Turns signals into `requests` until a second one asks to stop what is stopping already.
    /// Without `reloads`, a SIGHUP stops too: the terminal is gone.
    ///
    /// Run it in a task of its own, so that it listens whatever the others do.
    pub async fn forward(mut self, requests: Requests, reloads: bool) {
        loop {
            match self.next().await {
                Heard::HangUp if reloads => requests.reload(),
                Heard::HangUp | Heard::Stop if !requests.stop.is_cancelled() => requests.stop(),
                Heard::Stop => return,
                Heard::HangUp => {}
            }
        }
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::Stop,
            _ = self.interrupt.recv() => Heard::Stop,
            _ = self.hang_up.recv() => Heard::HangUp,
        }
    }
}
