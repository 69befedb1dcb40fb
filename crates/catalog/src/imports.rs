//! Imports: what is brought from where, and how far each has come.

use super::database::{Connection, Row};
use super::import_items::{self, ImportFailure, ImportItem};
use super::rows::{all, change, damaged, first};
use super::{Catalog, CatalogError, InsertError};
use safelight_domain::account::AccountId;
use safelight_domain::import::{ImportKind, ImportState};
use url::Url;

/// Most imports of an account that run.
pub const MAX_RUNNING_IMPORTS: u32 = 10;

/// Most imports of an account that are kept. When one is added, the oldest that has ended goes.
pub const MAX_IMPORTS: u32 = 100;

/// Most failures of an import that are kept, the last ones.
pub const MAX_FAILURES: u32 = 100;

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Whose images they become.
    pub account: AccountId,
    /// What it brings.
    pub kind: ImportKind,
    /// Where from, for people.
    pub source: String,
    /// How far it has come.
    pub state: ImportState,
    /// Images at the source, if it says.
    pub total: Option<u64>,
    /// Images that were brought.
    pub imported: u64,
    /// Images whose id was taken.
    pub skipped: u64,
    /// Images that could not be brought.
    pub failed: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: i64,
    /// The same; `None` while it runs.
    pub finished_ms: Option<i64>,
    /// Why it failed.
    pub message: Option<String>,
}

/// An account on a server that speaks Cloudflare's API.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteAccount {
    /// Up to and without `/accounts`; without user, password and query.
    pub api: Url,
    /// There.
    pub account: AccountId,
    /// A secret. It is stored while the import runs.
    pub token: String,
}

impl std::fmt::Debug for RemoteAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteAccount")
            .field("api", &self.api.as_str())
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// A new import.
pub struct NewImport {
    /// See [`Import::id`].
    pub id: String,
    /// See [`Import::account`].
    pub account: AccountId,
    /// See [`Import::source`].
    pub source: String,
    /// Where from.
    pub from: ImportFrom,
    /// See [`Import::created_ms`].
    pub created_ms: i64,
}

/// Where an import is from.
pub enum ImportFrom {
    /// Each from a URL.
    Urls(Vec<ImportItem>),
    /// From an account, which is listed page by page.
    Cloudflare(RemoteAccount),
}

/// How much of its source an import has listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Nothing, nor its variants.
    Nothing,
    /// So many pages.
    Pages {
        /// How many.
        count: u32,
        /// The token of the next one, but for the first.
        continuation: Option<String>,
    },
    /// Everything.
    All,
}

/// What became of an import that was to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoppedImport {
    /// It ran, and has ended now.
    Stopped,
    /// It had ended, and is gone now.
    Deleted,
}

impl Catalog {
    /// Inserts an import that runs; `Full` when the account has [`MAX_RUNNING_IMPORTS`].
    pub async fn insert_import(&self, import: NewImport) -> Result<(), InsertError> {
        self.inner.writer.write(move |connection| insert(connection, &import), |()| ()).await
    }

    /// Every import of an account, the newest first.
    pub async fn imports(&self, account: &AccountId) -> Result<Vec<Import>, CatalogError> {
        let account = account.clone();
        self.inner
            .readers
            .read(move |connection| {
                let sql = "SELECT * FROM imports WHERE account = ?1 ORDER BY number DESC LIMIT ?2";
                all(connection, sql, (account.as_str(), MAX_IMPORTS), parse)
            })
            .await
    }

    /// The import of an id.
    pub async fn find_import(&self, account: &AccountId, id: &str) -> Result<Option<Import>, CatalogError> {
        let (account, id) = (account.clone(), id.to_owned());
        self.inner
            .readers
            .read(move |connection| {
                let sql = "SELECT * FROM imports WHERE account = ?1 AND id = ?2";
                first(connection, sql, (account.as_str(), &id), parse)
            })
            .await
    }

    /// The last failures of an import, the newest first, at most `most`.
    pub async fn import_failures(&self, id: &str, most: u32) -> Result<Vec<ImportFailure>, CatalogError> {
        let id = id.to_owned();
        self.inner.readers.read(move |connection| import_items::failures(connection, &id, most)).await
    }

    /// The ids of running imports of all accounts, the oldest first (for the runner).
    pub async fn running_imports(&self, most: u32) -> Result<Vec<String>, CatalogError> {
        self.inner
            .readers
            .read(move |connection| {
                let sql = "SELECT id FROM imports WHERE state = 'running' ORDER BY number LIMIT ?1";
                all(connection, sql, [most], |row| Ok(row.get(0)?))
            })
            .await
    }

    /// Ends a running import: its token and what is left to bring are erased. One that has ended stays
    /// as it is.
    pub async fn end_import(
        &self,
        id: &str,
        state: ImportState,
        message: Option<String>,
        now_ms: i64,
    ) -> Result<(), CatalogError> {
        let id = id.to_owned();
        let end = move |connection: &dyn Connection| {
            end(connection, &id, state, message.as_deref(), now_ms)?;
            Ok(())
        };
        self.inner.writer.write(end, |()| ()).await
    }

