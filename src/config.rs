//! The validated configuration. Whoever holds a [`Config`] need not check it again.
//!
//! A file becomes a `Config` in three steps, each in its own module: `document` reads YAML into a
//! tree that keeps every position, `decode` turns the tree into these types and collects every
//! problem on the way, `query` finds the placeholders of SQL and URLs.

mod query;
mod secret;

use std::{num::NonZeroU32, time::Duration};

use url::Url;

use crate::domain::{Tickets, Window};

pub use query::{Dialect, Piece, Template, foreign_placeholder};
pub use secret::Secret;

/// Everything the exporter is told to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Time from the start of one refresh to the start of the next.
    pub interval: Duration,
    /// Bound of one upstream call.
    pub timeout: Duration,
    /// How long a value that could not be read again is still shown.
    pub max_age: Duration,
    /// Trailing windows, at least one, no two equal.
    pub windows: Vec<Window>,
    /// The help desk.
    pub helpscout: HelpScout,
    /// Named filters over tickets; `all`, without a filter, comes first.
    pub segments: Vec<Segment>,
    /// SQL databases that populations name.
    pub databases: Vec<Database>,
    /// Counts of those who could have made contact.
    pub populations: Vec<Population>,
    /// What the operator aims at.
    pub targets: Vec<Target>,
}

/// How to reach Help Scout, and what to ask it.
#[derive(Clone, Debug)]
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

/// A named filter over tickets. Several values of one kind mean any of them.
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
        }
    }
}

/// A mailbox or tag, as the operator named it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By Help Scout's number.
    Id(u64),
    /// By its name.
    Name(String),
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
    /// `postgres://`, `mysql://` or `sqlite://`, password included.
    pub url: Secret,
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
            (PopulationKind::Window, _) | (_, PopulationSource::Prometheus { .. }) => true,
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
#[derive(Clone, Debug)]
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
        pointer: String,
        /// Header names (valid) and values, the bearer token among them.
        headers: Vec<(String, Secret)>,
    },
    /// A Prometheus instant query at `:end`.
    Prometheus {
        /// Base address of the server. May hold credentials: never shown whole.
        url: Url,
        /// PromQL that gives one sample.
        query: String,
    },
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
