//! What becomes of the numbers in answers, and of those left out.

use super::*;

#[tokio::test]
async fn recorded_months_are_read() {
    let desk = Desk::new(|asked| {
        if asked.path == PRODUCTIVITY && asked.query.contains("start=2017-12-01") {
            return recorded("productivity-2017-12.json");
        }
        good(asked)
    })
    .await;
    let all = desk.all().await;
    let month = |start: &str, end: &str| Interval {
        start: start.parse().unwrap(),
        end: end.parse().unwrap(),
    };
    let november = month("2017-11-01T00:00:00Z", "2017-12-01T00:00:00Z");
    let december = month("2017-12-01T00:00:00Z", "2018-01-01T00:00:00Z");
    let reader = desk.reader();
    let counts = reader.contacts_alone(&all, november).await.unwrap();
    assert_eq!((counts.created, counts.replies), (Some(178), Some(187)));
    let counts = reader.contacts_alone(&all, december).await.unwrap();
    assert_eq!((counts.created, counts.replies), (Some(126), Some(156)));
    assert_eq!(counts.received_messages, Some(196));
    assert_eq!(desk.targets().len(), 2);
}

#[tokio::test]
async fn a_previous_range_that_is_missing_or_lacks_a_count_is_read_by_itself() {
    let current = r#""current":{"newConversations":9,"resolved":8,"closed":8,"repliesSent":7,"messagesReceived":6}"#;
    let alone = r#"{"current":{"newConversations":5,"resolved":4,"closed":4,"repliesSent":3,"messagesReceived":2}}"#;
    for rest in [
        "",
        r#","previous":null"#,
        r#","previous":{"newConversations":null,"resolved":4,"closed":4,"repliesSent":3}"#,
        r#","previous":{"newConversations":5,"resolved":null,"closed":4,"repliesSent":3}"#,
        r#","previous":{"newConversations":5,"resolved":4,"closed":4}"#,
    ] {
        let desk = Desk::new(move |asked| match asked.path.as_str() {
            PRODUCTIVITY if asked.query.contains("previousStart") => {
                Reply::json(200, format!("{{{current}{rest}}}"))
            }
            PRODUCTIVITY => Reply::json(200, alone),
            _ => good(asked),
        })
        .await;
        let all = desk.all().await;
        let Contacts { current, previous } = desk
            .reader()
            .contacts(&all, window(), previous())
            .await
            .unwrap();
        assert_eq!(
            (current.created, previous.created),
            (Some(9), Some(5)),
            "{rest}"
        );
        assert_eq!(
            (current.replies, previous.replies),
            (Some(7), Some(3)),
            "{rest}"
        );
        assert_eq!(
            desk.targets()[1..],
            [format!(
                "{PRODUCTIVITY}?start=2025-12-25T12:34:00Z&end=2026-01-01T12:33:59Z"
            )],
            "{rest}"
        );
    }
}

#[tokio::test]
async fn a_previous_range_in_which_nothing_happened_needs_no_call() {
    let null_filled: serde_json::Value =
        serde_json::from_slice(&fixture("productivity-no-data.json")).unwrap();
    let mut report: serde_json::Value =
        serde_json::from_slice(&fixture("productivity-2017-11.json")).unwrap();
    report["previous"] = null_filled["current"].clone();
    let body = report.to_string();
    let desk = Desk::only(PRODUCTIVITY, move || Reply::json(200, body.clone())).await;
    let all = desk.all().await;
    let contacts = desk
        .reader()
        .contacts(&all, window(), previous())
        .await
        .unwrap();
    assert_eq!(
        contacts.previous,
        ContactCounts {
            created: Some(0),
            resolved: Some(0),
            closed: Some(0),
            replies: Some(0),
            received_messages: Some(0),
            ..ContactCounts::default()
        }
    );
    assert_eq!(desk.targets().len(), 1);
}

#[tokio::test]
async fn counts_that_a_report_lacks_are_read_elsewhere_or_unknown() {
    // As in the official samples: no newConversations, no messagesReceived.
    let body = r#"{"current":{"resolved":4,"closed":5,"repliesSent":6},
        "previous":{"resolved":1,"closed":2,"repliesSent":3}}"#;
    let desk = Desk::only(PRODUCTIVITY, move || Reply::json(200, body)).await;
    let all = desk.all().await;
    let contacts = desk
        .reader()
        .contacts(&all, window(), previous())
        .await
        .unwrap();
    assert_eq!(contacts.current.created, None, "never 0");
    assert_eq!(contacts.current.received_messages, Some(41));
    assert_eq!(contacts.previous.closed, Some(2));
    assert_eq!(
        desk.targets()[1..],
        [format!(
            "{RECEIVED}?start=2026-01-01T12:34:00Z&end=2026-01-08T12:33:59Z&viewBy=day"
        )]
    );
    // Longer than a series by day may be.
    let year = Interval::ending_at(end(), 366 * DAY);
    desk.reader().contacts_alone(&all, year).await.unwrap();
    assert!(desk.targets().last().unwrap().ends_with("&viewBy=month"));
}

