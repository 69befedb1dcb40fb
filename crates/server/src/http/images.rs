//! One image: upload, details, change, deletion, original.

use crate::app::App;
use crate::blobs::BlobError;
use crate::catalog::ImageChanges;
use crate::config::Compat;
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, empty, json_body};
use crate::http::error::ApiError;
use crate::http::form::least_file;
use crate::http::metadata;
use crate::http::upload_form;
use crate::ingest::{self, IngestError};
use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use safelight_domain::access::authorize_owner;
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::conditional::ETag;
use safelight_domain::delivery_url::{delivery_path, percent_decode};
use safelight_domain::direct_upload::Draft;
use safelight_domain::image::{Creator, CustomIdError, Image, ImageId, Metadata, Privacy, SourceFormat};
use safelight_domain::token::{Caller, Refusal};
use safelight_domain::variant::VariantName;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;
use time::macros::format_description;

/// An image on the wire.
#[derive(Serialize)]
pub(super) struct ImageBody {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    meta: Value,
    uploaded: String,
    #[serde(rename = "requireSignedURLs")]
    require_signed_urls: bool,
    variants: Vec<String>,
    creator: Option<String>,
    /// There, and true, only while the image is promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<bool>,
}

/// Body of PATCH; what is left out stays as it is.
#[derive(Deserialize)]
struct UpdateBody {
    metadata: Option<Value>,
    #[serde(rename = "requireSignedURLs")]
    require_signed_urls: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    creator: Option<Option<String>>,
}

/// Tells `"creator": null` (clear it) from no `creator` at all.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// `POST …/v1`
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    request: Request,
) -> Result<Success<ImageBody>, ApiError> {
    let least = least_file(request.headers());
    ingest::require_room(&app, caller.account(), least).await.map_err(refused_upload)?;
    let upload = upload_form::read(&app, request).await?;
    let image = ingest::ingest(&app, &caller, upload).await.map_err(refused_upload)?;
    one(&app, &image).await
}

/// `GET …/v1/{image_id}` and `GET …/v1/{image_id}/blob`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let raw = raw_id(uri.path())?;
    match raw.strip_suffix("/blob") {
        Some(raw) => blob(&app, &caller, &decode_id(raw)?).await,
        None => Ok(shown(&app, &find(&app, &caller, &decode_id(raw)?).await?).await?.into_response()),
    }
}

/// `PATCH …/v1/{image_id}`
pub(super) async fn update(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    OriginalUri(uri): OriginalUri,
    body: Body,
) -> Result<Success<ImageBody>, ApiError> {
    let id = decode_id(raw_id(uri.path())?)?;
    let body: UpdateBody = json_body(body).await?;
    let changes = ImageChanges {
        metadata: body.metadata.map(metadata::from_value).transpose()?,
        creator: body.creator.map(parse_creator).transpose()?,
        privacy: body.require_signed_urls.map(privacy),
    };
    if changes.privacy == Some(Privacy::RequireSigned)
        && app.config.compat == Compat::Strict
        && id.is_custom()
    {
        find(&app, &caller, &id).await?;
        return Err(custom_id_is_private());
    }
    // The draft first: it may become the image at any time, and never the other way round.
    let now_ms = app.clock.now_ms();
    if app.catalog.find_draft(caller.account(), &id, now_ms).await?.is_some()
        && let Some(draft) = app.catalog.update_draft(caller.account(), &id, changes.clone(), now_ms).await?
    {
        return shown(&app, &Found::Draft(draft)).await;
    }
    let catalog = app.catalog.by(caller.name(), now_ms);
    let image = catalog.update_image(caller.account(), &id, changes).await?;
    one(&app, &*image.ok_or_else(ApiError::image_not_found)?).await
}

/// `DELETE …/v1/{image_id}`: every URL of it stops working at once.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    OriginalUri(uri): OriginalUri,
) -> Result<Success<Value>, ApiError> {
    let id = decode_id(raw_id(uri.path())?)?;
    // The draft first, as above.
    let now_ms = app.clock.now_ms();
    if app.catalog.find_draft(caller.account(), &id, now_ms).await?.is_some()
        && app.catalog.delete_draft(caller.account(), &id, now_ms).await?
    {
        return Ok(empty());
    }
    let catalog = app.catalog.by(caller.name(), now_ms);
    if !catalog.delete_image(caller.account(), &id, now_ms).await? {
        return Err(ApiError::image_not_found());
    }
    Ok(empty())
}

