//! Migrations of the Sourcing Kit: what each brings, how far it has come, and its log.

use super::database::{Connection, DatabaseError, Row};
use super::images::{parse_privacy, privacy_word};
use super::rows::{all, change, damaged, first};
use super::sourcing_sources::find as find_source;
use super::{Catalog, CatalogError};
use safelight_domain::account::AccountId;
use safelight_domain::image::SourceFormat;
use safelight_domain::sourcing::{ConflictBehaviour, Folder, LogType, MigrationStatus, Plan, SourcingId};
use thiserror::Error;

/// Most migrations of an account that have not ended.
pub const MAX_ACTIVE_MIGRATIONS: u32 = 10;

/// Most migrations of an account, those that have ended included.
pub const MAX_MIGRATIONS: u32 = 1_000;

/// Entries in the log of a migration. Then only its end is written.
pub const MAX_LOGS: u64 = 10_000;

/// Longest message of an entry, in characters: a key of any length and a sentence fit.
const MAX_MESSAGE_CHARS: usize = 1_400;

/// Objects of a bucket on their way to be images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcingMigration {
    /// Its own.
    pub id: SourcingId,
    /// Whose images they become.
    pub account: AccountId,
    /// Where they come from; `None` once that is deleted.
    pub source: Option<SourcingId>,
    /// What it brings, and how.
    pub plan: Plan,
    /// How far it has come.
    pub status: MigrationStatus,
    /// What became of how many objects.
    pub counts: MigrationCounts,
    /// Whether the log has as many entries as it may.
    pub log_stopped: bool,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: i64,
    /// The same; `None` until it is started.
    pub started_ms: Option<i64>,
    /// The same; `None` until it has ended.
    pub ended_ms: Option<i64>,
}

/// What became of the objects of a migration. Each is in `scanned` and, once it is done with, in one other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // Named as `Fate` and `Skipped` are.
pub struct MigrationCounts {
    pub scanned: u64,
    pub imported: u64,
    pub failed: u64,
    pub conflict: u64,
    pub excluded_content_type: u64,
    pub invalid_media: u64,
    pub invalid_name: u64,
    pub oversize: u64,
    pub storage_class: u64,
    pub unsupported_content_type: u64,
}

/// A new migration, which waits to be started.
pub struct NewMigration {
    /// See [`SourcingMigration::id`].
    pub id: SourcingId,
    /// See [`SourcingMigration::account`].
    pub account: AccountId,
    /// See [`SourcingMigration::source`].
    pub source: SourcingId,
    /// See [`SourcingMigration::plan`].
    pub plan: Plan,
    /// See [`SourcingMigration::created_ms`].
    pub created_ms: i64,
}

/// Why there is no new migration.
#[derive(Debug, Error)]
pub enum NewMigrationError {
    /// The account has no such source.
    #[error("there is no such source")]
    NoSource,
    /// The account has [`MAX_ACTIVE_MIGRATIONS`].
    #[error("the account has as many active migrations as it may")]
    ManyActive,
    /// The account has [`MAX_MIGRATIONS`].
    #[error("the account has as many migrations as it may")]
    Many,
    /// See [`CatalogError`].
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<DatabaseError> for NewMigrationError {
    fn from(error: DatabaseError) -> NewMigrationError {
        NewMigrationError::Catalog(error.into())
    }
}

/// An entry in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationLog {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// See [`LogType`].
    pub kind: LogType,
    /// For people.
    pub message: String,
}

/// Whether a migration was changed as it was to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationChange {
    /// It is so now.
    Made(Box<SourcingMigration>),
    /// Its status does not allow it.
    NotNow(MigrationStatus),
    /// There is none.
    Missing,
}

impl Catalog {
    /// Inserts a migration that waits to be started.
    pub async fn insert_migration(&self, migration: NewMigration) -> Result<(), NewMigrationError> {
        self.inner.writer.write(move |connection| insert(connection, &migration), |()| ()).await
    }

    /// Migrations of an account, the newest first.
    pub async fn migrations(
        &self,
        account: &AccountId,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<SourcingMigration>, CatalogError> {
        let account = account.clone();
        let read = move |connection: &dyn Connection| {
            let sql = "SELECT * FROM sourcing_migrations WHERE account = ?1 ORDER BY number DESC LIMIT ?2 OFFSET ?3";
            all(connection, sql, (account.as_str(), limit, offset), parse)
        };
        self.inner.readers.read(read).await
    }

    /// The migration of an id.
    pub async fn find_migration(
        &self,
        account: &AccountId,
        id: &SourcingId,
    ) -> Result<Option<SourcingMigration>, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        self.inner.readers.read(move |connection| find(connection, &account, &id)).await
    }

