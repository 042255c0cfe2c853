//! The same over TLS: scrapes, and the memory of many connections.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use super::{
    HOURLY, OFTEN,
    bare::Bare,
    idle_after,
    load::{Load, Mode},
    process::{Cpu, Exporter, Memory, connector, until},
    rounds::{CONNECTIONS, ROUNDS, TIME, Turn, middle, places, ratio},
    size::SIZES,
    upstream::Upstream,
};

/// As many as there may be.
const MOST: usize = 512;

fn web_config(upstream: &Upstream) -> PathBuf {
    let path = upstream.folder().join("web.yml");
    let made = upstream.made();
    let settings = format!(
        "tls_server_config: {{cert_file: '{}', key_file: '{}'}}\n",
        made.certificate.display(),
        made.key.display()
    );
    fs::write(&path, settings).unwrap();
    path
}

/// Scrapes beside a bare server with the same rustls, on HTTP/1.1 as the bare server speaks it.
pub fn scrapes(upstream: &Upstream) {
    println!(
        "\n## Exporter ÷ bare server, both over TLS, {CONNECTIONS} connections without pause: median (least to most) of {ROUNDS} rounds of {} s each\n",
        TIME.as_secs_f64()
    );
    println!(
        "| series | body | connections | CPUs | CPU per request | requests per second | bare: µs of CPU |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let web_config = web_config(upstream);
    let made = upstream.made();
    let [place, _] = places();
    for size in SIZES.iter().take(2) {
        let exporter = Exporter::with(upstream, size, HOURLY, place.server, Some(&web_config));
        until(|| exporter.is_ready());
        for gzip in [false, true] {
            let page = exporter.page(gzip);
            let body = upstream.folder().join("body");
            fs::write(&body, &page.body).unwrap();
            let bare = Bare::with(&body, gzip.then_some("gzip"), place.server, Some(made));
            for mode in [Mode::Kept, Mode::Fresh] {
                let turn = |address, cpu: &dyn Fn() -> Cpu, time| {
                    let before = cpu();
                    let authority = Some(&*made.authority);
                    let load = Load::with(
                        place.load,
                        address,
                        CONNECTIONS,
                        time,
                        (mode, gzip),
                        authority,
                    );
                    Turn {
                        outcome: load.outcome(),
                        cpu: cpu().since(&before),
                    }
                };
                let ours = |time| turn(exporter.address(), &|| exporter.cpu(), time);
                let theirs = |time| turn(bare.address(), &|| bare.cpu(), time);
                let warm_up = Duration::from_millis(300);
                let _warm = (ours(warm_up), theirs(warm_up));
                let turns: Vec<[Turn; 2]> = (0..ROUNDS)
                    .map(|round| {
                        if round % 2 == 0 {
                            let first = ours(TIME);
                            [first, theirs(TIME)]
                        } else {
                            let first = theirs(TIME);
                            [ours(TIME), first]
                        }
                    })
                    .collect();
                println!(
                    "| {} | {} | {} | {} | {} | {} | {:.1} |",
                    page.series,
                    if gzip { "gzip" } else { "plain" },
                    if mode == Mode::Kept { "kept" } else { "new" },
                    place.name,
                    ratio(&turns, Turn::cpu_per_request),
                    ratio(&turns, Turn::rate),
                    middle(&turns, 1, Turn::cpu_per_request) * 1e6,
                );
            }
        }
    }
}

/// Resident memory with TLS: idle, and with as many connections as there may be, each of which has
/// read a page and is kept.
pub fn memory(upstream: &Upstream) {
    println!("\n## Resident memory with TLS in MiB: all (anonymous + of files)\n");
    println!("| series | idle, after 4 refreshes | {MOST} connections | most ever |");
    println!("| --- | --- | --- | --- |");
    let web_config = web_config(upstream);
    let config = connector(&upstream.made().authority);
    for size in SIZES.iter().take(2) {
        let exporter = Exporter::with(upstream, size, OFTEN, None, Some(&web_config));
        until(|| exporter.is_ready());
        idle_after(4, size);
        let idle = exporter.memory();
        let connections: Vec<_> = (0..MOST)
            .map(|_| {
                let name = ServerName::try_from("localhost").unwrap();
                let session = ClientConnection::new(Arc::clone(&config), name).unwrap();
                let socket = TcpStream::connect(exporter.address()).unwrap();
                let mut stream = StreamOwned::new(session, socket);
                stream
                    .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    .unwrap();
                // The beginning will do: what the client does not read waits in sockets.
                let mut answer = [0; 1024];
                assert_ne!(stream.read(&mut answer).unwrap(), 0);
                stream
            })
            .collect();
        let full = exporter.memory();
        drop(connections);
        println!(
            "| {size} | {idle} | {full} | {:.1} |",
            Memory::mebibytes(full.most)
        );
    }
}
