//! The connections that are open, at most [`MOST_CONNECTIONS`] of them.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::{Duration, Instant},
};

use super::activity::Activity;

/// Connections at a time.
pub const MOST_CONNECTIONS: usize = 512;

/// Between two lines of the log that say the same.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The tasks of all connections. Dropped, it ends them.
#[derive(Default)]
pub struct Connections {
    tasks: JoinSet<()>,
    open: HashMap<Id, (Arc<Activity>, AbortHandle)>,
    full: Seldom,
}

impl Connections {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Adds one. When there are as many as there may be, the one idle longest goes first.
    pub async fn add(
        &mut self,
        activity: Arc<Activity>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        if self.tasks.len() >= MOST_CONNECTIONS {
            if self.full.permits() {
                tracing::warn!(
                    connections = MOST_CONNECTIONS,
                    "no room for more connections: for each new one, the one idle longest is closed"
                );
            }
            self.close_idlest().await;
        }
        let handle = self.tasks.spawn(task);
        self.open.insert(handle.id(), (activity, handle));
    }

    /// Closes the connection that has been idle longest, and returns once it is closed. False when
    /// there is none.
    pub async fn close_idlest(&mut self) -> bool {
        let idlest = self
            .open
            .iter()
            .min_by_key(|(_, (activity, _))| activity.rank());
        let Some((&id, (_, handle))) = idlest else {
            return false;
        };
        handle.abort();
        while self.open.contains_key(&id) && self.ended().await {}
        true
    }

    /// Waits until one has ended; false when there is none.
    pub async fn ended(&mut self) -> bool {
        let (id, error): (Id, Option<JoinError>) = match self.tasks.join_next_with_id().await {
            None => return false,
            Some(Ok((id, ()))) => (id, None),
            Some(Err(error)) => (error.id(), Some(error)),
        };
        self.open.remove(&id);
        if let Some(error) = error.filter(|error| !error.is_cancelled()) {
            tracing::error!(%error, "a connection's task failed");
        }
        true
    }
}

/// Lets a message through once a minute at most.
#[derive(Default)]
pub struct Seldom {
    last: Option<Instant>,
}

impl Seldom {
    /// Whether it is time to say it (again). While it goes on without a pause of a minute, it was
    /// said already.
    pub fn permits(&mut self) -> bool {
        let now = Instant::now();
        let last = self.last.replace(now);
        last.is_none_or(|last| now - last >= LOG_INTERVAL)
    }
}
