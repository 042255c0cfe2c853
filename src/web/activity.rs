//! What a connection is doing, and since when: from this follow its deadline and who has to go when
//! there is no room left.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, ready},
};

use tokio::time::{Duration, Instant, sleep_until};

/// From the start of a connection, or the first byte of a later request, to the end of that
/// request's head.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// From the end of an answer to the first byte of the next request.
pub const IDLE_TIMEOUT: Duration = Duration::from_mins(2);

/// From the first write that has to wait to the end of the answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Until a connection whose answer is being made is looked at again.
const RECHECK: Duration = Duration::from_secs(10);

/// The state of one connection, shared by its task, its stream and its answers.
pub struct Activity {
    state: Mutex<State>,
}

struct State {
    /// Start of the connection, or end of the last answer.
    since: Instant,
    /// When the head began that is still incomplete.
    head: Option<Instant>,
    /// Requests whose answer is being made.
    working: usize,
    /// Answers that are being sent, and since when there are any.
    writing: usize,
    writing_since: Instant,
}

/// Whether a connection may go when another one needs its place, and how gladly: the least goes
/// first. One whose answer is being made goes only when there is none else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    is_working: bool,
    since: Instant,
}

impl Activity {
    /// A connection that starts now and owes a request.
    pub fn start() -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            state: Mutex::new(State {
                since: now,
                head: Some(now),
                working: 0,
                writing: 0,
                writing_since: now,
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time for the first request runs from now on: what came before was the handshake.
    pub fn restart(&self) {
        self.state().head = Some(Instant::now());
    }

    /// Bytes have come. Between two requests, they begin the next one.
    pub fn received(&self) {
        let mut state = self.state();
        if state.head.is_none() && state.working == 0 && state.writing == 0 {
            state.head = Some(Instant::now());
        }
    }

    /// A request's head is complete.
    pub fn request(self: &Arc<Self>) -> Working {
        let mut state = self.state();
        state.head = None;
        state.working += 1;
        drop(state);
        Working(Some(Arc::clone(self)))
    }

    /// How gladly it is given up.
    pub fn rank(&self) -> Rank {
        let state = self.state();
        Rank {
            is_working: state.working > 0,
            since: if state.writing > 0 {
                state.writing_since
            } else {
                state.since
            },
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        if state.writing > 0 {
            return Some(state.writing_since + WRITE_TIMEOUT);
        }
        if state.working > 0 {
            return None;
        }
        Some(match state.head {
            Some(begun) => begun + HEADER_TIMEOUT,
            None => state.since + IDLE_TIMEOUT,
        })
    }

    /// Ends once the connection's deadline has passed. Whoever polls the connection polls this too,
    /// and after it: a deadline that came nearer is noticed then, without a timer per request.
    pub async fn expired(&self) {
        let mut sleep = pin!(sleep_until(Instant::now() + HEADER_TIMEOUT));
        poll_fn(|context| {
            loop {
                let deadline = self.deadline();
                let wake = deadline.unwrap_or_else(|| Instant::now() + RECHECK);
                if wake < sleep.deadline() {
                    sleep.as_mut().reset(wake);
                }
                ready!(sleep.as_mut().poll(context));
                match self.deadline() {
                    Some(deadline) if deadline <= Instant::now() => return Poll::Ready(()),
                    Some(deadline) => sleep.as_mut().reset(deadline),
                    None => sleep.as_mut().reset(Instant::now() + RECHECK),
                }
            }
        })
        .await;
    }
}

/// A request whose answer is being made. Dropped when the client is gone.
pub struct Working(Option<Arc<Activity>>);

impl Working {
    /// The answer is made and is sent from now on.
    pub fn answered(mut self) -> Writing {
        let activity = self.0.take();
        if let Some(activity) = &activity {
            let mut state = activity.state();
            state.working -= 1;
            if state.writing == 0 {
                state.writing_since = Instant::now();
            }
            state.writing += 1;
        }
        Writing(activity)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(activity) = &self.0 {
            let mut state = activity.state();
            state.working -= 1;
            state.since = Instant::now();
        }
    }
}

/// An answer that is being sent; dropped once all of it is handed to the connection.
pub struct Writing(Option<Arc<Activity>>);

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(activity) = &self.0 {
            let mut state = activity.state();
            state.writing -= 1;
            state.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    async fn time_to_expiry(activity: &Activity) -> Duration {
        let start = Instant::now();
        activity.expired().await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_deadline() {
        let activity = Activity::start();
        advance(Duration::from_secs(4)).await;
        assert_eq!(time_to_expiry(&activity).await, Duration::from_secs(6));

        drop(activity.request().answered());
        assert_eq!(time_to_expiry(&activity).await, IDLE_TIMEOUT);

        drop(activity.request().answered());
        advance(Duration::from_secs(50)).await;
        activity.received();
        advance(Duration::from_secs(3)).await;
        activity.received();
        assert_eq!(time_to_expiry(&activity).await, Duration::from_secs(7));

        let working = activity.request();
        let patience = Duration::from_hours(1);
        assert!(timeout(patience, activity.expired()).await.is_err());
        let writing = working.answered();
        assert_eq!(time_to_expiry(&activity).await, WRITE_TIMEOUT);
        drop(writing);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_comes_nearer_is_seen() {
        let activity = Activity::start();
        drop(activity.request().answered());
        let mut expired = pin!(activity.expired());
        let soon = Duration::from_secs(30);
        assert!(timeout(soon, expired.as_mut()).await.is_err());
        activity.received();
        let start = Instant::now();
        expired.await;
        assert!(start.elapsed() >= HEADER_TIMEOUT && start.elapsed() < HEADER_TIMEOUT * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_idle_longest_goes_first() {
        let second = Duration::from_secs(1);
        let oldest_but_asked = Activity::start();
        advance(second).await;
        let idle = Activity::start();
        advance(second).await;
        let half_a_head = Activity::start();
        advance(second).await;
        half_a_head.received();
        let working = Activity::start();
        let _request = working.request();
        drop(oldest_but_asked.request().answered());
        advance(second).await;
        let writing = Activity::start();
        let _answer = writing.request().answered();
        let all = [&idle, &half_a_head, &oldest_but_asked, &writing, &working];
        assert!(all.is_sorted_by_key(|activity| activity.rank()));
    }
}
