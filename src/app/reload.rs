//! The refresh task, and its replacement when the configuration changes.

use std::{future, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{ConfigSource, Error, read, sources, supervisor, warn_of_pace};
use crate::{
    chain::chain,
    config::Config,
    exposition::SelfMetrics,
    refresh::{Refresher, Reload, Sources},
    sources::helpscout::Telemetry,
    web::{ReloadRequest, WebConfig},
};

/// How long a reload waits for the file system before it counts as failed.
const READ_PATIENCE: Duration = Duration::from_secs(30);

/// Reloads that may wait for the refresh task to take them.
const MOST_WAITING: usize = 1;

/// The refresh task, how to give it another configuration, and how to stop it.
pub struct Refreshing {
    /// Ends when it is cancelled.
    pub task: JoinHandle<()>,
    /// Stops the task.
    pub cancel: CancellationToken,
    reloads: mpsc::Sender<Reload>,
    definition: u64,
    sources: Arc<Sources>,
}

impl Refreshing {
    /// Spawns the refresh.
    pub fn start(
        mut refresher: Refresher,
        definition: u64,
        ready: Arc<watch::Sender<bool>>,
    ) -> Self {
        let cancel = CancellationToken::new();
        let cancelled = cancel.clone();
        let sources = Arc::clone(refresher.sources());
        let (reloads, news) = mpsc::channel(MOST_WAITING);
        let task = tokio::spawn(async move {
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = refresher.run(news, || { ready.send_replace(true); }) => {}
            }
            refresher.close().await;
        });
        Self {
            task,
            cancel,
            reloads,
            definition,
            sources,
        }
    }
}

/// Reads the configuration anew whenever somebody asks, one reading at a time and apart from
/// everything else: a file system that does not answer holds up nobody.
pub struct Reading {
    source: ConfigSource,
    under_way: Option<UnderWay>,
    /// Whether somebody asked since the reading under way began, which may have missed what was
    /// changed since.
    asked: bool,
    replies: Vec<ReloadRequest>,
}

struct UnderWay {
    task: JoinHandle<Result<Config, Error>>,
    until: Instant,
    /// Those who wait for it; empty and `false` once they were told that it takes too long.
    replies: Vec<ReloadRequest>,
    awaited: bool,
}

impl Reading {
    /// Nothing is read before somebody asks.
    pub fn new(source: ConfigSource) -> Self {
        Self {
            source,
            under_way: None,
            asked: false,
            replies: Vec::new(),
        }
    }

    /// Asks for a reading that begins after this call; `reply` is handed back with its outcome.
    pub fn ask(&mut self, reply: Option<ReloadRequest>) {
        self.asked = true;
        self.replies.extend(reply);
    }

    /// The next configuration, or why there is none, with the replies of those who asked. Waits
    /// for ever while nobody asks. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> (Result<Config, Error>, Vec<ReloadRequest>) {
        loop {
            let Some(under_way) = &mut self.under_way else {
                if !self.asked {
                    future::pending::<()>().await;
                }
                self.asked = false;
                let source = Arc::clone(&self.source);
                self.under_way = Some(UnderWay {
                    task: tokio::spawn(async move { read(&source).await }),
                    until: Instant::now() + READ_PATIENCE,
                    replies: std::mem::take(&mut self.replies),
                    awaited: true,
                });
                continue;
            };
            if !under_way.awaited && self.asked && !under_way.task.is_finished() {
                // The file system is still silent.
                self.asked = false;
                return (Err(Error::SlowConfig), std::mem::take(&mut self.replies));
            }
            tokio::select! {
                ended = &mut under_way.task => {
                    let replies = std::mem::take(&mut under_way.replies);
                    let awaited = under_way.awaited;
                    self.under_way = None;
                    if awaited {
                        let config = ended.unwrap_or_else(|source| {
                            Err(Error::Ended { part: "reading of the config", source })
                        });
                        return (config, replies);
                    }
                }
                () = sleep_until(under_way.until), if under_way.awaited => {
                    under_way.awaited = false;
                    return (Err(Error::SlowConfig), std::mem::take(&mut under_way.replies));
                }
            }
        }
    }
}

/// Replaces the configuration while everything runs.
pub struct Reloader {
    pub web_config: Arc<WebConfig>,
    pub self_metrics: SelfMetrics,
    pub telemetry: Telemetry,
}

impl Reloader {
    /// Reads both configs again. Each takes effect by itself; the text says what is wrong with
    /// either, the old one of which stays in force.
    pub async fn reload(
        &self,
        config: Result<Config, Error>,
        refreshing: &mut Refreshing,
    ) -> Result<(), String> {
        supervisor::reloading();
        let web = self.reload_web_config().await;
        let config = self.reload_config(config, refreshing).await;
        supervisor::ready();
        match (config, web) {
            (Err(config), Err(web)) => Err(format!("{config}\n{web}")),
            (config, web) => config.and(web),
        }
    }

