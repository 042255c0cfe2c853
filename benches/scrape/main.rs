//! What a scrape of the real program costs, beside a bare hyper server that answers the same bytes.
//!
//! One command, `cargo bench --bench scrape`, bounded in time, on the loopback interface only. It
//! starts a simulated Help Scout behind TLS, a real PostgreSQL, and the release binary that reads
//! both, for several numbers of series. The bare server and the load come from this program, started
//! again as children. Rounds alternate between the two servers, so that whatever else the machine
//! does falls on both. `docs/performance.md` tells how to read what it prints.
//!
//! `EXPORTER=PATH` measures another build of the program instead.
//! Words on the command line choose sections: `start`, `memory`, `load`, `tls`,
//! `idle`; none means all.

#![allow(missing_docs)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends and says where"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

mod bare;
mod load;
mod process;
mod rounds;
mod size;
mod tls;
mod upstream;

#[path = "../../tests/common"]
mod common {
    pub mod certificates;
    pub mod postgres;
    pub mod server;
}

use std::{env, fs, time::Duration};

use process::{Exporter, Memory, until};
use size::{SIZES, Size};
use upstream::Upstream;

/// No refresh after the first one while scrapes are measured.
const HOURLY: &str = "1h";

/// Often enough to see what many refreshes leave behind.
const OFTEN: &str = "10s";

/// Its seconds.
const OFTEN_SECONDS: u64 = 10;

/// Starts that are timed.
const STARTS: usize = 20;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.split_first() {
        Some((&"bare", rest)) => return bare::run(rest),
        Some((&"scrape", rest)) => return load::run(rest),
        _ => {}
    }
    // `cargo bench` adds `--bench`.
    let wanted = |section: &str| {
        let mut sections = words
            .iter()
            .filter(|word| !word.starts_with('-'))
            .peekable();
        sections.peek().is_none() || sections.any(|word| *word == section)
    };
    println!("{}", machine());
    // The simulator and PostgreSQL live in here.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let upstream = runtime.block_on(Upstream::start());
    if wanted("start") {
        starts(&upstream);
    }
    if wanted("memory") {
        memory(&upstream);
    }
    if wanted("load") {
        rounds::under_load(&upstream);
    }
    if wanted("tls") {
        tls::scrapes(&upstream);
        tls::memory(&upstream);
    }
    if wanted("idle") {
        rounds::once_a_second(&upstream);
    }
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let release = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!(
        "{cpu}, {} CPUs, Linux {}, load average at the start {}; {}",
        process::cpus(),
        release.trim(),
        load.split(' ').next().unwrap_or_default(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// From exec to an open port, and to the first snapshot.
fn starts(upstream: &Upstream) {
    println!("\n## From exec, in milliseconds: median (least to most) of {STARTS} starts\n");
    println!("| program | port open | first snapshot |\n| --- | --- | --- |");
    for size in &SIZES {
        let mut open = Vec::new();
        let mut ready = Vec::new();
        for _ in 0..if size.is_large() { 3 } else { STARTS } {
            let exporter = Exporter::start(upstream, size, HOURLY, None);
            open.push(exporter.port_open_after());
            until(|| exporter.is_ready());
            ready.push(exporter.since_exec());
        }
        println!(
            "| {size} | {} | {} |",
            spread(&mut open),
            spread(&mut ready)
        );
    }
    let mut open: Vec<Duration> = (0..STARTS)
        .map(|_| {
            let body = upstream.folder().join("empty");
            fs::write(&body, "").unwrap();
            bare::Bare::start(&body, None, None).port_open_after()
        })
        .collect();
    println!("| bare server | {} | – |", spread(&mut open));
}

fn spread(times: &mut [Duration]) -> String {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    times.sort_unstable();
    format!(
        "{:.1} ({:.1} to {:.1})",
        milliseconds(times[times.len() / 2]),
        milliseconds(times[0]),
        milliseconds(times[times.len() - 1])
    )
}

/// Waits for some more refreshes, and then until the last of them is over.
fn idle_after(refreshes: u64, size: &Size) {
    let rest = if size.is_large() { 9 } else { 5 };
    let seconds = OFTEN_SECONDS * (refreshes - 1) + rest;
    std::thread::sleep(Duration::from_secs(seconds));
}

/// Resident memory, in the order in which a life goes.
fn memory(upstream: &Upstream) {
    println!("\n## Resident memory in MiB: all (anonymous + of files)\n");
    println!(
        "| series | after the first refresh | idle, after 4 refreshes | under load | idle again, after 2 more | most ever |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for size in &SIZES {
        let exporter = Exporter::start(upstream, size, OFTEN, None);
        until(|| exporter.is_ready());
        let first = exporter.memory();
        idle_after(4, size);
        let idle = exporter.memory();
        // All four bodies, as a monitoring system and people would ask for them.
        let mut loaded = Vec::new();
        for gzip in [true, false] {
            load::Load::start(
                exporter.address(),
                4,
                Duration::from_secs(2),
                load::Mode::Kept,
                gzip,
            )
            .sampling(|| loaded.push(exporter.memory()));
        }
        let loaded = loaded.into_iter().max_by_key(|memory| memory.all).unwrap();
        idle_after(2, size);
        let again = exporter.memory();
        println!(
            "| {size} | {first} | {idle} | {loaded} | {again} | {:.1} |",
            Memory::mebibytes(again.most)
        );
    }
    let body = upstream.folder().join("memory");
    fs::write(&body, [b'x'; 10_000]).unwrap();
    let bare = bare::Bare::start(&body, None, None);
    let before = bare.memory();
    let mut loaded = Vec::new();
    load::Load::start(
        bare.address(),
        4,
        Duration::from_secs(2),
        load::Mode::Kept,
        false,
    )
    .sampling(|| loaded.push(bare.memory()));
    let loaded = loaded.into_iter().max_by_key(|memory| memory.all).unwrap();
    println!("| bare server | {before} | – | {loaded} | – | – |");
}
