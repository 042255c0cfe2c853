//! When the next request may leave: after a 429's wait, under the ceiling, a few at a time.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    time::{Instant, sleep_until, timeout_at},
};

use super::endpoint::Endpoint;

/// What an account is taken to be granted until a header tells: the smallest plan's limit.
const ASSUMED_PER_MINUTE: u32 = 200;

/// A little more than a minute, so that requests which arrive closer together than they left
/// still keep to the ceiling on the other side.
const PERIOD: Duration = Duration::from_millis(60_100);

/// Requests under way at once.
const IN_FLIGHT: usize = 4;

/// Requests under way at once to one endpoint: fewer than [`IN_FLIGHT`], so that an endpoint which
/// never answers leaves room for the others.
const IN_FLIGHT_PER_ENDPOINT: usize = 3;

/// Requests under way at once when nothing but the pace is to limit them: enough for 1 000 a minute
/// at 1.5 s each.
const MOST_IN_FLIGHT: usize = 32;

/// Room beyond what the mean time of an answer asks for, since some take longer.
const SLACK: f64 = 1.3;

/// The pace of all requests of one account, token requests and retries included.
#[derive(Debug)]
pub(super) struct Pace {
    configured: Option<NonZeroU32>,
    in_flight: Semaphore,
    /// To which `in_flight` may grow, when it may.
    most_in_flight: Option<usize>,
    by_endpoint: [Semaphore; Endpoint::ALL.len()],
    /// Shared with the client of the next configuration, as is `changed`.
    state: Arc<Mutex<State>>,
    /// Told when a wait begins or the ceiling changes, so that sleepers look again.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// When requests left, oldest first; never more than a minute's worth.
    sent: VecDeque<Instant>,
    /// From the last answer that said it.
    granted: Option<u32>,
    /// End of a 429's wait.
    hold_until: Option<Instant>,
    /// Moving mean of the seconds from departure to answer.
    answer_seconds: Option<f64>,
    /// By how much `in_flight` has grown.
    grown: usize,
}

/// The right to send one request now. Keep it until the answer is read.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _permits: [SemaphorePermit<'a>; 2],
    pace: &'a Pace,
    departed: Instant,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.pace.answered(self.departed.elapsed());
    }
}

/// Why there is no turn before the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// A 429's wait lasts `wait` more.
    Held { wait: Duration },
    /// `per_minute` requests left within the last minute, and as many again are due first.
    Paced { per_minute: u32 },
    /// Others were still being answered, or the deadline had passed already.
    Busy,
}

impl Pace {
    pub(super) fn new(configured: Option<NonZeroU32>) -> Self {
        Self::sharing(configured, Arc::default(), Arc::default())
    }

    /// For a long run of calls: as many requests under way at once as the ceiling needs at the rate
    /// at which answers come, so that nothing but the ceiling limits them, and no more.
    pub(super) fn growing(configured: Option<NonZeroU32>) -> Self {
        Self {
            in_flight: Semaphore::new(1),
            most_in_flight: Some(MOST_IN_FLIGHT),
            by_endpoint: Endpoint::ALL.map(|_| Semaphore::new(MOST_IN_FLIGHT)),
            ..Self::new(configured)
        }
    }

    /// Under another ceiling, with the same log of departures, the same quota, the same wait.
    pub(super) fn succeed(&self, configured: Option<NonZeroU32>) -> Self {
        Self::sharing(
            configured,
            Arc::clone(&self.state),
            Arc::clone(&self.changed),
        )
    }

    fn sharing(
        configured: Option<NonZeroU32>,
        state: Arc<Mutex<State>>,
        changed: Arc<Notify>,
    ) -> Self {
        Self {
            configured,
            in_flight: Semaphore::new(IN_FLIGHT),
            most_in_flight: None,
            by_endpoint: Endpoint::ALL.map(|_| Semaphore::new(IN_FLIGHT_PER_ENDPOINT)),
            state,
            changed,
        }
    }

