//! Why Help Scout could not be read, in words for the operator.

use std::{fmt, sync::Arc, time::Duration};

use super::endpoint::Endpoint;
use crate::{
    domain::{Doubt, Interval, Reason},
    sources::calls::{answer::Hints, broken::Broken, seconds_up},
};

/// Why a reading failed. Cheap to clone, since callers that wait for one answer share its failure.
///
/// No variant holds a secret, a query string or a body.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The HTTP client could not be made.
    #[error("no HTTPS client could be made for Help Scout")]
    Client(#[source] Arc<reqwest::Error>),
    /// The token endpoint refused the app's id or secret.
    #[error(
        "Help Scout refused the credentials with status {status}{}: check helpscout.app_id and \
         the app secret, and that the app still exists in its owner's profile",
        code.map(|code| format!(" ({code})")).unwrap_or_default()
    )]
    CredentialsRefused {
        /// HTTP status: 400, 401 or 403.
        status: u16,
        /// OAuth2's own code, if it is one of the standard's.
        code: Option<&'static str>,
    },
    /// A token just granted was refused elsewhere.
    #[error(
        "{endpoint} answered 401 to a new token as well: check that the app's owner is an active \
         user of the account{detail}"
    )]
    TokenRefused {
        /// Who refused it.
        endpoint: Endpoint,
        /// What the answer said.
        detail: Detail,
    },
    /// A valid token, but no access.
    #[error(
        "{endpoint} is forbidden (403): the plan may be without it, or the app's owner without \
         the permission{detail}"
    )]
    Forbidden {
        /// What is forbidden.
        endpoint: Endpoint,
        /// What the answer said.
        detail: Detail,
    },
    /// The wait that a 429 asked for lasts longer than this refresh.
    #[error(
        "Help Scout's rate limit is used up: nothing more may be sent for {} s, which is past \
         the end of this refresh", seconds_up(*wait)
    )]
    RateLimited {
        /// What is left of the wait.
        wait: Duration,
    },
    /// One 429 after the other, each wait having been kept.
    #[error("{endpoint} answered 429 {times} times, though every wait it asked for was kept")]
    StillRateLimited {
        /// Who answered so.
        endpoint: Endpoint,
        /// How often.
        times: u32,
    },
    /// The exporter's own pace leaves no room in this refresh.
    #[error(
        "no room left in this refresh for {endpoint} at {per_minute} requests a minute: raise \
         helpscout.requests_per_minute or the interval, or drop segments or windows"
    )]
    Paced {
        /// What was not asked.
        endpoint: Endpoint,
        /// The ceiling in force.
        per_minute: u32,
    },
    /// The refresh's time was over.
    #[error("no answer from {endpoint} before the end of this refresh")]
    OutOfTime {
        /// What was not asked or not answered.
        endpoint: Endpoint,
    },
    /// No answer, or one that broke off.
    #[error("{endpoint} could not be read")]
    Broken {
        /// What was asked.
        endpoint: Endpoint,
        /// How it broke.
        #[source]
        source: Broken,
    },
    /// A status that means failure.
    #[error("{endpoint} answered with status {status}{detail}")]
    Status {
        /// Who answered.
        endpoint: Endpoint,
        /// HTTP status.
        status: u16,
        /// What the answer said.
        detail: Detail,
    },
    /// An answer that cannot be understood.
    #[error("the answer of {endpoint} cannot be understood{detail}")]
    NotUnderstood {
        /// Who answered.
        endpoint: Endpoint,
        /// What is wrong with it, without any of its text.
        detail: Detail,
    },
    /// The configuration names a mailbox or tag that is not there.
    #[error(
        "{place} names {kind} {wanted}, which Help Scout does not list for the app's \
         owner{}", near.as_ref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default()
    )]
    Unknown {
        /// Where in the configuration.
        place: String,
        /// "mailbox" or "tag".
        kind: &'static str,
        /// As configured.
        wanted: String,
        /// A name much like it.
        near: Option<String>,
    },
    /// The configuration names a mailbox or tag by a name that several have.
    #[error("{place} names {kind} {name}, a name that several have: use the id ({ids})")]
    Ambiguous {
        /// Where in the configuration.
        place: String,
        /// "mailbox" or "tag".
        kind: &'static str,
        /// As configured.
        name: String,
        /// The ids that have it.
        ids: String,
    },
    /// The list call cannot filter by what the segment names.
    #[error(
        "segment `{segment}` names a channel, or a tag with a comma in it, which the list of \
         conversations cannot filter by"
    )]
    NotListable {
        /// The segment.
        segment: String,
    },
    /// Day counts exist for 1 to 60 whole days only.
    #[error("{interval} is not made of 1 to 60 whole days")]
    NotDays {
        /// What was asked for.
        interval: Interval,
    },
    /// Daily counts from which nothing may be concluded.
    #[error("{0}")]
    Doubtful(Doubt),
}

impl Error {
    /// The bounded reason, for the label.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Client(_) => Reason::Connect,
            Self::CredentialsRefused { .. } | Self::TokenRefused { .. } => Reason::Auth,
            Self::Forbidden { .. } => Reason::Forbidden,
            Self::RateLimited { .. } | Self::StillRateLimited { .. } | Self::Paced { .. } => {
                Reason::RateLimited
            }
            Self::OutOfTime { .. } => Reason::Timeout,
            Self::Broken { source, .. } => source.reason(),
            Self::Status { .. } => Reason::Status,
            Self::NotUnderstood { .. } | Self::Doubtful(_) => Reason::Decode,
            Self::Unknown { .. }
            | Self::Ambiguous { .. }
            | Self::NotListable { .. }
            | Self::NotDays { .. } => Reason::Query,
        }
    }

    /// Whether a valid token has no access to what was asked, as on a plan without reports.
    pub const fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden { .. })
    }

    /// Whether asking again, this refresh or the next, can be expected to fail alike.
    pub const fn is_rejection(&self) -> bool {
        match self {
            Self::Forbidden { .. } => true,
            Self::Status { status, .. } => *status >= 300 && *status < 500,
            _ => false,
        }
    }
}

/// What an answer of failure says of itself, for the operator and for Help Scout's support.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// What was wrong in our own words, or refused parameters and known codes; never upstream text.
    pub message: Option<String>,
    /// `Correlation-Id`, which Help Scout's support asks for.
    pub correlation_id: Option<String>,
}

impl Detail {
    /// `message`, and what the headers say beside it.
    pub(super) fn new(message: Option<String>, hints: &Hints) -> Self {
        Self {
            message,
            correlation_id: hints.correlation_id.clone(),
        }
    }
}

impl fmt::Display for Detail {
    /// Follows another text: starts with its own separator, or is empty.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = &self.message {
            write!(formatter, ": {message}")?;
        }
        if let Some(id) = &self.correlation_id {
            write!(formatter, " (Correlation-Id {id})")?;
        }
        Ok(())
    }
}
