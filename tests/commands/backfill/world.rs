//! A simulated Help Scout that keeps count, the database of its story, and configs for both.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
};

use contact_rate_exporter::{
    config::{self, Config},
    demo::{
        database,
        simulator::{Options, Simulator, bind, serve},
        story::{DEFAULT_SEED, Scenario, Story},
    },
};
use hyper::{Request, Response, StatusCode, body::Bytes};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::{sync::OnceCell, sync::watch, task::JoinHandle};

/// When the story is told: it goes back three years from here.
pub fn now() -> Timestamp {
    "2026-03-11T14:37:20Z".parse().unwrap()
}

pub static STORY: LazyLock<Arc<Story>> =
    LazyLock::new(|| Arc::new(Story::new(Scenario::Incident, DEFAULT_SEED, now())));

/// Reports and lists, without token, mailboxes and tags.
pub const COUNTED: [&str; 2] = ["/v2/reports/", "/v2/conversations"];

pub fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// The story's database, written once for all tests of this program.
pub async fn database() -> &'static Path {
    static DATABASE: OnceCell<(TempDir, PathBuf)> = OnceCell::const_new();
    let (_, path) = DATABASE
        .get_or_init(async || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("story.sqlite");
            database::create(&path, &STORY).await.unwrap();
            (folder, path)
        })
        .await;
    path
}

/// What happens to a request before it is answered.
pub type Fault = Arc<dyn Fn(&Request<Bytes>) -> Option<StatusCode> + Send + Sync>;

/// A Help Scout.
pub struct World {
    pub folder: TempDir,
    address: String,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    limit: watch::Sender<usize>,
    running: JoinHandle<()>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}, Arc::new(|_| None)).await
    }

    pub async fn with(change: impl FnOnce(&mut Options), fault: Fault) -> Self {
        let mut options = Options {
            requests_per_minute: 1_000_000,
            clock: Arc::new(now),
            ..Options::default()
        };
        change(&mut options);
        let simulator = Arc::new(Simulator::new(Arc::clone(&STORY), options));
        let listener = bind().await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let (limit, limited) = watch::channel(usize::MAX);
        let answer = {
            let asked = Arc::clone(&asked);
            move |request: Request<Bytes>| {
                let (simulator, fault) = (Arc::clone(&simulator), Arc::clone(&fault));
                let asked = Arc::clone(&asked);
                let mut limited = limited.clone();
                async move {
                    if let Some(status) = fault(&request) {
                        let mut response = Response::new(Bytes::new());
                        *response.status_mut() = status;
                        return response;
                    }
                    let path = request.uri().path();
                    if COUNTED.iter().any(|counted| path.starts_with(counted)) {
                        let uri = request.uri().to_string();
                        let take = |limit: &usize| {
                            let mut asked = asked.lock().unwrap();
                            let free = asked.values().sum::<usize>() < *limit;
                            if free {
                                *asked.entry(uri.clone()).or_default() += 1;
                            }
                            free
                        };
                        let start = *limited.borrow_and_update();
                        if !take(&start) {
                            // Whoever asked is gone when the limit changes.
                            let _changed = limited.changed().await;
                            return Response::new(Bytes::new());
                        }
                    }
                    simulator.answer(&request)
                }
            }
        };
        let running = tokio::spawn(serve(listener, answer, std::future::pending()));
        Self {
            folder: tempfile::tempdir().unwrap(),
            address,
            asked,
            limit,
            running,
        }
    }

    /// The counted requests that were answered, and how often.
    pub fn asked(&self) -> BTreeMap<String, usize> {
        self.asked.lock().unwrap().clone()
    }

    /// Answers so many counted requests in all, and leaves the others without an answer.
    pub fn answer_only(&self, limit: usize) {
        self.limit.send_replace(limit);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a config: the demo's segments and populations, and what is given.
    pub async fn config_text(&self, top: &str, help_scout: &str) -> String {
        format!(
            "{top}
helpscout:
  app_id: demo
  app_secret: demo
  base_url: http://{}
  requests_per_minute: 1000000
{help_scout}
segments:
  - {{name: usagers, mailboxes: [Usagers]}}
  - {{name: bug, tags: [bug]}}
  - {{name: telephone, channels: [phone]}}
databases:
  app: {{url: 'sqlite://{}'}}
populations:
  users:
    total: {{database: app, query: 'SELECT count(*) FROM users WHERE created_at < :end'}}
  dossiers:
    window: {{database: app, query: 'SELECT count(*) FROM dossiers WHERE depose_at >= :start AND depose_at < :end'}}
  accounts:
    total: {{database: app, query: 'SELECT count(*) FROM users'}}
{}
",
            self.address,
            database().await.display(),
            // Every config of these tests but one has this window.
            if top.contains("36h") {
                ""
            } else {
                "targets: [{population: dossiers, window: 1d, tickets: created, at_most: 0.06}]"
            }
        )
    }

    pub async fn config(&self, top: &str, help_scout: &str) -> Config {
        let text = self.config_text(top, help_scout).await;
        config::parse(&text, Path::new("test.yml"), &|_| None).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.running.abort();
    }
}