    async fn reload_web_config(&self) -> Result<(), String> {
        if !self.web_config.is_configured() {
            return Ok(());
        }
        let web_config = Arc::clone(&self.web_config);
        let read = tokio::task::spawn_blocking(move || web_config.reload());
        let outcome = match read.await {
            Ok(outcome) => outcome.map_err(|error| chain(&error)),
            Err(error) => Err(format!("reading the web config failed: {error}")),
        };
        self.self_metrics.web_config_loaded(outcome.is_ok());
        if let Err(error) = &outcome {
            error!(
                error,
                "the web config cannot be used, the old one stays in force"
            );
        }
        outcome
    }

    /// Builds the new set whole before the old one goes. When the new config counts the same, the
    /// running refresh ends and the last good values go on; else the old page stays until the first
    /// refresh has ended or outlasts `timeout`.
    async fn reload_config(
        &self,
        config: Result<Config, Error>,
        refreshing: &mut Refreshing,
    ) -> Result<(), String> {
        let built = config.and_then(|config| {
            let predecessor = Some(&refreshing.sources.tickets);
            let sources = sources(&config, &self.telemetry, predecessor)?;
            Ok((Arc::new(config), sources))
        });
        let (config, sources) = match built {
            Ok(built) => built,
            Err(error) => {
                let text = chain(&error);
                error!(error = text, "reload failed, the old config stays in force");
                self.self_metrics.config_refused();
                return Err(text);
            }
        };
        let definition = config.definition_hash();
        let counts_the_same = definition == refreshing.definition;
        warn_of_pace(&config, &sources);
        let sources = Arc::new(sources);
        let (adopted, is_adopted) = oneshot::channel();
        let reload = Reload {
            config,
            sources: Arc::clone(&sources),
            adopted,
        };
        if refreshing.reloads.send(reload).await.is_err() || is_adopted.await.is_err() {
            // The task is ending, and so is the program.
            return Err("the exporter is stopping".to_owned());
        }
        refreshing.definition = definition;
        refreshing.sources = sources;
        self.self_metrics
            .config_loaded(definition, Timestamp::now());
        info!(counts_the_same, "config reloaded");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::{
            Mutex, PoisonError,
            atomic::{AtomicU32, Ordering},
            mpsc,
        },
    };

    use tokio::sync::oneshot;

    use super::*;
    use crate::config;

    const TEXT: &str = "helpscout: {app_id: a, app_secret: b}";

    /// A config that comes when the test says so, and how often it was asked for.
    fn slow() -> (Reading, mpsc::Sender<()>, Arc<AtomicU32>) {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let asked = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&asked);
        let source: ConfigSource = Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = released
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            config::parse(TEXT, Path::new("contact-rate.yml"), &|_| None)
        });
        (Reading::new(source), release, asked)
    }

    async fn is_waiting(reading: &mut Reading) -> bool {
        tokio::time::timeout(Duration::from_millis(20), reading.next())
            .await
            .is_err()
    }

    #[tokio::test]
    async fn whoever_asks_during_a_reading_gets_one_that_begins_later() {
        let (mut reading, release, asked) = slow();
        assert!(is_waiting(&mut reading).await, "nobody has asked");
        let (reply, _answer) = oneshot::channel();
        reading.ask(Some(reply));
        assert!(is_waiting(&mut reading).await);
        for _ in 0..3 {
            reading.ask(None);
        }
        let (reply, _answer) = oneshot::channel();
        reading.ask(Some(reply));
        release.send(()).unwrap();
        let (config, replies) = reading.next().await;
        assert!(config.is_ok());
        assert_eq!(replies.len(), 1, "the later one is not answered yet");
        release.send(()).unwrap();
        let (config, replies) = reading.next().await;
        assert!(config.is_ok());
        assert_eq!(replies.len(), 1);
        assert_eq!(asked.load(Ordering::SeqCst), 2, "those who wait share one");
        assert!(is_waiting(&mut reading).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_system_that_does_not_answer_is_not_asked_again() {
        let (mut reading, release, asked) = slow();
        reading.ask(None);
        let started = Instant::now();
        // A blocking task holds the paused clock; it is moved by hand.
        let outcome = tokio::select! {
            (outcome, _) = reading.next() => outcome,
            () = async {
                while asked.load(Ordering::SeqCst) == 0 {
                    tokio::task::yield_now().await;
                }
                tokio::time::advance(READ_PATIENCE).await;
                future::pending::<()>().await;
            } => unreachable!(),
        };
        assert!(matches!(outcome, Err(Error::SlowConfig)));
        assert_eq!(started.elapsed(), READ_PATIENCE);
        reading.ask(None);
        assert!(matches!(reading.next().await.0, Err(Error::SlowConfig)));
        assert_eq!(started.elapsed(), READ_PATIENCE, "answered at once");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        // What comes at last is dropped, since those who asked were told otherwise.
        release.send(()).unwrap();
        release.send(()).unwrap();
        loop {
            reading.ask(None);
            match reading.next().await.0 {
                Ok(_) => break,
                Err(error) => assert!(matches!(error, Error::SlowConfig)),
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}
