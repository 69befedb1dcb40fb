//! The form of an upload.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::form::{Form, Given, Particulars, filename, text};
use crate::ingest::NewUpload;
use axum::extract::Request;
use http::StatusCode;

/// Reads `file`, `id`, `metadata`, `requireSignedURLs` and `creator` in any order; the file goes
/// to disk as it arrives, and nothing of it is left when the form is refused.
pub(super) async fn read(app: &App, request: Request) -> Result<NewUpload, ApiError> {
    let (head, body) = request.into_parts();
    let mut form = Form::open(&head.headers, body)?;
    let mut particulars = Particulars::default();
    let mut file = None;
    while let Some(mut field) = form.next().await? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "file" if file.is_some() => {
                return Err(ApiError::bad_request("the field 'file' is given twice"));
            }
            "file" => {
                let filename = filename(&field);
                file = Some((form.stage(app, field).await?, filename));
            }
            "url" => {
                return Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    5454,
                    "Uploading by 'url' is not available, send the image as the field 'file'",
                ));
            }
            _ => particulars.take(&name, text(&mut field, &name).await?)?,
        }
    }
    let (staged, filename) =
        file.ok_or_else(|| ApiError::bad_request("the form has no field 'file' with the image"))?;
    // Only links expire.
    let Given { id, metadata, creator, privacy, expiry: _ } = particulars.finish()?;
    Ok(NewUpload { staged, filename, id, metadata, creator, privacy })
}
