//! Populations that an HTTP endpoint answers as JSON.

use std::{io::Write as _, time::Duration};

use contact_rate_exporter::{
    config::{PopulationSource, Secret, Template},
    domain::Reason,
    sources::count::Populations,
};
use flate2::{Compression, write::GzEncoder};
use tokio::time::Instant;

use crate::common::{
    http::{Reply, Server},
    itself,
    populations::{chain, config, interval, read, refused},
};

const TIMEOUT: Duration = Duration::from_secs(20);

fn endpoint(url: &str, pointer: &str, headers: &[(&str, &str)], timeout: Duration) -> Populations {
    let source = PopulationSource::Http {
        url: Template::url(url),
        pointer: pointer.into(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
            .collect(),
        bearer: None,
        in_the_clear: false,
    };
    Populations::new(&config(timeout, Vec::new(), vec![source])).unwrap()
}

fn count_at(server: &Server) -> Populations {
    let url = format!("http://{}/count", server.authority());
    endpoint(&url, "/count", &[], TIMEOUT)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn the_request_carries_instants_and_headers() {
    let server = Server::start(|_, _| Reply::json(200, r#"{"data": {"count": 42}}"#)).await;
    let url = format!(
        "http://user:p%40ss@{}/sessions?from={{start}}&to={{end}}&again={{end}}",
        server.authority()
    );
    let headers = [("Authorization", "Bearer hunter2"), ("X-Tenant", "a b")];
    let populations = endpoint(&url, "/data/count", &headers[1..], TIMEOUT);
    assert_eq!(read(&populations, 0).await.unwrap(), 42.0);
    let head = server.requests().remove(0);
    assert!(
        head.starts_with(
            "GET /sessions?from=2026-01-01T00%3A00%3A00Z&to=2026-01-03T00%3A00%3A00Z\
             &again=2026-01-03T00%3A00%3A00Z HTTP/1.1\r\n"
        ),
        "{head}"
    );
    let lower = head.to_ascii_lowercase();
    assert!(lower.contains("x-tenant: a b\r\n"), "{head}");
    assert!(lower.contains("authorization: basic "), "{head}");
    assert!(lower.contains("accept: application/json\r\n"), "{head}");
    assert!(lower.contains("accept-encoding: gzip\r\n"), "{head}");
    assert!(
        lower.contains("user-agent: contact-rate-exporter/"),
        "{head}"
    );

    let url = format!("http://{}/sessions", server.authority());
    let populations = endpoint(&url, "/data/count", &headers, TIMEOUT);
    assert_eq!(read(&populations, 0).await.unwrap(), 42.0);
    let head = server.requests().remove(1);
    assert!(head.contains("Bearer hunter2\r\n"), "{head}");
}

#[tokio::test]
async fn only_a_number_that_is_not_negative_is_an_answer() {
    for (body, expected) in [
        (r#"{"count": 0}"#, 0.0),
        (r#"{"count": 1.5e3}"#, 1500.0),
        (r#"{"count": 9007199254740993}"#, 9_007_199_254_740_992.0),
    ] {
        let server = Server::start(move |_, _| Reply::json(200, body)).await;
        assert_eq!(read(&count_at(&server), 0).await.unwrap(), expected);
    }
    for (body, reason) in [
        (r#"{"count": "42"}"#, Reason::Decode),
        (r#"{"count": null}"#, Reason::Decode),
        (r#"{"count": [42]}"#, Reason::Decode),
        (r#"{"count": true}"#, Reason::Decode),
        (r#"{"total": 42}"#, Reason::Decode),
        ("[42]", Reason::Decode),
        ("", Reason::Decode),
        ("<html>42</html>", Reason::Decode),
        (r#"{"count": 42"#, Reason::Decode),
        (r#"{"count": 1e999}"#, Reason::Decode),
        (r#"{"count": 1, "count": 2}"#, Reason::Decode),
        (r#"{"count": -1}"#, Reason::Query),
    ] {
        let server = Server::start(move |_, _| Reply::json(200, body)).await;
        refused(&count_at(&server), 0, reason).await;
        assert_eq!(server.requests().len(), 1, "{body}: asking again is no use");
    }
}

#[test]
fn a_loopback_host_is_asked_without_a_proxy() {
    // The environment is set for another process that runs a test of this file: nothing listens
    // at port 1.
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let output = itself::command(
            module_path!(),
            "only_a_number_that_is_not_negative_is_an_answer",
        )
        .env(name, "http://127.0.0.1:1")
        .output()
        .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{name}: {text}"
        );
    }
}

#[tokio::test]
async fn statuses_are_told_apart_and_redirects_not_followed() {
    for (status, reason, requests) in [
        (204, Reason::Decode, 1),
        (301, Reason::Status, 1),
        (302, Reason::Status, 1),
        (307, Reason::Status, 1),
        (400, Reason::Status, 1),
        (401, Reason::Auth, 1),
        (403, Reason::Forbidden, 1),
        (404, Reason::Status, 1),
        (429, Reason::RateLimited, 1),
        (500, Reason::Status, 3),
        (503, Reason::Status, 3),
    ] {
        let server = Server::start(move |_, _| {
            Reply::with(
                status,
                &["Location: /count?again=1"],
                br#"{"secret": "ada@example.org"}"#,
            )
        })
        .await;
        let url = format!(
            "http://user:hunter2@{}/count?token=hunter2",
            server.authority()
        );
        let populations = endpoint(&url, "/count", &[("X-Key", "hunter2")], TIMEOUT);
        let text = refused(&populations, 0, reason).await;
        assert_eq!(server.requests().len(), requests, "{status}");
        assert!(
            text.contains(&format!("http://{}", server.authority())),
            "{text}"
        );
        for secret in ["hunter2", "token", "ada@", "user", "/count?"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn passing_faults_are_overcome() {
    let faults: [fn() -> Reply; 4] = [
        || Reply::json(502, "{}"),
        || Reply::HangUp,
        // Half of the body that was promised.
        || Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"count\"".to_vec()),
        // Half of the head.
        || Reply::Bytes(b"HTTP/1.1 200 OK\r\nConte".to_vec()),
    ];
    for fault in faults {
        let server = Server::start(move |number, _| match number {
            0 | 1 => fault(),
            _ => Reply::json(200, r#"{"count": 7}"#),
        })
        .await;
        assert_eq!(read(&count_at(&server), 0).await.unwrap(), 7.0);
        assert_eq!(server.requests().len(), 3);
    }

    // Three tries, and no more.
    let server = Server::start(|_, _| Reply::HangUp).await;
    refused(&count_at(&server), 0, Reason::Connect).await;
    assert_eq!(server.requests().len(), 3);

    // Nobody there.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let populations = endpoint(
        &format!("http://localhost:{port}/?key=hunter2"),
        "/count",
        &[],
        TIMEOUT,
    );
    let text = refused(&populations, 0, Reason::Connect).await;
    assert!(!text.contains("hunter2"), "{text}");

    // No HTTP at all.
    let server =
        Server::start(|_, _| Reply::Bytes(b"220 mail.example.org ESMTP\r\n".to_vec())).await;
    refused(&count_at(&server), 0, Reason::Decode).await;
}

#[tokio::test]
async fn silence_ends_with_the_timeout_of_a_try_and_with_the_deadline() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Silence,
        _ => Reply::json(200, r#"{"count": 7}"#),
    })
    .await;
    let url = format!("http://{}/count", server.authority());
    let hasty = endpoint(&url, "/count", &[], Duration::from_millis(300));
    assert_eq!(read(&hasty, 0).await.unwrap(), 7.0);

    let server = Server::start(|_, _| Reply::Silence).await;
    let url = format!("http://{}/count", server.authority());
    let hasty = endpoint(&url, "/count", &[], Duration::from_millis(300));
    refused(&hasty, 0, Reason::Timeout).await;
    assert_eq!(server.requests().len(), 3);

    let patient = endpoint(&url, "/count", &[], TIMEOUT);
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(300);
    let error = patient.read(0, interval(), deadline).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Timeout, "{}", chain(&error));
    assert!(begun.elapsed() < TIMEOUT);

    // A body that never ends is bounded by both.
    let server = Server::start(|_, _| {
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n".to_vec())
    })
    .await;
    refused(&count_at(&server), 0, Reason::Connect).await;
}

#[tokio::test]
async fn bodies_are_bounded_as_they_are_when_uncompressed() {
    const LIMIT: usize = 8 * 1024 * 1024;
    let padded = |length: usize| {
        let mut body = br#"{"count": 7}"#.to_vec();
        body.resize(length, b' ');
        body
    };
    let (whole, over) = (padded(LIMIT), padded(LIMIT + 1));

    let body = whole.clone();
    let server = Server::start(move |_, _| Reply::with(200, &[], &body)).await;
    assert_eq!(read(&count_at(&server), 0).await.unwrap(), 7.0);

    // Announced, so refused before it is read.
    let server = Server::start(|_, _| {
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\n{".to_vec())
    })
    .await;
    refused(&count_at(&server), 0, Reason::TooLarge).await;
    assert_eq!(server.requests().len(), 1);

    // Not announced.
    let server = Server::start(|_, _| Reply::Endless {
        first: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        then: [b"1000\r\n".as_slice(), &[b' '; 0x1000], b"\r\n"].concat(),
    })
    .await;
    refused(&count_at(&server), 0, Reason::TooLarge).await;

    let body = gzip(&whole);
    let server =
        Server::start(move |_, _| Reply::with(200, &["Content-Encoding: gzip"], &body)).await;
    assert_eq!(read(&count_at(&server), 0).await.unwrap(), 7.0);

    let body = gzip(&over);
    assert!(body.len() < 20_000);
    let server =
        Server::start(move |_, _| Reply::with(200, &["Content-Encoding: gzip"], &body)).await;
    refused(&count_at(&server), 0, Reason::TooLarge).await;

    let server =
        Server::start(|_, _| Reply::with(200, &["Content-Encoding: gzip"], b"this is none")).await;
    refused(&count_at(&server), 0, Reason::Decode).await;
}

#[tokio::test]
async fn a_token_that_rotates_is_read_again() {
    let server = Server::start(|_, head| {
        if head.contains("Bearer second") {
            Reply::json(200, r#"{"count": 7}"#)
        } else {
            Reply::json(401, "{}")
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let source = |bearer| PopulationSource::Http {
        url: Template::url(&format!("http://{}/count", server.authority())),
        pointer: "/count".into(),
        headers: Vec::new(),
        bearer: Some(bearer),
        in_the_clear: false,
    };
    let token = Secret::from_file(&file, "bearer_token_file").unwrap();
    let populations = Populations::new(&config(TIMEOUT, Vec::new(), vec![source(token)])).unwrap();
    let text = refused(&populations, 0, Reason::Auth).await;
    assert!(!text.contains("first"), "{text}");
    assert_eq!(server.requests().len(), 1);
    let next = folder.path().join("next");
    std::fs::write(&next, "second\n").unwrap();
    std::fs::rename(&next, &file).unwrap();
    assert_eq!(read(&populations, 0).await.unwrap(), 7.0);
    assert_eq!(server.requests().len(), 2);
}
