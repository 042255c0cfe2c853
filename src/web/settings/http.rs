//! `http_server_config`, `basic_auth_users` and `rate_limit`.

use std::{str::FromStr as _, time::Duration};

use hyper::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use jiff::SignedDuration;

use super::User;
use crate::config::{
    Secret,
    decode::{Decoder, Field},
    suggestion,
};

/// Headers that the toolkit lets an operator set, and their values where those are few.
const HEADERS: [(&str, HeaderName, &[&str]); 5] = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY, &[]),
    ("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY, &[]),
    (
        "X-Content-Type-Options",
        X_CONTENT_TYPE_OPTIONS,
        &["nosniff"],
    ),
    ("X-Frame-Options", X_FRAME_OPTIONS, &["deny", "sameorigin"]),
    ("X-XSS-Protection", X_XSS_PROTECTION, &[]),
];

/// Highest cost of a password hash. One step more doubles the time of a check, and this one takes
/// about a quarter of a minute.
const MAX_COST: u32 = 18;

/// One request per `interval`, and `burst` of them at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Time that earns one request.
    pub interval: Duration,
    /// Most requests that can be saved up; at least 1.
    pub burst: u32,
}

/// Whether HTTP/2 is offered, and the headers of every answer.
pub fn server(
    decoder: &mut Decoder<'_>,
    field: Option<&Field<'_>>,
    has_tls: bool,
) -> (bool, Vec<(HeaderName, HeaderValue)>) {
    let mut http2 = has_tls;
    let mut headers = Vec::new();
    let Some(mut section) = field.and_then(|field| decoder.section(field)) else {
        return (http2, headers);
    };
    if let Some(field) = section.take("http2") {
        match boolean(decoder, &field) {
            Some(true) if !has_tls => decoder.problem(
                &field,
                "HTTP/2 needs TLS: add tls_server_config, or set it to false",
            ),
            Some(wanted) => http2 = wanted,
            None => {}
        }
    }
    if let Some(field) = section.take("headers") {
        for (name, position, field) in decoder.entries(&field) {
            let known = HEADERS.iter().find(|(known, ..)| *known == name);
            let Some((_, name, values)) = known else {
                let names = HEADERS.map(|(known, ..)| known);
                let message = format!(
                    "this header cannot be configured{}; those that can: {}",
                    suggestion(name, &names),
                    names.join(", ")
                );
                decoder.problem_at(position, &field.key, message);
                continue;
            };
            // Left empty, it is not set.
            if field.node.is_null() {
                continue;
            }
            let expected = if values.is_empty() {
                "a header value without control characters".to_owned()
            } else {
                values.join(" or ")
            };
            let value = decoder.parsed(&field, &expected, |text| {
                let allowed = values.is_empty() || values.contains(&text.value.as_str());
                allowed.then(|| HeaderValue::from_str(&text.value).ok())?
            });
            headers.extend(value.map(|value| (name.clone(), value)));
        }
    }
    decoder.finish(section);
    (http2, headers)
}

/// `true` or `false`, not in quotes.
pub fn boolean(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<bool> {
    decoder.parsed(field, "true or false, not in quotes", |text| {
        text.plain.then(|| text.value.parse().ok())?
    })
}

/// Who may ask. Nothing of a hash is ever shown.
pub fn users(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>) -> Vec<User> {
    let mut users = Vec::new();
    let Some(field) = field else {
        return users;
    };
    for (name, position, field) in decoder.entries(field) {
        if name.contains(':') {
            let message = "a user's name cannot hold a colon: clients send name:password";
            decoder.problem_at(position, &field.key, message);
        }
        let Some(hash) = decoder.text(&field) else {
            continue;
        };
        match bcrypt::HashParts::from_str(&hash.value) {
            Ok(parts) if !(4..=MAX_COST).contains(&parts.get_cost()) => decoder.problem(
                &field,
                format!(
                    "the cost of the hash is {}, expected 4 to {MAX_COST}: each step doubles the time of a check",
                    parts.get_cost()
                ),
            ),
            Ok(_) => users.push(User {
                name: name.to_owned(),
                hash: Secret::new(hash.value),
            }),
            Err(_) => decoder.problem(
                &field,
                "expected a bcrypt hash of 60 characters, as htpasswd -nBC 10 \"\" prints it: $2y$10$…",
            ),
        }
    }
    users
}

/// How often anybody may ask; an interval of 0 stands for no limit.
pub fn rate_limit(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>) -> Option<RateLimit> {
    let mut section = decoder.section(field?)?;
    let interval = section.take("interval");
    let interval = interval.map(|field| {
        let expected = "a duration as 1s, 500ms or 1m30s";
        decoder.parsed(&field, expected, |text| duration(&text.value))
    });
    let burst = section.take("burst").map(|field| {
        let value = decoder.parsed(&field, "a whole number, not in quotes", |text| {
            text.plain.then(|| text.value.parse::<u32>().ok())?
        });
        (field, value)
    });
    decoder.finish(section);
    let interval = interval.unwrap_or(Some(Duration::ZERO))?;
    if interval.is_zero() {
        return None;
    }
    match burst {
        Some((_, Some(burst))) if burst > 0 => Some(RateLimit { interval, burst }),
        Some((_, None)) => None,
        _ => {
            let place = burst.as_ref().map_or(field?, |(field, _)| field);
            decoder.problem(
                place,
                "burst must be at least 1, or no request would ever be answered",
            );
            None
        }
    }
}

/// A duration as Go writes it: `1h`, `1m30s`, `1.5s`, `250ms`, `0`; never negative.
fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let of_go =
        |c: char| c.is_ascii_digit() || matches!(c, '.' | 'h' | 'm' | 's' | 'u' | 'µ' | 'n');
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(of_go) {
        return None;
    }
    text.parse::<SignedDuration>().ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("1s", 1000),
            ("1.5s", 1500),
            ("250ms", 250),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("2000µs", 2),
            ("2000us", 2),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in ["", "1", "s", "-1s", "1d", "1 s", "PT1S", "1s ago", "1min"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
