//! How requests reach an S3-compatible store: HTTP/1.1 over connections that are kept, with TLS unless the endpoint is
//! told to do without. Every wait is bounded: to connect, for the head of an answer, and for each piece of its body.

use super::tally::Tally;
use bytes::Bytes;
use http::Uri;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::Service;

/// Time to resolve, connect and agree on TLS: one lost packet and its repetition fit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// Longest wait for the head of an answer, and for each piece of its body.
const PAUSE: Duration = Duration::from_secs(8);

/// How long a connection is kept that nothing is asked on; many servers close theirs a little later.
const KEPT: Duration = Duration::from_secs(15);

/// Connections that are kept at most.
const KEPT_CONNECTIONS: usize = 64;

/// Bytes a second that a store must take or give on the whole.
const SLOWEST: u64 = 512 << 10;

/// Time for so many bytes to come or go.
pub(super) fn time_for(bytes: u64) -> Duration {
    PAUSE + Duration::from_millis(bytes.saturating_mul(1000) / SLOWEST)
}

/// Makes the one client of a store, which trusts these authorities, or those of Mozilla's list where there are none.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) authorities: Vec<CertificateDer<'static>>,
    /// What its requests are counted by.
    pub(super) tally: Arc<Tally>,
}

impl HttpConnector for Transport {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        let failed = |error| object_store::Error::Generic { store: "S3", source: Box::new(error) };
        let mut roots = RootCertStore::empty();
        for authority in &self.authorities {
            roots.add(authority.clone()).map_err(failed)?;
        }
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = Connector(TlsConnector::from(Arc::new(tls)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT)
            .pool_max_idle_per_host(KEPT_CONNECTIONS)
            .build(connector);
        Ok(HttpClient::new(Requests { client, tally: Arc::clone(&self.tally) }))
    }
}

#[derive(Debug)]
struct Requests {
    client: Client<Connector, HttpRequestBody>,
    tally: Arc<Tally>,
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for Requests {
    // As the macro of the trait has it.
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> Answering<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let most = time_for(request.body().content_length() as u64);
        self.tally.asked(request.method());
        let answer = self.client.request(request);
        Box::pin(async move {
            let answer = match timeout(most, answer).await {
                Ok(answer) => answer.map_err(failed),
                Err(late) => Err(timed_out(late)),
            };
            self.tally.answered(&answer);
            let answer = answer?;
            let body = |incoming| HttpResponseBody::new(Paced { incoming, waiting: None });
            Ok(answer.map(body))
        })
    }
}

fn timed_out(error: impl Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, error)
}

/// The kind decides what is tried again: what was not sent always is, the rest where it may be done twice.
fn failed(error: legacy::Error) -> HttpError {
    let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
    HttpError::new(kind, error)
}

/// A body whose pieces come in time.
struct Paced {
    incoming: Incoming,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            self.waiting = None;
            let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(PAUSE)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Some(Err(timed_out(io::Error::from(io::ErrorKind::TimedOut)))))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Opens connections. Where to is the operator's choice, so nothing is judged as `fetch` does.
#[derive(Clone)]
struct Connector(TlsConnector);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = self.0.clone();
        Box::pin(async move {
            let opened = timeout(CONNECT_TIMEOUT, open(&uri, &tls)).await;
            opened.map_err(io::Error::from).flatten().map(TokioIo::new)
        })
    }
}

async fn open(uri: &Uri, tls: &TlsConnector) -> io::Result<Stream> {
    let host = uri.host().ok_or(io::ErrorKind::InvalidInput)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    if !is_secure {
        return Ok(Stream::Plain(stream));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    Ok(Stream::Secure(Box::new(tls.connect(name, stream).await?)))
}

/// An open connection.
enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Secure(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Secure(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
