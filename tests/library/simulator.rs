//! The demo's simulator, asked over HTTP as a client would.

mod counts;
mod desk;
mod docs;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use contact_rate_exporter::demo::{
    simulator::{Shape, bind, serve},
    story::{MAILBOXES, TAGS},
};
use hyper::{Response, body::Bytes};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use desk::{HelpDesk, STORY, days, now, previous_range, range};

#[tokio::test]
async fn tokens_are_given_for_the_right_credentials_only() {
    let desk = HelpDesk::start(|_| {}).await;
    for (id, secret, grant, status, error) in [
        ("x", "demo", "client_credentials", 400, "invalid_client"),
        ("demo", "x", "client_credentials", 401, "invalid_client"),
        ("demo", "demo", "password", 400, "unsupported_grant_type"),
    ] {
        let (answered, body) = desk.ask_token(id, secret, grant).await;
        assert_eq!(answered.as_u16(), status);
        assert_eq!(body["error"], error);
        assert!(body["error_description"].is_string());
    }
    let answer = desk
        .client
        .post(format!("{}/oauth2/token", desk.base))
        .header("content-type", "application/json")
        .body(r#"{"grant_type":"client_credentials","client_id":"demo","client_secret":"demo"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(body["expires_in"], 172_800);
    // Both tokens are good side by side.
    desk.get("mailboxes").await;
    desk.stop().await;
}

#[tokio::test]
async fn nothing_is_told_without_a_good_token() {
    let mut desk = HelpDesk::start(|options| options.token_seconds = 0).await;
    let late: Value =
        serde_json::from_slice(&desk.send("mailboxes").await.bytes().await.unwrap()).unwrap();
    assert_eq!(late["error"], "invalid_token", "expired");
    "made-up".clone_into(&mut desk.token);
    let answer = desk.send("nowhere").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(answer.headers().get("x-ratelimit-limit-minute").is_none());
    let bare = desk
        .client
        .get(format!("{}/mailboxes", desk.base))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    let body: Value = serde_json::from_slice(&bare.bytes().await.unwrap()).unwrap();
    assert_eq!(body["error"], "invalid_request");
    desk.stop().await;
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let desk = HelpDesk::start(|_| {}).await;
    let good = range(now() - days(7), now());
    for (path, expected) in [
        ("reports/productivity".to_owned(), vec!["start", "end"]),
        (
            "reports/productivity?start=2026-01-01T00:00:00.000Z&end=2026-01-02".to_owned(),
            vec!["start", "end"],
        ),
        (
            "reports/productivity?start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z".to_owned(),
            vec!["end"],
        ),
        (
            format!("reports/happiness?{good}&previousStart=2026-01-01T00:00:00Z"),
            vec!["previousEnd"],
        ),
        (
            format!("reports/productivity?{good}&mailboxes=1"),
            vec!["mailboxes"],
        ),
        (
            format!("reports/productivity?{good}&mailbox={}", MAILBOXES[0].0),
            vec!["mailbox"],
        ),
        (
            format!("reports/productivity?{good}&tags=bug&types=fax"),
            vec!["types", "tags"],
        ),
        (
            format!("reports/conversations/new?{good}&viewBy=hour"),
            vec!["viewBy"],
        ),
        (
            format!("reports/conversations/new?{good}&viewBy=month"),
            vec!["viewBy"],
        ),
        (
            format!(
                "reports/conversations/new?{}&viewBy=day",
                range(now() - days(61), now())
            ),
            vec!["viewBy"],
        ),
        ("conversations?status=lost".to_owned(), vec!["status"]),
        ("conversations?tag=3745889".to_owned(), vec!["tag"]),
        ("conversations?embed=threads".to_owned(), vec!["embed"]),
        ("conversations?query=subject:x".to_owned(), vec!["query"]),
        ("mailboxes?page=0".to_owned(), vec!["page"]),
    ] {
        assert_eq!(desk.complaints(&path).await, expected, "{path}");
    }
    assert_eq!(
        desk.send("reports/conversations").await.status(),
        StatusCode::NOT_FOUND
    );
    let posted = desk
        .client
        .post(format!("{}/mailboxes", desk.base))
        .bearer_auth(&desk.token)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    desk.stop().await;
}

#[tokio::test]
async fn the_minute_has_a_limit() {
    let desk = HelpDesk::start(|options| options.requests_per_minute = 3).await;
    for remaining in ["2", "1", "0"] {
        let answer = desk.send("mailboxes").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["x-ratelimit-limit-minute"], "3");
        assert_eq!(answer.headers()["x-ratelimit-remaining-minute"], remaining);
    }
    let refused = desk.send("mailboxes").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["x-ratelimit-remaining-minute"], "0");
    let wait: u64 = refused.headers()["x-ratelimit-retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait));
    let body: Value = serde_json::from_slice(&refused.bytes().await.unwrap()).unwrap();
    assert_eq!(body, json!({"message": "API rate limit exceeded"}));
    desk.stop().await;
}

