//! A stream that fails when its peer lets it wait too long.

use crate::accept::frames::Frames;
use futures_util::task::AtomicWaker;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The exchanges on a connection: by HTTP/1 at most one at a time.
#[derive(Clone, Default)]
pub(super) struct Exchanges(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Beginnings and ends so far.
    changes: AtomicU64,
    open: AtomicUsize,
    /// Pieces of answers that wait for the peer to take them.
    waiting: AtomicUsize,
    reader: AtomicWaker,
}

impl Exchanges {
    /// A request's head has arrived. It is answered when the result is dropped.
    pub(super) fn begin(&self) -> Exchange {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.changes.fetch_add(1, Ordering::Release);
        Exchange(Arc::clone(&self.0))
    }
}

/// A request that is being answered.
pub(super) struct Exchange(Arc<Shared>);

impl Exchange {
    /// A piece of the answer waits to be taken, until the result is dropped.
    pub(super) fn wait(&self) -> Waiting {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(&self.0))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.changes.fetch_add(1, Ordering::Release);
        // A read that waits without a time limit must get one now.
        self.0.reader.wake();
    }
}

/// A piece of an answer that the peer has not taken.
pub(super) struct Waiting(Arc<Shared>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
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

/// What a client begins with that speaks HTTP/2.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// What is judged of HTTP/2 alone, where frames of many exchanges mix.
#[derive(Default)]
struct Mixed {
    sent: Frames,
    received: Frames,
    /// For a head that has begun.
    head: Deadline,
    /// For the peer to take something of the answers that wait. The windows that it opens say when it does.
    taking: Deadline,
}

/// The stream. Reading fails with `TimedOut` when a head takes longer than its time, or when
/// nothing has moved for the idle time between requests; writing, when the peer takes nothing for
/// the idle time. By HTTP/2 reading fails also when the peer takes nothing of any answer for the idle
/// time; and what only keeps a connection going, as pings do, does not keep it from being idle.
pub(super) struct Paced<S> {
    stream: S,
    /// What was read to find the version, for whoever reads next.
    begun: Vec<u8>,
    mixed: Option<Box<Mixed>>,
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
            begun: Vec::new(),
            mixed: None,
            seen: 0,
            exchanges,
            awaited: Awaited::NextRequest,
            header_timeout,
            idle_timeout,
            reading: Deadline::default(),
            writing: Deadline::default(),
        };
        paced.has_read(&[]);
        paced
    }

    /// Follows the requests that began and ended since the last look.
    fn follow_exchanges(&mut self) {
        let changes = self.exchanges.0.changes.load(Ordering::Acquire);
        if changes == self.seen {
            return;
        }
        self.seen = changes;
        if self.exchanges.0.open.load(Ordering::Relaxed) > 0 {
            self.awaited = Awaited::Nothing;
            self.reading.clear();
        } else {
            self.awaited = Awaited::NextRequest;
            self.reading.set(self.idle_timeout);
        }
    }

    /// The rest of an answer that still goes out keeps the connection from being idle.
    fn has_written(&mut self, bytes: &[u8]) {
        if let Some(mixed) = &mut self.mixed {
            // Until all of an answer has gone out its exchange is open.
            if mixed.sent.pass(bytes) {
                mixed.taking.set(self.idle_timeout);
            }
        } else if self.awaited == Awaited::NextRequest {
            self.reading.set(self.idle_timeout);
        }
    }

    fn has_read(&mut self, bytes: &[u8]) {
        if let Some(mixed) = &mut self.mixed {
            mixed.received.pass(bytes);
            if mixed.received.in_head() {
                mixed.head.set_once(self.header_timeout);
            } else {
                mixed.head.clear();
            }
            return;
        }
        let now = Instant::now();
        let end = match self.awaited {
            Awaited::Head { end } => end,
            Awaited::NextRequest => now.checked_add(self.header_timeout),
            Awaited::Nothing => return,
        };
        self.awaited = Awaited::Head { end };
        self.reading.at = [end, now.checked_add(self.idle_timeout)].into_iter().flatten().min();
    }

    /// Ready when the peer has let the server wait too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(mixed) = &mut self.mixed {
            if self.exchanges.0.waiting.load(Ordering::Relaxed) > 0 {
                mixed.taking.set_once(self.idle_timeout);
            } else {
                mixed.taking.clear();
            }
            if mixed.head.poll(cx).is_ready() || mixed.taking.poll(cx).is_ready() {
                return Poll::Ready(());
            }
        }
        self.reading.poll(cx)
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

impl<S: AsyncRead + Unpin> Paced<S> {
    /// Waits for as many bytes as tell what the peer speaks, and keeps them to be read again. To be
    /// called first.
    ///
    /// # Errors
    /// As for any read.
    pub(super) async fn version(&mut self) -> io::Result<Version> {
        let mut begun = [0; PREFACE.len()];
        let mut length = 0;
        while length < begun.len() && begun[..length] == PREFACE[..length] {
            let more = self.read(&mut begun[length..]).await?;
            if more == 0 {
                break;
            }
            length += more;
        }
        self.begun = begun[..length].to_vec();
        if begun != *PREFACE {
            return Ok(Version::Http1);
        }
        self.mixed = Some(Box::default());
        Ok(Version::Http2)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.begun.is_empty() {
            let part = this.begun.len().min(buf.remaining());
            buf.put_slice(&this.begun[..part]);
            this.begun.drain(..part);
            return Poll::Ready(Ok(()));
        }
        this.exchanges.0.reader.register(cx.waker());
        this.follow_exchanges();
        let before = buf.filled().len();
        let tried = Pin::new(&mut this.stream).poll_read(cx, buf);
        if tried.is_pending() {
            ready!(this.poll_late(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if let read @ [_, ..] = &buf.filled()[before..] {
            this.has_read(read);
        }
        tried
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let tried = Pin::new(&mut this.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = tried {
            this.has_written(&buf[..written.min(buf.len())]);
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
        if let Poll::Ready(Ok(mut left)) = tried {
            for buf in bufs {
                let part = left.min(buf.len());
                left -= part;
                this.has_written(&buf[..part]);
                if left == 0 {
                    break;
                }
            }
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
        // Most moments move on before they come. Then the timer goes off too early and is set anew, which is
        // cheaper than setting it at every move.
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
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
