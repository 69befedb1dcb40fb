//! Direct creator uploads: links for those without a token, and the uploads by them.

use crate::app::App;
use crate::direct::{self, DirectError, DraftError, NewDraft};
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, json_body_of};
use crate::http::error::{ApiError, DeliveryError};
use crate::http::form::{Form, Given, Particulars, filename, least_file, text};
use crate::http::images::{
    ImageBody, VariantUrls, bad_custom_id, custom_id_is_private, id_is_taken, over_quota, parse_creator,
    privacy, public_origin, refused_upload,
};
use crate::http::metadata;
use crate::ingest::{IngestError, require_room};
use crate::staging::Staged;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use safelight_domain::direct_upload::{LinkError, UploadLink};
use safelight_domain::image::{Image, ImageId};
use safelight_domain::token::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Largest form that asks for a link, in bytes: it has no file, and every field at its limit fits
/// several times over.
const MAX_FORM_BYTES: usize = 128 * 1024;

/// `result` of a request for a link.
#[derive(Serialize)]
pub(super) struct LinkBody {
    id: String,
    #[serde(rename = "uploadURL")]
    upload_url: String,
}

/// JSON body of v1. Cloudflare documents `expiry` and `requireSignedURLs`; a further field that
/// was ignored would be missed later.
#[derive(Default, Deserialize)]
struct LinkRequest {
    id: Option<String>,
    metadata: Option<Value>,
    creator: Option<String>,
    #[serde(rename = "requireSignedURLs")]
    require_signed_urls: Option<bool>,
    expiry: Option<String>,
}

/// `POST …/v2/direct_upload`: a form without a file, also an empty one.
pub(super) async fn create_v2(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    request: Request,
) -> Result<Success<LinkBody>, ApiError> {
    let (head, body) = request.into_parts();
    let bytes = whole(body).await?;
    let given = if bytes.is_empty() && !has_type(&head.headers, "application/json") {
        Particulars::default().finish()?
    } else {
        read_form(&head.headers, bytes).await?
    };
    create(&app, caller.account(), given).await
}

/// `POST …/v1/direct_upload`: JSON, a form, or nothing.
pub(super) async fn create_v1(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    request: Request,
) -> Result<Success<LinkBody>, ApiError> {
    let (head, body) = request.into_parts();
    let bytes = whole(body).await?;
    let given = if bytes.is_empty() {
        Particulars::default().finish()?
    } else if has_type(&head.headers, "application/json") {
        json_body_of::<LinkRequest>(&bytes)?.parsed()?
    } else {
        read_form(&head.headers, bytes).await?
    };
    create(&app, caller.account(), given).await
}

async fn create(
    app: &App,
    account: &safelight_domain::account::AccountId,
    given: Given,
) -> Result<Success<LinkBody>, ApiError> {
    let Given { id, metadata, creator, privacy, expiry } = given;
    let expires_ms = expiry.as_deref().map(moment_ms).transpose()?;
    let hash = app.catalog.find_account(account).await?.ok_or(Refusal::OtherAccount)?.hash;
    let new = NewDraft { id, metadata, creator, privacy, expires_ms };
    let link = direct::promise(app, account, &hash, new).await.map_err(|error| match error {
        DraftError::Expiry(error) => ApiError::bad_request(error),
        DraftError::PrivateCustomId => custom_id_is_private(),
        DraftError::Exists => id_is_taken(),
        full @ DraftError::Full => ApiError::new(StatusCode::TOO_MANY_REQUESTS, 5429, full.to_string()),
        DraftError::Catalog(error) => error.into(),
    })?;
    let upload_url = format!("{}{}", public_origin(app), link.path);
    Ok(Success(LinkBody { id: link.id.as_str().to_owned(), upload_url }))
}

async fn whole(body: Body) -> Result<Bytes, ApiError> {
    axum::body::to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| {
        ApiError::bad_request(format!(
            "the request for an upload URL must have at most {MAX_FORM_BYTES} bytes: send the image to that URL"
        ))
    })
}

async fn read_form(headers: &HeaderMap, bytes: Bytes) -> Result<Given, ApiError> {
    let mut form = Form::open(headers, Body::from(bytes))?;
    let mut particulars = Particulars::default();
    while let Some(mut field) = form.next().await? {
        let name = field.name().unwrap_or_default().to_owned();
        if ["file", "url"].contains(&name.as_str()) {
            return Err(ApiError::bad_request(format!(
                "the request for an upload URL has no field '{name}': send the image to that URL"
            )));
        }
        particulars.take(&name, text(&mut field, &name).await?)?;
    }
    particulars.finish()
}

fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(wanted))
}

