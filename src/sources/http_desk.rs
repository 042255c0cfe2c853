//! An endpoint that counts as a ticket source: one call, one number.
//!
//! | module | holds |
//! | --- | --- |
//! | `days` | days that were counted, so that each is asked for once |
//! | `questions` | the questions of one refresh |
//! | `past` | questions about the past |
//! | `error` | why there is no count |
//! | `telemetry` | what the metrics are called |

mod days;
mod error;
mod past;
mod questions;
mod telemetry;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::tz::TimeZone;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use tokio::time::Instant;
use tracing::warn;
use url::Url;

use self::days::Days;
use super::{
    calls::{
        Calls, Patience, Target,
        answer::{Answer, HintNames},
        pace::{Lane, Limits, Pace},
        telemetry::Telemetry,
    },
    capabilities::{Budget, Capabilities},
    credentials::{Credentials, Login},
    json, transport,
};
use crate::{
    config::{Config, HttpDesk, HttpLogin, HttpRequest},
    domain::{DAYS, Figure, Interval},
};

pub use error::Error;
pub use past::Past;
pub use questions::Questions;
pub use telemetry::FAMILIES;

/// What is asked of windows, and whether of the window before as well.
const FIGURES: [(Figure, bool); 5] = [
    (Figure::Created, true),
    (Figure::Closed, true),
    (Figure::Resolved, true),
    (Figure::Replies, true),
    (Figure::ReceivedMessages, false),
];

/// How services call the headers that tell of their limits: Zendesk, Intercom, Freshdesk, Jira.
const HINTS: HintNames = HintNames {
    limit: &["x-rate-limit", "x-ratelimit-limit", "x-ratelimit-total"],
    remaining: &["x-rate-limit-remaining", "x-ratelimit-remaining"],
    wait: &[],
};

/// Where what is urgent goes, and where the days go, which leave half of the pace to it.
const LANES: &[Lane] = &[Lane::Whole, Lane::Half];
const URGENT: Target = Target {
    lane: 0,
    endpoint: "tickets",
    place: "the endpoint that counts",
};
const NOT_URGENT: Target = Target { lane: 1, ..URGENT };

/// An endpoint that counts.
pub struct Desk {
    config: HttpDesk,
    client: reqwest::Client,
    credentials: Credentials,
    calls: Calls,
    /// The zone whose midnights begin days.
    zone: TimeZone,
    /// Shared with the successor, where it counts the same.
    days: Arc<Days>,
    /// Whether a refresh has ended: the first one does not wait for days.
    has_read: AtomicBool,
    place: String,
}

impl fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Desk")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn limits(desk: &HttpDesk) -> Limits {
    Limits {
        per_minute: Some(desk.requests_per_minute),
        assumed_granted: desk.requests_per_minute.get(),
        lanes: LANES,
    }
}

impl Desk {
    /// As `config` says. Connects to nothing.
    pub fn new(config: &Config, desk: &HttpDesk, telemetry: &Telemetry) -> Result<Self, Error> {
        let sample = desk.address().filled(|_, _| Some("0".to_owned()));
        let sample = sample.and_then(|text| Url::parse(&text).ok());
        let sample = sample.ok_or(Error::Address)?;
        let client = transport::client(config.timeout, &sample);
        if desk.in_the_clear {
            warn!(
                "the credentials of tickets.http travel unencrypted, as allow_plain_http lets them"
            );
        }
        let login = desk.login.clone().map(|login| match login {
            HttpLogin::Bearer(token) => Login::Bearer(token),
            HttpLogin::Basic(name, password) => Login::Basic(name, password),
        });
        Ok(Self {
            config: desk.clone(),
            client: client.map_err(|error| Error::Client(Arc::new(error)))?,
            credentials: Credentials::new(desk.headers.clone(), login),
            calls: Calls {
                service: "the endpoint that counts tickets",
                pace: Pace::new(limits(desk)),
                telemetry: telemetry.clone(),
                timeout: config.timeout,
            },
            zone: config.time_zone.clone(),
            days: Arc::default(),
            has_read: AtomicBool::new(false),
            place: transport::origin(&sample),
        })
    }

    /// For a long run of calls, as for past windows: the pace is the only limit.
    pub fn for_history(
        config: &Config,
        desk: &HttpDesk,
        telemetry: &Telemetry,
    ) -> Result<Self, Error> {
        let mut long = Self::new(config, desk, telemetry)?;
        long.calls.pace = Pace::growing(limits(desk));
        Ok(long)
    }

    /// For a new configuration: at the same address it goes on with the pace and a 429's wait, and
    /// with the days where it counts the same.
    pub fn succeed(&self, config: &Config, desk: &HttpDesk) -> Result<Self, Error> {
        let mut successor = Self::new(config, desk, &self.calls.telemetry)?;
        if self.place == successor.place {
            successor.calls.pace = self.calls.pace.succeed(limits(desk));
        }
        let same = self.config.address() == desk.address()
            && self.config.pointer == desk.pointer
            && self.config.texts().eq(desk.texts());
        if same {
            successor.days = Arc::clone(&self.days);
            successor.has_read = AtomicBool::new(self.has_read.load(Ordering::Relaxed));
        }
        Ok(successor)
    }

