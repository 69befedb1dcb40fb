//! Rows of stored renditions.

use super::cache::Lookup;
use super::database::{Connection, Row};
use super::rows::{all, any, change, damaged, first};
use super::{Catalog, CatalogError, Rendition, RenditionKey};
use safelight_domain::conditional::ETag;
use safelight_domain::image::BlobId;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Effort;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Least time between two notes of the use of one rendition, in milliseconds.
const NOTE_EVERY_MS: i64 = 60 * 60 * 1000;

const DELETE: &str = "DELETE FROM renditions WHERE blob = ?1 AND name = ?2";

/// Most renditions that one eviction takes.
pub const MAX_EVICTED: usize = 1_000;

/// A stored rendition as it is found, and when its use was last noted.
#[derive(Debug)]
pub struct UsedRendition {
    /// Its row.
    pub rendition: Rendition,
    /// Its tag, made once for all who ask.
    pub etag: ETag,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    used_ms: AtomicI64,
}

impl Catalog {
    /// The rendition of a key, from memory where possible. Its use is noted for eviction at most
    /// once an hour; a note may be lost.
    pub async fn find_rendition(
        &self,
        key: &RenditionKey,
        now_ms: i64,
    ) -> Result<Option<Arc<UsedRendition>>, CatalogError> {
        let used = match self.inner.renditions.lookup(key) {
            Lookup::Hit(used) => used,
            Lookup::Miss(ticket) => {
                let wanted = key.clone();
                let found = self.inner.readers.read(move |connection| find(connection, &wanted));
                let found = Box::pin(found).await?;
                let Some(used) = found.map(Arc::new) else { return Ok(None) };
                self.inner.renditions.fill(&ticket, key.clone(), Arc::clone(&used));
                used
            }
        };
        self.note_use(key, &used, now_ms);
        Ok(Some(used))
    }

    fn note_use(&self, key: &RenditionKey, used: &UsedRendition, now_ms: i64) {
        let before = used.used_ms.load(Ordering::Relaxed);
        let due = now_ms.saturating_sub(before) >= NOTE_EVERY_MS;
        let order = Ordering::Relaxed;
        // Of many readers at once, the one that moves the time on writes the note.
        if due && used.used_ms.compare_exchange(before, now_ms, order, order).is_ok() {
            let (blob, name) = (key.blob.clone(), used.rendition.name.clone());
            self.inner.writer.note(move |connection| {
                let sql = "UPDATE renditions SET used_ms = ?3 WHERE blob = ?1 AND name = ?2 AND used_ms < ?3";
                change(connection, sql, (blob.as_str(), name, now_ms)).map(drop)
            });
        }
    }

    /// Inserts a rendition, and takes one of less effort out of its place; one that is as good stays. Gives the
    /// name of the rendition that no row has now, whose bytes the caller deletes: that which was there before,
    /// or the new one where it is not wanted, also because the blob has no image any more.
    pub async fn insert_rendition(
        &self,
        key: RenditionKey,
        rendition: Rendition,
        now_ms: i64,
    ) -> Result<Option<String>, CatalogError> {
        let publish = self.forgetting(&key);
        let insert = move |connection: &dyn Connection| insert(connection, &key, &rendition, now_ms);
        self.inner.writer.write(insert, publish).await
    }

    /// Deletes the row of a rendition whose bytes turned out to be missing or damaged, so that it
    /// is made anew. Whether there was one.
    pub async fn delete_rendition(&self, key: &RenditionKey, name: &str) -> Result<bool, CatalogError> {
        let (blob, name) = (key.blob.clone(), name.to_owned());
        let delete =
            move |connection: &dyn Connection| Ok(change(connection, DELETE, (blob.as_str(), name))? > 0);
        self.inner.writer.write(delete, self.forgetting(key)).await
    }

    /// Takes the row of a key out of memory when it was changed.
    fn forgetting<T>(&self, key: &RenditionKey) -> impl FnOnce(&T) + Send + use<T> {
        let (key, inner) = (key.clone(), Arc::downgrade(&self.inner));
        move |_| {
            if let Some(inner) = inner.upgrade() {
                inner.renditions.forget(&key);
            }
        }
    }

    /// Whether any row names this rendition of this blob (for the sweeper).
    pub async fn rendition_in_use(&self, blob: &BlobId, name: &str) -> Result<bool, CatalogError> {
        let (blob, name) = (blob.clone(), name.to_owned());
        self.inner
            .readers
            .read(move |connection| {
                let sql = "SELECT 1 FROM renditions WHERE blob = ?1 AND name = ?2";
                any(connection, sql, (blob.as_str(), name))
            })
            .await
    }

