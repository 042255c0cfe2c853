//! Why an endpoint gave no count.

use std::{sync::Arc, time::Duration};

use crate::{
    domain::Reason,
    sources::{
        calls::{Failure, broken::Broken, seconds_up},
        credentials::Unsendable,
        json::NumberError,
    },
};

/// Why an endpoint gave no count. No variant holds a secret, an address or a body.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The HTTP client could not be made.
    #[error("no HTTPS without root certificates: install the package ca-certificates")]
    Client(#[source] Arc<reqwest::Error>),
    /// The address is none once all is filled in.
    #[error("the request cannot be made: its address is none")]
    Address,
    /// A header cannot be sent.
    #[error("the request cannot be made: {0}")]
    Header(Unsendable),
    /// The wait that a 429 asked for lasts longer than this refresh.
    #[error(
        "the rate limit is used up: nothing more may be sent for {} s, which is past the end of \
         this refresh", seconds_up(*.0)
    )]
    RateLimited(Duration),
    /// One 429 after the other.
    #[error("it answered 429 {0} times, though every wait it asked for was kept")]
    StillRateLimited(u32),
    /// The exporter's own pace leaves no room in this refresh.
    #[error(
        "no room left in this refresh at {0} requests a minute: raise \
         tickets.http.requests_per_minute or the interval, or drop segments or windows"
    )]
    Paced(u32),
    /// The refresh's time was over.
    #[error("no answer before the end of this refresh")]
    OutOfTime,
    /// No answer, or one that broke off.
    #[error("it could not be read")]
    Broken(#[source] Broken),
    /// A status that means failure.
    #[error("it answered with status {0}{advice}", advice = advice(*.0))]
    Status(u16),
    /// The answer holds no number where it should.
    #[error(transparent)]
    Number(Arc<NumberError>),
    /// The number is no count.
    #[error(
        "the answer has a number at the pointer that is no count: a count is whole and not negative"
    )]
    NotACount,
}

fn advice(status: u16) -> &'static str {
    match status {
        400 | 422 => ": it does not understand the text of the question",
        401 => ": the credentials are missing or wrong",
        403 => ": the credentials do not allow this",
        404 => ": is the path right?",
        300..400 => {
            ", a redirect, and redirects are not followed: configure the address it leads to"
        }
        _ => "",
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Held { wait } => Self::RateLimited(wait),
            Failure::StillRateLimited { times } => Self::StillRateLimited(times),
            Failure::Paced { per_minute } => Self::Paced(per_minute),
            Failure::OutOfTime => Self::OutOfTime,
            Failure::Broken(source) => Self::Broken(source),
            Failure::Server(answer) => Self::Status(answer.status),
        }
    }
}

impl Error {
    /// The bounded reason, for the label.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Client(_) | Self::Address | Self::Header(_) => Reason::Connect,
            Self::RateLimited(_) | Self::StillRateLimited(_) | Self::Paced(_) => {
                Reason::RateLimited
            }
            Self::OutOfTime => Reason::Timeout,
            Self::Broken(source) => source.reason(),
            Self::Status(401) => Reason::Auth,
            Self::Status(403) => Reason::Forbidden,
            Self::Status(_) => Reason::Status,
            Self::Number(error) => error.reason(),
            Self::NotACount => Reason::Decode,
        }
    }

    /// Whether every other question would fail alike: nobody answers, or nobody is let in.
    pub fn concerns_all(&self) -> bool {
        match self {
            Self::Client(_)
            | Self::Header(_)
            | Self::RateLimited(_)
            | Self::StillRateLimited(_) => true,
            Self::Broken(source) => source.is_transient(),
            Self::Status(status) => *status == 401,
            _ => false,
        }
    }

    /// Whether there was no time, and nothing is wrong.
    pub const fn is_lack_of_time(&self) -> bool {
        matches!(self, Self::Paced(_) | Self::OutOfTime)
    }
}
