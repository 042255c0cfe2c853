//! Populations that a Prometheus server knows.
//!
//! Source of the API's shape: Prometheus documentation, "HTTP API", instant queries.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::{
    Failure,
    fetch::{Answer, Client, FetchError},
};
use crate::sources::{json_error::without_text, transport};

/// An instant query.
pub(super) struct Query {
    url: Url,
    promql: String,
    timeout: Duration,
    client: Client,
}

impl Query {
    /// The query `promql`, asked of the server whose address is `base`.
    pub(super) fn new(base: &Url, promql: &str, timeout: Duration) -> Self {
        let mut url = base.clone();
        // Only an address that cannot have a path has no segments; config takes http and https.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1", "query"]);
        }
        Self {
            url,
            promql: promql.to_owned(),
            timeout,
            client: Client::new(timeout),
        }
    }

    /// The server as errors name it: scheme, host and port.
    pub(super) fn place(&self) -> String {
        transport::origin(&self.url)
    }

    /// Asks for the one sample at `end` before `deadline`.
    pub(super) async fn read(&self, end: Timestamp, deadline: Instant) -> Result<f64, Failure> {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("query", &self.promql)
            .append_pair("time", &end.as_second().to_string())
            .append_pair("timeout", &format!("{}ms", self.timeout.as_millis().max(1)));
        let answer = self.client.get(&url, &HeaderMap::new(), deadline).await?;
        Ok(sample(&answer)?)
    }
}

/// The envelope of every answer. Labels are never read.
#[derive(Deserialize)]
struct Envelope {
    status: Status,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    /// Beside data: something failed on the way to them.
    #[serde(default)]
    error: Option<serde::de::IgnoredAny>,
    data: Option<Data>,
    /// Prometheus: storage that did not answer; Thanos: a store that is gone.
    #[serde(default)]
    warnings: Option<Vec<serde::de::IgnoredAny>>,
    /// Prometheus: the query is allowed and probably means something else.
    #[serde(default)]
    infos: Option<Vec<serde::de::IgnoredAny>>,
    /// VictoriaMetrics' vmselect: some of the storage nodes did not answer.
    #[serde(default, rename = "isPartial")]
    is_partial: Option<bool>,
    /// Others that say the same in their own way: Thanos' query frontend, M3, Mimir.
    #[serde(default, alias = "partialResponse", alias = "partial")]
    partial_response: Option<bool>,
}

impl Envelope {
    /// Whether the server itself says that there is more than it looked at.
    fn is_a_part(&self) -> bool {
        self.is_partial == Some(true)
            || self.partial_response == Some(true)
            || self.error.is_some()
            || self.error_type.is_some()
    }
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Success,
    Error,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Sample>),
    Scalar(Point),
    Matrix(serde::de::IgnoredAny),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Sample {
    /// Absent for a native histogram.
    value: Option<Point>,
}

/// A time stamp and a number written as a text.
#[derive(Deserialize)]
struct Point(
    #[expect(dead_code, reason = "the instant is the one asked for")] Value,
    String,
);

fn sample(answer: &Answer) -> Result<f64, FetchError> {
    let envelope: Envelope = match serde_json::from_slice(&answer.body) {
        Ok(envelope) => envelope,
        // Something in between answered, or the server does not know its own API.
        Err(_) if !answer.status.is_success() => return Err(FetchError::Status(answer.status)),
        Err(error) => return Err(FetchError::Shape(without_text(&error))),
    };
    if envelope.status == Status::Error {
        return Err(match envelope.error_type.as_deref().and_then(known_type) {
            // The statuses that tell of the login say more than the type.
            _ if matches!(answer.status.as_u16(), 401 | 403 | 429) => {
                FetchError::Status(answer.status)
            }
            Some(kind) => FetchError::Evaluation(kind),
            None => FetchError::Evaluation("unknown"),
        });
    }
    answer.success()?;
    if envelope.is_a_part() {
        return Err(FetchError::Partial);
    }
    let warnings = envelope.warnings.as_deref().unwrap_or_default().len();
    if warnings > 0 {
        return Err(FetchError::Warnings(warnings));
    }
    if let Some(count) = envelope
        .infos
        .as_deref()
        .map(<[_]>::len)
        .filter(|count| *count > 0)
    {
        tracing::debug!(count, "Prometheus has remarks about a query (infos)");
    }
    let samples = |what: &str| FetchError::Samples(what.to_owned());
    let value = match envelope.data {
        Some(Data::Scalar(Point(_, value))) => value,
        Some(Data::Vector(samples_found)) => match samples_found.as_slice() {
            [] => return Err(samples("no sample")),
            [
                Sample {
                    value: Some(Point(_, value)),
                },
            ] => value.clone(),
            [_] => return Err(samples("a histogram")),
            many => return Err(samples(&format!("{} samples", many.len()))),
        },
        Some(Data::Matrix(_)) => return Err(samples("a range of samples")),
        Some(Data::String(_)) => return Err(samples("a text")),
        None => return Err(samples("no sample")),
    };
    value
        .parse()
        .map_err(|_| samples("a value that is no number"))
}

/// Reads the body of an answer with status 200.
#[cfg(any(test, fuzzing))]
pub(super) fn read(body: &[u8]) -> Option<f64> {
    sample(&Answer {
        status: reqwest::StatusCode::OK,
        body: body.to_vec(),
    })
    .ok()
}

