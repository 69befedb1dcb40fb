//! The HTTP side: every route of the product in one list.

mod accounts;
mod auth;
mod batch;
mod client;
mod config;
mod dashboard;
mod delivery;
mod direct;
mod envelope;
mod error;
mod export;
mod form;
mod health;
mod history;
mod images;
mod imports;
mod keys;
mod lists;
mod log;
mod metadata;
mod metrics;
mod migrations;
mod openapi;
mod origins;
mod preview;
mod quota;
mod remote;
mod search;
mod session;
mod sign;
mod site;
mod sourcing;
mod upload_form;
mod usage;
mod variants;
mod webhook;

use crate::app::App;
use crate::config::Dashboard;
use axum::extract::{OriginalUri, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, patch, post, put};
use axum::{Extension, Router};
use error::ApiError;
use http::StatusCode;
pub use openapi::document;
pub use site::Site;
use std::sync::Arc;

/// Everything on one listener, but for a dashboard that has its own.
pub fn site(app: Arc<App>) -> Site {
    Site::delivering(router(Arc::clone(&app)), app)
}

/// Delivery alone.
pub fn delivery_site(app: Arc<App>) -> Site {
    Site::delivering(delivery_router(Arc::clone(&app)), app)
}

/// Everything but delivery, and but for a dashboard that has its own listener.
pub fn admin_site(app: Arc<App>) -> Site {
    Site::new(admin_router(app))
}

/// The dashboard with the management API that it uses.
pub fn dashboard_site(app: Arc<App>) -> Site {
    Site::new(dashboard_router(app))
}

/// The metrics without a token, and nothing else.
pub fn metrics_site(app: Arc<App>) -> Site {
    Site::new(metrics_router(app))
}

/// The routes of [`site`], every request by the same way.
pub fn router(app: Arc<App>) -> Router {
    let management = match app.config.dashboard {
        Dashboard::WithManagement => dashboard_routes().route("/", any(home_or_delivery)),
        Dashboard::Apart(_) | Dashboard::Off => admin_routes(),
    };
    logged(management.merge(delivery_routes()), app)
}

/// The routes of [`delivery_site`].
pub fn delivery_router(app: Arc<App>) -> Router {
    logged(delivery_routes(), app)
}

/// The routes of [`admin_site`].
pub fn admin_router(app: Arc<App>) -> Router {
    match app.config.dashboard {
        Dashboard::WithManagement => dashboard_router(app),
        Dashboard::Apart(_) | Dashboard::Off => logged(admin_routes().fallback(no_route), app),
    }
}

/// The routes of [`dashboard_site`].
pub fn dashboard_router(app: Arc<App>) -> Router {
    logged(dashboard_routes().route("/", any(home)).fallback(no_route), app)
}

/// The routes of [`metrics_site`].
pub fn metrics_router(app: Arc<App>) -> Router {
    let metrics = Router::new().route("/metrics", get(metrics::for_anyone));
    logged(metrics.method_not_allowed_fallback(no_route).fallback(no_route), app)
}

/// What viewers and uploaders without a token may use.
fn delivery_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/cdn-cgi/image/{*rest}", any(remote::handle))
        .route("/cdn-cgi/imageupload/{*link}", any(direct::upload))
        .fallback(delivery::handle)
}

/// What Cloudflare has below `…/images` for the owner of an account.
fn images_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1", get(lists::v1).post(images::upload))
        .route("/v1/stats", get(lists::stats))
        .route("/v1/keys", get(keys::list))
        .route("/v1/keys/{name}", put(keys::create).delete(keys::delete))
        .route("/v1/variants", get(variants::list).post(variants::create))
        .route("/v1/variants/{id}", get(variants::get).patch(variants::update).delete(variants::delete))
        .route("/v1/variants/{id}/flat", get(variants::get_flat))
        .route("/v1/config", get(config::get).patch(config::update))
        .route("/v1/batch_token", get(batch::create))
        .route("/v1/direct_upload", post(direct::create_v1))
        .route("/v1/{*image}", get(images::get).patch(images::update).delete(images::delete))
        .route("/v2", get(lists::v2))
        .route("/v2/direct_upload", post(direct::create_v2))
        .nest("/v2/sourcingkit", sourcing_routes())
}

