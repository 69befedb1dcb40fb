//! The certificate of the listeners, which is followed while its files change.

use crate::config::TlsFiles;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// Longest file in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// TLS 1.2 and 1.3 with one certificate, for HTTP/2 and HTTP/1.1.
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    files: TlsFiles,
    loaded: Contents,
}

/// Why there is no certificate to serve with.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or is longer than a mebibyte.
    #[error("the file {path} cannot be read")]
    File {
        /// As given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file has nothing in it of what it is for.
    #[error("the file {path} holds no {wanted} in PEM")]
    Pem {
        /// As given.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// Of a kind that is not known, or not belonging together.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// What new connections are shown.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// What the files hold.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Contents, TlsError> {
        Ok(Contents { certificate: read(&files.certificate)?, key: read(&files.key)? })
    }

    fn certified(&self, files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let no = |path: &Path, wanted| TlsError::Pem { path: path.to_owned(), wanted };
        let chain = CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| no(&files.certificate, "certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| no(&files.key, "private key"))?;
        CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Unusable)
    }
}

impl Tls {
    /// Reads the files. Blocks.
    ///
    /// # Errors
    /// When they are no certificate and its key.
    pub fn load(files: &TlsFiles) -> Result<Tls, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let loaded = Contents::read(files)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(loaded.certified(files, &provider)?))));
        warn_of_readers(&files.key);
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(TlsError::Unusable)?.with_no_client_auth();
        let mut config = config.with_cert_resolver(Arc::<Current>::clone(&current));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), current, files: files.clone(), loaded })
    }

    /// How a connection is agreed on.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Looks at the files again and again, `pause` apart, and shows new connections what they hold. What
    /// cannot be used is logged once and leaves the certificate as it is. Returns when `stopped` completes.
    pub async fn follow(&self, pause: Duration, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        let mut seen = Ok(self.loaded.clone());
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => return,
                () = tokio::time::sleep(pause) => {}
            }
            let files = self.files.clone();
            let read = move || Contents::read(&files).map_err(|error| anyhow::Error::from(error).to_string());
            let Ok(found) = tokio::task::spawn_blocking(read).await else { continue };
            if found == seen {
                continue;
            }
            match &found {
                Ok(contents) => self.take(contents),
                Err(error) => {
                    tracing::error!(error, "the certificate is not looked at again until this changes")
                }
            }
            seen = found;
        }
    }

    fn take(&self, contents: &Contents) {
        match contents.certified(&self.files, &ring::default_provider()) {
            Ok(certified) => {
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                tracing::info!("the certificate was replaced");
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::error!(error, "the certificate stays as it was");
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    let read = read.and_then(|length| match length as u64 {
        0..=MAX_BYTES => Ok(bytes),
        _ => Err(std::io::ErrorKind::FileTooLarge.into()),
    });
    read.map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// A secret that every user of the machine can read is none. Refusing it would stop containers, to which
/// secrets come so, in folders that are closed.
fn warn_of_readers(key: &Path) {
    if std::fs::metadata(key).is_ok_and(|found| found.permissions().mode() & 0o004 != 0) {
        tracing::warn!(path = %key.display(), "every user may read the file of the TLS key");
    }
}
