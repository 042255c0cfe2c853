//! A refresher on a simulated Help Scout that can be told to fail, and a SQLite file, both of one
//! story at one instant.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use contact_rate_exporter::{
    app,
    config::{self, Config},
    demo::{
        database,
        simulator::{Options, Simulator, bind, serve},
        story::{DEFAULT_SEED, Scenario, Story},
    },
    domain::{Reason, Source},
    refresh::{Outlets, Refresher, Reload, Sources},
    snapshot::{Snapshot, SourceState},
    sources::telemetry::Telemetry,
};
use hyper::{Request, Response, StatusCode, body::Bytes};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::{
    sync::{OnceCell, mpsc, oneshot, watch},
    task::AbortHandle,
};

/// The story that everything here is read from.
pub static STORY: LazyLock<Arc<Story>> =
    LazyLock::new(|| Arc::new(Story::new(Scenario::Incident, DEFAULT_SEED, now())));

/// A Wednesday afternoon, some way into a minute.
pub fn now() -> Timestamp {
    "2026-03-11T14:37:20Z".parse().unwrap()
}

/// The `end` of a refresh at that instant.
pub fn end() -> Timestamp {
    "2026-03-11T14:37:00Z".parse().unwrap()
}

/// An instant so many seconds before `end`.
pub fn before_end(seconds: i64) -> Timestamp {
    end() - SignedDuration::from_secs(seconds)
}

/// The story's database: made once per run of the tests.
pub async fn story_database() -> &'static Path {
    static FILE: OnceCell<PathBuf> = OnceCell::const_new();
    FILE.get_or_init(|| async {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("refresh.sqlite");
        // What an earlier run left there.
        let _ = std::fs::remove_file(&path);
        database::create(&path, &STORY).await.unwrap();
        path
    })
    .await
}

/// What becomes of a request.
pub enum Fate {
    /// The simulator answers.
    Good,
    /// No answer ever.
    Silence,
    /// A status and a body.
    Answer(u16, String),
    /// The simulator's answer, changed.
    Edited(fn(Value) -> Value),
}

