//! One log line for each request, and the request id that ties other lines to it.

use crate::app::App;
use crate::http::client;
use crate::metrics::{Class, Failure};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method};
use safelight_domain::direct_upload;
use safelight_domain::signature::redact;
use std::sync::Arc;
use std::time::Instant;
use tracing::{Instrument, Level};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives a request its id, and logs how it was answered. The value of `sig` and the
/// secret of an upload URL are never logged.
pub(super) async fn requests(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let class = class_of(&request);
    let began = Instant::now();
    let response = around(&app, request, async |request| (next.run(request).await, class)).await;
    app.metrics.took(class, began.elapsed());
    if let Some(failure) = Failure::of_status(response.status().as_u16()) {
        app.metrics.failed(failure);
    }
    response
}

/// What a request that is for no picture of an account is for.
fn class_of(request: &Request) -> Class {
    let path = request.uri().path();
    let begins = |starts: &[&str]| starts.iter().any(|start| path.starts_with(start));
    if begins(&["/cdn-cgi/image/"]) {
        Class::Remote
    } else if begins(&["/cdn-cgi/imageupload/"])
        || *request.method() == Method::POST && path.ends_with("images/v1")
    {
        Class::Upload
    } else if begins(&["/client/v4/", "/images/", "/safelight/"]) {
        Class::Api
    } else {
        Class::Other
    }
}

/// Whether anybody reads how requests were answered. What nobody reads is not made.
pub(super) fn is_read() -> bool {
    tracing::enabled!(Level::INFO)
}

/// The same around whatever answers and says as what it is counted, but for times and faults.
pub(super) async fn around<F: Future<Output = (Response, Class)>>(
    app: &App,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let id = app.request_ids.next();
    let _in_progress = app.metrics.begin();
    let (mut response, class) =
        if is_read() { logged(app, &id, request, answer).await } else { answer(request).await };
    app.metrics.answered(class, response.status().as_u16());
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn logged<F: Future<Output = (Response, Class)>>(
    app: &App,
    id: &str,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> (Response, Class) {
    let method = request.method().clone();
    let target = log_target(request.uri().path_and_query().map_or("/", |target| target.as_str()));
    let client = client::address(app, request.extensions(), request.headers());
    let client = client.map(|client| client.to_string()).unwrap_or_default();
    let start = Instant::now();
    let span = tracing::info_span!("request", id);
    let (response, class) = answer(request).instrument(span.clone()).await;
    let milliseconds = start.elapsed().as_micros() as f64 / 1000.0;
    let status = response.status().as_u16();
    span.in_scope(|| tracing::info!(%method, target, status, milliseconds, client, "answered"));
    (response, class)
}

/// A target without what opens images or takes uploads.
fn log_target(target: &str) -> String {
    direct_upload::redact(&redact(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_by_what_they_are_for() {
        for (method, path, class) in [
            ("GET", "/cdn-cgi/image/width=1/a.png", Class::Remote),
            ("POST", "/cdn-cgi/imageupload/hash/secret", Class::Upload),
            ("POST", "/client/v4/accounts/a/images/v1", Class::Upload),
            ("POST", "/images/v1", Class::Upload),
            ("GET", "/client/v4/accounts/a/images/v1", Class::Api),
            ("GET", "/safelight/v1/whoami", Class::Api),
            ("GET", "/dashboard/", Class::Other),
            ("GET", "/metrics", Class::Other),
        ] {
            let request = Request::builder().method(method).uri(path).body(axum::body::Body::empty());
            assert_eq!(class_of(&request.expect("a request")), class, "{method} {path}");
        }
    }

    #[test]
    fn targets_are_logged_without_their_secrets() {
        assert_eq!(log_target("/a/b/public?exp=1&sig=2"), "/a/b/public?exp=1&sig=…");
        assert_eq!(log_target("/cdn-cgi/imageupload/hash/secret?a"), "/cdn-cgi/imageupload/…");
    }
}
