//! Sources of the Sourcing Kit: buckets, and what opens them.

use super::database::{Connection, Row};
use super::rows::{all, any, change, damaged, first};
use super::{Catalog, CatalogError, InsertError};
use safelight_domain::account::AccountId;
use safelight_domain::sourcing::{SourcingId, Vendor};
use url::Url;

/// Most sources of an account.
pub const MAX_SOURCES: u32 = 100;

/// A bucket that images come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketSource {
    /// Its own.
    pub id: SourcingId,
    /// Whose it is.
    pub account: AccountId,
    /// For people.
    pub name: String,
    /// See [`Vendor`].
    pub vendor: Vendor,
    /// Where it is and what opens it.
    pub place: BucketPlace,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: i64,
    /// The same.
    pub updated_ms: i64,
}

/// Where a bucket is, and what opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct BucketPlace {
    /// Of the store, without user, password, path and query.
    pub endpoint: Url,
    /// As requests are signed for it.
    pub region: String,
    /// Its name there.
    pub bucket: String,
    /// Names the secret.
    pub access_key_id: String,
    /// A secret.
    pub secret_access_key: String,
    /// A secret of credentials that end by themselves.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for BucketPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BucketPlace")
            .field("endpoint", &self.endpoint.as_str())
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// What became of a source that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedSource {
    /// It is gone, and its secret with it.
    Deleted,
    /// A migration that has not ended needs it.
    InUse,
    /// There was none.
    Missing,
}

impl Catalog {
    /// Inserts a source; `Full` when its account has [`MAX_SOURCES`].
    pub async fn insert_source(&self, source: BucketSource) -> Result<(), InsertError> {
        self.inner.writer.write(move |connection| insert(connection, &source), |()| ()).await
    }

    /// Sources of an account, the newest first, of those whose name contains a text in any case.
    pub async fn sources(
        &self,
        account: &AccountId,
        name: &str,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<BucketSource>, CatalogError> {
        let (account, name) = (account.clone(), name.to_lowercase());
        let read = move |connection: &dyn Connection| {
            let sql = "SELECT * FROM sourcing_sources WHERE account = ?1 ORDER BY number DESC";
            // So few that they are looked through here, in every script alike.
            let found = all(connection, sql, [account.as_str()], parse)?.into_iter();
            let found = found.filter(|source| source.name.to_lowercase().contains(&name));
            Ok(found
                .skip(usize::try_from(offset).unwrap_or(usize::MAX))
                .take(usize::try_from(limit).unwrap_or(usize::MAX))
                .collect())
        };
        self.inner.readers.read(read).await
    }

    /// The source of an id.
    pub async fn find_source(
        &self,
        account: &AccountId,
        id: &SourcingId,
    ) -> Result<Option<BucketSource>, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        self.inner.readers.read(move |connection| find(connection, &account, &id)).await
    }

    /// The source under its new name; `None` if there is none.
    pub async fn rename_source(
        &self,
        account: &AccountId,
        id: &SourcingId,
        name: String,
        now_ms: i64,
    ) -> Result<Option<BucketSource>, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        let rename = move |connection: &dyn Connection| {
            let sql = "UPDATE sourcing_sources SET name = ?3, updated_ms = ?4 WHERE account = ?1 AND id = ?2";
            change(connection, sql, (account.as_str(), id.as_str(), &name, now_ms))?;
            find(connection, &account, &id)
        };
        self.inner.writer.write(rename, |_| ()).await
    }

    /// Deletes a source that no active migration has. Those that have ended stay without it.
    pub async fn delete_source(
        &self,
        account: &AccountId,
        id: &SourcingId,
    ) -> Result<DeletedSource, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        let delete = move |connection: &dyn Connection| {
            let sql = "SELECT 1 FROM sourcing_migrations WHERE source = ?1 AND account = ?2
                       AND status IN ('pending', 'processing')";
            if any(connection, sql, (id.as_str(), account.as_str()))? {
                return Ok(DeletedSource::InUse);
            }
            let sql = "DELETE FROM sourcing_sources WHERE account = ?1 AND id = ?2";
            Ok::<_, CatalogError>(match change(connection, sql, (account.as_str(), id.as_str()))? {
                0 => DeletedSource::Missing,
                _ => DeletedSource::Deleted,
            })
        };
        self.inner.writer.write(delete, |_| ()).await
    }
}

fn insert(connection: &dyn Connection, source: &BucketSource) -> Result<(), InsertError> {
    let sql = "SELECT count(*) FROM sourcing_sources WHERE account = ?1";
    let count = first(connection, sql, [source.account.as_str()], |row| Ok(row.get::<_, u32>(0)?))?;
    if count.is_some_and(|count| count >= MAX_SOURCES) {
        return Err(InsertError::Full);
    }
    let place = &source.place;
    change(
        connection,
        "INSERT INTO sourcing_sources (id, account, name, vendor, bucket, endpoint, region, access_key_id,
                                       secret_access_key, session_token, created_ms, updated_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
        (
            source.id.as_str(),
            source.account.as_str(),
            &source.name,
            source.vendor.as_str(),
            &place.bucket,
            place.endpoint.as_str(),
            &place.region,
            &place.access_key_id,
            &place.secret_access_key,
            &place.session_token,
            source.created_ms,
        ),
    )?;
    Ok(())
}

/// The source of an id.
pub(super) fn find(
    connection: &dyn Connection,
    account: &AccountId,
    id: &SourcingId,
) -> Result<Option<BucketSource>, CatalogError> {
    let sql = "SELECT * FROM sourcing_sources WHERE account = ?1 AND id = ?2";
    first(connection, sql, (account.as_str(), id.as_str()), parse)
}

fn parse(row: &Row<'_>) -> Result<BucketSource, CatalogError> {
    let text = |column: &str| row.get::<_, String>(column);
    let bad = |why: &dyn std::fmt::Display| damaged("sourcing_sources", why);
    Ok(BucketSource {
        id: SourcingId::named(&text("id")?),
        account: AccountId::parse(&text("account")?).map_err(|why| bad(&why))?,
        name: text("name")?,
        vendor: Vendor::parse(&text("vendor")?).ok_or_else(|| bad(&"vendor"))?,
        place: BucketPlace {
            endpoint: Url::parse(&text("endpoint")?).map_err(|why| bad(&why))?,
            region: text("region")?,
            bucket: text("bucket")?,
            access_key_id: text("access_key_id")?,
            secret_access_key: text("secret_access_key")?,
            session_token: row.get("session_token")?,
        },
        created_ms: row.get("created_ms")?,
        updated_ms: row.get("updated_ms")?,
    })
}

#[cfg(test)]
#[path = "sourcing_tests.rs"]
mod tests;
