//! What the parts cost by themselves: decoding a report, computing a refresh, rendering a page.
//!
//! `cargo bench --bench micro`. Sizes are named by the series that a page of them has, about; the
//! last one is near the largest config there is.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "what a benchmark needs must be there")]

use std::{hint::black_box, sync::Arc, time::Duration};

use contact_rate_exporter::{
    config::{
        Config, CountsFrom, HelpScout, Population, PopulationKind, PopulationSource, Secret,
        Segment,
    },
    domain::forecast::{Past, PopulationWeeks, SegmentPast, coming_weeks, completed_weeks, plan},
    domain::{ContactCounts, Contacts, DAYS, DailyCounts, OpenCount, Ratings, Window},
    exposition::{Encoding, Exposition, Format, SelfMetrics},
    refresh::{Gathered, Store, frame, sources},
    snapshot::{Snapshot, SourceState},
    sources::capabilities::Capabilities,
    sources::helpscout::{Productivity, Telemetry, decode},
};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::{Timestamp, tz::TimeZone};
use prometheus::Registry;
use tokio::time::Instant;

const REPORT: &[u8] = include_bytes!("../tests/fixtures/help-scout/productivity-2017-12.json");

/// Name, segments, windows, populations.
const SIZES: [(&str, usize, &[&str], usize); 3] = [
    ("100", 1, &["7d"], 1),
    ("1000", 4, &["1d", "7d", "28d"], 2),
    (
        "100000",
        51,
        &["1d", "2d", "3d", "4d", "7d", "14d", "21d", "28d"],
        10,
    ),
];

fn config(segments: usize, windows: &[&str], populations: usize) -> Config {
    Config {
        interval: Duration::from_mins(5),
        timeout: Duration::from_secs(30),
        max_age: Duration::from_mins(15),
        time_zone: TimeZone::UTC,
        windows: windows
            .iter()
            .map(|name| Window::parse(name).unwrap())
            .collect(),
        desk: contact_rate_exporter::config::Desk::HelpScout(Box::new(HelpScout {
            app_id: String::new(),
            app_secret: Secret::new(""),
            base_url: "http://localhost:1".parse().unwrap(),
            counts_from: CountsFrom::Reports,
            requests_per_minute: None,
            happiness: true,
            help_center: None,
        })),
        segments: (0..segments)
            .map(|number| match number {
                0 => Segment::all(),
                _ => Segment {
                    name: format!("segment-{number}"),
                    ..Segment::all()
                },
            })
            .collect(),
        databases: Vec::new(),
        populations: (0..populations)
            .map(|number| Population {
                name: format!("dossiers_{number}"),
                kind: PopulationKind::Window,
                source: PopulationSource::Prometheus {
                    url: "http://localhost:1".parse().unwrap(),
                    query: String::new(),
                    in_the_clear: false,
                },
            })
            .collect(),
        reasons: None,
        targets: Vec::new(),
        forecast: None,
    }
}

/// All that a refresh reads when nothing fails; every segment is a different one.
fn gathered(config: &Config) -> Gathered {
    let end: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut gathered = Gathered::new(config, end, Instant::now());
    let report: Productivity = decode(REPORT).unwrap();
    for (segment, _) in config.segments.iter().enumerate() {
        let more = segment as u64;
        for (index, _) in config.windows.iter().enumerate() {
            let counts = |counts: ContactCounts| ContactCounts {
                created: counts.created.map(|created| created + more),
                ..counts
            };
            let contacts = Contacts {
                current: counts(report.current()),
                // This report has no previous range.
                previous: counts(report.current()),
            };
            let place = (segment, index);
            gathered.contacts.insert(place, contacts);
            let ratings = Ratings {
                great: 12 + more,
                okay: 3,
                not_good: 1,
            };
            gathered.ratings.insert(place, ratings);
        }
        let mut days = [0; DAYS];
        for (day, count) in (0..).zip(&mut days) {
            *count = (day * 7 + more) % 23;
        }
        let days = DailyCounts::ending_at(end, days.map(Some).to_vec());
        gathered.daily.insert(segment, days);
        let of = |status: &str, count| OpenCount {
            status: status.to_owned(),
            count,
            oldest: None,
        };
        let open = vec![of("active", 41), of("pending", more)];
        gathered.open.insert(segment, Some(open));
    }
    for (index, _) in config.populations.iter().enumerate() {
        for window in &config.windows {
            let baseline = window.baseline(end).intervals;
            for interval in [window.current(end), window.previous(end)]
                .into_iter()
                .chain(baseline)
            {
                let people = interval.seconds() as f64 / 600.0;
                gathered.take_population(index, interval, people);
            }
        }
    }
    gathered
}

