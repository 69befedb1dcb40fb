//! The multipart form of an upload, read once under limits.

use crate::app::App;
use crate::fetch::{Download, DownloadError, FetchError, Target};
use crate::http::error::ApiError;
use crate::http::images::{bad_custom_id, parse_creator, privacy};
use crate::http::metadata::FormMetadata;
use crate::ingest::NewUpload;
use crate::staging::{StageError, Staged};
use axum::BoxError;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode, header};
use multer::{Field, Multipart};
use safelight_domain::delivery_url::percent_decode;
use safelight_domain::image::{ImageId, Privacy};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Longest text field in bytes; the longest useful one is a custom id of 1,024 characters.
const MAX_FIELD_BYTES: usize = 8 * 1024;
/// Most fields in a form.
const MAX_FIELDS: usize = 100;
/// Most bytes that may come before the form's first field, or within the headers of one, counted
/// whenever a further piece of the body is taken. The parser has no limit of its own on them.
const MAX_BETWEEN_FIELDS: usize = 1 << 20;
/// Longest file name kept, in characters.
const MAX_FILENAME_CHARS: usize = 255;

/// Reads `file` or `url`, `id`, `metadata`, `requireSignedURLs` and `creator` in any order; the file goes
/// to disk as it arrives, and nothing of it is left when the form is refused. What `url` names is fetched
/// when the whole form is known to be good.
pub(super) async fn read(app: &App, request: Request) -> Result<NewUpload, ApiError> {
    let boundary = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| multer::parse_boundary(value).ok())
        .ok_or_else(|| {
            ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                5415,
                "The Content-Type must be multipart/form-data with a boundary",
            )
        })?;
    let fieldless = Fieldless::default();
    let mut form = Multipart::new(fieldless.bound(request.into_body().into_data_stream()), boundary);
    let mut fields = Fields::default();
    let mut count = 0;
    while let Some(field) = form.next_field().await.map_err(|error| malformed(&error))? {
        count += 1;
        if count > MAX_FIELDS {
            return Err(ApiError::bad_request(format!("the form may have at most {MAX_FIELDS} fields")));
        }
        fields.take(app, field, &fieldless).await?;
        fieldless.reset();
    }
    fields.finish(app).await
}

/// Counts the bytes that the parser took since it last gave something out.
#[derive(Clone, Default)]
struct Fieldless(Arc<AtomicUsize>);

