//! `tickets` with `http`: an endpoint that counts.

mod decode;
mod text;

use std::{collections::BTreeMap, fmt, num::NonZeroU32};

use jiff::{civil::Time, tz::TimeZone};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    config::{ConfigText, Secret, Segment},
    domain::{Figure, Interval},
};

pub use decode::{desk, fit_segments};
pub use text::{Placeholder, Text};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An endpoint that counts.
#[derive(Clone)]
pub struct HttpDesk {
    url: Text,
    /// Sent by POST; without it, it is a GET.
    body: Option<Text>,
    encoding: Encoding,
    /// RFC 6901 pointer to the number.
    pub pointer: ConfigText,
    /// Header names (valid) and values.
    pub headers: Vec<(String, Secret)>,
    /// Sent as `Authorization`; then no header is `authorization`.
    pub login: Option<HttpLogin>,
    /// Ceiling of requests in any minute.
    pub requests_per_minute: NonZeroU32,
    /// Whether credentials travel unencrypted, as `allow_plain_http` lets them.
    pub in_the_clear: bool,
    counts: BTreeMap<Figure, Text>,
    open: Vec<(String, Text)>,
}

/// Who asks.
#[derive(Clone)]
pub enum HttpLogin {
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// `Authorization: Basic …`, user name and password.
    Basic(Secret, Secret),
}

/// How what fills a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// Within a string of JSON escaped, elsewhere as it is.
    Json,
    /// As in an address: the body is a form.
    Form,
    /// As it is.
    Plain,
}

/// A request as it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The address. It may hold a token.
    pub url: String,
    /// What is posted; `None` for a GET.
    pub body: Option<String>,
}

impl fmt::Debug for HttpDesk {
    /// Addresses can hold credentials, texts can come from the environment.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpDesk")
            .field("counts", &self.counts)
            .field("requests_per_minute", &self.requests_per_minute)
            .finish_non_exhaustive()
    }
}

impl HttpDesk {
    /// Whether it is asked for `figure`.
    pub fn answers(&self, figure: Figure) -> bool {
        self.counts.contains_key(&figure)
    }

    /// Statuses whose open tickets are counted, as label values.
    pub fn statuses(&self) -> impl Iterator<Item = &str> {
        self.open.iter().map(|(status, _)| status.as_str())
    }

    /// Its address, with placeholders. It may hold a token.
    pub const fn address(&self) -> &Text {
        &self.url
    }

    /// As whom it is asked with a password; empty without one.
    pub fn user(&self) -> &str {
        match &self.login {
            Some(HttpLogin::Basic(name, _)) => name.expose(),
            Some(HttpLogin::Bearer(_)) | None => "",
        }
    }

    /// Every text that says what is counted, by the key under which it stands.
    pub fn texts(&self) -> impl Iterator<Item = (String, String)> {
        let counts = self.counts.iter();
        let counts = counts.map(|(figure, text)| (figure.key().to_owned(), text.raw()));
        let open = self.open.iter();
        let open = open.map(|(status, text)| (format!("open.{status}"), text.raw()));
        let body = self.body.iter().map(|body| ("body".to_owned(), body.raw()));
        counts.chain(open).chain(body)
    }

    /// Whether `figure` is asked for by dates, so that only whole days of UTC are answered.
    pub fn is_by_dates(&self, figure: Figure) -> bool {
        self.counts
            .get(&figure)
            .is_some_and(|text| self.all_of(text).any(Placeholder::is_date))
    }

    /// The request that counts `figure` of a segment over `interval`. `None` where it is not asked
    /// for, or only for intervals that begin and end at midnight, and this is none.
    pub fn count(
        &self,
        figure: Figure,
        segment: &Segment,
        interval: Interval,
    ) -> Option<HttpRequest> {
        let text = self.counts.get(&figure)?;
        let whole = is_midnight(interval.start) && is_midnight(interval.end);
        if self.is_by_dates(figure) && !whole {
            return None;
        }
        self.request(text, segment, Some(interval))
    }

    /// The request that counts a segment's open tickets of a status.
    pub fn open(&self, status: &str, segment: &Segment) -> Option<HttpRequest> {
        let (_, text) = self.open.iter().find(|(known, _)| known == status)?;
        self.request(text, segment, None)
    }

    fn all_of<'t>(&'t self, text: &'t Text) -> impl Iterator<Item = Placeholder> + 't {
        let around = self.url.placeholders();
        let around = around.chain(self.body.iter().flat_map(Text::placeholders));
        text.placeholders().chain(around)
    }

    fn request(
        &self,
        text: &Text,
        segment: &Segment,
        interval: Option<Interval>,
    ) -> Option<HttpRequest> {
        let condition = segment.condition.as_ref().map_or("", |text| text.as_str());
        let simple = |placeholder: Placeholder| match placeholder {
            Placeholder::Segment => Some(condition.to_owned()),
            bound => bound.bound(interval?),
        };
        let query = text.filled(|placeholder, _| simple(placeholder))?;
        let value = |placeholder| match placeholder {
            Placeholder::Query => Some(query.clone()),
            other => simple(other),
        };
        let url = self
            .url
            .filled(|one, _| Some(utf8_percent_encode(&value(one)?, RESERVED).to_string()))?;
        let body = match &self.body {
            None => None,
            Some(body) => Some(body.filled(|one, before| {
                let value = value(one)?;
                Some(self.encoding.written(&value, before))
            })?),
        };
        Some(HttpRequest { url, body })
    }
}

impl Encoding {
    fn written(self, value: &str, before: &str) -> String {
        match self {
            Self::Json if is_within_string(before) => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted
                    .strip_prefix('"')
                    .and_then(|quoted| quoted.strip_suffix('"'))
                    .unwrap_or_default()
                    .to_owned()
            }
            Self::Form => utf8_percent_encode(value, RESERVED).to_string(),
            Self::Json | Self::Plain => value.to_owned(),
        }
    }
}

/// Whether JSON that begins with `before` goes on within a string.
fn is_within_string(before: &str) -> bool {
    let mut within = false;
    let mut characters = before.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => within = !within,
            '\\' if within => {
                characters.next();
            }
            _ => {}
        }
    }
    within
}

fn is_midnight(instant: jiff::Timestamp) -> bool {
    instant.to_zoned(TimeZone::UTC).time() == Time::midnight()
}
