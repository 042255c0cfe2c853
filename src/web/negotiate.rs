//! Which format and encoding a client asks for
//! ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110), section 12).

use hyper::{
    HeaderMap,
    header::{ACCEPT, ACCEPT_ENCODING, HeaderName},
};

use crate::exposition::{Encoding, Format};

/// A weight in thousandths.
type Weight = u16;

/// OpenMetrics 1.0.0 when it is asked for by name and nothing is liked better; else the text format,
/// even if the client says that it takes neither.
pub fn format(headers: &HeaderMap) -> Format {
    let mut open_metrics = 0;
    // By how closely the range names the text format: not at all, `*/*`, `text/*`, in full.
    let mut text = (0_u8, 0);
    for element in elements(headers, ACCEPT) {
        let (range, version, weight) = media_range(element);
        let closeness = if range.eq_ignore_ascii_case("application/openmetrics-text") {
            if matches!(version, None | Some("1.0.0")) {
                open_metrics = open_metrics.max(weight);
            }
            continue;
        } else if range.eq_ignore_ascii_case("text/plain")
            && matches!(version, None | Some("0.0.4"))
        {
            3
        } else if range.eq_ignore_ascii_case("text/*") {
            2
        } else if range == "*/*" {
            1
        } else {
            continue;
        };
        text = text.max((closeness, weight));
    }
    if open_metrics > 0 && open_metrics >= text.1 {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

/// Gzip when it is accepted and no less liked than no encoding.
pub fn encoding(headers: &HeaderMap) -> Encoding {
    let mut gzip = None;
    let mut identity = None;
    let mut others = None;
    for element in elements(headers, ACCEPT_ENCODING) {
        let (name, _, weight) = media_range(element);
        let place = if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            &mut gzip
        } else if name.eq_ignore_ascii_case("identity") {
            &mut identity
        } else if name == "*" {
            &mut others
        } else {
            continue;
        };
        *place = Some(weight.max(place.unwrap_or(0)));
    }
    let gzip = gzip.or(others).unwrap_or(0);
    if gzip > 0 && gzip >= identity.unwrap_or(0) {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// The elements of a list that may be spread over several header lines.
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| split(line, ','))
        .filter(|element| !element.is_empty())
}

/// Splits at separators outside quoted strings, and trims.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c| {
        if quoted {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            quoted = !closes;
            return false;
        }
        quoted = c == '"';
        c == separator
    })
    .map(str::trim_ascii)
}

/// The range (or the name of an encoding), its `version` and its weight; 0 if the latter makes no
/// sense. Other parameters, as `charset` and `escaping`, do not matter here.
fn media_range(element: &str) -> (&str, Option<&str>, Weight) {
    let mut pieces = split(element, ';');
    let range = pieces.next().unwrap_or_default();
    let mut version = None;
    let mut weight = 1000;
    for parameter in pieces {
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        let (name, value) = (name.trim_ascii(), value.trim_ascii());
        if name.eq_ignore_ascii_case("version") {
            version = Some(value.trim_matches('"'));
        } else if name.eq_ignore_ascii_case("q") {
            weight = parse_weight(value).unwrap_or(0);
        }
    }
    (range, version, weight)
}

