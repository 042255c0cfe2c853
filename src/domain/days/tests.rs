use proptest::prelude::*;

use super::super::window::Window;
use super::*;

fn end() -> Timestamp {
    "2017-12-15T10:30:00Z".parse().unwrap()
}

fn days_before_end(days: i64) -> Timestamp {
    Timestamp::from_second(end().as_second() - days * DAY_SECONDS).unwrap()
}

/// `first` and `last` in days before `end`.
fn interval(first: i64, last: i64) -> Interval {
    Interval {
        start: days_before_end(first),
        end: days_before_end(last),
    }
}

fn told(counts: &[u64]) -> DailyCounts {
    DailyCounts::ending_at(end(), counts.iter().copied().map(Some).collect())
}

/// 1 ticket on the oldest day, 56 on the newest.
fn rising() -> DailyCounts {
    told(&std::array::from_fn::<u64, DAYS, _>(|day| day as u64 + 1))
}

/// Held against the last day.
fn confirmed(days: &DailyCounts) -> ConfirmedDays {
    let last = days.iter().next_back().unwrap();
    confirm(days, &[(last.0, last.1.or(Some(0)))]).unwrap()
}

#[test]
fn sums_whole_days() {
    let days = confirmed(&rising());
    let created = |first, last| days.created_in(interval(first, last));
    assert_eq!(created(1, 0), Some(56));
    assert_eq!(created(7, 0), Some(50 + 51 + 52 + 53 + 54 + 55 + 56));
    assert_eq!(created(14, 7), Some(43 + 44 + 45 + 46 + 47 + 48 + 49));
    assert_eq!(created(56, 55), Some(1));
    assert_eq!(created(56, 0), Some(56 * 57 / 2));
}

#[test]
fn does_not_know_what_it_does_not_cover() {
    let days = confirmed(&rising());
    let created = |start, end| days.created_in(Interval { start, end });
    assert_eq!(created(days_before_end(57), end()), None);
    assert_eq!(created(days_before_end(57), days_before_end(56)), None);
    assert_eq!(created(days_before_end(1), days_before_end(-1)), None);
    assert_eq!(created(end(), days_before_end(1)), None);
    assert_eq!(created(end(), end()), None);
    assert_eq!(created(Timestamp::MIN, end()), None);
    assert_eq!(created(end(), Timestamp::MAX), None);
    let second = SignedDuration::from_secs(1);
    assert_eq!(created(days_before_end(1) + second, end()), None);
    assert_eq!(created(days_before_end(1), end() - second), None);
    let hour = Window::parse("1h").unwrap();
    assert_eq!(days.created_in(hour.current(end())), None);
    // A part of a second is no whole day either.
    let part = SignedDuration::from_millis(500);
    assert_eq!(created(days_before_end(1) + part, end()), None);
}

#[test]
fn a_sum_too_large_to_count_is_unknown() {
    let mut counts = [0; DAYS];
    counts[54] = u64::MAX;
    counts[55] = 1;
    let days = confirmed(&told(&counts));
    assert_eq!(days.created_in(interval(1, 0)), Some(1));
    assert_eq!(days.created_in(interval(2, 1)), Some(u64::MAX));
    assert_eq!(days.created_in(interval(2, 0)), None);
    assert_eq!(days.baseline_in(&[interval(2, 1), interval(1, 0)]), None);
}

#[test]
fn days_of_a_calendar_have_their_own_lengths() {
    // The clocks change in the second night.
    let bounds: Vec<Timestamp> = [
        "2026-03-27T23:00:00Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T22:00:00Z",
        "2026-03-30T10:00:00Z",
    ]
    .map(|bound| bound.parse().unwrap())
    .to_vec();
    let counts = vec![Some(3), None, Some(5)];
    let days = DailyCounts::between(bounds.clone(), counts.clone()).unwrap();
    let whole = Interval {
        start: bounds[0],
        end: bounds[3],
    };
    let sunday = Interval {
        start: bounds[1],
        end: bounds[2],
    };
    let days = confirm(&days, &[(whole, Some(8)), (sunday, Some(0))]).unwrap();
    assert_eq!(days.created_in(whole), Some(8));
    assert_eq!(days.created_in(sunday), Some(0));
    assert_eq!(DailyCounts::between(bounds.clone(), vec![Some(1)]), None);
    let back = vec![bounds[1], bounds[0], bounds[2], bounds[3]];
    assert_eq!(DailyCounts::between(back, counts), None);
}

