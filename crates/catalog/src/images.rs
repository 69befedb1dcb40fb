//! Images, one at a time.

use super::cache::Lookup;
use super::database::{Connection, DatabaseError, Row};
use super::events::{self, Act};
use super::follower::{self, Kept};
use super::rows::{all, any, change, damaged, first};
use super::{Catalog, CatalogError, ImageChanges, ImageKey, JobKind, RenditionKey};
use super::{drafts, jobs, levels, metadata, quotas, renditions, search_index};
use safelight_domain::account::AccountId;
use safelight_domain::image::{
    BlobId, Creator, Image, ImageId, Metadata, Privacy, SourceFormat, SourceInfo, Turn,
};
use safelight_domain::quota::{Quota, QuotaExceeded};
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

/// The columns that [`parse`] reads.
pub(super) const COLUMNS: &str = "account, id, blob, format, width, height, has_alpha, frames, turn, bytes, \
                                  filename, metadata, creator, privacy, uploaded_ms";

/// Why an image was not inserted.
#[derive(Debug, Error)]
pub enum InsertImageError {
    /// Its account has an image or a live draft of that id.
    #[error("it exists already")]
    Exists,
    /// Its account has no room for it.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// See [`CatalogError`].
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<DatabaseError> for InsertImageError {
    fn from(error: DatabaseError) -> InsertImageError {
        match error {
            DatabaseError::Taken(_) => InsertImageError::Exists,
            error => InsertImageError::Catalog(error.into()),
        }
    }
}

impl Catalog {
    /// Inserts an image; `Exists` when its account has one of that id, or a live draft. Its original
    /// must be stored durably before.
    pub async fn insert_image(&self, image: Image) -> Result<(), InsertImageError> {
        let (act, quota) = (self.act.clone(), self.quota);
        let insert = move |connection: &dyn Connection| {
            insert_new(connection, &image, act.as_ref().map(Act::by), quota)
        };
        self.inner.writer.write(insert, |()| ()).await
    }

    /// The image of an id, from memory where possible.
    pub async fn find_image(
        &self,
        account: &AccountId,
        id: &ImageId,
    ) -> Result<Option<Arc<Image>>, CatalogError> {
        match self.remembered_image(account, id) {
            Some(image) => Ok(Some(image)),
            None => self.stored_image(account, id).await,
        }
    }

    /// The image of an id if it is in memory. `None` says nothing of whether there is one.
    pub fn remembered_image(&self, account: &AccountId, id: &ImageId) -> Option<Arc<Image>> {
        match self.inner.images.lookup(&(account.clone(), id.clone())) {
            Lookup::Hit(image) => Some(image),
            Lookup::Miss(_) => None,
        }
    }

    /// The image of an id, read from the database also where it is in memory, so that the time
    /// this takes does not tell whether there is one.
    pub async fn stored_image(
        &self,
        account: &AccountId,
        id: &ImageId,
    ) -> Result<Option<Arc<Image>>, CatalogError> {
        let key: ImageKey = (account.clone(), id.clone());
        let lookup = self.inner.images.lookup(&key);
        let wanted = key.clone();
        let found = self.inner.readers.read(move |connection| find(connection, &wanted)).await?;
        let Some(image) = found.map(Arc::new) else { return Ok(None) };
        if let Lookup::Miss(ticket) = lookup {
            self.inner.images.fill(&ticket, key, Arc::clone(&image));
        }
        Ok(Some(image))
    }

    /// The image that has a blob (for jobs).
    pub async fn image_of_blob(&self, blob: &BlobId) -> Result<Option<Image>, CatalogError> {
        let blob = blob.clone();
        let sql = format!("SELECT {COLUMNS} FROM images WHERE blob = ?1");
        self.inner.readers.read(move |connection| first(connection, &sql, [blob.as_str()], parse)).await
    }

    /// The image as changed; `None` if there is none.
    pub async fn update_image(
        &self,
        account: &AccountId,
        id: &ImageId,
        changes: ImageChanges,
    ) -> Result<Option<Arc<Image>>, CatalogError> {
        let key: ImageKey = (account.clone(), id.clone());
        let changed = key.clone();
        let inner = Arc::downgrade(&self.inner);
        let publish = move |_: &Option<Arc<Image>>| {
            if let Some(inner) = inner.upgrade() {
                inner.images.forget(&changed);
            }
        };
        let act = self.act.clone();
        let update = move |connection: &dyn Connection| update(connection, &key, changes, act.as_ref());
        self.inner.writer.write(update, publish).await
    }

