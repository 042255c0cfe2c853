//! The quota is kept, whoever asks.

use super::*;

#[tokio::test]
async fn nothing_is_sent_before_a_429s_wait_is_over() {
    let limited = AtomicBool::new(false);
    let limited_at = Arc::new(Mutex::new(None));
    let script = {
        let limited_at = Arc::clone(&limited_at);
        move |asked: &Asked| {
            if asked.path != HAPPINESS || limited.swap(true, Ordering::SeqCst) {
                return good(asked);
            }
            *limited_at.lock().unwrap() = Some(Instant::now());
            Reply::json(429, fixture("error-429.json"))
                .with("x-ratelimit-retry-after", 1)
                .with("retry-after", 3600)
        }
    };
    let desk = Desk::new(script).await;
    let all = desk.all().await;
    let reader = desk.reader();
    let happiness = reader.happiness(&all, window());
    let others = async {
        // Begin once the 429 is out.
        while limited_at.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        while !desk.metrics().contains(r#"code="429""#) {
            tokio::task::yield_now().await;
        }
        let soon = desk.within(Duration::from_millis(500));
        let error = soon.contacts_alone(&all, window()).await.unwrap_err();
        assert_eq!(error.reason(), Reason::RateLimited);
        reader.open_tickets(&all).await.unwrap();
    };
    let (happiness, ()) = futures_util::future::join(happiness, others).await;
    happiness.unwrap();
    let limited_at = limited_at.lock().unwrap().unwrap();
    let asked = desk.upstream.asked();
    let after: Vec<_> = asked.iter().filter(|asked| asked.at > limited_at).collect();
    assert_eq!(after.len(), 3);
    for asked in after {
        assert!(asked.at - limited_at >= Duration::from_secs(1), "{asked:?}");
    }
    assert_eq!(desk.count(PRODUCTIVITY), 0);
}

#[tokio::test]
async fn quota_headers_are_read_whatever_their_case() {
    for [limit, remaining] in [
        ["x-ratelimit-limit-minute", "x-ratelimit-remaining-minute"],
        ["X-RateLimit-Limit-Minute", "X-RateLimit-Remaining-Minute"],
    ] {
        let desk = Desk::new(move |asked| {
            let reply = good(asked);
            match asked.path.as_str() {
                // The token's answer has none in any recording.
                TOKEN => reply,
                _ => reply.with(limit, 400).with(remaining, 397),
            }
        })
        .await;
        assert_eq!(desk.help_scout.granted_per_minute(), None);
        assert_eq!(desk.help_scout.pace_per_minute(), 100);
        desk.productivity().await.unwrap();
        assert_eq!(desk.help_scout.granted_per_minute(), Some(400));
        assert_eq!(desk.help_scout.pace_per_minute(), 200);
        let metrics = desk.metrics();
        assert!(metrics.contains("\ncontact_helpscout_rate_limit_requests 400\n"));
        assert!(metrics.contains("\ncontact_helpscout_rate_limit_remaining_requests 397\n"));
    }
}

#[tokio::test]
async fn a_configured_ceiling_is_kept() {
    let upstream = Upstream::start(good).await;
    let mut config = config(&upstream.url, Duration::from_secs(5));
    config.helpscout_mut().unwrap().requests_per_minute = NonZeroU32::new(3);
    let help_scout = HelpScout::new(
        &config,
        config.helpscout().unwrap(),
        Telemetry::new().unwrap(),
    )
    .unwrap();
    assert_eq!(help_scout.pace_per_minute(), 3);
    let reader = help_scout.until(tokio::time::Instant::now() + Duration::from_secs(20));
    let all = reader.filter(&Segment::all()).await.unwrap();
    for _ in 0..2 {
        reader.happiness(&all, window()).await.unwrap();
    }
    let error = reader.happiness(&all, window()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RateLimited);
    assert!(error.to_string().contains("requests_per_minute"), "{error}");
    assert_eq!(upstream.asked().len(), 3, "the token counts");
}

#[tokio::test]
async fn a_reload_does_not_end_a_wait() {
    let desk = Desk::only(HAPPINESS, || {
        Reply::json(429, fixture("error-429.json"))
            .with("retry-after", 600)
            .with("x-ratelimit-limit-minute", 400)
    })
    .await;
    let all = desk.all().await;
    let error = desk.reader().happiness(&all, window()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RateLimited);
    let mut config = config(&desk.upstream.url, Duration::from_secs(5));
    config.helpscout_mut().unwrap().requests_per_minute = NonZeroU32::new(50);
    let successor = desk
        .help_scout
        .succeed(&config, config.helpscout().unwrap())
        .unwrap();
    assert_eq!(successor.granted_per_minute(), Some(400));
    assert_eq!(successor.pace_per_minute(), 50);
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    let error = successor
        .until(deadline)
        .open_tickets(&all)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::RateLimited);
    assert_eq!(desk.upstream.asked().len(), 2);
    // Another server knows nothing of it.
    let other = Upstream::start(good).await;
    config.helpscout_mut().unwrap().base_url = other.url.clone();
    let stranger = successor
        .succeed(&config, config.helpscout().unwrap())
        .unwrap();
    stranger.until(deadline).open_tickets(&all).await.unwrap();
    assert!(
        desk.metrics()
            .contains(r#"code="200",endpoint="conversations"} 2"#)
    );
}