#[tokio::test]
async fn messages_that_cannot_be_counted_cost_no_other_count() {
    let body = r#"{"current":{"closed":5}}"#;
    for (status, known) in [(400, true), (403, true), (404, true), (500, false)] {
        let desk = Desk::new(move |asked| match asked.path.as_str() {
            PRODUCTIVITY => Reply::json(200, body),
            RECEIVED => Reply::json(status, "{}"),
            _ => good(asked),
        })
        .await;
        let counts = desk.productivity().await;
        if known {
            let counts = counts.unwrap();
            assert_eq!((counts.closed, counts.received_messages), (Some(5), None));
        } else {
            // The last values stay instead.
            assert_eq!(counts.unwrap_err().reason(), Reason::Status);
        }
    }
}

#[tokio::test]
async fn days_are_placed_on_the_grid_that_ends_at_end() {
    let desk = Desk::only(NEW, || {
        let buckets = r#"{"current":[{"start":"2025-11-13T12:34:00Z","count":4},
            {"start":"2026-01-07T12:34:00Z","count":9},{"date":"2026-01-06T12:34:00Z","count":7}]}"#;
        Reply::json(200, buckets)
    })
    .await;
    let all = desk.all().await;
    let daily = desk.reader().daily_created(&all, end()).await.unwrap();
    let days: Vec<Option<u64>> = daily.iter().map(|(_, count)| count).collect();
    assert_eq!(
        (days.len(), days[0], days[54], days[55]),
        (56, Some(4), Some(7), Some(9))
    );
    assert_eq!(days.iter().flatten().sum::<u64>(), 20);
    let (last, _) = daily.iter().next_back().unwrap();
    assert_eq!(last, Interval::ending_at(end(), DAY));
    // The same buckets for a range of other days.
    let error = desk
        .reader()
        .created_by_day(&all, Interval::ending_at(end(), 2 * DAY))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::Decode);
    assert!(
        error
            .to_string()
            .contains("a bucket starts at 2025-11-13T12:34:00Z"),
        "{error}"
    );
    for seconds in [0, 3600, DAY + 1, 61 * DAY] {
        let error = desk
            .reader()
            .created_by_day(&all, Interval::ending_at(end(), seconds))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::NotDays { .. }), "{error}");
    }
    assert_eq!(desk.count(NEW), 2);
    let midnight = Desk::only(NEW, || recorded("conversations-new.json")).await;
    let error = midnight
        .reader()
        .daily_created(&all, end())
        .await
        .unwrap_err();
    assert_eq!(
        error.reason(),
        Reason::Decode,
        "buckets at midnight are not ours"
    );
}

/// A month in which clocks change is no whole number of days: its last day is cut short.
#[tokio::test]
async fn days_of_any_range_are_told() {
    let desk = Desk::only(NEW, || {
        let buckets = r#"{"current":[{"start":"2026-01-07T11:34:00Z","count":4},
            {"start":"2026-01-08T11:34:00Z","count":9}]}"#;
        Reply::json(200, buckets)
    })
    .await;
    let all = desk.all().await;
    let created = async |seconds| {
        let interval = Interval::ending_at(end(), seconds);
        desk.reader().created_days(&all, interval).await
    };
    let days = created(DAY + 3600).await.unwrap();
    let told: Vec<_> = days
        .iter()
        .map(|(day, count)| (day.seconds(), count))
        .collect();
    assert_eq!(told, [(DAY, Some(4)), (3600, Some(9))]);
    // Buckets that begin elsewhere, or after the range, are of another range.
    for seconds in [3600, 2 * DAY, DAY + 7200] {
        let error = created(seconds).await.unwrap_err();
        assert_eq!(error.reason(), Reason::Decode, "{seconds}");
    }
    for seconds in [0, 60 * DAY + 1] {
        let error = created(seconds).await.unwrap_err();
        assert!(matches!(error, Error::NotDays { .. }), "{error}");
    }
    assert_eq!(desk.count(NEW), 4);
}

#[tokio::test]
async fn ratings_are_read() {
    let desk = Desk::new(good).await;
    let all = desk.all().await;
    assert_eq!(
        desk.reader().happiness(&all, window()).await.unwrap(),
        Ratings {
            great: 7,
            okay: 2,
            not_good: 1
        }
    );
}
