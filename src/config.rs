//! The validated configuration. Whoever holds a [`Config`] need not check it again.
//!
//! A file becomes a `Config` in three steps, each in its own module: `document` reads YAML into a
//! tree that keeps every position, `decode` turns the tree into these types and collects every
//! problem on the way, `query` finds the placeholders of SQL and URLs.

pub mod address;
mod databases;
pub mod decode;
mod definition;
pub mod document;
mod endpoint;
mod file;
mod forecast;
mod help_center;
mod interpolation;
mod populations;
mod query;
mod reasons;
mod secret;
mod sections;
mod segments;
mod text;
mod tickets;

use std::{
    fmt,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::tz::TimeZone;
use url::Url;

use crate::domain::{Figure, Source, Tickets, Window};

pub use decode::{Problem, suggestion};
pub use document::Position;
pub use file::FileError;
pub use forecast::Forecast;
pub use help_center::HelpCenterSites;
pub use populations::{MAX_POPULATIONS, RESERVED_NAMES};
pub use query::{Bound, Dialect, Edge, Form, Piece, Template, misfit};
pub use reasons::{ReasonChoice, Reasons};
pub use secret::{Secret, SecretError};
pub use sections::{MAX_WINDOWS, is_loopback, time_zone};
pub use segments::MAX_SEGMENTS;
pub use text::ConfigText;
pub use tickets::{
    Desk, DeskKind, HttpDesk, SqlDesk,
    http::{HttpLogin, HttpRequest},
    sql::{Question as SqlQuestion, Schema},
};

/// Largest config file that is read.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The config file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read at all.
    #[error("cannot read the config file {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: FileError,
    },
    /// It can be read, but something in it is wrong. Every problem is told.
    #[error("{}", Listed { path, problems })]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Everything that is wrong with it, in the order of the file.
        problems: Vec<Problem>,
    },
}

struct Listed<'a> {
    path: &'a Path,
    problems: &'a [Problem],
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(formatter, "{count} {noun} in the config file")?;
        for problem in self.problems {
            write!(formatter, "\n  {path}:{problem}")?;
        }
        Ok(())
    }
}

/// Reads and validates a config file, with `${NAME}` taken from the environment and relative
/// paths counted from the folder of the file.
///
/// Blocks, and on a hung mount for good: call it where nobody else waits.
pub fn load(path: &Path) -> Result<Config, Error> {
    let (text, _) = file::read_text(path, MAX_FILE_BYTES).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    let environment = |name: &str| std::env::var(name).ok();
    parse(&text, path, &environment)
}