    /// Stops a running import, and deletes one that has ended; `None` if there is none.
    pub async fn stop_import(
        &self,
        account: &AccountId,
        id: &str,
        now_ms: i64,
    ) -> Result<Option<StoppedImport>, CatalogError> {
        let (account, id) = (account.clone(), id.to_owned());
        let stop = move |connection: &dyn Connection| {
            let sql = "SELECT * FROM imports WHERE account = ?1 AND id = ?2";
            if first(connection, sql, (account.as_str(), &id), parse)?.is_none() {
                return Ok(None);
            }
            if end(connection, &id, ImportState::Stopped, None, now_ms)? {
                return Ok(Some(StoppedImport::Stopped));
            }
            change(connection, "DELETE FROM imports WHERE id = ?1", [&id])?;
            Ok(Some(StoppedImport::Deleted))
        };
        self.inner.writer.write(stop, |_| ()).await
    }
}

fn insert(connection: &dyn Connection, import: &NewImport) -> Result<(), InsertError> {
    let account = import.account.as_str();
    let sql = "SELECT count(*) FROM imports WHERE account = ?1 AND state = 'running'";
    let running = first(connection, sql, [account], |row| Ok(row.get::<_, u32>(0)?))?;
    if running.is_some_and(|running| running >= MAX_RUNNING_IMPORTS) {
        return Err(InsertError::Full);
    }
    // There is one that has ended among so many, since so few run.
    let sql = "SELECT count(*) FROM imports WHERE account = ?1";
    let count = first(connection, sql, [account], |row| Ok(row.get::<_, u32>(0)?))?.unwrap_or(0);
    let sql = "DELETE FROM imports WHERE number IN
               (SELECT number FROM imports WHERE account = ?1 AND state <> 'running' ORDER BY number
                LIMIT ?2)";
    change(connection, sql, (account, count.saturating_sub(MAX_IMPORTS - 1)))?;
    let (kind, remote, items) = match &import.from {
        ImportFrom::Urls(items) => (ImportKind::Urls, None, items.as_slice()),
        ImportFrom::Cloudflare(remote) => (ImportKind::Cloudflare, Some(remote), &[][..]),
    };
    change(
        connection,
        "INSERT INTO imports (id, account, kind, source, api, source_account, token, state, listed, total,
                              created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            &import.id,
            account,
            kind.as_str(),
            &import.source,
            remote.map(|remote| remote.api.as_str()),
            remote.map(|remote| remote.account.as_str()),
            remote.map(|remote| remote.token.as_str()),
            ImportState::Running.as_str(),
            if remote.is_some() { NOTHING } else { ALL },
            remote.is_none().then_some(items.len()),
            import.created_ms,
        ),
    )?;
    import_items::insert(connection, &import.id, items)?;
    Ok(())
}

/// Whether it ran until now.
fn end(
    connection: &dyn Connection,
    id: &str,
    state: ImportState,
    message: Option<&str>,
    now_ms: i64,
) -> Result<bool, CatalogError> {
    let sql =
        "UPDATE imports SET state = ?2, message = ?3, finished_ms = ?4, token = NULL, continuation = NULL
               WHERE id = ?1 AND state = 'running'";
    if change(connection, sql, (id, state.as_str(), message, now_ms))? == 0 {
        return Ok(false);
    }
    change(connection, "DELETE FROM import_items WHERE import = ?1", [id])?;
    Ok(true)
}

const NOTHING: &str = "nothing";
/// The word for [`Listed::Pages`].
pub(super) const PAGES: &str = "pages";
/// The word for [`Listed::All`].
pub(super) const ALL: &str = "all";

/// An import of a row.
pub(super) fn parse(row: &Row<'_>) -> Result<Import, CatalogError> {
    let text = |column: &str| row.get::<_, String>(column);
    let bad = |column: &str| damaged("imports", column);
    Ok(Import {
        id: text("id")?,
        account: AccountId::parse(&text("account")?).map_err(|why| damaged("imports", why))?,
        kind: ImportKind::parse(&text("kind")?).ok_or_else(|| bad("kind"))?,
        source: text("source")?,
        state: ImportState::parse(&text("state")?).ok_or_else(|| bad("state"))?,
        total: row.get("total")?,
        imported: row.get("imported")?,
        skipped: row.get("skipped")?,
        failed: row.get("failed")?,
        created_ms: row.get("created_ms")?,
        finished_ms: row.get("finished_ms")?,
        message: row.get("message")?,
    })
}

/// The source of a row, where that is an account and its token is there yet.
pub(super) fn parse_remote(row: &Row<'_>) -> Result<Option<RemoteAccount>, CatalogError> {
    let (api, account, token): (Option<String>, Option<String>, Option<String>) =
        (row.get("api")?, row.get("source_account")?, row.get("token")?);
    let (Some(api), Some(account), Some(token)) = (api, account, token) else { return Ok(None) };
    let api = Url::parse(&api).map_err(|why| damaged("imports", why))?;
    let account = AccountId::parse(&account).map_err(|why| damaged("imports", why))?;
    Ok(Some(RemoteAccount { api, account, token }))
}

/// What a row says of the pages that were listed.
pub(super) fn parse_listed(row: &Row<'_>) -> Result<Listed, CatalogError> {
    let word: String = row.get("listed")?;
    match word.as_str() {
        NOTHING => Ok(Listed::Nothing),
        PAGES => Ok(Listed::Pages { count: row.get("pages")?, continuation: row.get("continuation")? }),
        ALL => Ok(Listed::All),
        other => Err(damaged("imports", format!("listed {other}"))),
    }
}

#[cfg(test)]
#[path = "imports_tests.rs"]
mod tests;
