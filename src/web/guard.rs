//! What stands before every route: how often, who, and which headers the answer has.

use std::net::IpAddr;

use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body as _, Bytes},
    header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};

use super::{
    Site,
    answer::{Parts, plain},
    paths::Route,
    policy::Policy,
    routes,
};

/// Headers of one request. hyper itself holds HTTP/1 to this number.
const MOST_HEADERS: usize = 100;

const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"contact-rate-exporter\", charset=\"UTF-8\"");

/// Answers a request of the client at `peer` under the rules in force.
pub async fn answer<B>(site: &Site, peer: IpAddr, request: &Request<B>) -> Response<Parts> {
    let policy = site.web_config.policy();
    let route = site.paths.route(request.uri().path());
    let refusal = refuse(&policy, &route, peer, request.headers()).await;
    let mut response = match refusal {
        Some(refusal) => refusal,
        None => routes::answer(site, route, request).await,
    };
    if *request.method() == Method::HEAD {
        response = without_body(response);
    }
    for (name, value) in &policy.headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

/// The answer to HEAD: the length stays. hyper sees to that for HTTP/1 only.
fn without_body(response: Response<Parts>) -> Response<Parts> {
    let length = response.body().size_hint().exact();
    let mut response = response.map(|_| Parts::from([Bytes::new(), Bytes::new()]));
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response
}

/// Why the request is not answered, if it is not. Supervisors ask without a password and as often as
/// they like: what they learn is nothing, and refusing them would end the process.
async fn refuse(
    policy: &Policy,
    route: &Route,
    peer: IpAddr,
    headers: &HeaderMap,
) -> Option<Response<Parts>> {
    if headers.len() > MOST_HEADERS {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some(plain(status, "431 too many headers\n"));
    }
    if matches!(route, Route::Healthy | Route::Ready) {
        return None;
    }
    if let Some(bucket) = &policy.bucket
        && !bucket.take()
    {
        let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "429 too many requests\n");
        let seconds = bucket.limit().interval.as_secs().max(1);
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
        return Some(response);
    }
    let users = policy.users.as_ref()?;
    if users.allow(headers.get(AUTHORIZATION), peer).await {
        return None;
    }
    let mut response = plain(StatusCode::UNAUTHORIZED, "401 unauthorized\n");
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, CHALLENGE.clone());
    Some(response)
}
