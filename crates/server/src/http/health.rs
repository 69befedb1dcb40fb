//! Health checks for supervisors and load balancers.

use crate::app::App;
use axum::extract::State;
use http::{HeaderName, StatusCode, header};
use safelight_domain::caching::NO_STORE;
use std::sync::Arc;

/// A cache in front must not answer in the server's place.
type Told = ([(HeaderName, &'static str); 1], &'static str);

/// `GET /health/live`: the process answers.
pub(super) async fn live() -> Told {
    told("live\n")
}

/// `GET /health/ready`: catalog and worker processes answer too; 503 names the one that does not.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Told) {
    if let Err(error) = app.catalog.check().await {
        tracing::error!(error = error.to_string(), "the catalog is not ready");
        return (StatusCode::SERVICE_UNAVAILABLE, told("the catalog is not ready\n"));
    }
    match app.renderer.check().await {
        // A full queue is a working pool.
        Ok(_) | Err(crate::renderer::RenderError::Busy(_)) => (StatusCode::OK, told("ready\n")),
        Err(error) => {
            tracing::error!(error = error.to_string(), "the render workers are not ready");
            (StatusCode::SERVICE_UNAVAILABLE, told("the render workers are not ready\n"))
        }
    }
}

fn told(text: &'static str) -> Told {
    ([(header::CACHE_CONTROL, NO_STORE)], text)
}
