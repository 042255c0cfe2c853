//! A simulated Help Scout that keeps count, the database of its story, and configs for both.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use contact_rate_exporter::demo::{
    simulator::{Options, Simulator, bind, serve},
    story::Story,
};
use hyper::{Request, Response, StatusCode, body::Bytes};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

pub use crate::common::story::{STORY, database, days, now};

/// Reports and lists, without token, mailboxes and tags.
pub const COUNTED: [&str; 2] = ["/v2/reports/", "/v2/conversations"];

/// What happens to a request before it is answered.
pub type Fault = Arc<dyn Fn(&Request<Bytes>) -> Option<StatusCode> + Send + Sync>;

/// What is answered instead of the story's answer.
pub type Instead = Arc<dyn Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send + Sync>;

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
        let instead: Instead = Arc::new(move |request| {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = fault(request)?;
            Some(response)
        });
        Self::of(Arc::clone(&STORY), change, instead).await
    }

    /// Of any story.
    pub async fn of(
        story: Arc<Story>,
        change: impl FnOnce(&mut Options),
        instead: Instead,
    ) -> Self {
        let mut options = Options {
            requests_per_minute: 1_000_000,
            clock: Arc::new(now),
            ..Options::default()
        };
        change(&mut options);
        let simulator = Arc::new(Simulator::new(story, options));
        let listener = bind().await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let (limit, limited) = watch::channel(usize::MAX);
        let answer = {
            let asked = Arc::clone(&asked);
            move |request: Request<Bytes>| {
                let (simulator, instead) = (Arc::clone(&simulator), Arc::clone(&instead));
                let asked = Arc::clone(&asked);
                let mut limited = limited.clone();
                async move {
                    if let Some(response) = instead(&request) {
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

    /// How often a counted request was answered.
    pub fn times_asked(&self) -> usize {
        self.asked.lock().unwrap().values().sum()
    }

    /// Answers so many counted requests in all, and leaves the others without an answer.
    pub fn answer_only(&self, limit: usize) {
        self.limit.send_replace(limit);
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
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
            "targets: [{population: dossiers, window: 1d, tickets: created, at_most: 0.06}]"
        )
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.running.abort();
    }
}
