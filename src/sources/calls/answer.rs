//! What comes back from one request, and what its headers say beside it.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{
    RequestBuilder,
    header::{DATE, HeaderMap, RETRY_AFTER},
};

use super::broken::Broken;
use crate::sources::transport::{self, BODY_LIMIT};

/// Most bytes read of an answer that tells of a failure.
const PROBLEM_LIMIT: usize = 64 * 1024;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What the headers say.
    pub hints: Hints,
    /// Of a 429 nothing is read, of other failures only a little.
    pub body: Result<Vec<u8>, Broken>,
}

/// What the headers of an answer are called, in lower case.
#[derive(Clone, Copy, Debug)]
pub struct HintNames {
    /// How many requests are granted; the first that has a number counts.
    pub limit: &'static [&'static str],
    /// How many of them are left.
    pub remaining: &'static [&'static str],
    /// How long to wait, asked before `Retry-After`.
    pub wait: &'static [&'static str],
}

/// What the headers of an answer say beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Requests granted, if positive.
    pub limit: Option<u32>,
    /// Requests left.
    pub remaining: Option<u32>,
    /// How long to wait: the service's own header, else `Retry-After`.
    pub wait: Option<Duration>,
    /// `Correlation-Id`, bounded, if it looks like one.
    pub correlation_id: Option<String>,
}

impl Answer {
    /// Sends `request` and reads its answer, nothing more: no waiting, no retry.
    pub async fn to(request: RequestBuilder, names: &HintNames) -> Result<Self, Broken> {
        let response = request
            .send()
            .await
            .map_err(|error| Broken::new(transport::reason(&error), error.without_url()))?;
        let status = response.status().as_u16();
        let hints = Hints::read(response.headers(), names, Timestamp::now());
        let body = match status {
            // Says nothing the headers do not, and the wait should begin at once.
            429 => Ok(Vec::new()),
            200..=299 => transport::read_body(response, BODY_LIMIT).await,
            _ => transport::read_body(response, PROBLEM_LIMIT).await,
        };
        Ok(Self {
            status,
            hints,
            body: body.map_err(Broken::from),
        })
    }
}

impl Hints {
    /// Reads the headers. Their spelling in the wild is not known for sure; names compare without
    /// regard to case.
    pub fn read(headers: &HeaderMap, names: &HintNames, now: Timestamp) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let number = |names: &[&str]| {
            let mut names = names.iter();
            names.find_map(|name| text(name)?.parse::<u32>().ok())
        };
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
            limit: number(names.limit).filter(|limit| *limit > 0),
            remaining: number(names.remaining),
            wait: names
                .wait
                .iter()
                .find_map(|name| wait(name))
                .or_else(|| wait(RETRY_AFTER.as_str())),
            correlation_id: text("correlation-id")
                .filter(|id| !id.is_empty() && id.chars().all(is_of_an_id))
                .map(|id| id.chars().take(100).collect()),
        }
    }
}

/// What ids are made of: anything else is not shown.
fn is_of_an_id(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '#' | ':')
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const NAMES: HintNames = HintNames {
        limit: &["x-ratelimit-limit-minute", "x-rate-limit"],
        remaining: &["x-ratelimit-remaining-minute"],
        wait: &["x-ratelimit-retry-after"],
    };

    fn hints(headers: &[(&str, &str)]) -> Hints {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        Hints::read(&map, &NAMES, "2026-01-01T00:00:00Z".parse().unwrap())
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
        assert_eq!(hints(&[("X-Rate-Limit", "700")]).limit, Some(700));
    }
}
