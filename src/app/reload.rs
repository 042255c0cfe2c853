//! The refresh task, and its replacement when the configuration changes.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{ConfigSource, Error, readers, supervisor, warn_of_pace};
use crate::{
    chain::chain,
    exposition::Own,
    refresh::{Carried, Outlets, Readers, Refresher},
    sources::helpscout::Telemetry,
    web::WebConfig,
};

/// The refresh task, and how to stop it.
pub struct Refreshing {
    /// Ends with what a successor can go on with.
    pub task: JoinHandle<Carried>,
    /// Stops the task.
    pub cancel: CancellationToken,
    definition: u64,
    readers: Arc<Readers>,
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
        let readers = Arc::clone(refresher.readers());
        let task = tokio::spawn(async move {
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = refresher.run(|| { ready.send_replace(true); }) => {}
            }
            refresher.retire().await
        });
        Self {
            task,
            cancel,
            definition,
            readers,
        }
    }
}

/// Replaces the configuration while everything runs.
pub struct Reloader {
    pub source: ConfigSource,
    pub web_config: Arc<WebConfig>,
    pub own: Own,
    pub telemetry: Telemetry,
    pub outlets: Arc<Outlets>,
    pub ready: Arc<watch::Sender<bool>>,
}

impl Reloader {
    /// Reads both configs again. Each takes effect by itself; the text says what is wrong with
    /// either, the old one of which stays in force.
    pub async fn reload(&self, refreshing: &mut Refreshing) -> Result<(), String> {
        supervisor::reloading();
        let web = self.reload_web_config().await;
        let config = self.reload_config(refreshing).await;
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
        self.own.web_config_loaded(outcome.is_ok());
        if let Err(error) = &outcome {
            error!(
                error,
                "the web config cannot be used, the old one stays in force"
            );
        }
        outcome
    }

    /// Builds the new set whole before the old one goes. When the new config counts the same, the
    /// last good values go on; else the old page stays until the first refresh has ended or
    /// outlasts `timeout`.
    async fn reload_config(&self, refreshing: &mut Refreshing) -> Result<(), String> {
        let built = (self.source)().map_err(Error::from).and_then(|config| {
            let predecessor = Some(&refreshing.readers.helpscout);
            let readers = readers(&config, &self.telemetry, predecessor)?;
            Ok((Arc::new(config), readers))
        });
        let (config, readers) = match built {
            Ok(built) => built,
            Err(error) => {
                let text = chain(&error);
                error!(error = text, "reload failed, the old config stays in force");
                self.own.config_refused();
                return Err(text);
            }
        };
        refreshing.cancel.cancel();
        let carried = (&mut refreshing.task).await.ok();
        let definition = config.definition_hash();
        let counts_the_same = definition == refreshing.definition;
        let carried = carried.filter(|_| counts_the_same);
        let outlets = Arc::clone(&self.outlets);
        let refresher = Refresher::new(Arc::clone(&config), readers, outlets, carried);
        self.own.config_loaded(definition, Timestamp::now());
        warn_of_pace(&config, refresher.readers());
        *refreshing = Refreshing::start(refresher, definition, Arc::clone(&self.ready));
        info!(counts_the_same, "config reloaded");
        Ok(())
    }
}
