//! What `backfill` writes for an instant is what the daemon shows when it refreshes at it, and absent
//! where the daemon shows nothing: for seeded stories, for every plan, whatever reports and series
//! leave out, and however the past is read.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, LazyLock, Mutex},
};

use contact_rate_exporter::{
    app,
    commands::backfill::{Means, Options, backfill, parse_instant, parse_step},
    config::{self, Config},
    demo::{
        simulator::Shape,
        story::{Scenario, Story},
    },
    exposition::{
        Format,
        catalogue::Family,
        series::{self, Sink},
    },
    refresh::{Outlets, Refresher},
    snapshot::Snapshot,
    sources::helpscout::Telemetry,
};
use hyper::{Response, StatusCode, body::Bytes};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::world::{Instead, STORY, World, now};
use crate::common::text_parser;

type Series = (String, Vec<(String, String)>);

/// The samples that a page would have.
#[derive(Default)]
struct Page(BTreeMap<Series, f64>);

impl Sink for Page {
    fn sample(&mut self, family: &Family, labels: &[(&str, &str)], value: f64) {
        let labels = labels.iter();
        let labels = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let series = (family.name.clone().into_owned(), labels.collect());
        assert!(self.0.insert(series, value).is_none());
    }
}

static END: Mutex<Timestamp> = Mutex::new(Timestamp::UNIX_EPOCH);

/// What the daemon shows when it refreshes at `end`.
async fn live(config: &Config, end: Timestamp) -> BTreeMap<Series, f64> {
    // One at a time: the daemon's clock is a plain function.
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE.lock().await;
    *END.lock().unwrap() = end;
    let latest: Arc<Mutex<Option<Arc<Snapshot>>>> = Arc::default();
    let outlets = Outlets {
        publish: Box::new({
            let latest = Arc::clone(&latest);
            move |snapshot| *latest.lock().unwrap() = Some(snapshot)
        }),
        now: || *END.lock().unwrap() + SignedDuration::from_secs(31),
    };
    let config = Arc::new(config.clone());
    let sources = app::sources(&config, &Telemetry::new().unwrap(), None).unwrap();
    let mut refresher = Refresher::new(config, sources, Arc::new(outlets));
    if let Err(error) = tokio::spawn(async move { refresher.refresh().await }).await {
        std::panic::resume_unwind(error.into_panic());
    }
    let snapshot = latest.lock().unwrap().take().unwrap();
    assert_eq!(snapshot.window_end, Some(end));
    for state in &snapshot.sources {
        // Days that nothing confirms, or that reports contradict, are all that may fail.
        if state.source.to_string() != "daily_tickets" {
            assert_eq!(state.last_failures, [], "{}", state.source);
        }
    }
    let mut page = Page::default();
    series::visit(&snapshot, &mut page);
    page.0.retain(|(name, labels), _| {
        let of_accounts = labels.iter().any(|(_, value)| value == "accounts");
        // Of the sources, and of the present alone.
        !(name.starts_with("contact_source_")
            || name.starts_with("contact_window_")
            || name.contains("_open_ticket")
            || name == "contact_accounts"
            || of_accounts)
    });
    page.0
}

/// The samples of a file by instant.
fn read(path: &Path) -> BTreeMap<Timestamp, BTreeMap<Series, f64>> {
    let text = fs::read_to_string(path).unwrap();
    let mut pages: BTreeMap<Timestamp, BTreeMap<Series, f64>> = BTreeMap::new();
    for sample in text_parser::parse(Format::OpenMetrics, &text).unwrap() {
        let second = sample.timestamp.unwrap().parse().unwrap();
        let page = pages
            .entry(Timestamp::from_second(second).unwrap())
            .or_default();
        let twice = page.insert((sample.name, sample.labels), sample.value);
        assert!(twice.is_none());
    }
    pages
}

fn is_mean(name: &str) -> bool {
    name.ends_with("_mean_seconds")
}

