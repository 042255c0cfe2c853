//! Answers of the token endpoint.

use std::time::Duration;

use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::{decode, lenient::Count};
use crate::sources::helpscout::auth::Granted;

/// How an `Authorization` value with a token begins.
pub(in crate::sources::helpscout) const BEARER: &str = "Bearer ";

/// Life of a token whose answer does not tell it; a 401 ends it earlier.
pub(super) const UNTOLD_LIFE: Duration = Duration::from_hours(1);

#[derive(Deserialize)]
#[serde(expecting = "a token")]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<Count>,
}

/// A token answer.
pub(in crate::sources::helpscout) fn granted(body: &[u8]) -> Result<Granted, String> {
    let answer: TokenAnswer = decode(body)?;
    if answer.access_token.is_empty() {
        return Err("the token is empty".to_owned());
    }
    let mut authorization = HeaderValue::from_str(&format!("{BEARER}{}", answer.access_token))
        .map_err(|_| "the token does not fit in a header".to_owned())?;
    // Keeps it out of `Debug`.
    authorization.set_sensitive(true);
    Ok(Granted {
        authorization,
        life: answer
            .expires_in
            .map_or(UNTOLD_LIFE, |Count(seconds)| Duration::from_secs(seconds)),
    })
}

/// The codes of refusals: RFC 6749, 5.2, and RFC 6750, 3.1.
pub(super) const OAUTH_CODES: [&str; 8] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_token",
    "insufficient_scope",
];

/// The standard's code in a refusal of the token endpoint (RFC 6749, 5.2), and nothing else of it.
pub(in crate::sources::helpscout) fn oauth_error(body: &[u8]) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    OAUTH_CODES.into_iter().find(|code| *code == refusal.error)
}