    /// Entries of a migration's log, the oldest first.
    pub async fn migration_logs(
        &self,
        id: &SourcingId,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<MigrationLog>, CatalogError> {
        let id = id.clone();
        let read = move |connection: &dyn Connection| {
            let sql = "SELECT at_ms, kind, message FROM sourcing_logs WHERE migration = ?1
                       ORDER BY number LIMIT ?2 OFFSET ?3";
            all(connection, sql, (id.as_str(), limit, offset), parse_log)
        };
        self.inner.readers.read(read).await
    }

    /// Starts a migration that is pending.
    pub async fn start_migration(
        &self,
        account: &AccountId,
        id: &SourcingId,
        now_ms: i64,
    ) -> Result<MigrationChange, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        let start = move |connection: &dyn Connection| {
            let sql = "UPDATE sourcing_migrations SET status = 'processing', started_ms = ?3
                       WHERE account = ?1 AND id = ?2 AND status = 'pending'";
            let made = change(connection, sql, (account.as_str(), id.as_str(), now_ms))? > 0;
            if made {
                log(connection, &id, now_ms, LogType::MigrationStart, "the migration was started")?;
            }
            outcome(made, find(connection, &account, &id)?)
        };
        self.inner.writer.write(start, |_| ()).await
    }

    /// Aborts a migration that has not ended. What it brought stays.
    pub async fn abort_migration(
        &self,
        account: &AccountId,
        id: &SourcingId,
        now_ms: i64,
    ) -> Result<MigrationChange, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        let abort = move |connection: &dyn Connection| {
            let found = find(connection, &account, &id)?;
            let made = found.is_some_and(|found| found.status.is_active())
                && end(connection, &id, MigrationStatus::Aborted, "the migration was aborted", now_ms)?;
            outcome(made, find(connection, &account, &id)?)
        };
        self.inner.writer.write(abort, |_| ()).await
    }

    /// Deletes a migration that has ended, and its log.
    pub async fn delete_migration(
        &self,
        account: &AccountId,
        id: &SourcingId,
    ) -> Result<MigrationChange, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        let delete = move |connection: &dyn Connection| {
            let found = find(connection, &account, &id)?;
            let ended = found.as_ref().is_some_and(|found| !found.status.is_active());
            if ended {
                change(connection, "DELETE FROM sourcing_migrations WHERE id = ?1", [id.as_str()])?;
            }
            outcome(ended, found)
        };
        self.inner.writer.write(delete, |_| ()).await
    }

    /// The ids of processing migrations of all accounts, the oldest first (for the runner).
    pub async fn processing_migrations(&self, most: u32) -> Result<Vec<String>, CatalogError> {
        let read = move |connection: &dyn Connection| {
            let sql =
                "SELECT id FROM sourcing_migrations WHERE status = 'processing' ORDER BY number LIMIT ?1";
            all(connection, sql, [most], |row| Ok(row.get(0)?))
        };
        self.inner.readers.read(read).await
    }

    /// Ends a processing migration. One that has ended stays as it is.
    pub async fn end_migration(
        &self,
        id: &SourcingId,
        status: MigrationStatus,
        message: String,
        now_ms: i64,
    ) -> Result<(), CatalogError> {
        let id = id.clone();
        let end = move |connection: &dyn Connection| {
            end(connection, &id, status, &message, now_ms)?;
            Ok(())
        };
        self.inner.writer.write(end, |()| ()).await
    }
}

fn outcome(made: bool, found: Option<SourcingMigration>) -> Result<MigrationChange, CatalogError> {
    Ok(match found {
        Some(migration) if made => MigrationChange::Made(Box::new(migration)),
        Some(migration) => MigrationChange::NotNow(migration.status),
        None => MigrationChange::Missing,
    })
}

fn insert(connection: &dyn Connection, new: &NewMigration) -> Result<(), NewMigrationError> {
    let account = new.account.as_str();
    if find_source(connection, &new.account, &new.source)?.is_none() {
        return Err(NewMigrationError::NoSource);
    }
    let count =
        |sql| Ok::<u32, CatalogError>(first(connection, sql, [account], |row| Ok(row.get(0)?))?.unwrap_or(0));
    let active = "SELECT count(*) FROM sourcing_migrations WHERE account = ?1
                  AND status IN ('pending', 'processing')";
    if count(active)? >= MAX_ACTIVE_MIGRATIONS {
        return Err(NewMigrationError::ManyActive);
    }
    if count("SELECT count(*) FROM sourcing_migrations WHERE account = ?1")? >= MAX_MIGRATIONS {
        return Err(NewMigrationError::Many);
    }
    let plan = &new.plan;
    let excluded: Vec<&str> = plan.excluded.iter().map(|format| format.media_type()).collect();
    change(
        connection,
        "INSERT INTO sourcing_migrations (id, account, source, root_directory, path_prefix, conflict, excluded,
                                          privacy, status, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'pending', ?9)",
        (
            new.id.as_str(),
            account,
            new.source.as_str(),
            plan.root_directory.as_ref().map(Folder::as_str),
            plan.path_prefix.as_ref().map(Folder::as_str),
            plan.conflict.as_str(),
            excluded.join(" "),
            privacy_word(plan.privacy),
            new.created_ms,
        ),
    )?;
    Ok(())
}

