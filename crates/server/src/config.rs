//! The configuration that the parts of the server are made from. It is parsed in `settings`; what
//! is here cannot be wrong any more.

use crate::catalog::PostgresAddress;
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use safelight_domain::access::UnknownImagePolicy;
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::first_answer::FirstAnswerBudget;
use safelight_domain::image::SourceLimits;
use safelight_domain::origin::AllowedOrigin;
use safelight_domain::quota::{Bound, Quota};
use safelight_domain::transform::Effort;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Everything that `safelight serve` is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address of delivery, and of everything else that has no address of its own.
    pub listen: SocketAddr,
    /// Address of the management API and the health checks, when apart from delivery.
    pub admin_listen: Option<SocketAddr>,
    /// See [`Dashboard`].
    pub dashboard: Dashboard,
    /// Address of the metrics without a token, if they have one.
    pub metrics_listen: Option<SocketAddr>,
    /// What every address speaks TLS with; `None` speaks none.
    pub tls: Option<TlsFiles>,
    /// The data folder.
    pub data: PathBuf,
    /// See [`StoreConfig`].
    pub store: StoreConfig,
    /// Start of every delivery URL in answers: scheme, host and port, no path.
    pub public_url: Url,
    /// Largest upload in bytes.
    pub max_upload_bytes: u64,
    /// Most time for an upload by link, from its head to its end: it needs no token, so it must not
    /// hold a place for ever.
    pub direct_upload_time: Duration,
    /// Bounds on uploaded pictures.
    pub source_limits: SourceLimits,
    /// See [`Levels`].
    pub levels: Levels,
    /// See [`Refine`].
    pub refine: Refine,
    /// Formats in which named variants of each upload are rendered before anybody asks; none for not at all.
    pub prepared_formats: Vec<PreparedFormat>,
    /// See [`Compat`].
    pub compat: Compat,
    /// What unsigned requests for unknown images are told.
    pub unknown_images: UnknownImagePolicy,
    /// Where the catalog is.
    pub database: Database,
    /// How long what was public is served on from memory while the catalog cannot be reached.
    pub public_without_catalog: Duration,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds on connections.
    pub connections: ConnectionLimits,
    /// The pool of worker processes.
    pub render: RenderConfig,
    /// What is fetched from elsewhere.
    pub fetch: FetchConfig,
    /// Remote images.
    pub remote: RemoteConfig,
    /// Most bytes that stored renditions may take together; the least recently used go first.
    pub rendition_bytes: u64,
    /// Most bytes of renditions that are kept in memory.
    pub rendition_memory_bytes: usize,
    /// See [`Limits`].
    pub limits: Limits,
    /// Names and secrets of the account that the first start makes.
    pub first_account: FirstAccount,
}

/// Bounds on what accounts and strangers may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of every account that is given nothing else.
    pub quota: Quota,
    /// Most unknown tokens from one client in a minute.
    pub failed_logins_per_minute: Bound,
    /// Most wrong signatures from one client in a minute.
    pub failed_signatures_per_minute: Bound,
    /// Bytes that stay free on the disk.
    pub free_bytes: u64,
}

/// Where originals and what is made of them are stored.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// In files below the data folder.
    Files,
    /// On an S3-compatible store.
    S3(Box<S3Config>),
}

/// A bucket, and how it is reached.
#[derive(Clone, Debug)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// What every name in it begins with, without `/` at its ends; empty for nothing.
    pub prefix: String,
    /// Scheme, host and port of a store that is not AWS. It is asked in path style.
    pub endpoint: Option<Url>,
    /// The region that requests are signed for.
    pub region: String,
    /// Authorities whose certificates are trusted, in the place of those of Mozilla's list; none for that list.
    pub authorities: Vec<CertificateDer<'static>>,
    /// See [`S3Credentials`].
    pub credentials: S3Credentials,
    /// Most bytes of it that are kept in files of this machine.
    pub cache_bytes: u64,
    /// Bytes that stay free there all the same.
    pub free_bytes: u64,
}

/// What requests to the store are signed with.
#[derive(Clone)]
pub struct S3Credentials {
    /// The name of the key, which is no secret.
    pub key_id: String,
    /// The key.
    pub secret_key: String,
    /// What goes with keys for a time.
    pub token: Option<String>,
}

impl std::fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Credentials").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Where the catalog is.
#[derive(Clone, Debug)]
pub enum Database {
    /// In a file of the data folder, which one program alone has.
    File,
    /// On a server, which other nodes may use too.
    Postgres(PostgresAddress),
}

/// Where a certificate is. Both files hold PEM and may change while the server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and after it those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where the dashboard is, and with it the sessions of browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dashboard {
    /// Nowhere.
    Off,
    /// Beside the management API.
    WithManagement,
    /// At an address of its own, with a management API of its own.
    Apart(SocketAddr),
}

