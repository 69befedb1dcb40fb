//! Health checks for supervisors and load balancers.

use crate::app::App;
use axum::extract::State;
use http::StatusCode;
use std::sync::Arc;

/// `GET /health/live`: the process answers.
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// `GET /health/ready`: catalog and worker processes answer too; 503 names the one that does not.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if let Err(error) = app.catalog.check().await {
        tracing::error!(error = error.to_string(), "the catalog is not ready");
        return (StatusCode::SERVICE_UNAVAILABLE, "the catalog is not ready\n");
    }
    match app.renderer.check().await {
        // A full queue is a working pool.
        Ok(()) | Err(crate::renderer::RenderError::Busy) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(error = error.to_string(), "the render workers are not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the render workers are not ready\n")
        }
    }
}
