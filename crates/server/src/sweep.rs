//! Removes what no row names: orphans of crashes, and renditions over the quota; and rows whose time
//! is over. Safe to run twice.

use crate::blobs::{BlobError, BlobKey, Blobs};
use crate::catalog::{Catalog, CatalogError};
use futures_util::TryStreamExt;
use std::time::Duration;
use thiserror::Error;

/// How old something without a row must be to count as an orphan: bytes come before their row, and
/// an upload may take hours to go from the one to the other.
pub const ORPHAN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a draft stays after its time, so that who comes late is told so.
const DEAD_DRAFT_MS: i64 = 60 * 60 * 1000;

/// How long it is remembered what was done to an image that is gone: 90 days.
const HISTORY_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Rows deleted in one transaction, so that other changes get between.
const ROWS_AT_ONCE: u32 = 1_000;

/// What a sweep may keep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Younger objects without a row stay.
    pub orphan_age: Duration,
    /// Most bytes of all renditions together.
    pub rendition_bytes: u64,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects that no row named.
    pub orphans: u64,
    /// Files of writers that died.
    pub unfinished: u64,
    /// Renditions over the quota.
    pub evicted: u64,
    /// Drafts whose time was over.
    pub drafts: u64,
    /// Batch tokens whose time was over.
    pub batch_tokens: u64,
    /// Sessions of browsers whose time was over.
    pub sessions: u64,
    /// Counts of delivery that were kept long enough.
    pub usage: u64,
    /// Images whose deletion was remembered long enough.
    pub histories: u64,
}

/// Why a sweep stopped; what it removed before stays removed.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// Sweeps once. `now_ms` is the time in milliseconds since 1970-01-01T00:00:00Z.
pub async fn sweep(
    catalog: &Catalog,
    blobs: &Blobs,
    limits: Limits,
    now_ms: i64,
) -> Result<Swept, SweepError> {
    let evicted = evict(catalog, blobs, limits.rendition_bytes).await?;
    let age_ms = i64::try_from(limits.orphan_age.as_millis()).unwrap_or(i64::MAX);
    let before_ms = now_ms.saturating_sub(age_ms);
    let orphans = remove_orphans(catalog, blobs, before_ms).await?;
    let unfinished = blobs.remove_unfinished(before_ms).await?;
    let drafts_before_ms = now_ms.saturating_sub(DEAD_DRAFT_MS);
    let drafts = delete_all(|| catalog.delete_old_drafts(drafts_before_ms, ROWS_AT_ONCE)).await?;
    let batch_tokens = delete_all(|| catalog.delete_old_batch_tokens(now_ms, ROWS_AT_ONCE)).await?;
    let sessions = delete_all(|| catalog.delete_old_sessions(now_ms, ROWS_AT_ONCE)).await?;
    let usage = delete_all(|| catalog.delete_old_usage(now_ms, ROWS_AT_ONCE)).await?;
    let forgotten_ms = now_ms.saturating_sub(HISTORY_MS);
    catalog.delete_old_changes().await?;
    catalog.delete_old_duties(before_ms).await?;
    let histories = delete_all(|| catalog.delete_old_events(forgotten_ms, ROWS_AT_ONCE)).await?;
    Ok(Swept { orphans, unfinished, evicted, drafts, batch_tokens, sessions, usage, histories })
}

/// Deletes rows some at a time until none is left. How many there were.
async fn delete_all<F: Future<Output = Result<u64, CatalogError>>>(
    delete_some: impl Fn() -> F,
) -> Result<u64, CatalogError> {
    let mut count = 0;
    loop {
        match delete_some().await? {
            0 => return Ok(count),
            deleted => count += deleted,
        }
    }
}

/// Rows first, bytes second: bytes that a crash leaves behind are orphans, while a row without its
/// bytes would be an error for a viewer.
async fn evict(catalog: &Catalog, blobs: &Blobs, max_bytes: u64) -> Result<u64, SweepError> {
    let mut count = 0;
    loop {
        let evicted = catalog.evict_renditions(max_bytes).await?;
        if evicted.is_empty() {
            return Ok(count);
        }
        for (blob, name) in evicted {
            blobs.delete(&BlobKey::Rendition { blob, name }).await?;
            count += 1;
        }
    }
}

async fn remove_orphans(catalog: &Catalog, blobs: &Blobs, before_ms: i64) -> Result<u64, SweepError> {
    let mut count = 0;
    let mut stored = blobs.list();
    while let Some(object) = stored.try_next().await? {
        if object.modified_ms < before_ms && !in_use(catalog, &object.key).await? {
            blobs.delete(&object.key).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// Whether a row names these bytes.
pub(crate) async fn in_use(catalog: &Catalog, key: &BlobKey) -> Result<bool, CatalogError> {
    match key {
        BlobKey::Original(blob) => catalog.blob_in_use(blob).await,
        BlobKey::Level { blob, name } => catalog.level_in_use(blob, name).await,
        BlobKey::Rendition { blob, name } => catalog.rendition_in_use(blob, name).await,
    }
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