/// How a series answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    /// As the story has it.
    #[default]
    Whole,
    /// With no bucket at all.
    Empty,
    /// Not: the account has no such report.
    Refused,
}

/// A help desk, and how its past is read.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// 0 is the story of all other tests.
    seed: u64,
    /// Whether the plan has reports.
    reports: bool,
    counts_from: &'static str,
    shape: Shape,
    created_series: Told,
    messages_series: Told,
    happiness: bool,
    windows: &'static str,
    from: Timestamp,
    step: &'static str,
    steps: i64,
    means: Means,
}

/// A month of days with the default windows.
fn case(from: &str, step: &'static str, steps: i64) -> Case {
    Case {
        seed: 0,
        reports: true,
        counts_from: "auto",
        shape: Shape {
            created_in_current: true,
            created_in_previous: true,
            empty_buckets: true,
        },
        created_series: Told::Whole,
        messages_series: Told::Whole,
        happiness: true,
        windows: "1d, 7d, 28d",
        from: parse_instant(from).unwrap(),
        step,
        steps,
        means: Means::Skip,
    }
}

impl Case {
    async fn world(&self) -> World {
        static OTHERS: LazyLock<[Arc<Story>; 2]> = LazyLock::new(|| {
            [(Scenario::Growth, 7), (Scenario::Improvement, 8)]
                .map(|(scenario, seed)| Arc::new(Story::new(scenario, seed, now())))
        });
        let (created, messages) = (self.created_series, self.messages_series);
        let instead: Instead = Arc::new(move |request| {
            let told = match request.uri().path() {
                "/v2/reports/conversations/new" => created,
                "/v2/reports/conversations/received-messages" => messages,
                _ => Told::Whole,
            };
            match told {
                Told::Whole => None,
                Told::Empty => Some(Response::new(Bytes::from_static(b"{\"current\":[]}"))),
                Told::Refused => {
                    let mut response = Response::new(Bytes::new());
                    *response.status_mut() = StatusCode::NOT_FOUND;
                    Some(response)
                }
            }
        });
        let story = match self.seed {
            0 => &*STORY,
            seed => &OTHERS[usize::try_from(seed - 1).unwrap() % OTHERS.len()],
        };
        let change = |options: &mut contact_rate_exporter::demo::simulator::Options| {
            options.reports = self.reports;
            options.shape = self.shape;
        };
        World::of(Arc::clone(story), change, instead).await
    }

    /// With populations that are reckoned, and no two of which are alike.
    fn config(&self, world: &World) -> Config {
        let text = format!(
            "windows: [{}]
helpscout:
  app_id: demo
  app_secret: demo
  base_url: http://{}
  requests_per_minute: 1000000
  counts_from: {}
  happiness: {}
segments:
  - {{name: usagers, mailboxes: [Usagers]}}
  - {{name: bug, tags: [bug]}}
  - {{name: telephone, channels: [phone]}}
databases:
  app: {{url: 'sqlite://{}'}}
populations:
  users:
    total: {{database: app, query: 'SELECT 9000 + unixepoch(:end) / 86400 % 97'}}
  dossiers:
    window: {{database: app, query: 'SELECT (unixepoch(:end) - unixepoch(:start)) / 600 + unixepoch(:start) / 3600 % 13'}}
  accounts:
    total: {{database: app, query: 'SELECT 5'}}
",
            self.windows,
            world.address(),
            self.counts_from,
            self.happiness,
            world.path("empty.sqlite").display()
        );
        fs::write(world.path("empty.sqlite"), "").unwrap();
        config::parse(&text, Path::new("test.yml"), &|_| None).unwrap()
    }

    fn options(&self, world: &World, dry_run: bool) -> Options {
        let step = contact_rate_exporter::domain::parse_duration(self.step).unwrap();
        let span = SignedDuration::from_secs((self.steps - 1) * step);
        Options {
            from: self.from,
            to: self.from + span,
            step: parse_step(self.step).unwrap(),
            output: world.path("history.om"),
            cache_dir: None,
            means: self.means,
            labels: Vec::new(),
            dry_run,
        }
    }

