//! Which path answers what.

use std::sync::Arc;

use hyper::{
    Method, Request, Response, StatusCode,
    body::Bytes,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
        REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    Site,
    answer::{Parts, plain},
    negotiate,
};
use crate::exposition::{self, Encoding, Format, Page};

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

/// Answers a request. Its body is not looked at.
pub async fn answer<B>(site: &Site, request: &Request<B>) -> Response<Parts> {
    let path = request.uri().path();
    let readable = matches!(*request.method(), Method::GET | Method::HEAD);
    if path == site.telemetry_path {
        return if readable {
            metrics(site, request).await
        } else {
            wrong_method(GET_OR_HEAD)
        };
    }
    match path {
        "/" | "/-/healthy" | "/-/ready" if !readable => wrong_method(GET_OR_HEAD),
        "/" => landing(site),
        "/-/healthy" => plain(StatusCode::OK, "healthy\n"),
        "/-/ready" if *site.ready.borrow() => plain(StatusCode::OK, "ready\n"),
        "/-/ready" => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: the first refresh has not ended yet\n",
        ),
        "/-/reload" if *request.method() == Method::POST => reload(site).await,
        "/-/reload" => wrong_method(ONLY_POST),
        _ => plain(StatusCode::NOT_FOUND, "404 not found\n"),
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

fn page(page: Page) -> Response<Parts> {
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
    let html = site
        .exposition
        .landing(Timestamp::now(), &site.telemetry_path);
    let mut response = Response::new(Parts::from([html.into(), Bytes::new()]));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HTML);
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
    headers.insert(CACHE_CONTROL, NO_STORE);
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
