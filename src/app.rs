//! The composition root: builds the parts, runs them, reloads, and stops.
//!
//! Order of a start: the config is read and the parts are built, then the addresses are bound, then
//! tasks run. Order of a stop: no new connections, the refresh is dropped (all it does is read),
//! answers under way finish within the web server's limit.

mod listen;
mod reload;
mod supervisor;

use std::{io, path::PathBuf, pin::pin, sync::Arc};

use jiff::Timestamp;
use prometheus::Registry;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    config::{self, Config},
    exposition::{Exposition, SelfMetrics},
    refresh::{self, Outlets, Refresher, Sources},
    signals::Requests,
    sources::count::{self, Populations},
    sources::telemetry::Telemetry,
    sources::tickets::{self, TicketSource},
    web::{self, Paths, ReloadRequest, Site, WebConfig},
};

use reload::{Reading, Refreshing, Reloader};
use supervisor::Watchdog;

pub use listen::{adopt, inherited, listen};

/// Reload requests that may wait; more are refused by waiting.
const MOST_RELOADS: usize = 4;

/// The exporter cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The config cannot be used.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The web config cannot be used.
    #[error(transparent)]
    WebConfig(#[from] web::Error),
    /// What asks the help desk cannot be built from the config.
    #[error(transparent)]
    Tickets(#[from] tickets::Error),
    /// The populations cannot be built from the config.
    #[error("cannot prepare the populations")]
    Population(#[source] count::Error),
    /// The file system did not give the config in time.
    #[error(
        "the config or one of its files could not be read within 30 s: the file system does not answer"
    )]
    SlowConfig,
    /// A metric cannot be registered.
    #[error("cannot register the exporter's own metrics")]
    Registry(#[from] prometheus::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} (--web.listen-address)")]
    Listen {
        /// As given.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There are no sockets from systemd.
    #[error("cannot take over the sockets of systemd (--web.systemd-socket)")]
    Inherit(#[source] io::Error),
    /// A part that runs for good has ended.
    #[error("the {part} stopped by itself")]
    Ended {
        /// Which.
        part: &'static str,
        /// Why.
        #[source]
        source: tokio::task::JoinError,
    },
}

impl Error {
    /// Whether the operator's config is at fault.
    pub fn is_config(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::Population(_) | Self::WebConfig(_)
        )
    }
}

/// Where the configuration comes from, at start and at each reload. May block for as long as a
/// file system does.
pub type ConfigSource = Arc<dyn Fn() -> Result<Config, config::Error> + Send + Sync>;

/// Reads the configuration on a thread of its own, so that signals and scrapes are heard meanwhile.
pub async fn read(source: &ConfigSource) -> Result<Config, Error> {
    let source = Arc::clone(source);
    tokio::task::spawn_blocking(move || source())
        .await
        .map_err(|source| Error::Ended {
            part: "reading of the config",
            source,
        })?
        .map_err(Error::Config)
}

/// Reads the web config (TLS, passwords, headers, limits) on a thread of its own; without a file
/// everything is open.
pub async fn read_web_config(path: Option<PathBuf>) -> Result<WebConfig, Error> {
    tokio::task::spawn_blocking(move || WebConfig::load(path.as_deref()))
        .await
        .map_err(|source| Error::Ended {
            part: "reading of the web config",
            source,
        })?
        .map_err(Error::from)
}

/// What the web server is told.
#[derive(Clone, Debug)]
pub struct WebOptions {
    /// Which path asks for what.
    pub paths: Paths,
    /// Whether `POST /-/reload` is allowed.
    pub enable_lifecycle: bool,
}

/// The exporter with everything built and nothing running.
pub struct App {
    source: ConfigSource,
    web: WebOptions,
    web_config: Arc<WebConfig>,
    self_metrics: SelfMetrics,
    telemetry: Telemetry,
    exposition: Arc<Exposition>,
    config: Arc<Config>,
    refresher: Refresher,
}

impl App {
    /// Builds every part of `config`, which `source` gave and will give at each reload. Nothing is
    /// connected or spawned.
    pub fn build(
        config: Config,
        source: ConfigSource,
        web_config: WebConfig,
        web: WebOptions,
    ) -> Result<Self, Error> {
        let config = Arc::new(config);
        let web_config = Arc::new(web_config);
        let registry = Registry::new();
        let self_metrics = SelfMetrics::register(&registry)?;
        let telemetry = Telemetry::new()?;
        telemetry.register(&registry)?;
        let sources = sources(&config, &telemetry, None)?;
        let first = Arc::new(refresh::unread(&config, sources.tickets.capabilities()));
        let exposition = Arc::new(Exposition::new(registry, first));
        let outlets = Arc::new(outlets(&exposition, &self_metrics));
        let mut refresher = Refresher::new(Arc::clone(&config), sources, outlets);
        refresher.publish();
        self_metrics.config_loaded(config.definition_hash(), Timestamp::now());
        if web_config.is_configured() {
            self_metrics.web_config_loaded(true);
        }
        Ok(Self {
            source,
            web,
            web_config,
            self_metrics,
            telemetry,
            exposition,
            config,
            refresher,
        })
    }

    /// Whether it is HTTPS that will be served.
    pub fn has_tls(&self) -> bool {
        self.web_config.has_tls()
    }

    /// Serves on `listeners` and refreshes until `requests` say stop.
    pub async fn run(self, listeners: Vec<TcpListener>, requests: Requests) -> Result<(), Error> {
        let (ready, is_ready) = watch::channel(false);
        let (reload, mut reloads) = mpsc::channel::<ReloadRequest>(MOST_RELOADS);
        let stop_web = CancellationToken::new();
        let site = Site {
            exposition: Arc::clone(&self.exposition),
            paths: self.web.paths.clone(),
            web_config: Arc::clone(&self.web_config),
            ready: is_ready,
            reload: self.web.enable_lifecycle.then_some(reload),
        };
        let mut web = tokio::spawn({
            let stop = stop_web.clone();
            async move { web::serve(listeners, site, stop.cancelled_owned()).await }
        });
        let ready = Arc::new(ready);
        let definition = self.config.definition_hash();
        warn_of_pace(&self.config, self.refresher.sources());
        let mut refreshing = Refreshing::start(self.refresher, definition, ready);
        let told = self.self_metrics.clone();
        let following = Arc::clone(&self.web_config)
            .follow(move |outcome| told.web_config_loaded(outcome.is_ok()));
        let mut following = pin!(following);
        let mut watchdog = Watchdog::from_environment();
        let mut reading = Reading::new(self.source);
        let reloader = Reloader {
            web_config: self.web_config,
            self_metrics: self.self_metrics,
            telemetry: self.telemetry,
        };
        supervisor::ready();
        let result = loop {
            tokio::select! {
                () = watchdog.due() => supervisor::alive(),
                () = &mut following => {}
                () = requests.stopped() => break Ok(()),
                () = requests.reloads() => reading.ask(None),
                Some(reply) = reloads.recv() => reading.ask(Some(reply)),
                (config, replies) = reading.next() => {
                    // A stop does not wait for the old refresh to end.
                    let outcome = tokio::select! {
                        outcome = reloader.reload(config, &mut refreshing) => outcome,
                        () = requests.stopped() => break Ok(()),
                    };
                    for reply in replies {
                        // The client may be gone.
                        let _ = reply.send(outcome.clone());
                    }
                }
                ended = &mut web => break ended_early("web server", ended),
                ended = &mut refreshing.task => {
                    break ended_early("refresh", ended.map(drop));
                }
            }
        };
        info!("stopping");
        supervisor::stopping();
        refreshing.cancel.cancel();
        stop_web.cancel();
        if !web.is_finished() {
            let _ = web.await;
        }
        if !refreshing.task.is_finished() {
            let _ = refreshing.task.await;
        }
        info!("stopped");
        result
    }
}

fn ended_early(part: &'static str, ended: Result<(), tokio::task::JoinError>) -> Result<(), Error> {
    // Without an error it was cancelled with everything else.
    ended.map_err(|source| Error::Ended { part, source })
}

/// Builds what reads the sources. Nothing is connected. A `predecessor` on the same account hands on
/// its pace and a wait that the help desk asked for.
pub fn sources(
    config: &Config,
    telemetry: &Telemetry,
    predecessor: Option<&TicketSource>,
) -> Result<Sources, Error> {
    let tickets = match predecessor {
        Some(predecessor) => predecessor.succeed(config, telemetry),
        None => TicketSource::new(config, telemetry),
    };
    let tickets = tickets.map_err(Error::Tickets)?;
    let populations = Populations::new(config).map_err(Error::Population)?;
    Ok(Sources {
        populations: tickets.counting_visitors(populations),
        tickets,
    })
}

fn outlets(exposition: &Arc<Exposition>, self_metrics: &SelfMetrics) -> Outlets {
    let exposition = Arc::clone(exposition);
    let self_metrics = self_metrics.clone();
    Outlets {
        publish: Box::new(move |snapshot| {
            self_metrics.show(&snapshot.sources);
            exposition.publish(snapshot);
        }),
        now: Timestamp::now,
    }
}

fn warn_of_pace(config: &Config, sources: &Sources) {
    if let Some(warning) = pace_warning(config, &sources.tickets) {
        warn!("{warning}");
    }
}

/// Says when a refresh, or what is read beside it, needs more calls of the help desk than the pace, the
/// ceiling of calls in any minute, allows in one interval.
pub fn pace_warning(config: &Config, tickets: &TicketSource) -> Option<String> {
    let budget = tickets.budget(config);
    let (calls, pace) = (budget.calls_per_refresh, budget.per_minute?);
    let interval = config.interval.as_secs_f64();
    let allowed = f64::from(pace) * interval / 60.0;
    if calls as f64 > allowed {
        return Some(format!(
            "one refresh needs {calls} {} calls, but a pace of {pace} a minute allows {allowed:.0} in an interval of {interval} s: \
             raise interval or {}, or count fewer segments or windows",
            tickets.name(),
            tickets.pace_key()
        ));
    }
    let reasons = config.reasons.as_ref()?;
    let beside = budget.calls_for_reasons as f64 * interval / reasons.every.as_secs_f64();
    let all = (calls as f64 + beside).ceil();
    (all > allowed).then(|| {
        format!(
            "a refresh and the contact reasons need {all:.0} {} calls in an interval of {interval} s, but a pace of {pace} a minute \
             allows {allowed:.0}: raise reasons.every or {}, or count fewer reasons",
            tickets.name(),
            tickets.pace_key()
        )
    })
}
