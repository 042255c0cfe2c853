use jiff::Timestamp;
use proptest::prelude::*;

use super::super::days::DAYS;
use super::*;

fn end() -> Timestamp {
    "2017-12-15T10:30:00Z".parse().unwrap()
}

fn window(name: &str) -> Window {
    Window::parse(name).unwrap()
}

fn days(counts: &[u64]) -> DailyCounts {
    DailyCounts::ending_at(end(), counts.iter().copied().map(Some).collect())
}

fn created(current: Option<u64>, previous: Option<u64>) -> Contacts {
    let counts = |created| ContactCounts {
        created,
        ..ContactCounts::default()
    };
    Contacts {
        current: counts(current),
        previous: counts(previous),
    }
}

/// Of windows by their names, with what was counted in each.
fn concluded(read: &[(&str, Option<Contacts>)], days: Option<&DailyCounts>) -> Conclusions {
    conclude(&SegmentReading {
        windows: read
            .iter()
            .map(|(name, contacts)| (Question::of(&window(name), end()), contacts.as_ref()))
            .collect(),
        days,
    })
}

#[test]
fn what_the_answer_lacks_comes_from_days_that_are_confirmed() {
    let daily = days(&[3; DAYS]);
    let lacking = created(None, None);
    let all = concluded(
        &[
            ("1h", Some(lacking.clone())),
            ("7d", Some(lacking.clone())),
            ("28d", Some(lacking.clone())),
            ("60d", Some(lacking.clone())),
            ("1d", None),
        ],
        Some(&daily),
    );
    assert_eq!((all.doubt, all.dispersion), (None, Some(1.0)));
    let told: Vec<_> = all
        .windows
        .iter()
        .map(|window| {
            let window = window.as_ref()?;
            Some((
                window.current.created,
                window.previous.created,
                window.baseline,
                window.no_created,
            ))
        })
        .collect();
    assert_eq!(
        told,
        [
            Some((None, None, None, Some(NoCreated::NotInDays))),
            Some((Some(21), Some(21), Some(84), None)),
            Some((Some(84), Some(84), Some(84), None)),
            Some((None, None, None, Some(NoCreated::NotInDays))),
            None,
        ]
    );
    // Each is taken where the answer has it.
    let half = concluded(&[("7d", Some(created(Some(21), None)))], Some(&daily));
    let half = half.windows[0].as_ref().unwrap();
    assert_eq!(
        (half.current.created, half.previous.created),
        (Some(21), Some(21))
    );
}

/// The false zero of the past: reports without created tickets, and an empty series.
#[test]
fn an_empty_series_is_no_zero() {
    let empty = DailyCounts::ending_at(end(), vec![None; DAYS]);
    for days in [empty, days(&[0; DAYS])] {
        let all = concluded(&[("7d", Some(created(None, None)))], Some(&days));
        assert_eq!(all.doubt, Some(Doubt::Unconfirmed));
        assert_eq!(all.dispersion, None);
        let week = all.windows[0].as_ref().unwrap();
        assert_eq!((week.current.created, week.previous.created), (None, None));
        assert_eq!(
            week.no_created,
            Some(NoCreated::Doubtful(Doubt::Unconfirmed))
        );
        assert!(week.no_created.unwrap().may_pass());
    }
}

#[test]
fn days_that_contradict_one_window_are_used_for_none() {
    let daily = days(&[3; DAYS]);
    let all = concluded(
        &[
            ("1d", Some(created(Some(4), Some(3)))),
            ("7d", Some(created(None, None))),
        ],
        Some(&daily),
    );
    let question = Question::of(&window("1d"), end());
    let doubt = Doubt::Contradicts {
        interval: question.current,
        days: 3,
        created: 4,
    };
    assert_eq!((all.doubt, all.dispersion), (Some(doubt), None));
    let [day, week] = &all.windows[..] else {
        panic!()
    };
    assert_eq!(day.as_ref().unwrap().current.created, Some(4));
    assert_eq!(day.as_ref().unwrap().baseline, None);
    assert_eq!(
        week.as_ref().unwrap().no_created,
        Some(NoCreated::Doubtful(doubt))
    );
}

#[test]
fn without_days_there_is_what_the_answer_has() {
    let all = concluded(
        &[
            ("7d", Some(created(Some(4), Some(3)))),
            ("90d", Some(created(Some(40), Some(30)))),
            ("1d", Some(created(None, Some(1)))),
        ],
        None,
    );
    assert_eq!((all.doubt, all.dispersion), (None, None));
    let baselines: Vec<_> = all
        .windows
        .iter()
        .flatten()
        .map(|one| one.baseline)
        .collect();
    assert_eq!(
        baselines,
        [None, Some(30), None],
        "that of 90d is the window before"
    );
    let day = all.windows[2].as_ref().unwrap();
    assert_eq!(day.no_created, Some(NoCreated::NoDays));
}

