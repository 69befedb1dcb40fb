//! Images from elsewhere, on disk.

use super::{Body, Client, FetchError, Fetched, Target};
use crate::staging::{StageError, Staged, Staging};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::sync::Arc;
use thiserror::Error;

/// What an origin gave.
#[derive(Debug)]
pub enum Download {
    /// A file, and the headers that it came with.
    Whole {
        /// On disk.
        staged: Staged,
        /// Of the last origin.
        headers: HeaderMap,
    },
    /// What was got before with the tag that was sent is still current.
    Unchanged {
        /// Of the last origin.
        headers: HeaderMap,
    },
}

/// Why there is no file. Apart from [`DownloadError::Disk`] the texts are fit for the public.
#[derive(Clone, Debug, Error)]
pub enum DownloadError {
    /// See [`FetchError`].
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Another answer than 200.
    #[error("it answered {0}")]
    Status(StatusCode),
    /// The disk is nearly full.
    #[error("the server's disk is nearly full")]
    NoRoom,
    /// Our fault.
    #[error("it cannot be written to disk")]
    Disk(#[source] Arc<std::io::Error>),
}

impl Client {
    /// Gets a file of at most `max_bytes` to disk as it arrives. With `If-None-Match` among the headers
    /// the answer may be that nothing has changed. Nothing is left of what fails.
    pub async fn download(
        &self,
        staging: &Staging,
        target: Target,
        mut headers: HeaderMap,
        max_bytes: u64,
    ) -> Result<Download, DownloadError> {
        headers.insert(header::ACCEPT, HeaderValue::from_static("image/*,*/*;q=0.1"));
        let fetched = self.get(target, &headers, max_bytes).await?;
        match fetched.status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if headers.contains_key(header::IF_NONE_MATCH) => {
                return Ok(Download::Unchanged { headers: fetched.headers });
            }
            other => return Err(DownloadError::Status(other)),
        }
        let Fetched { body, headers, .. } = fetched;
        Ok(Download::Whole { staged: body.staged(staging, max_bytes).await?, headers })
    }
}

impl Body {
    /// Puts a body of at most `max_bytes` on disk as it arrives. Nothing is left of one that fails.
    ///
    /// # Errors
    /// As [`Body::next`], and when the disk fails.
    pub async fn staged(self, staging: &Staging, max_bytes: u64) -> Result<Staged, DownloadError> {
        let staged = staging.stage(self.into_stream(), max_bytes).await;
        staged.map_err(|error| match error {
            StageError::TooLarge { limit } => FetchError::TooLarge { limit }.into(),
            StageError::Source(error) => DownloadError::Fetch(error),
            StageError::NoRoom => DownloadError::NoRoom,
            StageError::Io(error) => DownloadError::Disk(Arc::new(error)),
        })
    }
}
