//! Safelight's server: everything that touches the world. The rules are in `safelight_domain`, the
//! pixels in `safelight_pixels`.

pub mod accept;
pub mod app;
pub mod blobs;
pub mod bootstrap;
pub mod cli;
pub mod clock;
pub mod config;
pub mod copy;
pub mod deliver;
pub mod direct;
pub mod doctor;
pub mod emulator;
pub mod export;
pub mod failures;
pub mod fetch;
pub mod free_space;
pub mod http;
pub mod import;
pub mod ingest;
pub mod jobs;
pub mod levels;
pub mod logins;
pub mod metrics;
pub mod protocol;
pub mod random;
pub mod refusals;
pub mod remote;
pub mod renderer;
pub mod settings;
pub mod staging;
pub mod sweep;
mod trouble;
pub mod usage;
pub mod variant_options;
pub mod webhooks;
pub mod worker;

pub use safelight_catalog as catalog;

use accept::{Answers, Tls};
use app::App;
use import::Pace;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Where the server listens.
pub struct Listeners {
    /// Viewers' requests, and everything else that has no listener of its own.
    pub delivery: TcpListener,
    /// The management API and the health checks, when apart from delivery.
    pub admin: Option<TcpListener>,
    /// The dashboard, when apart from both.
    pub dashboard: Option<TcpListener>,
    /// The metrics without a token, when they have a place.
    pub metrics: Option<TcpListener>,
    /// What all of them speak TLS with; `None` speaks none.
    pub tls: Option<Arc<Tls>>,
}

/// Pause between two looks at the files of the certificate.
const CERTIFICATE_PAUSE: Duration = Duration::from_secs(10);

/// Serves until `shutdown` completes, then stops taking connections, lets requests in flight and the
/// running job finish, and returns.
///
/// # Errors
/// When a listener fails.
pub async fn run(
    listeners: Listeners,
    app: Arc<App>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let Listeners { delivery, admin, dashboard, metrics, tls } = listeners;
    let viewers = match admin {
        None => http::site(Arc::clone(&app)),
        Some(_) => http::delivery_site(Arc::clone(&app)),
    };
    let admin = admin.map(|admin| (admin, http::admin_site(Arc::clone(&app))));
    let dashboard = dashboard.map(|dashboard| (dashboard, http::dashboard_site(Arc::clone(&app))));
    let metrics = metrics.map(|metrics| (metrics, http::metrics_site(Arc::clone(&app))));
    let sites = [(delivery, viewers)].into_iter().chain(admin).chain(dashboard).chain(metrics).collect();
    serve_sites(sites, tls, app, shutdown).await
}

/// Serves each site on its listener, all with `tls` or without, and runs the jobs and imports of `app`, as
/// [`run`] does.
///
/// # Errors
/// When a listener fails.
pub async fn serve_sites(
    sites: Vec<(TcpListener, impl Answers)>,
    tls: Option<Arc<Tls>>,
    app: Arc<App>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let limits = app.config.connections;
    let (stop, _) = watch::channel(());
    let stopped = || {
        let mut watched = stop.subscribe();
        // The sender says nothing; it is dropped.
        async move { drop(watched.changed().await) }
    };
    let jobs = tokio::spawn(jobs::run(Arc::clone(&app), stopped()));
    let levels = tokio::spawn(levels::run(Arc::clone(&app), stopped()));
    let refine = tokio::spawn(deliver::refine(Arc::clone(&app), stopped()));
    let variants = tokio::spawn(deliver::render_variants(Arc::clone(&app), stopped()));
    let imports = tokio::spawn(import::run(Arc::clone(&app), Pace::USUAL, stopped()));
    let usage = tokio::spawn(usage::run(Arc::clone(&app), stopped()));
    let mut servers = tokio::task::JoinSet::new();
    for (listener, site) in sites {
        servers.spawn(accept::serve(listener, tls.clone(), site, limits, stopped()));
    }
    let certificate = tls.map(|tls| {
        let stopped = stopped();
        tokio::spawn(async move { tls.follow(CERTIFICATE_PAUSE, stopped).await })
    });
    let early = tokio::select! {
        () = shutdown => None,
        ended = servers.join_next() => ended,
    };
    drop(stop);
    let mut result = early.map_or(Ok(()), |ended| ended.map_err(io::Error::other).flatten());
    while let Some(ended) = servers.join_next().await {
        result = result.and(ended.map_err(io::Error::other).flatten());
    }
    for background in [jobs, levels, refine, variants, imports, usage].into_iter().chain(certificate) {
        result = result.and(background.await.map_err(io::Error::other));
    }
    // Requests were counted until the last listener ended.
    usage::finish(&app).await;
    result
}
