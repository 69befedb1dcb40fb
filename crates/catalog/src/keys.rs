//! Signing keys.

use super::database::{Connection, DatabaseError, Row};
use super::rows::{all, any, change, damaged, first};
use super::{Catalog, CatalogError, InsertError, KEY_MEASURE};
use safelight_domain::account::AccountId;
use safelight_domain::signature::{KeyName, SigningKey};
use thiserror::Error;

/// Most keys that an account may have: each costs every forged link one HMAC.
pub const MAX_KEYS: usize = 20;

/// A refused insertion of a key.
#[derive(Debug, Error)]
pub enum InsertKeyError {
    /// The account has no key of the name that is to be replaced.
    #[error("there is no key to replace")]
    NothingToReplace,
    /// As of any row; `Full` is [`MAX_KEYS`].
    #[error(transparent)]
    Insert(#[from] InsertError),
}

impl From<CatalogError> for InsertKeyError {
    fn from(error: CatalogError) -> InsertKeyError {
        InsertError::from(error).into()
    }
}

impl From<DatabaseError> for InsertKeyError {
    fn from(error: DatabaseError) -> InsertKeyError {
        InsertError::from(error).into()
    }
}

/// What is known of a signing key beside its value. Moments are in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Its name.
    pub name: KeyName,
    /// When it was made.
    pub created_ms: i64,
    /// When it last opened a picture, to some seconds; `None` for never.
    pub used_ms: Option<i64>,
    /// The key in whose place it was made, while that is there.
    pub replaces: Option<KeyName>,
}

impl Catalog {
    /// Every key of an account, by name.
    pub async fn keys(&self, account: &AccountId) -> Result<Vec<SigningKey>, CatalogError> {
        let account = account.clone();
        self.inner.readers.read(move |connection| of_account(connection, &account)).await
    }

    /// What is known of every key of an account, by name, without the values.
    pub async fn known_keys(&self, account: &AccountId) -> Result<Vec<KnownKey>, CatalogError> {
        let account = account.clone();
        let read = move |connection: &dyn Connection| {
            let sql = "SELECT name, created_ms, used_ms, replaces FROM signing_keys
                       WHERE account = ?1 ORDER BY name";
            all(connection, sql, [account.as_str()], parse_known)
        };
        self.inner.readers.read(read).await
    }

    /// Inserts a key that is made at `created_ms` in place of another one of the account, if it names one;
    /// both are active. An existing one of that name stays as it is and is `Exists`, else `Full` when the
    /// account has [`MAX_KEYS`].
    pub async fn insert_key(
        &self,
        account: &AccountId,
        key: SigningKey,
        created_ms: i64,
        replaces: Option<KeyName>,
    ) -> Result<(), InsertKeyError> {
        let owner = account.clone();
        let insert = move |connection: &dyn Connection| {
            let sql = "SELECT 1 FROM signing_keys WHERE account = ?1 AND name = ?2";
            if let Some(replaced) = &replaces
                && !any(connection, sql, (owner.as_str(), replaced.as_str()))?
            {
                return Err(InsertKeyError::NothingToReplace);
            }
            insert_row(connection, &owner, &key, created_ms, replaces.as_ref())?;
            let sql = "SELECT count(*) FROM signing_keys WHERE account = ?1";
            let count = first(connection, sql, [owner.as_str()], |row| Ok(row.get::<_, usize>(0)?))?;
            // Counted after the insertion, which an error undoes.
            if count.is_some_and(|count| count > MAX_KEYS) { Err(InsertError::Full.into()) } else { Ok(()) }
        };
        self.change_account(account, insert).await
    }

    /// Deletes a key; when it was the last, `replacement` is inserted in the same transaction.
    /// Whether there was one.
    pub async fn delete_key(
        &self,
        account: &AccountId,
        name: &KeyName,
        replacement: SigningKey,
        now_ms: i64,
    ) -> Result<bool, CatalogError> {
        let (owner, name) = (account.clone(), name.clone());
        let delete =
            move |connection: &dyn Connection| delete(connection, &owner, &name, &replacement, now_ms);
        self.change_account(account, delete).await
    }
}

/// Every key of an account, by name.
pub(super) fn of_account(
    connection: &dyn Connection,
    account: &AccountId,
) -> Result<Vec<SigningKey>, CatalogError> {
    let sql = "SELECT name, value FROM signing_keys WHERE account = ?1 ORDER BY name";
    all(connection, sql, [account.as_str()], parse)
}

/// Inserts a key that is made at `created_ms`.
pub(super) fn insert(
    connection: &dyn Connection,
    account: &AccountId,
    key: &SigningKey,
    created_ms: i64,
) -> Result<(), InsertError> {
    Ok(insert_row(connection, account, key, created_ms, None)?)
}

fn insert_row(
    connection: &dyn Connection,
    account: &AccountId,
    key: &SigningKey,
    created_ms: i64,
    replaces: Option<&KeyName>,
) -> Result<(), DatabaseError> {
    let sql =
        "INSERT INTO signing_keys (account, name, value, created_ms, replaces) VALUES (?1, ?2, ?3, ?4, ?5)";
    let replaces = replaces.map(KeyName::as_str);
    change(connection, sql, (account.as_str(), key.name().as_str(), key.value(), created_ms, replaces))
        .map(drop)
}

/// With it goes what was counted of it, so that another key of its name begins at nothing.
fn delete(
    connection: &dyn Connection,
    account: &AccountId,
    name: &KeyName,
    replacement: &SigningKey,
    now_ms: i64,
) -> Result<bool, CatalogError> {
    let key = (account.as_str(), name.as_str());
    if change(connection, "DELETE FROM signing_keys WHERE account = ?1 AND name = ?2", key)? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE signing_keys SET replaces = NULL WHERE account = ?1 AND replaces = ?2";
    change(connection, sql, key)?;
    let sql = "DELETE FROM usage WHERE account = ?1 AND measure = ?2";
    change(connection, sql, (account.as_str(), format!("{KEY_MEASURE}{}", name.as_str())))?;
    if !any(connection, "SELECT 1 FROM signing_keys WHERE account = ?1", [account.as_str()])? {
        insert_row(connection, account, replacement, now_ms, None)?;
    }
    Ok(true)
}

fn parse_known(row: &Row<'_>) -> Result<KnownKey, CatalogError> {
    let name = |text: String| KeyName::parse(&text).map_err(|why| damaged("signing_keys", why));
    let replaces: Option<String> = row.get("replaces")?;
    Ok(KnownKey {
        name: name(row.get("name")?)?,
        created_ms: row.get("created_ms")?,
        used_ms: row.get("used_ms")?,
        replaces: replaces.map(name).transpose()?,
    })
}

fn parse(row: &Row<'_>) -> Result<SigningKey, CatalogError> {
    let name: String = row.get("name")?;
    let name = KeyName::parse(&name).map_err(|why| damaged("signing_keys", why))?;
    SigningKey::new(name, row.get("value")?).map_err(|why| damaged("signing_keys", why))
}
