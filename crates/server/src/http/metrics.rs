//! `GET /metrics`: what the server counts and measures, in Prometheus' text format.

use crate::app::App;
use crate::http::auth::Presented;
use crate::http::error::ApiError;
use crate::metrics::{Process, Text};
use crate::renderer::Counters;
use axum::extract::State;
use http::{HeaderName, header};
use safelight_domain::caching::NO_STORE;
use safelight_domain::token::Scope;
use std::sync::Arc;

type Told = ([(HeaderName, &'static str); 2], String);

/// How the workers fare tells about every account, so it takes an instance admin's token; an address
/// would prove nothing behind a proxy.
pub(super) async fn metrics(State(app): State<Arc<App>>, presented: Presented) -> Result<Told, ApiError> {
    presented.require_instance_admin(Scope::Read)?;
    Ok(told(&app))
}

/// The same on an address of its own: whoever is let to it may read it.
pub(super) async fn for_anyone(State(app): State<Arc<App>>) -> Told {
    told(&app)
}

fn told(app: &App) -> Told {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (header::CACHE_CONTROL, NO_STORE),
    ];
    let mut text = Text::default();
    let version = [("version", env!("CARGO_PKG_VERSION").to_owned())];
    text.info("safelight_build_info", "The version of the program.", &version);
    requests(app, &mut text);
    workers(&app.renderer.counters(), &mut text);
    deliveries(app, &mut text);
    stores(app, &mut text);
    refusals(app, &mut text);
    Process::read().write(app.started_ms, &mut text);
    (headers, text.finish())
}

fn requests(app: &App, text: &mut Text) {
    let metrics = &app.metrics;
    let labels =
        |class: &'static str, status: u16| [("class", class.to_owned()), ("status", status.to_string())];
    let requests = metrics.requests().into_iter();
    text.counters(
        "safelight_requests_total",
        "Requests answered, by what they were for and the status of the answer.",
        requests.map(|(class, status, count)| (labels(class.as_str(), status), count)),
    );
    let failures = metrics.failures().into_iter();
    text.counters(
        "safelight_errors_total",
        "Requests that were refused or failed, by type.",
        failures.map(|(failure, count)| ([("type", failure.as_str().to_owned())], count)),
    );
    let durations = metrics.durations().into_iter();
    text.histograms(
        "safelight_request_duration_seconds",
        "Time from the head of a request to its answer, by what it was for.",
        "class",
        durations.map(|(class, reading)| (class.as_str(), reading)),
    );
    let spans = metrics.spans().into_iter();
    text.histograms(
        "safelight_request_span_duration_seconds",
        "Parts of the time of pictures that were made for a request.",
        "span",
        spans.map(|(span, reading)| (span.as_str(), reading)),
    );
    let help = "Requests that are being answered.";
    text.gauge("safelight_requests_in_progress", help, metrics.in_progress());
}

fn workers(counters: &Counters, text: &mut Text) {
    text.gauge("safelight_images_in_progress", "Jobs that a render worker is at.", counters.working);
    text.gauge("safelight_workers", "Render workers that there may be.", counters.places);
    let utilization = 100.0 * counters.working as f64 / counters.places.max(1) as f64;
    text.gauge("safelight_workers_utilization", "Percentage of them that is at a job.", utilization);
    let name = "safelight_render_jobs_total";
    text.counter(name, "Jobs that a render worker has answered.", counters.jobs);
    let name = "safelight_render_busy_total";
    text.counter(name, "Jobs refused because the queue was full.", counters.busy);
    text.counter("safelight_render_worker_starts_total", "Render workers started.", counters.starts);
    let ends = [
        ("retired", counters.retired),
        ("timeout", counters.timeouts),
        ("signal", counters.signals),
        ("failure", counters.failures),
    ];
    text.counters(
        "safelight_render_worker_ends_total",
        "Render workers that have ended, by cause.",
        ends.map(|(cause, count)| ([("cause", cause.to_owned())], count)),
    );
    text.gauge("safelight_render_waiting", "Jobs that wait for a render worker.", counters.waiting);
    text.gauge("safelight_render_workers", "Render workers that are running.", counters.workers);
}

fn deliveries(app: &App, text: &mut Text) {
    for (measure, count) in app.usage.totals() {
        let help = "Deliveries of all accounts, counted as in the usage of each.";
        text.counter(&format!("safelight_delivery_{}_total", measure.as_str()), help, count);
    }
}

fn stores(app: &App, text: &mut Text) {
    let help = "Bytes of renditions in memory, their keys included.";
    text.gauge("safelight_rendition_memory_bytes", help, app.blobs.memory_bytes());
    let help = "For how long other nodes may have changed the catalog without this one knowing; 0 where there are none.";
    text.gauge("safelight_catalog_age_seconds", help, app.catalog.age_of_knowledge().as_secs_f64());
    let Some(counts) = app.blobs.store_counts() else { return };
    text.counters(
        "safelight_store_requests_total",
        "Requests to the S3-compatible store, repeated ones too, by method.",
        counts.requests.into_iter().map(|(method, count)| ([("method", method.as_str().to_owned())], count)),
    );
    text.counters(
        "safelight_store_errors_total",
        "Those without a good answer, by type.",
        counts.faults.into_iter().map(|(fault, count)| ([("type", fault.as_str().to_owned())], count)),
    );
}

fn refusals(app: &App, text: &mut Text) {
    let totals = app.refusals.totals().into_iter();
    text.counters(
        "safelight_limit_refusals_total",
        "Refused to keep within a limit, by cause.",
        totals.map(|(cause, count)| ([("cause", cause.as_str().to_owned())], count)),
    );
}
