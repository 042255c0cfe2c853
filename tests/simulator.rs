//! The demo's simulator, asked over HTTP as a client would.

#![allow(clippy::unwrap_used, reason = "a test may panic, its functions too")]

use std::sync::{
    Arc, LazyLock, Once,
    atomic::{AtomicUsize, Ordering},
};

use contact_rate_exporter::demo::{
    simulator::{Options, Shape, Simulator, bind, serve},
    story::{DEFAULT_SEED, Filter, MAILBOXES, Scenario, Story, TAGS},
};
use hyper::{Response, body::Bytes};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

static STORY: LazyLock<Arc<Story>> =
    LazyLock::new(|| Arc::new(Story::new(Scenario::Incident, DEFAULT_SEED, now())));

/// A Wednesday afternoon.
fn now() -> Timestamp {
    "2026-03-11T14:37:20Z".parse().unwrap()
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn days(count: i64) -> SignedDuration {
    hours(24 * count)
}

fn text(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `start` and `end` as the exporter sends them for the half-open `[start, end)`.
fn range(start: Timestamp, end: Timestamp) -> String {
    let last = end - SignedDuration::from_secs(1);
    format!("start={}&end={}", text(start), text(last))
}

fn previous_range(start: Timestamp, end: Timestamp) -> String {
    let last = end - SignedDuration::from_secs(1);
    format!("previousStart={}&previousEnd={}", text(start), text(last))
}

struct HelpDesk {
    base: String,
    client: Client,
    token: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl HelpDesk {
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Another test of this process may have been first.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let mut options = Options {
            requests_per_minute: 10_000,
            clock: Arc::new(now),
            ..Options::default()
        };
        change(&mut options);
        let listener = bind().await.unwrap();
        let base = format!("http://{}/v2", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let simulator = Arc::new(Simulator::new(Arc::clone(&STORY), options));
        let running = tokio::spawn(simulator.run(listener, async {
            let _ = stopped.await;
        }));
        let client = Client::builder().no_proxy().build().unwrap();
        let mut desk = Self {
            base,
            client,
            token: String::new(),
            stop,
            running,
        };
        let (status, body) = desk.ask_token("demo", "demo", "client_credentials").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["token_type"], "bearer");
        body["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut desk.token);
        desk
    }

    async fn ask_token(&self, id: &str, secret: &str, grant: &str) -> (StatusCode, Value) {
        let answer = self
            .client
            .post(format!("{}/oauth2/token", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!(
                "grant_type={grant}&client_id={id}&client_secret={secret}"
            ))
            .send()
            .await
            .unwrap();
        assert!(answer.headers().get("x-ratelimit-limit-minute").is_none());
        let status = answer.status();
        (
            status,
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap(),
        )
    }

    async fn send(&self, path: &str) -> reqwest::Response {
        self.client
            .get(format!("{}/{path}", self.base))
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.send(path).await;
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body:?}");
        serde_json::from_slice(&body).unwrap()
    }

    /// The paths that a 400 complains of.
    async fn complaints(&self, path: &str) -> Vec<String> {
        let answer = self.send(path).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(
            answer.headers()["content-type"],
            "application/vnd.error+json"
        );
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(body["logRef"].is_string());
        body["_embedded"]["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["path"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn created(&self, start: Timestamp, end: Timestamp, more: &str) -> u64 {
        let path = format!("reports/productivity?{}{more}", range(start, end));
        self.get(&path).await["current"]["newConversations"]
            .as_u64()
            .unwrap()
    }

    async fn stop(self) {
        drop(self.client);
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
    }
}

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

#[tokio::test]
async fn productivity_agrees_with_the_story_and_with_itself() {
    let desk = HelpDesk::start(|_| {}).await;
    let week = days(7);
    for end in [now(), now() - days(100), now() - hours(24 * 400 + 13)] {
        let (start, earlier) = (end - week, end - week - week);
        let path = |more: &str| format!("reports/productivity?{}{more}", range(start, end));
        let alone = desk.get(&path("")).await;
        let both = desk
            .get(&path(&format!("&{}", previous_range(earlier, start))))
            .await;
        let shifted = desk
            .get(&format!("reports/productivity?{}", range(earlier, start)))
            .await;
        assert_eq!(both["current"], alone["current"]);
        assert_eq!(both["previous"], shifted["current"]);
        assert!(alone.get("previous").is_none() && alone.get("deltas").is_none());
        assert!(both["deltas"]["newConversations"].is_number());

        let truth = STORY.activity(&Filter::default(), start, end);
        let current = &alone["current"];
        assert_eq!(current["newConversations"], truth.created);
        assert_eq!(current["closed"], truth.closed);
        assert_eq!(current["resolved"], truth.resolved.len());
        assert_eq!(current["totalConversations"], truth.resolved.len());
        assert_eq!(current["repliesSent"], truth.replies);
        assert_eq!(current["messagesReceived"], truth.messages);
        assert_eq!(current["createdInHS"], truth.created_by_agents);
        assert!(truth.resolved.len() as u64 <= truth.closed);
        for (block, count) in [
            ("responseTime", truth.response_seconds.len()),
            ("firstResponseTime", truth.first_response_seconds.len()),
            ("handleTime", truth.resolved.len()),
            ("resolutionTime", truth.resolved.len()),
            ("repliesToResolve", truth.resolved.len()),
        ] {
            let ranges = both[block]["ranges"].as_array().unwrap();
            let sum = |key: &str| -> u64 { ranges.iter().map(|r| r[key].as_u64().unwrap()).sum() };
            assert_eq!(both[block]["count"], count);
            assert_eq!(sum("count"), count as u64);
            assert_eq!(both[block]["previousCount"], sum("previousCount"));
            assert!(alone[block]["ranges"][0].get("previousCount").is_none());
        }
    }
    desk.stop().await;
}

/// The keys are those of a recording.
#[tokio::test]
async fn productivity_has_the_recorded_keys() {
    fn keys(value: &Value) -> Vec<&String> {
        value.as_object().unwrap().keys().collect()
    }
    let desk = HelpDesk::start(|_| {}).await;
    let recorded: Value = serde_json::from_str(include_str!(
        "fixtures/help-scout/productivity-2017-11.json"
    ))
    .unwrap();
    let empty: Value = serde_json::from_str(include_str!(
        "fixtures/help-scout/productivity-no-data.json"
    ))
    .unwrap();
    let answer = desk
        .get(&format!(
            "reports/productivity?{}",
            range(now() - days(30), now())
        ))
        .await;
    assert_eq!(keys(&answer), keys(&recorded));
    assert_eq!(keys(&answer["current"]), keys(&recorded["current"]));
    let range_of = |all: &Value, block: &str| keys(&all[block]["ranges"][0]).len();
    for block in ["responseTime", "repliesToResolve"] {
        assert_eq!(range_of(&answer, block), range_of(&recorded, block));
    }
    // Before the launch nothing happened, and the answer has the nulls that were seen then.
    let before = desk
        .get("reports/productivity?start=2015-01-03T00:00:00Z&end=2015-01-03T23:59:59Z")
        .await;
    for (key, value) in empty["current"].as_object().unwrap() {
        if !key.ends_with("Date") {
            assert_eq!(&before["current"][key], value, "{key}");
        }
    }
    desk.stop().await;
}

#[tokio::test]
async fn days_add_up_to_their_window() {
    let desk = HelpDesk::start(|_| {}).await;
    let minute = Timestamp::from_second(now().as_second() / 60 * 60).unwrap();
    let start = minute - days(56);
    for filter in [
        String::new(),
        format!("&mailboxes={},{}", MAILBOXES[0].0, MAILBOXES[2].0),
        format!("&tags={}", TAGS[0].0),
        "&types=chat,phone".to_owned(),
    ] {
        let series = desk
            .get(&format!(
                "reports/conversations/new?viewBy=day&{}{filter}",
                range(start, minute)
            ))
            .await;
        let points = series["current"].as_array().unwrap();
        assert_eq!(points.len(), 56);
        assert!(series.get("previous").is_none());
        let mut sum = 0;
        for (day, point) in (0..).zip(points) {
            assert_eq!(point["start"], text(start + days(day)));
            let count = point["count"].as_u64().unwrap();
            let from = start + days(day);
            assert_eq!(count, desk.created(from, from + days(1), &filter).await);
            sum += count;
        }
        assert_eq!(sum, desk.created(start, minute, &filter).await);
        let messages = desk
            .get(&format!(
                "reports/conversations/received-messages?viewBy=week&{}{filter}",
                range(start, minute)
            ))
            .await;
        let sum: u64 = messages["current"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point["messages"].as_u64().unwrap())
            .sum();
        let report = desk
            .get(&format!(
                "reports/productivity?{}{filter}",
                range(start, minute)
            ))
            .await;
        assert_eq!(report["current"]["messagesReceived"], sum);
    }
    desk.stop().await;
}

#[tokio::test]
async fn mailboxes_and_channels_divide_all_tickets() {
    let desk = HelpDesk::start(|_| {}).await;
    let (start, end) = (now() - days(28), now());
    let all = desk.created(start, end, "").await;
    assert!(all > 1_000);
    let mut sum = 0;
    for (id, _) in MAILBOXES {
        sum += desk.created(start, end, &format!("&mailboxes={id}")).await;
    }
    assert_eq!(sum, all);
    let mut sum = 0;
    for channel in ["email", "chat", "phone"] {
        sum += desk.created(start, end, &format!("&types={channel}")).await;
    }
    assert_eq!(sum, all);
    desk.stop().await;
}

#[tokio::test]
async fn the_list_counts_as_the_reports_do() {
    let desk = HelpDesk::start(|_| {}).await;
    let (start, end) = (now() - days(7), now());
    let last = end - SignedDuration::from_secs(1);
    let search = format!("query=(createdAt:[{} TO {}])", text(start), text(last));
    let total = async |more: &str| {
        desk.get(&format!("conversations?{more}")).await["page"]["totalElements"]
            .as_u64()
            .unwrap()
    };
    let mut created = 0;
    for status in ["active", "pending", "closed"] {
        created += total(&format!("status={status}&{search}")).await;
    }
    assert_eq!(created, desk.created(start, end, "").await);
    let spam = total(&format!("status=spam&{search}")).await;
    assert!(spam > 0);
    assert_eq!(total(&format!("status=all&{search}")).await, created + spam);

    let open = STORY.open(&Filter::default(), now());
    assert!(open.active > 0 && open.pending > 0);
    assert_eq!(total("").await, open.active);
    assert_eq!(total("status=pending").await, open.pending);
    assert_eq!(total("status=open").await, open.active + open.pending);
    let bugs = Filter {
        mailboxes: vec![MAILBOXES[0].0],
        tags: vec![TAGS[0].0],
        ..Filter::default()
    };
    assert_eq!(
        total(&format!("tag=bug&mailbox={}", MAILBOXES[0].0)).await,
        STORY.open(&bugs, now()).active
    );
    assert_eq!(
        total("status=all&query=(createdAt:[* TO 2015-01-01T00:00:00Z])").await,
        0
    );
    desk.stop().await;
}

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
async fn ratings_agree_with_the_story() {
    let desk = HelpDesk::start(|_| {}).await;
    let (start, end) = (now() - days(28), now());
    let answer = desk
        .get(&format!(
            "reports/happiness?{}&{}",
            range(start, end),
            previous_range(start - days(28), start)
        ))
        .await;
    let recorded: Value = serde_json::from_str(include_str!(
        "fixtures/help-scout/happiness-with-previous.json"
    ))
    .unwrap();
    for part in ["current", "previous"] {
        let keys = |all: &Value| -> Vec<String> {
            all[part].as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&answer), keys(&recorded));
    }
    let truth = STORY.ratings(&Filter::default(), start, end);
    assert!(truth.not_good > 0);
    assert_eq!(answer["current"]["greatCount"], truth.great);
    assert_eq!(answer["current"]["okayCount"], truth.okay);
    assert_eq!(answer["current"]["notGoodCount"], truth.not_good);
    desk.stop().await;
}

#[tokio::test]
async fn the_future_is_not_told() {
    let desk = HelpDesk::start(|_| {}).await;
    let second = SignedDuration::from_secs(1);
    let this_second = Timestamp::from_second(now().as_second()).unwrap();
    let so_far = desk
        .created(now() - days(1), this_second + second, "")
        .await;
    assert_eq!(
        desk.created(now() - days(1), now() + days(1), "").await,
        so_far
    );
    let series = desk
        .get(&format!(
            "reports/conversations/new?viewBy=day&{}",
            range(now() - days(1), now() + days(2))
        ))
        .await;
    let counts: Vec<u64> = series["current"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), so_far);
    assert_eq!(counts[2], 0);
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
