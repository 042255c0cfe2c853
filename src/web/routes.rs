//! Which path answers what.

use std::sync::Arc;

use hyper::{
    Method, Request, Response, StatusCode,
    body::Bytes,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
        LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    Site,
    answer::{Parts, plain},
    negotiate,
    paths::Route,
};
use crate::exposition::{self, Encoding, Format, Rendered};

const TEXT: HeaderValue = HeaderValue::from_static(Format::Text.content_type());
const OPEN_METRICS: HeaderValue = HeaderValue::from_static(Format::OpenMetrics.content_type());
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const VARY_BY: HeaderValue = HeaderValue::from_static("Accept, Accept-Encoding");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const POLICY: HeaderValue = HeaderValue::from_static(exposition::LANDING_POLICY);
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const GET_OR_HEAD: HeaderValue = HeaderValue::from_static("GET, HEAD");
const ONLY_POST: HeaderValue = HeaderValue::from_static("POST");

/// Answers a request for `route`. Its body is not looked at.
pub async fn answer<B>(site: &Site, route: Route, request: &Request<B>) -> Response<Parts> {
    let readable = matches!(*request.method(), Method::GET | Method::HEAD);
    match route {
        Route::Unknown => plain(StatusCode::NOT_FOUND, "404 not found\n"),
        Route::Reload if *request.method() == Method::POST => reload(site).await,
        Route::Reload => wrong_method(ONLY_POST),
        _ if !readable => wrong_method(GET_OR_HEAD),
        Route::Metrics => metrics(site, request).await,
        Route::Landing => landing(site),
        Route::Elsewhere(reference) => elsewhere(&reference),
        Route::Healthy => plain(StatusCode::OK, "healthy\n"),
        Route::Ready if *site.ready.borrow() => plain(StatusCode::OK, "ready\n"),
        Route::Ready => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: the first refresh has not ended yet\n",
        ),
    }
}

async fn metrics<B>(site: &Site, request: &Request<B>) -> Response<Parts> {
    let format = negotiate::format(request.headers());
    let encoding = negotiate::encoding(request.headers());
    let exposition = &site.exposition;
    if exposition.is_prepared(format, encoding) {
        return page(exposition.page(format, encoding));
    }
    // Rendering many series takes longer than other connections should wait.
    let exposition = Arc::clone(exposition);
    match tokio::task::spawn_blocking(move || exposition.page(format, encoding)).await {
        Ok(rendered) => page(rendered),
        Err(error) => {
            tracing::error!(%error, "rendering the exposition failed");
            let text = "rendering the exposition failed\n";
            plain(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}

fn page(page: Rendered) -> Response<Parts> {
    let mut response = Response::new(Parts::from(page.parts));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        match page.format {
            Format::Text => TEXT,
            Format::OpenMetrics => OPEN_METRICS,
        },
    );
    headers.insert(VARY, VARY_BY);
    if page.encoding == Encoding::Gzip {
        headers.insert(CONTENT_ENCODING, GZIP);
    }
    response
}

fn landing(site: &Site) -> Response<Parts> {
    let html = site.exposition.landing(Timestamp::now(), site.paths.link());
    let mut response = Response::new(Parts::from([html.into(), Bytes::new()]));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HTML);
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
    headers.insert(CACHE_CONTROL, NO_STORE);
    response
}

/// 302, as Prometheus redirects to its prefix.
fn elsewhere(reference: &str) -> Response<Parts> {
    let mut response = plain(StatusCode::FOUND, format!("see {reference}\n"));
    // What a path may hold, a header may too.
    if let Ok(reference) = HeaderValue::from_str(reference) {
        response.headers_mut().insert(LOCATION, reference);
    }
    response
}

async fn reload(site: &Site) -> Response<Parts> {
    let Some(requests) = &site.reload else {
        let text = "reloading over HTTP is off: start with --web.enable-lifecycle\n";
        return plain(StatusCode::FORBIDDEN, text);
    };
    let (reply, outcome) = oneshot::channel();
    // Whoever reloads is gone only when the exporter stops.
    let outcome = match requests.send(reply).await {
        Ok(()) => outcome.await.ok(),
        Err(_) => None,
    };
    match outcome {
        Some(Ok(())) => plain(StatusCode::OK, "reloaded\n"),
        Some(Err(error)) => plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("reload failed, the old configuration stays in force: {error}\n"),
        ),
        None => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "not reloaded: the exporter is stopping\n",
        ),
    }
}

fn wrong_method(allowed: HeaderValue) -> Response<Parts> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed\n");
    response.headers_mut().insert(ALLOW, allowed);
    response
}
