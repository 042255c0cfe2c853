//! One GET that is patient with passing faults.

use std::{future::Future, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::{
    StatusCode,
    header::{ACCEPT, HeaderMap, HeaderValue},
};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep, timeout_at},
};
use url::Url;

use crate::{
    config::ConfigText,
    domain::Reason,
    sources::transport::{self, BODY_LIMIT, BodyError},
};

/// Tries of one reading, the first among them.
const TRIES: usize = 3;

/// First pause between two tries; the next is twice as long, and up to as much is added by chance.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Why an HTTP endpoint gave no number.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is none once the instants are filled in, or a header cannot be sent.
    #[error("the request cannot be made: {0}")]
    Request(&'static str),
    /// The client cannot be built: the system has no root certificates.
    #[error("no HTTPS without root certificates: install the package ca-certificates")]
    Client(#[source] reqwest::Error),
    /// No answer within the timeout, or before the refresh had to end.
    #[error("no answer in time")]
    TimedOut,
    /// No connection, one that broke, or an answer that is no HTTP.
    #[error("the server gave no answer")]
    NoAnswer(#[source] reqwest::Error),
    /// The answer came with a status that is no success.
    #[error("the server answered {0}{advice}", advice = advice(*.0))]
    Status(StatusCode),
    /// The body could not be read whole.
    #[error("the answer could not be read")]
    Body(#[source] BodyError),
    /// The body is not JSON, or not of the expected shape.
    #[error("the answer is not the JSON that was expected")]
    Json(#[source] serde_json::Error),
    /// The body is JSON of another shape. Nothing of it is shown.
    #[error("the answer is not the JSON that was expected: {0}")]
    Shape(String),
    /// The pointer leads nowhere.
    #[error("the answer has nothing at the pointer {0}")]
    NothingThere(ConfigText),
    /// The pointer leads to something else than a number.
    #[error("the answer has {found} at the pointer {pointer}, and a number is needed")]
    NotANumber {
        /// The RFC 6901 pointer.
        pointer: ConfigText,
        /// What is there.
        found: &'static str,
    },
    /// Prometheus refused or failed to evaluate the query.
    #[error("Prometheus answered with an error of type {0}")]
    Evaluation(&'static str),
    /// The query gave none or several samples, or none with a single number.
    #[error("the query gave {0}, and exactly one sample is needed")]
    Samples(String),
    /// The server says that the answer is incomplete.
    #[error(
        "the server says that its answer is incomplete: some of its storage did not answer, or it stopped counting"
    )]
    Partial,
    /// The answer may be incomplete.
    #[error("the answer came with {0} warnings that it may be incomplete or wrong")]
    Warnings(usize),
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => ": the credentials are missing or wrong",
        StatusCode::FORBIDDEN => ": the credentials do not allow this",
        StatusCode::NOT_FOUND => ": is the path right?",
        StatusCode::TOO_MANY_REQUESTS => ": it is asked too often",
        status if status.is_redirection() => {
            ", a redirect, and redirects are not followed: configure the address it leads to"
        }
        _ => "",
    }
}

impl FetchError {
    /// The label value that tells of it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Request(_) | Self::Client(_) => Reason::Connect,
            Self::NoAnswer(error) => transport::reason(error),
            Self::Status(status) => transport::status_reason(*status).unwrap_or(Reason::Status),
            Self::Body(error) => error.reason(),
            Self::Json(_) | Self::Shape(_) | Self::NothingThere(_) | Self::NotANumber { .. } => {
                Reason::Decode
            }
            Self::TimedOut | Self::Evaluation("timeout") => Reason::Timeout,
            Self::Evaluation(_) | Self::Samples(_) | Self::Partial | Self::Warnings(_) => {
                Reason::Query
            }
        }
    }

    /// Whether the server understood and would not: perhaps what is asked for is too long ago.
    pub(super) fn refuses(&self) -> bool {
        match self {
            Self::Status(status) => {
                status.is_client_error()
                    && *status != StatusCode::REQUEST_TIMEOUT
                    && transport::status_reason(*status) == Some(Reason::Status)
            }
            _ => false,
        }
    }

    /// Whether another try may do better: nothing came, it broke off, or the server failed.
    fn is_passing(&self) -> bool {
        match self {
            Self::Status(status) => status.is_server_error(),
            Self::NoAnswer(_) | Self::Body(BodyError::Read(_)) => {
                matches!(self.reason(), Reason::Connect | Reason::Timeout)
            }
            _ => false,
        }
    }
}

/// What came back, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body of an answer whose status is a success.
    pub(super) fn into_success(self) -> Result<Vec<u8>, FetchError> {
        self.success()?;
        Ok(self.body)
    }

    /// Whether it is a whole answer: not one that is still to come, nor a part of one.
    pub(super) fn success(&self) -> Result<(), FetchError> {
        let incomplete = [StatusCode::ACCEPTED, StatusCode::PARTIAL_CONTENT];
        if self.status.is_success() && !incomplete.contains(&self.status) {
            Ok(())
        } else {
            Err(FetchError::Status(self.status))
        }
    }
}

/// A client that is built when first needed, since that reads the root certificates.
pub(super) struct Client {
    timeout: Duration,
    built: OnceCell<reqwest::Client>,
}

impl Client {
    /// A client whose tries last `timeout` each at most.
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            built: OnceCell::new(),
        }
    }

    /// Asks `url` for JSON, at most three times, before `deadline`.
    pub(super) async fn get(
        &self,
        url: &Url,
        headers: &HeaderMap,
        deadline: Instant,
    ) -> Result<Answer, FetchError> {
        let client = self
            .built
            .get_or_try_init(async || transport::client(self.timeout, url))
            .await
            .map_err(FetchError::Client)?;
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(TRIES - 1)
            .with_jitter()
            .build();
        loop {
            let outcome = before(deadline, get_once(client, url, headers)).await;
            let is_passing = match &outcome {
                Ok(answer) => answer.status.is_server_error(),
                Err(error) => error.is_passing(),
            };
            if !is_passing {
                return outcome;
            }
            let Some(pause) = pauses.next() else {
                return outcome;
            };
            if Instant::now() + pause >= deadline {
                return outcome;
            }
            sleep(pause).await;
        }
    }
}

async fn before<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    timeout_at(deadline, work)
        .await
        .unwrap_or(Err(FetchError::TimedOut))
}

async fn get_once(
    client: &reqwest::Client,
    url: &Url,
    headers: &HeaderMap,
) -> Result<Answer, FetchError> {
    let response = client
        .get(url.clone())
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .headers(headers.clone())
        .send()
        .await
        .map_err(|error| FetchError::NoAnswer(error.without_url()))?;
    let status = response.status();
    let body = transport::read_body(response, BODY_LIMIT).await;
    match body {
        Ok(body) => Ok(Answer { status, body }),
        Err(error) if status.is_success() => Err(FetchError::Body(error)),
        // What a failure says in its body is no reason to forget its status.
        Err(_) => Err(FetchError::Status(status)),
    }
}
