//! Connections to addresses that were judged.

use super::{FetchError, Guard, MAX_HEAD_BYTES, MAX_HEADERS, Resolver, Target};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

/// Addresses of one name that are tried, one after the other.
const MAX_TRIES: usize = 4;

/// How secure connections are made.
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// Trusts certificates that end in one of `roots`, by TLS 1.2 and 1.3.
    pub(super) fn trusting(roots: RootCertStore) -> Tls {
        #[allow(clippy::expect_used)] // The provider has cipher suites for both versions.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Tls(TlsConnector::from(Arc::new(config)))
    }
}

/// A connection on which nothing was said yet.
pub(super) enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

/// Moves the bytes of a connection; dropping it closes the connection.
pub(super) struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Resolves the host, judges every address, and connects to one of those that were judged. A name with
/// one closed address among others is refused whole: such answers are made to get past a guard.
pub(super) async fn connect(
    target: &Target,
    guard: &Guard,
    resolver: &Resolver,
    tls: &Tls,
) -> Result<Stream, FetchError> {
    let port = target.port();
    if !guard.allows_port(port) {
        return Err(FetchError::Port(port));
    }
    let (addresses, name) = match target.host() {
        Some(Host::Domain(name)) => (
            resolver.resolve(name).await.map_err(|_| FetchError::NoAddress)?,
            ServerName::try_from(name.to_owned()).map_err(|_| FetchError::Url("has a host that is none")),
        ),
        Some(Host::Ipv4(v4)) => (vec![v4.into()], Ok(IpAddr::V4(v4).into())),
        Some(Host::Ipv6(v6)) => (vec![v6.into()], Ok(IpAddr::V6(v6).into())),
        None => return Err(FetchError::Url("has no host")),
    };
    for address in &addresses {
        if let Some(special) = guard.closed(*address) {
            tracing::info!(host = target.url().host_str(), %address, ?special, "a closed address was not fetched from");
            return Err(FetchError::NoAddress);
        }
    }
    let stream = first_open(&addresses, port).await?;
    if !target.is_secure() {
        return Ok(Stream::Plain(stream));
    }
    let secure = tls.0.connect(name?, stream).await.map_err(|error| {
        tracing::debug!(%error, host = target.url().host_str(), "no secure connection");
        FetchError::Tls
    })?;
    Ok(Stream::Secure(Box::new(secure)))
}

async fn first_open(addresses: &[IpAddr], port: u16) -> Result<TcpStream, FetchError> {
    if addresses.is_empty() {
        return Err(FetchError::NoAddress);
    }
    for address in addresses.iter().take(MAX_TRIES) {
        if let Ok(stream) = TcpStream::connect(SocketAddr::new(*address, port)).await {
            return Ok(stream);
        }
    }
    Err(FetchError::Unreachable)
}

impl Stream {
    /// Begins to speak HTTP/1.1.
    pub(super) async fn handshake(self) -> Result<(SendRequest<Full<Bytes>>, Driver), FetchError> {
        match self {
            Stream::Plain(stream) => speak(stream).await,
            Stream::Secure(stream) => speak(stream).await,
        }
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<(SendRequest<Full<Bytes>>, Driver), FetchError> {
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
    let (sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(|_| FetchError::Broken)?;
    // How it ends is told by what becomes of the request.
    Ok((sender, Driver(tokio::spawn(async move { drop(connection.await) }))))
}
