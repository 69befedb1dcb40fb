//! The queue of background work.

use super::database::{Connection, Row};
use super::rows::{change, damaged, first};
use super::{Catalog, CatalogError, notices};
use safelight_domain::account::AccountId;
use safelight_domain::direct_upload::UploadEvent;
use safelight_domain::image::BlobId;

/// A job as leased to one runner.
#[derive(Clone, Debug)]
pub struct Job {
    /// Row id.
    pub id: i64,
    /// What to do.
    pub kind: JobKind,
    /// How often it was leased, this time included.
    pub attempts: u32,
}

/// Background work. Every job may run twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Delete every stored byte of a blob (its image is gone).
    DeleteBlob(BlobId),
    /// Render the named variants of the image that has this blob.
    RenderVariants(BlobId),
    /// Tell an event to the account's webhook.
    Notify {
        /// Whose.
        account: AccountId,
        /// What happened.
        event: UploadEvent,
    },
}

/// Jobs that wait for each other. Those of one line never hold up another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobLine {
    /// [`JobKind::DeleteBlob`].
    Storage,
    /// [`JobKind::RenderVariants`].
    Variants,
    /// [`JobKind::Notify`].
    Notices,
}

impl Catalog {
    /// Adds a job that is due at `not_before_ms`.
    pub async fn enqueue(&self, kind: JobKind, not_before_ms: i64) -> Result<(), CatalogError> {
        let insert = move |connection: &dyn Connection| insert(connection, None, &kind, not_before_ms);
        self.inner.writer.write(insert, |()| ()).await
    }

    /// Leases the job of a line that has been due longest until `lease_until_ms`; then it is due
    /// again, unless it was finished or retried.
    pub async fn lease_job(
        &self,
        line: JobLine,
        now_ms: i64,
        lease_until_ms: i64,
    ) -> Result<Option<Job>, CatalogError> {
        let lease = move |connection: &dyn Connection| {
            let sql = "UPDATE jobs SET due_ms = ?2, attempts = attempts + 1
                       WHERE id = (SELECT id FROM jobs WHERE kind = ?3 AND due_ms <= ?1
                                   ORDER BY due_ms, id LIMIT 1)
                       RETURNING id, account, kind, payload, attempts";
            first(connection, sql, (now_ms, lease_until_ms, word(line)), parse)
        };
        self.inner.writer.write(lease, |_| ()).await
    }

    /// Removes a job that is done; none there is fine.
    pub async fn finish_job(&self, id: i64) -> Result<(), CatalogError> {
        let finish = move |connection: &dyn Connection| {
            change(connection, "DELETE FROM jobs WHERE id = ?1", [id])?;
            Ok(())
        };
        self.inner.writer.write(finish, |()| ()).await
    }

    /// Gives a job back, due at `not_before_ms`.
    pub async fn retry_job(&self, id: i64, not_before_ms: i64) -> Result<(), CatalogError> {
        let retry = move |connection: &dyn Connection| {
            change(connection, "UPDATE jobs SET due_ms = ?2 WHERE id = ?1", (id, not_before_ms))?;
            Ok(())
        };
        self.inner.writer.write(retry, |()| ()).await
    }
}

const DELETE_BLOB: &str = "delete-blob";

const RENDER_VARIANTS: &str = "render-variants";

/// The kind of jobs that tell events to webhooks.
pub(super) const NOTIFY: &str = "notify";

fn word(line: JobLine) -> &'static str {
    match line {
        JobLine::Storage => DELETE_BLOB,
        JobLine::Variants => RENDER_VARIANTS,
        JobLine::Notices => NOTIFY,
    }
}

/// Adds a job.
pub(super) fn insert(
    connection: &dyn Connection,
    account: Option<&AccountId>,
    kind: &JobKind,
    due_ms: i64,
) -> Result<(), CatalogError> {
    let (word, payload) = match kind {
        JobKind::DeleteBlob(blob) => (DELETE_BLOB, blob.as_str().to_owned()),
        JobKind::RenderVariants(blob) => (RENDER_VARIANTS, blob.as_str().to_owned()),
        JobKind::Notify { event, .. } => (NOTIFY, notices::payload(event)?),
    };
    let sql = "INSERT INTO jobs (account, kind, payload, due_ms) VALUES (?1, ?2, ?3, ?4)";
    change(connection, sql, (account.map(AccountId::as_str), word, payload, due_ms))?;
    Ok(())
}

fn parse(row: &Row<'_>) -> Result<Job, CatalogError> {
    let (kind, payload): (String, String) = (row.get("kind")?, row.get("payload")?);
    let account: Option<String> = row.get("account")?;
    let account = account.and_then(|account| AccountId::parse(&account).ok());
    let kind = match (kind.as_str(), BlobId::parse(&payload), account) {
        (DELETE_BLOB, Some(blob), _) => JobKind::DeleteBlob(blob),
        (RENDER_VARIANTS, Some(blob), _) => JobKind::RenderVariants(blob),
        (NOTIFY, _, Some(account)) => JobKind::Notify { account, event: notices::parse_payload(&payload)? },
        _ => return Err(damaged("jobs", format!("kind {kind} of {payload}"))),
    };
    Ok(Job { id: row.get("id")?, kind, attempts: row.get("attempts")? })
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
