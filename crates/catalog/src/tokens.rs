//! Tokens of the management API.

use super::database::{Connection, Row};
use super::rows::{all, change, damaged, first};
use super::{Catalog, CatalogError, InsertError};
use safelight_domain::account::AccountId;
use safelight_domain::token::{Role, Scope, TokenHash, TokenRecord};

/// Least time between two notes of the use of one token, in milliseconds.
const NOTE_EVERY_MS: i64 = 60_000;

impl Catalog {
    /// The token of a hash, of whichever account.
    pub async fn find_token(&self, hash: &TokenHash) -> Result<Option<TokenRecord>, CatalogError> {
        let hash = hash.clone();
        self.inner
            .readers
            .read(move |connection| {
                let sql =
                    "SELECT id, account, name, hash, scopes, role, created_ms, used_ms FROM tokens WHERE hash = ?1";
                first(connection, sql, [hash.as_bytes()], parse)
            })
            .await
    }

    /// Every token of an account, oldest first.
    pub async fn tokens(&self, account: &AccountId) -> Result<Vec<TokenRecord>, CatalogError> {
        let account = account.clone();
        self.inner
            .readers
            .read(move |connection| {
                let sql = "SELECT id, account, name, hash, scopes, role, created_ms, used_ms FROM tokens
                           WHERE account = ?1 ORDER BY created_ms, id";
                all(connection, sql, [account.as_str()], parse)
            })
            .await
    }

    /// Inserts a token; `Exists` when its id or hash is taken.
    pub async fn insert_token(&self, token: TokenRecord) -> Result<(), InsertError> {
        self.inner.writer.write(move |connection| insert(connection, &token), |()| ()).await
    }

    /// Notes that a token is used, at most once a minute; the note may be lost.
    pub fn note_token_use(&self, token: &TokenRecord, now_ms: i64) {
        let is_due = |used_ms: i64| now_ms.saturating_sub(used_ms) >= NOTE_EVERY_MS;
        if token.used_ms.is_none_or(is_due) {
            let id = token.id.clone();
            self.inner.writer.note(move |connection| {
                let sql = "UPDATE tokens SET used_ms = ?2 WHERE id = ?1";
                change(connection, sql, (id, now_ms)).map(drop)
            });
        }
    }

    /// Deletes a token of an account. Whether there was one.
    pub async fn delete_token(&self, account: &AccountId, id: &str) -> Result<bool, CatalogError> {
        let (account, id) = (account.clone(), id.to_owned());
        let delete = move |connection: &dyn Connection| {
            let sql = "DELETE FROM tokens WHERE account = ?1 AND id = ?2";
            Ok(change(connection, sql, (account.as_str(), id))? > 0)
        };
        self.inner.writer.write(delete, |_| ()).await
    }
}

/// Inserts a token.
pub(super) fn insert(connection: &dyn Connection, token: &TokenRecord) -> Result<(), InsertError> {
    change(
        connection,
        "INSERT INTO tokens (id, account, name, hash, scopes, role, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            &token.id,
            token.account.as_str(),
            &token.name,
            token.hash.as_bytes(),
            scopes_text(&token.scopes),
            role_word(token.role),
            token.created_ms,
        ),
    )?;
    Ok(())
}

/// Scopes as they are stored.
pub(super) fn scopes_text(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}

/// The scopes in such a text, or what is wrong with it.
pub(super) fn parse_scopes(text: &str) -> Result<Vec<Scope>, String> {
    let scope = |word| Scope::parse(word).ok_or_else(|| format!("scope {word}"));
    text.split(',').filter(|word| !word.is_empty()).map(scope).collect()
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::InstanceAdmin => "instance-admin",
    }
}

/// A token out of a row with the columns of the table.
pub(super) fn parse(row: &Row<'_>) -> Result<TokenRecord, CatalogError> {
    let account: String = row.get("account")?;
    let scopes: String = row.get("scopes")?;
    let role: String = row.get("role")?;
    Ok(TokenRecord {
        id: row.get("id")?,
        account: AccountId::parse(&account).map_err(|why| damaged("tokens", why))?,
        name: row.get("name")?,
        hash: TokenHash::from_bytes(row.get("hash")?),
        scopes: parse_scopes(&scopes).map_err(|why| damaged("tokens", why))?,
        role: [Role::Member, Role::InstanceAdmin]
            .into_iter()
            .find(|known| role_word(*known) == role)
            .ok_or_else(|| damaged("tokens", format!("role {role}")))?,
        created_ms: row.get("created_ms")?,
        used_ms: row.get("used_ms")?,
    })
}