/// `0`, `0.5`, `0.123`, `1`, `1.000`.
fn parse_weight(text: &str) -> Option<Weight> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = decimals
        .bytes()
        .chain(*b"000")
        .take(3)
        .fold(0, |sum, digit| sum * 10 + Weight::from(digit - b'0'));
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        headers
    }

    /// What Prometheus sends, by version.
    const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_2_49_PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.8,application/openmetrics-text;version=1.0.0;q=0.7,application/openmetrics-text;version=0.0.1;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.2";
    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

    #[test]
    fn open_metrics_when_asked_for() {
        for lines in [
            &[PROMETHEUS_2_42][..],
            &[PROMETHEUS_2_49_PROTOBUF],
            &[PROMETHEUS_3],
            &["application/openmetrics-text"],
            &[
                "text/plain",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            ],
            &["Application/OpenMetrics-Text;Version=\"1.0.0\""],
            &["application/openmetrics-text;q=0.5, */*;q=0.5"],
            &["application/openmetrics-text;q=0.2,text/plain;version=0.0.4;q=0.1,*/*"],
            &["x/y;a=\"b,c;q=0\\\",\";q=1,application/openmetrics-text"],
        ] {
            assert_eq!(
                format(&headers(&ACCEPT, lines)),
                Format::OpenMetrics,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn text_by_default() {
        for lines in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            &["text/plain;version=0.0.4"],
            &["application/*"],
            &["application/json"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;q=0.4,text/plain;q=0.5"],
            &["application/openmetrics-text;q=0.4,text/*;q=0.5"],
            &["application/openmetrics-text;q=0.4,*/*"],
            &["application/openmetrics-text;version=0.0.1"],
            &["application/openmetrics-text;version=2.0.0"],
            &["application/openmetrics-text;q=much"],
            &["application/openmetrics-text;q=0.1234,*/*;q=0.001"],
            &[";;;,,q=,=\"\\"],
        ] {
            assert_eq!(format(&headers(&ACCEPT, lines)), Format::Text, "{lines:?}");
        }
    }

    #[test]
    fn gzip_when_accepted() {
        for (lines, expected) in [
            (&[][..], Encoding::Identity),
            (&[""], Encoding::Identity),
            (&["gzip"], Encoding::Gzip),
            (&["GZIP"], Encoding::Gzip),
            (&["x-gzip"], Encoding::Gzip),
            (&["deflate, gzip;q=1.0, *;q=0.5"], Encoding::Gzip),
            (&["br", "gzip"], Encoding::Gzip),
            (&["*"], Encoding::Gzip),
            (&["gzip;q=0.001"], Encoding::Gzip),
            (&["gzip;q=0"], Encoding::Identity),
            (&["gzip; q=0.000"], Encoding::Identity),
            (&["gzip;q=0, *"], Encoding::Identity),
            (&["*;q=0"], Encoding::Identity),
            (&["identity"], Encoding::Identity),
            (&["identity;q=1, gzip;q=0.5"], Encoding::Identity),
            (&["identity;q=0.5, gzip;q=1"], Encoding::Gzip),
            (&["identity;q=0"], Encoding::Identity),
            (&["identity, gzip"], Encoding::Gzip),
            (&["zstd, br"], Encoding::Identity),
            (&["gzip;q=2"], Encoding::Identity),
        ] {
            assert_eq!(
                encoding(&headers(&ACCEPT_ENCODING, lines)),
                expected,
                "{lines:?}"
            );
        }
    }

    proptest! {
        /// Whatever a client sends, there is an answer, and it is one that text can be.
        #[test]
        fn any_header_is_survived(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
            let mut headers = HeaderMap::new();
            for line in &lines {
                if let Ok(value) = hyper::header::HeaderValue::from_bytes(line) {
                    headers.append(ACCEPT, value.clone());
                    headers.append(ACCEPT_ENCODING, value);
                }
            }
            let named = |name: &str| lines.iter().any(|line| {
                line.to_ascii_lowercase().windows(name.len()).any(|part| part == name.as_bytes())
            });
            prop_assert!(format(&headers) == Format::Text || named("openmetrics"));
            prop_assert!(encoding(&headers) != Encoding::Gzip || named("gzip") || named("*"));
        }

        #[test]
        fn any_list_of_ranges_is_survived(
            line in "((application/openmetrics-text|text/plain|text/\\*|\\*/\\*|gzip|identity|\\*)(;? ?(q=[0-9.]{0,6}|version=[0-9.]{0,6}|charset=\"[^\"]?\"?))?,? ?){0,6}"
        ) {
            let Ok(value) = hyper::header::HeaderValue::from_str(&line) else {
                return Ok(());
            };
            let mut headers = HeaderMap::new();
            headers.append(ACCEPT, value.clone());
            headers.append(ACCEPT_ENCODING, value);
            prop_assert!(format(&headers) == Format::Text || line.contains("openmetrics"));
            let _ = encoding(&headers);
        }
    }
}
