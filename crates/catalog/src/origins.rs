//! Origins: those that accounts offer for links, and those that remote images may come from.

use super::database::{Connection, Row};
use super::rows::{all, change, damaged};
use super::{Catalog, CatalogError};
use safelight_domain::account::AccountId;
use safelight_domain::origin::AllowedOrigin;
use std::sync::{Arc, PoisonError, RwLock};

/// An allowed origin and the text that it was given as.
pub type RemoteOrigin = (String, AllowedOrigin);

/// What remote images ask at each request, in memory.
pub(super) struct RemoteOrigins(RwLock<Arc<[RemoteOrigin]>>);

impl RemoteOrigins {
    /// Reads them.
    pub(super) fn load(connection: &dyn Connection) -> Result<RemoteOrigins, CatalogError> {
        let sql = "SELECT entry FROM remote_origins ORDER BY place";
        Ok(RemoteOrigins(RwLock::new(all(connection, sql, (), parse_remote)?.into())))
    }

    fn put(&self, origins: Arc<[RemoteOrigin]>) {
        // A poisoned list is still whole: it is replaced in one step.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = origins;
    }
}

impl Catalog {
    /// The stored origins of remote images, from memory.
    pub fn remote_origins(&self) -> Arc<[RemoteOrigin]> {
        Arc::clone(&self.inner.remote_origins.0.read().unwrap_or_else(PoisonError::into_inner))
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
            Ok::<_, CatalogError>(())
        };
        let publish = move |(): &()| {
            if let Some(inner) = inner.upgrade() {
                inner.remote_origins.put(origins);
            }
        };
        self.inner.writer.write(replace, publish).await
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
