//! Populations that an HTTP endpoint answers as JSON.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{StatusCode, header::HeaderMap};
use tokio::time::Instant;
use url::Url;

use super::{
    Failure,
    fetch::{Client, FetchError},
};
use crate::{
    config::{ConfigText, Edge, Form, Secret, Template},
    domain::Interval,
    sources::{
        credentials::{Credentials, Login},
        json,
        transport::{self, percent_encoded},
    },
};

/// An endpoint and where its answer has the number.
pub(super) struct Endpoint {
    url: Template,
    pointer: ConfigText,
    credentials: Credentials,
    client: Client,
}

impl Endpoint {
    /// An endpoint whose tries last `timeout` each at most.
    pub(super) fn new(
        url: Template,
        pointer: ConfigText,
        headers: Vec<(String, Secret)>,
        bearer: Option<Secret>,
        timeout: Duration,
    ) -> Self {
        Self {
            url,
            pointer,
            credentials: Credentials::new(headers, bearer.map(Login::Bearer)),
            client: Client::new(timeout),
        }
    }

    /// The endpoint as errors name it: scheme, host and port.
    pub(super) fn place(&self, interval: Interval) -> String {
        self.address(interval)
            .map_or_else(|_| "its endpoint".to_owned(), |url| transport::origin(&url))
    }

    /// Asks for the number before `deadline`.
    pub(super) async fn read(&self, interval: Interval, deadline: Instant) -> Result<f64, Failure> {
        let url = self.address(interval)?;
        self.credentials.renew(false).await;
        let headers = self.headers()?;
        let mut answer = self.client.get(&url, &headers, deadline).await?;
        if answer.status == StatusCode::UNAUTHORIZED && self.credentials.renew(true).await {
            let headers = self.headers()?;
            answer = self.client.get(&url, &headers, deadline).await?;
        }
        Ok(number(&answer.into_success()?, &self.pointer)?)
    }

    fn headers(&self) -> Result<HeaderMap, FetchError> {
        Ok(self.credentials.headers()?)
    }

    fn address(&self, interval: Interval) -> Result<Url, FetchError> {
        let text = self.url.written(|bound| {
            let instant = match bound.edge {
                Edge::Start => interval.start,
                Edge::End => interval.end,
            };
            match bound.form {
                Form::Unix => instant.as_second().to_string(),
                Form::Instant | Form::Iso => encoded(instant),
            }
        });
        Url::parse(&text).map_err(|_| FetchError::Request("its address is none"))
    }
}

/// RFC 3339 in UTC, percent-encoded.
fn encoded(instant: Timestamp) -> String {
    percent_encoded(&instant.to_string())
}

/// Reads the body of an answer for the pointer `/count`.
#[cfg(any(test, fuzzing))]
pub(super) fn read(body: &[u8]) -> Option<f64> {
    number(body, &"/count".into()).ok()
}

fn number(body: &[u8], pointer: &ConfigText) -> Result<f64, FetchError> {
    json::number(body, pointer)?
        .as_f64()
        .ok_or(FetchError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_percent_encoded() {
        assert_eq!(
            encoded("2026-01-02T03:04:00Z".parse().unwrap()),
            "2026-01-02T03%3A04%3A00Z"
        );
    }
}
