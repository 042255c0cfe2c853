//! Where things are: the paths that the operator chose, and which of them a request means.
//!
//! As in Prometheus, a route prefix comes before every path, and is the path of the external URL
//! unless it is given by itself. Links and redirects of the exporter's own are relative, so that they
//! hold behind a proxy that cuts a prefix off too.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::Url;

/// What stays as it is in a path, `%` included: whoever writes it means an escape.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// The paths of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Empty, or begins with `/` and does not end with it. Without escapes.
    prefix: String,
    /// The same, as it was given.
    written_prefix: String,
    /// Begins with `/`. Without escapes.
    telemetry: String,
    /// The same, as it was given.
    written_telemetry: String,
    /// From the landing page to the metrics, escaped.
    link: String,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The exposition.
    Metrics,
    /// The page for people.
    Landing,
    /// Whether the process serves.
    Healthy,
    /// Whether the first refresh has ended.
    Ready,
    /// Reloads.
    Reload,
    /// The landing page is elsewhere: a reference relative to the request's path.
    Elsewhere(String),
    /// Nothing.
    Unknown,
}

impl Paths {
    /// A telemetry path below a route prefix, both as [`telemetry_path`] and [`route_prefix`] give
    /// them.
    pub fn new(prefix: &str, telemetry: &str) -> Self {
        Self {
            prefix: unescaped(prefix).into_owned(),
            written_prefix: prefix.to_owned(),
            telemetry: unescaped(telemetry).into_owned(),
            written_telemetry: telemetry.to_owned(),
            link: reference(telemetry.strip_prefix('/').unwrap_or(telemetry)),
        }
    }

    /// The path of the landing page.
    pub fn landing(&self) -> String {
        let prefix = utf8_percent_encode(&self.written_prefix, ESCAPED);
        format!("{prefix}/")
    }

    /// The path of the metrics.
    pub fn metrics(&self) -> String {
        let prefix = utf8_percent_encode(&self.written_prefix, ESCAPED);
        let telemetry = utf8_percent_encode(&self.written_telemetry, ESCAPED);
        format!("{prefix}{telemetry}")
    }

    /// The path that tells whether the process serves.
    pub fn healthy(&self) -> String {
        format!("{}-/healthy", self.landing())
    }

    /// The reference from the landing page to the metrics.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// What a request with this path asks for.
    pub fn route(&self, path: &str) -> Route {
        let path = &*unescaped(path);
        let Some(path) = path.strip_prefix(&*self.prefix) else {
            return match path {
                "/" => {
                    let prefix = self.written_prefix.strip_prefix('/').unwrap_or_default();
                    Route::Elsewhere(reference(&format!("{prefix}/")))
                }
                _ => Route::Unknown,
            };
        };
        if path == self.telemetry {
            return Route::Metrics;
        }
        match path {
            "/" => Route::Landing,
            "/-/healthy" => Route::Healthy,
            "/-/ready" => Route::Ready,
            "/-/reload" => Route::Reload,
            "" => {
                let last = self.written_prefix.rsplit('/').next().unwrap_or_default();
                Route::Elsewhere(reference(&format!("{last}/")))
            }
            _ => Route::Unknown,
        }
    }
}

/// A relative reference to a path.
fn reference(path: &str) -> String {
    // Without a dot, an empty one would be the page itself and `a:` a scheme.
    let dot = path.is_empty() || path.contains(':');
    let path = utf8_percent_encode(path, ESCAPED);
    format!("{}{path}", if dot { "./" } else { "" })
}

/// A path without escapes. Most have none.
fn unescaped(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    percent_decode_str(path).decode_utf8_lossy()
}

/// A telemetry path from the command line.
pub fn telemetry_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("expected a path that starts with /".to_owned());
    }
    check_path(text)?;
    let path = unescaped(text);
    if path == "/-" || path.starts_with("/-/") {
        return Err("paths under /-/ are the exporter's own".to_owned());
    }
    Ok(text.to_owned())
}

/// A route prefix from the command line, with a `/` at its start and none at its end: `/` alone
/// becomes empty.
pub fn route_prefix(text: &str) -> Result<String, String> {
    let trimmed = text.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    let prefix = format!("/{trimmed}");
    check_path(&prefix)?;
    Ok(prefix)
}

