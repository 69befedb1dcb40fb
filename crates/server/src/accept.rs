//! The accept loop: connections under limits, and an orderly end.

mod body;
mod frames;
mod paced;
mod tls;

pub use tls::{Tls, TlsError};

use crate::accept::body::{AnswerBody, RequestBody, Sender, StreamBody};
use crate::accept::paced::{Exchanges, Paced, Version};
use crate::config::ConnectionLimits;
use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use safelight_domain::caching::NO_STORE;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Pause after the system refused a connection, for instance for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection that has asked nothing may still begin to when the server stops: its request may be on the
/// way, and a balancer does not send every request twice.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// Bytes that hyper may buffer of a connection, unless a head may be longer. hyper wants 8 KiB.
const BUFFER_BYTES: usize = 64 << 10;

/// Requests that one HTTP/2 connection may have open at once. A page of pictures asks for many, and RFC
/// 9113 advises against fewer.
const STREAMS: u32 = 100;

/// Bytes of the bodies of one HTTP/2 connection that are taken before they are read, and of one of them.
const CONNECTION_WINDOW: u32 = 512 << 10;
const STREAM_WINDOW: u32 = 256 << 10;

/// What answers the requests of a listener.
pub trait Answers: Clone + Send + Sync + 'static {
    /// The answer to a request of this peer. That to HEAD has no body.
    fn answer(&self, request: Request<Body>, peer: SocketAddr)
    -> impl Future<Output = Response<Body>> + Send;
}

impl Answers for Router {
    /// The peer's address is a request extension of its type.
    async fn answer(&self, mut request: Request<Body>, peer: SocketAddr) -> Response<Body> {
        request.extensions_mut().insert(peer);
        match self.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// What the connections of a listener share.
#[derive(Clone)]
struct Shared<A> {
    tls: Option<Arc<Tls>>,
    site: A,
    limits: ConnectionLimits,
    /// For the requests of HTTP/2 that are answered at once on all connections: as many as HTTP/1.1 could
    /// have. Further ones wait.
    answers: Arc<Semaphore>,
}

/// Serves `site` until `shutdown` completes, then lets requests in flight finish for at most
/// `limits.shutdown_timeout`. A connection speaks HTTP/2 if it begins so (RFC 9113, 3.3), or else HTTP/1.1,
/// either inside of `tls` if that is given.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    site: impl Answers,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let most = limits.connections.min(Semaphore::MAX_PERMITS);
    let shared = Shared { tls, site, limits, answers: Arc::new(Semaphore::new(most)) };
    let places = Arc::new(Semaphore::new(most));
    let graceful = GracefulShutdown::new();
    let (stopping, _) = watch::channel(());
    let mut connections = JoinSet::new();
    let begin = |(stream, peer, place): Accepted| {
        let (shared, watcher) = (shared.clone(), graceful.watcher());
        let mut stopping = stopping.subscribe();
        async move {
            let stopped = async move {
                // The sender says nothing; it is dropped.
                drop(stopping.changed().await);
                tokio::time::sleep(FIRST_REQUEST).await;
            };
            shared.connection(stream, peer, watcher, stopped).await;
            drop(place);
        }
    };
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = next_connection(&listener, &places) => next,
        };
        connections.spawn(begin(next));
        while connections.try_join_next().is_some() {}
    }
    // When the listener is closed, those that wait in it are reset.
    let listener = listener.into_std()?;
    while let Some(next) = waiting_connection(&listener, &places) {
        connections.spawn(begin(next));
    }
    drop((listener, stopping));
    if tokio::time::timeout(limits.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests in flight are cut off");
    }
    connections.shutdown().await;
    Ok(())
}

/// A connection, whose it is, and its place.
type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

/// One that waits already, if there is a place for it.
fn waiting_connection(listener: &std::net::TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    let place = Arc::clone(places).try_acquire_owned().ok()?;
    let (stream, peer) = listener.accept().ok()?;
    stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).ok()?;
    Some((TcpStream::from_std(stream).ok()?, peer, place))
}

/// The next connection, once there is a place for it. It may be dropped at any time.
async fn next_connection(listener: &TcpListener, places: &Arc<Semaphore>) -> Accepted {
    loop {
        // The semaphore is never closed; if it were, no connection would be served any more.
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, %peer, "no TCP_NODELAY");
                }
                return (stream, peer, place);
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn concerns_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

