//! Tokens by OAuth2 client credentials.

use std::{collections::VecDeque, time::Duration};

use hyper::{Method, Request, body::Bytes, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use url::form_urlencoded;

use super::{Answer, Options, problem::Refusal};

/// Tokens that are good side by side; the oldest gives way.
const TOKENS: usize = 64;

/// Tokens given out, oldest first, and when they end.
pub(super) struct Tokens {
    lifetime: Duration,
    valid: VecDeque<(String, Instant)>,
    given: u64,
}

impl Tokens {
    pub(super) fn new(seconds: u32) -> Self {
        Self {
            lifetime: Duration::from_secs(seconds.into()),
            valid: VecDeque::new(),
            given: 0,
        }
    }

    /// Answers the token endpoint.
    pub(super) fn answer(
        &mut self,
        request: &Request<Bytes>,
        options: &Options,
        now: Instant,
    ) -> Result<Answer, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::MethodNotAllowed);
        }
        let field = fields(request);
        if field("grant_type").as_deref() != Some("client_credentials") {
            return Err(Refusal::UnsupportedGrant);
        }
        if field("client_id").as_ref() != Some(&options.app_id) {
            return Err(Refusal::UnknownClient);
        }
        if field("client_secret").as_deref() != Some(options.app_secret.expose()) {
            return Err(Refusal::WrongSecret);
        }
        Ok(Answer::Token(json!({
            "token_type": "bearer",
            "access_token": self.issue(options, now),
            "expires_in": options.token_seconds,
        })))
    }

    /// Whether a request carries a good token.
    pub(super) fn check(&self, request: &Request<Bytes>, now: Instant) -> Result<(), Refusal> {
        let value = request
            .headers()
            .get(header::AUTHORIZATION)
            .ok_or(Refusal::MissingToken)?;
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(Refusal::InvalidToken)?;
        self.valid
            .iter()
            .any(|(valid, until)| valid == token && now < *until)
            .then_some(())
            .ok_or(Refusal::InvalidToken)
    }

    fn issue(&mut self, options: &Options, now: Instant) -> String {
        self.given += 1;
        let digest: [u8; 32] = Sha256::new()
            .chain_update(options.app_secret.expose())
            .chain_update(self.given.to_be_bytes())
            .finalize()
            .into();
        let half = digest.first_chunk().copied().unwrap_or_default();
        let token = format!("{:032x}", u128::from_be_bytes(half));
        if self.valid.len() == TOKENS {
            self.valid.pop_front();
        }
        self.valid.push_back((token.clone(), now + self.lifetime));
        token
    }
}

/// The fields of a form or of a JSON object.
fn fields(request: &Request<Bytes>) -> impl Fn(&str) -> Option<String> {
    let json: Option<Value> = request
        .headers()
        .get(header::CONTENT_TYPE)
        .filter(|value| value.as_bytes().starts_with(b"application/json"))
        .and_then(|_| serde_json::from_slice(request.body()).ok());
    let body = request.body().clone();
    move |name| match &json {
        Some(json) => json.get(name)?.as_str().map(str::to_owned),
        None => form_urlencoded::parse(&body)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned()),
    }
}
