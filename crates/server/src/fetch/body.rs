//! Bodies of answers, bounded in bytes and in time.

use super::FetchError;
use super::connect::Driver;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

/// A body as it arrives. Dropping it closes the connection.
pub struct Body {
    incoming: Incoming,
    limit: u64,
    taken: u64,
    deadline: Instant,
    idle_timeout: Duration,
    /// The connection, and the leave to have it.
    _held: (Driver, OwnedSemaphorePermit),
}

/// The pieces of a [`Body`].
pub type FetchStream = BoxStream<'static, Result<Bytes, FetchError>>;

impl Body {
    pub(super) fn new(
        incoming: Incoming,
        limit: u64,
        deadline: Instant,
        idle_timeout: Duration,
        held: (Driver, OwnedSemaphorePermit),
    ) -> Result<Body, FetchError> {
        if incoming.size_hint().lower() > limit {
            return Err(FetchError::TooLarge { limit });
        }
        Ok(Body { incoming, limit, taken: 0, deadline, idle_timeout, _held: held })
    }

    /// The next piece; `None` at the end, which is where the origin said it would be.
    ///
    /// # Errors
    /// When it is longer than allowed, pauses or takes too long, or breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let until = self.deadline.min(Instant::now() + self.idle_timeout);
            let frame = timeout_at(until, self.incoming.frame()).await.map_err(|_| FetchError::Timeout)?;
            let Some(frame) = frame else { return Ok(None) };
            // Trailers say nothing that is asked for.
            let Ok(piece) = frame.map_err(|_| FetchError::Broken)?.into_data() else { continue };
            self.taken = self.taken.saturating_add(piece.len() as u64);
            if self.taken > self.limit {
                return Err(FetchError::TooLarge { limit: self.limit });
            }
            return Ok(Some(piece));
        }
    }

    /// The whole body in memory, at most as many bytes as were allowed.
    ///
    /// # Errors
    /// As [`Body::next`].
    pub async fn whole(mut self) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// All pieces; the first error is the last of them.
    pub fn into_stream(self) -> FetchStream {
        let pieces = stream::unfold(Some(self), |body| async move {
            let mut body = body?;
            match body.next().await {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok(piece), Some(body))),
                Err(error) => Some((Err(error), None)),
            }
        });
        pieces.boxed()
    }
}