impl<A: Answers> Shared<A> {
    /// Serves one connection. Nothing begins on it once `stopped` completes.
    async fn connection(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
        stopped: impl Future<Output = ()>,
    ) {
        let Some(tls) = &self.tls else { return self.serve_connection(stream, peer, watcher, stopped).await };
        let mut stopped = std::pin::pin!(stopped);
        let agreed = tokio::time::timeout(self.limits.header_timeout, tls.acceptor().accept(stream));
        let agreed = tokio::select! {
            biased;
            () = &mut stopped => return,
            agreed = agreed => agreed,
        };
        match agreed {
            Ok(Ok(stream)) => self.serve_connection(stream, peer, watcher, stopped).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS was agreed on"),
            Err(_) => tracing::debug!(%peer, "no TLS was agreed on in time"),
        }
    }

    /// Serves what follows on a stream.
    async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        stream: S,
        peer: SocketAddr,
        watcher: Watcher,
        stopped: impl Future<Output = ()>,
    ) {
        let exchanges = Exchanges::default();
        let limits = self.limits;
        let mut stream = Paced::new(stream, exchanges.clone(), limits.header_timeout, limits.idle_timeout);
        let version = tokio::select! {
            biased;
            () = stopped => return,
            version = stream.version() => version,
        };
        let ended = match version {
            Ok(Version::Http1) => self.serve_http1(stream, peer, exchanges, watcher).await,
            Ok(Version::Http2) => self.serve_http2(stream, peer, exchanges, watcher).await,
            Err(error) => {
                return tracing::debug!(%peer, %error, "a connection ended before its first request");
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, error = %std::error::Error::source(&error).unwrap_or(&error), "{error}");
        }
    }

    async fn serve_http1<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        stream: Paced<S>,
        peer: SocketAddr,
        exchanges: Exchanges,
        watcher: Watcher,
    ) -> hyper::Result<()> {
        let limits = self.limits;
        let service = service_fn(move |request| {
            let exchange = exchanges.begin();
            let answer = answer(self.site.clone(), ours(request, limits.body_timeout), peer);
            async move { Ok::<_, Infallible>(answer.await.map(|body| AnswerBody::new(body, exchange))) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Paced bounds it, and tells an idle connection from a slow head.
            .header_read_timeout(None)
            .max_headers(limits.headers)
            .max_header_size(limits.head_bytes)
            .max_buf_size(BUFFER_BYTES.max(limits.head_bytes))
            .serve_connection(TokioIo::new(stream), service);
        watched(connection, watcher).await
    }

    async fn serve_http2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        stream: Paced<S>,
        peer: SocketAddr,
        exchanges: Exchanges,
        watcher: Watcher,
    ) -> hyper::Result<()> {
        let limits = self.limits;
        let service = service_fn(move |request: Request<Incoming>| {
            let exchange = exchanges.begin();
            let (site, answers) = (self.site.clone(), Arc::clone(&self.answers));
            async move {
                // Never closed; without a place there would be no bound.
                let Ok(place) = answers.acquire_owned().await else { return std::future::pending().await };
                // The bytes are bounded by hyper, the number is not.
                let answer = if request.headers().len() > limits.headers {
                    without_body(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
                } else {
                    answer(site, ours(request, limits.body_timeout), peer).await
                };
                Ok::<_, Infallible>(answer.map(|body| StreamBody::new(body, exchange, place)))
            }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .serve_connection(TokioIo::new(stream), service);
        watched(connection, watcher).await
    }
}

/// Serves a connection until it ends, or until it is told to. One that is told before it has read anything ends at
/// once, although a request is there: it reads first.
async fn watched<C: GracefulConnection + Unpin>(mut connection: C, watcher: Watcher) -> C::Output {
    match futures_util::poll!(&mut connection) {
        Poll::Ready(ended) => ended,
        Poll::Pending => watcher.watch(connection).await,
    }
}

/// A request as handlers see it.
fn ours(request: Request<Incoming>, body_timeout: Duration) -> Request<Body> {
    let waits = request.headers().contains_key(header::EXPECT);
    let sender = if waits { Sender::Waits } else { Sender::Sends };
    request.map(|body| {
        // Most requests have none.
        if body.is_end_stream() {
            Body::empty()
        } else {
            Body::new(RequestBody::new(body, sender, body_timeout))
        }
    })
}

async fn answer(site: impl Answers, request: Request<Body>, peer: SocketAddr) -> Response<Body> {
    // Nothing that a handler leaves behind is used after its panic.
    AssertUnwindSafe(site.answer(request, peer)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        without_body(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// An answer with nothing but its status.
fn without_body(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
    response
}
