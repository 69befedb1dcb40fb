//! The one client for everything that is fetched from elsewhere.
//!
//! Whoever names a URL chooses where this machine connects to, so: http and https alone, ports from a
//! list, and every address judged after its name was resolved, which is then the address connected to,
//! at every redirect anew. No proxy, no cookies, no credentials beyond the first origin, no compression.
//! Bytes, redirects, the whole time, the time to connect and every pause are bounded, and so is how much
//! goes on at once. There is nothing in between that keeps connections.

mod body;
mod connect;
mod download;
mod guard;
mod resolver;
mod target;

pub use body::{Body, FetchStream};
pub use download::{Download, DownloadError};
pub use guard::Guard;
pub use resolver::Resolver;
pub use target::{MAX_URL_BYTES, Target};

use crate::config::FetchConfig;
use crate::fetch::connect::{Driver, Tls};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use rustls::RootCertStore;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Redirects that are followed; browsers follow 20, and no image needs more than a few.
pub const MAX_REDIRECTS: usize = 5;

/// Headers in an answer.
const MAX_HEADERS: usize = 100;

/// Bytes after which an answer's head is refused; what arrives at once may be twice as long.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Fetches under guard. Cheap to share, and made once.
pub struct Client {
    guard: Guard,
    resolver: Resolver,
    tls: Tls,
    timeout: Duration,
    connect_timeout: Duration,
    idle_timeout: Duration,
    permits: Arc<Semaphore>,
}

/// An answer, its body still to come. Its status is not a redirect that could be followed.
pub struct Fetched {
    /// As the last origin sent it.
    pub status: StatusCode,
    /// As the last origin sent them.
    pub headers: HeaderMap,
    /// Bounded in bytes and time.
    pub body: Body,
}

