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

/// A little more than a minute, so that requests which arrive closer together than they left
/// still keep to the ceiling on the other side.
const PERIOD: Duration = Duration::from_millis(60_100);

/// Requests under way at once.
const IN_FLIGHT: usize = 4;

/// Requests under way at once in one lane: fewer than [`IN_FLIGHT`], so that an endpoint which never
/// answers leaves room for the others.
const IN_FLIGHT_PER_LANE: usize = 3;

/// Requests under way at once when nothing but the pace is to limit them: enough for 1 000 a minute
/// at 1.5 s each.
const MOST_IN_FLIGHT: usize = 32;

/// Room beyond what the mean time of an answer asks for, since some take longer.
const SLACK: f64 = 1.3;

/// How fast the requests of one account may leave, and in which lanes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The operator's ceiling for any minute; `None`: half of what the account is granted.
    pub per_minute: Option<NonZeroU32>,
    /// What the account is taken to be granted until an answer tells.
    pub assumed_granted: u32,
    /// What does not hold up each other.
    pub lanes: &'static [Lane],
}

/// Requests of one kind, as those to one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// May use all of the pace.
    Whole,
    /// What is not urgent: leaves half of the pace to the rest, and is one request at a time.
    Half,
}

impl Lane {
    const fn in_flight(self) -> usize {
        match self {
            Self::Whole => IN_FLIGHT_PER_LANE,
            Self::Half => 1,
        }
    }
}

/// The pace of all requests of one account, token requests and retries included.
#[derive(Debug)]
pub struct Pace {
    limits: Limits,
    in_flight: Semaphore,
    /// To which `in_flight` may grow, when it may.
    most_in_flight: Option<usize>,
    by_lane: Vec<Semaphore>,
    /// Shared with the client of the next configuration, as is `changed`.
    state: Arc<Mutex<State>>,
    /// Told when a wait begins or the ceiling changes, so that sleepers look again.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// When requests left, oldest first, and whether in a lane that leaves half of the pace to the
    /// rest; never more than a minute's worth.
    sent: VecDeque<(Instant, Lane)>,
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
pub struct Turn<'a> {
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
pub enum Late {
    /// A 429's wait lasts `wait` more.
    Held {
        /// What is left of it.
        wait: Duration,
    },
    /// `per_minute` requests left within the last minute, and as many again are due first.
    Paced {
        /// The ceiling in force.
        per_minute: u32,
    },
    /// Others were still being answered, or the deadline had passed already.
    Busy,
}

impl Pace {
    /// Within `limits`, a few requests at a time.
    pub fn new(limits: Limits) -> Self {
        Self::sharing(limits, Arc::default(), Arc::default())
    }

    /// For a long run of calls: as many requests under way at once as the ceiling needs at the rate
    /// at which answers come, so that nothing but the ceiling limits them, and no more.
    pub fn growing(limits: Limits) -> Self {
        let lanes = limits.lanes.iter();
        Self {
            in_flight: Semaphore::new(1),
            most_in_flight: Some(MOST_IN_FLIGHT),
            by_lane: lanes.map(|_| Semaphore::new(MOST_IN_FLIGHT)).collect(),
            ..Self::new(limits)
        }
    }

    /// Under another ceiling, with the same log of departures, the same quota, the same wait.
    #[must_use]
    pub fn succeed(&self, limits: Limits) -> Self {
        Self::sharing(limits, Arc::clone(&self.state), Arc::clone(&self.changed))
    }

    fn sharing(limits: Limits, state: Arc<Mutex<State>>, changed: Arc<Notify>) -> Self {
        let lanes = limits.lanes.iter();
        Self {
            limits,
            in_flight: Semaphore::new(IN_FLIGHT),
            most_in_flight: None,
            by_lane: lanes.map(|lane| Semaphore::new(lane.in_flight())).collect(),
            state,
            changed,
        }
    }

    /// Waits for a turn in the lane at index `lane`. Fails at once when it is known to come at the
    /// deadline or later.
    pub async fn turn(&self, lane: usize, deadline: Instant) -> Result<Turn<'_>, Late> {
        if let Some(wait) = self.hold_past(deadline) {
            return Err(Late::Held { wait });
        }
        let permits = async {
            // Own lane first: who waits for a slow endpoint takes no room from the others.
            let own = self
                .by_lane
                .get(lane)
                .unwrap_or(&self.in_flight)
                .acquire()
                .await?;
            Ok::<_, tokio::sync::AcquireError>([own, self.in_flight.acquire().await?])
        };
        let Ok(Ok(permits)) = timeout_at(deadline, permits).await else {
            return Err(self.lateness(deadline));
        };
        let kind = self.limits.lanes.get(lane).copied();
        let kind = kind.unwrap_or(Lane::Whole);
        loop {
            // Made before looking: it hears of every change from here on, polled or not.
            let changed = self.changed.notified();
            let Some(at) = self.depart_or_wait(kind, deadline)? else {
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
    pub fn hold(&self, wait: Duration) -> bool {
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
    pub fn grant(&self, per_minute: u32) -> bool {
        let news = self.state().granted.replace(per_minute) != Some(per_minute);
        if news {
            self.changed.notify_waiters();
        }
        news
    }

    /// What the account is granted, once known.
    pub fn granted(&self) -> Option<u32> {
        self.state().granted
    }

    /// The ceiling now in force.
    pub fn per_minute(&self) -> u32 {
        self.ceiling(&self.state())
    }

    fn ceiling(&self, state: &State) -> u32 {
        match self.limits.per_minute {
            Some(configured) => configured.get(),
            None => (state.granted.unwrap_or(self.limits.assumed_granted) / 2).max(1),
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
    fn depart_or_wait(&self, lane: Lane, deadline: Instant) -> Result<Option<Instant>, Late> {
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
        while state
            .sent
            .front()
            .is_some_and(|(sent, _)| *sent + PERIOD <= now)
        {
            state.sent.pop_front();
        }
        let per_minute = self.ceiling(&state);
        let mut in_the_way = state.due_before(per_minute, |_| true);
        if lane == Lane::Half {
            let own = state.due_before((per_minute / 2).max(1), |sent| sent == Lane::Half);
            in_the_way = in_the_way.max(own);
        }
        let Some(in_the_way) = in_the_way else {
            state.sent.push_back((now, lane));
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

impl State {
    /// The departure in the log that has to be a minute old before one more keeps to `ceiling`;
    /// `None` when there is room at once. Only departures of the lanes that `counts` are counted.
    fn due_before(&self, ceiling: u32, counts: impl Fn(Lane) -> bool) -> Option<Instant> {
        let ceiling = usize::try_from(ceiling).unwrap_or(usize::MAX);
        let counted = || self.sent.iter().filter(|(_, lane)| counts(*lane));
        let index = counted().count().checked_sub(ceiling)?;
        counted().nth(index).map(|(sent, _)| *sent)
    }
}

#[cfg(test)]
mod tests;
