//! Signing keys.

use super::rows::{all, any, change, damaged};
use super::{Catalog, CatalogError, InsertError};
use rusqlite::{Connection, Row};
use safelight_domain::account::AccountId;
use safelight_domain::signature::{KeyName, SigningKey};

impl Catalog {
    /// Every key of an account, by name.
    pub async fn keys(&self, account: &AccountId) -> Result<Vec<SigningKey>, CatalogError> {
        let account = account.clone();
        self.inner.readers.read(move |connection| of_account(connection, &account)).await
    }

    /// Inserts a key; an existing one of that name stays as it is and is `Exists`.
    pub async fn insert_key(&self, account: &AccountId, key: SigningKey) -> Result<(), InsertError> {
        let owner = account.clone();
        self.change_account(account, move |connection| insert(connection, &owner, &key)).await
    }

    /// Deletes a key; when it was the last, `replacement` is inserted in the same transaction.
    /// Whether there was one.
    pub async fn delete_key(
        &self,
        account: &AccountId,
        name: &KeyName,
        replacement: SigningKey,
    ) -> Result<bool, CatalogError> {
        let (owner, name) = (account.clone(), name.clone());
        self.change_account(account, move |connection| delete(connection, &owner, &name, &replacement)).await
    }
}

/// Every key of an account, by name.
pub(super) fn of_account(
    connection: &Connection,
    account: &AccountId,
) -> Result<Vec<SigningKey>, CatalogError> {
    let sql = "SELECT name, value FROM signing_keys WHERE account = ?1 ORDER BY name";
    all(connection, sql, [account.as_str()], parse)
}

/// Inserts a key.
pub(super) fn insert(
    connection: &Connection,
    account: &AccountId,
    key: &SigningKey,
) -> Result<(), InsertError> {
    Ok(insert_row(connection, account, key)?)
}

fn insert_row(connection: &Connection, account: &AccountId, key: &SigningKey) -> rusqlite::Result<()> {
    let sql = "INSERT INTO signing_keys (account, name, value) VALUES (?1, ?2, ?3)";
    change(connection, sql, (account.as_str(), key.name().as_str(), key.value())).map(drop)
}

fn delete(
    connection: &Connection,
    account: &AccountId,
    name: &KeyName,
    replacement: &SigningKey,
) -> Result<bool, CatalogError> {
    let sql = "DELETE FROM signing_keys WHERE account = ?1 AND name = ?2";
    if change(connection, sql, (account.as_str(), name.as_str()))? == 0 {
        return Ok(false);
    }
    if !any(connection, "SELECT 1 FROM signing_keys WHERE account = ?1", [account.as_str()])? {
        insert_row(connection, account, replacement)?;
    }
    Ok(true)
}

fn parse(row: &Row<'_>) -> Result<SigningKey, CatalogError> {
    let name: String = row.get("name")?;
    let name = KeyName::parse(&name).map_err(|why| damaged("signing_keys", why))?;
    SigningKey::new(name, row.get("value")?).map_err(|why| damaged("signing_keys", why))
}
