//! A scripted server on a port of its own: answers as a test says, notes what it was asked, and
//! can break off, hang, go on for ever or inflate.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    convert::Infallible,
    io::{self, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use futures_util::stream;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::AbortHandle};
use url::Url;

type Body = BoxBody<Bytes, io::Error>;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    pub method: String,
    pub path: String,
    /// As sent, still encoded.
    pub query: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    /// Path and query.
    pub fn target(&self) -> String {
        match self.query.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }
}

/// What to answer.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: ReplyBody,
}

enum ReplyBody {
    Whole(Vec<u8>),
    /// The connection ends without a byte.
    Nothing,
    /// Headers, some bytes, then the connection ends.
    BrokenOff,
    /// No answer ever.
    Silence,
    /// Headers and bytes without end.
    Endless,
}

impl Reply {
    fn new(status: u16, body: ReplyBody) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, ReplyBody::Whole(body.into()))
            .with("content-type", "application/json;charset=UTF-8")
    }

    pub fn gzip(body: Vec<u8>) -> Self {
        Self::json(200, body).with("content-encoding", "gzip")
    }

    pub fn reset() -> Self {
        Self::new(200, ReplyBody::Nothing)
    }

    pub fn broken_off() -> Self {
        Self::new(200, ReplyBody::BrokenOff)
    }

    pub fn silence() -> Self {
        Self::new(200, ReplyBody::Silence)
    }

    pub fn endless() -> Self {
        Self::new(200, ReplyBody::Endless)
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.headers.push((name, format!("{value}")));
        self
    }
}

/// Gzip of `bytes`.
pub fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

/// The server; stops when dropped.
pub struct Upstream {
    pub url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Bytes of endless bodies handed out.
    pub poured: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Upstream {
    /// Header names go out in Title-Case, which is one way Help Scout may spell them.
    pub async fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let poured = Arc::new(AtomicUsize::new(0));
        let script: Arc<Script> = Arc::new(script);
        let accepting = tokio::spawn({
            let (asked, poured) = (Arc::clone(&asked), Arc::clone(&poured));
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (script, asked, poured) =
                        (Arc::clone(&script), Arc::clone(&asked), Arc::clone(&poured));
                    let service = service_fn(move |request| {
                        let (script, asked, poured) =
                            (Arc::clone(&script), Arc::clone(&asked), Arc::clone(&poured));
                        async move { serve(request, &*script, &asked, poured).await }
                    });
                    let connection = http1::Builder::new()
                        .title_case_headers(true)
                        .serve_connection(TokioIo::new(stream), service);
                    tokio::spawn(async move {
                        // Tests break connections on purpose.
                        let _ended = connection.await;
                    });
                }
            }
        });
        Self {
            url: Url::parse(&url).unwrap(),
            asked,
            poured,
            accepting: accepting.abort_handle(),
        }
    }

    /// Everything asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    request: Request<Incoming>,
    script: &Script,
    asked: &Mutex<Vec<Asked>>,
    poured: Arc<AtomicUsize>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Asked {
        at: Instant::now(),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    asked.lock().unwrap().push(request.clone());
    let reply = script(&request);
    let body: Body = match reply.body {
        ReplyBody::Whole(bytes) => Full::new(Bytes::from(bytes))
            .map_err(|never: Infallible| match never {})
            .boxed(),
        ReplyBody::Nothing => return Err(io::ErrorKind::ConnectionReset.into()),
        ReplyBody::BrokenOff => {
            let parts = [
                Ok(Frame::data(Bytes::from_static(b"{\"current\":"))),
                Err(io::ErrorKind::ConnectionReset.into()),
            ];
            StreamBody::new(stream::iter(parts)).boxed()
        }
        ReplyBody::Silence => std::future::pending().await,
        ReplyBody::Endless => {
            let chunk = Bytes::from(vec![b' '; 64 * 1024]);
            let pour = move || {
                poured.fetch_add(chunk.len(), Ordering::Relaxed);
                Ok(Frame::data(chunk.clone()))
            };
            StreamBody::new(stream::repeat_with(pour)).boxed()
        }
    };
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(body).unwrap())
}
