//! What is sent, and how it is counted.

use super::*;

#[tokio::test]
async fn the_token_request_is_a_form_and_the_others_bear_the_token() {
    let desk = Desk::new(good).await;
    desk.productivity().await.unwrap();
    let asked = desk.upstream.asked();
    let [token, report] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (token.method.as_str(), token.target()),
        ("POST", TOKEN.to_owned())
    );
    assert_eq!(
        token.header("content-type"),
        "application/x-www-form-urlencoded"
    );
    assert_eq!(token.header("authorization"), "");
    assert_eq!(
        token.body,
        "grant_type=client_credentials&client_id=app+id%26&client_secret=planted-secret"
    );
    assert_eq!(report.method, "GET");
    assert_eq!(report.header("authorization"), "Bearer example-token");
    assert_eq!(report.header("accept"), "application/json");
    assert_eq!(report.header("accept-encoding"), "gzip");
    assert!(
        report
            .header("user-agent")
            .starts_with("contact-rate-exporter/")
    );
    assert_eq!(report.body, "");
}

#[tokio::test]
async fn one_refresh_asks_for_exactly_this() {
    let desk = Desk::new(|asked| {
        if asked.path == PRODUCTIVITY {
            let both = r#"{"current":{"newConversations":1,"resolved":1,"closed":1,"repliesSent":1,"messagesReceived":1},
                "previous":{"newConversations":2,"resolved":2,"closed":2,"repliesSent":2}}"#;
            return Reply::json(200, both);
        }
        good(asked)
    })
    .await;
    let reader = desk.reader();
    let mut expected = Vec::new();
    let filters = [
        (Segment::all(), "", ""),
        (
            usagers(),
            "&mailboxes=102,101&tags=7002,7001",
            "&mailbox=102,101&tag=Feature%20request,billing",
        ),
    ];
    for (segment, by_id, by_name) in filters {
        let filter = reader.filter(&segment).await.unwrap();
        assert!(filter.can_be_listed());
        reader
            .contacts(&filter, window(), previous())
            .await
            .unwrap();
        reader.daily_created(&filter, end()).await.unwrap();
        reader.happiness(&filter, window()).await.unwrap();
        reader.open_tickets(&filter).await.unwrap();
        if segment.name != Segment::ALL {
            expected.extend([format!("{MAILBOXES}?page=1"), format!("{TAGS}?page=1")]);
        }
        let range = "start=2026-01-01T12:34:00Z&end=2026-01-08T12:33:59Z";
        expected.extend([
            format!(
                "{PRODUCTIVITY}?{range}{by_id}\
                 &previousStart=2025-12-25T12:34:00Z&previousEnd=2026-01-01T12:33:59Z"
            ),
            format!("{NEW}?start=2025-11-13T12:34:00Z&end=2026-01-08T12:33:59Z{by_id}&viewBy=day"),
            format!("{HAPPINESS}?{range}{by_id}"),
            format!("{CONVERSATIONS}?status=active{by_name}&sortField=createdAt&sortOrder=asc"),
            format!("{CONVERSATIONS}?status=pending{by_name}&sortField=createdAt&sortOrder=asc"),
        ]);
    }
    let (mut asked, mut expected) = (desk.targets(), expected);
    asked.sort();
    expected.sort();
    assert_eq!(asked, expected);
    assert_eq!(desk.count(TOKEN), 1);
}

#[tokio::test]
async fn a_segment_by_channel_is_a_type_of_reports_and_no_list() {
    let desk = Desk::new(good).await;
    let reader = desk.reader();
    let segment = Segment {
        channels: Channel::ALL.to_vec(),
        ..Segment::all()
    };
    let filter = reader.filter(&segment).await.unwrap();
    assert!(!filter.can_be_listed());
    reader.happiness(&filter, window()).await.unwrap();
    assert_eq!(
        desk.targets(),
        [format!(
            "{HAPPINESS}?start=2026-01-01T12:34:00Z&end=2026-01-08T12:33:59Z&types=email,chat,phone"
        )]
    );
    let error = reader.open_tickets(&filter).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Query);
    let error = reader
        .created_by_search(&filter, window())
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::Query);
    assert_eq!(desk.targets().len(), 1, "nothing was asked");
}

