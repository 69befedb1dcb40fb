//! What accounts may keep, and what they do keep.

use super::database::{Connection, Row};
use super::rows::{damaged, first};
use super::{Catalog, CatalogError};
use safelight_domain::account::AccountId;
use safelight_domain::quota::{Bound, Kept, OwnQuota, Quota, QuotaExceeded};

/// No bound, in the table; nothing is what the instance has.
const OFF: i64 = -1;

/// Changes to what an account is given; `None` leaves a bound as it is, `Some(None)` has it follow the instance.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuotaChanges {
    /// See [`Quota::images`].
    pub images: Option<Option<Bound>>,
    /// See [`Quota::bytes`].
    pub bytes: Option<Option<Bound>>,
    /// See [`Quota::renders_per_minute`].
    pub renders_per_minute: Option<Option<Bound>>,
}

/// What an account has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What it may keep.
    pub quota: Quota,
    /// What it keeps.
    pub kept: Kept,
}

impl Room {
    /// Whether there is room for one image more, of `bytes` bytes.
    ///
    /// # Errors
    /// Says what is used and allowed.
    pub fn admit(&self, bytes: u64) -> Result<(), QuotaExceeded> {
        self.quota.admit(self.kept, bytes)
    }

    /// The room when an image of so many bytes is gone.
    pub(super) fn without(self, bytes: u64) -> Room {
        let Kept { images, bytes: kept } = self.kept;
        Room { kept: Kept { images: images.saturating_sub(1), bytes: kept.saturating_sub(bytes) }, ..self }
    }
}

impl QuotaChanges {
    pub(super) fn over(self, old: OwnQuota) -> OwnQuota {
        OwnQuota {
            images: self.images.unwrap_or(old.images),
            bytes: self.bytes.unwrap_or(old.bytes),
            renders_per_minute: self.renders_per_minute.unwrap_or(old.renders_per_minute),
        }
    }
}

impl Catalog {
    /// The same catalog, where accounts that are given nothing else have this quota. Without this they have none.
    #[must_use]
    pub fn with_quota(self, quota: Quota) -> Catalog {
        Catalog { quota, ..self }
    }

    /// What an account has room for, from a counter that is kept with every change.
    pub async fn room(&self, account: &AccountId) -> Result<Room, CatalogError> {
        let (account, defaults) = (account.clone(), self.quota);
        self.inner.readers.read(move |connection| room(connection, &account, defaults)).await
    }
}

/// What an account has room for; an unknown one keeps nothing.
pub(super) fn room(
    connection: &dyn Connection,
    account: &AccountId,
    defaults: Quota,
) -> Result<Room, CatalogError> {
    let sql = "SELECT images, original_bytes, quota_images, quota_bytes, quota_renders
               FROM counters JOIN accounts ON accounts.id = counters.account WHERE counters.account = ?1";
    let found = first(connection, sql, [account.as_str()], |row| {
        Ok((Kept { images: row.get(0)?, bytes: row.get(1)? }, parse(row)?))
    })?;
    let (kept, own) = found.unwrap_or_default();
    Ok(Room { quota: own.over(defaults), kept })
}

/// What the columns `quota_images`, `quota_bytes` and `quota_renders` hold.
pub(super) fn columns(quota: OwnQuota) -> [Option<i64>; 3] {
    let column = |bound| match bound {
        Bound::Off => OFF,
        // No bound is larger.
        Bound::At(most) => i64::try_from(most).unwrap_or(i64::MAX),
    };
    [quota.images, quota.bytes, quota.renders_per_minute].map(|bound| bound.map(column))
}

/// The quota of a row with these columns.
pub(super) fn parse(row: &Row<'_>) -> Result<OwnQuota, CatalogError> {
    let bound = |column: &str| {
        let stored: Option<i64> = row.get(column)?;
        let parsed = stored.map(|stored| match stored {
            OFF => Some(Bound::Off),
            most => Bound::at(u64::try_from(most).ok()?),
        });
        parsed.map(|bound| bound.ok_or_else(|| damaged("accounts", column))).transpose()
    };
    Ok(OwnQuota {
        images: bound("quota_images")?,
        bytes: bound("quota_bytes")?,
        renders_per_minute: bound("quota_renders")?,
    })
}

#[cfg(test)]
#[path = "quotas_tests.rs"]
mod tests;
