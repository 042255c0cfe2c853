//! The demo: an invented French public service, whose help desk answers as Help Scout does and
//! whose users and dossiers lie in a SQLite file. With `--helpdesk=sql` its tickets lie there too.
//!
//! [`story`] is the truth and everything else is drawn from it: [`simulator`] answers from it over
//! HTTP, [`database`] writes it to a file. Nothing here knows the exporter's Help Scout client:
//! sharing types would let both be wrong alike.

pub mod database;
pub mod simulator;
pub mod story;
mod tables;

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
/// The same where tickets are counted in the database.
const CONFIG_SQL: &str = include_str!("demo/contact-rate-sql.yml");

/// Where the demo's tickets are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum HelpDesk {
    /// In a simulated Help Scout, over HTTP.
    #[default]
    Helpscout,
    /// In tables of the database, by SQL.
    Sql,
}

impl std::fmt::Display for HelpDesk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Helpscout => "helpscout",
            Self::Sql => "sql",
        })
    }
}

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
    /// Of the simulator; none where tickets are counted in the database.
    listener: Option<TcpListener>,
    config: Config,
}

impl Demo {
    /// Writes the database and binds the simulator's port; nothing answers yet.
    pub async fn prepare(
        help_desk: HelpDesk,
        scenario: Scenario,
        seed: u64,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let story = Arc::new(Story::new(scenario, seed, now));
        let folder = tempfile::Builder::new()
            .prefix("contact-rate-demo-")
            .tempdir()
            .map_err(Error::Folder)?;
        let database = folder.path().join("demo.sqlite");
        let (listener, address, text) = match help_desk {
            HelpDesk::Helpscout => {
                let listener = simulator::bind().await.map_err(Error::Listen)?;
                let address = listener.local_addr().map_err(Error::Listen)?;
                database::create(&database, &story).await?;
                (Some(listener), Some(address), CONFIG)
            }
            HelpDesk::Sql => {
                database::create_with_tickets(&database, &story).await?;
                (None, None, CONFIG_SQL)
            }
        };
        let options = Options::default();
        let environment = |name: &str| match name {
            "HELP_SCOUT" => address.map(|address| format!("http://{address}")),
            "APP_ID" => Some(options.app_id.clone()),
            "APP_SECRET" => Some(options.app_secret.expose().to_owned()),
            "DATABASE_URL" => Some(format!("sqlite://{}", database.display())),
            _ => None,
        };
        let config = config::parse(text, Path::new("the demo's config"), &environment)?;
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
        let file = self.folder.path().join("demo.sqlite").display().to_string();
        let seconds = self.config.interval.as_secs();
        let pretence = match &self.listener {
            Some(listener) => {
                let simulator = listener
                    .local_addr()
                    .map_or_else(|_| "127.0.0.1".to_owned(), |address| address.to_string());
                format!(
                    "\
It pretends to be a French public service. A simulated Help Scout (http://{simulator}, this machine only)
answers for its help desk, and a SQLite file ({file}) holds its users and dossiers. The
exporter reads both over real HTTP and real SQL, every {seconds} s. No data leave this machine. Ctrl-C ends it.
"
                )
            }
            None => format!(
                "\
It pretends to be a French public service. A SQLite file ({file}) holds the tickets of its
help desk, its users and dossiers. The exporter reads them by real SQL, every {seconds} s. No data leave this machine.
Ctrl-C ends it.
"
            ),
        };
        Introduction {
            story: format!("scenario {}: {story}", self.story.scenario()),
            landing: landing.to_owned(),
            metrics: metrics.to_owned(),
            pretence,
        }
    }

    /// Answers as Help Scout, where it is simulated, until `shutdown` comes.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let simulator = Arc::new(Simulator::new(self.story, Options::default()));
        match self.listener {
            Some(listener) => simulator.run(listener, shutdown).await,
            // The file lives as long as this.
            None => shutdown.await,
        }
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
