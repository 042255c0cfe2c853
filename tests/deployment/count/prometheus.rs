//! Populations that a real Prometheus knows.

use std::time::Duration;

use contact_rate_exporter::{
    config::PopulationSource,
    domain::{Interval, Reason},
    sources::count::{Error, Populations},
};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use url::Url;

use crate::common::{
    http::{Reply, Server},
    populations::{chain, config, read, refused},
    prometheus::Prometheus,
};

const TIMEOUT: Duration = Duration::from_secs(20);

fn queries(url: &Url, queries: &[&str]) -> Populations {
    let sources = queries
        .iter()
        .map(|query| PopulationSource::Prometheus {
            url: url.clone(),
            query: (*query).to_owned(),
            in_the_clear: false,
        })
        .collect();
    Populations::new(&config(TIMEOUT, Vec::new(), sources)).unwrap()
}

async fn read_at(populations: &Populations, index: usize, end: Timestamp) -> Result<f64, Error> {
    let deadline = Instant::now() + TIMEOUT;
    populations
        .read(index, Interval::ending_at(end, 3600), deadline)
        .await
}

#[tokio::test]
async fn one_sample_at_the_instant_is_the_answer() {
    let server = Prometheus::start().await;
    // Instants are whole seconds: the next one lies after the first scrape for sure.
    let now = Timestamp::now() + SignedDuration::from_secs(1);
    let good = [
        ("count(up)", 1.0),
        ("sum by (job) (up{job=\"itself\"})", 1.0),
        ("scalar(sum(up)) + 41", 42.0),
        ("count(prometheus_build_info)", 1.0),
        ("vector(0)", 0.0),
        ("1e15", 1e15),
    ];
    let bad = [
        ("sum(app_members)", Reason::Query, "no sample"),
        ("up == 2", Reason::Query, "no sample"),
        (
            "{job=\"itself\"}",
            Reason::Query,
            "samples, and exactly one",
        ),
        ("up[5m]", Reason::Query, "a range"),
        ("\"text\"", Reason::Query, "a text"),
        ("sum(up", Reason::Query, "bad_data"),
        ("scalar(sum(app_members))", Reason::Query, "NaN"),
        ("1 / vector(0)", Reason::Query, "infinity"),
        ("-sum(up)", Reason::Query, "negative"),
    ];
    // With and without a slash at the end of the configured address.
    let with_slash = Url::parse(&format!("{}/", server.url())).unwrap();
    for url in [server.url(), &with_slash] {
        let populations = queries(url, &good.map(|(query, _)| query));
        for (index, (query, expected)) in good.iter().enumerate() {
            let value = read_at(&populations, index, now).await;
            let value = value.unwrap_or_else(|error| panic!("{query}: {}", chain(&error)));
            assert_eq!(value, *expected, "{query}");
        }
    }
    let populations = queries(server.url(), &bad.map(|(query, ..)| query));
    for (index, (query, reason, expected)) in bad.iter().enumerate() {
        let error = read_at(&populations, index, now).await.unwrap_err();
        let text = chain(&error);
        assert_eq!(error.reason(), *reason, "{query}: {text}");
        assert!(text.contains(expected), "{query}: {text}");
    }

    // The instant is the one asked for: `time()` gives it back, and last year nothing was scraped.
    let populations = queries(server.url(), &["time()", "count(up)"]);
    let past = "2025-03-01T12:34:00Z".parse::<Timestamp>().unwrap();
    assert_eq!(
        read_at(&populations, 0, past).await.unwrap(),
        1_740_832_440.0
    );
    assert_eq!(
        read_at(&populations, 1, past).await.unwrap_err().reason(),
        Reason::Query
    );
}

#[tokio::test]
async fn an_address_may_hold_credentials_and_parameters_that_no_error_shows() {
    let server = Server::start(|_, head| {
        if head.contains("tenant=hunter2")
            && head.to_ascii_lowercase().contains("authorization: basic ")
        {
            Reply::json(
                200,
                r#"{"status": "success", "data": {"resultType": "scalar", "result": [1, "7"]}}"#,
            )
        } else {
            Reply::json(401, "{}")
        }
    })
    .await;
    let address = |text: &str| Url::parse(&text.replace("HOST", &server.authority())).unwrap();
    let right = address("http://user:hunter2@HOST/base/?tenant=hunter2");
    assert_eq!(read(&queries(&right, &["a+b"]), 0).await.unwrap(), 7.0);
    let head = server.requests().remove(0);
    assert!(
        head.starts_with(
            "GET /base/api/v1/query?tenant=hunter2&query=a%2Bb&time=1767398400&timeout=20000ms HTTP/1.1\r\n"
        ),
        "{head}"
    );
    let wrong = address("http://user:hunter2@HOST/base/?tenant=somebody");
    let text = refused(&queries(&wrong, &["a+b"]), 0, Reason::Auth).await;
    for secret in ["hunter2", "tenant", "user"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_part_of_the_answer_is_none_and_parameters_of_the_address_are_kept() {
    let server = Server::start(|_, head| {
        // As a query frontend does that is told to tell of gaps as errors.
        let partial = !head.contains("deny_partial_response=1");
        Reply::json(
            200,
            &format!(
                r#"{{"status": "success", "isPartial": {partial}, "data": {{"resultType": "scalar", "result": [1, "412"]}}}}"#
            ),
        )
    })
    .await;
    let address = |text: &str| Url::parse(&text.replace("HOST", &server.authority())).unwrap();
    let text = refused(&queries(&address("http://HOST"), &["a"]), 0, Reason::Query).await;
    assert!(text.contains("incomplete"), "{text}");
    let denying = address("http://HOST/select/0/prometheus?deny_partial_response=1");
    assert_eq!(read(&queries(&denying, &["a"]), 0).await.unwrap(), 412.0);
    assert!(
        server.requests()[1]
            .starts_with("GET /select/0/prometheus/api/v1/query?deny_partial_response=1&query=a&")
    );
}
