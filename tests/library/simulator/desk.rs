//! A running simulator and its story.

use std::sync::{Arc, Once};

use contact_rate_exporter::demo::simulator::{Options, Simulator, bind};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::{sync::oneshot, task::JoinHandle};

pub(crate) use crate::common::story::{STORY, days, now};

pub(crate) fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

pub(crate) fn text(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `start` and `end` as the exporter sends them for the half-open `[start, end)`.
pub(crate) fn range(start: Timestamp, end: Timestamp) -> String {
    let last = end - SignedDuration::from_secs(1);
    format!("start={}&end={}", text(start), text(last))
}

pub(crate) fn previous_range(start: Timestamp, end: Timestamp) -> String {
    let last = end - SignedDuration::from_secs(1);
    format!("previousStart={}&previousEnd={}", text(start), text(last))
}

pub(crate) struct HelpDesk {
    pub(crate) base: String,
    pub(crate) client: Client,
    pub(crate) token: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl HelpDesk {
    pub(crate) async fn start(change: impl FnOnce(&mut Options)) -> Self {
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

    pub(crate) async fn ask_token(
        &self,
        id: &str,
        secret: &str,
        grant: &str,
    ) -> (StatusCode, Value) {
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

    pub(crate) async fn send(&self, path: &str) -> reqwest::Response {
        self.client
            .get(format!("{}/{path}", self.base))
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.send(path).await;
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body:?}");
        serde_json::from_slice(&body).unwrap()
    }

    /// The paths that a 400 complains of.
    pub(crate) async fn complaints(&self, path: &str) -> Vec<String> {
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

    pub(crate) async fn created(&self, start: Timestamp, end: Timestamp, more: &str) -> u64 {
        let path = format!("reports/productivity?{}{more}", range(start, end));
        self.get(&path).await["current"]["newConversations"]
            .as_u64()
            .unwrap()
    }

    pub(crate) async fn stop(self) {
        drop(self.client);
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
    }
}