/// Nine days of a steady 20 a day: no p-value, whatever the reports say of the time before.
#[test]
fn a_young_mailbox_has_neither_baseline_nor_dispersion() {
    let mut counts = [0; DAYS];
    counts[DAYS - 9..].fill(20);
    let all = concluded(
        &[
            ("1d", Some(created(Some(20), Some(20)))),
            ("7d", Some(created(Some(140), Some(40)))),
            ("28d", Some(created(Some(180), Some(0)))),
            ("30d", Some(created(Some(180), Some(0)))),
        ],
        Some(&days(&counts)),
    );
    assert_eq!((all.doubt, all.dispersion), (None, None));
    for window in all.windows.iter().flatten() {
        assert_eq!(window.baseline, None);
        let exposed = Exposed {
            current: 1000.0,
            previous: Some(1000.0),
            baseline: Some(4000.0),
        };
        let evidence = window
            .evidence(Tickets::Created, &exposed, all.dispersion)
            .unwrap();
        let assessment = super::super::assess(&evidence).unwrap();
        assert_eq!((assessment.baseline, assessment.rise_p_value), (None, None));
        assert!(assessment.previous.is_some() && assessment.bounds.is_some());
    }
}

#[test]
fn nothing_closed_is_nothing_resolved() {
    let mut contacts = created(Some(4), None);
    contacts.current.closed = Some(0);
    contacts.previous.closed = Some(1);
    let all = concluded(&[("7d", Some(contacts))], None);
    let week = all.windows[0].as_ref().unwrap();
    assert_eq!(
        (week.current.resolved, week.previous.resolved),
        (Some(0), None)
    );
}

#[test]
fn an_interval_alone_has_nothing_to_compare_with() {
    let month = Interval::ending_at(end(), 30 * 86_400);
    let contacts = created(None, None);
    let all = conclude(&SegmentReading {
        windows: vec![(Question::alone(month), Some(&contacts))],
        days: Some(&days(&[2; DAYS])),
    });
    let month = all.windows[0].as_ref().unwrap();
    assert_eq!(
        (month.current.created, month.previous.created),
        (Some(60), None)
    );
    assert_eq!(month.baseline, None);
}

#[test]
fn evidence_is_of_the_chosen_count() {
    let mut contacts = created(Some(21), Some(20));
    contacts.current.replies = Some(9);
    let all = concluded(&[("7d", Some(contacts))], Some(&days(&[3; DAYS])));
    let week = all.windows[0].as_ref().unwrap();
    let exposed = Exposed {
        current: 10.0,
        previous: None,
        baseline: Some(40.0),
    };
    let evidence = |tickets| week.evidence(tickets, &exposed, Some(2.0));
    let of_created = evidence(Tickets::Created).unwrap();
    assert_eq!(
        (of_created.count, of_created.previous_count),
        (21, Some(20))
    );
    assert_eq!(of_created.baseline.unwrap().tickets, 84);
    assert_eq!(evidence(Tickets::Replies).unwrap().count, 9);
    assert!(evidence(Tickets::Closed).is_none());
}

proptest! {
    /// Whatever an account leaves out, what is concluded is the truth or nothing.
    #[test]
    fn what_is_concluded_is_true_or_nothing(
        truth in proptest::collection::vec(0_u64..50, 2 * DAYS),
        tells in proptest::collection::vec(any::<(bool, bool)>(), 4),
        leaves_out_zeros in any::<bool>(),
        no_days in any::<bool>(),
    ) {
        let names = ["1d", "7d", "28d", "56d"];
        let lengths = [1, 7, 28, 56];
        let sum = |last: usize, length: usize| -> u64 {
            truth[2 * DAYS - last - length..2 * DAYS - last].iter().sum()
        };
        let read: Vec<(&str, Option<Contacts>)> = (0..4)
            .map(|index| {
                let length = lengths[index];
                let (current, previous) = tells[index];
                let contacts = created(
                    current.then(|| sum(0, length)),
                    previous.then(|| sum(length, length)),
                );
                (names[index], Some(contacts))
            })
            .collect();
        let counts = truth[DAYS..]
            .iter()
            .map(|&count| (count > 0 || !leaves_out_zeros).then_some(count))
            .collect();
        let daily = DailyCounts::ending_at(end(), counts);
        let all = concluded(&read, Some(&daily).filter(|_| !no_days));
        prop_assert!(all.doubt.is_none() || all.doubt == Some(Doubt::Unconfirmed));
        for (index, concluded) in all.windows.iter().flatten().enumerate() {
            let length = lengths[index];
            for (known, true_count) in [
                (concluded.current.created, sum(0, length)),
                (concluded.previous.created, sum(length.min(DAYS), length)),
            ] {
                prop_assert!(known.is_none_or(|known| known == true_count), "{known:?} {true_count}");
            }
            if tells[index].0 {
                prop_assert_eq!(concluded.current.created, Some(sum(0, length)));
            }
            prop_assert_eq!(concluded.no_created.is_some(), concluded.current.created.is_none());
        }
    }
}
