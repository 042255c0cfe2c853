//! Every way to fail has its reason, its number of tries and its words.

use super::*;

#[tokio::test]
async fn failures_have_their_reason_and_their_number_of_tries() {
    type Make = fn() -> Reply;
    let cases: [(Make, Reason, usize); 12] = [
        (
            || Reply::json(400, fixture("error-400-validation.json")),
            Reason::Status,
            1,
        ),
        (
            || Reply::json(403, fixture("error-403-plan.json")),
            Reason::Forbidden,
            1,
        ),
        (
            || Reply::json(404, fixture("error-404.json")),
            Reason::Status,
            1,
        ),
        (|| Reply::json(422, "{}"), Reason::Status, 1),
        (
            || Reply::json(302, "").with("location", "/v2/tags"),
            Reason::Status,
            1,
        ),
        (
            || Reply::json(500, fixture("error-500.json")),
            Reason::Status,
            3,
        ),
        (|| Reply::json(503, "<html>"), Reason::Status, 3),
        (Reply::reset, Reason::Connect, 3),
        (Reply::broken_off, Reason::Connect, 3),
        (
            || Reply::json(200, "<html>Ada Lovelace</html>"),
            Reason::Decode,
            1,
        ),
        (|| Reply::gzip(b"not gzip".to_vec()), Reason::Decode, 1),
        (
            || Reply::json(200, r#"{"current":{"closed":-1}}"#),
            Reason::Decode,
            1,
        ),
    ];
    let cases = cases
        .into_iter()
        .enumerate()
        .map(|(number, (make, reason, tries))| async move {
            let desk = Desk::only(PRODUCTIVITY, make).await;
            let error = desk.productivity().await.unwrap_err();
            assert_eq!(error.reason(), reason, "{number}: {}", told(&error));
            assert_eq!(desk.count(PRODUCTIVITY), tries, "{number}");
            assert_eq!(desk.count(TAGS), 0, "{number}: no redirect is followed");
            let told = told(&error);
            for planted in [SECRET, "example-token", "Ada", "2026-01-01"] {
                assert!(!told.contains(planted), "{told}");
            }
            assert!(told.contains(PRODUCTIVITY), "{told}");
        });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn a_failure_tells_the_parameters_and_no_text_of_others() {
    let desk = Desk::only(PRODUCTIVITY, || {
        Reply::json(400, fixture("error-400-validation.json")).with("correlation-id", "abc-1#7")
    })
    .await;
    assert_eq!(
        desk.productivity().await.unwrap_err().to_string(),
        "/v2/reports/productivity answered with status 400: it complains of start, viewBy \
         (Correlation-Id abc-1#7)"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let timeout = Duration::from_millis(200);
    let script = |asked: &Asked| match asked.path.as_str() {
        PRODUCTIVITY => Reply::silence(),
        _ => good(asked),
    };
    let desk = Desk::with_timeout(script, timeout).await;
    assert_eq!(
        desk.productivity().await.unwrap_err().reason(),
        Reason::Timeout
    );
    assert_eq!(desk.count(PRODUCTIVITY), 3);
    // And one that ends with the refresh is not tried again.
    let desk = Desk::new(script).await;
    let all = desk.all().await;
    let error = desk
        .within(timeout)
        .contacts_alone(&all, window())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::OutOfTime { .. }), "{error}");
    assert_eq!(desk.count(PRODUCTIVITY), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_connect_failure() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = config(&Url::parse(&url).unwrap(), Duration::from_secs(5));
    let help_scout = HelpScout::new(
        &config,
        config.helpscout().unwrap(),
        Telemetry::new().unwrap(),
    )
    .unwrap();
    let reader = help_scout.until(tokio::time::Instant::now() + Duration::from_mins(1));
    let all = reader.filter(&Segment::all()).await.unwrap();
    let error = reader.happiness(&all, window()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Connect);
    assert!(!told(&error).contains(SECRET));
}

#[tokio::test]
async fn an_endless_body_is_refused_while_streaming() {
    let desk = Desk::only(PRODUCTIVITY, Reply::endless).await;
    let error = desk.productivity().await.unwrap_err();
    assert_eq!(error.reason(), Reason::TooLarge, "{}", told(&error));
    assert_eq!(desk.count(PRODUCTIVITY), 1);
    let poured = desk.upstream.poured.load(Ordering::Relaxed);
    // What the sockets' buffers hold comes on top.
    assert!(poured < 32 * 1024 * 1024, "{poured}");
}

#[tokio::test]
async fn bodies_count_uncompressed() {
    let padded = |size: usize| {
        let mut body = fixture("productivity-2017-11.json");
        body.resize(size, b' ');
        compressed(&body)
    };
    let fits = padded(8 * 1024 * 1024);
    let desk = Desk::only(PRODUCTIVITY, move || Reply::gzip(fits.clone())).await;
    assert_eq!(desk.productivity().await.unwrap().created, Some(178));
    let bomb = padded(64 * 1024 * 1024);
    assert!(bomb.len() < 128 * 1024);
    let desk = Desk::only(PRODUCTIVITY, move || Reply::gzip(bomb.clone())).await;
    assert_eq!(
        desk.productivity().await.unwrap_err().reason(),
        Reason::TooLarge
    );
    assert_eq!(desk.count(PRODUCTIVITY), 1);
    // A failure with a long story is still that failure.
    let desk = Desk::only(PRODUCTIVITY, || Reply::json(404, vec![b' '; 1024 * 1024])).await;
    assert_eq!(
        desk.productivity().await.unwrap_err().reason(),
        Reason::Status
    );
}

#[tokio::test]
async fn a_401_costs_one_new_token_for_all() {
    let issued = AtomicUsize::new(0);
    let desk = Desk::new(move |asked| match asked.path.as_str() {
        TOKEN => {
            let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
            Reply::json(
                200,
                format!(r#"{{"access_token":"token-{number}","expires_in":7200}}"#),
            )
        }
        _ if asked.header("authorization") == "Bearer token-1" => {
            Reply::json(401, fixture("error-401-invalid-token.json"))
        }
        _ => good(asked),
    })
    .await;
    let all = desk.all().await;
    let reader = desk.reader();
    let calls = (0..6).map(|_| reader.happiness(&all, window()));
    let calls = futures_util::future::join_all(calls).await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
    assert_eq!(desk.count(TOKEN), 2);
}

#[tokio::test]
async fn refused_credentials_cost_one_request() {
    for status in [400, 401] {
        let desk = Desk::only(TOKEN, move || {
            Reply::json(status, fixture("error-400-invalid-client.json"))
        })
        .await;
        let all = desk.all().await;
        let reader = desk.reader();
        for _ in 0..3 {
            let calls = (0..10).map(|_| reader.happiness(&all, window()));
            for error in futures_util::future::join_all(calls).await {
                let error = error.unwrap_err();
                assert_eq!(error.reason(), Reason::Auth);
                assert!(!told(&error).contains(SECRET));
            }
        }
        assert_eq!(desk.upstream.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_dead_endpoint_does_not_delay_the_others() {
    let desk = Desk::new(|asked| match asked.path.as_str() {
        HAPPINESS => Reply::silence(),
        _ => good(asked),
    })
    .await;
    let all = desk.all().await;
    let reader = desk.reader();
    let dead = (0..20).map(|_| reader.happiness(&all, window()));
    let dead = futures_util::future::join_all(dead);
    let alive = async {
        for _ in 0..20 {
            reader.contacts_alone(&all, window()).await.unwrap();
        }
    };
    tokio::select! {
        _ = dead => panic!("dead endpoints do not answer"),
        () = alive => {}
    }
}
