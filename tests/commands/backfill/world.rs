//! A simulated Help Scout that keeps count, the database of its story, and configs for both.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::Child,
    sync::{Arc, Mutex},
};

use contact_rate_exporter::demo::{
    simulator::{Options, Simulator, bind, serve},
    story::Story,
};
use hyper::{Request, Response, StatusCode, body::Bytes, header};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

pub use crate::common::story::{STORY, database, days, now};

/// Reports and lists, without token, mailboxes and tags.
pub const COUNTED: [&str; 2] = ["/v2/reports/", "/v2/conversations"];

/// What happens to a request before it is answered.
pub type Fault = Arc<dyn Fn(&Request<Bytes>) -> Option<StatusCode> + Send + Sync>;

/// What is answered instead of the story's answer.
pub type Instead = Arc<dyn Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send + Sync>;

/// Who asked what.
#[derive(Default)]
struct Book {
    asked: BTreeMap<String, usize>,
    /// The tokens of those that asked; each run of the program has its own.
    callers: BTreeSet<Vec<u8>>,
    gone: BTreeSet<Vec<u8>>,
}

impl Book {
    fn answered(&self) -> usize {
        self.asked.values().sum()
    }

    /// Counts a request, unless `limit` are counted.
    fn counts(&mut self, request: &Request<Bytes>, limit: usize) -> bool {
        let free = self.answered() < limit;
        if free {
            *self.asked.entry(request.uri().to_string()).or_default() += 1;
            self.callers.insert(token(request));
        }
        free
    }
}

fn token(request: &Request<Bytes>) -> Vec<u8> {
    let token = request.headers().get(header::AUTHORIZATION);
    token.map_or_else(Vec::new, |token| token.as_bytes().to_vec())
}

/// A Help Scout.
pub struct World {
    pub folder: TempDir,
    address: String,
    book: Arc<Mutex<Book>>,
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
        let book: Arc<Mutex<Book>> = Arc::default();
        let (limit, limited) = watch::channel(usize::MAX);
        let answer = {
            let book = Arc::clone(&book);
            move |request: Request<Bytes>| {
                let (simulator, instead) = (Arc::clone(&simulator), Arc::clone(&instead));
                let book = Arc::clone(&book);
                let mut limited = limited.clone();
                async move {
                    if let Some(response) = instead(&request) {
                        return response;
                    }
                    let path = request.uri().path();
                    if COUNTED.iter().any(|counted| path.starts_with(counted)) {
                        let limit = *limited.borrow_and_update();
                        let (gone, counted) = {
                            let mut book = book.lock().unwrap();
                            let gone = book.gone.contains(&token(&request));
                            (gone, !gone && book.counts(&request, limit))
                        };
                        if gone {
                            return Response::new(Bytes::new());
                        }
                        if !counted {
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
            book,
            limit,
            running,
        }
    }

    /// The counted requests that were answered, and how often.
    pub fn asked(&self) -> BTreeMap<String, usize> {
        self.book.lock().unwrap().asked.clone()
    }

    /// How often a counted request was answered.
    pub fn times_asked(&self) -> usize {
        self.book.lock().unwrap().answered()
    }

    /// Kills `run`. What it sent and was not read yet counts no more.
    pub fn kill(&self, run: &mut Child) {
        run.kill().unwrap();
        run.wait().unwrap();
        let mut book = self.book.lock().unwrap();
        let callers = std::mem::take(&mut book.callers);
        book.gone.extend(callers);
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