/// Validates the text of a config file. `path` is for messages and relative paths only.
pub fn parse(
    text: &str,
    path: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Error> {
    let invalid = |problems| Error::Invalid {
        path: path.to_owned(),
        problems,
    };
    let document = document::parse(text).map_err(|error| {
        invalid(vec![Problem {
            position: error.position,
            key: String::new(),
            message: error.message,
        }])
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut decoder = decode::Decoder::new(environment, folder);
    let config = decode_root(&mut decoder, &document);
    let problems = decoder.into_problems();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(invalid(problems)),
    }
}

fn decode_root(decoder: &mut decode::Decoder<'_>, document: &document::Node) -> Option<Config> {
    let mut root = decoder.section(&decode::Field {
        key: String::new(),
        node: document,
    })?;
    let times = sections::times(decoder, &mut root);
    let time_zone = sections::zone_of_days(decoder, &mut root);
    let windows = sections::windows(decoder, &mut root);
    let databases = databases::databases(decoder, &mut root);
    let (desk, desk_kind) = tickets::desk(decoder, &mut root, &databases);
    let segments::Segments { segments, places } = segments::segments(decoder, &mut root, desk_kind);
    if let Some(Desk::Sql(desk)) = &desk {
        tickets::sql::fit_segments(decoder, desk, &segments, &places);
    }
    if let Some(Desk::Http(desk)) = &desk {
        tickets::http::fit_segments(decoder, desk, &segments, &places);
    }
    let help_center = tickets::counts_visitors(desk.as_ref(), desk_kind);
    let (populations, faulty) =
        populations::populations(decoder, &mut root, &databases, help_center);
    let reasons = reasons::reasons(decoder, &mut root, &windows, times.interval, desk_kind);
    let targets = sections::targets(decoder, &mut root, &populations, &windows, &faulty);
    let forecast = forecast::forecast(decoder, &mut root, &segments, &populations, &faulty);
    decoder.finish(root);
    Some(Config {
        interval: times.interval,
        timeout: times.timeout,
        max_age: times.max_age,
        time_zone,
        windows,
        desk: desk?,
        segments,
        databases: databases.usable,
        populations,
        reasons,
        targets,
        forecast,
    })
}

/// Everything the exporter is told to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Time from the start of one refresh to the start of the next.
    pub interval: Duration,
    /// Bound of one upstream call.
    pub timeout: Duration,
    /// How long a value that could not be read again is still shown.
    pub max_age: Duration,
    /// The zone whose midnights begin days, weeks and months. Windows do not know it.
    pub time_zone: TimeZone,
    /// Trailing windows, at least one, no two equal.
    pub windows: Vec<Window>,
    /// Where tickets are counted.
    pub desk: Desk,
    /// Named filters over tickets; `all`, without a filter, comes first.
    pub segments: Vec<Segment>,
    /// SQL databases that populations and `tickets` name.
    pub databases: Vec<Database>,
    /// Counts of those who could have made contact.
    pub populations: Vec<Population>,
    /// Contact reasons to count; `None`: none.
    pub reasons: Option<Reasons>,
    /// What the operator aims at.
    pub targets: Vec<Target>,
    /// What is forecast, if anything.
    pub forecast: Option<Forecast>,
}

impl Config {
    /// The Help Scout account, where tickets are counted there.
    pub fn helpscout(&self) -> Option<&HelpScout> {
        match &self.desk {
            Desk::HelpScout(helpscout) => Some(helpscout),
            Desk::Sql(_) | Desk::Http(_) => None,
        }
    }

    /// Whether the desk tells resolved tickets. Where it does not, that nothing was closed must not
    /// make a count of its own now and then.
    pub fn tells_resolved(&self) -> bool {
        match &self.desk {
            Desk::HelpScout(_) => true,
            Desk::Sql(desk) => desk.answers(SqlQuestion::Resolved),
            Desk::Http(desk) => desk.answers(Figure::Resolved),
        }
    }

    /// Whether ratings are asked for.
    pub fn asks_for_ratings(&self) -> bool {
        match &self.desk {
            Desk::HelpScout(helpscout) => helpscout.happiness,
            Desk::Sql(desk) => desk.answers(SqlQuestion::Ratings),
            Desk::Http(_) => false,
        }
    }

    /// The Help Scout account, to change it.
    pub fn helpscout_mut(&mut self) -> Option<&mut HelpScout> {
        match &mut self.desk {
            Desk::HelpScout(helpscout) => Some(helpscout),
            Desk::Sql(_) | Desk::Http(_) => None,
        }
    }

    /// A number that changes with what is counted (windows, segments, populations and their
    /// queries, `counts_from`), not with intervals, secrets or addresses. Exact in an `f64`.
    pub fn definition_hash(&self) -> u64 {
        definition::hash(self)
    }

    /// A number that changes with everything that a forecast rests on, addresses included.
    pub fn forecast_hash(&self) -> u64 {
        definition::forecast_hash(self)
    }

    /// The help centre whose visits are counted, if any is.
    pub fn help_center(&self) -> Option<&HelpCenterSites> {
        self.helpscout()?.help_center.as_ref()
    }

    /// A number that changes with what is counted and with where anything of it is read, without
    /// passwords.
    pub fn definition_and_addresses_hash(&self) -> u64 {
        definition::hash_with_addresses(self)
    }

    /// A number that changes with where `source` is read, without passwords: what was read at another
    /// address says nothing of this one.
    pub fn address_hash(&self, source: &Source) -> u64 {
        definition::address_hash(self, source)
    }
}

/// How to reach Help Scout, and what to ask it.
#[derive(Clone)]
pub struct HelpScout {
    /// OAuth2 client id.
    pub app_id: String,
    /// OAuth2 client secret.
    pub app_secret: Secret,
    /// `https://api.helpscout.net`, without `/v2`. Plain `http` only for a loopback host.
    pub base_url: Url,
    /// Where ticket counts come from.
    pub counts_from: CountsFrom,
    /// Ceiling of requests in any minute; `None`: half of what the account is granted.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Whether ratings are read.
    pub happiness: bool,
    /// The help centre whose visits are counted; `None`: none.
    pub help_center: Option<HelpCenterSites>,
}

impl fmt::Debug for HelpScout {
    /// The app's id and the address may come from the environment, and are left out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HelpScout")
            .field("counts_from", &self.counts_from)
            .field("requests_per_minute", &self.requests_per_minute)
            .field("happiness", &self.happiness)
            .field("help_center", &self.help_center.is_some())
            .finish_non_exhaustive()
    }
}

/// Where ticket counts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CountsFrom {
    /// Reports, or search where the plan has no reports.
    Auto,
    /// Reports only.
    Reports,
    /// Conversation search only.
    Search,
}

/// A named filter over tickets, in the words of the desk that counts them. Several values of one kind
/// mean any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The label value.
    pub name: String,
    /// Mailboxes (inboxes); empty: every one.
    pub mailboxes: Vec<Reference>,
    /// Tags; empty: any or none.
    pub tags: Vec<Reference>,
    /// Channels; empty: every one.
    pub channels: Vec<Channel>,
    /// What replaces `{segment}`: `where`, a condition of SQL, or `query`, a text for an endpoint.
    pub condition: Option<ConfigText>,
}

