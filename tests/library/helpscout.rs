//! The Help Scout client seen from outside: what it sends over real HTTP, and what it makes of
//! every answer. Waits are tested on a paused clock, beside the code.

mod counts;
mod directory;
mod failures;
mod limits;
mod logs;
mod requests;
mod rotation;

use std::{
    collections::BTreeMap,
    error::Error as _,
    num::NonZeroU32,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use contact_rate_exporter::{
    config::{Channel, Config, CountsFrom, HelpScout as Settings, Reference, Secret, Segment},
    domain::{ContactCounts, Contacts, Interval, Ratings, Reason},
    sources::helpscout::{Error, Filter, HelpScout, Reader, Telemetry},
};
use jiff::Timestamp;
use prometheus::{Registry, TextEncoder};
use url::Url;

use crate::common::upstream::{Asked, Reply, Upstream, compressed};

const SECRET: &str = "planted-secret";
const DAY: i64 = 24 * 60 * 60;

const TOKEN: &str = "/v2/oauth2/token";
const PRODUCTIVITY: &str = "/v2/reports/productivity";
const NEW: &str = "/v2/reports/conversations/new";
const RECEIVED: &str = "/v2/reports/conversations/received-messages";
const HAPPINESS: &str = "/v2/reports/happiness";
const CONVERSATIONS: &str = "/v2/conversations";
const MAILBOXES: &str = "/v2/mailboxes";
const TAGS: &str = "/v2/tags";

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/help-scout");
    std::fs::read(folder.join(name)).unwrap()
}

fn recorded(name: &str) -> Reply {
    Reply::json(200, fixture(name))
}

/// A whole Help Scout, as far as one answer per endpoint goes.
fn good(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        TOKEN => recorded("oauth2-token.json"),
        PRODUCTIVITY => recorded("productivity-2017-11.json"),
        NEW => Reply::json(200, r#"{"current":[]}"#),
        RECEIVED => recorded("conversations-received-messages.json"),
        HAPPINESS => recorded("happiness.json"),
        CONVERSATIONS => recorded("conversations-list.json"),
        MAILBOXES => recorded("mailboxes.json"),
        TAGS => recorded("tags.json"),
        _ => Reply::json(404, fixture("error-404.json")),
    }
}

fn config(url: &Url, timeout: Duration) -> Config {
    let interval = Duration::from_mins(5);
    Config {
        interval,
        timeout,
        max_age: interval * 3,
        time_zone: jiff::tz::TimeZone::UTC,
        windows: Vec::new(),
        desk: contact_rate_exporter::config::Desk::HelpScout(Box::new(Settings {
            app_id: "app id&".to_owned(),
            app_secret: Secret::new(SECRET),
            base_url: url.clone(),
            counts_from: CountsFrom::Auto,
            requests_per_minute: None,
            happiness: true,
            help_center: None,
        })),
        segments: Vec::new(),
        databases: Vec::new(),
        populations: Vec::new(),
        reasons: None,
        targets: Vec::new(),
        forecast: None,
    }
}

struct Desk {
    upstream: Upstream,
    help_scout: HelpScout,
    registry: Registry,
}

impl Desk {
    async fn new(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_timeout(script, Duration::from_secs(30)).await
    }

    /// Answers `path` as `script` says and everything else well.
    async fn only(path: &'static str, script: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
        Self::new(move |asked| {
            if asked.path == path {
                script()
            } else {
                good(asked)
            }
        })
        .await
    }

    async fn with_timeout(
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
        timeout: Duration,
    ) -> Self {
        let upstream = Upstream::start(script).await;
        let registry = Registry::new();
        let telemetry = Telemetry::new().unwrap();
        telemetry.register(&registry).unwrap();
        let config = config(&upstream.url, timeout);
        let help_scout = HelpScout::new(&config, config.helpscout().unwrap(), telemetry).unwrap();
        Self {
            upstream,
            help_scout,
            registry,
        }
    }

    fn reader(&self) -> Reader<'_> {
        self.within(Duration::from_mins(1))
    }

    fn within(&self, time: Duration) -> Reader<'_> {
        self.help_scout.until(tokio::time::Instant::now() + time)
    }

    async fn all(&self) -> Filter {
        self.reader().filter(&Segment::all()).await.unwrap()
    }

    async fn productivity(&self) -> Result<ContactCounts, Error> {
        let all = self.all().await;
        self.reader().contacts_alone(&all, window()).await
    }

    /// Paths and queries asked, tokens left out.
    fn targets(&self) -> Vec<String> {
        let asked = self.upstream.asked();
        asked
            .iter()
            .filter(|asked| asked.path != TOKEN)
            .map(Asked::target)
            .collect()
    }

    fn count(&self, path: &str) -> usize {
        let asked = self.upstream.asked();
        asked.iter().filter(|asked| asked.path == path).count()
    }

    fn metrics(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap()
    }
}

fn end() -> Timestamp {
    "2026-01-08T12:34:00Z".parse().unwrap()
}

fn window() -> Interval {
    Interval::ending_at(end(), 7 * DAY)
}

fn previous() -> Interval {
    Interval::ending_at(window().start, 7 * DAY)
}

fn usagers() -> Segment {
    Segment {
        name: "usagers".to_owned(),
        mailboxes: vec![Reference::Id(102), Reference::Name("Inbox A".into())],
        tags: vec![
            Reference::Name("Feature request".into()),
            Reference::Id(7001),
        ],
        ..Segment::all()
    }
}

/// The error and its causes, as an operator reads them, and what a debugger would.
fn told(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error} {error:?}");
        cause = error.source();
    }
    text
}