    /// Deletes the row, those of its levels and renditions, and enqueues [`JobKind::DeleteBlob`], in one
    /// transaction. Whether there was one.
    pub async fn delete_image(
        &self,
        account: &AccountId,
        id: &ImageId,
        now_ms: i64,
    ) -> Result<bool, CatalogError> {
        let key: ImageKey = (account.clone(), id.clone());
        let deleted = key.clone();
        let inner = Arc::downgrade(&self.inner);
        let publish = move |gone: &Option<Vec<RenditionKey>>| {
            if let (Some(inner), Some(renditions)) = (inner.upgrade(), gone) {
                inner.images.forget(&deleted);
                renditions.iter().for_each(|rendition| inner.renditions.forget(rendition));
            }
        };
        let act = self.act.clone();
        let delete = move |connection: &dyn Connection| delete(connection, &key, now_ms, act.as_ref());
        let gone: Result<_, CatalogError> = self.inner.writer.write(delete, publish).await;
        Ok(gone?.is_some())
    }

    /// Whether any image has this blob (for the sweeper).
    pub async fn blob_in_use(&self, blob: &BlobId) -> Result<bool, CatalogError> {
        let blob = blob.clone();
        self.inner
            .readers
            .read(move |connection| any(connection, "SELECT 1 FROM images WHERE blob = ?1", [blob.as_str()]))
            .await
    }

    /// From a counter kept with every change, not by counting rows; 0 for an unknown account.
    pub async fn image_count(&self, account: &AccountId) -> Result<u64, CatalogError> {
        let account = account.clone();
        self.inner
            .readers
            .read(move |connection| {
                let sql = "SELECT images FROM counters WHERE account = ?1";
                let count = first(connection, sql, [account.as_str()], |row| Ok(row.get(0)?))?;
                Ok(count.unwrap_or(0))
            })
            .await
    }
}

/// Inserts an image whose id neither an image nor a live draft has, and remembers who uploaded it, if that is
/// known.
pub(super) fn insert_new(
    connection: &dyn Connection,
    image: &Image,
    by: Option<&str>,
    defaults: Quota,
) -> Result<(), InsertImageError> {
    if drafts::holds(connection, &image.account, &image.id, image.uploaded_ms)? {
        return Err(InsertImageError::Exists);
    }
    insert(connection, image, defaults)?;
    by.map_or(Ok(()), |by| Ok(events::uploaded(connection, image, by)?))
}

/// Inserts an image that its account has room for. Changes are made one after the other, those of other nodes
/// too, so there is room for it still.
pub(super) fn insert(
    connection: &dyn Connection,
    image: &Image,
    defaults: Quota,
) -> Result<(), InsertImageError> {
    quotas::room(connection, &image.account, defaults)?.admit(image.bytes)?;
    change(
        connection,
        "INSERT INTO images (account, id, blob, format, width, height, has_alpha, frames, turn, bytes,
                             filename, metadata, creator, privacy, uploaded_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        (
            image.account.as_str(),
            image.id.as_str(),
            image.blob.as_str(),
            image.source.format.media_type(),
            image.source.width,
            image.source.height,
            image.source.has_alpha,
            image.source.frames,
            image.source.turn.as_str(),
            image.bytes,
            &image.filename,
            image.metadata.as_json(),
            image.creator.as_ref().map(Creator::as_str),
            privacy_word(image.privacy),
            image.uploaded_ms,
        ),
    )?;
    metadata::insert(connection, image)?;
    Ok(search_index::insert(connection, image)?)
}

/// The image of an id.
pub(super) fn find(
    connection: &dyn Connection,
    (account, id): &ImageKey,
) -> Result<Option<Image>, CatalogError> {
    let sql = format!("SELECT {COLUMNS} FROM images WHERE account = ?1 AND id = ?2");
    first(connection, &sql, [account.as_str(), id.as_str()], parse)
}

/// The images of an account that have these ids, in the order of the ids, all by one query.
pub(super) fn find_all(
    connection: &dyn Connection,
    account: &AccountId,
    ids: &[&str],
) -> Result<Vec<Image>, CatalogError> {
    let listed = connection.dialect().pick(
        "SELECT value FROM json_each(?2)",
        "SELECT jsonb_array_elements_text(CAST(CAST(?2 AS TEXT) AS JSONB))",
    );
    let sql = format!("SELECT {COLUMNS} FROM images WHERE account = ?1 AND id IN ({listed})");
    let wanted = serde_json::Value::from(ids).to_string();
    let found = all(connection, &sql, (account.as_str(), wanted), parse)?;
    let mut found: BTreeMap<String, Image> =
        found.into_iter().map(|image| (image.id.as_str().to_owned(), image)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(*id)).collect())
}

