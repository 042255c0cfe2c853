//! Responses and their bodies.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, buf::Chain};
use hyper::{
    Response, StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
    header::{CONTENT_TYPE, HeaderValue},
};

use super::activity::Writing;

/// A body of known bytes in two parts, either of which may be empty.
///
/// Both make one frame, which is sent as it is: without a copy, and with one call to the system
/// where the socket's buffer has room for it.
pub struct Parts {
    parts: Option<Chain<Bytes, Bytes>>,
    /// Dropped with the body, which is once all of it is handed on.
    _writing: Option<Writing>,
}

impl Parts {
    /// Keeps `writing` until the body has been handed on or given up.
    pub fn until_sent(self, writing: Writing) -> Self {
        Self {
            _writing: Some(writing),
            ..self
        }
    }
}

impl Body for Parts {
    type Data = Chain<Bytes, Bytes>;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Poll::Ready(self.parts.take().map(|parts| Ok(Frame::data(parts))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.parts.as_ref().map_or(0, Buf::remaining);
        SizeHint::with_exact(length as u64)
    }
}

impl From<[Bytes; 2]> for Parts {
    fn from([first, second]: [Bytes; 2]) -> Self {
        let parts = first.chain(second);
        Self {
            parts: parts.has_remaining().then_some(parts),
            _writing: None,
        }
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
