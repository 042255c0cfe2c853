//! One request and its answer, nothing more: no waiting, no retry.

use std::{future::Future, time::Duration};

use reqwest::{
    Client, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use url::{Url, form_urlencoded};

use super::endpoint::Endpoint;
use crate::{
    config::Secret,
    sources::{
        calls::{
            answer::{Answer, HintNames},
            broken::Broken,
        },
        transport,
    },
};

/// Sends one request. The real one is [`Network`]; unit tests put a script in its place, so that
/// waits can be tested on a paused clock.
pub(super) trait Exchange: Send + Sync {
    fn send(&self, outgoing: &Outgoing<'_>) -> impl Future<Output = Result<Answer, Broken>> + Send;
}

/// What is sent.
pub(super) struct Outgoing<'a> {
    pub(super) endpoint: Endpoint,
    /// Percent-encoded, without the question mark.
    pub(super) query: &'a str,
    pub(super) credentials: Credentials<'a>,
}

/// Who asks.
pub(super) enum Credentials<'a> {
    /// The app itself, asking for a token.
    App { id: &'a str, secret: &'a Secret },
    /// The bearer of a token: the whole `Authorization` value, marked as sensitive.
    Token(HeaderValue),
}

/// How the headers of an answer are called.
const HINTS: HintNames = HintNames {
    limit: &["x-ratelimit-limit-minute"],
    remaining: &["x-ratelimit-remaining-minute"],
    wait: &["x-ratelimit-retry-after"],
};

/// The real thing.
#[derive(Debug)]
pub(super) struct Network {
    client: Client,
    base: Url,
}

impl Network {
    /// Opens no connection.
    pub(super) fn new(base: &Url, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: transport::client(timeout, base)?,
            base: base.clone(),
        })
    }

    fn address(&self, endpoint: Endpoint, query: &str) -> Url {
        let mut url = self.base.clone();
        let path = format!("{}{}", url.path().trim_end_matches('/'), endpoint.path());
        url.set_path(&path);
        url.set_query((!query.is_empty()).then_some(query));
        url.set_fragment(None);
        url
    }
}

impl Exchange for Network {
    async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Answer, Broken> {
        let url = self.address(outgoing.endpoint, outgoing.query);
        let request = match &outgoing.credentials {
            Credentials::App { id, secret } => {
                let form = form_urlencoded::Serializer::new(String::new())
                    .append_pair("grant_type", "client_credentials")
                    .append_pair("client_id", id)
                    .append_pair("client_secret", secret.expose())
                    .finish();
                self.client
                    .request(Method::POST, url)
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form)
            }
            Credentials::Token(token) => self
                .client
                .request(Method::GET, url)
                .header(AUTHORIZATION, token.clone()),
        };
        let request = request.header(ACCEPT, "application/json");
        Answer::to(request, &HINTS).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_address_may_have_a_path() {
        let timeout = Duration::from_secs(1);
        for (base, expected) in [
            ("http://127.0.0.1:1", "http://127.0.0.1:1/v2/tags?page=1"),
            (
                "http://127.0.0.1:1/hs/",
                "http://127.0.0.1:1/hs/v2/tags?page=1",
            ),
            (
                "http://127.0.0.1:1/?a=b#c",
                "http://127.0.0.1:1/v2/tags?page=1",
            ),
        ] {
            let network = Network::new(&Url::parse(base).unwrap(), timeout).unwrap();
            assert_eq!(network.address(Endpoint::Tags, "page=1").as_str(), expected);
        }
    }
}