fn compute(config: &Config, gathered: &Gathered) -> Snapshot {
    let mut store = Store::default();
    store.take(config, gathered);
    let capabilities = Capabilities {
        all_counts: true,
        days: true,
        open: true,
        ratings: true,
    };
    let states = sources(config, capabilities)
        .into_iter()
        .map(|source| SourceState {
            up: true,
            last_success: Some(gathered.end),
            last_duration_seconds: Some(0.25),
            ..SourceState::unread(source)
        });
    store.snapshot(
        config,
        Arc::new(frame(config)),
        Some(gathered.end),
        states.collect(),
    )
}

/// As the running program has it.
fn exposition(snapshot: Arc<Snapshot>) -> Exposition {
    let registry = Registry::new();
    let self_metrics = SelfMetrics::register(&registry).unwrap();
    self_metrics.show(&snapshot.sources);
    Telemetry::new().unwrap().register(&registry).unwrap();
    Exposition::new(registry, snapshot)
}

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(REPORT.len() as u64));
    group.bench_function("productivity report", |bencher| {
        bencher.iter(|| {
            let report: Productivity = decode(black_box(REPORT)).unwrap();
            (report.current(), report.previous())
        });
    });
    group.finish();
}

/// A page's series, and all that costs something for it.
fn sized(criterion: &mut Criterion) {
    for (name, segments, windows, populations) in SIZES {
        let config = config(segments, windows, populations);
        let gathered = gathered(&config);
        let snapshot = Arc::new(compute(&config, &gathered));
        let exposition = exposition(Arc::clone(&snapshot));
        let page = exposition.page(Format::Text, Encoding::Identity);
        let text = String::from_utf8(page.parts.concat()).unwrap();
        let series = text.lines().filter(|line| !line.starts_with('#')).count();
        println!("size {name}: {series} series, {} bytes of text", text.len());

        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(series as u64));
        group.sample_size(if series > 10_000 { 10 } else { 100 });
        group.bench_function("refresh", |bencher| {
            bencher.iter(|| compute(&config, black_box(&gathered)));
        });
        for (kind, format, encoding) in [
            ("text", Format::Text, Encoding::Identity),
            ("OpenMetrics", Format::OpenMetrics, Encoding::Identity),
            ("text, gzip", Format::Text, Encoding::Gzip),
            ("OpenMetrics, gzip", Format::OpenMetrics, Encoding::Gzip),
        ] {
            // The first scrape after a refresh, of a body that nobody asked for before.
            group.bench_function(BenchmarkId::new("render", kind), |bencher| {
                bencher.iter_batched(
                    || {
                        // Twice: bodies that were asked for are prepared while publishing.
                        exposition.publish(Arc::clone(&snapshot));
                        exposition.publish(Arc::clone(&snapshot));
                    },
                    |()| exposition.page(format, encoding),
                    BatchSize::PerIteration,
                );
            });
        }
        // Every other scrape of that second.
        group.bench_function("page that is there", |bencher| {
            bencher.iter(|| exposition.page(Format::Text, Encoding::Gzip));
        });
        group.finish();
    }
}

/// Weeks of a segment, forecast directly and through two populations, with every backtest.
fn planning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
    for weeks in [104, 260] {
        let tickets = |week: usize| (300 + week * 7919 % 61) as u64;
        let people =
            |base: f64| (0..weeks).map(move |week| Some(base + (week * 104_729 % 97) as f64));
        let past = Past {
            weeks: completed_weeks(now, &TimeZone::UTC, weeks),
            coming: coming_weeks(now, &TimeZone::UTC, 13),
            segments: vec![SegmentPast {
                created: (0..weeks).map(|week| Some(tickets(week))).collect(),
                ..SegmentPast::default()
            }],
            populations: [(true, 60_000.0), (false, 5_000.0)]
                .into_iter()
                .enumerate()
                .map(|(population, (is_stock, base))| PopulationWeeks {
                    population,
                    is_stock,
                    weeks: people(base).collect(),
                })
                .collect(),
        };
        group.bench_function(BenchmarkId::new("weeks", weeks), |bencher| {
            bencher.iter(|| plan(&past));
        });
    }
    group.finish();
}

criterion_group!(benches, decoding, sized, planning);
criterion_main!(benches);
