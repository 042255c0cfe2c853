//! The section `http`, and the questions beside it.

use std::{collections::BTreeMap, num::NonZeroU32};

use hyper::header::HeaderValue;
use jiff::Timestamp;

use super::{Encoding, HttpDesk, HttpLogin, Placeholder, Text};
use crate::{
    config::{
        Segment,
        decode::{Decoder, Field, Section},
        document::Position,
        endpoint::{address, allow_plain_http, headers, in_the_clear},
        sections::required,
    },
    domain::{Figure, Interval},
};

/// Requests a minute where the config does not say.
const DEFAULT_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();

/// Most statuses: each is a call and a series per segment.
const MOST_STATUSES: usize = 50;
const MOST_STATUS_CHARACTERS: usize = 64;

/// Reads `http` and the questions beside it in `section`.
pub fn desk(
    decoder: &mut Decoder<'_>,
    mut section: Section<'_>,
    http: &Field<'_>,
) -> Option<HttpDesk> {
    let created = required(decoder, &mut section, "created");
    let asked = [
        (Figure::Created, created),
        (Figure::Closed, section.take("closed")),
        (Figure::Resolved, section.take("resolved")),
        (Figure::Replies, section.take("replies")),
        (Figure::ReceivedMessages, section.take("received_messages")),
    ];
    let open = section.take("open");
    for key in [
        "created_by_day",
        "oldest_open",
        "first_response_mean_seconds",
        "ratings",
        "reasons",
        "customers",
        "schema",
    ] {
        if let Some(field) = section.strange(key) {
            decoder.problem(
                &field,
                "goes with database: an endpoint that counts gives one number for one question, and cannot tell this",
            );
        }
    }
    decoder.finish(section);

    let mut desk = endpoint(decoder, http)?;
    let mut places: Vec<(Figure, Field<'_>)> = Vec::new();
    for (figure, field) in asked {
        let Some(field) = field else { continue };
        let Some(text) = text(decoder, &field) else {
            continue;
        };
        let (start, end) = (
            desk.all_of(&text).any(Placeholder::is_start),
            desk.all_of(&text).any(Placeholder::is_end),
        );
        if !start || !end {
            decoder.problem(
                &field,
                "counts over an interval: it must use a start and an end, as {start} and {end}, {start_unix} and {end_unix}, or {start_date} and {end_date}",
            );
        }
        desk.counts.insert(figure, text);
        places.push((figure, field));
    }
    if let Some(field) = open {
        statuses(decoder, &field, &mut desk);
    }
    for (figure, field) in places {
        if let Some(message) = desk.unfit(figure, &Segment::all()) {
            decoder.problem(&field, message);
        }
    }
    Some(desk)
}

fn text(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Text> {
    let given = decoder.text(field)?;
    if given.value.trim().is_empty() {
        decoder.problem(field, "expected the text of a question, found an empty one");
        return None;
    }
    match Text::read(&given.value) {
        Ok(text) if text.has(Placeholder::Query) => {
            decoder.problem(
                field,
                "is what {query} stands for in url or body: it cannot hold {query} itself",
            );
            None
        }
        Ok(text) => Some(text),
        Err(message) => {
            decoder.problem(field, message);
            None
        }
    }
}

fn statuses(decoder: &mut Decoder<'_>, field: &Field<'_>, desk: &mut HttpDesk) {
    let entries = decoder.entries(field);
    if entries.len() > MOST_STATUSES {
        let message = format!("at most {MOST_STATUSES} statuses, found {}", entries.len());
        decoder.problem(field, message);
    }
    for (name, position, entry) in entries {
        let status = name.trim().to_lowercase().replace(char::is_whitespace, "_");
        if status.is_empty() || status.chars().count() > MOST_STATUS_CHARACTERS {
            decoder.problem_at(position, &entry.key, "a status has 1 to 64 characters");
            continue;
        }
        if desk.open.iter().any(|(known, _)| *known == status) {
            decoder.problem_at(
                position,
                &entry.key,
                format!("status {status} is given twice"),
            );
            continue;
        }
        let Some(text) = text(decoder, &entry) else {
            continue;
        };
        if desk.all_of(&text).any(|one| one.is_start() || one.is_end()) {
            decoder.problem(
                &entry,
                "open tickets are counted now: neither this text nor url and body may use the start or end of an interval",
            );
        }
        desk.open.push((status, text));
    }
}

/// The section `http`; its questions are still to come.
fn endpoint(decoder: &mut Decoder<'_>, http: &Field<'_>) -> Option<HttpDesk> {
    let mut section = decoder.section(http)?;
    let url_field = required(decoder, &mut section, "url");
    let url = url_field.as_ref().and_then(|field| {
        let given = decoder.text(field)?;
        let text = Text::read(&given.value)
            .map_err(|message| decoder.problem(field, message))
            .ok()?;
        let sample = text.filled(|_, _| Some("0".to_owned()))?;
        let url = address(decoder, field, &sample, "an http:// or https:// address")?;
        Some((text, url))
    });
    let pointer = required(decoder, &mut section, "pointer").and_then(|field| {
        let expected = "a JSON pointer such as /count";
        decoder.parsed(&field, expected, |text| {
            jsonptr::Pointer::parse(&text.value).ok()?;
            Some(text.configured.clone())
        })
    });
    let method = section.take("method");
    let is_post = method
        .as_ref()
        .and_then(|field| decoder.choice(field, &[("GET", false), ("POST", true)]));
    let body_field = section.take("body");
    let body = body_field.as_ref().and_then(|field| {
        let given = decoder.text(field)?;
        Text::read(&given.value)
            .map_err(|message| decoder.problem(field, message))
            .ok()
    });
    match (is_post, &method, &body_field) {
        (Some(true), Some(method), None) => {
            decoder.problem(method, "a POST has a body: write what is posted under body");
        }
        (Some(false), Some(method), Some(_)) => {
            decoder.problem(method, "a GET has no body: leave body out, or write POST");
        }
        _ => {}
    }
    let (headers, may_be_credentials) = headers(decoder, section.take("headers"));
    let login = login(decoder, &mut section, http, &headers);
    let per_minute = section.take("requests_per_minute");
    let requests_per_minute = per_minute.map_or(Some(DEFAULT_PER_MINUTE), |field| {
        decoder.parsed(&field, "a whole number of at least 1", |text| {
            text.value.parse::<NonZeroU32>().ok()
        })
    });
    let allowed = allow_plain_http(decoder, &mut section);
    decoder.finish(section);

    let (url, sample) = url?;
    let in_body = body
        .as_ref()
        .is_some_and(|body| body.has(Placeholder::Query));
    match (url.has(Placeholder::Query), in_body) {
        (true, true) => decoder.problem(
            http,
            "{query}, the text of a question, stands both in url and in body: write it in one of them",
        ),
        (false, false) if body_field.is_none() || body.is_some() => decoder.problem(
            http,
            "neither url nor body holds {query}, where the text of a question goes, as in `https://example.org/count?query={query}`",
        ),
        _ => {}
    }
    let in_the_clear = in_the_clear(
        decoder,
        url_field.as_ref(),
        &sample,
        login.is_some() || may_be_credentials,
        allowed,
    );
    let content_type = headers.iter().find(|(name, _)| name == "content-type");
    let encoding = content_type.map_or(Encoding::Json, |(_, value)| {
        let value = value.expose().to_ascii_lowercase();
        if value.contains("json") {
            Encoding::Json
        } else if value.contains("x-www-form-urlencoded") {
            Encoding::Form
        } else {
            Encoding::Plain
        }
    });
    Some(HttpDesk {
        url,
        body,
        encoding,
        pointer: pointer?,
        headers,
        login,
        requests_per_minute: requests_per_minute?,
        in_the_clear,
        counts: BTreeMap::new(),
        open: Vec::new(),
    })
}

fn login(
    decoder: &mut Decoder<'_>,
    section: &mut Section<'_>,
    http: &Field<'_>,
    headers: &[(String, crate::config::Secret)],
) -> Option<HttpLogin> {
    let bearer = decoder.secret(section, "bearer_token", "bearer_token_file", false);
    let basic = section.take("basic_auth").and_then(|field| {
        let mut section = decoder.section(&field)?;
        let name = required(decoder, &mut section, "username").and_then(|field| {
            let text = decoder.text(&field)?;
            if text.value.contains(':') {
                decoder.problem(&field, "a user name of basic_auth cannot hold a colon");
                return None;
            }
            Some(crate::config::Secret::new(text.value))
        });
        let password = decoder.secret(&mut section, "password", "password_file", true);
        decoder.finish(section);
        Some((name?, password?))
    });
    if (bearer.is_some() || basic.is_some())
        && headers.iter().any(|(name, _)| name == "authorization")
    {
        decoder.problem(
            http,
            "give either basic_auth, a bearer token or an Authorization header, not several",
        );
    }
    if let Some(token) = &bearer
        && HeaderValue::from_str(token.expose()).is_err()
    {
        decoder.problem(http, "the bearer token holds characters that no header can");
    }
    match (bearer, basic) {
        (Some(_), Some(_)) => {
            decoder.problem(http, "give either basic_auth or a bearer token, not both");
            None
        }
        (Some(token), None) => Some(HttpLogin::Bearer(token)),
        (None, Some((name, password))) => Some(HttpLogin::Basic(name, password)),
        (None, None) => None,
    }
}

impl HttpDesk {
    /// What is wrong with the request that counts `figure` of a segment, once all is filled in.
    fn unfit(&self, figure: Figure, segment: &Segment) -> Option<&'static str> {
        let day = Interval {
            start: Timestamp::UNIX_EPOCH,
            end: Timestamp::from_second(crate::domain::DAY_SECONDS).ok()?,
        };
        let body = self.count(figure, segment, day)?.body?;
        let is_json = self.encoding != Encoding::Json
            || serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
        (!is_json).then_some(
            "the body is no JSON once this is filled in: within the quotes of a JSON string it is escaped, elsewhere it must be JSON itself (another Content-Type is for headers to say)",
        )
    }
}

/// Holds every segment's `query` against the texts: `places` says where each segment's is.
pub fn fit_segments(
    decoder: &mut Decoder<'_>,
    desk: &HttpDesk,
    segments: &[Segment],
    places: &[(String, Position, String)],
) {
    for (name, position, key) in places {
        let Some(segment) = segments.iter().find(|segment| segment.name == *name) else {
            continue;
        };
        let counts = desk.counts.iter();
        let counts = counts.map(|(figure, text)| (figure.key().to_owned(), text));
        let open = desk.open.iter();
        let open = open.map(|(status, text)| (format!("open.{status}"), text));
        let whole: Vec<String> = counts
            .chain(open)
            .filter(|(_, text)| !desk.all_of(text).any(|one| one == Placeholder::Segment))
            .map(|(key, _)| format!("tickets.{key}"))
            .collect();
        if !whole.is_empty() {
            decoder.problem_at(
                *position,
                key,
                format!(
                    "{} has no {{segment}}, so that it would count all tickets under this name; write {{segment}} where this text goes",
                    whole.join(", ")
                ),
            );
        }
        let condition = segment.condition.as_ref().map_or("", |text| text.as_str());
        if Text::read(condition).is_ok_and(|text| text.placeholders().next().is_some()) {
            decoder.problem_at(
                *position,
                key,
                "is taken as it is: placeholders belong in the texts of questions",
            );
        } else if let Some(message) = desk
            .counts
            .keys()
            .find_map(|figure| desk.unfit(*figure, segment))
        {
            decoder.problem_at(*position, key, message);
        }
    }
}
