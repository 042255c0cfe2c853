//! What every HTTP client here keeps to: which addresses it trusts, how much it reads, how it fails.
//!
//! A client follows no redirect (an answer from elsewhere is not the answer asked for, and headers
//! would travel along), asks loopback hosts directly whatever proxy the environment names, and
//! reads bodies under a limit. Errors never show user info, query strings or headers.

use std::{error::Error as StdError, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use url::Url;

use crate::{config::is_loopback, domain::Reason};

/// Most bytes of an answer, counted uncompressed: 8 MiB.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

const USER_AGENT: &str = concat!("contact-rate-exporter/", env!("CARGO_PKG_VERSION"));

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `text` as it stands in the path or the query of an address.
pub fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A client for the server at `base`, whose calls last `timeout` at most, connecting and body
/// included.
///
/// Reads the system's root certificates when `base` is `https`, so build it where that may take
/// some milliseconds, once per server. For plain `http` it trusts no certificate at all. Fails
/// when the system has no root certificates.
pub fn client(timeout: Duration, base: &Url) -> Result<reqwest::Client, reqwest::Error> {
    // Several clients may come here; the first installs the provider, which is the same for all.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        // Retries are counted by their callers; reqwest has silent ones of its own.
        .retry(reqwest::retry::never())
        .user_agent(USER_AGENT)
        .gzip(true);
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    if base.scheme() == "http" && !proxied(base) {
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(reqwest::Error::without_url)
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More than the limit; the rest was not read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The connection broke, time ran out, or the compression is damaged.
    #[error("the answer broke off")]
    Read(#[source] reqwest::Error),
}

impl BodyError {
    /// The label value that tells of it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooLarge { .. } => Reason::TooLarge,
            Self::Read(error) => reason(error),
        }
    }
}

/// Reads a body of at most `limit` bytes, counted after decompression and refused while streaming,
/// so that neither a huge answer nor a small one that inflates fills the memory.
pub async fn read_body(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<Vec<u8>, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |length| length > limit) {
        return Err(BodyError::TooLarge { limit });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| BodyError::Read(error.without_url()))?
    {
        if chunk.len() > limit - body.len() {
            return Err(BodyError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Where `url` leads, as it may be shown: scheme, host and port. A path can hold a token just as a query
/// can. Of an address that has no host, or an `@` behind it, the scheme only: what was taken for the
/// host may be a piece of a user name or password.
pub fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || url.path().contains('@') || url.query().is_some_and(|q| q.contains('@')) {
        return format!("{}:…", url.scheme());
    }
    let port = url.port().map(|port| format!(":{port}"));
    format!("{}://{host}{}", url.scheme(), port.unwrap_or_default())
}

/// Why a call failed that brought no status, or whose body broke off.
///
/// Drop the address before such an error is kept: [`reqwest::Error::without_url`].
pub fn reason(error: &reqwest::Error) -> Reason {
    if error.is_timeout() {
        Reason::Timeout
    } else if let Some(status) = error.status() {
        status_reason(status).unwrap_or(Reason::Status)
    } else if error.is_connect() {
        Reason::Connect
    } else if is_damaged(error) {
        Reason::Decode
    } else {
        Reason::Connect
    }
}

/// What a status says about the call; `None` for the statuses of success (2xx).
pub fn status_reason(status: StatusCode) -> Option<Reason> {
    match status {
        status if status.is_success() => None,
        StatusCode::UNAUTHORIZED => Some(Reason::Auth),
        StatusCode::FORBIDDEN => Some(Reason::Forbidden),
        StatusCode::TOO_MANY_REQUESTS => Some(Reason::RateLimited),
        _ => Some(Reason::Status),
    }
}

/// A proxy named by the environment may itself be spoken to over TLS, whose certificate must then
/// be checked.
fn proxied(base: &Url) -> bool {
    !is_loopback(base)
        && ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
            .into_iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether the answer came but is no HTTP, or its compression is damaged: asking again is no use.
fn is_damaged(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return error.is_parse();
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset
                    | std::io::ErrorKind::ConnectionAborted
                    | std::io::ErrorKind::BrokenPipe
            )
        {
            return false;
        }
        cause = error.source();
    }
    error.is_decode()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn response(body: Vec<u8>) -> reqwest::Response {
        reqwest::Response::from(hyper::http::Response::new(body))
    }

    #[test]
    fn an_address_is_shown_without_anything_secret() {
        assert_eq!(
            origin(&url(
                "https://user:hunter2@stats.example.org:8443/a/b?token=x#y"
            )),
            "https://stats.example.org:8443"
        );
        assert_eq!(origin(&url("http://[::1]:80/")), "http://[::1]");
        assert_eq!(
            origin(&url("https://h.example/hooks/token/count")),
            "https://h.example"
        );
        // A slash in a password that should have been percent-encoded.
        for text in [
            "postgres://contact_rate:/hunter2@127.0.0.1:5432/app",
            "https://user:12/hunter2@host/path",
            "https://user:12?hunter2@host/path",
        ] {
            let scheme = text.split(':').next().unwrap();
            assert_eq!(origin(&url(text)), format!("{scheme}:…"));
        }
        // A scheme was forgotten.
        assert_eq!(origin(&url("user:hunter2@host/path")), "user:…");
    }

    #[test]
    fn loopback_is_told_by_name() {
        for text in [
            "http://localhost:1/",
            "http://LOCALHOST/",
            "http://localhost./",
            "http://a.localhost/",
            "http://127.8.9.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert!(is_loopback(&url(text)), "{text}");
        }
        for text in [
            "http://localhost.example.org/",
            "http://10.0.0.1/",
            "http://[::2]/",
            "http://128.0.0.1/",
        ] {
            assert!(!is_loopback(&url(text)), "{text}");
        }
    }

    #[test]
    fn statuses_tell_reasons() {
        let reason = |status| status_reason(StatusCode::from_u16(status).unwrap());
        assert_eq!(reason(200), None);
        assert_eq!(reason(204), None);
        assert_eq!(reason(302), Some(Reason::Status));
        assert_eq!(reason(401), Some(Reason::Auth));
        assert_eq!(reason(403), Some(Reason::Forbidden));
        assert_eq!(reason(429), Some(Reason::RateLimited));
        assert_eq!(reason(500), Some(Reason::Status));
    }

    #[tokio::test]
    async fn a_body_may_fill_the_limit_but_not_pass_it() {
        let body = read_body(response(vec![b'x'; 10]), 10).await.unwrap();
        assert_eq!(body.len(), 10);
        let error = read_body(response(vec![b'x'; 11]), 10).await.unwrap_err();
        assert_eq!(error.reason(), Reason::TooLarge);
    }

    #[test]
    fn clients_are_built_for_every_kind_of_address() {
        for text in [
            "http://localhost:1/",
            "https://localhost:1/",
            "https://api.helpscout.net",
            "http://prometheus:9090",
        ] {
            assert!(client(Duration::from_secs(1), &url(text)).is_ok(), "{text}");
        }
    }
}
