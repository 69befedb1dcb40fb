//! The accept loop: connections under limits, and an orderly end.

mod body;
mod paced;

use crate::accept::body::{AnswerBody, RequestBody, Sender};
use crate::accept::paced::{Exchanges, Paced};
use crate::config::ConnectionLimits;
use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use safelight_domain::caching::NO_STORE;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Pause after the system refused a connection, for instance for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes that hyper may buffer of a connection, unless a head may be longer. hyper wants 8 KiB.
const BUFFER_BYTES: usize = 64 << 10;

/// Serves `router` until `shutdown` completes, then lets requests in flight finish for at most
/// `limits.shutdown_timeout`. The peer's address is a request extension of type
/// [`std::net::SocketAddr`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let places = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, peer, place) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = next_connection(&listener, &places) => next,
        };
        let connection = serve_connection(stream, peer, router.clone(), limits, graceful.watcher());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests in flight are cut off");
    }
    connections.shutdown().await;
    Ok(())
}

/// The next connection, once there is a place for it. It may be dropped at any time.
async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
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

/// Serves one connection over any stream: TLS would wrap the TCP stream before this, and the
/// choice between HTTP versions would be made in it.
async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    limits: ConnectionLimits,
    watcher: Watcher,
) {
    let exchanges = Exchanges::default();
    let stream = Paced::new(stream, exchanges.clone(), limits.header_timeout, limits.idle_timeout);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let exchange = exchanges.begin();
        let waits = request.headers().contains_key(header::EXPECT);
        let sender = if waits { Sender::Waits } else { Sender::Sends };
        let mut request = request.map(|body| Body::new(RequestBody::new(body, sender, limits.body_timeout)));
        request.extensions_mut().insert(peer);
        let answer = answer(router.clone(), request);
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
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, error = %std::error::Error::source(&error).unwrap_or(&error), "{error}");
    }
}

async fn answer(router: Router, request: Request<Body>) -> Response<Body> {
    // Nothing that a handler leaves behind is used after its panic.
    match AssertUnwindSafe(router.oneshot(request)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            tracing::error!("a handler panicked");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
            response
        }
    }
}