    /// Holds first and last instant against the daemon. Gives how many calls there were, how many were
    /// foreseen, and what the command said.
    async fn agrees(&self) -> (usize, usize, String) {
        let world = self.world().await;
        let config = self.config(&world);
        let foreseen = backfill(&config, &self.options(&world, true), now()).await;
        let foreseen = foreseen.unwrap().to_string();
        let (calls, _) = foreseen.split_once(" Help Scout calls").unwrap();
        let calls: usize = calls.lines().last().unwrap().parse().unwrap();
        assert!(world.asked().is_empty());
        let options = self.options(&world, false);
        let outcome = backfill(&config, &options, now()).await.unwrap();
        let asked = world.asked();
        assert!(asked.values().all(|times| *times == 1), "{asked:#?}");

        let mut pages = read(&world.path("history.om"));
        assert!(pages.len() <= usize::try_from(self.steps).unwrap());
        for end in [options.from, options.to] {
            let found = pages.remove(&end).unwrap_or_default();
            self.holds(end, &live(&config, end).await, found);
            if options.from == options.to {
                break;
            }
        }
        (asked.len(), calls, outcome.to_string())
    }

    /// Holds a page of the past against that of the daemon.
    fn holds(
        &self,
        end: Timestamp,
        expected: &BTreeMap<Series, f64>,
        mut found: BTreeMap<Series, f64>,
    ) {
        for (series, value) in expected {
            let past = found.remove(series);
            let left_out = self.means == Means::Skip && is_mean(&series.0) && past.is_none();
            if !left_out {
                assert_eq!(past, Some(*value), "{series:?} at {end} of {self:?}");
            }
        }
        assert!(found.is_empty(), "{found:#?} at {end} of {self:?}");
    }
}

/// Ways to read the past, with the calls that they take where that is known.
fn layouts() -> Vec<(Case, Option<usize>)> {
    vec![
        // 31 + 55 days in pairs, 31 + 27 days of ratings in pairs, and two series of days, for four
        // segments.
        (case("2025-05-01", "1d", 31), Some(296)),
        // Reading three windows takes three calls, and 56 days are one more, for four segments.
        (case("2025-05-01", "1d", 1), Some(28)),
        (
            Case {
                means: Means::Read,
                ..case("2025-05-01", "1d", 5)
            },
            None,
        ),
        (
            Case {
                windows: "1h, 90m, 1d, 2d",
                ..case("2025-05-01T20:30:00Z", "1h", 6)
            },
            None,
        ),
        (
            Case {
                windows: "1d, 7d, 14d, 28d, 60d",
                ..case("2025-01-01", "7d", 5)
            },
            None,
        ),
        (
            Case {
                windows: "36h, 3d, 30d",
                ..case("2025-01-01", "36h", 5)
            },
            None,
        ),
        (
            Case {
                windows: "1d, 3d",
                happiness: false,
                ..case("2025-05-01", "1d", 20)
            },
            None,
        ),
        (
            Case {
                windows: "6h, 1d, 28d",
                shape: lacking(false, false),
                ..case("2025-05-01", "12h", 5)
            },
            None,
        ),
        (
            Case {
                windows: "1d, 7d",
                shape: Shape {
                    created_in_current: true,
                    ..lacking(false, true)
                },
                ..case("2025-05-01", "1d", 10)
            },
            None,
        ),
    ]
}

