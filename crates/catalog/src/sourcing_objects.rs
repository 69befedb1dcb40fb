//! Objects that a migration has yet to bring, and what became of the others.

use super::database::{Connection, DatabaseError, Row};
use super::images;
use super::rows::{all, change, first};
use super::sourcing_migrations::{self, SourcingMigration, log};
use super::sourcing_sources::{self, BucketPlace};
use super::{Catalog, CatalogError, ImageKey, InsertImageError, RenditionKey};
use safelight_domain::image::{Image, ImageId};
use safelight_domain::quota::Quota;
use safelight_domain::sourcing::{ConflictBehaviour, Fate, Skipped, SourcingId};
use std::sync::Arc;

/// An object that is still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationObject {
    /// Among all objects; 0 until it is stored.
    pub number: i64,
    /// In its bucket.
    pub key: String,
    /// The id that its image gets.
    pub image: ImageId,
}

/// A page of a bucket's list.
#[derive(Default)]
pub struct MigrationPage {
    /// What is to be brought.
    pub objects: Vec<MigrationObject>,
    /// What is not, and why, for the log.
    pub left_out: Vec<(Skipped, String)>,
    /// Its last key, unless it is the last page.
    pub after: Option<String>,
}

/// What a processing migration has to do.
#[derive(Debug)]
pub struct MigrationWork {
    /// The migration.
    pub migration: SourcingMigration,
    /// Its bucket.
    pub place: Option<BucketPlace>,
    /// Pages that are listed.
    pub pages: u32,
    /// The last key of these.
    pub after: Option<String>,
    /// Whether that was the last page.
    pub is_listed: bool,
    /// Some of what is still to come; the next page comes when none of these is left.
    pub objects: Vec<MigrationObject>,
}

/// What became of an object.
pub enum ObjectOutcome {
    /// Its original is stored durably.
    Brought(Box<Image>),
    /// It is no image here, for this reason.
    Not(Fate, String),
}

/// How long the bytes of an image stay that were replaced, in milliseconds: whoever is being shown them sees them whole.
const REPLACED_MS: i64 = 60_000;

impl Catalog {
    /// What a migration has to do, with at most `most` objects; `None` when it is not processing.
    pub async fn migration_work(
        &self,
        id: &SourcingId,
        most: u32,
    ) -> Result<Option<MigrationWork>, CatalogError> {
        let id = id.clone();
        let read = move |connection: &dyn Connection| {
            let sql = "SELECT * FROM sourcing_migrations WHERE id = ?1 AND status = 'processing'";
            let parse = |row: &Row<'_>| {
                let state: (u32, Option<String>, bool) =
                    (row.get("pages")?, row.get("after")?, row.get("whole")?);
                Ok((sourcing_migrations::parse(row)?, state))
            };
            let Some((migration, (pages, after, is_listed))) = first(connection, sql, [id.as_str()], parse)?
            else {
                return Ok(None);
            };
            let source = match &migration.source {
                Some(source) => sourcing_sources::find(connection, &migration.account, source)?,
                None => None,
            };
            let sql = "SELECT * FROM sourcing_objects WHERE migration = ?1 ORDER BY number LIMIT ?2";
            let objects = all(connection, sql, (id.as_str(), most), parse_object)?;
            let place = source.map(|source| source.place);
            Ok(Some(MigrationWork { migration, place, pages, after, is_listed, objects }))
        };
        self.inner.readers.read(read).await
    }

    /// Adds the page that follows the `pages` that a migration has listed, and counts what is on it.
    pub async fn insert_migration_page(
        &self,
        id: &SourcingId,
        pages: u32,
        page: MigrationPage,
        now_ms: i64,
    ) -> Result<(), CatalogError> {
        let id = id.clone();
        let insert = move |connection: &dyn Connection| insert_page(connection, &id, pages, &page, now_ms);
        self.inner.writer.write(insert, |()| ()).await
    }

    /// Counts an object and removes it, with the row of its image in the same transaction: each is counted once,
    /// whatever is repeated. Nothing happens when the object is gone, or its migration is not processing any more.
    /// Whether its image was taken in.
    pub async fn finish_migration_object(
        &self,
        id: &SourcingId,
        object: MigrationObject,
        outcome: ObjectOutcome,
        now_ms: i64,
    ) -> Result<bool, CatalogError> {
        let (id, quota) = (id.clone(), self.quota);
        let inner = Arc::downgrade(&self.inner);
        let publish = move |finished: &Finished| {
            if let (Some(inner), Some((key, gone))) = (inner.upgrade(), &finished.replaced) {
                inner.images.forget(key);
                gone.iter().for_each(|rendition| inner.renditions.forget(rendition));
            }
        };
        let finish =
            move |connection: &dyn Connection| finish(connection, &id, &object, outcome, now_ms, quota);
        let finished: Result<Finished, CatalogError> = self.inner.writer.write(finish, publish).await;
        Ok(finished?.is_imported)
    }
}

/// What a finished object has changed.
#[derive(Default)]
struct Finished {
    is_imported: bool,
    /// The image whose bytes were replaced, and what was made of them.
    replaced: Option<(ImageKey, Vec<RenditionKey>)>,
}