    /// What it can tell.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            all_counts: true,
            days: !self.config.is_by_dates(Figure::Created) || self.has_days_of_utc(),
            open: self.config.statuses().next().is_some(),
            ratings: false,
        }
    }

    fn has_days_of_utc(&self) -> bool {
        self.zone == TimeZone::UTC
    }

    /// What a refresh of `config` costs once all days are known: for every segment and window each
    /// figure over it and over the one before (messages over it alone), and for every segment each
    /// status, and for an hour after midnight the day that has just ended.
    pub fn budget(&self, config: &Config) -> Budget {
        let asked = FIGURES.iter().filter(|(figure, _)| {
            self.config.answers(*figure) && !self.config.is_by_dates(*figure)
        });
        let by_window: usize = asked.map(|(_, twice)| 1 + usize::from(*twice)).sum();
        let by_segment = config.windows.len() * by_window + self.config.statuses().count();
        Budget {
            calls_per_refresh: config.segments.len() * by_segment,
            calls_for_reasons: 0,
            per_minute: Some(self.calls.pace.per_minute()),
            granted_per_minute: None,
        }
    }

    /// How many days are known, and how many there are to know.
    pub fn days_known(&self, config: &Config) -> (usize, usize) {
        let segments = config.segments.iter();
        let known = segments.map(|segment| self.days.known(segment)).sum();
        (known, config.segments.len() * DAYS)
    }

    /// What it is not asked, or cannot tell.
    pub fn absent(&self) -> Vec<&'static str> {
        let mut absent: Vec<&'static str> = FIGURES
            .iter()
            .filter(|(figure, _)| !self.config.answers(*figure))
            .map(|(figure, _)| figure.key())
            .collect();
        if self.config.statuses().next().is_none() {
            absent.push("open");
        }
        absent.extend(["first_response_mean_seconds", "ratings", "reasons"]);
        absent
    }

    /// What is asked by dates, and so known of windows that begin and end at midnight alone.
    pub fn limitation(&self) -> Option<&'static str> {
        FIGURES
            .iter()
            .any(|(figure, _)| self.config.is_by_dates(*figure))
            .then_some(
                "the endpoint is asked by dates: what begins or ends at another time than midnight UTC, as windows do but for one refresh a day, is absent",
            )
    }

    /// Asks for one refresh: nothing is sent, waited or retried past `deadline`.
    pub fn until(&self, deadline: Instant, patience: Instant) -> Questions<'_> {
        Questions::new(self, deadline, patience)
    }

    /// Asks for the past: nothing is waited for past `deadline`.
    pub const fn past(&self, deadline: Instant) -> Past<'_> {
        Past::new(self, deadline)
    }

    /// The number that answers `request`.
    async fn ask(
        &self,
        request: &HttpRequest,
        target: Target,
        deadline: Instant,
    ) -> Result<u64, Error> {
        let url = Url::parse(&request.url).map_err(|_| Error::Address)?;
        let mut patience = Patience::new();
        self.credentials.renew(false).await;
        let mut answer = self
            .send(&url, request, target, &mut patience, deadline)
            .await?;
        if answer.status == 401 && self.credentials.renew(true).await {
            answer = self
                .send(&url, request, target, &mut patience, deadline)
                .await?;
        }
        if !(200..300).contains(&answer.status) {
            return Err(Error::Status(answer.status));
        }
        let body = answer.body.map_err(Error::Broken)?;
        let number = json::number(&body, &self.config.pointer);
        let number = number.map_err(|error| Error::Number(Arc::new(error)))?;
        count(&number).ok_or(Error::NotACount)
    }

    async fn send(
        &self,
        url: &Url,
        request: &HttpRequest,
        target: Target,
        patience: &mut Patience,
        deadline: Instant,
    ) -> Result<Answer, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT,
            reqwest::header::HeaderValue::from_static("application/json"),
        );
        if request.body.is_some() {
            headers.insert(
                CONTENT_TYPE,
                reqwest::header::HeaderValue::from_static("application/json"),
            );
        }
        // The operator's own come after these, and in their place.
        let own = self.credentials.headers().map_err(Error::Header)?;
        for name in own.keys() {
            headers.remove(name);
        }
        headers.extend(own);
        let send = || {
            let built = match &request.body {
                Some(body) => self.client.post(url.clone()).body(body.clone()),
                None => self.client.get(url.clone()),
            };
            Answer::to(built.headers(headers.clone()), &HINTS)
        };
        let outcome = self.calls.exchange(target, patience, deadline, send).await;
        outcome.map_err(Error::from)
    }

    /// `figure` of a segment over `interval`; `None` where it is not asked, or not of such intervals.
    async fn count(
        &self,
        figure: Figure,
        segment: &crate::config::Segment,
        interval: Interval,
        target: Target,
        deadline: Instant,
    ) -> Result<Option<u64>, Error> {
        match self.config.count(figure, segment, interval) {
            Some(request) => self.ask(&request, target, deadline).await.map(Some),
            None => Ok(None),
        }
    }
}

/// A number as a count: whole and not negative. `12.0` is whole.
fn count(number: &serde_json::Number) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    number.as_u64().or_else(|| {
        let value = number.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0 to 2^53"
        )]
        let count = value as u64;
        (value.fract() == 0.0 && (0.0..=MOST).contains(&value)).then_some(count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_whole_and_not_negative() {
        let read = |text: &str| count(&serde_json::from_str(text).unwrap());
        assert_eq!(read("12"), Some(12));
        assert_eq!(read("12.0"), Some(12));
        assert_eq!(read("0"), Some(0));
        for text in ["-1", "1.5", "1e300", "-0.5"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
