//! One image of an import.

use super::source::Source;
use super::step::{StepError, get};
use super::{ITEM_REPETITIONS, Runner};
use crate::app::App;
use crate::catalog::{CatalogError, Import, ImportFailure, ImportItem, ItemOutcome};
use crate::fetch::Target;
use crate::ingest::{IngestError, NewUpload, prepare, prepare_variants, require_room};
use http::StatusCode;

/// Why no further image is brought.
pub(super) enum Halt {
    /// The source said so to the token.
    Token(StepError),
    /// See [`CatalogError`].
    Catalog(CatalogError),
}

impl From<CatalogError> for Halt {
    fn from(error: CatalogError) -> Halt {
        Halt::Catalog(error)
    }
}

impl Runner<'_> {
    /// Brings an image, and notes what became of it.
    pub(super) async fn bring_one(
        &self,
        import: &Import,
        source: Option<&Source<'_>>,
        item: &ImportItem,
    ) -> Result<(), Halt> {
        let (target, shown) = match source {
            Some(source) => (Ok(source.original(&item.source)), item.source.clone()),
            None => match Target::parse(&item.source) {
                Ok(target) => (Ok(target.clone()), target.url().as_str().to_owned()),
                Err(error) => (Err(error), "a URL".to_owned()),
            },
        };
        let brought = match target {
            Ok(target) => {
                self.repeated(ITEM_REPETITIONS, || attempt(self.app, import, target.clone(), item)).await
            }
            Err(error) => Err(error.into()),
        };
        let outcome = match brought {
            Ok(outcome) => outcome,
            // A token that was revoked meanwhile; of a URL it says nothing about the next.
            Err(error @ StepError::Status { status: StatusCode::UNAUTHORIZED, .. }) if source.is_some() => {
                return Err(Halt::Token(error));
            }
            Err(error) => {
                tracing::info!(
                    import = self.id,
                    error = &error as &dyn std::error::Error,
                    "an image is not imported"
                );
                ItemOutcome::Failed(ImportFailure { source: shown, message: error.to_string() })
            }
        };
        let brought = match &outcome {
            ItemOutcome::Brought(image) => Some(image.blob.clone()),
            ItemOutcome::Skipped | ItemOutcome::Failed(_) => None,
        };
        self.app.catalog.finish_import_item(&self.id, item.number, outcome).await?;
        if let Some(blob) = brought {
            prepare_variants(self.app, &blob).await;
        }
        Ok(())
    }
}

async fn attempt(
    app: &App,
    import: &Import,
    target: Target,
    item: &ImportItem,
) -> Result<ItemOutcome, StepError> {
    let (account, id) = (&import.account, &item.image);
    // Also what an import of the same source brought before: nothing is fetched for it again.
    if app.catalog.find_image(account, id).await?.is_some()
        || app.catalog.find_draft(account, id, app.clock.now_ms()).await?.is_some()
    {
        return Ok(ItemOutcome::Skipped);
    }
    // Nothing is fetched for a full account.
    require_room(app, account, 1).await?;
    let limit = app.config.max_upload_bytes;
    let fetched = get(app, target, "image/*,*/*;q=0.1", limit).await?;
    let upload = NewUpload {
        staged: fetched.body.staged(&app.staging, limit).await?,
        filename: item.filename.clone(),
        id: Some(id.clone()),
        metadata: item.metadata.clone(),
        creator: item.creator.clone(),
        privacy: item.privacy,
    };
    match prepare(app, account, upload).await {
        Ok(image) => Ok(ItemOutcome::Brought(Box::new(image))),
        Err(IngestError::Exists) => Ok(ItemOutcome::Skipped),
        Err(error) => Err(error.into()),
    }
}