async fn blob(app: &App, caller: &Caller, id: &ImageId) -> Result<Response, ApiError> {
    let image = app.catalog.find_image(caller.account(), id).await?.ok_or_else(ApiError::image_not_found)?;
    let granted = authorize_owner(&image, caller)?;
    let stream = app.blobs.original_stream(&granted).await.map_err(|error| match error {
        // Deleted since it was found.
        BlobError::Missing => ApiError::image_not_found(),
        error => ApiError::internal(&error),
    })?;
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(image.source.format.media_type()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(image.bytes));
    if let Ok(etag) = HeaderValue::from_str(ETag::of_original(&image.blob).as_str()) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}

/// What an id stands for.
enum Found {
    Image(Arc<Image>),
    /// A promised image: it has no bytes.
    Draft(Draft),
}

/// The image in memory, the draft, the image in the database: in this order neither is missed while
/// the one becomes the other.
async fn find(app: &App, caller: &Caller, id: &ImageId) -> Result<Found, ApiError> {
    let account = caller.account();
    if let Some(image) = app.catalog.remembered_image(account, id) {
        return Ok(Found::Image(image));
    }
    if let Some(draft) = app.catalog.find_draft(account, id, app.clock.now_ms()).await? {
        return Ok(Found::Draft(draft));
    }
    let image = app.catalog.stored_image(account, id).await?;
    image.map(Found::Image).ok_or_else(ApiError::image_not_found)
}

async fn shown(app: &App, found: &Found) -> Result<Success<ImageBody>, ApiError> {
    match found {
        Found::Image(image) => one(app, image).await,
        Found::Draft(draft) => {
            Ok(Success(ImageBody::of_draft(draft, &VariantUrls::of(app, &draft.account).await?)?))
        }
    }
}

async fn one(app: &App, image: &Image) -> Result<Success<ImageBody>, ApiError> {
    Ok(Success(ImageBody::new(image, &VariantUrls::of(app, &image.account).await?)?))
}

/// The variant URLs of an account's images: what is the same for all of them, put together once.
pub(super) struct VariantUrls {
    origin: String,
    hash: AccountHash,
    /// Sorted, so that answers do not change from one to the next.
    names: Vec<VariantName>,
}

impl VariantUrls {
    /// Those of the images of an account.
    pub(super) async fn of(app: &App, id: &AccountId) -> Result<VariantUrls, ApiError> {
        let found = app.catalog.own_delivery_account(id).await?;
        let (account, delivery) = found.ok_or(Refusal::OtherAccount)?;
        let mut names: Vec<_> = delivery.variants.keys().cloned().collect();
        names.sort();
        Ok(VariantUrls { origin: public_origin(app), hash: account.hash, names })
    }

    /// Those of one image.
    pub(super) fn of_image(&self, id: &ImageId) -> Vec<String> {
        let url = |name| format!("{}{}", self.origin, delivery_path(&self.hash, id, name));
        self.names.iter().map(url).collect()
    }
}

impl ImageBody {
    /// The wire form of an image.
    pub(super) fn new(image: &Image, urls: &VariantUrls) -> Result<ImageBody, ApiError> {
        Ok(ImageBody {
            id: image.id.as_str().to_owned(),
            filename: image.filename.clone(),
            meta: meta(&image.metadata)?,
            uploaded: rfc3339(image.uploaded_ms),
            require_signed_urls: image.privacy == Privacy::RequireSigned,
            variants: urls.of_image(&image.id),
            creator: image.creator.as_ref().map(|creator| creator.as_str().to_owned()),
            draft: None,
        })
    }

    /// The wire form of a promised image; `uploaded` is the moment of the promise.
    fn of_draft(draft: &Draft, urls: &VariantUrls) -> Result<ImageBody, ApiError> {
        Ok(ImageBody {
            id: draft.id.as_str().to_owned(),
            filename: None,
            meta: meta(&draft.metadata)?,
            uploaded: rfc3339(draft.created_ms),
            require_signed_urls: draft.privacy == Privacy::RequireSigned,
            variants: urls.of_image(&draft.id),
            creator: draft.creator.as_ref().map(|creator| creator.as_str().to_owned()),
            draft: Some(true),
        })
    }
}

/// Metadata on the wire.
pub(super) fn meta(metadata: &Metadata) -> Result<Value, ApiError> {
    serde_json::from_str(metadata.as_json()).map_err(|error| ApiError::internal(&error))
}