fn admin_routes() -> Router<Arc<App>> {
    Router::new()
        .nest("/client/v4/accounts/{account_id}/images", images_routes())
        .nest("/images", batch_routes())
        .route("/client/{*rest}", any(no_route))
        .route("/safelight/v1/whoami", get(accounts::whoami))
        .route("/safelight/v1/accounts", get(accounts::list).post(accounts::create))
        .route(
            "/safelight/v1/accounts/{account_id}/tokens",
            get(accounts::list_tokens).post(accounts::create_token),
        )
        .route("/safelight/v1/accounts/{account_id}/tokens/{token_id}", delete(accounts::delete_token))
        .route(
            "/safelight/v1/accounts/{account_id}/webhook",
            get(webhook::get).put(webhook::set).delete(webhook::delete),
        )
        .route("/safelight/v1/accounts/{account_id}/webhook/test", post(webhook::test))
        .route("/safelight/v1/accounts/{account_id}/imports", get(imports::list).post(imports::create))
        .route(
            "/safelight/v1/accounts/{account_id}/imports/{import_id}",
            get(imports::get).delete(imports::stop),
        )
        .route("/safelight/v1/accounts/{account_id}/images", get(search::list))
        .route("/safelight/v1/accounts/{account_id}/image", get(search::one))
        .route("/safelight/v1/accounts/{account_id}/preview", get(preview::show))
        .route("/safelight/v1/accounts/{account_id}/sign", post(sign::sign))
        .route("/safelight/v1/accounts/{account_id}/verify", post(sign::explain))
        .route("/safelight/v1/accounts/{account_id}/export", post(export::export))
        .route("/safelight/v1/accounts/{account_id}/domains", get(origins::domains).put(origins::set_domains))
        .route("/safelight/v1/accounts/{account_id}/keys", get(keys::known).post(keys::rotate))
        .route("/safelight/v1/accounts/{account_id}/history", get(history::show))
        .route("/safelight/v1/accounts/{account_id}/usage", get(usage::usage))
        .route("/safelight/v1/accounts/{account_id}/storage", get(usage::storage))
        .route("/safelight/v1/accounts/{account_id}/quota", get(quota::get).patch(quota::update))
        .route("/safelight/v1/health", get(usage::health))
        .route("/safelight/v1/origins", get(origins::remote).put(origins::set_remote))
        .route("/safelight/{*rest}", any(no_route))
        .route("/openapi.json", openapi::route())
        .route("/metrics", get(metrics::metrics))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .method_not_allowed_fallback(no_route)
}

/// Buckets that images come from.
fn sourcing_routes() -> Router<Arc<App>> {
    let source = get(sourcing::get).patch(sourcing::rename).delete(sourcing::delete);
    Router::new()
        .route("/sources", get(sourcing::list).post(sourcing::create))
        .route("/sources/connectivity-precheck", post(sourcing::precheck))
        .route("/sources/{source_id}", source)
        .route("/sources/{source_id}/connectivity", get(sourcing::connectivity))
        .route("/migrations", get(migrations::list).post(migrations::create))
        .route("/migrations/{migration_id}", get(migrations::get).delete(migrations::delete))
        .route("/migrations/{migration_id}/lifecycle", get(migrations::progress))
        .route("/migrations/{migration_id}/lifecycle/start", patch(migrations::start))
        .route("/migrations/{migration_id}/lifecycle/abort", patch(migrations::abort))
        .route("/migrations/{migration_id}/logs", get(migrations::logs))
}

/// What batch tokens open.
fn batch_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1", post(images::upload))
        .route("/v1/{*image}", get(images::get).patch(images::update).delete(images::delete))
        .route("/v2", get(lists::v2))
        .route("/v2/direct_upload", post(direct::create_v2))
        .layer(Extension(auth::BatchPath))
}

/// The management API for browsers too, with the files that they show it by.
fn dashboard_routes() -> Router<Arc<App>> {
    let session = get(session::get).post(session::create).delete(session::delete);
    let session = Router::new().route("/safelight/v1/session", session).method_not_allowed_fallback(no_route);
    admin_routes()
        .merge(session)
        .route_layer(Extension(auth::SessionPath))
        .route("/dashboard", any(dashboard::file))
        .route("/dashboard/", any(dashboard::file))
        .route("/dashboard/{*file}", any(dashboard::file))
}

async fn home(State(app): State<Arc<App>>, uri: OriginalUri, request: Request) -> Response {
    match dashboard::home(&app, &request) {
        Some(answer) => answer,
        None => no_route(uri).await.into_response(),
    }
}

async fn home_or_delivery(state: State<Arc<App>>, request: Request) -> Response {
    match dashboard::home(&state, &request) {
        Some(answer) => answer,
        None => delivery::handle(state, request).await,
    }
}

async fn no_route(OriginalUri(uri): OriginalUri) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, 7003, format!("No route for the URI {}", uri.path()))
}

fn logged(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    routes
        // The limits on bodies are the endpoints' own.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&app), log::requests))
        .with_state(app)
}
