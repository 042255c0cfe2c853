//! When the next request may leave: after a 429's wait, under the ceiling, a few at a time.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
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

/// The pace of all requests of one account, token requests and retries included.
#[derive(Debug)]
pub(super) struct Pace {
    configured: Option<NonZeroU32>,
    in_flight: Semaphore,
    by_endpoint: [Semaphore; Endpoint::ALL.len()],
    state: Mutex<State>,
    /// Told when a wait begins or the ceiling changes, so that sleepers look again.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// When requests left, oldest first; never more than a minute's worth.
    sent: VecDeque<Instant>,
    /// From the last answer that said it.
    granted: Option<u32>,
    /// End of a 429's wait.
    hold_until: Option<Instant>,
}

/// The right to send one request now. Keep it until the answer is read.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _permits: [SemaphorePermit<'a>; 2],
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
        Self {
            configured,
            in_flight: Semaphore::new(IN_FLIGHT),
            by_endpoint: Endpoint::ALL.map(|_| Semaphore::new(IN_FLIGHT_PER_ENDPOINT)),
            state: Mutex::default(),
            changed: Notify::new(),
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
        let permits = match timeout_at(deadline, permits).await {
            Ok(Ok(permits)) => permits,
            Ok(Err(_)) | Err(_) => return Err(self.lateness(deadline)),
        };
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed, even one before the sleep begins.
            changed.as_mut().enable();
            let Some(at) = self.depart_or_wait(deadline)? else {
                return Ok(Turn { _permits: permits });
            };
            tokio::select! {
                () = sleep_until(at) => {}
                () = changed => {}
            }
        }
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
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use tokio::time::sleep;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn pace(per_minute: u32) -> Arc<Pace> {
        Arc::new(Pace::new(NonZeroU32::new(per_minute)))
    }

    fn after(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    async fn depart(pace: &Pace, deadline: Instant) -> Result<Instant, Late> {
        pace.turn(Endpoint::Tags, deadline)
            .await
            .map(|_turn| Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_what_is_granted() {
        let pace = Pace::new(None);
        assert_eq!((pace.granted(), pace.per_minute()), (None, 100));
        assert!(pace.grant(400));
        assert!(!pace.grant(400));
        assert_eq!((pace.granted(), pace.per_minute()), (Some(400), 200));
        pace.grant(1);
        assert_eq!(pace.per_minute(), 1, "never nothing");
        let told = Pace::new(NonZeroU32::new(30));
        told.grant(400);
        assert_eq!((told.granted(), told.per_minute()), (Some(400), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_too_many_waits_for_the_first_to_be_a_minute_old() {
        let pace = pace(2);
        let start = Instant::now();
        depart(&pace, after(600)).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        depart(&pace, after(600)).await.unwrap();
        let third = depart(&pace, after(600)).await.unwrap() - start;
        assert!(third >= MINUTE && third < MINUTE + Duration::from_secs(1));
        let fourth = depart(&pace, after(600)).await.unwrap() - start;
        assert!(fourth >= Duration::from_secs(70) && fourth < Duration::from_secs(71));
    }

    #[tokio::test(start_paused = true)]
    async fn no_room_before_the_deadline_fails_at_once() {
        let pace = pace(1);
        let start = Instant::now();
        depart(&pace, after(30)).await.unwrap();
        let late = depart(&pace, after(30)).await.unwrap_err();
        assert_eq!(late, Late::Paced { per_minute: 1 });
        assert_eq!(Instant::now(), start);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_holds_everyone_and_outlasts_a_shorter_one() {
        let pace = pace(100);
        let start = Instant::now();
        assert!(pace.hold(Duration::from_secs(20)));
        assert!(!pace.hold(Duration::from_secs(5)));
        let late = depart(&pace, after(20)).await.unwrap_err();
        assert_eq!(
            late,
            Late::Held {
                wait: Duration::from_secs(20)
            }
        );
        assert_eq!(Instant::now(), start, "failed at once");
        assert_eq!(
            depart(&pace, after(21)).await.unwrap() - start,
            Duration::from_secs(20)
        );
        assert!(pace.hold(Duration::from_secs(1)), "a new one is news");
    }

    #[tokio::test(start_paused = true)]
    async fn who_sleeps_for_the_pace_hears_of_a_hold_at_once() {
        let pace = pace(1);
        depart(&pace, after(100)).await.unwrap();
        let sleeper = tokio::spawn({
            let pace = Arc::clone(&pace);
            async move { depart(&pace, after(100)).await }
        });
        sleep(Duration::from_secs(1)).await;
        let held_at = Instant::now();
        pace.hold(Duration::from_secs(300));
        let late = sleeper.await.unwrap().unwrap_err();
        assert!(matches!(late, Late::Held { .. }));
        assert_eq!(Instant::now(), held_at);
    }

    #[tokio::test(start_paused = true)]
    async fn who_sleeps_for_the_pace_hears_of_a_higher_ceiling() {
        let pace = Arc::new(Pace::new(None));
        pace.grant(2);
        depart(&pace, after(100)).await.unwrap();
        let start = Instant::now();
        let sleeper = tokio::spawn({
            let pace = Arc::clone(&pace);
            async move { depart(&pace, after(100)).await }
        });
        sleep(Duration::from_secs(1)).await;
        pace.grant(400);
        assert_eq!(
            sleeper.await.unwrap().unwrap() - start,
            Duration::from_secs(1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_endpoint_leaves_room_for_the_others() {
        let pace = pace(100);
        let mut dead = Vec::new();
        for _ in 0..IN_FLIGHT_PER_ENDPOINT {
            dead.push(pace.turn(Endpoint::Happiness, after(60)).await.unwrap());
        }
        let start = Instant::now();
        let other = pace.turn(Endpoint::Productivity, after(60)).await.unwrap();
        assert_eq!(Instant::now(), start);
        assert_eq!(
            pace.turn(Endpoint::Happiness, after(60)).await.unwrap_err(),
            Late::Busy
        );
        assert_eq!(
            pace.turn(Endpoint::Tags, after(60)).await.unwrap_err(),
            Late::Busy,
            "four at most"
        );
        drop((dead, other));
        pace.turn(Endpoint::Tags, after(1)).await.unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever comes when: never more than the ceiling in any 60 s, nothing during a wait,
        /// nothing at or past a deadline.
        #[test]
        fn never_more_than_the_ceiling_in_any_minute(
            per_minute in 1u32..12,
            arrivals in prop::collection::vec(
                (0u64..90_000, 1u64..200_000, prop::option::weighted(0.05, 1u64..50_000)),
                1..60,
            ),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let pace = pace(per_minute);
                let begin = Instant::now();
                let mut calls = Vec::new();
                for (at, patience, hold) in arrivals {
                    let pace = Arc::clone(&pace);
                    calls.push(tokio::spawn(async move {
                        sleep(Duration::from_millis(at)).await;
                        if let Some(hold) = hold {
                            let from = Instant::now();
                            pace.hold(Duration::from_millis(hold));
                            return (None, Some((from, from + Duration::from_millis(hold))));
                        }
                        let deadline = Instant::now() + Duration::from_millis(patience);
                        let departed = depart(&pace, deadline).await.ok();
                        assert!(Instant::now() <= deadline);
                        assert!(departed.is_none_or(|departed| departed < deadline));
                        (departed, None)
                    }));
                }
                let (mut departures, mut holds) = (Vec::new(), Vec::new());
                for call in calls {
                    let (departed, hold) = call.await.unwrap();
                    departures.extend(departed);
                    holds.extend(hold);
                }
                departures.sort_unstable();
                for (index, first) in departures.iter().enumerate() {
                    let within = departures[index..]
                        .iter()
                        .take_while(|later| **later - *first <= MINUTE)
                        .count();
                    assert!(within <= per_minute as usize, "{within} after {:?}", *first - begin);
                    for (from, until) in &holds {
                        assert!(!(from < first && first < until));
                    }
                }
            });
        }
    }
}