impl Fieldless {
    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The same pieces, up to the first that comes after too many bytes.
    fn bound<E: Into<BoxError>>(
        &self,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> impl Stream<Item = Result<Bytes, BoxError>> {
        let taken = self.clone();
        pieces.map(move |piece| {
            let piece = piece.map_err(Into::into)?;
            if taken.0.fetch_add(piece.len(), Ordering::Relaxed) > MAX_BETWEEN_FIELDS {
                return Err(format!("more than {MAX_BETWEEN_FIELDS} bytes belong to no field").into());
            }
            Ok(piece)
        })
    }
}

#[derive(Default)]
struct Fields {
    /// The fields so far that may be given once.
    given: Vec<&'static str>,
    file: Option<(Staged, Option<String>)>,
    url: Option<Target>,
    id: Option<ImageId>,
    metadata: FormMetadata,
    privacy: Option<Privacy>,
    creator: Option<String>,
}

impl Fields {
    async fn take(&mut self, app: &App, mut field: Field<'_>, fieldless: &Fieldless) -> Result<(), ApiError> {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            if self.file.is_some() {
                return Err(ApiError::bad_request("the field 'file' is given twice"));
            }
            let filename = field.file_name().map(shortened).filter(|name| !name.is_empty());
            let limit = app.config.max_upload_bytes;
            let pieces = (&mut field).inspect(|_| fieldless.reset());
            let staged = app.staging.stage(pieces, limit).await.map_err(refused_file)?;
            self.file = Some((staged, filename));
            return Ok(());
        }
        let text = text(&mut field, &name).await?;
        // Of two values that disagree neither is right, least of all one that makes an image public.
        if let Some(known) =
            ["id", "requireSignedURLs", "creator", "url"].into_iter().find(|known| *known == name)
        {
            if self.given.contains(&known) {
                return Err(ApiError::bad_request(format!("the field '{known}' is given twice")));
            }
            self.given.push(known);
        }
        match name.as_str() {
            "id" if text.is_empty() => {}
            "id" => self.id = Some(ImageId::custom(&text).map_err(|error| bad_custom_id(&error))?),
            "requireSignedURLs" => self.privacy = Some(privacy(parse_flag(&name, &text)?)),
            "creator" => self.creator = Some(text),
            "url" if text.is_empty() => {}
            "url" => self.url = Some(Target::parse(&text).map_err(|error| not_fetched(error.into()))?),
            // Fields that nobody knows are ignored, as Cloudflare does.
            _ => {
                self.metadata.take(&name, &text)?;
            }
        }
        Ok(())
    }

    async fn finish(self, app: &App) -> Result<NewUpload, ApiError> {
        let metadata = self.metadata.finish()?;
        let creator = parse_creator(self.creator)?;
        let (staged, filename) = match (self.file, self.url) {
            (Some(file), None) => file,
            (None, Some(url)) => fetch(app, url).await?,
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_request("the form has both fields 'file' and 'url', give one"));
            }
            (None, None) => {
                return Err(ApiError::bad_request("the form has no field 'file' or 'url' with the image"));
            }
        };
        let privacy = self.privacy.unwrap_or(Privacy::Public);
        Ok(NewUpload { staged, filename, id: self.id, metadata, creator, privacy })
    }
}

/// The file that a URL names, and its name if the URL has one.
async fn fetch(app: &App, target: Target) -> Result<(Staged, Option<String>), ApiError> {
    let last = target.url().path_segments().and_then(|mut segments| segments.next_back());
    let name = last.and_then(percent_decode).map(|name| shortened(&name));
    let name = name.filter(|name| name.contains('.'));
    let limit = app.config.max_upload_bytes;
    match app.fetch.download(&app.staging, target, HeaderMap::new(), limit).await {
        Ok(Download::Whole { staged, .. }) => Ok((staged, name)),
        Ok(Download::Unchanged { .. }) => Err(not_fetched(DownloadError::Status(StatusCode::NOT_MODIFIED))),
        Err(error) => Err(not_fetched(error)),
    }
}

fn not_fetched(error: DownloadError) -> ApiError {
    let status = match &error {
        DownloadError::Disk(error) => return ApiError::internal(error),
        DownloadError::Fetch(FetchError::Busy) => return ApiError::busy(),
        DownloadError::Fetch(FetchError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    ApiError::new(status, 5454, format!("The image cannot be fetched from 'url': {error}"))
}

async fn text(field: &mut Field<'_>, name: &str) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| malformed(&error))? {
        if bytes.len() + chunk.len() > MAX_FIELD_BYTES {
            let text = format!("the field '{}' is longer than {MAX_FIELD_BYTES} bytes", shortened(name));
            return Err(ApiError::bad_request(text));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes)
        .map_err(|_| ApiError::bad_request(format!("the field '{}' must be UTF-8", shortened(name))))
}

fn parse_flag(name: &str, text: &str) -> Result<bool, ApiError> {
    match text {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(ApiError::bad_request(format!("the field '{name}' must be true or false"))),
    }
}

fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(MAX_FILENAME_CHARS).collect()
}

fn refused_file(error: StageError<multer::Error>) -> ApiError {
    match error {
        StageError::TooLarge { limit } => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            7011,
            format!("Request entity is too large: an image may have at most {limit} bytes"),
        ),
        StageError::Source(error) => malformed(&error),
        StageError::Io(error) => ApiError::internal(&error),
    }
}

fn malformed(error: &multer::Error) -> ApiError {
    ApiError::bad_request(format!("the form is malformed or ended early: {error}"))
}
