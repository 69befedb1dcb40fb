//! One log line for each request, and the request id that ties other lines to it.

use crate::app::App;
use crate::http::client;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use safelight_domain::direct_upload;
use safelight_domain::signature::redact;
use std::sync::Arc;
use std::time::Instant;
use tracing::{Instrument, Level};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives a request its id, and logs how it was answered. The value of `sig` and the
/// secret of an upload URL are never logged.
pub(super) async fn requests(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    around(&app, request, |request| next.run(request)).await
}

/// Whether anybody reads how requests were answered. What nobody reads is not made.
pub(super) fn is_read() -> bool {
    tracing::enabled!(Level::INFO)
}

/// The same around whatever answers.
pub(super) async fn around<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let id = app.request_ids.next();
    let mut response =
        if is_read() { logged(app, &id, request, answer).await } else { answer(request).await };
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn logged<F: Future<Output = Response>>(
    app: &App,
    id: &str,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let method = request.method().clone();
    let target = log_target(request.uri().path_and_query().map_or("/", |target| target.as_str()));
    let client = client::address(app, request.extensions(), request.headers());
    let client = client.map(|client| client.to_string()).unwrap_or_default();
    let start = Instant::now();
    let span = tracing::info_span!("request", id);
    let response = answer(request).instrument(span.clone()).await;
    let milliseconds = start.elapsed().as_micros() as f64 / 1000.0;
    let status = response.status().as_u16();
    span.in_scope(|| tracing::info!(%method, target, status, milliseconds, client, "answered"));
    response
}

/// A target without what opens images or takes uploads.
fn log_target(target: &str) -> String {
    direct_upload::redact(&redact(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_logged_without_their_secrets() {
        assert_eq!(log_target("/a/b/public?exp=1&sig=2"), "/a/b/public?exp=1&sig=…");
        assert_eq!(log_target("/cdn-cgi/imageupload/hash/secret?a"), "/cdn-cgi/imageupload/…");
    }
}
