//! Rows of levels, and which images have others than are wanted.

use super::database::{Connection, Row};
use super::images::{COLUMNS, parse as parse_image};
use super::rows::{all, any, change};
use super::{Catalog, CatalogError, StoredLevel};
use safelight_domain::image::{BlobId, Image};

/// Most images that [`Catalog::images_for_levels`] gives at once.
pub const MAX_FOR_LEVELS: u32 = 32;

impl Catalog {
    /// Images whose levels were not made as `wanted` says, at most [`MAX_FOR_LEVELS`]: first those that never
    /// had any, of these the newest first. `wanted` is a text that names a setting and a version, `off` for none.
    pub async fn images_for_levels(&self, wanted: &str) -> Result<Vec<Image>, CatalogError> {
        let wanted = wanted.to_owned();
        self.inner.readers.read(move |connection| find_images(connection, &wanted)).await
    }

    /// Puts levels in the place of those that the blob's image had, and notes what they were made by. Gives
    /// the names of those that it had, whose bytes the caller deletes; `None` if the image is gone, and then
    /// the caller deletes those that it stored.
    pub async fn set_levels(
        &self,
        blob: &BlobId,
        levels: Vec<StoredLevel>,
        made_by: &str,
    ) -> Result<Option<Vec<String>>, CatalogError> {
        let (blob, made_by) = (blob.clone(), made_by.to_owned());
        let set = move |connection: &dyn Connection| set(connection, &blob, &levels, &made_by);
        self.inner.writer.write(set, |_| ()).await
    }

    /// The levels of a blob's image.
    pub async fn levels(&self, blob: &BlobId) -> Result<Vec<StoredLevel>, CatalogError> {
        let blob = blob.clone();
        self.inner.readers.read(move |connection| find(connection, &blob)).await
    }

    /// Whether any row names this level of this blob (for the sweeper).
    pub async fn level_in_use(&self, blob: &BlobId, name: &str) -> Result<bool, CatalogError> {
        let (blob, name) = (blob.clone(), name.to_owned());
        let sql = "SELECT 1 FROM levels WHERE blob = ?1 AND name = ?2";
        self.inner.readers.read(move |connection| any(connection, sql, (blob.as_str(), name))).await
    }
}

fn find_images(connection: &dyn Connection, wanted: &str) -> Result<Vec<Image>, CatalogError> {
    let newest = connection.dialect().pick("rowid", "number");
    // Each is a range of the index: `levels <> ?1` would read all of it.
    for range in ["levels = 'off' AND levels <> ?1", "levels > ?1", "levels < ?1"] {
        let sql = format!(
            "SELECT {COLUMNS} FROM images WHERE {range} ORDER BY levels DESC, {newest} DESC LIMIT ?2"
        );
        let found = all(connection, &sql, (wanted, MAX_FOR_LEVELS), parse_image)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

fn set(
    connection: &dyn Connection,
    blob: &BlobId,
    levels: &[StoredLevel],
    made_by: &str,
) -> Result<Option<Vec<String>>, CatalogError> {
    let noted = "UPDATE images SET levels = ?2 WHERE blob = ?1";
    if change(connection, noted, (blob.as_str(), made_by))? == 0 {
        return Ok(None);
    }
    let before = delete_of_blob(connection, blob)?;
    for StoredLevel { divisor, name, bytes } in levels {
        let sql = "INSERT INTO levels (blob, divisor, account, name, bytes)
                   SELECT blob, ?2, account, ?3, ?4 FROM images WHERE blob = ?1";
        change(connection, sql, (blob.as_str(), divisor, name, bytes))?;
    }
    Ok(Some(before))
}

fn find(connection: &dyn Connection, blob: &BlobId) -> Result<Vec<StoredLevel>, CatalogError> {
    all(connection, "SELECT divisor, name, bytes FROM levels WHERE blob = ?1", [blob.as_str()], parse)
}

/// Deletes every level of a blob and returns their names.
pub(super) fn delete_of_blob(
    connection: &dyn Connection,
    blob: &BlobId,
) -> Result<Vec<String>, CatalogError> {
    let levels = find(connection, blob)?;
    change(connection, "DELETE FROM levels WHERE blob = ?1", [blob.as_str()])?;
    Ok(levels.into_iter().map(|level| level.name).collect())
}

fn parse(row: &Row<'_>) -> Result<StoredLevel, CatalogError> {
    Ok(StoredLevel { divisor: row.get("divisor")?, name: row.get("name")?, bytes: row.get("bytes")? })
}

#[cfg(test)]
#[path = "levels_tests.rs"]
mod tests;
