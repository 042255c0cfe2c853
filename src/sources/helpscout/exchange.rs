//! One request and its answer, nothing more: no waiting, no retry.

use std::{future::Future, time::Duration};

use jiff::Timestamp;
use reqwest::{
    Client, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use url::{Url, form_urlencoded};

use super::{
    endpoint::Endpoint,
    error::{Broken, Detail},
};
use crate::{
    config::Secret,
    sources::transport::{self, BODY_LIMIT, BodyError},
};

/// Most bytes read of an answer that tells of a failure.
const PROBLEM_LIMIT: usize = 64 * 1024;

/// Sends one request. The real one is [`Network`]; unit tests put a script in its place, so that
/// waits can be tested on a paused clock.
pub(super) trait Exchange: Send + Sync {
    fn send(&self, outgoing: &Outgoing<'_>) -> impl Future<Output = Result<Answer, Broken>> + Send;
}

/// What is sent.
pub(super) struct Outgoing<'a> {
    pub(super) endpoint: Endpoint,
    /// Percent-encoded, without the question mark.
    pub(super) query: &'a str,
    pub(super) credentials: Credentials<'a>,
}

/// Who asks.
pub(super) enum Credentials<'a> {
    /// The app itself, asking for a token.
    App { id: &'a str, secret: &'a Secret },
    /// The bearer of a token: the whole `Authorization` value, marked as sensitive.
    Token(HeaderValue),
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) hints: Hints,
    /// Of a 429 nothing is read, of other failures only a little.
    pub(super) body: Result<Vec<u8>, Broken>,
}

/// What the headers of an answer say beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// `X-RateLimit-Limit-Minute`, if positive.
    pub(super) limit: Option<u32>,
    /// `X-RateLimit-Remaining-Minute`.
    pub(super) remaining: Option<u32>,
    /// `X-RateLimit-Retry-After`, else `Retry-After`.
    pub(super) wait: Option<Duration>,
    /// `Correlation-Id`, bounded, if it looks like one.
    pub(super) correlation_id: Option<String>,
}

impl Hints {
    /// Reads the headers. Their spelling in the wild is not known for sure; names compare without
    /// regard to case.
    pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let wait = |name: &str| {
            let value = text(name)?;
            if let Ok(seconds) = value.parse::<u64>() {
                return Some(Duration::from_secs(seconds));
            }
            // An HTTP date, against the other side's clock where it shows that.
            let date = |value| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value);
            let now = text(DATE.as_str())
                .and_then(|now| date(now).ok())
                .unwrap_or(now);
            let seconds = date(value).ok()?.as_second() - now.as_second();
            Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
        };
        Self {
            limit: text("x-ratelimit-limit-minute")
                .and_then(|value| value.parse().ok())
                .filter(|limit| *limit > 0),
            remaining: text("x-ratelimit-remaining-minute").and_then(|value| value.parse().ok()),
            wait: wait("x-ratelimit-retry-after").or_else(|| wait(RETRY_AFTER.as_str())),
            correlation_id: text("correlation-id")
                .filter(|id| !id.is_empty() && id.chars().all(is_of_an_id))
                .map(|id| id.chars().take(100).collect()),
        }
    }

    pub(super) fn detail(&self, message: Option<String>) -> Detail {
        Detail {
            message,
            correlation_id: self.correlation_id.clone(),
        }
    }
}

/// What ids are made of: anything else is not shown.
fn is_of_an_id(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '#' | ':')
}

/// The real thing.
#[derive(Debug)]
pub(super) struct Network {
    client: Client,
    base: Url,
}

impl Network {
    /// Opens no connection.
    pub(super) fn new(base: &Url, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: transport::client(timeout, base)?,
            base: base.clone(),
        })
    }

    fn address(&self, endpoint: Endpoint, query: &str) -> Url {
        let mut url = self.base.clone();
        let path = format!("{}{}", url.path().trim_end_matches('/'), endpoint.path());
        url.set_path(&path);
        url.set_query((!query.is_empty()).then_some(query));
        url.set_fragment(None);
        url
    }
}