    /// Waits for a turn. Fails at once when it is known to come at the deadline or later.
    pub(super) async fn turn(
        &self,
        endpoint: Endpoint,
        deadline: Instant,
    ) -> Result<Turn<'_>, Late> {
        if let Some(wait) = self.hold_past(deadline) {
            return Err(Late::Held { wait });
        }
        let permits = async {
            // Own endpoint first: who waits for a slow endpoint takes no room from the others.
            let own = self
                .by_endpoint
                .get(endpoint as usize)
                .unwrap_or(&self.in_flight)
                .acquire()
                .await?;
            Ok::<_, tokio::sync::AcquireError>([own, self.in_flight.acquire().await?])
        };
        let Ok(Ok(permits)) = timeout_at(deadline, permits).await else {
            return Err(self.lateness(deadline));
        };
        loop {
            // Made before looking: it hears of every change from here on, polled or not.
            let changed = self.changed.notified();
            let Some(at) = self.depart_or_wait(deadline)? else {
                return Ok(Turn {
                    _permits: permits,
                    pace: self,
                    departed: Instant::now(),
                });
            };
            tokio::select! {
                () = sleep_until(at) => {}
                () = changed => {}
            }
        }
    }

    /// An answer came, or was given up, so long after its request had left.
    fn answered(&self, took: Duration) {
        let Some(most) = self.most_in_flight else {
            return;
        };
        let mut state = self.state();
        let took = took.as_secs_f64();
        let mean = state
            .answer_seconds
            .map_or(took, |mean| 0.9 * mean + 0.1 * took);
        state.answer_seconds = Some(mean);
        // Little's law: under way on average = departures per second times seconds under way.
        let needed = f64::from(self.ceiling(&state)) / PERIOD.as_secs_f64() * mean * SLACK;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number; the cast saturates"
        )]
        let needed = (needed.ceil() as usize).clamp(1, most);
        let more = needed.saturating_sub(1 + state.grown);
        state.grown += more;
        self.in_flight.add_permits(more);
    }

    /// A 429: nothing leaves for `wait`. Returns whether this is news.
    pub(super) fn hold(&self, wait: Duration) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        let until = now + wait;
        let held_already = state.hold_until.is_some_and(|hold| hold > now);
        state.hold_until = state.hold_until.max(Some(until));
        drop(state);
        self.changed.notify_waiters();
        !held_already
    }

    /// What the account is granted, as a header says. Returns whether this is news.
    pub(super) fn grant(&self, per_minute: u32) -> bool {
        let news = self.state().granted.replace(per_minute) != Some(per_minute);
        if news {
            self.changed.notify_waiters();
        }
        news
    }

    /// What the account is granted, once known.
    pub(super) fn granted(&self) -> Option<u32> {
        self.state().granted
    }

    /// The ceiling now in force.
    pub(super) fn per_minute(&self) -> u32 {
        self.ceiling(&self.state())
    }

    fn ceiling(&self, state: &State) -> u32 {
        match self.configured {
            Some(configured) => configured.get(),
            None => (state.granted.unwrap_or(ASSUMED_PER_MINUTE) / 2).max(1),
        }
    }

    /// What is left of a 429's wait that lasts to the deadline or longer.
    fn hold_past(&self, deadline: Instant) -> Option<Duration> {
        let until = self.state().hold_until?;
        let wait = until.saturating_duration_since(Instant::now());
        (until >= deadline && !wait.is_zero()).then_some(wait)
    }

    fn lateness(&self, deadline: Instant) -> Late {
        match self.hold_past(deadline) {
            Some(wait) => Late::Held { wait },
            None => Late::Busy,
        }
    }

    /// Enters a departure in the log (`None`), or says when to look again.
    fn depart_or_wait(&self, deadline: Instant) -> Result<Option<Instant>, Late> {
        let mut state = self.state();
        // Read under the lock, so that the log is in order.
        let now = Instant::now();
        if now >= deadline {
            return Err(Late::Busy);
        }
        if let Some(until) = state.hold_until.filter(|until| *until > now) {
            if until >= deadline {
                return Err(Late::Held { wait: until - now });
            }
            return Ok(Some(until));
        }
        while state.sent.front().is_some_and(|sent| *sent + PERIOD <= now) {
            state.sent.pop_front();
        }
        let per_minute = self.ceiling(&state);
        let ceiling = usize::try_from(per_minute).unwrap_or(usize::MAX);
        let in_the_way = state
            .sent
            .len()
            .checked_sub(ceiling)
            .and_then(|index| state.sent.get(index))
            .copied();
        let Some(in_the_way) = in_the_way else {
            state.sent.push_back(now);
            return Ok(None);
        };
        let at = in_the_way + PERIOD;
        if at >= deadline {
            return Err(Late::Paced { per_minute });
        }
        Ok(Some(at))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
