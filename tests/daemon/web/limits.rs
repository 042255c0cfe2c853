//! What clients can make the web server hold, over real sockets: who comes with too much is closed,
//! and nobody else waits for it.

use std::{sync::Arc, time::Duration};

use crate::common::exporter::Exporter;
use crate::common::site::{Answer, Options, Server};
use contact_rate_exporter::web::{HEADER_TIMEOUT, MOST_CONNECTIONS, ReloadRequest};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::{Instant, timeout},
};

const REQUEST: &[u8] = b"GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n";

/// More than there may be connections.
const CROWD: usize = 1000;

/// Far less than the header timeout, which the others would have to wait for without the limits;
/// far more than an answer takes on a machine that does much else.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Whether the server has closed a connection.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let closed = timeout(AT_ONCE, stream.read(&mut [0])).await;
    closed.is_ok_and(|read| read.unwrap_or(0) == 0)
}

#[tokio::test]
async fn the_connection_idle_longest_makes_room_for_a_new_one() {
    let server = Server::start(Options::default()).await;
    let mut connections = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        let mut stream = server.connect().await;
        stream.write_all(REQUEST).await.unwrap();
        assert_eq!(Answer::read_one(&mut stream).await.status, 200);
        connections.push(stream);
    }
    // The first one is used again, so that the second one is idle longest.
    connections[0].write_all(REQUEST).await.unwrap();
    Answer::read_one(&mut connections[0]).await;
    let mut new = server.connect().await;
    new.write_all(REQUEST).await.unwrap();
    let answer = timeout(AT_ONCE, Answer::read_one(&mut new)).await;
    assert_eq!(answer.expect("an answer at once").status, 200);
    assert!(is_closed(&mut connections[1]).await);
    connections.remove(1);
    for stream in &mut connections {
        stream.write_all(REQUEST).await.unwrap();
        assert_eq!(Answer::read_one(stream).await.status, 200);
    }
}

#[tokio::test]
async fn an_answer_under_way_is_not_given_up_for_a_new_connection() {
    let (requests, mut received) = mpsc::channel::<ReloadRequest>(1);
    let server = Server::start(Options {
        reload: Some(requests),
        ..Options::default()
    })
    .await;
    let mut reloading = server.connect().await;
    let request = b"POST /-/reload HTTP/1.1\r\nHost: test\r\n\r\n";
    reloading.write_all(request).await.unwrap();
    let reply = received.recv().await.unwrap();
    let mut crowd = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        crowd.push(server.connect().await);
    }
    assert!(is_closed(&mut crowd[0]).await);
    reply.send(Ok(())).unwrap();
    assert_eq!(Answer::read_one(&mut reloading).await.status, 200);
}

/// A crowd that each send `sent` and then do nothing does not make a scrape wait.
async fn scrape_beside_a_crowd(server: &Server, sent: &[u8]) -> (Vec<TcpStream>, Duration) {
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let mut stream = server.connect().await;
        // The server may have closed it already, for another one.
        let _gone = stream.write_all(sent).await;
        crowd.push(stream);
    }
    let start = Instant::now();
    let answer = timeout(AT_ONCE, server.get("/metrics")).await;
    let time = start.elapsed();
    assert_eq!(answer.expect("an answer at once").status, 200);
    (crowd, time)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_does_not_make_a_scrape_wait() {
    let mut snapshot = crate::common::example_snapshot::full();
    let mut frame = (*snapshot.frame).clone();
    // More than the sockets' buffers hold.
    frame.segments[0] = "x".repeat(128 * 1024);
    snapshot.frame = Arc::new(frame);
    let server = Server::start(Options {
        snapshot,
        ..Options::default()
    })
    .await;
    server.get("/metrics").await;
    for (what, sent) in [
        ("idle", &b""[..]),
        (
            "half-open",
            b"GET /metrics HTTP/1.1\r\nHost: test\r\nX-Slow: ",
        ),
        ("kept", REQUEST),
        (
            "slow to read",
            b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n",
        ),
    ] {
        let (_crowd, time) = scrape_beside_a_crowd(&server, sent).await;
        println!("beside {CROWD} connections that are {what}: {time:?}");
    }
}

#[tokio::test]
async fn a_request_whose_body_never_comes_is_answered_and_closed() {
    let server = Server::start(Options::default()).await;
    let mut stream = server.connect().await;
    let request = b"POST /-/healthy HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let answer = timeout(HEADER_TIMEOUT, Answer::read_to_end(&mut stream)).await;
    assert_eq!(answer.expect("closed in time").status, 405);
}

#[tokio::test]
async fn the_log_says_once_that_there_is_no_room() {
    let exporter = Exporter::start(&["demo"], &[]);
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(TcpStream::connect(exporter.address()).await.unwrap());
    }
    assert_eq!(exporter.get("/-/healthy").await.0, 200);
    let said = exporter
        .output()
        .matches("no room for more connections")
        .count();
    assert_eq!(said, 1, "{}", exporter.output());
}