impl Exchange for Network {
    async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Answer, Broken> {
        let url = self.address(outgoing.endpoint, outgoing.query);
        let request = match &outgoing.credentials {
            Credentials::App { id, secret } => {
                let form = form_urlencoded::Serializer::new(String::new())
                    .append_pair("grant_type", "client_credentials")
                    .append_pair("client_id", id)
                    .append_pair("client_secret", secret.expose())
                    .finish();
                self.client
                    .request(Method::POST, url)
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form)
            }
            Credentials::Token(token) => self
                .client
                .request(Method::GET, url)
                .header(AUTHORIZATION, token.clone()),
        };
        let response = request
            .header(ACCEPT, "application/json")
            .send()
            .await
            .map_err(|error| Broken::new(transport::reason(&error), error.without_url()))?;
        let status = response.status().as_u16();
        let hints = Hints::read(response.headers(), Timestamp::now());
        let body = match status {
            // Says nothing the headers do not, and the wait should begin at once.
            429 => Ok(Vec::new()),
            200..=299 => transport::read_body(response, BODY_LIMIT)
                .await
                .map_err(broken_body),
            _ => transport::read_body(response, PROBLEM_LIMIT)
                .await
                .map_err(broken_body),
        };
        Ok(Answer {
            status,
            hints,
            body,
        })
    }
}

fn broken_body(error: BodyError) -> Broken {
    Broken::new(error.reason(), error)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    fn hints(headers: &[(&str, &str)]) -> Hints {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        Hints::read(&map, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn wait(headers: &[(&str, &str)]) -> Option<u64> {
        hints(headers).wait.map(|wait| wait.as_secs())
    }

    #[test]
    fn the_wait_is_read_in_order() {
        let own = ("X-RateLimit-Retry-After", "7");
        assert_eq!(wait(&[("Retry-After", "30"), own]), Some(7));
        assert_eq!(wait(&[("retry-after", "30")]), Some(30));
        assert_eq!(
            wait(&[("X-Ratelimit-Retry-After", "soon"), ("Retry-After", " 30 ")]),
            Some(30)
        );
        assert_eq!(wait(&[("Retry-After", "-3")]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn the_wait_may_be_a_date() {
        let date = ("Retry-After", "Thu, 01 Jan 2026 00:01:30 GMT");
        assert_eq!(wait(&[date]), Some(90));
        let theirs = ("Date", "Thu, 01 Jan 2026 00:01:00 GMT");
        assert_eq!(wait(&[date, theirs]), Some(30), "against their clock");
        let past = ("Retry-After", "Wed, 31 Dec 2025 00:00:00 GMT");
        assert_eq!(wait(&[past]), Some(0));
    }

    #[test]
    fn quota_and_correlation_are_read_leniently() {
        let read = hints(&[
            ("X-RATELIMIT-LIMIT-MINUTE", "400"),
            ("x-ratelimit-remaining-minute", "0"),
            ("Correlation-Id", "abc#1"),
        ]);
        assert_eq!((read.limit, read.remaining), (Some(400), Some(0)));
        assert_eq!(read.correlation_id.as_deref(), Some("abc#1"));
        let odd = hints(&[
            ("X-RateLimit-Limit-Minute", "0"),
            ("X-RateLimit-Remaining-Minute", "many"),
            ("Correlation-Id", &"x".repeat(5000)),
        ]);
        let words = hints(&[("Correlation-Id", "a ticket of jane@example.org")]);
        assert_eq!(words.correlation_id, None);
        assert_eq!((odd.limit, odd.remaining), (None, None));
        assert_eq!(odd.correlation_id.unwrap().len(), 100);
    }

    #[test]
    fn the_base_address_may_have_a_path() {
        let timeout = Duration::from_secs(1);
        for (base, expected) in [
            ("http://127.0.0.1:1", "http://127.0.0.1:1/v2/tags?page=1"),
            (
                "http://127.0.0.1:1/hs/",
                "http://127.0.0.1:1/hs/v2/tags?page=1",
            ),
            (
                "http://127.0.0.1:1/?a=b#c",
                "http://127.0.0.1:1/v2/tags?page=1",
            ),
        ] {
            let network = Network::new(&Url::parse(base).unwrap(), timeout).unwrap();
            assert_eq!(network.address(Endpoint::Tags, "page=1").as_str(), expected);
        }
    }
}
