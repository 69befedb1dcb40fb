//! The form of an upload.

use crate::app::App;
use crate::fetch::{Download, DownloadError, FetchError, Target};
use crate::http::error::ApiError;
use crate::http::form::{Form, Given, Particulars, filename, text};
use crate::ingest::{NewUpload, filename_in};
use crate::staging::Staged;
use axum::extract::Request;
use http::{HeaderMap, StatusCode};

/// Reads `file` or `url`, `id`, `metadata`, `requireSignedURLs` and `creator` in any order; the file goes
/// to disk as it arrives, and nothing of it is left when the form is refused. What `url` names is fetched
/// when the whole form is known to be good.
pub(super) async fn read(app: &App, request: Request) -> Result<NewUpload, ApiError> {
    let (head, body) = request.into_parts();
    let mut form = Form::open(&head.headers, body)?;
    let mut particulars = Particulars::default();
    let mut file = None;
    let mut url = None;
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
            "url" if url.is_some() => {
                return Err(ApiError::bad_request("the field 'url' is given twice"));
            }
            "url" => url = Some(text(&mut field, &name).await?),
            _ => particulars.take(&name, text(&mut field, &name).await?)?,
        }
    }
    // Only links expire.
    let Given { id, metadata, creator, privacy, expiry: _ } = particulars.finish()?;
    let url = url.filter(|text| !text.is_empty()).map(|text| Target::parse(&text)).transpose();
    let (staged, filename) = match (file, url.map_err(|error| not_fetched(error.into()))?) {
        (Some(file), None) => file,
        (None, Some(url)) => fetch(app, url).await?,
        (Some(_), Some(_)) => {
            return Err(ApiError::bad_request("the form has both fields 'file' and 'url', give one"));
        }
        (None, None) => {
            return Err(ApiError::bad_request("the form has no field 'file' or 'url' with the image"));
        }
    };
    Ok(NewUpload { staged, filename, id, metadata, creator, privacy })
}

/// The file that a URL names, and its name if the URL has one.
async fn fetch(app: &App, target: Target) -> Result<(Staged, Option<String>), ApiError> {
    let name = filename_in(target.url());
    let limit = app.config.max_upload_bytes;
    match app.fetch.download(&app.staging, target, HeaderMap::new(), limit).await {
        Ok(Download::Whole { staged, .. }) => Ok((staged, name)),
        Ok(Download::Unchanged { .. }) => Err(not_fetched(DownloadError::Status(StatusCode::NOT_MODIFIED))),
        Err(error) => Err(not_fetched(error)),
    }
}

fn not_fetched(error: DownloadError) -> ApiError {
    let status = match &error {
        DownloadError::NoRoom => return ApiError::no_room(),
        DownloadError::Disk(error) => return ApiError::internal(error),
        DownloadError::Fetch(FetchError::Busy) => return ApiError::busy(),
        DownloadError::Fetch(FetchError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    ApiError::new(status, 5454, format!("The image cannot be fetched from 'url': {error}"))
}