/// Why nothing was fetched. The texts are fit for the public: none tells whether a name or an address
/// within closed networks exists. `Clone`, since all who wait for one fetch get it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// The URL is none that is fetched.
    #[error("the URL {0}")]
    Url(&'static str),
    /// Its port is not on the list.
    #[error("the port {0} is not allowed")]
    Port(u16),
    /// The name does not resolve, or to an address that is closed: the same for both.
    #[error("the host has no public address")]
    NoAddress,
    /// Nothing answers at the address.
    #[error("the host cannot be reached")]
    Unreachable,
    /// The certificate or the handshake is not good.
    #[error("no secure connection can be made")]
    Tls,
    /// It took too long to connect.
    #[error("the host did not answer in time")]
    ConnectTimeout,
    /// It took too long afterwards.
    #[error("the download took too long")]
    Timeout,
    /// A redirect to what is no URL, or from https to http.
    #[error("it was redirected to a URL that {0}")]
    Redirect(&'static str),
    /// More than [`MAX_REDIRECTS`].
    #[error("there were more than {MAX_REDIRECTS} redirects")]
    TooManyRedirects,
    /// More bytes than allowed.
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// Compressed, which was not asked for.
    #[error("it was sent with a content encoding")]
    Encoding,
    /// Not HTTP, or the connection broke off.
    #[error("the answer was broken or ended early")]
    Broken,
    /// As many fetches as allowed are under way.
    #[error("too much is being fetched, try again")]
    Busy,
}

impl Client {
    /// A client of the public internet, trusting the certificates of Mozilla's list.
    pub fn new(config: &FetchConfig) -> Client {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Client::with(config, Resolver::system(), roots)
    }

    /// A client with names and trust of one's own.
    pub fn with(config: &FetchConfig, resolver: Resolver, roots: RootCertStore) -> Client {
        Client {
            guard: Guard::new(config.private_networks.clone(), config.ports.clone()),
            resolver,
            tls: Tls::trusting(roots),
            timeout: config.timeout,
            connect_timeout: config.connect_timeout,
            idle_timeout: config.idle_timeout,
            permits: Arc::new(Semaphore::new(config.concurrent)),
        }
    }

    /// Sends GET and follows redirects. `headers` go to every hop, so they must hold no secret; the
    /// target's own user and password go to its origin alone, and not again once it was left. The body
    /// is refused beyond `max_bytes`, before it is read where its length is told.
    pub async fn get(
        &self,
        target: Target,
        headers: &HeaderMap,
        max_bytes: u64,
    ) -> Result<Fetched, FetchError> {
        let (permit, deadline) = (self.admit()?, Instant::now() + self.timeout);
        let mut target = target;
        for _ in 0..=MAX_REDIRECTS {
            let request = request(&target, Method::GET, headers, Bytes::new())?;
            let (answer, driver) = self.exchange(&target, request, deadline).await?;
            match target.redirect(answer.status(), answer.headers())? {
                Some(next) => target = next,
                None => return self.fetched(answer, driver, permit, deadline, max_bytes),
            }
        }
        Err(FetchError::TooManyRedirects)
    }

    /// Sends GET and follows nothing: a redirect is an answer like any other, so `headers` may hold what is meant for
    /// the target alone. The body is refused as by [`Client::get`].
    pub async fn get_here(
        &self,
        target: &Target,
        headers: &HeaderMap,
        max_bytes: u64,
    ) -> Result<Fetched, FetchError> {
        let (permit, deadline) = (self.admit()?, Instant::now() + self.timeout);
        let request = request(target, Method::GET, headers, Bytes::new())?;
        let (answer, driver) = self.exchange(target, request, deadline).await?;
        self.fetched(answer, driver, permit, deadline, max_bytes)
    }

    /// Sends POST and follows nothing: a redirect is an answer like any other. Of the body of the
    /// answer at most `max_bytes` are allowed.
    pub async fn post(
        &self,
        target: Target,
        headers: &HeaderMap,
        body: Bytes,
        max_bytes: u64,
    ) -> Result<Fetched, FetchError> {
        let (permit, deadline) = (self.admit()?, Instant::now() + self.timeout);
        let request = request(&target, Method::POST, headers, body)?;
        let (answer, driver) = self.exchange(&target, request, deadline).await?;
        self.fetched(answer, driver, permit, deadline, max_bytes)
    }

    fn admit(&self) -> Result<OwnedSemaphorePermit, FetchError> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| FetchError::Busy)
    }

    async fn exchange(
        &self,
        target: &Target,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<(Response<Incoming>, Driver), FetchError> {
        let connected = deadline.min(Instant::now() + self.connect_timeout);
        let connecting = connect::connect(target, &self.guard, &self.resolver, &self.tls);
        let stream = timeout_at(connected, connecting).await.map_err(|_| FetchError::ConnectTimeout)??;
        let (mut sender, driver) = stream.handshake().await?;
        let answered = deadline.min(Instant::now() + self.idle_timeout);
        match timeout_at(answered, sender.send_request(request)).await {
            Ok(Ok(answer)) => Ok((answer, driver)),
            Ok(Err(_)) => Err(FetchError::Broken),
            Err(_) => Err(FetchError::Timeout),
        }
    }

    fn fetched(
        &self,
        answer: Response<Incoming>,
        driver: Driver,
        permit: OwnedSemaphorePermit,
        deadline: Instant,
        max_bytes: u64,
    ) -> Result<Fetched, FetchError> {
        let (parts, incoming) = answer.into_parts();
        let encoding = parts.headers.get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(FetchError::Encoding);
        }
        let body = Body::new(incoming, max_bytes, deadline, self.idle_timeout, (driver, permit))?;
        Ok(Fetched { status: parts.status, headers: parts.headers, body })
    }
}

fn request(
    target: &Target,
    method: Method,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, FetchError> {
    let mut request = Request::builder()
        .method(method)
        .uri(target.path_and_query())
        .body(Full::new(body))
        .map_err(|_| FetchError::Url("cannot be requested"))?;
    let sent = request.headers_mut();
    sent.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    let host = HeaderValue::from_str(&target.host_and_port());
    sent.insert(header::HOST, host.map_err(|_| FetchError::Url("has a host that is none"))?);
    sent.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    sent.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("safelight/", env!("CARGO_PKG_VERSION"))),
    );
    if let Some(authorization) = target.authorization() {
        sent.insert(header::AUTHORIZATION, authorization.clone());
    }
    Ok(request)
}