/// Whether it was active until now.
fn end(
    connection: &dyn Connection,
    id: &SourcingId,
    status: MigrationStatus,
    message: &str,
    now_ms: i64,
) -> Result<bool, CatalogError> {
    let sql = "UPDATE sourcing_migrations SET status = ?2, ended_ms = ?3
               WHERE id = ?1 AND status IN ('pending', 'processing')";
    if change(connection, sql, (id.as_str(), status.as_str(), now_ms))? == 0 {
        return Ok(false);
    }
    change(connection, "DELETE FROM sourcing_objects WHERE migration = ?1", [id.as_str()])?;
    let kind = match status {
        MigrationStatus::Aborted => LogType::MigrationAbort,
        MigrationStatus::Success => LogType::MigrationComplete,
        MigrationStatus::Error | MigrationStatus::Pending | MigrationStatus::Processing => {
            LogType::MigrationError
        }
    };
    insert_log(connection, id, now_ms, kind, message)?;
    Ok(true)
}

/// Adds an entry, unless there are as many as there may be.
pub(super) fn log(
    connection: &dyn Connection,
    id: &SourcingId,
    now_ms: i64,
    kind: LogType,
    message: &str,
) -> Result<(), DatabaseError> {
    let sql = "UPDATE sourcing_migrations SET logs = logs + 1 WHERE id = ?1 AND logs < ?2";
    if change(connection, sql, (id.as_str(), MAX_LOGS))? > 0 {
        insert_log(connection, id, now_ms, kind, message)?;
    }
    Ok(())
}

fn insert_log(
    connection: &dyn Connection,
    id: &SourcingId,
    now_ms: i64,
    kind: LogType,
    message: &str,
) -> Result<(), DatabaseError> {
    let message: String = message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect();
    let sql = "INSERT INTO sourcing_logs (migration, at_ms, kind, message) VALUES (?1, ?2, ?3, ?4)";
    change(connection, sql, (id.as_str(), now_ms, kind.as_str(), message)).map(drop)
}

fn find(
    connection: &dyn Connection,
    account: &AccountId,
    id: &SourcingId,
) -> Result<Option<SourcingMigration>, CatalogError> {
    let sql = "SELECT * FROM sourcing_migrations WHERE account = ?1 AND id = ?2";
    first(connection, sql, (account.as_str(), id.as_str()), parse)
}

/// A migration of a row.
pub(super) fn parse(row: &Row<'_>) -> Result<SourcingMigration, CatalogError> {
    let text = |column: &str| row.get::<_, String>(column);
    let bad = |why: &dyn std::fmt::Display| damaged("sourcing_migrations", why);
    let source: Option<String> = row.get("source")?;
    Ok(SourcingMigration {
        id: SourcingId::named(&text("id")?),
        account: AccountId::parse(&text("account")?).map_err(|why| bad(&why))?,
        source: source.as_deref().map(SourcingId::named),
        plan: parse_plan(row)?,
        status: MigrationStatus::parse(&text("status")?).ok_or_else(|| bad(&"status"))?,
        counts: MigrationCounts {
            scanned: row.get("scanned")?,
            imported: row.get("imported")?,
            failed: row.get("failed")?,
            conflict: row.get("skipped_conflict")?,
            excluded_content_type: row.get("skipped_excluded")?,
            invalid_media: row.get("skipped_media")?,
            invalid_name: row.get("skipped_name")?,
            oversize: row.get("skipped_oversize")?,
            storage_class: row.get("skipped_class")?,
            unsupported_content_type: row.get("skipped_unsupported")?,
        },
        log_stopped: row.get::<_, u64>("logs")? >= MAX_LOGS,
        created_ms: row.get("created_ms")?,
        started_ms: row.get("started_ms")?,
        ended_ms: row.get("ended_ms")?,
    })
}

fn parse_plan(row: &Row<'_>) -> Result<Plan, CatalogError> {
    let bad = |why: &dyn std::fmt::Display| damaged("sourcing_migrations", why);
    let text = |column: &str| row.get::<_, String>(column);
    let folder = |column: &str| {
        let folder: Option<String> = row.get(column)?;
        folder.as_deref().map(Folder::parse).transpose().map_err(|why| bad(&why))
    };
    let excluded = text("excluded")?;
    let formats = excluded.split(' ').filter(|word| !word.is_empty()).map(SourceFormat::from_media_type);
    Ok(Plan {
        root_directory: folder("root_directory")?,
        path_prefix: folder("path_prefix")?,
        conflict: ConflictBehaviour::parse(&text("conflict")?).ok_or_else(|| bad(&"conflict"))?,
        excluded: formats.collect::<Option<_>>().ok_or_else(|| bad(&"excluded"))?,
        privacy: parse_privacy(&text("privacy")?).ok_or_else(|| bad(&"privacy"))?,
    })
}

fn parse_log(row: &Row<'_>) -> Result<MigrationLog, CatalogError> {
    let kind: String = row.get("kind")?;
    Ok(MigrationLog {
        at_ms: row.get("at_ms")?,
        kind: LogType::parse(&kind).ok_or_else(|| damaged("sourcing_logs", "kind"))?,
        message: row.get("message")?,
    })
}