/// Which levels of originals are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Levels {
    /// None: every rendition is made of the original.
    Off,
    /// A quarter of the original's sides and less.
    Small,
    /// Half of the sides too.
    Full,
}

/// Whether renditions are made a second time, by thorough encoders, when nothing else is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refine {
    /// The first one stays, in the best format, however long that takes.
    Off,
    /// In the place of the first one, and in formats that took too long for it.
    On(FirstAnswerBudget),
}

impl Refine {
    /// Of the encoder that someone waits for.
    pub fn effort(self) -> Effort {
        match self {
            Refine::Off => Effort::Standard,
            Refine::On(_) => Effort::Quick,
        }
    }
}

/// Whom a variant is rendered for before anybody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreparedFormat {
    /// Clients that take AVIF.
    Avif,
    /// Those that take WebP.
    WebP,
    /// Those that take neither.
    Plain,
}

impl PreparedFormat {
    /// The `Accept` header of such a client.
    pub fn accept(self) -> Option<&'static str> {
        match self {
            PreparedFormat::Avif => Some("image/avif,image/webp"),
            PreparedFormat::WebP => Some("image/webp"),
            PreparedFormat::Plain => None,
        }
    }
}

/// Where Cloudflare refuses and Safelight need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compat {
    /// Allowed are private images with custom ids, signed options in URLs of private images, and
    /// every option in named variants.
    Extended,
    /// What Cloudflare refuses is refused (5410, 9425, 5400). Variants made before go on as they are.
    Strict,
}

/// Bounds on what a client may hold of the server.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections open at once; further ones wait in the listen queue.
    pub connections: usize,
    /// Time for a request's head to arrive whole, from the first connection on.
    pub header_timeout: Duration,
    /// Longest pause within a request's body.
    pub body_timeout: Duration,
    /// Longest time without a byte read or written, in any state.
    pub idle_timeout: Duration,
    /// Headers in a request.
    pub headers: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Time that requests in flight get to finish at shutdown.
    pub shutdown_timeout: Duration,
}

/// The pool of worker processes.
#[derive(Clone, Debug)]
pub struct RenderConfig {
    /// The program that is started with the argument `render-worker`: this program itself.
    pub program: PathBuf,
    /// Worker processes.
    pub workers: usize,
    /// Jobs that may wait; more are refused with 503.
    pub queue: usize,
    /// The longest wait, by estimate, that a job for a viewer is let in for.
    pub wait: Duration,
    /// Most bytes of originals that are in memory, waiting or being processed.
    pub held_bytes: u32,
    /// Most memory in bytes, by estimate, that all images being processed take together. One alone may take
    /// more.
    pub total_memory: u64,
    /// Time for one probe of a header or one render, after which the worker is killed.
    pub timeout: Duration,
    /// Address space of a worker in bytes; one that wants more ends.
    pub memory: u64,
    /// Jobs after which a worker is replaced, so that what a codec leaks stays small. At least 1.
    pub worker_jobs: u32,
    /// See [`Sandbox`].
    pub sandbox: Sandbox,
}

/// What is done where the kernel does not filter a worker's system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// Nothing is rendered there.
    Required,
    /// It is rendered behind what walls there are, and the log says so.
    BestEffort,
}

/// Bounds on what is fetched from elsewhere.
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// Networks that are open though they are not public.
    pub private_networks: Vec<IpNet>,
    /// Ports that may be connected to.
    pub ports: Vec<u16>,
    /// Time for one fetch, redirects and body included.
    pub timeout: Duration,
    /// Time to resolve a name, connect and agree on TLS, at each redirect.
    pub connect_timeout: Duration,
    /// Time for the head of an answer, and longest pause within its body.
    pub idle_timeout: Duration,
    /// Fetches at once; more are refused.
    pub concurrent: usize,
}

/// Remote images, `/cdn-cgi/image/`.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// Where they may come from.
    pub origins: Vec<AllowedOrigin>,
    /// Where sources are that are paths: scheme, host and port. What is there is always allowed.
    pub zone: Option<Url>,
    /// Largest source in bytes.
    pub max_bytes: u64,
    /// Most bytes of them that are kept, in memory: half for sources and half for renditions.
    pub cache_bytes: usize,
}

/// What the first start names its account, key and token; what is `None` is made at random.
/// Given again later, each must equal what is stored.
#[derive(Clone, Default)]
pub struct FirstAccount {
    /// `SAFELIGHT_ACCOUNT_ID`.
    pub id: Option<AccountId>,
    /// `SAFELIGHT_ACCOUNT_HASH`.
    pub hash: Option<AccountHash>,
    /// `SAFELIGHT_API_TOKEN`, not empty.
    pub api_token: Option<String>,
    /// `SAFELIGHT_SIGNING_KEY`, the value of the key `default`, not empty.
    pub signing_key: Option<String>,
}

impl std::fmt::Debug for FirstAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstAccount").field("id", &self.id).field("hash", &self.hash).finish_non_exhaustive()
    }
}