/// The keys are those of a recording.
#[tokio::test]
async fn lists_have_pages() {
    let desk = HelpDesk::start(|options| options.page_size = 2).await;
    let mut names = Vec::new();
    for page in 1..=3 {
        let answer = desk.get(&format!("tags?page={page}")).await;
        assert_eq!(answer["page"]["totalPages"], 3);
        assert_eq!(answer["page"]["totalElements"], TAGS.len());
        assert_eq!(answer["page"]["number"], page);
        assert_eq!(answer["_links"].get("next").is_some(), page < 3);
        for tag in answer["_embedded"]["tags"].as_array().unwrap() {
            assert!(tag["ticketCount"].as_u64().unwrap() > 0);
            names.push(tag["name"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(names, TAGS.map(|(_, name)| name));
    let beyond = desk.get("tags?page=4").await;
    assert!(beyond.get("_embedded").is_none());

    let first = desk.get("conversations?status=closed").await;
    let second = desk.get("conversations?status=closed&page=2").await;
    let ids = |page: &Value| -> Vec<u64> {
        page["_embedded"]["conversations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|ticket| ticket["id"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(ids(&first).len(), 25);
    assert!(ids(&first).last() > ids(&second).first());
    desk.stop().await;
}

#[tokio::test]
async fn the_account_can_be_a_poorer_one() {
    let desk = HelpDesk::start(|options| options.reports = false).await;
    let answer = desk
        .send(&format!(
            "reports/productivity?{}",
            range(now() - days(7), now())
        ))
        .await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    desk.get("conversations").await;
    desk.stop().await;

    let desk = HelpDesk::start(|options| {
        options.shape = Shape {
            created_in_current: true,
            created_in_previous: false,
            empty_buckets: false,
        };
    })
    .await;
    let launch = STORY.launch();
    let answer = desk
        .get(&format!(
            "reports/productivity?{}&{}",
            range(now() - days(7), now()),
            previous_range(now() - days(14), now() - days(7))
        ))
        .await;
    assert!(answer["current"].get("newConversations").is_some());
    assert!(answer["previous"].get("newConversations").is_none());
    assert!(answer["previous"].get("messagesReceived").is_none());
    let series = desk
        .get(&format!(
            "reports/conversations/new?viewBy=day&{}",
            range(launch - days(10), launch + days(30))
        ))
        .await;
    let points = series["current"].as_array().unwrap();
    assert!(!points.is_empty() && points.len() <= 30);
    assert!(points.iter().all(|point| point["count"].as_u64() > Some(0)));
    desk.stop().await;
}

#[tokio::test]
async fn tests_can_put_faults_around_it() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let listener = bind().await.unwrap();
    let base = format!("http://{}/v2", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let answer = move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async {
            let mut response = Response::new(Bytes::from_static(b"<html>oops</html>"));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    };
    let running = tokio::spawn(serve(listener, answer, async {
        let _ = stopped.await;
    }));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    let status = client.get(&base).send().await.unwrap().status();
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    drop(client);
    stop.send(()).unwrap();
    running.await.unwrap();
}
