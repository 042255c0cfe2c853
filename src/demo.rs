//! The demo: an invented French public service, whose help desk answers as Help Scout does and
//! whose users and dossiers lie in a SQLite file.
//!
//! [`story`] is the truth and everything else is drawn from it: [`simulator`] answers from it over
//! HTTP, [`database`] writes it to a file. Nothing here knows the exporter's Help Scout client:
//! sharing types would let both be wrong alike.

pub mod database;
pub mod simulator;
pub mod story;

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::net::TcpListener;

use self::{
    database::CreateError,
    simulator::{Options, Simulator},
    story::Story,
};
use crate::config::{self, Config};

pub use story::{DEFAULT_SEED, Scenario};

/// The config of the demo; `docs/configuration.md` explains its keys.
const CONFIG: &str = include_str!("demo/contact-rate.yml");

/// The demo cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No place for the database file.
    #[error("cannot make a temporary folder for the database")]
    Folder(#[source] io::Error),
    /// The database cannot be written.
    #[error(transparent)]
    Database(#[from] CreateError),
    /// No free port of the loopback interface.
    #[error("cannot listen on 127.0.0.1 for the simulated Help Scout")]
    Listen(#[source] io::Error),
    /// The built-in config is refused.
    #[error("the config of the demo")]
    Config(#[from] config::Error),
}

/// A prepared demo. Its database is removed when it is dropped.
pub struct Demo {
    story: Arc<Story>,
    folder: TempDir,
    listener: TcpListener,
    config: Config,
}

impl Demo {
    /// Writes the database and binds the simulator's port; nothing answers yet.
    pub async fn prepare(scenario: Scenario, seed: u64, now: Timestamp) -> Result<Self, Error> {
        let story = Arc::new(Story::new(scenario, seed, now));
        let folder = tempfile::Builder::new()
            .prefix("contact-rate-demo-")
            .tempdir()
            .map_err(Error::Folder)?;
        let database = folder.path().join("demo.sqlite");
        database::create(&database, &story).await?;
        let listener = simulator::bind().await.map_err(Error::Listen)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let options = Options::default();
        let environment = |name: &str| match name {
            "HELP_SCOUT" => Some(format!("http://{address}")),
            "APP_ID" => Some(options.app_id.clone()),
            "APP_SECRET" => Some(options.app_secret.expose().to_owned()),
            "DATABASE_URL" => Some(format!("sqlite://{}", database.display())),
            _ => None,
        };
        let config = config::parse(CONFIG, Path::new("the demo's config"), &environment)?;
        Ok(Self {
            story,
            folder,
            listener,
            config,
        })
    }

    /// The config that reads the demo's sources.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the demo pretends, for people, with the paths of both pages; the address is added once it
    /// is known.
    pub fn introduction(&self, landing: &str, metrics: &str) -> Introduction {
        let story = match self.story.scenario() {
            Scenario::Steady => "nothing changes",
            Scenario::Growth => "users, dossiers and tickets grow together; the contact rate stays",
            Scenario::Incident => "the contact rate has been rising for two days",
            Scenario::Improvement => {
                "since a release three weeks ago people contact support less often"
            }
        };
        let simulator = self
            .listener
            .local_addr()
            .map_or_else(|_| "127.0.0.1".to_owned(), |address| address.to_string());
        Introduction {
            story: format!("scenario {}: {story}", self.story.scenario()),
            landing: landing.to_owned(),
            metrics: metrics.to_owned(),
            pretence: format!(
                "\
It pretends to be a French public service. A simulated Help Scout (http://{simulator}, this machine only)
answers for its help desk, and a SQLite file ({}) holds its users and dossiers. The
exporter reads both over real HTTP and real SQL, every {} s. No data leave this machine. Ctrl-C ends it.
",
                self.folder.path().join("demo.sqlite").display(),
                self.config.interval.as_secs(),
            ),
        }
    }

    /// Answers as Help Scout until `shutdown` comes.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let simulator = Arc::new(Simulator::new(self.story, Options::default()));
        simulator.run(self.listener, shutdown).await;
    }
}

/// The demo in words.
pub struct Introduction {
    story: String,
    landing: String,
    metrics: String,
    pretence: String,
}

impl Introduction {
    /// The whole text, for an exporter that listens on `address` and speaks `scheme`, `http` or `https`.
    pub fn at(&self, scheme: &str, address: SocketAddr) -> String {
        let host = if address.ip().is_unspecified() {
            format!("localhost:{}", address.port())
        } else {
            address.to_string()
        };
        let Self {
            story,
            landing,
            metrics,
            pretence,
        } = self;
        format!(
            "\
contact-rate-exporter demo, {story}.

  pages    {scheme}://{host}{landing}
  metrics  {scheme}://{host}{metrics}

{pretence}"
        )
    }
}
