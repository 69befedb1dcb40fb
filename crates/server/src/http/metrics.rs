//! `GET /metrics`: what the server counts, in Prometheus' text format.

use crate::app::App;
use crate::http::auth::Presented;
use crate::http::error::ApiError;
use crate::renderer::Counters;
use crate::usage::Measure;
use axum::extract::State;
use http::{HeaderName, header};
use safelight_domain::caching::NO_STORE;
use safelight_domain::token::Scope;
use std::sync::Arc;

/// How the workers fare tells about every account, so it takes an instance admin's token; an address
/// would prove nothing behind a proxy.
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    presented: Presented,
) -> Result<([(HeaderName, &'static str); 2], String), ApiError> {
    presented.require_instance_admin(Scope::Read)?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (header::CACHE_CONTROL, NO_STORE),
    ];
    Ok((headers, text(&app.renderer.counters(), &app.usage.totals())))
}

fn text(counters: &Counters, totals: &[(Measure, u64)]) -> String {
    let mut text = String::new();
    let mut add = |name: &str, kind: &str, help: &str, lines: &[(&str, u64)]| {
        text.push_str(&format!("# HELP safelight_{name} {help}\n# TYPE safelight_{name} {kind}\n"));
        for (label, value) in lines {
            text.push_str(&format!("safelight_{name}{label} {value}\n"));
        }
    };
    add("render_jobs_total", "counter", "Jobs that a render worker has answered.", &[("", counters.jobs)]);
    add("render_busy_total", "counter", "Jobs refused because the queue was full.", &[("", counters.busy)]);
    add("render_worker_starts_total", "counter", "Render workers started.", &[("", counters.starts)]);
    add(
        "render_worker_ends_total",
        "counter",
        "Render workers that have ended, by cause.",
        &[
            ("{cause=\"retired\"}", counters.retired),
            ("{cause=\"timeout\"}", counters.timeouts),
            ("{cause=\"signal\"}", counters.signals),
            ("{cause=\"failure\"}", counters.failures),
        ],
    );
    add("render_waiting", "gauge", "Jobs that wait for a render worker.", &[("", counters.waiting)]);
    add("render_workers", "gauge", "Render workers that are running.", &[("", counters.workers)]);
    for (measure, count) in totals {
        let help = "Deliveries of all accounts, counted as in the usage of each.";
        add(&format!("delivery_{}_total", measure.as_str()), "counter", help, &[("", *count)]);
    }
    text
}
