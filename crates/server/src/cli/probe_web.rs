//! A viewer that sends a target byte for byte, over a connection for each request.

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// Time for a whole exchange; renders and uploads of some megabytes are among them.
const LONGEST: Duration = Duration::from_secs(60);

/// Longest answer that is read, in bytes.
const MAX_BYTES: usize = 32 << 20;

/// The place that viewers ask.
pub(super) struct Web {
    address: Address,
    /// As the header `Host` has it.
    host: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

enum Address {
    Name(String, u16),
    Given(SocketAddr),
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The text of a header; empty if there is none that can be read.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Web {
    /// Settles whom to ask. Nothing is sent yet.
    pub(super) fn new(url: &Url, connect: Option<SocketAddr>, ca: Option<&Path>) -> anyhow::Result<Web> {
        let is_secure = url.scheme() == "https";
        ensure!(
            (is_secure || url.scheme() == "http")
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none(),
            "the public URL is http or https, host and port, without path and query, and is {url}"
        );
        let name = url.host_str().context("the public URL has no host")?;
        let port = url.port_or_known_default().context("the public URL has no port")?;
        let host = url.port().map_or(name.to_owned(), |port| format!("{name}:{port}"));
        let bare = match url.host() {
            Some(Host::Ipv6(ip)) => ip.to_string(),
            _ => name.to_owned(),
        };
        let tls = if is_secure { Some((connector(ca)?, ServerName::try_from(bare.clone())?)) } else { None };
        Ok(Web { address: connect.map_or(Address::Name(bare, port), Address::Given), host, tls })
    }

    /// Whether a URL leads to the same host.
    pub(super) fn is_at(&self, url: &str) -> bool {
        let host = Url::parse(url).ok().and_then(|url| {
            let name = url.host_str()?.to_owned();
            Some(url.port().map_or(name.clone(), |port| format!("{name}:{port}")))
        });
        host.is_some_and(|host| host == self.host)
    }

    /// Asks for a target by GET.
    pub(super) async fn get(&self, target: &str) -> anyhow::Result<Answer> {
        self.ask(Method::GET, target, &[], Bytes::new()).await
    }

    /// The same with further headers.
    pub(super) async fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.ask(Method::GET, target, headers, Bytes::new()).await
    }

    /// Sends a request. What is sent as the target is `target`, byte for byte.
    pub(super) async fn ask(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let named = || format!("no answer to {method} {target}");
        let mut request = Request::builder()
            .method(&method)
            .uri(Uri::from(PathAndQuery::try_from(target)?))
            .header(header::HOST, &self.host)
            .header(header::USER_AGENT, concat!("safelight-probe/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body))?;
        timeout(LONGEST, self.exchange(request)).await.with_context(named)?.with_context(named)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let stream = match &self.address {
            Address::Name(host, port) => TcpStream::connect((host.as_str(), *port)).await?,
            Address::Given(address) => TcpStream::connect(address).await?,
        };
        match &self.tls {
            None => over(stream, request).await,
            Some((connector, name)) => over(connector.connect(name.clone(), stream).await?, request).await,
        }
    }
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // How it ends is seen by the answer.
    let connection = tokio::spawn(async move { drop(connection.await) });
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MAX_BYTES).collect().await.map_err(anyhow::Error::from_boxed)?.to_bytes();
    connection.abort();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}

fn connector(ca: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let unread = || format!("the authorities in {} cannot be read", file.display());
            for certificate in CertificateDer::pem_file_iter(file).with_context(unread)? {
                roots.add(certificate.with_context(unread)?).with_context(unread)?;
            }
            ensure!(!roots.is_empty(), "{} has no certificate", file.display());
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_are_asked() {
        for good in ["http://a", "https://images.example.com:8443/", "http://[::1]:1"] {
            assert!(Web::new(&Url::parse(good).expect(good), None, None).is_ok(), "{good}");
        }
        for bad in ["ftp://a", "http://a/b", "http://a/?x", "http://a/#x"] {
            assert!(Web::new(&Url::parse(bad).expect(bad), None, None).is_err(), "{bad}");
        }
    }
}
