//! Refusals, in the two shapes of the real API: flat bodies from its gateway, `vnd.error` from the
//! application behind it.

use hyper::{Response, StatusCode, body::Bytes, header};
use serde_json::{Value, json};

const ERRORS_PAGE: &str = "http://developer.helpscout.net/mailbox-api/overview/errors";

/// Why a request is not answered.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Parameters that cannot be.
    BadRequest(Vec<FieldProblem>),
    /// The token endpoint was not asked for a token by client credentials.
    UnsupportedGrant,
    /// The client id is not known.
    UnknownClient,
    /// The secret is not the client's.
    WrongSecret,
    /// No token where one is due.
    MissingToken,
    /// A token that was never given out, or is past its time.
    InvalidToken,
    /// The plan has no reports.
    NoReports,
    /// No such resource.
    NotFound,
    /// The resource knows only `GET`, or the token endpoint only `POST`.
    MethodNotAllowed,
    /// The quota of this minute is used up; this many seconds remain of it.
    RateLimited(u32),
}

/// What is wrong with one parameter.
#[derive(Debug)]
pub(super) struct FieldProblem {
    pub(super) path: String,
    pub(super) message: &'static str,
    pub(super) rejected: String,
}

impl Refusal {
    /// The answer, `number` being how many have been given before it.
    pub(super) fn into_response(self, number: u64) -> Response<Bytes> {
        let (status, body, is_gateway) = match &self {
            Self::BadRequest(problems) => (
                StatusCode::BAD_REQUEST,
                application("Bad request", problems, number),
                false,
            ),
            Self::NoReports => (
                StatusCode::FORBIDDEN,
                application("Access denied", &[], number),
                false,
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                application("Resource not found", &[], number),
                false,
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                application("Method not allowed", &[], number),
                false,
            ),
            Self::UnsupportedGrant => (
                StatusCode::BAD_REQUEST,
                gateway("unsupported_grant_type", "Invalid grant_type"),
                true,
            ),
            // Which of the two the real API answers is not known, so a client meets both.
            Self::UnknownClient => (
                StatusCode::BAD_REQUEST,
                gateway("invalid_client", "Invalid client authentication"),
                true,
            ),
            Self::WrongSecret => (
                StatusCode::UNAUTHORIZED,
                gateway("invalid_client", "Invalid client authentication"),
                true,
            ),
            Self::MissingToken => (
                StatusCode::UNAUTHORIZED,
                gateway("invalid_request", "The access token is missing"),
                true,
            ),
            Self::InvalidToken => (
                StatusCode::UNAUTHORIZED,
                gateway(
                    "invalid_token",
                    "The access token is invalid or has expired",
                ),
                true,
            ),
            Self::RateLimited(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                json!({"message": "API rate limit exceeded"}),
                true,
            ),
        };
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static(if is_gateway {
                "application/json; charset=utf-8"
            } else {
                "application/vnd.error+json"
            }),
        );
        match self {
            Self::RateLimited(seconds) => {
                headers.insert("x-ratelimit-retry-after", seconds.into());
            }
            Self::MethodNotAllowed => {
                headers.insert(header::ALLOW, header::HeaderValue::from_static("GET"));
            }
            _ => {}
        }
        response
    }
}

/// The id that goes with an answer, for logs.
pub(super) fn correlation_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}#1")
}

fn application(message: &str, problems: &[FieldProblem], number: u64) -> Value {
    let errors: Vec<Value> = problems
        .iter()
        .map(|problem| {
            json!({
                "path": problem.path,
                "message": problem.message,
                "rejectedValue": problem.rejected,
                "source": "QUERY",
                "_links": {"about": {"href": ERRORS_PAGE}},
            })
        })
        .collect();
    json!({
        "logRef": correlation_id(number),
        "message": message,
        "_embedded": {"errors": errors},
        "_links": {"about": {"href": ERRORS_PAGE}},
    })
}

fn gateway(error: &str, description: &str) -> Value {
    json!({"error": error, "error_description": description})
}