/// A status with the body that Help Scout gives it.
pub fn status(status: u16) -> Fate {
    Fate::Answer(status, r#"{"message":"no"}"#.to_owned())
}

type Script = Arc<dyn Fn(&str, &str) -> Fate + Send + Sync>;

/// The simulated help desk.
pub struct Desk {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Script>>,
    serving: AbortHandle,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Desk {
    pub async fn start(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            requests_per_minute: 100_000,
            clock: Arc::new(now),
            ..Options::default()
        };
        change(&mut options);
        let simulator = Arc::new(Simulator::new(Arc::clone(&STORY), options));
        let listener = bind().await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Arc::new(|_, _| Fate::Good)));
        let answer = {
            let (asked, script) = (Arc::clone(&asked), Arc::clone(&script));
            move |request: Request<Bytes>| {
                let simulator = Arc::clone(&simulator);
                let path = request.uri().path().to_owned();
                let query = request.uri().query().unwrap_or_default().to_owned();
                asked.lock().unwrap().push(format!("{path}?{query}"));
                let script = Arc::clone(&script.lock().unwrap());
                async move {
                    match script(&path, &query) {
                        Fate::Good => simulator.answer(&request),
                        Fate::Silence => std::future::pending().await,
                        Fate::Answer(status, body) => {
                            let mut response = Response::new(Bytes::from(body));
                            *response.status_mut() = StatusCode::from_u16(status).unwrap();
                            response
                        }
                        Fate::Edited(edit) => simulator.answer(&request).map(|body| {
                            edit(serde_json::from_slice(&body).unwrap())
                                .to_string()
                                .into()
                        }),
                    }
                }
            }
        };
        let serving = tokio::spawn(serve(listener, answer, std::future::pending())).abort_handle();
        Self {
            address,
            asked,
            script,
            serving,
        }
    }

    /// From now on, requests for `path?query` fare so.
    pub fn script(&self, script: impl Fn(&str, &str) -> Fate + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    /// From now on, requests for one path fare so, and all others well.
    pub fn only(&self, path: &'static str, fate: impl Fn() -> Fate + Send + Sync + 'static) {
        self.script(move |asked, _| if asked == path { fate() } else { Fate::Good });
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// How often each path was asked since the last time.
    pub fn calls(&self) -> Vec<(String, usize)> {
        let mut calls = BTreeMap::new();
        for asked in self.asked() {
            let path = asked.split('?').next().unwrap().to_owned();
            *calls.entry(path).or_insert(0) += 1;
        }
        calls.into_iter().collect()
    }

    /// A config of this desk and the story's database; `text` is what follows `helpscout`.
    pub async fn config(&self, text: &str) -> Config {
        let text = format!(
            "helpscout:\n  app_id: demo\n  app_secret: demo\n  base_url: http://{}\n  requests_per_minute: 100000\n{text}",
            self.address
        )
        .replace("$DATABASE", &story_database().await.display().to_string());
        config::parse(&text, Path::new("contact-rate.yml"), &|_| None).unwrap()
    }
}

/// Two populations of the story.
pub const POPULATIONS: &str = "
databases:
  app: {url: 'sqlite://$DATABASE'}
populations:
  users:
    total: {database: app, query: SELECT count(*) FROM users WHERE created_at < :end}
  dossiers:
    window: {database: app, query: SELECT count(*) FROM dossiers WHERE depose_at >= :start AND depose_at < :end}
";

/// What a refresher published and said.
#[derive(Clone)]
pub struct Published {
    latest: watch::Sender<Option<Arc<Snapshot>>>,
    told: Arc<Mutex<BTreeMap<(Source, Reason), u64>>>,
}

impl Published {
    pub fn new() -> Self {
        Self {
            latest: watch::Sender::new(None),
            told: Arc::default(),
        }
    }

    /// The last snapshot.
    pub fn latest(&self) -> Arc<Snapshot> {
        self.latest.borrow().clone().unwrap()
    }

    /// Failed readings since the last time, by source and reason.
    pub fn failures(&self) -> Vec<String> {
        let mut told = self.told.lock().unwrap();
        let mut failures = Vec::new();
        let latest = self.latest.borrow().clone();
        for state in latest.iter().flat_map(|snapshot| &snapshot.sources) {
            for (reason, total) in state.failures.iter() {
                let before = told.insert((state.source.clone(), reason), total);
                let new = total - before.unwrap_or(0);
                let failure = format!("{} {reason}", state.source);
                failures.extend((0..new).map(|_| failure.clone()));
            }
        }
        failures
    }

    /// Waits for a snapshot of which something holds.
    pub async fn when(&self, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        self.within(Duration::from_mins(1), holds).await
    }

    /// The same with a patience of its own, for a clock that runs by itself.
    pub async fn within(
        &self,
        patience: Duration,
        holds: impl Fn(&Snapshot) -> bool,
    ) -> Arc<Snapshot> {
        let mut latest = self.latest.subscribe();
        let found = tokio::time::timeout(
            patience,
            latest.wait_for(|latest| latest.as_deref().is_some_and(&holds)),
        );
        found.await.expect("in time").unwrap().clone().unwrap()
    }

    fn outlets(&self, clock: fn() -> Timestamp) -> Outlets {
        let latest = self.latest.clone();
        Outlets {
            publish: Box::new(move |snapshot| {
                latest.send_replace(Some(snapshot));
            }),
            now: clock,
        }
    }
}

/// A refresher of the config, and what it publishes.
pub fn refresher(config: &Config) -> (Refresher, Published) {
    let published = Published::new();
    let refresher = refresher_to(config, &published, now);
    (refresher, published)
}

/// A refresher that publishes there, and has the time from that clock.
pub fn refresher_to(config: &Config, published: &Published, clock: fn() -> Timestamp) -> Refresher {
    let outlets = Arc::new(published.outlets(clock));
    Refresher::new(Arc::new(config.clone()), sources_of(config, None), outlets)
}

/// A new configuration for a running refresher.
pub fn reload(config: &Config, predecessor: &Sources) -> Reload {
    Reload {
        config: Arc::new(config.clone()),
        sources: Arc::new(sources_of(config, Some(predecessor))),
        adopted: oneshot::channel().0,
    }
}

/// No new configuration ever.
pub fn never() -> mpsc::Receiver<Reload> {
    let (reloads, never) = mpsc::channel(1);
    std::mem::forget(reloads);
    never
}

fn sources_of(config: &Config, predecessor: Option<&Sources>) -> Sources {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let telemetry = Telemetry::new().unwrap();
    let predecessor = predecessor.map(|sources| &sources.tickets);
    app::sources(config, &telemetry, predecessor).unwrap()
}

/// Lets time pass while nothing is under way.
pub async fn pass(duration: Duration) {
    tokio::time::pause();
    tokio::time::advance(duration).await;
    tokio::time::resume();
}

/// The state of a source, if it exists.
pub fn source<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a SourceState> {
    snapshot
        .sources
        .iter()
        .find(|state| state.source.name() == name)
}

/// The names of the sources that exist, each with `up` or its reason.
pub fn sources(snapshot: &Snapshot) -> Vec<String> {
    let state = |state: &SourceState| {
        let failure = state.last_failure();
        let how = failure
            .as_ref()
            .map_or("up".to_owned(), |failure| failure.reason.to_string());
        assert!(!state.up || failure.is_none());
        format!(
            "{} {}",
            state.source,
            if state.up || failure.is_some() {
                &how
            } else {
                "unread"
            }
        )
    };
    snapshot.sources.iter().map(state).collect()
}

/// The index of a segment, window or population by its name.
pub fn index(snapshot: &Snapshot, name: &str) -> usize {
    let frame = &snapshot.frame;
    let segment = frame.segments.iter().position(|segment| segment == name);
    let window = frame
        .windows
        .iter()
        .position(|window| window.name() == name);
    let population = frame
        .populations
        .iter()
        .position(|population| population.name == name);
    segment.or(window).or(population).unwrap()
}
