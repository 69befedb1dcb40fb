//! Counts of delivery over time, and what is stored.

use super::rows::{all, change, first};
use super::{Catalog, CatalogError};
use rusqlite::Connection;
use safelight_domain::account::AccountId;

/// Seconds of a stored point, the narrow ones for a few days and the wide ones for long.
pub const USAGE_WIDTHS: [i64; 2] = [300, 3_600];

/// What the measure of a key's requests begins with; no other does.
pub const KEY_MEASURE: &str = "key:";

/// How long points are kept, in seconds: those of each of [`USAGE_WIDTHS`].
const KEPT: [i64; 2] = [8 * 86_400, 400 * 86_400];

/// A stored count: the second at which its point begins, its measure, and the count.
pub type UsageRow = (i64, String, u64);

/// What an account stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredSizes {
    /// Images.
    pub images: u64,
    /// Bytes of their originals.
    pub original_bytes: u64,
    /// Renditions.
    pub renditions: u64,
    /// Their bytes.
    pub rendition_bytes: u64,
}

impl Catalog {
    /// Adds to the points of a moment. Counts of keys that are gone are dropped; those of the others are
    /// their last use.
    pub async fn add_usage(
        &self,
        account: &AccountId,
        counts: Vec<(String, u64)>,
        now_ms: i64,
    ) -> Result<(), CatalogError> {
        let account = account.clone();
        let add = move |connection: &Connection| {
            for (measure, count) in &counts {
                if let Some(key) = measure.strip_prefix(KEY_MEASURE) {
                    let sql = "UPDATE signing_keys SET used_ms = ?3 WHERE account = ?1 AND name = ?2";
                    if change(connection, sql, (account.as_str(), key, now_ms))? == 0 {
                        continue;
                    }
                }
                for width in USAGE_WIDTHS {
                    let begin = now_ms.div_euclid(1000).div_euclid(width) * width;
                    let sql = "INSERT INTO usage (account, width, begin, measure, value)
                               VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET value = value + ?5";
                    change(connection, sql, (account.as_str(), width, begin, measure, count))?;
                }
            }
            Ok::<_, CatalogError>(())
        };
        self.inner.writer.write(add, |()| ()).await
    }

    /// The points of a width that begin from `from` to before `to`, in seconds since 1970.
    pub async fn usage(
        &self,
        account: &AccountId,
        width: i64,
        from: i64,
        to: i64,
    ) -> Result<Vec<UsageRow>, CatalogError> {
        let account = account.clone();
        let read = move |connection: &Connection| {
            let sql = "SELECT begin, measure, value FROM usage
                       WHERE account = ?1 AND width = ?2 AND begin >= ?3 AND begin < ?4";
            all(connection, sql, (account.as_str(), width, from, to), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
        };
        self.inner.readers.read(read).await
    }

    /// What an account stores.
    pub async fn stored_sizes(&self, account: &AccountId) -> Result<StoredSizes, CatalogError> {
        let account = account.clone();
        let read = move |connection: &Connection| {
            let sql = "SELECT images, original_bytes, renditions, rendition_bytes FROM counters
                       WHERE account = ?1";
            let sizes = first(connection, sql, [account.as_str()], |row| {
                Ok(StoredSizes {
                    images: row.get(0)?,
                    original_bytes: row.get(1)?,
                    renditions: row.get(2)?,
                    rendition_bytes: row.get(3)?,
                })
            })?;
            Ok(sizes.unwrap_or_default())
        };
        self.inner.readers.read(read).await
    }

    /// Deletes points whose time is over, at most `limit`. How many there were.
    pub async fn delete_old_usage(&self, now_ms: i64, limit: u32) -> Result<u64, CatalogError> {
        let delete = move |connection: &Connection| {
            let mut deleted = 0;
            for (width, kept) in USAGE_WIDTHS.into_iter().zip(KEPT) {
                let before = now_ms.div_euclid(1000) - kept;
                let sql = "DELETE FROM usage WHERE (account, width, begin, measure) IN (
                               SELECT account, width, begin, measure FROM usage INDEXED BY usage_by_age
                               WHERE width = ?1 AND begin < ?2 LIMIT ?3)";
                deleted += change(connection, sql, (width, before, limit))? as u64;
            }
            Ok(deleted)
        };
        self.inner.writer.write(delete, |_| ()).await
    }
}
