//! Populations that an HTTP endpoint answers as JSON.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use jsonptr::Pointer;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::{
    Failure,
    fetch::{Client, FetchError},
};
use crate::{
    config::{ConfigText, Edge, Form, Secret, Template},
    domain::Interval,
    sources::transport,
};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An endpoint and where its answer has the number.
pub(super) struct Endpoint {
    url: Template,
    pointer: ConfigText,
    headers: Vec<(String, Secret)>,
    /// Read again from its file when that changes, and when it is refused.
    bearer: Option<Mutex<Secret>>,
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
            headers,
            bearer: bearer.map(Mutex::new),
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
        self.renew(false).await;
        let mut answer = self.client.get(&url, &self.headers()?, deadline).await?;
        if answer.status == StatusCode::UNAUTHORIZED && self.renew(true).await {
            answer = self.client.get(&url, &self.headers()?, deadline).await?;
        }
        Ok(number(&answer.into_success()?, &self.pointer)?)
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

    /// Takes the bearer token from its file where that has changed, or `refused`; whether it is
    /// another.
    async fn renew(&self, refused: bool) -> bool {
        let Some(bearer) = &self.bearer else {
            return false;
        };
        let known = lock(bearer).clone();
        let token = if refused {
            known.reread().await.unwrap_or_else(|| known.clone())
        } else {
            known.latest().await
        };
        let is_new = token != known;
        *lock(bearer) = token;
        is_new
    }

    fn headers(&self) -> Result<HeaderMap, FetchError> {
        let bearer = self
            .bearer
            .as_ref()
            .map(|token| format!("Bearer {}", lock(token).expose()));
        let given = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .chain(bearer.as_deref().map(|value| ("authorization", value)));
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| FetchError::Request("the name of a header is none"))?;
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| FetchError::Request("the value of a header cannot be sent"))?;
            // Shown as `Sensitive` wherever headers are printed.
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(headers)
    }
}

fn lock(secret: &Mutex<Secret>) -> MutexGuard<'_, Secret> {
    secret.lock().unwrap_or_else(PoisonError::into_inner)
}

/// RFC 3339 in UTC, percent-encoded.
fn encoded(instant: Timestamp) -> String {
    utf8_percent_encode(&instant.to_string(), RESERVED).to_string()
}

/// Reads the body of an answer for the pointer `/count`.
#[cfg(any(test, fuzzing))]
pub(super) fn read(body: &[u8]) -> Option<f64> {
    number(body, &"/count".into()).ok()
}

fn number(body: &[u8], pointer: &ConfigText) -> Result<f64, FetchError> {
    let document = super::json::parse(body).map_err(FetchError::Json)?;
    if super::whole::is_a_part(&document, pointer.as_str()) {
        return Err(FetchError::Partial);
    }
    let nothing_there = || FetchError::NothingThere(pointer.clone());
    let value = Pointer::parse(pointer.as_str())
        .map_err(|_| nothing_there())?
        .resolve(&document)
        .map_err(|_| nothing_there())?;
    let found = match value {
        Value::Number(number) => {
            if let Some(value) = number.as_f64() {
                return Ok(value);
            }
            "a number out of range"
        }
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Err(FetchError::NotANumber {
        pointer: pointer.clone(),
        found,
    })
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

    #[test]
    fn only_a_number_at_the_pointer_is_an_answer() {
        let body = br#"{"data": {"count": 42, "text": "42", "a/b": [1.5, null], "": -7}}"#;
        let read = |pointer: &str| number(body, &pointer.into()).map_err(|error| error.to_string());
        assert_eq!(read("/data/count"), Ok(42.0));
        assert_eq!(read("/data/a~1b/0"), Ok(1.5));
        // A negative number is a number here; the caller refuses it.
        assert_eq!(read("/data/"), Ok(-7.0));
        assert_eq!(number(b"17", &"".into()).unwrap().to_string(), "17");
        for pointer in [
            "/data/missing",
            "/data/a~1b/2",
            "/data/a~1b/-",
            "/data/count/0",
        ] {
            assert!(read(pointer).unwrap_err().contains("nothing"), "{pointer}");
        }
        for (pointer, found) in [
            ("/data/text", "a text"),
            ("/data/a~1b/1", "null"),
            ("/data/a~1b", "a list"),
            ("/data", "an object"),
        ] {
            assert!(read(pointer).unwrap_err().contains(found), "{pointer}");
        }
        assert!(matches!(
            number(b"<html>", &"/a".into()),
            Err(FetchError::Json(_))
        ));
        // Which of the two would be the number?
        assert!(matches!(
            number(br#"{"count": 1, "count": 2}"#, &"/count".into()),
            Err(FetchError::Json(_))
        ));
    }
}
