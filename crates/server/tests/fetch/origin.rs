//! An origin on this machine that answers as a test says, one request for each connection.

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Answering = dyn Fn(&str) -> Vec<u8> + Send + Sync;

pub(crate) struct Origin {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    answering: Box<Answering>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    manner: Mutex<Manner>,
}

#[derive(Clone)]
enum Manner {
    AtOnce,
    Never,
    ByDrops,
    Secure(TlsAcceptor),
}

impl Origin {
    pub(crate) async fn start(answering: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State {
            answering: Box::new(answering),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            manner: Mutex::new(Manner::AtOnce),
        });
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let manner = serving.manner.lock().expect("unpoisoned").clone();
                let state = Arc::clone(&serving);
                tokio::spawn(async move {
                    match manner {
                        Manner::Secure(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &state, &Manner::AtOnce).await;
                            }
                        }
                        manner => serve(stream, &state, &manner).await,
                    }
                });
            }
        });
        Origin { port, state }
    }

    /// Takes requests and never answers.
    #[allow(dead_code, reason = "not every test has slow origins")]
    pub(crate) fn silent(self) -> Origin {
        self.with(Manner::Never)
    }

    /// Answers a byte at a time, with a pause after each.
    #[allow(dead_code, reason = "not every test has slow origins")]
    pub(crate) fn dripping(self) -> Origin {
        self.with(Manner::ByDrops)
    }

    /// Speaks TLS with this certificate.
    #[allow(dead_code, reason = "not every test has secure origins")]
    pub(crate) fn secure(self, certificate: CertificateDer<'static>, key: Vec<u8>) -> Origin {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(key).into())
            .expect("a certificate");
        self.with(Manner::Secure(TlsAcceptor::from(Arc::new(config))))
    }

    fn with(self, manner: Manner) -> Origin {
        *self.state.manner.lock().expect("unpoisoned") = manner;
        self
    }

    /// How often it was connected to.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Head and body of a request, by its number from 0.
    pub(crate) fn request(&self, number: usize) -> String {
        self.state.requests.lock().expect("unpoisoned")[number].clone()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: &State, manner: &Manner) {
    let Some(request) = read(&mut stream).await else { return };
    let answer = (state.answering)(&request);
    state.requests.lock().expect("unpoisoned").push(request);
    match manner {
        Manner::Never => std::future::pending().await,
        Manner::ByDrops => {
            for byte in answer {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Manner::AtOnce | Manner::Secure(_) => {
            // The client may have gone.
            drop(stream.write_all(&answer).await);
            drop(stream.shutdown().await);
        }
    }
}

/// A request with a body as long as it says.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        text.push_str(std::str::from_utf8(&piece[..length]).expect("UTF-8"));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let told = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= told.map_or(0, |told| told.parse().expect("a length")) {
            return Some(text);
        }
    }
}

/// A whole answer; `headers` end in `\r\n` each.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// A redirect.
pub(crate) fn redirect(status: &str, location: &str) -> Vec<u8> {
    answer(status, &format!("location: {location}\r\n"), "")
}
