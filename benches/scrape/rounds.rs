//! Scrapes of the exporter and of the bare server, in turns.

use std::{fs, net::SocketAddr, time::Duration};

use super::{
    HOURLY,
    bare::Bare,
    load::{Load, Mode, Outcome},
    process::{Cpu, Exporter, cpus, median, until},
    size::{SIZES, Size},
    upstream::Upstream,
};

/// Turns of each server.
pub const ROUNDS: usize = 5;

/// Of one turn.
pub const TIME: Duration = Duration::from_millis(500);

/// Connections at a time, each waiting for its answer before it asks again.
pub const CONNECTIONS: usize = 8;

/// Scrapes at one a second.
const PACED: Duration = Duration::from_secs(10);

/// One turn.
pub struct Turn {
    pub outcome: Outcome,
    pub cpu: f64,
}

impl Turn {
    pub fn rate(&self) -> f64 {
        self.outcome.requests / self.outcome.seconds
    }

    pub fn cpu_per_request(&self) -> f64 {
        self.cpu / self.outcome.requests
    }
}

/// Where servers and load run: the load beside the pinned server, where the machine has room.
#[derive(Clone, Copy)]
pub struct Place {
    pub name: &'static str,
    pub server: Option<usize>,
    pub load: Option<usize>,
}

pub fn places() -> [Place; 2] {
    [
        Place {
            name: "one",
            server: Some(0),
            load: (cpus() > 1).then_some(1),
        },
        Place {
            name: "all",
            server: None,
            load: None,
        },
    ]
}

fn turn(
    address: SocketAddr,
    cpu: impl Fn() -> Cpu,
    place: Place,
    (mode, gzip): (Mode, bool),
    time: Duration,
) -> Turn {
    let connections = if mode == Mode::Paced { 1 } else { CONNECTIONS };
    let before = cpu();
    let outcome = Load::pinned(place.load, address, connections, time, mode, gzip).outcome();
    Turn {
        cpu: cpu().since(&before),
        outcome,
    }
}

/// Turns of both, the exporter first and the bare server first alternately.
fn pairs(
    exporter: &Exporter,
    bare: &Bare,
    place: Place,
    mode: (Mode, bool),
    rounds: usize,
    time: Duration,
) -> Vec<[Turn; 2]> {
    let ours = |time| turn(exporter.address(), || exporter.cpu(), place, mode, time);
    let theirs = |time| turn(bare.address(), || bare.cpu(), place, mode, time);
    // Once for nothing: pages are rendered, memory is touched.
    let warm_up = Duration::from_millis(300);
    let _warm = (ours(warm_up), theirs(warm_up));
    let turns = (0..rounds).map(|round| {
        if round % 2 == 0 {
            let first = ours(time);
            [first, theirs(time)]
        } else {
            let first = theirs(time);
            [ours(time), first]
        }
    });
    turns.collect()
}

/// An exporter after its first refresh.
fn exporter(upstream: &Upstream, size: &Size, place: Place) -> Exporter {
    let exporter = Exporter::start(upstream, size, HOURLY, place.server);
    until(|| exporter.is_ready());
    exporter
}

/// A bare server that answers what the exporter does, and how many series that is.
fn twin(upstream: &Upstream, exporter: &Exporter, place: Place, gzip: bool) -> (Bare, usize) {
    let page = exporter.page(gzip);
    let body = upstream.folder().join("body");
    fs::write(&body, &page.body).unwrap();
    let bare = Bare::start(&body, gzip.then_some("gzip"), place.server);
    (bare, page.series)
}

pub fn ratio(turns: &[[Turn; 2]], figure: impl Fn(&Turn) -> f64) -> String {
    let ratios: Vec<f64> = turns
        .iter()
        .map(|[ours, theirs]| figure(ours) / figure(theirs))
        .collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({least:.2} to {most:.2})", median(ratios))
}

pub fn middle(turns: &[[Turn; 2]], index: usize, figure: impl Fn(&Turn) -> f64) -> f64 {
    median(turns.iter().map(|pair| figure(&pair[index])).collect())
}

/// As many scrapes as go through.
pub fn under_load(upstream: &Upstream) {
    println!(
        "\n## Exporter ÷ bare server, {CONNECTIONS} connections without pause: median (least to most) of {ROUNDS} rounds of {} s each\n",
        TIME.as_secs_f64()
    );
    println!(
        "| series | body | connections | CPUs | CPU per request | requests per second | p50 | p99 | bare: µs of CPU | bare: requests per second |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (size, place) in SIZES
        .iter()
        .flat_map(|size| places().map(|place| (size, place)))
    {
        let exporter = exporter(upstream, size, place);
        for gzip in [false, true] {
            let (bare, series) = twin(upstream, &exporter, place, gzip);
            for mode in [Mode::Kept, Mode::Fresh] {
                let turns = pairs(&exporter, &bare, place, (mode, gzip), ROUNDS, TIME);
                println!(
                    "| {series} | {} | {} | {} | {} | {} | {} | {} | {:.1} | {:.0} |",
                    if gzip { "gzip" } else { "plain" },
                    if mode == Mode::Kept { "kept" } else { "new" },
                    place.name,
                    ratio(&turns, Turn::cpu_per_request),
                    ratio(&turns, Turn::rate),
                    ratio(&turns, |turn| turn.outcome.median),
                    ratio(&turns, |turn| turn.outcome.p99),
                    middle(&turns, 1, Turn::cpu_per_request) * 1e6,
                    middle(&turns, 1, Turn::rate),
                );
            }
        }
    }
}

/// One scrape a second, so that each finds the second's numbers gone stale.
pub fn once_a_second(upstream: &Upstream) {
    println!(
        "\n## One scrape a second, for {} s: nothing is shared between scrapes\n",
        PACED.as_secs()
    );
    println!(
        "| series | body | exporter: µs of CPU per scrape | bare: µs | ratio | exporter: p50 in ms | bare: p50 in ms |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let [_, place] = places();
    for size in &SIZES {
        let exporter = exporter(upstream, size, place);
        for gzip in [false, true] {
            let (bare, series) = twin(upstream, &exporter, place, gzip);
            let turns = pairs(&exporter, &bare, place, (Mode::Paced, gzip), 1, PACED);
            println!(
                "| {series} | {} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} |",
                if gzip { "gzip" } else { "plain" },
                middle(&turns, 0, Turn::cpu_per_request) * 1e6,
                middle(&turns, 1, Turn::cpu_per_request) * 1e6,
                middle(&turns, 0, Turn::cpu_per_request) / middle(&turns, 1, Turn::cpu_per_request),
                middle(&turns, 0, |turn| turn.outcome.median) * 1e3,
                middle(&turns, 1, |turn| turn.outcome.median) * 1e3,
            );
        }
    }
}
