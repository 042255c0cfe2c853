//! Populations that are asked for over HTTP: endpoints and Prometheus servers.

use hyper::header::{HeaderName, HeaderValue};
use url::Url;

use super::placeholders;
use crate::config::{
    PopulationKind, PopulationSource, Secret, Template,
    decode::{Decoder, Field, Section},
    sections::{is_loopback, required},
};

/// Parts of header names whose values are credentials.
const CREDENTIALS: [&str; 8] = [
    "auth",
    "cookie",
    "token",
    "secret",
    "key",
    "password",
    "signature",
    "session",
];

/// Names of parameters whose values are credentials, or what such names hold.
const CREDENTIAL_PARAMETERS: [&str; 8] = [
    "token",
    "secret",
    "passw",
    "auth",
    "apikey",
    "api_key",
    "api-key",
    "signature",
];

/// The source `http`.
pub(super) fn endpoint(
    decoder: &mut Decoder<'_>,
    kind: PopulationKind,
    field: &Field<'_>,
) -> Option<PopulationSource> {
    let mut section = decoder.section(field)?;
    let url_field = required(decoder, &mut section, "url");
    let url = url_field.as_ref().and_then(|field| {
        let text = decoder.text(field)?;
        let template = Template::url(&text.value);
        let sample = template.written(|_| "0".to_owned());
        let url = address(decoder, field, &sample, "an http:// or https:// address")?;
        placeholders(decoder, kind, field, &template, ["{start}", "{end}"]);
        Some((template, url))
    });
    let pointer = required(decoder, &mut section, "pointer").and_then(|field| {
        let expected = "a JSON pointer such as /data/count";
        decoder.parsed(&field, expected, |text| {
            jsonptr::Pointer::parse(&text.value).ok()?;
            Some(text.configured.clone())
        })
    });
    let (headers, may_be_credentials) = headers(decoder, section.take("headers"));
    let bearer = decoder.secret(&mut section, "bearer_token", "bearer_token_file", false);
    let allowed = allow_plain_http(decoder, &mut section);
    decoder.finish(section);
    if let Some(token) = &bearer {
        if headers.iter().any(|(name, _)| name == "authorization") {
            decoder.problem(
                field,
                "give either a bearer token or an Authorization header, not both",
            );
        }
        if HeaderValue::from_str(token.expose()).is_err() {
            decoder.problem(
                field,
                "the bearer token holds characters that no header can",
            );
        }
    }
    let (url, sample) = url?;
    let has_credentials = bearer.is_some() || may_be_credentials;
    let in_the_clear = in_the_clear(
        decoder,
        url_field.as_ref(),
        &sample,
        has_credentials,
        allowed,
    );
    Some(PopulationSource::Http {
        url,
        pointer: pointer?,
        headers,
        bearer,
        in_the_clear,
    })
}

/// The source `prometheus`.
pub(super) fn prometheus(
    decoder: &mut Decoder<'_>,
    kind: PopulationKind,
    field: &Field<'_>,
) -> Option<PopulationSource> {
    let mut section = decoder.section(field)?;
    let url_field = required(decoder, &mut section, "url");
    let url = url_field.as_ref().and_then(|field| {
        let text = decoder.text(field)?;
        let expected = "the http:// or https:// address of a Prometheus server";
        let url = address(decoder, field, &text.value, expected)?;
        if url.fragment().is_some() {
            decoder.problem(field, format!("expected {expected}, without a #"));
            return None;
        }
        let own = ["query", "time", "timeout"];
        if let Some((name, _)) = url.query_pairs().find(|(name, _)| own.contains(&&**name)) {
            decoder.problem(
                field,
                format!("must not hold the parameter {name}, which each request sets itself"),
            );
            return None;
        }
        Some(url)
    });
    let query = required(decoder, &mut section, "query").and_then(|field| {
        decoder.parsed(&field, "a PromQL expression", |text| {
            (!text.value.trim().is_empty()).then(|| text.value.clone())
        })
    });
    let allowed = allow_plain_http(decoder, &mut section);
    decoder.finish(section);
    if kind == PopulationKind::Window {
        decoder.problem(
            field,
            "a Prometheus query gives a stock at :end; put it under total",
        );
        return None;
    }
    let url = url?;
    let in_the_clear = in_the_clear(decoder, url_field.as_ref(), &url, false, allowed);
    Some(PopulationSource::Prometheus {
        url,
        query: query?,
        in_the_clear,
    })
}

