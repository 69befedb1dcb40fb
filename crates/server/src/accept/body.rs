//! Bodies that know about time: a request's fails at a long pause, an answer's tells its end.

use crate::accept::paced::{Deadline, Exchange, Waiting};
use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::OwnedSemaphorePermit;

/// Most bytes that are taken of a body after its request was answered without it.
const DRAIN_BYTES: u64 = 32 << 20;

/// Most time that taking them lasts.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// What the sender of a body does until the server begins to read it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// It sends.
    Sends,
    /// It waits for leave (`Expect: 100-continue`).
    Waits,
}

/// A request's body. Dropped before its end, it is still taken for a while in the background: most
/// clients read no answer before they have sent all, and a connection that is closed with bytes
/// unread is reset, which may destroy an answer on its way.
pub(super) struct RequestBody {
    /// `None` only while it is dropped.
    body: Option<Incoming>,
    sender: Sender,
    timeout: Duration,
    pause: Deadline,
}

/// Why a request's body ends early.
#[derive(Debug, Error)]
pub(super) enum RequestBodyError {
    #[error("nothing of the request's body came for {0:?}")]
    TimedOut(Duration),
    #[error(transparent)]
    Connection(#[from] hyper::Error),
}

impl RequestBody {
    /// A body that fails when it is read and nothing comes for `timeout`.
    pub(super) fn new(body: Incoming, sender: Sender, timeout: Duration) -> RequestBody {
        RequestBody { body: Some(body), sender, timeout, pause: Deadline::default() }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        // Reading gives the leave, and then what was refused would come all the same.
        if body.is_end_stream() || self.sender == Sender::Waits {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(DRAIN_TIME, drain(body)));
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut taken = 0;
    while let Some(Ok(frame)) = body.frame().await {
        taken += frame.data_ref().map_or(0, |data| data.len() as u64);
        if taken > DRAIN_BYTES {
            return;
        }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        this.sender = Sender::Sends;
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            this.pause.clear();
            return Poll::Ready(frame.map(|frame| frame.map_err(RequestBodyError::from)));
        }
        this.pause.set_once(this.timeout);
        ready!(this.pause.poll(cx));
        // Of a sender that has stopped nothing is waited for any more.
        this.body = None;
        Poll::Ready(Some(Err(RequestBodyError::TimedOut(this.timeout))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(|body| body.size_hint()).unwrap_or_default()
    }
}

/// An answer's body. Dropping it, sent or not, ends the exchange.
pub(super) struct AnswerBody {
    body: Body,
    _exchange: Exchange,
}

impl AnswerBody {
    /// The body of the answer in an exchange.
    pub(super) fn new(body: Body, exchange: Exchange) -> AnswerBody {
        AnswerBody { body, _exchange: exchange }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body by HTTP/2, where hyper takes pieces long before the peer does. The exchange ends when
/// the last piece has gone out or was given up.
pub(super) struct StreamBody {
    body: Body,
    stream: Arc<Stream>,
    /// While it is the peer's turn: hyper asks for a piece once the peer has opened its window.
    waiting: Option<Waiting>,
}

/// What an answer holds by HTTP/2.
struct Stream {
    exchange: Exchange,
    _place: OwnedSemaphorePermit,
}

/// Bytes of an answer until they have gone out.
struct Piece {
    bytes: Bytes,
    _waiting: Waiting,
    _stream: Arc<Stream>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl StreamBody {
    /// The body of the answer in an exchange, which keeps its place as long.
    pub(super) fn new(body: Body, exchange: Exchange, place: OwnedSemaphorePermit) -> StreamBody {
        let waiting = (!body.is_end_stream()).then(|| exchange.wait());
        StreamBody { body, stream: Arc::new(Stream { exchange, _place: place }), waiting }
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.waiting = None;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        this.waiting = Some(this.stream.exchange.wait());
        let held = |bytes: Bytes| {
            let (waiting, stream) = (this.stream.exchange.wait(), Arc::clone(&this.stream));
            Bytes::from_owner(Piece { bytes, _waiting: waiting, _stream: stream })
        };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(held))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