/// The public URL without its final slash.
pub(super) fn public_origin(app: &App) -> String {
    app.config.public_url.as_str().trim_end_matches('/').to_owned()
}

/// RFC 3339 in UTC with milliseconds, as every client of the API expects it.
pub(super) fn rfc3339(millis: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_default()
}

/// `requireSignedURLs` as a type.
pub(super) fn privacy(require_signed_urls: bool) -> Privacy {
    if require_signed_urls { Privacy::RequireSigned } else { Privacy::Public }
}

/// A creator from a request; none and the empty text are no creator.
pub(super) fn parse_creator(text: Option<String>) -> Result<Option<Creator>, ApiError> {
    text.filter(|text| !text.is_empty())
        .map(|text| Creator::parse(&text))
        .transpose()
        .map_err(|error| ApiError::bad_request(error.to_string()))
}

/// The refusal of a custom id.
pub(super) fn bad_custom_id(error: &CustomIdError) -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        5411,
        format!(
            "The Custom ID is invalid. Custom IDs can include 1024 characters or less, any number of subpaths, \
             and support the UTF-8 encoding standard for characters. Enter a new Custom ID and try again: {error}"
        ),
    )
}

/// The refusal of an id that an image or a draft has.
pub(super) fn id_is_taken() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, 5409, "Resource already exists: an image has this ID")
}

/// The refusal of what an account may not keep. 403, since SDKs repeat what 429 answers.
pub(super) fn over_quota(text: impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, 5453, text.to_string())
}

/// The refusal of a private image with a custom id.
pub(super) fn custom_id_is_private() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        5410,
        "The image contains a custom ID and cannot be set to private. To make the image private, delete and \
         upload the image again using a regular ID.",
    )
}

/// `image/jpeg, image/png or …`
fn accepted_types() -> String {
    let types = SourceFormat::ALL.map(SourceFormat::media_type);
    match types.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The refusal of an upload.
pub(super) fn refused_upload(error: IngestError) -> ApiError {
    match error {
        IngestError::PrivateCustomId => custom_id_is_private(),
        IngestError::Exists => id_is_taken(),
        IngestError::Quota(error) => over_quota(error),
        IngestError::NoRoom => ApiError::no_room(),
        IngestError::Busy => ApiError::busy(),
        // The bytes are judged, never the part's Content-Type: official SDKs send none or
        // application/octet-stream.
        IngestError::Unsupported(text) => ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            5455,
            format!("Uploaded image must have the content of {}: {text}", accepted_types()),
        ),
        IngestError::Undecodable(text) => {
            ApiError::new(StatusCode::BAD_REQUEST, 9422, format!("error during decoding: {text}"))
        }
        IngestError::TooLarge(text) => ApiError::new(StatusCode::BAD_REQUEST, 5443, text),
        IngestError::Internal(error) => ApiError::internal(error.as_ref()),
    }
}

/// What follows `…/images/v1/` in a raw path, so that `%2F` and `/` in ids stay apart from the
/// slashes of the route.
fn raw_id(path: &str) -> Result<&str, ApiError> {
    path.split_once("/images/v1/")
        .map(|(_, raw)| raw)
        .filter(|raw| !raw.is_empty())
        .ok_or_else(ApiError::image_not_found)
}

fn decode_id(raw: &str) -> Result<ImageId, ApiError> {
    let text = percent_decode(raw)
        .ok_or_else(|| ApiError::bad_request("the image ID in the path must be percent-encoded UTF-8"))?;
    Ok(ImageId::named(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_milliseconds() {
        assert_eq!(rfc3339(1_643_657_968_458), "2022-01-31T19:39:28.458Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn ids_are_cut_from_the_raw_path_and_decoded_once() {
        let id = |path: &str| raw_id(path).and_then(decode_id).map(|id| id.as_str().to_owned()).ok();
        assert_eq!(id("/client/v4/accounts/a/images/v1/x%2Fy").as_deref(), Some("x/y"));
        assert_eq!(id("/client/v4/accounts/a/images/v1/x/y").as_deref(), Some("x/y"));
        assert_eq!(id("/client/v4/accounts/a/images/v1/50%2525").as_deref(), Some("50%25"));
        assert_eq!(id("/client/v4/accounts/a/images/v1/a/images/v1/b").as_deref(), Some("a/images/v1/b"));
        assert_eq!(id("/client/v4/accounts/a/images/v1/%FF"), None);
        assert_eq!(id("/client/v4/accounts/a/images/v1/"), None);
    }
}
