//! One request of an import, and what can go wrong in a step.

use crate::app::App;
use crate::catalog::CatalogError;
use crate::fetch::{DownloadError, FetchError, Fetched, Target};
use crate::ingest::IngestError;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use safelight_domain::import::Setback;
use std::error::Error;
use thiserror::Error;

/// Why a step has no result. The texts are for the public.
#[derive(Debug, Error)]
pub(super) enum StepError {
    /// See [`FetchError`].
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Another answer than 200.
    #[error("it answered {status}")]
    Status {
        /// As it came.
        status: StatusCode,
        /// What it stands for.
        setback: Setback,
    },
    /// Another answer of a store than 200.
    #[error("it answered {status}{}", code.map(|code| format!(" ({code})")).unwrap_or_default())]
    Store {
        /// As it came.
        status: StatusCode,
        /// The store's own word, if it is one that is known.
        code: Option<&'static str>,
        /// What both stand for.
        setback: Setback,
    },
    /// Something else than the API that was expected.
    #[error("{0}")]
    Answer(&'static str),
    /// The image is none that is stored here.
    #[error("{0}")]
    Refused(String),
    /// As many pictures as can be are in work.
    #[error("the server is busy")]
    Busy,
    /// The disk is nearly full.
    #[error("the server's disk is nearly full")]
    NoRoom,
    /// Our fault.
    #[error("it could not be stored")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl StepError {
    /// Whether the step may have a result later.
    pub(super) fn setback(&self) -> Setback {
        match self {
            StepError::Status { setback, .. } | StepError::Store { setback, .. } => *setback,
            StepError::Busy | StepError::Fetch(FetchError::Busy) => Setback::Busy { retry_after: None },
            StepError::NoRoom
            | StepError::Internal(_)
            | StepError::Fetch(
                FetchError::NoAddress
                | FetchError::Unreachable
                | FetchError::Tls
                | FetchError::ConnectTimeout
                | FetchError::Timeout
                | FetchError::Broken,
            ) => Setback::Passing,
            StepError::Fetch(_) | StepError::Answer(_) | StepError::Refused(_) => Setback::Final,
        }
    }

    /// Whether the source said that the token opens nothing.
    pub(super) fn is_of_the_token(&self) -> bool {
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        matches!(self, StepError::Status { status, .. } if refused.contains(status))
    }
}

impl From<DownloadError> for StepError {
    fn from(error: DownloadError) -> StepError {
        match error {
            DownloadError::Fetch(error) => StepError::Fetch(error),
            DownloadError::Status(status) => StepError::Status { status, setback: Setback::Final },
            DownloadError::NoRoom => StepError::NoRoom,
            error @ DownloadError::Disk(_) => StepError::Internal(Box::new(error)),
        }
    }
}

impl From<IngestError> for StepError {
    fn from(error: IngestError) -> StepError {
        match error {
            IngestError::Busy => StepError::Busy,
            IngestError::NoRoom => StepError::NoRoom,
            IngestError::Internal(error) => StepError::Internal(error),
            error => StepError::Refused(error.to_string()),
        }
    }
}

impl From<CatalogError> for StepError {
    fn from(error: CatalogError) -> StepError {
        StepError::Internal(Box::new(error))
    }
}

/// Gets what a target is, of at most `max_bytes`.
pub(super) async fn get(
    app: &App,
    target: Target,
    accept: &'static str,
    max_bytes: u64,
) -> Result<Fetched, StepError> {
    let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
    let fetched = app.fetch.get(target, &headers, max_bytes).await?;
    if fetched.status == StatusCode::OK {
        return Ok(fetched);
    }
    let retry_after = fetched.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let setback = Setback::of_status(fetched.status.as_u16(), retry_after);
    Err(StepError::Status { status: fetched.status, setback })
}
