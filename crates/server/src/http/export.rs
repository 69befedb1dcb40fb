//! Originals as one archive, below `/safelight/v1`.

use crate::app::App;
use crate::export::{self, ExportError, MAX_IMAGES};
use crate::http::auth::AnyCaller;
use crate::http::envelope::json_body_within;
use crate::http::error::ApiError;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use safelight_domain::caching::NO_STORE;
use safelight_domain::image::ImageId;
use safelight_domain::token::Scope;
use serde::Deserialize;
use std::sync::Arc;

/// Largest body in bytes: as many of the longest ids as may be, of four bytes a character.
const MAX_BODY_BYTES: usize = MAX_IMAGES * (ImageId::MAX_CHARS * 4 + 4);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportBody {
    images: Vec<String>,
}

/// `POST /safelight/v1/accounts/{account_id}/export`: needs the scope `read`, since it changes nothing.
pub(super) async fn export(
    State(app): State<Arc<App>>,
    AnyCaller(caller): AnyCaller,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::Read)?;
    let body: ExportBody = json_body_within(body, MAX_BODY_BYTES).await?;
    if !(1..=MAX_IMAGES).contains(&body.images.len()) {
        return Err(ApiError::bad_request(format!("images must have 1 to {MAX_IMAGES} image IDs")));
    }
    let ids: Vec<ImageId> = body.images.iter().map(|id| ImageId::named(id)).collect();
    let pieces = export::export(&app, &caller, &ids).await.map_err(refused)?;
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let disposition = HeaderValue::from_static("attachment; filename=\"images.zip\"");
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

fn refused(error: ExportError) -> ApiError {
    match error {
        ExportError::Unknown(id) => {
            ApiError::new(StatusCode::NOT_FOUND, 5404, format!("Image not found: {}", id.as_str()))
        }
        ExportError::Refused(refusal) => refusal.into(),
        ExportError::Catalog(error) => error.into(),
    }
}