    /// While all renditions together exceed `max_bytes`: deletes the least recently used rows and
    /// returns their blobs and names, at most [`MAX_EVICTED`] at a time. To be called until it
    /// returns none.
    pub async fn evict_renditions(&self, max_bytes: u64) -> Result<Vec<(BlobId, String)>, CatalogError> {
        let inner = Arc::downgrade(&self.inner);
        let publish = move |evicted: &Vec<Stored>| {
            if let Some(inner) = inner.upgrade() {
                evicted.iter().for_each(|stored| inner.renditions.forget(&stored.key));
            }
        };
        let evicted: Result<_, CatalogError> =
            self.inner.writer.write(move |connection| evict(connection, max_bytes), publish).await;
        Ok(evicted?.into_iter().map(|stored| (stored.key.blob, stored.used.rendition.name)).collect())
    }
}

/// A whole row.
struct Stored {
    row: i64,
    key: RenditionKey,
    used: UsedRendition,
}

fn find(connection: &dyn Connection, key: &RenditionKey) -> Result<Option<UsedRendition>, CatalogError> {
    let sql = "SELECT * FROM renditions
               WHERE blob = ?1 AND transform = ?2 AND format = ?3 AND engine = ?4 ORDER BY effort DESC LIMIT 1";
    let values = (key.blob.as_str(), &key.transform, key.format.as_str(), key.engine);
    Ok(first(connection, sql, values, parse)?.map(|stored| stored.used))
}

fn insert(
    connection: &dyn Connection,
    key: &RenditionKey,
    rendition: &Rendition,
    now_ms: i64,
) -> Result<Option<String>, CatalogError> {
    let before = find(connection, key)?.map(|used| used.rendition);
    if before.as_ref().is_some_and(|before| before.effort >= rendition.effort) {
        return Ok(Some(rendition.name.clone()));
    }
    if let Some(before) = &before {
        change(connection, DELETE, (key.blob.as_str(), &before.name))?;
    }
    let inserted = change(
        connection,
        "INSERT INTO renditions
         (account, blob, transform, format, engine, effort, name, bytes, sha256, used_ms)
         SELECT account, blob, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM images WHERE blob = ?1",
        (
            key.blob.as_str(),
            &key.transform,
            key.format.as_str(),
            key.engine,
            rendition.effort.number(),
            &rendition.name,
            rendition.bytes,
            &rendition.sha256,
            now_ms,
        ),
    )?;
    Ok(if inserted == 0 { Some(rendition.name.clone()) } else { before.map(|before| before.name) })
}

fn evict(connection: &dyn Connection, max_bytes: u64) -> Result<Vec<Stored>, CatalogError> {
    let sum = "SELECT CAST(coalesce(sum(rendition_bytes), 0) AS BIGINT) FROM counters";
    let mut total = first(connection, sum, (), |row| Ok(row.get::<_, u64>(0)?))?.unwrap_or(0);
    let mut evicted = Vec::new();
    while total > max_bytes && evicted.len() < MAX_EVICTED {
        let oldest = "SELECT * FROM renditions ORDER BY used_ms, row LIMIT 1";
        let Some(stored) = first(connection, oldest, (), parse)? else { break };
        change(connection, "DELETE FROM renditions WHERE row = ?1", [stored.row])?;
        total = total.saturating_sub(stored.used.rendition.bytes);
        evicted.push(stored);
    }
    Ok(evicted)
}

/// Deletes every rendition of a blob and returns their keys.
pub(super) fn delete_of_blob(
    connection: &dyn Connection,
    blob: &BlobId,
) -> Result<Vec<RenditionKey>, CatalogError> {
    let stored = all(connection, "SELECT * FROM renditions WHERE blob = ?1", [blob.as_str()], parse)?;
    change(connection, "DELETE FROM renditions WHERE blob = ?1", [blob.as_str()])?;
    Ok(stored.into_iter().map(|stored| stored.key).collect())
}

fn parse(row: &Row<'_>) -> Result<Stored, CatalogError> {
    let blob: String = row.get("blob")?;
    let blob = BlobId::parse(&blob).ok_or_else(|| damaged("renditions", "blob"))?;
    let format: String = row.get("format")?;
    let sha256 = row.get("sha256")?;
    let etag = ETag::of_rendition(&sha256, &blob);
    Ok(Stored {
        row: row.get("row")?,
        key: RenditionKey {
            blob,
            transform: row.get("transform")?,
            format: OutputFormat::parse(&format).ok_or_else(|| damaged("renditions", "format"))?,
            engine: row.get("engine")?,
        },
        used: UsedRendition {
            rendition: Rendition {
                name: row.get("name")?,
                bytes: row.get("bytes")?,
                sha256,
                effort: Effort::from_number(row.get("effort")?)
                    .ok_or_else(|| damaged("renditions", "effort"))?,
            },
            etag,
            used_ms: AtomicI64::new(row.get("used_ms")?),
        },
    })
}

#[cfg(test)]
#[path = "renditions_tests.rs"]
mod tests;
