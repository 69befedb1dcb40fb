//! Origins: those that accounts offer for links, and those that remote images may come from.

use super::database::{Connection, Row};
use super::follower::{self, Kept, Number};
use super::rows::{all, change, damaged};
use super::{Catalog, CatalogError};
use safelight_domain::account::AccountId;
use safelight_domain::origin::AllowedOrigin;
use std::sync::{Arc, PoisonError, RwLock};

/// An allowed origin and the text that it was given as.
pub type RemoteOrigin = (String, AllowedOrigin);

/// What remote images ask at each request, in memory, with the number of the change that it is known from.
pub(super) struct RemoteOrigins(RwLock<(Arc<[RemoteOrigin]>, Number)>);

impl RemoteOrigins {
    /// These, which include the change of that number.
    pub(super) fn new(origins: Arc<[RemoteOrigin]>, number: Number) -> RemoteOrigins {
        RemoteOrigins(RwLock::new((origins, number)))
    }

    /// Takes their place, unless they are newer.
    pub(super) fn put(&self, origins: Arc<[RemoteOrigin]>, number: Number) {
        // A poisoned list is still whole: it is replaced in one step.
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.1 <= number {
            *known = (origins, number);
        }
    }

    /// Takes their place whatever they are known from.
    pub(super) fn replace(&self, origins: Arc<[RemoteOrigin]>, number: Number) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (origins, number);
    }
}

/// Reads the origins of remote images.
pub(super) fn load(connection: &dyn Connection) -> Result<Arc<[RemoteOrigin]>, CatalogError> {
    let sql = "SELECT entry FROM remote_origins ORDER BY place";
    Ok(all(connection, sql, (), parse_remote)?.into())
}

impl Catalog {
    /// The stored origins of remote images, from memory.
    pub fn remote_origins(&self) -> Arc<[RemoteOrigin]> {
        Arc::clone(&self.inner.remote_origins.0.read().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Replaces them. They are in force when this returns.
    pub async fn set_remote_origins(&self, origins: Vec<RemoteOrigin>) -> Result<(), CatalogError> {
        let inner = Arc::downgrade(&self.inner);
        let origins: Arc<[RemoteOrigin]> = origins.into();
        let stored = Arc::clone(&origins);
        let replace = move |connection: &dyn Connection| {
            change(connection, "DELETE FROM remote_origins", ())?;
            for (place, (entry, _)) in (0_i64..).zip(stored.iter()) {
                let sql = "INSERT INTO remote_origins (place, entry) VALUES (?1, ?2)";
                change(connection, sql, (place, entry))?;
            }
            follower::tell(connection, &Kept::RemoteOrigins)
        };
        let publish = move |number: &Number| {
            if let Some(inner) = inner.upgrade() {
                inner.remote_origins.put(origins, *number);
            }
        };
        let replaced: Result<_, CatalogError> = self.inner.writer.write(replace, publish).await;
        replaced.map(drop)
    }

    /// The origins that an account offers for links, in its order.
    pub async fn domains(&self, account: &AccountId) -> Result<Vec<String>, CatalogError> {
        let account = account.clone();
        let sql = "SELECT origin FROM domains WHERE account = ?1 ORDER BY place";
        let read = move |connection: &dyn Connection| {
            all(connection, sql, [account.as_str()], |row| Ok(row.get("origin")?))
        };
        self.inner.readers.read(read).await
    }

    /// Replaces them.
    pub async fn set_domains(&self, account: &AccountId, domains: Vec<String>) -> Result<(), CatalogError> {
        let account = account.clone();
        let replace = move |connection: &dyn Connection| {
            change(connection, "DELETE FROM domains WHERE account = ?1", [account.as_str()])?;
            for (place, origin) in (0_i64..).zip(&domains) {
                let sql = "INSERT INTO domains (account, place, origin) VALUES (?1, ?2, ?3)";
                change(connection, sql, (account.as_str(), place, origin))?;
            }
            Ok::<_, CatalogError>(())
        };
        self.inner.writer.write(replace, |()| ()).await
    }
}

fn parse_remote(row: &Row<'_>) -> Result<RemoteOrigin, CatalogError> {
    let entry: String = row.get("entry")?;
    let parsed = AllowedOrigin::parse(&entry).ok_or_else(|| damaged("remote_origins", "entry"))?;
    Ok((entry, parsed))
}
