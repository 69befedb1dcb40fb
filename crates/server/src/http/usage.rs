//! What an account stores and delivers, and how the instance fares, below `/safelight/v1`.

use crate::app::App;
use crate::http::auth::{AccountCaller, Presented};
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::images::rfc3339;
use crate::random;
use crate::renderer::RenderError;
use crate::usage::{Series, Span, Width, series};
use axum::extract::{RawQuery, State};
use safelight_domain::image::BlobId;
use safelight_domain::token::Scope;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How long [`health`] waits for a worker that is free.
const WORKERS_TIMEOUT: Duration = Duration::from_secs(3);

/// `result` of [`usage`].
#[derive(Serialize)]
pub(super) struct UsageBody {
    from: String,
    to: String,
    /// Seconds.
    width: i64,
    series: BTreeMap<&'static str, Vec<u64>>,
    keys: BTreeMap<String, Vec<u64>>,
    latency: LatencyBody,
}

#[derive(Serialize)]
struct LatencyBody {
    p50: Vec<Option<f64>>,
    p95: Vec<Option<f64>>,
    p99: Vec<Option<f64>>,
}

/// `result` of [`storage`].
#[derive(Serialize)]
pub(super) struct StorageBody {
    images: u64,
    original_bytes: u64,
    renditions: u64,
    rendition_bytes: u64,
    levels: u64,
    level_bytes: u64,
}

/// `GET /safelight/v1/accounts/{account_id}/usage`: deliveries over time.
pub(super) async fn usage(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    RawQuery(query): RawQuery,
) -> Result<Success<UsageBody>, ApiError> {
    let span = span(&app, query.as_deref().unwrap_or(""))?;
    let Series { measures, keys, latency } = series(&app, caller.account(), span).await?;
    Ok(Success(UsageBody {
        from: rfc3339(span.from().saturating_mul(1000)),
        to: rfc3339(span.to().saturating_mul(1000)),
        width: span.width().seconds(),
        series: measures,
        keys,
        latency: LatencyBody { p50: latency.p50, p95: latency.p95, p99: latency.p99 },
    }))
}

fn span(app: &App, query: &str) -> Result<Span, ApiError> {
    let (mut from, mut to, mut width) = (None, None, Width::FiveMinutes);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "from" => from = Some(second("from", &value)?),
            "to" => to = Some(second("to", &value)?),
            "width" => {
                let seconds = value.parse().ok().and_then(Width::of_seconds);
                width = seconds.ok_or_else(|| ApiError::bad_request("width must be 300, 3600 or 86400"))?;
            }
            _ => {}
        }
    }
    let (day_from, day_to) = Span::last_day(app, width);
    let to = to.unwrap_or(day_to);
    let from = from.unwrap_or_else(|| to.saturating_sub(day_to - day_from));
    Span::new(from, to, width).map_err(ApiError::bad_request)
}

fn second(name: &str, text: &str) -> Result<i64, ApiError> {
    OffsetDateTime::parse(text, &Rfc3339).map(OffsetDateTime::unix_timestamp).map_err(|_| {
        ApiError::bad_request(format!("{name} must be a moment as RFC 3339 has it: 2030-01-31T12:00:00Z"))
    })
}

/// `GET /safelight/v1/accounts/{account_id}/storage`
pub(super) async fn storage(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<StorageBody>, ApiError> {
    let sizes = app.catalog.stored_sizes(caller.account()).await?;
    Ok(Success(StorageBody {
        images: sizes.images,
        original_bytes: sizes.original_bytes,
        renditions: sizes.renditions,
        rendition_bytes: sizes.rendition_bytes,
        levels: sizes.levels,
        level_bytes: sizes.level_bytes,
    }))
}

/// `result` of [`health`].
#[derive(Serialize)]
pub(super) struct HealthBody {
    version: &'static str,
    uptime_seconds: i64,
    database: PartBody,
    store: PartBody,
    disk: PartBody,
    render_workers: WorkersBody,
}

#[derive(Serialize)]
struct PartBody {
    state: &'static str,
    text: &'static str,
}

#[derive(Serialize)]
struct WorkersBody {
    #[serde(flatten)]
    part: PartBody,
    workers: u64,
    waiting: u64,
    jobs: u64,
    busy: u64,
    timeouts: u64,
    signals: u64,
    failures: u64,
}

/// `GET /safelight/v1/health`: how the parts of the instance fare. What fails is told without what the log says.
pub(super) async fn health(
    State(app): State<Arc<App>>,
    presented: Presented,
) -> Result<Success<HealthBody>, ApiError> {
    presented.caller(&presented.record.account)?.require(Scope::Read)?;
    let fresh = BlobId::from_random(random::bytes());
    let (database, store, workers, staging, blobs) = tokio::join!(
        app.catalog.check(),
        app.blobs.check(&fresh),
        workers(&app),
        app.staging.check(),
        app.blobs.require_room(0)
    );
    let disk = staging.map_err(|error| error.to_string()).and(blobs.map_err(|error| error.to_string()));
    let database = database.map_err(|error| error.to_string());
    let store = store.map_err(|error| error.to_string());
    let counters = app.renderer.counters();
    Ok(Success(HealthBody {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.clock.now_ms().saturating_sub(app.started_ms) / 1000,
        database: part(database, "It answers.", "It does not answer; the log says why."),
        store: part(store, "It takes and gives bytes.", "It does not take or give bytes; the log says why."),
        disk: part(disk, "It has room.", "It is nearly full, and uploads are refused; the log says more."),
        render_workers: WorkersBody {
            part: workers,
            workers: counters.workers,
            waiting: counters.waiting,
            jobs: counters.jobs,
            busy: counters.busy,
            timeouts: counters.timeouts,
            signals: counters.signals,
            failures: counters.failures,
        },
    }))
}

/// Whether a worker answers. All may be at work on large pictures for a while; one that never ends its work
/// is killed when its time is over, and counted.
async fn workers(app: &App) -> PartBody {
    match tokio::time::timeout(WORKERS_TIMEOUT, app.renderer.check()).await {
        Ok(Ok(_)) => PartBody { state: "ok", text: "They answer." },
        Ok(Err(RenderError::Busy(_))) => PartBody { state: "ok", text: "Their queue is full." },
        Ok(Err(error)) => part(Err(error.to_string()), "", "None of them answers; the log says why."),
        Err(_) => PartBody { state: "ok", text: "All of them have been at work for 3 seconds." },
    }
}

fn part(result: Result<(), String>, well: &'static str, ill: &'static str) -> PartBody {
    match result {
        Ok(()) => PartBody { state: "ok", text: well },
        Err(error) => {
            tracing::error!(error, "a part of the server fails its health check");
            PartBody { state: "failed", text: ill }
        }
    }
}