impl LinkRequest {
    fn parsed(self) -> Result<Given, ApiError> {
        let id = self.id.filter(|id| !id.is_empty()).map(|id| ImageId::custom(&id)).transpose();
        Ok(Given {
            id: id.map_err(|error| bad_custom_id(&error))?,
            metadata: metadata::from_value(self.metadata.unwrap_or(Value::Null))?,
            creator: parse_creator(self.creator)?,
            privacy: privacy(self.require_signed_urls.unwrap_or(false)),
            expiry: self.expiry.filter(|text| !text.is_empty()),
        })
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z of a moment in RFC 3339.
fn moment_ms(text: &str) -> Result<i64, ApiError> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .and_then(|moment| i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok())
        .ok_or_else(|| {
            ApiError::bad_request(
                "expiry must be a moment in RFC 3339, for instance 2026-01-31T16:39:28Z, from 2 minutes to 6 hours ahead",
            )
        })
}

/// `POST /cdn-cgi/imageupload/{account hash}/{secret}`: no token, one time. Browsers of any origin
/// may read every answer.
pub(super) async fn upload(State(app): State<Arc<App>>, request: Request) -> Response {
    let mut response = match *request.method() {
        Method::POST => match receive(&app, request).await {
            Ok(answer) => answer.into_response(),
            Err(error) => DeliveryError::from(error).into_response(),
        },
        Method::OPTIONS => return preflight(),
        _ => {
            let error = DeliveryError::new(StatusCode::METHOD_NOT_ALLOWED, 5400, "Only POST is allowed");
            ([(header::ALLOW, "POST, OPTIONS")], error).into_response()
        }
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn preflight() -> Response {
    (
        StatusCode::NO_CONTENT,
        [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
            // `*` does not cover the one that some clients send although nobody asks for it.
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "*, Authorization"),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
            (header::CACHE_CONTROL, "no-store"),
        ],
    )
        .into_response()
}

async fn receive(app: &App, request: Request) -> Result<Success<ImageBody>, ApiError> {
    let link = UploadLink::parse(request.uri().path()).ok_or_else(|| refused_link(LinkError::Unknown))?;
    let draft = direct::draft_of(app, &link).await.map_err(refused)?;
    let time = app.config.direct_upload_time;
    let received = tokio::time::timeout(time, async {
        let room = require_room(app, &draft.account, least_file(request.headers())).await;
        room.map_err(|error| refused(error.into()))?;
        let (staged, filename) = read_file(app, request).await?;
        direct::upload(app, &link, &draft, staged, filename).await.map_err(refused)
    });
    let received = received.await.unwrap_or_else(|_| {
        let text = format!("The upload took longer than {} seconds", time.as_secs());
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, 5408, text))
    });
    match received {
        Ok(image) => Ok(Success(image_body(app, image).await?)),
        Err(error) => {
            if let Some((code, text)) = error.of_client() {
                direct::note_refusal(app, &link, &draft, code, text).await;
            }
            Err(error)
        }
    }
}

/// The file of a form; other fields are ignored, since many widgets send some. A field `file`
/// without a file name gives way to one that has it: some widgets send a text of that name first.
async fn read_file(app: &App, request: Request) -> Result<(Staged, Option<String>), ApiError> {
    let (head, body) = request.into_parts();
    let mut form = Form::open(&head.headers, body)?;
    let mut file: Option<(Staged, Option<String>)> = None;
    while let Some(mut field) = form.next().await? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != "file" {
            text(&mut field, &name).await?;
            continue;
        }
        let filename = filename(&field);
        match &file {
            Some((_, None)) if filename.is_some() => {}
            Some(_) => return Err(ApiError::bad_request("the field 'file' is given twice")),
            None => {}
        }
        file = Some((form.stage(app, field).await?, filename));
    }
    file.ok_or_else(|| ApiError::bad_request("the form has no field 'file' with the image"))
}

/// The image as its uploader sees it: what the account noted about it is the account's alone.
async fn image_body(app: &App, image: Image) -> Result<ImageBody, ApiError> {
    let urls = VariantUrls::of(app, &image.account).await?;
    let shown = Image { metadata: Default::default(), creator: None, ..image };
    ImageBody::new(&shown, &urls)
}

fn refused(error: DirectError) -> ApiError {
    match error {
        DirectError::Link(error) => refused_link(error),
        // How much the account has is none of the uploader's business.
        DirectError::Ingest(IngestError::Quota(_)) => over_quota("The account takes no further images"),
        DirectError::Ingest(error) => refused_upload(error),
        DirectError::Catalog(error) => error.into(),
    }
}

fn refused_link(error: LinkError) -> ApiError {
    let (status, code, text) = match error {
        LinkError::Unknown => (StatusCode::NOT_FOUND, 5404, "There is no such upload URL"),
        LinkError::Expired => (StatusCode::GONE, 5404, "The upload URL has expired: ask for another one"),
        LinkError::Used => {
            (StatusCode::CONFLICT, 5409, "The upload URL was used already: ask for another one")
        }
    };
    ApiError::new(status, code, text)
}
