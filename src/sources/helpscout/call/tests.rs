use std::{
    collections::VecDeque,
    io,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use prometheus::Registry;
use serde::Deserialize;
use tokio::time::{advance, sleep};
use url::Url;

use super::*;
use crate::{
    config::{CountsFrom, HelpScout},
    domain::Reason,
    sources::calls::broken::Broken,
};

const INTERVAL: Duration = Duration::from_mins(5);

/// What the script does with one request.
enum Step {
    Answer(u16, Hints, &'static str),
    Reset,
    Hang,
}

/// An upstream that follows a script, once with tokens and once for them; where a script ends,
/// it grants tokens and answers `{}`. An answer takes 100 ms.
#[derive(Default)]
struct Script {
    calls: Mutex<VecDeque<Step>>,
    tokens: Mutex<VecDeque<Step>>,
    seen: Mutex<Vec<(Instant, Endpoint, String)>>,
}

impl Exchange for Arc<Script> {
    async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Answer, Broken> {
        let (script, who) = match &outgoing.credentials {
            Credentials::App { id, secret } => (&self.tokens, format!("{id} {}", secret.expose())),
            Credentials::Token(token) => (&self.calls, token.to_str().unwrap().to_owned()),
        };
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((Instant::now(), outgoing.endpoint, who));
            seen.iter()
                .filter(|(_, endpoint, _)| *endpoint == Endpoint::Token)
                .count()
        };
        let step = script.lock().unwrap().pop_front();
        sleep(Duration::from_millis(100)).await;
        match step {
            Some(Step::Answer(status, hints, body)) => Ok(answer(status, hints, body)),
            Some(Step::Reset) => Err(Broken::new(
                Reason::Connect,
                io::Error::from(io::ErrorKind::ConnectionReset),
            )),
            Some(Step::Hang) => std::future::pending().await,
            None if outgoing.endpoint == Endpoint::Token => Ok(answer(
                200,
                Hints::default(),
                &format!(r#"{{"access_token":"token-{number}","expires_in":7200}}"#),
            )),
            None => Ok(answer(200, Hints::default(), "{}")),
        }
    }
}

fn answer(status: u16, hints: Hints, body: &str) -> Answer {
    Answer {
        status,
        hints,
        body: Ok(body.as_bytes().to_vec()),
    }
}

fn step(status: u16) -> Step {
    Step::Answer(status, Hints::default(), "")
}

fn limited(seconds: Option<u64>) -> Step {
    let hints = Hints {
        wait: seconds.map(Duration::from_secs),
        ..Hints::default()
    };
    Step::Answer(429, hints, "")
}

#[derive(Debug, Deserialize)]
struct Anything {}

struct Desk {
    script: Arc<Script>,
    caller: Caller<Arc<Script>>,
    registry: Registry,
    start: Instant,
}

impl Desk {
    fn new(calls: impl IntoIterator<Item = Step>) -> Self {
        Self::with_tokens([], calls)
    }

    fn with_tokens(
        tokens: impl IntoIterator<Item = Step>,
        calls: impl IntoIterator<Item = Step>,
    ) -> Self {
        let script = Arc::new(Script {
            calls: Mutex::new(calls.into_iter().collect()),
            tokens: Mutex::new(tokens.into_iter().collect()),
            seen: Mutex::default(),
        });
        let config = Config {
            interval: INTERVAL,
            timeout: Duration::from_secs(30),
            max_age: INTERVAL * 3,
            time_zone: jiff::tz::TimeZone::UTC,
            windows: Vec::new(),
            desk: crate::config::Desk::HelpScout(Box::new(HelpScout {
                app_id: "app".to_owned(),
                app_secret: Secret::new("hunter2"),
                base_url: Url::parse("http://localhost").unwrap(),
                counts_from: CountsFrom::Auto,
                requests_per_minute: NonZeroU32::new(1000),
                happiness: true,
                help_center: None,
            })),
            segments: Vec::new(),
            databases: Vec::new(),
            populations: Vec::new(),
            reasons: None,
            targets: Vec::new(),
            forecast: None,
        };
        let registry = Registry::new();
        let telemetry = Telemetry::new().unwrap();
        telemetry.register(&registry).unwrap();
        Self {
            caller: Caller::new(
                Arc::clone(&script),
                &config,
                config.helpscout().unwrap(),
                telemetry,
            ),
            script,
            registry,
            start: Instant::now(),
        }
    }

    async fn get(&self) -> Result<Anything, Error> {
        self.get_within(INTERVAL).await
    }

    async fn get_within(&self, time: Duration) -> Result<Anything, Error> {
        let deadline = Instant::now() + time;
        self.caller
            .get(Endpoint::Productivity, "a=b", deadline)
            .await
    }

    /// Seconds after the start at which requests of `endpoint` left.
    fn sent(&self, endpoint: Endpoint) -> Vec<f64> {
        let seen = self.script.seen.lock().unwrap();
        seen.iter()
            .filter(|(_, asked, _)| *asked == endpoint)
            .map(|(at, ..)| (*at - self.start).as_secs_f64())
            .collect()
    }

    fn calls(&self) -> usize {
        self.sent(Endpoint::Productivity).len()
    }

    fn tokens(&self) -> usize {
        self.sent(Endpoint::Token).len()
    }

    fn bearers(&self) -> Vec<String> {
        let seen = self.script.seen.lock().unwrap();
        seen.iter()
            .filter(|(_, asked, _)| *asked != Endpoint::Token)
            .map(|(.., who)| who.clone())
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn one_token_serves_all_calls() {
    let desk = Desk::new([]);
    let calls = futures_util::future::join_all((0..9).map(|_| desk.get())).await;
    assert!(calls.iter().all(Result::is_ok));
    assert_eq!((desk.tokens(), desk.calls()), (1, 9));
    assert!(desk.bearers().iter().all(|who| who == "Bearer token-1"));
}

#[tokio::test(start_paused = true)]
async fn at_most_three_tries_with_growing_delays() {
    let desk = Desk::new([step(500), step(503), step(504), step(500)]);
    let error = desk.get().await.unwrap_err();
    assert!(
        matches!(error, Error::Status { status: 504, .. }),
        "{error}"
    );
    assert_eq!(error.reason(), Reason::Status);
    let sent = desk.sent(Endpoint::Productivity);
    assert_eq!(sent.len(), 3);
    let delays = [sent[1] - sent[0] - 0.1, sent[2] - sent[1] - 0.1];
    assert!((0.5..=1.0).contains(&delays[0]), "{delays:?}");
    assert!((1.0..=2.0).contains(&delays[1]), "{delays:?}");
}

#[tokio::test(start_paused = true)]
async fn what_time_heals_is_healed() {
    let desk = Desk::new([step(503), Step::Reset]);
    desk.get().await.unwrap();
    assert_eq!(desk.calls(), 3);
    let desk = Desk::new([Step::Reset, Step::Hang]);
    desk.get().await.unwrap();
    assert_eq!(desk.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn resets_and_hangs_have_their_reasons() {
    let desk = Desk::new([Step::Hang, step(500), Step::Reset]);
    assert_eq!(desk.get().await.unwrap_err().reason(), Reason::Connect);
    let desk = Desk::new([Step::Reset, step(500), Step::Hang]);
    let error = desk.get().await.unwrap_err();
    assert_eq!(error.reason(), Reason::Timeout);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "no answer within 30 s");
    assert_eq!(desk.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn jitter_differs() {
    let mut delays = Vec::new();
    for _ in 0..8 {
        let desk = Desk::new([step(500)]);
        desk.get().await.unwrap();
        let sent = desk.sent(Endpoint::Productivity);
        delays.push(format!("{:.3}", sent[1] - sent[0]));
    }
    delays.dedup();
    assert!(delays.len() > 1, "{delays:?}");
}

#[tokio::test(start_paused = true)]
async fn what_time_does_not_heal_is_not_tried_again() {
    for (status, reason) in [
        (301, Reason::Status),
        (400, Reason::Status),
        (403, Reason::Forbidden),
        (404, Reason::Status),
        (412, Reason::Status),
        (422, Reason::Status),
    ] {
        let desk = Desk::new([step(status)]);
        let error = desk.get().await.unwrap_err();
        assert_eq!(error.reason(), reason, "{status}");
        assert_eq!(error.is_forbidden(), status == 403);
        assert_eq!(desk.calls(), 1, "{status}");
    }
    let desk = Desk::new([Step::Answer(200, Hints::default(), "nonsense")]);
    assert_eq!(desk.get().await.unwrap_err().reason(), Reason::Decode);
    assert_eq!(desk.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_its_correlation_id_and_without_secrets() {
    let hints = Hints {
        correlation_id: Some("abc#1".to_owned()),
        ..Hints::default()
    };
    let desk = Desk::new([
        Step::Answer(400, hints.clone(), r#"{"message":"Bad request"}"#),
        Step::Answer(400, hints.clone(), r#"{"message":"no token-1 here"}"#),
        Step::Answer(500, hints.clone(), r#"{"message":"secret hunter2"}"#),
        step(500),
        Step::Answer(500, hints.clone(), r#"{"message":"secret hunter2"}"#),
        Step::Answer(200, hints, "[1"),
    ]);
    let path = "/v2/reports/productivity";
    for expected in [
        format!("{path} answered with status 400 (Correlation-Id abc#1)"),
        format!("{path} answered with status 400 (Correlation-Id abc#1)"),
        format!("{path} answered with status 500 (Correlation-Id abc#1)"),
        format!(
            "the answer of {path} cannot be understood: no JSON at line 1 (Correlation-Id abc#1)"
        ),
    ] {
        let error = desk.get().await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        let shown = format!("{error:?} {:?}", desk.caller.auth);
        assert!(
            !shown.contains("hunter2") && !shown.contains("token-1"),
            "{shown}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_holds_every_call_until_its_wait_is_over() {
    let desk = Desk::new([limited(Some(20))]);
    desk.caller.token(Instant::now() + INTERVAL).await.unwrap();
    let first = desk.get();
    let others = async {
        sleep(Duration::from_millis(150)).await;
        futures_util::future::join_all((0..5).map(|_| desk.get())).await
    };
    let (first, others) = futures_util::future::join(first, others).await;
    assert!(first.is_ok() && others.iter().all(Result::is_ok));
    let sent = desk.sent(Endpoint::Productivity);
    assert_eq!(sent.len(), 7);
    // The 429 came at 0.2 s; nothing left before 20.2 s.
    assert!(
        sent[1..].iter().all(|at| *at >= 20.2 && *at < 22.0),
        "{sent:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_fails_at_once_and_goes_on_across_refreshes() {
    for (told, waits) in [(Some(90), 90), (None, 60), (Some(1_000_000), 3600)] {
        let desk = Desk::new([limited(told)]);
        let minute = Duration::from_secs(50);
        let error = desk.get_within(minute).await.unwrap_err();
        assert_eq!(error.reason(), Reason::RateLimited);
        assert!(desk.start.elapsed() < Duration::from_secs(1), "at once");
        advance(Duration::from_secs(waits - 51)).await;
        let error = desk.get_within(minute).await.unwrap_err();
        assert_eq!(error.reason(), Reason::RateLimited, "another refresh");
        assert_eq!(desk.calls(), 1, "nothing sent meanwhile");
        advance(Duration::from_secs(3)).await;
        desk.get_within(minute).await.unwrap();
        let sent = desk.sent(Endpoint::Productivity);
        assert!(
            sent[1] >= waits as f64 && sent[1] < waits as f64 + 3.0,
            "{sent:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_kept_a_bounded_number_of_times() {
    let desk = Desk::new((0..50).map(|_| limited(Some(0))));
    let error = desk.get().await.unwrap_err();
    assert!(
        matches!(error, Error::StillRateLimited { times: 5, .. }),
        "{error}"
    );
    let sent = desk.sent(Endpoint::Productivity);
    assert!(
        sent.windows(2).all(|pair| pair[1] - pair[0] >= 1.0),
        "{sent:?}"
    );
    assert_eq!(sent.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_token_request_keeps_the_wait_too() {
    let desk = Desk::with_tokens([limited(Some(20))], []);
    desk.get().await.unwrap();
    let sent = desk.sent(Endpoint::Token);
    assert_eq!(sent.len(), 2);
    assert!(sent[1] >= 20.0, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_401_fetches_one_new_token_and_tries_once_more() {
    let desk = Desk::new([step(401)]);
    desk.get().await.unwrap();
    assert_eq!((desk.tokens(), desk.calls()), (2, 2));
    assert_eq!(desk.bearers(), ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test(start_paused = true)]
async fn concurrent_401s_share_one_new_token() {
    let desk = Desk::new((0..3).map(|_| step(401)));
    let calls = futures_util::future::join_all((0..3).map(|_| desk.get())).await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
    assert_eq!((desk.tokens(), desk.calls()), (2, 6));
}

#[tokio::test(start_paused = true)]
async fn a_new_token_refused_too_is_an_auth_failure_without_a_storm() {
    let desk = Desk::new((0..50).map(|_| step(401)));
    let error = desk.get().await.unwrap_err();
    assert!(matches!(error, Error::TokenRefused { .. }), "{error}");
    assert_eq!(error.reason(), Reason::Auth);
    assert_eq!((desk.tokens(), desk.calls()), (2, 2));
    for _ in 0..5 {
        assert_eq!(desk.get().await.unwrap_err().reason(), Reason::Auth);
    }
    assert_eq!(
        (desk.tokens(), desk.calls()),
        (2, 7),
        "no new token for each"
    );
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_cost_one_request_a_refresh() {
    for status in [400, 401, 403] {
        let body = r#"{"error":"invalid_client","error_description":"hunter2"}"#;
        let refuse = || Step::Answer(status, Hints::default(), body);
        let desk = Desk::with_tokens((0..50).map(|_| refuse()), []);
        let calls = futures_util::future::join_all((0..9).map(|_| desk.get())).await;
        for error in calls.into_iter().map(Result::unwrap_err) {
            assert_eq!(error.reason(), Reason::Auth);
            assert!(!error.is_forbidden());
            assert_eq!(
                error.to_string(),
                format!(
                    "Help Scout refused the credentials with status {status} (invalid_client): \
                     check helpscout.app_id and the app secret, and that the app still exists in \
                     its owner's profile"
                )
            );
            assert!(!format!("{error:?}").contains("hunter2"));
        }
        assert_eq!((desk.tokens(), desk.calls()), (1, 0));
        advance(INTERVAL).await;
        assert_eq!(desk.get().await.unwrap_err().reason(), Reason::Auth);
        assert_eq!((desk.tokens(), desk.calls()), (2, 0), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_down_is_tried_three_times_for_all() {
    let desk = Desk::with_tokens((0..50).map(|_| step(502)), []);
    let calls = futures_util::future::join_all((0..9).map(|_| desk.get())).await;
    assert!(
        calls
            .iter()
            .all(|call| call.as_ref().unwrap_err().reason() == Reason::Status)
    );
    assert_eq!((desk.tokens(), desk.calls()), (3, 0));
    let other = Desk::with_tokens([Step::Answer(200, Hints::default(), "{}")], []);
    assert_eq!(other.get().await.unwrap_err().reason(), Reason::Decode);
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_past_the_deadline() {
    // A hang ends at the deadline, not at its own bound.
    let desk = Desk::new([Step::Hang]);
    let error = desk.get_within(Duration::from_secs(10)).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Timeout);
    assert_eq!(desk.start.elapsed(), Duration::from_secs(10));
    // A delay that would pass the deadline is not begun.
    let desk = Desk::new([step(500)]);
    let error = desk
        .get_within(Duration::from_millis(400))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::Status);
    assert_eq!(desk.start.elapsed(), Duration::from_millis(200));
    // A deadline that has passed.
    let desk = Desk::new([]);
    let error = desk.get_within(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Timeout);
    assert_eq!((desk.tokens(), desk.calls()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn quota_headers_set_pace_and_gauges() {
    let hints = Hints {
        limit: Some(400),
        remaining: Some(399),
        ..Hints::default()
    };
    let desk = Desk::new([Step::Answer(500, hints, "")]);
    desk.get().await.unwrap();
    assert_eq!(desk.caller.pace().granted(), Some(400));
    assert_eq!(desk.caller.pace().per_minute(), 1000, "as configured");
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&desk.registry.gather())
        .unwrap();
    for line in [
        "contact_helpscout_rate_limit_requests 400",
        "contact_helpscout_rate_limit_remaining_requests 399",
        r#"contact_helpscout_requests_total{code="200",endpoint="productivity"} 1"#,
        r#"contact_helpscout_requests_total{code="500",endpoint="productivity"} 1"#,
        r#"contact_helpscout_requests_total{code="200",endpoint="token"} 1"#,
    ] {
        assert!(text.lines().any(|given| given == line), "{line}\n{text}");
    }
}

#[test]
fn every_endpoint_has_its_own_lane() {
    for (index, endpoint) in Endpoint::ALL.into_iter().enumerate() {
        assert_eq!(endpoint as usize, index);
    }
}