impl Segment {
    /// Name of the segment without a filter, which always exists.
    pub const ALL: &'static str = "all";

    /// The segment `all`.
    pub fn all() -> Self {
        Self {
            name: Self::ALL.to_owned(),
            mailboxes: Vec::new(),
            tags: Vec::new(),
            channels: Vec::new(),
            condition: None,
        }
    }

    /// Whether it filters by nothing, so that it counts the same as `all`.
    pub fn has_no_filter(&self) -> bool {
        self.mailboxes.is_empty()
            && self.tags.is_empty()
            && self.channels.is_empty()
            && self.condition.is_none()
    }
}

/// A mailbox or tag, as the operator named it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By Help Scout's number.
    Id(u64),
    /// By its name.
    Name(ConfigText),
}

/// How a customer got in touch (`types` of the reports).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// E-mail.
    Email,
    /// Chat.
    Chat,
    /// Telephone.
    Phone,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Email, Self::Chat, Self::Phone];

    /// The value in the config file and in report parameters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Chat => "chat",
            Self::Phone => "phone",
        }
    }
}

/// A SQL database.
#[derive(Clone, Debug)]
pub struct Database {
    /// The name by which populations refer to it.
    pub name: String,
    /// Which driver its URL asks for.
    pub dialect: Dialect,
    /// `postgres://`, `mysql://` or `sqlite://`, password included; [`address::validate`] has accepted it.
    pub url: Secret,
    /// Folder of the config file, from which the relative path of an SQLite file counts.
    pub folder: PathBuf,
}

/// A named count of those who could have made contact.
#[derive(Clone, Debug)]
pub struct Population {
    /// Its name, which makes the metric `contact_<name>` and the source `<name>`.
    pub name: String,
    /// What kind of number it is.
    pub kind: PopulationKind,
    /// Where it is read.
    pub source: PopulationSource,
}

impl Population {
    /// Whether the population can be asked for an instant or interval in the past.
    /// Only a total whose query does not say `:end` cannot.
    pub fn has_past(&self) -> bool {
        match (self.kind, &self.source) {
            (PopulationKind::Window, _)
            | (_, PopulationSource::Prometheus { .. } | PopulationSource::HelpCenterVisitors) => {
                true
            }
            (PopulationKind::Total, PopulationSource::Sql { query, .. }) => query.uses_end(),
            (PopulationKind::Total, PopulationSource::Http { url, .. }) => url.uses_end(),
        }
    }
}

/// What kind of number a population is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PopulationKind {
    /// A stock at `end`, as registered users.
    Total,
    /// A flow over `[start, end)`, as files submitted.
    Window,
}

/// Where a population is read.
#[derive(Clone)]
pub enum PopulationSource {
    /// A query that gives one row with one number.
    Sql {
        /// Index into [`Config::databases`].
        database: usize,
        /// The query.
        query: Template,
    },
    /// An HTTP endpoint that answers JSON.
    Http {
        /// Address with `{start}` and `{end}`. May hold credentials: never shown whole.
        url: Template,
        /// RFC 6901 pointer to the number.
        pointer: ConfigText,
        /// Header names (valid) and values.
        headers: Vec<(String, Secret)>,
        /// Sent as `Authorization: Bearer …`; then no header is `authorization`.
        bearer: Option<Secret>,
        /// Whether credentials travel unencrypted, as `allow_plain_http` lets them.
        in_the_clear: bool,
    },
    /// A Prometheus instant query at `:end`.
    Prometheus {
        /// Base address of the server, and parameters that every request gets. May hold
        /// credentials: never shown whole.
        url: Url,
        /// PromQL that gives one sample.
        query: String,
        /// Whether credentials travel unencrypted, as `allow_plain_http` lets them.
        in_the_clear: bool,
    },
    /// Visitors of Help Scout's help centre, as `helpscout.help_center` says of which sites. Only as
    /// a flow.
    HelpCenterVisitors,
}

impl fmt::Debug for PopulationSource {
    /// Addresses can hold credentials, queries and pointers can come from the environment.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql { database, query } => formatter
                .debug_struct("Sql")
                .field("database", database)
                .field("query", query)
                .finish(),
            Self::Http { url, .. } => formatter
                .debug_struct("Http")
                .field("url", url)
                .finish_non_exhaustive(),
            Self::Prometheus { .. } => formatter.debug_struct("Prometheus").finish_non_exhaustive(),
            Self::HelpCenterVisitors => formatter.write_str("HelpCenterVisitors"),
        }
    }
}

/// The operator's target for a contact rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Index into [`Config::populations`].
    pub population: usize,
    /// Index into [`Config::windows`].
    pub window: usize,
    /// Which way to count tickets.
    pub tickets: Tickets,
    /// The rate to stay at or under, as a ratio.
    pub at_most: f64,
}
