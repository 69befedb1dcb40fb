//! The objects of a bucket, one page and one object after the other.

use super::bucket::{Bucket, is_of_the_bucket};
use super::item::Halt;
use super::step::StepError;
use super::{ITEM_REPETITIONS, ITEMS_AT_ONCE, ITEMS_READ, LISTING_REPETITIONS, MAX_PAGES, Runner};
use crate::app::App;
use crate::catalog::{CatalogError, MigrationObject, MigrationWork, ObjectOutcome, SourcingMigration};
use crate::fetch::{FetchError, Fetched};
use crate::ingest::{IngestError, prepare_variants, probe, shortened, store_probed};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use http::header;
use safelight_domain::direct_upload::Original;
use safelight_domain::image::{Image, Metadata, SourceFormat};
use safelight_domain::sourcing::{ConflictBehaviour, Fate, MigrationStatus, Skipped, SourcingId};

impl Runner<'_> {
    /// Works on a migration until it has ended.
    pub(super) async fn migrate(&self, id: &SourcingId) -> Result<(), CatalogError> {
        while let Some(work) = self.app.catalog.migration_work(id, ITEMS_READ).await? {
            let Some(place) = &work.place else {
                return self.end_migration(id, MigrationStatus::Error, "its source is gone".to_owned()).await;
            };
            let bucket = Bucket { app: self.app, place };
            if !work.objects.is_empty() {
                self.bring_objects(&work, bucket).await?;
            } else if work.is_listed {
                self.end_migration(id, MigrationStatus::Success, "the migration is complete".to_owned())
                    .await?;
            } else {
                self.list_objects(&work, bucket).await?;
            }
        }
        Ok(())
    }

    async fn end_migration(
        &self,
        id: &SourcingId,
        status: MigrationStatus,
        message: String,
    ) -> Result<(), CatalogError> {
        tracing::info!(migration = self.id, status = status.as_str(), "a migration has ended");
        self.app.catalog.end_migration(id, status, message, self.app.clock.now_ms()).await
    }

    async fn list_objects(&self, work: &MigrationWork, bucket: Bucket<'_>) -> Result<(), CatalogError> {
        let (id, plan) = (&work.migration.id, &work.migration.plan);
        let failed = |why: String| self.end_migration(id, MigrationStatus::Error, why);
        if work.pages >= MAX_PAGES {
            return failed(format!("the bucket has more than {MAX_PAGES} pages")).await;
        }
        let page = self.repeated(LISTING_REPETITIONS, || bucket.page(plan, work.after.as_deref())).await;
        match page {
            Ok(page) => {
                let now_ms = self.app.clock.now_ms();
                self.app.catalog.insert_migration_page(id, work.pages, page, now_ms).await
            }
            Err(error) => failed(format!("the bucket cannot be listed: {error}")).await,
        }
    }

    /// Brings objects, some at once.
    async fn bring_objects(&self, work: &MigrationWork, bucket: Bucket<'_>) -> Result<(), CatalogError> {
        let bring = |object| self.bring_object(&work.migration, bucket, object);
        match stream::iter(&work.objects).map(Ok).try_for_each_concurrent(ITEMS_AT_ONCE, bring).await {
            Ok(()) => Ok(()),
            Err(Halt::Token(error)) => {
                let why = format!("the bucket cannot be read any more: {error}");
                self.end_migration(&work.migration.id, MigrationStatus::Error, why).await
            }
            Err(Halt::Catalog(error)) => Err(error),
        }
    }

    /// Brings an object, and notes what became of it.
    async fn bring_object(
        &self,
        migration: &SourcingMigration,
        bucket: Bucket<'_>,
        object: &MigrationObject,
    ) -> Result<(), Halt> {
        let brought = self.repeated(ITEM_REPETITIONS, || attempt(self.app, migration, bucket, object)).await;
        let outcome = match brought {
            Ok(outcome) => outcome,
            Err(error) if is_of_the_bucket(&error) => return Err(Halt::Token(error)),
            Err(error) => {
                tracing::info!(
                    migration = self.id,
                    error = &error as &dyn std::error::Error,
                    "an object is not imported"
                );
                ObjectOutcome::Not(fate(&error), error.to_string())
            }
        };
        let blob = match &outcome {
            ObjectOutcome::Brought(image) => Some(image.blob.clone()),
            ObjectOutcome::Not(..) => None,
        };
        let (id, now_ms) = (&migration.id, self.app.clock.now_ms());
        let taken = self.app.catalog.finish_migration_object(id, object.clone(), outcome, now_ms).await?;
        if let Some(blob) = blob.filter(|_| taken) {
            prepare_variants(self.app, &blob).await;
        }
        Ok(())
    }
}

/// How an object is counted that was not to be had.
fn fate(error: &StepError) -> Fate {
    match error {
        StepError::Fetch(FetchError::TooLarge { .. }) => Fate::Skipped(Skipped::Oversize),
        StepError::Store { code: Some("InvalidObjectState"), .. } => Fate::Skipped(Skipped::StorageClass),
        _ => Fate::Failed,
    }
}

async fn attempt(
    app: &App,
    migration: &SourcingMigration,
    bucket: Bucket<'_>,
    object: &MigrationObject,
) -> Result<ObjectOutcome, StepError> {
    let (account, plan) = (&migration.account, &migration.plan);
    let skipped = |why, text: &str| ObjectOutcome::Not(Fate::Skipped(why), text.to_owned());
    // Nothing is fetched for what would be left anyway.
    let taken = plan.conflict == ConflictBehaviour::Skip
        && app.catalog.find_image(account, &object.image).await?.is_some();
    if taken || app.catalog.find_draft(account, &object.image, app.clock.now_ms()).await?.is_some() {
        return Ok(skipped(Skipped::Conflict, "its id is taken"));
    }
    let limit = app.config.max_upload_bytes;
    let fetched = bucket.object(&object.key, limit).await?;
    let excluded = "its format is left out";
    if declared(&fetched).is_some_and(|format| plan.excluded.contains(&format)) {
        return Ok(skipped(Skipped::ExcludedContentType, excluded));
    }
    let staged = fetched.body.staged(&app.staging, limit).await?;
    let source = match probe(app, &staged).await {
        Ok(source) if plan.excluded.contains(&source.format) => {
            return Ok(skipped(Skipped::ExcludedContentType, excluded));
        }
        Ok(source) => source,
        Err(IngestError::Unsupported(why)) => return Ok(skipped(Skipped::UnsupportedContentType, &why)),
        Err(IngestError::Undecodable(why)) => return Ok(skipped(Skipped::InvalidMedia, &why)),
        Err(IngestError::TooLarge(why)) => return Ok(skipped(Skipped::Oversize, &why)),
        Err(error) => return Err(error.into()),
    };
    let name = object.key.rsplit('/').next().map(shortened);
    let Original { blob, source, bytes, filename } = store_probed(app, &staged, source, name).await?;
    Ok(ObjectOutcome::Brought(Box::new(Image {
        account: account.clone(),
        id: object.image.clone(),
        blob,
        source,
        bytes,
        filename,
        metadata: Metadata::default(),
        creator: None,
        privacy: plan.privacy,
        uploaded_ms: app.clock.now_ms(),
    })))
}

/// The format that a store says an object has. What it is in truth is seen later, and counts too.
fn declared(fetched: &Fetched) -> Option<SourceFormat> {
    let value = fetched.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    SourceFormat::from_media_type(value.split(';').next()?.trim())
}
