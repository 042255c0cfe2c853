//! Populations that are asked for over HTTP: endpoints and Prometheus servers.

use hyper::header::HeaderValue;

use super::placeholders;
use crate::config::{
    PopulationKind, PopulationSource, Template,
    decode::{Decoder, Field},
    endpoint::{address, allow_plain_http, headers, in_the_clear},
    sections::required,
};

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
