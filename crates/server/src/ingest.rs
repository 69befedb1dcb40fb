//! Use case: accept an upload. It knows no HTTP.

use crate::app::App;
use crate::blobs::BlobError;
use crate::catalog::{InsertImageError, JobKind};
use crate::config::Compat;
use crate::random;
use crate::refusals::Cause;
use crate::renderer::RenderError;
use crate::staging::Staged;
use safelight_domain::account::AccountId;
use safelight_domain::delivery_url::percent_decode;
use safelight_domain::direct_upload::Original;
use safelight_domain::image::{BlobId, Creator, Image, ImageId, Metadata, Privacy, SourceInfo};
use safelight_domain::quota::QuotaExceeded;
use safelight_domain::token::Caller;
use safelight_pixels::Fault;
use std::error::Error;
use thiserror::Error;
use url::Url;

/// Longest file name kept, in characters.
const MAX_FILENAME_CHARS: usize = 255;

/// Bytes of an upload that are enough to tell what most are: headers of cameras with a thumbnail and a profile
/// take some tens of KiB.
const BEGINNING: u64 = 128 << 10;

/// A parsed upload.
pub struct NewUpload {
    /// The bytes, on disk.
    pub staged: Staged,
    /// As the client named the file.
    pub filename: Option<String>,
    /// Chosen by the uploader; `None` makes one.
    pub id: Option<ImageId>,
    /// The user's JSON object.
    pub metadata: Metadata,
    /// See [`Creator`].
    pub creator: Option<Creator>,
    /// Who may see it.
    pub privacy: Privacy,
}

/// Why an upload was not accepted; nothing of it is kept.
#[derive(Debug, Error)]
pub enum IngestError {
    /// Private with a custom id, under `compat = "strict"`.
    #[error("an image with a custom id cannot be private")]
    PrivateCustomId,
    /// The id is taken by an image or a draft, which is untouched.
    #[error("an image has this id")]
    Exists,
    /// The account may not keep it.
    #[error(transparent)]
    Quota(QuotaExceeded),
    /// The disk is nearly full.
    #[error("the server's disk is nearly full")]
    NoRoom,
    /// Too much is being processed.
    #[error("busy")]
    Busy,
    /// Not an image of an accepted format.
    #[error("{0}")]
    Unsupported(String),
    /// Its header cannot be read. The text is for the public; the log has the details.
    #[error("{0}")]
    Undecodable(String),
    /// Larger than the limits on pictures.
    #[error("{0}")]
    TooLarge(String),
    /// Our fault.
    #[error(transparent)]
    Internal(Box<dyn Error + Send + Sync>),
}

/// Checks an upload, stores its bytes, then its row. When this returns the image is durable.
pub async fn ingest(app: &App, caller: &Caller, upload: NewUpload) -> Result<Image, IngestError> {
    let image = prepare(app, caller.account(), upload).await?;
    match app.catalog.by(caller.name(), image.uploaded_ms).insert_image(image.clone()).await {
        Ok(()) => {
            prepare_variants(app, &image.blob).await;
            Ok(image)
        }
        // The bytes are an orphan now, which the sweeper removes.
        Err(InsertImageError::Exists) => Err(IngestError::Exists),
        Err(InsertImageError::Quota(error)) => Err(over_quota(app, error)),
        Err(InsertImageError::Catalog(error)) => Err(internal(error)),
    }
}

/// Whether the account may keep one image more, of `bytes` bytes: asked before bytes are taken, since the row's
/// insertion, which decides, comes after them.
pub async fn require_room(app: &App, account: &AccountId, bytes: u64) -> Result<(), IngestError> {
    let room = app.catalog.room(account).await.map_err(internal)?;
    room.admit(bytes).map_err(|error| over_quota(app, error))
}

/// The same refusal by the catalog, which came first to others.
pub(crate) fn over_quota(app: &App, error: QuotaExceeded) -> IngestError {
    app.refusals.count(Cause::Quota);
    IngestError::Quota(error)
}

/// Has the named variants of a new image rendered, where a setting says so. An image without its job is no worse
/// than slower at first.
pub(crate) async fn prepare_variants(app: &App, blob: &BlobId) {
    if app.config.prepared_formats.is_empty() {
        return;
    }
    if let Err(error) = app.catalog.enqueue(JobKind::RenderVariants(blob.clone()), app.clock.now_ms()).await {
        tracing::warn!(error = &error as &dyn Error, "the variants of an upload are not rendered beforehand");
    }
}