/// Help desks that were told wrong once, or tell little.
fn desks() -> Vec<(Case, Option<usize>)> {
    vec![
        // The false zeros of the past: reports that lack created tickets and messages, and series
        // that are empty.
        (
            Case {
                windows: "6h, 1d, 28d",
                shape: lacking(false, true),
                created_series: Told::Empty,
                messages_series: Told::Empty,
                ..case("2025-05-01", "1d", 3)
            },
            None,
        ),
        (
            Case {
                windows: "1d, 7d",
                shape: lacking(false, true),
                messages_series: Told::Refused,
                ..case("2025-05-01", "1d", 3)
            },
            None,
        ),
        // What a report says of its previous range it does not say of its own.
        (
            Case {
                windows: "1d, 7d",
                shape: lacking(true, false),
                happiness: false,
                ..case("2023-03-23T05:15:00Z", "1d", 3)
            },
            None,
        ),
        // A young help desk: the story begins three years before it is told.
        (case("2023-03-20", "1d", 3), None),
        (
            Case {
                shape: lacking(false, false),
                ..case("2023-03-20", "1d", 3)
            },
            None,
        ),
        (
            Case {
                reports: false,
                windows: "1d, 7d, 30d",
                ..case("2025-05-01", "1d", 10)
            },
            None,
        ),
    ]
}

#[tokio::test]
async fn known_cases() {
    for (case, calls) in layouts().into_iter().chain(desks()) {
        let (asked, foreseen, outcome) = Box::pin(case.agrees()).await;
        if let Some(calls) = calls {
            assert_eq!((asked, foreseen), (calls, calls), "{case:?}");
        }
        match case.means {
            Means::Read => assert!(!outcome.contains("mean times"), "{outcome}"),
            Means::Skip if calls == Some(296) => {
                assert!(outcome.contains("mean times over 7d, 28d"), "{outcome}");
            }
            Means::Skip => {}
        }
        assert!(
            outcome.contains("contact_accounts and its contact rates"),
            "{outcome}"
        );
        assert_eq!(outcome.contains("counted by search"), !case.reports);
    }
}

fn lacking(created_in_previous: bool, empty_buckets: bool) -> Shape {
    Shape {
        created_in_current: false,
        created_in_previous,
        empty_buckets,
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let told = || prop_oneof![3 => Just(Told::Whole), 1 => Just(Told::Empty)];
    let desk = (
        0_u64..3,
        prop::bool::weighted(0.8),
        prop_oneof![4 => Just("auto"), 1 => Just("search")],
        prop::bool::weighted(0.6),
        any::<(bool, bool)>(),
        told(),
        prop_oneof![told(), Just(Told::Refused)],
        any::<bool>(),
    );
    let span = (
        prop::sample::select(
            &[
                "1d, 7d",
                "6h, 1d, 3d",
                "36h, 10d",
                "1d, 28d",
                "90m, 2d, 15d",
            ][..],
        ),
        // From before the story begins to shortly before it is told.
        0_i64..34_500,
        prop::sample::select(&["1d", "12h", "6h", "36h", "90m", "7d"][..]),
        1_i64..6,
        prop_oneof![3 => Just(Means::Skip), 1 => Just(Means::Read)],
    );
    (desk, span).prop_map(|(desk, span)| {
        let (seed, reports, counts_from, created, (previous, buckets), series, messages, happiness) =
            desk;
        let (windows, quarters, step, steps, means) = span;
        let earliest = parse_instant("2023-02-20").unwrap();
        Case {
            seed,
            reports,
            counts_from,
            shape: Shape {
                created_in_current: created,
                ..lacking(previous, buckets)
            },
            created_series: series,
            messages_series: messages,
            happiness,
            windows,
            from: earliest + SignedDuration::from_mins(45 * quarters),
            step,
            steps,
            means,
        }
    })
}

#[test]
fn whatever_the_daemon_showed_is_written_and_nothing_else() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 30,
        ..ProptestConfig::with_cases(cases_to_try())
    };
    proptest!(config, |(case in cases())| {
        runtime.block_on(Box::pin(case.agrees()));
    });
}

/// Few: each is a help desk, a run and two refreshes. `PROPTEST_CASES` asks for more.
fn cases_to_try() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(6)
}
