//! What stands between a server and its store, and fails as it is told.

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// How requests fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Well.
    Works,
    /// Nobody answers, and no connection stays.
    Gone,
    /// Requests are taken, and not answered.
    Hangs,
    /// Every tenth is answered 500 and not passed on.
    OneInTenFails,
    /// What writes is answered 507.
    Full,
    /// What writes is answered 403.
    Denied,
    /// Every other answer with a body breaks off in its middle.
    Breaks,
}

pub(crate) struct Proxy {
    pub(crate) endpoint: String,
    state: Arc<State>,
    _runtime: Runtime,
}

struct State {
    upstream: String,
    mode: Mutex<Mode>,
    requests: AtomicUsize,
    client: Client<HttpConnector, Full<Bytes>>,
}

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

impl Proxy {
    pub(crate) fn before(upstream: &str) -> Proxy {
        Proxy::start(upstream, None)
    }

    /// The same by TLS, as `localhost` with this certificate.
    pub(crate) fn secure_before(upstream: &str, certificate: &CertifiedKey<KeyPair>) -> Proxy {
        let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialized_der().to_vec());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key.into())
            .expect("a certificate");
        Proxy::start(upstream, Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn start(upstream: &str, tls: Option<TlsAcceptor>) -> Proxy {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("threads");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let endpoint = match tls {
            None => format!("http://{address}"),
            Some(_) => format!("https://localhost:{}", address.port()),
        };
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (mode, requests) = (Mutex::new(Mode::Works), AtomicUsize::new(0));
        let state = Arc::new(State { upstream: upstream.to_owned(), mode, requests, client });
        let serving = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&serving);
                if state.mode() == Mode::Gone {
                    continue;
                }
                let tls = tls.clone();
                tokio::spawn(async move {
                    let answering = service_fn(|request| state.answer(request));
                    let http = http1::Builder::new();
                    // How it ends is seen by the one who asks.
                    if let Some(tls) = tls {
                        let Ok(stream) = tls.accept(stream).await else { return };
                        let _ = http.serve_connection(TokioIo::new(stream), answering).await;
                    } else {
                        let _ = http.serve_connection(TokioIo::new(stream), answering).await;
                    }
                });
            }
        });
        Proxy { endpoint, state, _runtime: runtime }
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.state.mode.lock().expect("unpoisoned") = mode;
    }

    /// How many have come.
    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }
}

impl State {
    fn mode(&self) -> Mode {
        *self.mode.lock().expect("unpoisoned")
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Answer> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let writes = matches!(*request.method(), Method::PUT | Method::POST);
        match self.mode() {
            Mode::Gone => Err(io::ErrorKind::ConnectionReset.into()),
            Mode::Hangs => std::future::pending().await,
            Mode::OneInTenFails if number % 10 == 9 => refusal(request, 500, "InternalError").await,
            Mode::Full if writes => refusal(request, 507, "InsufficientStorage").await,
            Mode::Denied if writes => refusal(request, 403, "AccessDenied").await,
            mode => self.pass_on(request, mode == Mode::Breaks && number.is_multiple_of(2)).await,
        }
    }

    async fn pass_on(&self, request: Request<Incoming>, breaks: bool) -> io::Result<Answer> {
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        parts.uri = format!("{}{target}", self.upstream).parse::<Uri>().map_err(io::Error::other)?;
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let answer = self
            .client
            .request(Request::from_parts(parts, Full::new(body)))
            .await
            .map_err(io::Error::other)?;
        let (parts, body) = answer.into_parts();
        if !breaks {
            return Ok(Response::from_parts(parts, body.map_err(io::Error::other).boxed_unsync()));
        }
        let whole = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let half = whole.slice(..whole.len() / 2);
        let pieces = stream::unfold(Some(half), |half| async move {
            match half {
                Some(half) if half.is_empty() => None,
                Some(half) => Some((Ok(Frame::data(half)), None)),
                None => {
                    // So that what came before is on its way.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Some((Err(io::ErrorKind::ConnectionReset.into()), Some(Bytes::new())))
                }
            }
        });
        Ok(Response::from_parts(parts, BodyExt::boxed_unsync(StreamBody::new(pieces))))
    }
}

async fn refusal(request: Request<Incoming>, status: u16, code: &str) -> io::Result<Answer> {
    request.into_body().collect().await.map_err(io::Error::other)?;
    let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    let mut answer = Response::new(Full::from(text).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    Ok(answer)
}
