//! Cloudflare's envelope around every result, and reading JSON bodies under a limit.

use crate::http::error::ApiError;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use http_body_util::LengthLimitError;
use safelight_domain::caching::NO_STORE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest JSON body in bytes: a metadata object of 1,024 bytes with every character escaped fits
/// many times over.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// A successful answer; `result` is what the endpoint documents.
pub(super) struct Success<T>(pub T);

#[derive(Serialize)]
struct Envelope<T> {
    result: T,
    success: bool,
    errors: [(); 0],
    messages: [(); 0],
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        let envelope = Envelope { result: self.0, success: true, errors: [], messages: [] };
        match serde_json::to_vec(&envelope) {
            Ok(body) => (
                StatusCode::OK,
                [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, NO_STORE)],
                body,
            )
                .into_response(),
            Err(error) => ApiError::internal(&error).into_response(),
        }
    }
}

/// The empty result `{}`.
pub(super) fn empty() -> Success<Value> {
    Success(Value::Object(serde_json::Map::new()))
}

/// Reads a JSON body of at most 64 KiB.
pub(super) async fn json_body<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    json_body_within(body, MAX_JSON_BYTES).await
}

/// Reads a JSON body of at most `max_bytes`.
pub(super) async fn json_body_within<T: DeserializeOwned>(
    body: Body,
    max_bytes: usize,
) -> Result<T, ApiError> {
    let bytes = axum::body::to_bytes(body, max_bytes).await.map_err(|error| {
        if std::error::Error::source(&error).is_some_and(|cause| cause.is::<LengthLimitError>()) {
            ApiError::too_large(format!("a JSON body may have at most {max_bytes} bytes"))
        } else {
            ApiError::bad_request("the body ended early")
        }
    })?;
    json_body_of(&bytes)
}

/// Reads a JSON body that is there already.
pub(super) fn json_body_of<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::bad_request(format!("the body is not valid: {error}")))
}
