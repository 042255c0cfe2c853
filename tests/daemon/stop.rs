//! How it stops.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use crate::common::{
    desk::{Folder, good},
    exporter::{self, Exporter},
    upstream::{Reply, Upstream},
};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_and_sigint_stop_it_even_while_it_reads() {
    for signal in ["TERM", "INT"] {
        let desk = Upstream::start(|_| Reply::silence()).await;
        let folder = Folder::new(&desk, "");
        let exporter = Exporter::start(&[&folder.flag()], &[]);
        let start = std::time::Instant::now();
        while desk.asked().is_empty() {
            assert!(start.elapsed() < exporter::PATIENCE);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        exporter.signal(signal);
        let ended = exporter.ended();
        assert_eq!(ended.code, Some(0), "{}", ended.output);
        assert!(
            ended.output.contains("stopping") && ended.output.contains("stopped"),
            "{}",
            ended.output
        );
        assert!(!ended.output.contains("level=error"), "{}", ended.output);
    }
}

/// Whoever asked before the stop is answered whole; whoever came later is not answered at all.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_cut_off() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    let exporter = Exporter::start(&[&folder.flag()], &[]);
    exporter.ready().await;
    let address = exporter.address().to_owned();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let address = address.clone();
            std::thread::spawn(move || {
                let mut whole = 0;
                while let Ok(mut stream) = TcpStream::connect(&address) {
                    let mut answer = Vec::new();
                    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
                    let asked = stream.write_all(request.as_bytes()).is_ok();
                    if !asked || stream.read_to_end(&mut answer).is_err() || answer.is_empty() {
                        continue;
                    }
                    let answer = String::from_utf8(answer).unwrap();
                    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
                    let length = head.lines().find_map(|line| {
                        line.to_ascii_lowercase()
                            .strip_prefix("content-length: ")?
                            .parse()
                            .ok()
                    });
                    assert_eq!(length, Some(body.len()), "{head}");
                    whole += 1;
                }
                whole
            })
        })
        .collect();
    // Let them have some answers first.
    for _ in 0..20 {
        exporter.metrics().await;
    }
    exporter.signal("TERM");
    assert_eq!(exporter.ended().code, Some(0));
    for client in clients {
        assert!(client.join().unwrap() > 0);
    }
}