#[test]
fn whole_days_must_have_the_very_count() {
    let days = rising();
    let against = |first, last, created| confirm(&days, &[(interval(first, last), Some(created))]);
    assert!(against(7, 0, 371).is_ok());
    for created in [0, 370, 372] {
        let doubt = against(7, 0, created).unwrap_err();
        assert_eq!(
            doubt,
            Doubt::Contradicts {
                interval: interval(7, 0),
                days: 371,
                created
            }
        );
    }
    // Longer than the days reach: not fewer than they hold.
    assert!(against(90, 0, 1596).is_ok() && against(90, 0, 9999).is_ok());
    assert!(against(90, 0, 1595).is_err());
}

/// A month in which the clocks change is not made of days of 24 hours.
#[test]
fn an_interval_that_cuts_a_day_lies_between() {
    let mut counts = [2; DAYS];
    counts[DAYS - 31] = 100;
    let days = told(&counts);
    let agrees = |seconds, created| {
        let month = Interval::ending_at(end(), seconds);
        confirm(&days, &[(month, Some(created))]).is_ok()
    };
    assert!(agrees(30 * DAY_SECONDS, 60) && !agrees(30 * DAY_SECONDS, 61));
    assert!(agrees(31 * DAY_SECONDS, 160));
    let table = [
        (59, false),
        (60, true),
        (90, true),
        (160, true),
        (161, false),
    ];
    for (created, expected) in table {
        assert_eq!(
            agrees(31 * DAY_SECONDS - 3600, created),
            expected,
            "{created}"
        );
        assert_eq!(
            agrees(30 * DAY_SECONDS + 3600, created),
            expected,
            "{created}"
        );
    }
    // An hour of the last day.
    assert!(agrees(3600, 0) && agrees(3600, 2) && !agrees(3600, 3));
}

#[test]
fn days_without_a_ticket_tell_nothing_that_no_count_confirms() {
    let silent = [
        told(&[0; DAYS]),
        DailyCounts::ending_at(end(), vec![None; DAYS]),
    ];
    for days in silent {
        assert_eq!(confirm(&days, &[]), Err(Doubt::Unchecked));
        assert_eq!(
            confirm(&days, &[(interval(7, 0), None), (interval(1, 0), None)]),
            Err(Doubt::Unconfirmed)
        );
        let quiet = confirm(&days, &[(interval(7, 0), Some(0))]).unwrap();
        assert_eq!(quiet.created_in(interval(28, 0)), None);
        assert_eq!(quiet.baseline_in(&[interval(35, 7)]), None);
        assert_eq!((quiet.dispersion(), quiet.begins_at()), (None, None));
    }
    let alive = confirm(&rising(), &[(interval(7, 0), None)]).unwrap();
    assert_eq!(alive.created_in(interval(2, 0)), Some(55 + 56));
    assert_eq!(confirm(&rising(), &[]), Err(Doubt::Unchecked));
}

/// What was before the first day with a ticket is unknown: a young mailbox has neither a baseline nor
/// a dispersion made of zeros.
#[test]
fn a_young_mailbox_has_no_past() {
    let young = |days: usize| {
        let mut counts = [0; DAYS];
        counts[DAYS - days..].fill(20);
        confirmed(&told(&counts))
    };
    let nine = young(9);
    assert_eq!(nine.dispersion(), None);
    assert_eq!(nine.begins_at(), Some(days_before_end(9)));
    assert_eq!(nine.baseline_in(&[interval(8, 7)]), Some(20));
    let weeks = [8, 15, 22, 29].map(|day| interval(day, day - 1));
    assert_eq!(nine.baseline_in(&weeks), None);
    assert_eq!(nine.baseline_in(&[interval(35, 7)]), None);
    assert_eq!(nine.created_in(interval(28, 0)), Some(180), "all there are");
    assert_eq!(young(13).dispersion(), None);
    assert_eq!(young(14).dispersion(), Some(1.0));
    assert_eq!(young(35).baseline_in(&[interval(35, 7)]), Some(28 * 20));
    assert_eq!(young(34).baseline_in(&[interval(35, 7)]), None);
}