fn update(
    connection: &dyn Connection,
    key: &ImageKey,
    changes: ImageChanges,
    act: Option<&Act>,
) -> Result<Option<Arc<Image>>, CatalogError> {
    let Some(before) = find(connection, key)? else { return Ok(None) };
    let ImageChanges { metadata, creator, privacy } = changes;
    let mut image = before.clone();
    image.metadata = metadata.unwrap_or(image.metadata);
    image.creator = creator.unwrap_or(image.creator);
    image.privacy = privacy.unwrap_or(image.privacy);
    if image.metadata != before.metadata {
        metadata::update(connection, &image, &before.metadata)?;
    }
    search_index::update(connection, &image, &before)?;
    change(
        connection,
        "UPDATE images SET metadata = ?3, creator = ?4, privacy = ?5 WHERE account = ?1 AND id = ?2",
        (
            image.account.as_str(),
            image.id.as_str(),
            image.metadata.as_json(),
            image.creator.as_ref().map(Creator::as_str),
            privacy_word(image.privacy),
        ),
    )?;
    events::changed(connection, &before, &image, act)?;
    follower::tell(connection, &Kept::Image(key.clone()))?;
    Ok(Some(Arc::new(image)))
}

/// The renditions that went with it; `None` if there was no image.
fn delete(
    connection: &dyn Connection,
    key: &ImageKey,
    now_ms: i64,
    act: Option<&Act>,
) -> Result<Option<Vec<RenditionKey>>, CatalogError> {
    let Some(image) = find(connection, key)? else { return Ok(None) };
    events::deleted(connection, &image, act)?;
    Ok(Some(remove(connection, image, now_ms)?))
}

/// Puts an image in the place of the one of its id, if its account has room for it then, and has the old bytes deleted
/// at `delete_ms`. The renditions of those, which are gone.
pub(super) fn replace(
    connection: &dyn Connection,
    image: &Image,
    before: Image,
    delete_ms: i64,
    by: &str,
    defaults: Quota,
) -> Result<Vec<RenditionKey>, InsertImageError> {
    quotas::room(connection, &image.account, defaults)?.without(before.bytes).admit(image.bytes)?;
    let gone = remove(connection, before, delete_ms)?;
    insert(connection, image, defaults)?;
    events::uploaded(connection, image, by)?;
    Ok(gone)
}

/// Removes an image's row and all that hangs on it. The renditions that went with it.
fn remove(
    connection: &dyn Connection,
    image: Image,
    delete_ms: i64,
) -> Result<Vec<RenditionKey>, CatalogError> {
    let gone = renditions::delete_of_blob(connection, &image.blob)?;
    levels::delete_of_blob(connection, &image.blob)?;
    metadata::delete(connection, &image)?;
    search_index::delete(connection, &image)?;
    let sql = "DELETE FROM images WHERE account = ?1 AND id = ?2";
    change(connection, sql, [image.account.as_str(), image.id.as_str()])?;
    follower::tell(connection, &Kept::Image((image.account.clone(), image.id.clone())))?;
    jobs::insert(connection, Some(&image.account), &JobKind::DeleteBlob(image.blob), delete_ms)?;
    Ok(gone)
}

/// The privacy of a word that [`privacy_word`] gives.
pub(super) fn parse_privacy(word: &str) -> Option<Privacy> {
    [Privacy::Public, Privacy::RequireSigned].into_iter().find(|known| privacy_word(*known) == word)
}

/// The word in the tables.
pub(super) fn privacy_word(privacy: Privacy) -> &'static str {
    match privacy {
        Privacy::Public => "public",
        Privacy::RequireSigned => "require-signed",
    }
}

/// An image of a row with [`COLUMNS`].
pub(super) fn parse(row: &Row<'_>) -> Result<Image, CatalogError> {
    let text = |column: &str| row.get::<_, String>(column);
    let bad = |column: &str| damaged("images", column);
    let creator: Option<String> = row.get("creator")?;
    Ok(Image {
        account: AccountId::parse(&text("account")?).map_err(|why| damaged("images", why))?,
        id: ImageId::named(&text("id")?),
        blob: BlobId::parse(&text("blob")?).ok_or_else(|| bad("blob"))?,
        source: SourceInfo {
            format: SourceFormat::from_media_type(&text("format")?).ok_or_else(|| bad("format"))?,
            width: row.get("width")?,
            height: row.get("height")?,
            has_alpha: row.get("has_alpha")?,
            frames: row.get("frames")?,
            turn: Turn::parse(&text("turn")?).ok_or_else(|| bad("turn"))?,
        },
        bytes: row.get("bytes")?,
        filename: row.get("filename")?,
        metadata: Metadata::from_json_object(text("metadata")?).map_err(|why| damaged("images", why))?,
        creator: creator
            .map(|creator| Creator::parse(&creator))
            .transpose()
            .map_err(|why| damaged("images", why))?,
        privacy: parse_privacy(&text("privacy")?).ok_or_else(|| bad("privacy"))?,
        uploaded_ms: row.get("uploaded_ms")?,
    })
}

#[cfg(test)]
#[path = "images_tests.rs"]
mod tests;