/// An external URL from the command line.
pub fn external_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| {
        format!("expected a URL as https://monitoring.example.org/contact-rate/: {error}")
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("expected a URL that starts with http:// or https://".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("expected a URL without ? and #".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("expected a URL without user and password".to_owned());
    }
    route_prefix(url.path())?;
    Ok(url)
}

/// Whether every client can ask for the path as it is written, but for escaping what must be.
fn check_path(path: &str) -> Result<(), String> {
    let unusable = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '?' | '#' | '\\');
    if let Some(character) = path.chars().find(|c| unusable(*c)) {
        return Err(format!(
            "{character:?} cannot stand in a path; allowed are letters of any language, digits, and -._~!$&'()*+,;=:@ and % with two hexadecimal digits"
        ));
    }
    for (at, _) in path.match_indices('%') {
        let digits = path.as_bytes().get(at + 1..at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err("% must be followed by two hexadecimal digits".to_owned());
        }
    }
    if percent_decode_str(path).decode_utf8().is_err() {
        return Err("the bytes that % stands for must be UTF-8".to_owned());
    }
    let path = unescaped(path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if segments
        .iter()
        .any(|segment| matches!(*segment, "." | ".."))
    {
        return Err("clients resolve the segments . and .. before they ask".to_owned());
    }
    if segments
        .iter()
        .rev()
        .skip(1)
        .any(|segment| segment.is_empty())
    {
        return Err("a segment between two / is empty".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_paths_begin_with_a_slash_and_are_not_taken() {
        for good in [
            "/",
            "/metrics",
            "/a/b",
            "/a/",
            "/métriques",
            "/m%C3%A9triques",
            "/a:b",
            "/-metrics",
        ] {
            assert_eq!(telemetry_path(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "metrics",
            "/a?b",
            "/a#b",
            "/a b",
            "/-/ready",
            "/-/other",
            "/%2D/ready",
            "/-",
            "/a/../b",
            "/./a",
            "/a//b",
            "/%zz",
            "/a%4",
            "/%ff",
            "/a\\b",
            "/a\tb",
        ] {
            assert!(telemetry_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn route_prefixes_have_one_slash_and_it_is_in_front() {
        for (text, prefix) in [
            ("", ""),
            ("/", ""),
            ("contact", "/contact"),
            ("/a/b/", "/a/b"),
        ] {
            assert_eq!(route_prefix(text), Ok(prefix.to_owned()));
        }
        assert!(route_prefix("/a/../b").is_err());
    }

    #[test]
    fn external_urls_are_addresses_without_more() {
        assert!(external_url("https://example.org/contact/").is_ok());
        for bad in [
            "example.org",
            "ftp://example.org",
            "\"http://example.org\"",
            "http://example.org/?a",
            "http://user:word@example.org/",
            "http://example.org/a//b",
        ] {
            assert!(external_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_prefix_comes_before_every_path() {
        let paths = Paths::new("/a/b", "/metrics");
        for (path, route) in [
            ("/a/b/metrics", Route::Metrics),
            ("/a/b/", Route::Landing),
            ("/a/b/-/healthy", Route::Healthy),
            ("/a/b/-/ready", Route::Ready),
            ("/a/b/-/reload", Route::Reload),
            ("/a/b", Route::Elsewhere("b/".to_owned())),
            ("/", Route::Elsewhere("a/b/".to_owned())),
            ("/metrics", Route::Unknown),
            ("/-/healthy", Route::Unknown),
            ("/a/bmetrics", Route::Unknown),
            ("/a/b/metrics/", Route::Unknown),
            ("/a/", Route::Unknown),
        ] {
            assert_eq!(paths.route(path), route, "{path}");
        }
    }

    #[test]
    fn a_path_is_the_same_with_and_without_escapes() {
        for written in ["/métriques", "/m%c3%a9triques"] {
            let paths = Paths::new("", written);
            for asked in ["/m%C3%A9triques", "/m%c3%a9triques", "/métriques"] {
                assert_eq!(paths.route(asked), Route::Metrics, "{written} {asked}");
            }
            assert!(paths.link().eq_ignore_ascii_case("m%C3%A9triques"));
            let prefixed = Paths::new(written, "/metrics");
            let Route::Elsewhere(reference) = prefixed.route("/") else {
                panic!("no redirect");
            };
            assert!(reference.eq_ignore_ascii_case("m%C3%A9triques/"));
        }
        assert_eq!(Paths::new("", "/").link(), "./");
        assert_eq!(Paths::new("", "/a:b").link(), "./a:b");
        assert_eq!(
            Paths::new("", "/metrics").route("/metrics%20"),
            Route::Unknown
        );
    }
}