#[test]
fn a_doubt_says_what_is_wrong() {
    let doubt = confirm(&rising(), &[(interval(1, 0), Some(5))]).unwrap_err();
    assert_eq!(
        doubt.to_string(),
        "the daily counts over [2017-12-14T10:30:00Z, 2017-12-15T10:30:00Z) sum to 56, but 5 \
         tickets were counted as created in it"
    );
}

fn counts() -> impl Strategy<Value = Vec<Option<u64>>> {
    let day = proptest::option::weighted(0.9, prop_oneof![Just(0_u64), 0_u64..1_000_000]);
    proptest::collection::vec(day, DAYS)
}

proptest! {
    /// Counts of disjoint intervals add up.
    #[test]
    fn adjacent_intervals_add_up(
        counts in proptest::collection::vec(1_u64..1_000_000, DAYS),
        mut days in proptest::array::uniform3(0_i64..=56),
    ) {
        days.sort_unstable();
        let [last, middle, first] = days;
        prop_assume!(last < middle && middle < first);
        let days = confirmed(&told(&counts));
        let created = |first, last| days.created_in(interval(first, last)).unwrap();
        prop_assert_eq!(created(first, middle) + created(middle, last), created(first, last));
    }

    /// The truth never contradicts itself, whatever interval it is counted in, and what is left out
    /// of the answer where it is 0 changes nothing.
    #[test]
    fn true_days_are_confirmed(
        counts in counts(),
        hours in proptest::array::uniform2(0_i64..=56 * 24),
        sixteenths in 0_u64..=16,
    ) {
        let days = DailyCounts::ending_at(end(), counts);
        let [last, first] = { let mut hours = hours; hours.sort_unstable(); hours };
        let asked = Interval {
            start: end() - SignedDuration::from_hours(first),
            end: end() - SignedDuration::from_hours(last),
        };
        let (least, most) = days.least_and_most(asked);
        prop_assert!(least <= most);
        let created = least + (most - least) / 16 * sixteenths;
        let told = confirm(&days, &[(asked, Some(created))]);
        prop_assert!(told.is_ok(), "{told:?}");
        let filled = days.iter().map(|(_, count)| count.or(Some(0))).collect();
        let filled = DailyCounts::ending_at(end(), filled);
        let filled = confirm(&filled, &[(asked, Some(created))]).unwrap();
        prop_assert_eq!(filled.dispersion(), told.unwrap().dispersion());
        if most < u64::MAX {
            let more = confirm(&days, &[(asked, Some(most + 1))]);
            prop_assert!(more.is_err() || first == last);
        }
    }

    /// However long a mailbox was not there, what is concluded of its own days stays.
    #[test]
    fn zeros_before_the_first_ticket_change_no_dispersion(
        counts in proptest::collection::vec(0_u64..500, FEWEST_DAYS..DAYS),
        first in 1_u64..500,
    ) {
        let mut own = counts;
        own[0] = first;
        let mut padded = vec![0; DAYS - own.len()];
        padded.extend(&own);
        let alone = confirmed(&told(&own)).dispersion();
        prop_assert!(alone.is_some());
        prop_assert_eq!(alone, confirmed(&told(&padded)).dispersion());
    }

    #[test]
    fn never_panics(
        start in -400_000_000_000_i64..300_000_000_000,
        seconds in 0_i64..10_000_000,
        counts in counts(),
        created in proptest::option::of(0_u64..),
    ) {
        let start = Timestamp::from_second(start).unwrap_or(Timestamp::MIN);
        let later = start.checked_add(SignedDuration::from_secs(seconds));
        let asked = Interval { start, end: later.unwrap_or(start) };
        for last in [end(), start, Timestamp::MIN] {
            let days = DailyCounts::ending_at(last, counts.clone());
            if let Ok(days) = confirm(&days, &[(asked, created)]) {
                let _ = (days.created_in(asked), days.dispersion(), days.begins_at());
                let _ = days.baseline_in(&[asked]);
            }
        }
    }
}
