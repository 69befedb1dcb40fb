//! Bodies that know about time: a request's fails at a long pause, an answer's tells its end.

use crate::accept::paced::{Deadline, Exchange};
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use thiserror::Error;

/// A request's body.
pub(super) struct RequestBody {
    body: Incoming,
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
    pub(super) fn new(body: Incoming, timeout: Duration) -> RequestBody {
        RequestBody { body, timeout, pause: Deadline::default() }
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
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.pause.clear();
            return Poll::Ready(frame.map(|frame| frame.map_err(RequestBodyError::from)));
        }
        this.pause.set_once(this.timeout);
        ready!(this.pause.poll(cx));
        Poll::Ready(Some(Err(RequestBodyError::TimedOut(this.timeout))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
