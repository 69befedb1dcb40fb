//! A stream that fails when its peer lets it wait too long.

use futures_util::task::AtomicWaker;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Counts the beginnings and the ends of exchanges on a connection: odd while a request is being
/// answered, even between requests.
#[derive(Clone, Default)]
pub(super) struct Exchanges(Arc<Shared>);

#[derive(Default)]
struct Shared {
    count: AtomicU64,
    reader: AtomicWaker,
}

impl Exchanges {
    /// A request's head has arrived. It is answered when the result is dropped.
    pub(super) fn begin(&self) -> Exchange {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        Exchange(Arc::clone(&self.0))
    }

    fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }
}

/// A request that is being answered.
pub(super) struct Exchange(Arc<Shared>);

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        // A read that waits without a time limit must get one now.
        self.0.reader.wake();
    }
}

/// What the peer is expected to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// The rest of a head, or the first head of the connection.
    Head {
        /// When it must be whole; `None` for times too far to be told.
        end: Option<Instant>,
    },
    /// The next request, or nothing.
    NextRequest,
    /// Nothing: it is the server's turn. Pauses in a request's body are the body's matter.
    Nothing,
}

/// The stream. Reading fails with `TimedOut` when a head takes longer than its time, or when
/// nothing has moved for the idle time between requests; writing, when the peer takes nothing for
/// the idle time.
pub(super) struct Paced<S> {
    stream: S,
    exchanges: Exchanges,
    seen: u64,
    awaited: Awaited,
    header_timeout: Duration,
    idle_timeout: Duration,
    reading: Deadline,
    writing: Deadline,
}

impl<S> Paced<S> {
    /// The time for the first head begins now.
    pub(super) fn new(
        stream: S,
        exchanges: Exchanges,
        header_timeout: Duration,
        idle_timeout: Duration,
    ) -> Paced<S> {
        let mut paced = Paced {
            stream,
            seen: exchanges.count(),
            exchanges,
            awaited: Awaited::NextRequest,
            header_timeout,
            idle_timeout,
            reading: Deadline::default(),
            writing: Deadline::default(),
        };
        paced.has_read();
        paced
    }

    /// Follows the requests that began and ended since the last look.
    fn follow_exchanges(&mut self) {
        let count = self.exchanges.count();
        if count == self.seen {
            return;
        }
        self.seen = count;
        if count % 2 == 1 {
            self.awaited = Awaited::Nothing;
            self.reading.clear();
        } else {
            self.awaited = Awaited::NextRequest;
            self.reading.set(self.idle_timeout);
        }
    }

    /// The rest of an answer that still goes out keeps the connection from being idle.
    fn has_written(&mut self) {
        if self.awaited == Awaited::NextRequest {
            self.reading.set(self.idle_timeout);
        }
    }

    fn has_read(&mut self) {
        let now = Instant::now();
        let end = match self.awaited {
            Awaited::Head { end } => end,
            Awaited::NextRequest => now.checked_add(self.header_timeout),
            Awaited::Nothing => return,
        };
        self.awaited = Awaited::Head { end };
        self.reading.at = [end, now.checked_add(self.idle_timeout)].into_iter().flatten().min();
    }

    /// Bounds a write that has just been tried: a peer that takes nothing is waited for no longer
    /// than the idle time.
    fn bound_write<T>(&mut self, cx: &mut Context<'_>, tried: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if tried.is_pending() {
            self.writing.set_once(self.idle_timeout);
            ready!(self.writing.poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.writing.clear();
        tried
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.exchanges.0.reader.register(cx.waker());
        this.follow_exchanges();
        let before = buf.filled().len();
        let tried = Pin::new(&mut this.stream).poll_read(cx, buf);
        if tried.is_pending() {
            ready!(this.reading.poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if buf.filled().len() > before {
            this.has_read();
        }
        tried
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let tried = Pin::new(&mut this.stream).poll_write(cx, buf);
        if tried.is_ready() {
            this.has_written();
        }
        this.bound_write(cx, tried)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let tried = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        if tried.is_ready() {
            this.has_written();
        }
        this.bound_write(cx, tried)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let tried = Pin::new(&mut this.stream).poll_flush(cx);
        this.bound_write(cx, tried)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let tried = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.bound_write(cx, tried)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A moment that may or may not be set. Its timer is made when it is first waited for.
#[derive(Default)]
pub(super) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(super) fn set(&mut self, after: Duration) {
        self.at = Instant::now().checked_add(after);
    }

    /// Sets it unless it is set already.
    pub(super) fn set_once(&mut self, after: Duration) {
        if self.at.is_none() {
            self.set(after);
        }
    }

    pub(super) fn clear(&mut self) {
        self.at = None;
    }

    /// Ready once the moment has come; never while none is set.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::{sleep, timeout};

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn the_tail_of_an_answer_keeps_a_connection_from_being_idle() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let exchanges = Exchanges::default();
        let (mut reader, mut writer) = tokio::io::split(Paced::new(ours, exchanges.clone(), LONG, SHORT));
        drop(exchanges.begin());
        let next_request = tokio::spawn(async move { reader.read_u8().await });
        for _ in 0..6 {
            sleep(SHORT / 4).await;
            writer.write_all(b"x").await.expect("room");
        }
        assert!(!next_request.is_finished());
        let end = timeout(LONG, next_request).await.expect("in time").expect("no panic");
        assert_eq!(end.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
    }
}
