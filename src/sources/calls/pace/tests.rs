use proptest::prelude::*;
use tokio::time::sleep;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

const TAGS: usize = 0;
const HAPPINESS: usize = 1;
const PRODUCTIVITY: usize = 2;
const DAYS: usize = 3;

fn limits(per_minute: Option<u32>) -> Limits {
    Limits {
        per_minute: per_minute.and_then(NonZeroU32::new),
        assumed_granted: 200,
        lanes: &[Lane::Whole, Lane::Whole, Lane::Whole, Lane::Half],
    }
}

fn pace(per_minute: u32) -> Arc<Pace> {
    Arc::new(Pace::new(limits(Some(per_minute))))
}

fn after(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

async fn depart(pace: &Pace, deadline: Instant) -> Result<Instant, Late> {
    pace.turn(TAGS, deadline).await.map(|_turn| Instant::now())
}

#[tokio::test(start_paused = true)]
async fn half_of_what_is_granted() {
    let pace = Pace::new(limits(None));
    assert_eq!((pace.granted(), pace.per_minute()), (None, 100));
    assert!(pace.grant(400));
    assert!(!pace.grant(400));
    assert_eq!((pace.granted(), pace.per_minute()), (Some(400), 200));
    pace.grant(1);
    assert_eq!(pace.per_minute(), 1, "never nothing");
    let told = Pace::new(limits(Some(30)));
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
    pace.hold(Duration::from_mins(5));
    let late = sleeper.await.unwrap().unwrap_err();
    assert!(matches!(late, Late::Held { .. }));
    assert_eq!(Instant::now(), held_at);
}

#[tokio::test(start_paused = true)]
async fn who_sleeps_for_the_pace_hears_of_a_higher_ceiling() {
    let pace = Arc::new(Pace::new(limits(None)));
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
async fn a_successor_keeps_log_quota_and_wait() {
    let old = pace(2);
    old.grant(400);
    depart(&old, after(1)).await.unwrap();
    let new = old.succeed(limits(Some(1)));
    assert_eq!((new.granted(), new.per_minute()), (Some(400), 1));
    let late = depart(&new, after(30)).await.unwrap_err();
    assert_eq!(late, Late::Paced { per_minute: 1 });
    old.hold(Duration::from_secs(90));
    let start = Instant::now();
    depart(&new, after(300)).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(90));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_urgent_leaves_half_of_the_pace_to_the_rest() {
    let pace = pace(6);
    let start = Instant::now();
    let mut left = Vec::new();
    for _ in 0..4 {
        let turn = pace.turn(DAYS, after(600)).await.unwrap();
        left.push(start.elapsed().as_secs());
        drop(turn);
    }
    // Three in the first minute, the fourth when the first of them is a minute old.
    assert_eq!(left, [0, 0, 0, 60]);
    sleep(Duration::from_mins(2)).await;
    // The rest has all that days leave, and days what the rest leaves.
    let start = Instant::now();
    for _ in 0..5 {
        depart(&pace, after(1)).await.unwrap();
    }
    drop(pace.turn(DAYS, after(1)).await.unwrap());
    assert_eq!(start.elapsed(), Duration::ZERO);
    let late = pace.turn(DAYS, after(1)).await.unwrap_err();
    assert_eq!(late, Late::Paced { per_minute: 6 });
    let one = Pace::new(limits(Some(1)));
    drop(one.turn(DAYS, after(1)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_urgent_goes_one_by_one() {
    let pace = pace(100);
    let first = pace.turn(DAYS, after(60)).await.unwrap();
    assert_eq!(pace.turn(DAYS, after(60)).await.unwrap_err(), Late::Busy);
    drop(first);
    pace.turn(DAYS, after(60)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_leaves_room_for_the_others() {
    let pace = pace(100);
    let mut dead = Vec::new();
    for _ in 0..IN_FLIGHT_PER_LANE {
        dead.push(pace.turn(HAPPINESS, after(60)).await.unwrap());
    }
    let start = Instant::now();
    let other = pace.turn(PRODUCTIVITY, after(60)).await.unwrap();
    assert_eq!(Instant::now(), start);
    assert_eq!(
        pace.turn(HAPPINESS, after(60)).await.unwrap_err(),
        Late::Busy
    );
    assert_eq!(
        pace.turn(TAGS, after(60)).await.unwrap_err(),
        Late::Busy,
        "four at most"
    );
    drop((dead, other));
    pace.turn(TAGS, after(1)).await.unwrap();
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

/// Makes `calls` calls, many at once, of which each is answered after `answer`. Gives the share of the
/// ceiling that was made use of, and the most requests that were under way at once.
async fn long_run(per_minute: u32, calls: u32, answer: Duration) -> (f64, usize) {
    let pace = Pace::growing(limits(Some(per_minute)));
    let under_way = std::sync::atomic::AtomicUsize::new(0);
    let most = std::sync::atomic::AtomicUsize::new(0);
    let start = Instant::now();
    let calls_made = (0..calls).map(|_| async {
        let turn = pace.turn(PRODUCTIVITY, after(1_000_000)).await;
        let turn = turn.unwrap();
        let now = under_way.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        most.fetch_max(now, std::sync::atomic::Ordering::Relaxed);
        sleep(answer).await;
        under_way.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        drop(turn);
    });
    let calls_made = futures_util::stream::iter(calls_made);
    futures_util::StreamExt::for_each_concurrent(calls_made, 64, |call| call).await;
    // The last minute's calls may all leave at its start: whole minutes tell.
    let minutes = (Instant::now() - start).as_secs_f64() / 60.0;
    let share = f64::from(calls - per_minute) / minutes / f64::from(per_minute);
    (share, most.load(std::sync::atomic::Ordering::Relaxed))
}

/// However fast or slow answers come, the pace is all that limits a long run, over no more requests
/// at once than that takes.
#[tokio::test(start_paused = true)]
async fn nothing_but_the_pace_limits_a_long_run() {
    for (per_minute, milliseconds, most_needed) in [
        (100, 0, 1),
        (400, 0, 1),
        (100, 600, 3),
        (400, 600, 7),
        (100, 2_000, 6),
        (1_000, 1_000, 23),
    ] {
        let answer = Duration::from_millis(milliseconds);
        let (share, most) = long_run(per_minute, 21 * per_minute, answer).await;
        assert!(
            share >= 0.95,
            "{share} of {per_minute} at {milliseconds} ms"
        );
        assert!(share <= 1.0, "{share} of {per_minute} at {milliseconds} ms");
        assert!(
            most <= most_needed,
            "{most} at once for {per_minute} at {milliseconds} ms"
        );
    }
}
