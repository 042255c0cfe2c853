//! A call that brought no whole answer.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use crate::{domain::Reason, sources::transport::BodyError};

/// A call that brought no whole answer. Cheap to clone, since callers that wait for one answer share
/// its failure.
#[derive(Clone, Debug)]
pub struct Broken {
    reason: Reason,
    cause: Arc<dyn StdError + Send + Sync>,
}

impl Broken {
    /// Broken for `reason`, as `cause` tells. The cause must not hold a secret.
    pub fn new(reason: Reason, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self {
            reason,
            cause: Arc::new(cause),
        }
    }

    /// No answer within the bound of one try.
    pub fn try_timeout(bound: Duration) -> Self {
        Self::new(Reason::Timeout, TryTimeout(bound))
    }

    /// The label value that tells of it.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether the same call may well succeed a little later.
    pub const fn is_transient(&self) -> bool {
        matches!(self.reason, Reason::Timeout | Reason::Connect)
    }
}

impl From<BodyError> for Broken {
    fn from(error: BodyError) -> Self {
        Self::new(error.reason(), error)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.cause, formatter)
    }
}

impl StdError for Broken {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}

/// One try took longer than `timeout`.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs_f64())]
struct TryTimeout(Duration);