/// The same up to the row, which is the caller's to insert: until then the bytes are an orphan.
pub(crate) async fn prepare(app: &App, account: &AccountId, upload: NewUpload) -> Result<Image, IngestError> {
    let NewUpload { staged, filename, id, metadata, creator, privacy } = upload;
    if id.as_ref().is_some_and(ImageId::is_custom)
        && privacy == Privacy::RequireSigned
        && app.config.compat == Compat::Strict
    {
        return Err(IngestError::PrivateCustomId);
    }
    let now_ms = app.clock.now_ms();
    if let Some(id) = &id
        && (app.catalog.find_image(account, id).await.map_err(internal)?.is_some()
            || app.catalog.find_draft(account, id, now_ms).await.map_err(internal)?.is_some())
    {
        return Err(IngestError::Exists);
    }
    let Original { blob, source, bytes, filename } = store_original(app, account, &staged, filename).await?;
    Ok(Image {
        account: account.clone(),
        id: id.unwrap_or_else(|| app.image_ids.next()),
        blob,
        source,
        bytes,
        filename,
        metadata,
        creator,
        privacy,
        uploaded_ms: app.clock.now_ms(),
    })
}

/// The name of the file that a URL names, if its last segment looks like one.
pub fn filename_in(url: &Url) -> Option<String> {
    let last = url.path_segments().and_then(|mut segments| segments.next_back());
    let name = last.and_then(percent_decode).map(|name| shortened(&name));
    name.filter(|name| name.contains('.'))
}

/// A file name without control characters, cut where it is long.
pub fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(MAX_FILENAME_CHARS).collect()
}

/// Checks an upload and stores its bytes durably. Until a row names them they are an orphan.
pub(crate) async fn store_original(
    app: &App,
    account: &AccountId,
    staged: &Staged,
    filename: Option<String>,
) -> Result<Original, IngestError> {
    require_room(app, account, staged.bytes()).await?;
    let source = probe(app, staged).await?;
    store_probed(app, staged, source, filename).await
}

/// The same of an upload that [`probe`] has told about.
pub(crate) async fn store_probed(
    app: &App,
    staged: &Staged,
    source: SourceInfo,
    filename: Option<String>,
) -> Result<Original, IngestError> {
    let blob = BlobId::from_random(random::bytes());
    app.blobs.put_original(&blob, staged).await.map_err(|error| match error {
        BlobError::NoRoom => {
            app.refusals.count(Cause::Disk);
            IngestError::NoRoom
        }
        error => internal(error),
    })?;
    Ok(Original { blob, source, bytes: staged.bytes(), filename })
}

/// What an upload is. Of most files a worker has to see the beginning alone.
pub(crate) async fn probe(app: &App, staged: &Staged) -> Result<SourceInfo, IngestError> {
    if staged.bytes() > BEGINNING {
        let _admission = app.flights.admit(BEGINNING).map_err(|_| IngestError::Busy)?;
        let beginning = staged.beginning(BEGINNING).await.map_err(internal)?;
        if let Some(source) = app.renderer.probe_beginning(beginning).await.map_err(refused)? {
            return Ok(source);
        }
    }
    let _admission = app.flights.admit(staged.bytes()).map_err(|_| IngestError::Busy)?;
    let file = staged.beginning(staged.bytes()).await.map_err(internal)?;
    app.renderer.probe(file).await.map_err(refused)
}

fn refused(error: RenderError) -> IngestError {
    match error {
        RenderError::Busy(_) => IngestError::Busy,
        RenderError::Refused { fault: Fault::Unsupported } => {
            IngestError::Unsupported(Fault::Unsupported.public())
        }
        RenderError::Refused { fault: fault @ (Fault::TooLarge { .. } | Fault::TooMuchAnimation { .. }) } => {
            IngestError::TooLarge(fault.public())
        }
        RenderError::Refused { fault } => {
            tracing::info!(%fault, "an upload is refused");
            IngestError::Undecodable(fault.public())
        }
        error @ RenderError::FilesTooLarge(_) => IngestError::TooLarge(error.to_string()),
        RenderError::TimedOut(_) | RenderError::WorkerDied => {
            IngestError::Undecodable("the image cannot be processed".to_owned())
        }
        error @ RenderError::NoWorker(_) => internal(error),
    }
}

fn internal<E: Error + Send + Sync + 'static>(error: E) -> IngestError {
    IngestError::Internal(Box::new(error))
}