fn insert_page(
    connection: &dyn Connection,
    id: &SourcingId,
    pages: u32,
    page: &MigrationPage,
    now_ms: i64,
) -> Result<(), CatalogError> {
    let sql = "UPDATE sourcing_migrations
               SET pages = pages + 1, scanned = scanned + ?3, after = ?4, whole = ?5
               WHERE id = ?1 AND status = 'processing' AND whole = 0 AND pages = ?2";
    let scanned = page.objects.len() + page.left_out.len();
    let whole = u8::from(page.after.is_none());
    if change(connection, sql, (id.as_str(), pages, scanned, &page.after, whole))? == 0 {
        return Ok(());
    }
    for object in &page.objects {
        let sql = "INSERT INTO sourcing_objects (migration, object_key, image) VALUES (?1, ?2, ?3)";
        change(connection, sql, (id.as_str(), &object.key, object.image.as_str()))?;
    }
    for (skipped, message) in &page.left_out {
        count(connection, id, Fate::Skipped(*skipped), message, now_ms)?;
    }
    Ok(())
}

fn finish(
    connection: &dyn Connection,
    id: &SourcingId,
    object: &MigrationObject,
    outcome: ObjectOutcome,
    now_ms: i64,
    defaults: Quota,
) -> Result<Finished, CatalogError> {
    let sql = "SELECT * FROM sourcing_migrations WHERE id = ?1 AND status = 'processing'";
    let Some(migration) = first(connection, sql, [id.as_str()], sourcing_migrations::parse)? else {
        return Ok(Finished::default());
    };
    let sql = "DELETE FROM sourcing_objects WHERE migration = ?1 AND number = ?2";
    if change(connection, sql, (id.as_str(), object.number))? == 0 {
        return Ok(Finished::default());
    }
    let (finished, fate, why) = match outcome {
        ObjectOutcome::Brought(image) => match take_in(connection, &migration, *image, now_ms, defaults) {
            Ok(finished) => (finished, Fate::Imported, String::new()),
            Err(InsertImageError::Exists) => {
                (Finished::default(), Fate::Skipped(Skipped::Conflict), "its id is taken".to_owned())
            }
            Err(InsertImageError::Quota(error)) => (Finished::default(), Fate::Failed, error.to_string()),
            Err(InsertImageError::Catalog(error)) => return Err(error),
        },
        ObjectOutcome::Not(fate, why) => (Finished::default(), fate, why),
    };
    count(connection, id, fate, &format!("{}: {why}", object.key), now_ms)?;
    Ok(finished)
}

/// Takes an image in; `Exists` if its id is taken and to be left, or a draft has it.
fn take_in(
    connection: &dyn Connection,
    migration: &SourcingMigration,
    image: Image,
    now_ms: i64,
    defaults: Quota,
) -> Result<Finished, InsertImageError> {
    let key: ImageKey = (image.account.clone(), image.id.clone());
    let replaced = match images::find(connection, &key)? {
        Some(_) if migration.plan.conflict == ConflictBehaviour::Skip => {
            return Err(InsertImageError::Exists);
        }
        Some(before) => {
            let image = Image {
                privacy: migration.plan.privacy_over(before.privacy),
                metadata: before.metadata.clone(),
                creator: before.creator.clone(),
                ..image
            };
            let delete_ms = now_ms.saturating_add(REPLACED_MS);
            Some((key, images::replace(connection, &image, before, delete_ms, "import", defaults)?))
        }
        None => {
            images::insert_new(connection, &image, Some("import"), defaults)?;
            None
        }
    };
    Ok(Finished { is_imported: true, replaced })
}

/// Counts an object, and says so in the log where it is none of the images.
fn count(
    connection: &dyn Connection,
    id: &SourcingId,
    fate: Fate,
    message: &str,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let column = match fate {
        Fate::Imported => "imported",
        Fate::Failed => "failed",
        Fate::Skipped(Skipped::Conflict) => "skipped_conflict",
        Fate::Skipped(Skipped::ExcludedContentType) => "skipped_excluded",
        Fate::Skipped(Skipped::InvalidMedia) => "skipped_media",
        Fate::Skipped(Skipped::InvalidName) => "skipped_name",
        Fate::Skipped(Skipped::Oversize) => "skipped_oversize",
        Fate::Skipped(Skipped::StorageClass) => "skipped_class",
        Fate::Skipped(Skipped::UnsupportedContentType) => "skipped_unsupported",
    };
    let sql = format!("UPDATE sourcing_migrations SET {column} = {column} + 1 WHERE id = ?1");
    change(connection, &sql, [id.as_str()])?;
    fate.log_type().map_or(Ok(()), |kind| log(connection, id, now_ms, kind, message))
}

fn parse_object(row: &Row<'_>) -> Result<MigrationObject, CatalogError> {
    let image: String = row.get("image")?;
    Ok(MigrationObject {
        number: row.get("number")?,
        key: row.get("object_key")?,
        image: ImageId::named(&image),
    })
}
