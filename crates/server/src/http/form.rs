//! Multipart forms, read once and under limits.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::images::{bad_custom_id, parse_creator, privacy};
use crate::http::metadata::FormMetadata;
use crate::ingest::shortened;
use crate::refusals::Cause;
use crate::staging::{StageError, Staged};
use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode, header};
use multer::{Field, Multipart};
use safelight_domain::image::{Creator, ImageId, Metadata, Privacy};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Longest text field in bytes; the longest useful one is a custom id of 1,024 characters.
const MAX_FIELD_BYTES: usize = 8 * 1024;
/// Most fields in a form.
const MAX_FIELDS: usize = 100;
/// Most bytes that may come before the form's first field, or within the headers of one, counted
/// whenever a further piece of the body is taken. The parser has no limit of its own on them.
const MAX_BETWEEN_FIELDS: usize = 1 << 20;

/// A form that is being read.
pub(super) struct Form {
    parser: Multipart<'static>,
    fieldless: Fieldless,
    count: usize,
}

impl Form {
    /// Begins to read a body.
    pub(super) fn open(headers: &HeaderMap, body: Body) -> Result<Form, ApiError> {
        let boundary = boundary(headers).ok_or_else(|| {
            ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                5415,
                "The Content-Type must be multipart/form-data with a boundary",
            )
        })?;
        let fieldless = Fieldless::default();
        let parser = Multipart::new(fieldless.clone().bound(body.into_data_stream()), boundary);
        Ok(Form { parser, fieldless, count: 0 })
    }

    /// The next field. The one before must be read or dropped.
    pub(super) async fn next(&mut self) -> Result<Option<Field<'static>>, ApiError> {
        self.fieldless.reset();
        let Some(field) = self.parser.next_field().await.map_err(|error| malformed(&error))? else {
            return Ok(None);
        };
        self.count += 1;
        if self.count > MAX_FIELDS {
            return Err(ApiError::bad_request(format!("the form may have at most {MAX_FIELDS} fields")));
        }
        Ok(Some(field))
    }

    /// Puts a file on disk as it arrives.
    pub(super) async fn stage(&self, app: &App, mut field: Field<'static>) -> Result<Staged, ApiError> {
        let pieces = (&mut field).inspect(|_| self.fieldless.reset());
        let staged = app.staging.stage(pieces, app.config.max_upload_bytes).await;
        staged.map_err(|error| refused_file(app, error))
    }
}

/// How many bytes the file of a form has at least, by the length of the whole; 1 where that is not known.
pub(super) fn least_file(headers: &HeaderMap) -> u64 {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let around = (MAX_BETWEEN_FIELDS + MAX_FIELDS * MAX_FIELD_BYTES) as u64;
    length.unwrap_or(0_u64).saturating_sub(around).max(1)
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    multer::parse_boundary(value).ok()
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
        self,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> impl Stream<Item = Result<Bytes, BoxError>> {
        pieces.map(move |piece| {
            let piece = piece.map_err(Into::into)?;
            if self.0.fetch_add(piece.len(), Ordering::Relaxed) > MAX_BETWEEN_FIELDS {
                return Err(format!("more than {MAX_BETWEEN_FIELDS} bytes belong to no field").into());
            }
            Ok(piece)
        })
    }
}

/// What a form says of an image apart from its bytes.
#[derive(Default)]
pub(super) struct Particulars {
    /// The fields so far that may be given once.
    given: Vec<&'static str>,
    id: Option<ImageId>,
    metadata: FormMetadata,
    privacy: Option<Privacy>,
    creator: Option<String>,
    expiry: Option<String>,
}

/// The same, complete.
pub(super) struct Given {
    /// `id`
    pub id: Option<ImageId>,
    /// `metadata`
    pub metadata: Metadata,
    /// `creator`
    pub creator: Option<Creator>,
    /// `requireSignedURLs`
    pub privacy: Privacy,
    /// `expiry`, which only direct uploads have.
    pub expiry: Option<String>,
}

impl Particulars {
    /// Takes a field; fields that nobody knows are ignored, as Cloudflare does.
    pub(super) fn take(&mut self, name: &str, text: String) -> Result<(), ApiError> {
        // Of two values that disagree neither is right, least of all one that makes an image public.
        let known = ["id", "requireSignedURLs", "creator", "expiry"];
        if let Some(known) = known.into_iter().find(|known| *known == name) {
            if self.given.contains(&known) {
                return Err(ApiError::bad_request(format!("the field '{known}' is given twice")));
            }
            self.given.push(known);
        }
        match name {
            "id" if text.is_empty() => {}
            "id" => self.id = Some(ImageId::custom(&text).map_err(|error| bad_custom_id(&error))?),
            "requireSignedURLs" => self.privacy = Some(privacy(parse_flag(name, &text)?)),
            "creator" => self.creator = Some(text),
            "expiry" => self.expiry = Some(text),
            _ => {
                self.metadata.take(name, &text)?;
            }
        }
        Ok(())
    }

    /// What was taken.
    pub(super) fn finish(self) -> Result<Given, ApiError> {
        Ok(Given {
            id: self.id,
            metadata: self.metadata.finish()?,
            creator: parse_creator(self.creator)?,
            privacy: self.privacy.unwrap_or(Privacy::Public),
            expiry: self.expiry.filter(|text| !text.is_empty()),
        })
    }
}

/// The file name that came with a field.
pub(super) fn filename(field: &Field<'_>) -> Option<String> {
    field.file_name().map(shortened).filter(|name| !name.is_empty())
}

/// The text of a field.
pub(super) async fn text(field: &mut Field<'_>, name: &str) -> Result<String, ApiError> {
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

fn refused_file(app: &App, error: StageError<multer::Error>) -> ApiError {
    match error {
        StageError::TooLarge { limit } => {
            ApiError::too_large(format!("an image may have at most {limit} bytes"))
        }
        StageError::Source(error) => malformed(&error),
        StageError::NoRoom => {
            app.refusals.count(Cause::Disk);
            ApiError::no_room()
        }
        StageError::Io(error) => ApiError::internal(&error),
    }
}

fn malformed(error: &multer::Error) -> ApiError {
    ApiError::bad_request(format!("the form is malformed or ended early: {error}"))
}
