//! A Help Scout that knows only the [story](super::story): it answers over HTTP in the shapes
//! that were recorded from the real API, checks what it is asked, and has a real limit per minute.
//!
//! Where the real API is known or thought to overlook a mistake (an unknown parameter, say), the
//! simulator refuses it, so that a client's mistakes show.

mod docs;
mod http;
mod lists;
mod parameters;
mod problem;
mod quota;
mod reports;
mod token;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use hyper::{Method, Request, Response, StatusCode, body::Bytes, header};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::story::Story;
use crate::config::Secret;
use problem::Refusal;
use quota::Quota;
use token::Tokens;

pub use http::{bind, serve};

/// What the simulated account is like.
#[derive(Clone)]
pub struct Options {
    /// OAuth2 client id.
    pub app_id: String,
    /// OAuth2 client secret.
    pub app_secret: Secret,
    /// How long a token is good for, in seconds.
    pub token_seconds: u32,
    /// Requests granted per minute.
    pub requests_per_minute: u32,
    /// Whether the plan has reports.
    pub reports: bool,
    /// Elements per page of mailboxes and tags; 0 counts as 1.
    pub page_size: usize,
    /// What recordings and documents do not agree on.
    pub shape: Shape,
    /// Tells the time. What the story tells of later does not show in any answer.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// What recordings and documents do not agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `newConversations`, `messagesReceived` and `createdInHS` in `current` of the productivity
    /// report: recorded, but not in the official samples.
    pub created_in_current: bool,
    /// The same in `previous`.
    pub created_in_previous: bool,
    /// Whether series have buckets in which nothing happened.
    pub empty_buckets: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            app_id: "demo".to_owned(),
            app_secret: Secret::new("demo"),
            token_seconds: 172_800,
            requests_per_minute: 400,
            reports: true,
            page_size: 50,
            shape: Shape {
                created_in_current: true,
                created_in_previous: true,
                empty_buckets: true,
            },
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// The simulated help desk.
pub struct Simulator {
    story: Arc<Story>,
    options: Options,
    tokens: Mutex<Tokens>,
    quota: Mutex<Quota>,
    answers: AtomicU64,
}

impl Simulator {
    /// A help desk with a story. Nothing runs before [`Simulator::run`].
    pub fn new(story: Arc<Story>, options: Options) -> Self {
        Self {
            story,
            tokens: Mutex::new(Tokens::new(options.token_seconds)),
            quota: Mutex::new(Quota::new(options.requests_per_minute)),
            answers: AtomicU64::new(0),
            options,
        }
    }

    /// Answers on a listener until `shutdown` comes; then answers what has been asked, and ends.
    pub async fn run(
        self: Arc<Self>,
        listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()>,
    ) {
        let answer = move |request: Request<Bytes>| {
            let simulator = Arc::clone(&self);
            async move { simulator.answer(&request) }
        };
        serve(listener, answer, shutdown).await;
    }

    /// Answers one request. Nothing but tokens, the quota and the clock has a memory.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let number = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        let (answer, remaining) = self.decide(request);
        let mut response = match answer {
            Ok(answer) => answer.into_response(),
            Err(refusal) => refusal.into_response(number),
        };
        let headers = response.headers_mut();
        if let Ok(id) = problem::correlation_id(number).parse() {
            headers.insert("correlation-id", id);
        }
        if let Some(remaining) = remaining {
            headers.insert(
                "x-ratelimit-limit-minute",
                self.options.requests_per_minute.into(),
            );
            headers.insert("x-ratelimit-remaining-minute", remaining.into());
        }
        response
    }

    /// The answer, and what is left of the quota where it was asked.
    fn decide(&self, request: &Request<Bytes>) -> (Result<Answer, Refusal>, Option<u32>) {
        let now = Instant::now();
        let path = request.uri().path();
        if path == "/v2/oauth2/token" {
            let answer = lock(&self.tokens).answer(request, &self.options, now);
            return (answer, None);
        }
        if let Err(refusal) = lock(&self.tokens).check(request, now) {
            return (Err(refusal), None);
        }
        // Writing counts double, if only to be refused.
        let cost = if request.method() == Method::GET {
            1
        } else {
            2
        };
        let (granted, remaining) = lock(&self.quota).take(cost, now);
        let answer = granted.and_then(|()| self.route(request, path));
        (answer, Some(remaining))
    }

    fn route(&self, request: &Request<Bytes>, path: &str) -> Result<Answer, Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let now = (self.options.clock)();
        let route = path.strip_prefix("/v2/").ok_or(Refusal::NotFound)?;
        if request.method() != Method::GET {
            return Err(Refusal::MethodNotAllowed);
        }
        if route.starts_with("reports/") && !self.options.reports {
            return Err(Refusal::NoReports);
        }
        let Options {
            shape, page_size, ..
        } = self.options;
        let story = &self.story;
        match route {
            "reports/productivity" => reports::productivity(story, shape, query, now),
            "reports/conversations/new" => reports::new_tickets(story, shape, query, now),
            "reports/conversations/received-messages" => {
                reports::received_messages(story, shape, query, now)
            }
            "reports/docs" => docs::docs(story, query, now),
            "reports/happiness" => reports::happiness(story, query, now),
            "conversations" => lists::conversations(story, query, now),
            "mailboxes" => lists::mailboxes(story, page_size, query),
            "tags" => lists::tags(story, page_size, query, now),
            _ => Err(Refusal::NotFound),
        }
    }
}

/// A 200.
enum Answer {
    Token(Value),
    Report(Value),
    List(Value),
}

impl Answer {
    fn into_response(self) -> Response<Bytes> {
        let (body, content_type, cache_control) = match self {
            Self::Token(body) => (body, "application/json; charset=utf-8", "no-store"),
            Self::Report(body) => (
                body,
                "application/json;charset=UTF-8",
                "no-cache, no-store, max-age=0, must-revalidate",
            ),
            Self::List(body) => (
                body,
                "application/hal+json",
                "no-cache, no-store, max-age=0, must-revalidate",
            ),
        };
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static(content_type),
        );
        headers.insert(
            header::CACHE_CONTROL,
            header::HeaderValue::from_static(cache_control),
        );
        response
    }
}

/// No code panics while it holds these locks; if it did, what they guard would still be sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
