//! TLS on a listener, and its certificate while the files change.

use super::{GET, SHORT, SOON, Server, limits, read_to_end, start_with};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use safelight::accept::{Tls, TlsError};
use safelight::config::{ConnectionLimits, TlsFiles};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate for `localhost` that nothing else trusts.
fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate")
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("fullchain.pem"), key: folder.join("privkey.pem") }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn certificate_pem(certificate: &CertifiedKey<KeyPair>) -> String {
    pem("CERTIFICATE", certificate.cert.der())
}

fn key_pem(certificate: &CertifiedKey<KeyPair>) -> String {
    pem("PRIVATE KEY", certificate.signing_key.serialized_der())
}

fn write(files: &TlsFiles, certificate: &CertifiedKey<KeyPair>) {
    std::fs::write(&files.certificate, certificate_pem(certificate)).expect("written");
    std::fs::write(&files.key, key_pem(certificate)).expect("written");
}

fn stored() -> (TempDir, TlsFiles, CertifiedKey<KeyPair>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, certificate) = (files(folder.path()), certificate());
    write(&files, &certificate);
    (folder, files, certificate)
}

/// A connection that trusts one certificate alone; `None` if the server shows another.
async fn connect(
    server: &Server,
    trusted: &CertifiedKey<KeyPair>,
    alpn: &[&str],
) -> Option<TlsStream<tokio::net::TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(trusted.cert.der().to_vec())).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").expect("a name");
    let agreed = TlsConnector::from(Arc::new(config)).connect(name, server.connect().await);
    timeout(SOON, agreed).await.expect("in time").ok()
}

#[tokio::test]
async fn both_versions_are_spoken_over_tls() {
    let (_folder, files, certificate) = stored();
    let tls = Arc::new(Tls::load(&files).expect("good files"));
    let server = start_with(Some(tls), limits()).await;
    for alpn in [&["http/1.1"][..], &[]] {
        let mut stream = connect(&server, &certificate, alpn).await.expect("trusted");
        stream.write_all(GET).await.expect("sent");
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).await.expect("an answer");
        assert_eq!(&begun, b"HTTP/1.1 200");
    }
    let stream = connect(&server, &certificate, &["h2", "http/1.1"]).await.expect("trusted");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = TokioIo::new(stream);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (mut client, connection) = handshake.await.expect("HTTP/2");
    tokio::spawn(connection);
    let request = Request::get("https://localhost/peer").body(axum::body::Body::empty()).expect("a request");
    assert_eq!(client.send_request(request).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn who_agrees_on_nothing_is_closed_after_the_header_timeout() {
    let (_folder, files, _) = stored();
    let tls = Arc::new(Tls::load(&files).expect("good files"));
    let server = start_with(Some(tls), ConnectionLimits { header_timeout: SHORT, ..limits() }).await;
    assert_eq!(read_to_end(&mut server.connect().await, SHORT / 2).await, "");
    let mut plain = server.connect().await;
    plain.write_all(GET).await.expect("sent");
    let mut answer = Vec::new();
    let _ = timeout(SOON, plain.read_to_end(&mut answer)).await.expect("closed soon");
    assert!(!answer.starts_with(b"HTTP"));
}

#[tokio::test]
async fn a_connection_that_agrees_on_nothing_takes_a_place() {
    let (_folder, files, certificate) = stored();
    let tls = Arc::new(Tls::load(&files).expect("good files"));
    let server = start_with(Some(tls), ConnectionLimits { connections: 1, ..limits() }).await;
    let silent = server.connect().await;
    sleep(SHORT).await;
    let other = connect(&server, &certificate, &[]);
    let mut other = std::pin::pin!(other);
    assert!(timeout(SHORT, &mut other).await.is_err());
    drop(silent);
    assert!(other.await.is_some());
}

#[tokio::test]
async fn new_connections_get_the_certificate_of_the_day() {
    let (folder, files, first) = stored();
    let tls = Arc::new(Tls::load(&files).expect("good files"));
    let server = start_with(Some(Arc::clone(&tls)), limits()).await;
    tokio::spawn(async move { tls.follow(Duration::from_millis(20), std::future::pending()).await });
    assert!(connect(&server, &first, &[]).await.is_some());

    let second = certificate();
    // Half of a change, and then none at all.
    std::fs::write(&files.certificate, certificate_pem(&second)).expect("written");
    sleep(SHORT).await;
    assert!(connect(&server, &first, &[]).await.is_some());
    std::fs::write(&files.certificate, "").expect("written");
    sleep(SHORT).await;
    assert!(connect(&server, &first, &[]).await.is_some());

    write(&files, &second);
    let replaced = async { while connect(&server, &second, &[]).await.is_none() {} };
    timeout(SOON, replaced).await.expect("the new certificate is shown");
    drop(folder);
    sleep(SHORT).await;
    assert!(connect(&server, &second, &[]).await.is_some());
}

#[test]
fn what_is_no_certificate_with_its_key_is_refused() {
    let (_folder, files, _) = stored();
    std::fs::write(&files.key, key_pem(&certificate())).expect("written");
    assert!(matches!(Tls::load(&files), Err(TlsError::Unusable(_))));
    std::fs::write(&files.key, "no key").expect("written");
    assert!(matches!(Tls::load(&files), Err(TlsError::Pem { wanted: "private key", .. })));
    std::fs::write(&files.certificate, vec![b'x'; 2 << 20]).expect("written");
    assert!(matches!(Tls::load(&files), Err(TlsError::File { path, .. }) if path == files.certificate));
    std::fs::remove_file(&files.certificate).expect("removed");
    assert!(matches!(Tls::load(&files), Err(TlsError::File { path, .. }) if path == files.certificate));
}