/// The types of errors that Prometheus and those like it know. Other words may be anyone's.
fn known_type(word: &str) -> Option<&'static str> {
    const KNOWN: [&str; 9] = [
        "timeout",
        "canceled",
        "execution",
        "bad_data",
        "internal",
        "unavailable",
        "not_found",
        "not_acceptable",
        "too_many_requests",
    ];
    KNOWN.into_iter().find(|known| *known == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    fn read(status: u16, body: &str) -> Result<f64, FetchError> {
        sample(&Answer {
            status: reqwest::StatusCode::from_u16(status).unwrap(),
            body: body.as_bytes().to_vec(),
        })
    }

    fn success(data: &str) -> Result<f64, FetchError> {
        read(200, &format!(r#"{{"status": "success", "data": {data}}}"#))
    }

    #[test]
    fn one_sample_or_a_scalar_is_the_answer() {
        let sample = r#"{"metric": {"job": "app"}, "value": [1767225600.5, "42"]}"#;
        let vector = format!(r#"{{"resultType": "vector", "result": [{sample}]}}"#);
        assert_eq!(success(&vector).unwrap().to_string(), "42");
        let scalar = r#"{"resultType": "scalar", "result": [1767225600, "1e3"]}"#;
        assert_eq!(success(scalar).unwrap().to_string(), "1000");
        let two = format!(r#"{{"resultType": "vector", "result": [{sample}, {sample}]}}"#);
        assert!(success(&two).unwrap_err().to_string().contains("2 samples"));
    }

    #[test]
    fn anything_else_is_none() {
        for data in [
            r#"{"resultType": "vector", "result": []}"#,
            r#"{"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}"#,
            r#"{"resultType": "matrix", "result": [{"values": []}]}"#,
            r#"{"resultType": "string", "result": [1, "text"]}"#,
            r#"{"resultType": "scalar", "result": [1, "many"]}"#,
            "null",
        ] {
            assert_eq!(success(data).unwrap_err().reason(), Reason::Query, "{data}");
        }
        assert!(
            success(r#"{"resultType": "scalar", "result": [1, "NaN"]}"#)
                .unwrap()
                .is_nan()
        );
        assert_eq!(
            success(r#"{"resultType": "x"}"#).unwrap_err().reason(),
            Reason::Decode
        );
        let partial = r#"{"status": "success", "warnings": ["store is down"], "data": {"resultType": "scalar", "result": [1, "2"]}}"#;
        assert_eq!(read(200, partial).unwrap_err().reason(), Reason::Query);
    }

    #[test]
    fn nothing_that_others_write_is_shown() {
        for (status, body) in [
            (200, r#"{"status": "planted"}"#),
            (200, r#"{"status": "success", "data": "planted"}"#),
            (
                200,
                r#"{"status": "success", "data": {"resultType": "planted"}}"#,
            ),
            (
                200,
                r#"{"status": "success", "isPartial": "planted, expected planted"}"#,
            ),
            (200, r#"{"status": "success", "warnings": "planted"}"#),
            (
                422,
                r#"{"status": "error", "errorType": "planted", "error": "planted"}"#,
            ),
        ] {
            let error = read(status, body).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("planted"), "{shown}");
        }
    }

    #[test]
    fn an_answer_that_is_to_come_or_a_part_is_none() {
        let body = r#"{"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}"#;
        for status in [202, 206] {
            assert_eq!(read(status, body).unwrap_err().reason(), Reason::Status);
        }
    }

    #[test]
    fn a_part_of_the_answer_is_none() {
        let with = |beside: &str| {
            read(
                200,
                &format!(
                    r#"{{"status": "success", {beside}, "data": {{"resultType": "scalar", "result": [1, "412"]}}}}"#
                ),
            )
        };
        for beside in [
            r#""isPartial": true"#,
            r#""partialResponse": true"#,
            r#""partial_response": true"#,
            r#""warnings": ["a store is down"]"#,
            r#""error": "a store did not answer in time", "errorType": "timeout""#,
        ] {
            let error = with(beside).unwrap_err();
            assert_eq!(error.reason(), Reason::Query, "{beside}");
            assert!(error.to_string().contains("incomplete"), "{error}");
        }
        for beside in [
            r#""isPartial": false"#,
            r#""isPartial": null, "warnings": null, "infos": null"#,
            r#""warnings": [], "infos": ["PromQL info: metric might not be a counter"]"#,
            r#""stats": {"seriesFetched": "3"}"#,
        ] {
            assert_eq!(with(beside).unwrap().to_string(), "412", "{beside}");
        }
        // What cannot be understood is not taken for a no.
        assert_eq!(
            with(r#""isPartial": "yes""#).unwrap_err().reason(),
            Reason::Decode
        );
    }

    #[test]
    fn errors_tell_their_type_and_nothing_else() {
        let error = |status, kind: &str| {
            let body =
                format!(r#"{{"status": "error", "errorType": "{kind}", "error": "secret"}}"#);
            read(status, &body).unwrap_err()
        };
        let refused = error(400, "bad_data");
        assert!(refused.to_string().contains("bad_data"));
        assert!(!refused.to_string().contains("secret"));
        assert_eq!(refused.reason(), Reason::Query);
        assert_eq!(error(503, "timeout").reason(), Reason::Timeout);
        assert_eq!(error(401, "bad_data").reason(), Reason::Auth);
        assert!(error(400, "<b>no word</b>").to_string().contains("unknown"));
        assert_eq!(read(502, "<html>").unwrap_err().reason(), Reason::Status);
        assert_eq!(read(200, "<html>").unwrap_err().reason(), Reason::Decode);
    }
}
