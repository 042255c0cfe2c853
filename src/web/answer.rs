//! Responses and their bodies.

use std::{
    convert::Infallible,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{
    Response, StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
    header::{CONTENT_TYPE, HeaderValue},
};

/// A body of known bytes in up to two parts, which are sent as they are, without a copy.
pub struct Parts {
    parts: [Bytes; 2],
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.parts.iter_mut().find(|part| !part.is_empty());
        Poll::Ready(next.map(|part| Ok(Frame::data(mem::take(part)))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.parts.iter().map(|part| part.len() as u64).sum())
    }
}

impl From<[Bytes; 2]> for Parts {
    fn from(parts: [Bytes; 2]) -> Self {
        Self { parts }
    }
}

/// A short answer in plain text.
pub fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Parts> {
    const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut response = Response::new(Parts::from([text.into(), Bytes::new()]));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, PLAIN);
    response
}