#[tokio::test]
async fn a_search_sums_the_statuses_but_spam() {
    let desk = Desk::new(|asked| {
        let number = match asked.query.split('&').next() {
            Some("status=active") => 3,
            Some("status=pending") => 20,
            Some("status=closed") => 100,
            _ => return good(asked),
        };
        Reply::json(200, format!(r#"{{"page":{{"totalElements":{number}}}}}"#))
    })
    .await;
    let reader = desk.reader();
    let filter = reader.filter(&usagers()).await.unwrap();
    assert_eq!(
        reader.created_by_search(&filter, window()).await.unwrap(),
        123
    );
    let open = reader.open_tickets(&filter).await.unwrap();
    let open: Vec<(&str, u64)> = open
        .iter()
        .map(|one| (one.status.as_str(), one.count))
        .collect();
    assert_eq!(open, [("active", 3), ("pending", 20)]);
    let target = format!(
        "{CONVERSATIONS}?status=closed&mailbox=102,101&tag=Feature%20request,billing\
         &query=%28createdAt:%5B2026-01-01T12:34:00Z%20TO%202026-01-08T12:33:59Z%5D%29"
    );
    assert!(desk.targets().contains(&target), "{:?}", desk.targets());
}

#[test]
fn the_client_is_made_outside_of_a_runtime_and_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let url = Url::parse("https://api.helpscout.net").unwrap();
    let config = config(&url, Duration::from_secs(1));
    let help_scout = HelpScout::new(
        &config,
        config.helpscout().unwrap(),
        Telemetry::new().unwrap(),
    )
    .unwrap();
    shared(&help_scout);
}

#[tokio::test]
async fn readings_can_be_spawned() {
    let desk = Arc::new(Desk::new(good).await);
    let readings = (0..3).map(|_| {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let reader = desk.reader();
            let filter = reader.filter(&usagers()).await?;
            reader.contacts(&filter, window(), previous()).await?;
            reader.daily_created(&filter, end()).await?;
            reader.created_by_search(&filter, window()).await?;
            reader.open_tickets(&filter).await
        })
    });
    for reading in futures_util::future::join_all(readings).await {
        reading.unwrap().unwrap();
    }
    let known = [TOKEN, PRODUCTIVITY, NEW, CONVERSATIONS, MAILBOXES, TAGS];
    for asked in desk.upstream.asked() {
        assert!(known.contains(&asked.path.as_str()), "{}", asked.path);
    }
}

#[tokio::test]
async fn requests_are_counted() {
    let failures = AtomicUsize::new(0);
    let desk = Desk::only(PRODUCTIVITY, move || {
        match failures.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::json(503, ""),
            1 => Reply::reset(),
            _ => recorded("productivity-2017-11.json"),
        }
    })
    .await;
    desk.productivity().await.unwrap();
    let counted: BTreeMap<String, String> = desk
        .metrics()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| name.starts_with("contact_helpscout_requests_total"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let line = |endpoint, code| {
        let name =
            format!(r#"contact_helpscout_requests_total{{code="{code}",endpoint="{endpoint}"}}"#);
        (name, "1".to_owned())
    };
    let expected = [
        line("productivity", "200"),
        line("productivity", "503"),
        line("productivity", "error"),
        line("token", "200"),
    ];
    assert_eq!(counted, BTreeMap::from(expected));
    let metrics = desk.metrics();
    assert!(
        metrics.contains(
            "contact_helpscout_request_duration_seconds_count{endpoint=\"productivity\"} 3\n"
        ),
        "{metrics}"
    );
    assert!(!metrics.contains("rate_limit"), "unknown is absent");
    let debug = format!("{:?}", desk.help_scout);
    assert!(
        !debug.contains(SECRET) && !debug.contains("example-token"),
        "{debug}"
    );
}
