//! Counts of delivery over time, and what is stored.

use super::database::Connection;
use super::rows::{all, change, first};
use super::{Catalog, CatalogError};
use safelight_domain::account::AccountId;

/// Seconds of a stored point, the narrow ones for a few days and the wide ones for long.
pub const USAGE_WIDTHS: [i64; 2] = [300, 3_600];

/// What the measure of a key's requests begins with; no other does.
pub const KEY_MEASURE: &str = "key:";

/// How long points are kept, in seconds: those of each of [`USAGE_WIDTHS`].
const KEPT: [i64; 2] = [8 * 86_400, 400 * 86_400];

/// A count: the second at which its point begins, its measure, and the count.
pub type UsageRow = (i64, String, u64);

/// What was counted of an account, by measure.
pub type UsageCounts = (AccountId, Vec<(String, u64)>);

/// Which points are read. All in seconds, moments since 1970.
#[derive(Clone, Copy, Debug)]
pub struct UsagePoints {
    /// One of [`USAGE_WIDTHS`], and the rows to sum.
    pub stored: i64,
    /// Of a point: a multiple of `stored`.
    pub width: i64,
    /// Where the first point begins.
    pub from: i64,
    /// Where the last one ends.
    pub to: i64,
}

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
    /// Levels of originals.
    pub levels: u64,
    /// Bytes of them.
    pub level_bytes: u64,
}

impl Catalog {
    /// Adds what `take` gives to the points of a moment. It is called on the writing thread, and what it
    /// gives is lost when the transaction fails. Counts of keys that are gone are dropped; those of the
    /// others are their last use.
    pub async fn add_usage(
        &self,
        take: impl FnOnce() -> Vec<UsageCounts> + Send + 'static,
        now_ms: i64,
    ) -> Result<(), CatalogError> {
        let add = move |connection: &dyn Connection| {
            for (account, counts) in take() {
                for (measure, count) in counts {
                    add(connection, &account, &measure, count, now_ms)?;
                }
            }
            Ok::<_, CatalogError>(())
        };
        self.inner.writer.write(add, |()| ()).await
    }

    /// The counts of an account by point and measure, those alone that are not zero.
    pub async fn usage(
        &self,
        account: &AccountId,
        points: UsagePoints,
    ) -> Result<Vec<UsageRow>, CatalogError> {
        let account = account.clone();
        let read = move |connection: &dyn Connection| {
            let sql = "SELECT begin / ?5 * ?5 AS point, measure, CAST(sum(value) AS BIGINT) FROM usage
                       WHERE account = ?1 AND width = ?2 AND begin >= ?3 AND begin < ?4
                       GROUP BY point, measure";
            let UsagePoints { stored, width, from, to } = points;
            all(connection, sql, (account.as_str(), stored, from, to, width), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
        };
        self.inner.readers.read(read).await
    }

    /// What an account stores.
    pub async fn stored_sizes(&self, account: &AccountId) -> Result<StoredSizes, CatalogError> {
        let account = account.clone();
        let read = move |connection: &dyn Connection| {
            let sql = "SELECT images, original_bytes, renditions, rendition_bytes, levels, level_bytes FROM counters
                       WHERE account = ?1";
            let sizes = first(connection, sql, [account.as_str()], |row| {
                Ok(StoredSizes {
                    images: row.get(0)?,
                    original_bytes: row.get(1)?,
                    renditions: row.get(2)?,
                    rendition_bytes: row.get(3)?,
                    levels: row.get(4)?,
                    level_bytes: row.get(5)?,
                })
            })?;
            Ok(sizes.unwrap_or_default())
        };
        self.inner.readers.read(read).await
    }

    /// Deletes points whose time is over, at most `limit`. How many there were.
    pub async fn delete_old_usage(&self, now_ms: i64, limit: u32) -> Result<u64, CatalogError> {
        let delete = move |connection: &dyn Connection| {
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

fn add(
    connection: &dyn Connection,
    account: &AccountId,
    measure: &str,
    count: u64,
    now_ms: i64,
) -> Result<(), CatalogError> {
    if let Some(key) = measure.strip_prefix(KEY_MEASURE) {
        let sql = "UPDATE signing_keys SET used_ms = ?3 WHERE account = ?1 AND name = ?2";
        if change(connection, sql, (account.as_str(), key, now_ms))? == 0 {
            return Ok(());
        }
    }
    for width in USAGE_WIDTHS {
        let begin = now_ms.div_euclid(1000).div_euclid(width) * width;
        let sql = "INSERT INTO usage (account, width, begin, measure, value)
                   VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (account, width, begin, measure) DO UPDATE SET value = usage.value + ?5";
        change(connection, sql, (account.as_str(), width, begin, measure, count))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