/// An address that can be asked. Says nothing of one that cannot: it may hold a password anywhere.
fn address(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    text: &str,
    expected: &str,
) -> Option<Url> {
    let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
    let end = after_scheme
        .find(['/', '?', '#'])
        .unwrap_or(after_scheme.len());
    let (authority, tail) = after_scheme.split_at(end);
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    // Whoever writes `user:pa/ss@host` gets a host `user` and a password in the path.
    let looks_broken = !authority.contains('@')
        && (path.contains('@') || (authority.contains(':') && tail.contains('@')));
    if looks_broken {
        decoder.problem(
            field,
            "has an @ after its host: in a user name or password, write / as %2F, ? as %3F and # as %23; elsewhere, write @ as %40",
        );
        return None;
    }
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        decoder.problem(
            field,
            format!(
                "expected {expected}; special characters in a user name or password must be percent-encoded"
            ),
        );
    }
    url
}

fn allow_plain_http(decoder: &mut Decoder<'_>, section: &mut Section<'_>) -> bool {
    section
        .take("allow_plain_http")
        .and_then(|field| decoder.choice(&field, &[("true", true), ("false", false)]))
        .unwrap_or(false)
}

/// Whether credentials will travel unencrypted through a network: a problem, unless it is allowed.
fn in_the_clear(
    decoder: &mut Decoder<'_>,
    field: Option<&Field<'_>>,
    url: &Url,
    has_credentials: bool,
    allowed: bool,
) -> bool {
    let has_credentials = has_credentials
        || !url.username().is_empty()
        || url.password().is_some()
        || has_credential(url);
    if !has_credentials || url.scheme() != "http" || is_loopback(url) {
        return false;
    }
    if !allowed && let Some(field) = field {
        decoder.problem(
            field,
            "credentials would travel in the clear: use https://, or, in a network that you trust, say allow_plain_http: true beside it",
        );
    }
    true
}

/// Names and values, and whether one of them may be a credential: its name says so, or the value comes
/// from the environment.
fn headers(decoder: &mut Decoder<'_>, field: Option<Field<'_>>) -> (Vec<(String, Secret)>, bool) {
    let mut headers: Vec<(String, Secret)> = Vec::new();
    let mut may_be_credentials = false;
    let Some(field) = field else {
        return (headers, may_be_credentials);
    };
    for (name, position, entry) in decoder.entries(&field) {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            decoder.problem_at(position, &entry.key, "not a header name");
            continue;
        };
        if headers.iter().any(|(known, _)| known == name.as_str()) {
            decoder.problem_at(position, &entry.key, "this header is given twice");
            continue;
        }
        let Some(text) = decoder.text(&entry) else {
            continue;
        };
        if HeaderValue::from_str(&text.value).is_err() {
            decoder.problem(&entry, "the value holds characters that no header can");
            continue;
        }
        may_be_credentials |= text.configured.from_environment()
            || CREDENTIALS.iter().any(|part| name.as_str().contains(part));
        headers.push((name.as_str().to_owned(), Secret::new(text.value)));
    }
    (headers, may_be_credentials)
}

/// Whether a parameter of the address is a credential by its name.
fn has_credential(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| {
        let name = name.to_lowercase();
        name == "key" || CREDENTIAL_PARAMETERS.iter().any(|part| name.contains(part))
    })
}
