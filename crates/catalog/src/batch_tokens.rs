//! Tokens of the batch API.

use super::database::{Connection, Row};
use super::rows::{any, change, damaged, first};
use super::tokens::{parse_scopes, scopes_text};
use super::{Catalog, CatalogError, InsertError};
use safelight_domain::account::AccountId;
use safelight_domain::token::{BatchToken, TokenHash};

/// Most live batch tokens of an account.
pub const MAX_BATCH_TOKENS: u32 = 1_000;

impl Catalog {
    /// The batch token of a hash, dead or alive.
    pub async fn find_batch_token(&self, hash: &TokenHash) -> Result<Option<BatchToken>, CatalogError> {
        let hash = hash.clone();
        self.inner
            .readers
            .read(move |connection| {
                let sql =
                    "SELECT hash, account, parent, scopes, expires_ms FROM batch_tokens WHERE hash = ?1";
                first(connection, sql, [hash.as_bytes()], parse)
            })
            .await
    }

    /// Inserts a batch token at `now_ms`; `Full` when the account has [`MAX_BATCH_TOKENS`] live
    /// ones, `Exists` when its hash is taken.
    pub async fn insert_batch_token(&self, token: BatchToken, now_ms: i64) -> Result<(), InsertError> {
        self.inner.writer.write(move |connection| insert(connection, &token, now_ms), |()| ()).await
    }

    /// Deletes batch tokens whose time was over before `before_ms`, at most `most` (for the
    /// sweeper). How many there were.
    pub async fn delete_old_batch_tokens(&self, before_ms: i64, most: u32) -> Result<u64, CatalogError> {
        let delete = move |connection: &dyn Connection| {
            let sql = "DELETE FROM batch_tokens WHERE hash IN
                       (SELECT hash FROM batch_tokens WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2)";
            Ok(change(connection, sql, (before_ms, most))? as u64)
        };
        self.inner.writer.write(delete, |_| ()).await
    }
}

fn insert(connection: &dyn Connection, token: &BatchToken, now_ms: i64) -> Result<(), InsertError> {
    let account = token.account.as_str();
    let sql = "SELECT 1 FROM batch_tokens WHERE account = ?1 AND expires_ms > ?2 LIMIT 1 OFFSET ?3";
    if any(connection, sql, (account, now_ms, MAX_BATCH_TOKENS - 1))? {
        return Err(InsertError::Full);
    }
    change(
        connection,
        "INSERT INTO batch_tokens (hash, account, parent, scopes, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        (token.hash.as_bytes(), account, &token.parent, scopes_text(&token.scopes), token.expires_ms),
    )?;
    Ok(())
}

fn parse(row: &Row<'_>) -> Result<BatchToken, CatalogError> {
    let (account, scopes): (String, String) = (row.get("account")?, row.get("scopes")?);
    Ok(BatchToken {
        account: AccountId::parse(&account).map_err(|why| damaged("batch_tokens", why))?,
        parent: row.get("parent")?,
        hash: TokenHash::from_bytes(row.get("hash")?),
        scopes: parse_scopes(&scopes).map_err(|why| damaged("batch_tokens", why))?,
        expires_ms: row.get("expires_ms")?,
    })
}
