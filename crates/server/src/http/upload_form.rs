//! The multipart form of an upload, read once under limits.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::images::{bad_custom_id, parse_creator, privacy};
use crate::http::metadata::FormMetadata;
use crate::ingest::NewUpload;
use crate::staging::{StageError, Staged};
use axum::BoxError;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{StatusCode, header};
use multer::{Field, Multipart};
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

/// Reads `file`, `id`, `metadata`, `requireSignedURLs` and `creator` in any order; the file goes
/// to disk as it arrives, and nothing of it is left when the form is refused.
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
    fields.finish()
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
        if let Some(known) = ["id", "requireSignedURLs", "creator"].into_iter().find(|known| *known == name) {
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
            "url" => {
                return Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    5454,
                    "Uploading by 'url' is not available, send the image as the field 'file'",
                ));
            }
            // Fields that nobody knows are ignored, as Cloudflare does.
            _ => {
                self.metadata.take(&name, &text)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<NewUpload, ApiError> {
        let (staged, filename) =
            self.file.ok_or_else(|| ApiError::bad_request("the form has no field 'file' with the image"))?;
        Ok(NewUpload {
            staged,
            filename,
            id: self.id,
            metadata: self.metadata.finish()?,
            creator: parse_creator(self.creator)?,
            privacy: self.privacy.unwrap_or(Privacy::Public),
        })
    }
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
        StageError::TooLarge { limit } => {
            ApiError::too_large(format!("an image may have at most {limit} bytes"))
        }
        StageError::Source(error) => malformed(&error),
        StageError::Io(error) => ApiError::internal(&error),
    }
}

fn malformed(error: &multer::Error) -> ApiError {
    ApiError::bad_request(format!("the form is malformed or ended early: {error}"))
}
