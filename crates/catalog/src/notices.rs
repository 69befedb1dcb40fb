//! Webhooks of accounts, and the events that wait to be told to them.

use super::database::{Connection, Row};
use super::rows::{any, change, damaged, first};
use super::{Catalog, CatalogError, JobKind, jobs};
use safelight_domain::account::AccountId;
use safelight_domain::direct_upload::{UploadEvent, UploadOutcome};
use safelight_domain::image::ImageId;
use serde::{Deserialize, Serialize};
use url::Url;

/// Most events of an account that wait. When its webhook answers nothing for long, further ones
/// are lost.
const MAX_WAITING: u32 = 10_000;

/// Where an account wants to be told of uploads by link.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// http or https.
    pub url: Url,
    /// Sent with every message, so that the receiver knows who calls.
    pub secret: Option<String>,
}

impl std::fmt::Debug for Webhook {
    // The address itself often carries a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

impl Catalog {
    /// Where an account wants to be told.
    pub async fn webhook(&self, account: &AccountId) -> Result<Option<Webhook>, CatalogError> {
        let account = account.clone();
        self.inner
            .readers
            .read(move |connection| {
                let sql = "SELECT url, secret FROM webhooks WHERE account = ?1";
                first(connection, sql, [account.as_str()], parse)
            })
            .await
    }

    /// Sets it, in place of any other.
    pub async fn set_webhook(&self, account: &AccountId, webhook: Webhook) -> Result<(), CatalogError> {
        let account = account.clone();
        let set = move |connection: &dyn Connection| {
            let sql = "INSERT INTO webhooks (account, url, secret) VALUES (?1, ?2, ?3)
                       ON CONFLICT (account) DO UPDATE SET url = ?2, secret = ?3";
            change(connection, sql, (account.as_str(), webhook.url.as_str(), webhook.secret))?;
            Ok(())
        };
        self.inner.writer.write(set, |()| ()).await
    }

    /// Deletes it. Whether there was one.
    pub async fn delete_webhook(&self, account: &AccountId) -> Result<bool, CatalogError> {
        let account = account.clone();
        let delete = move |connection: &dyn Connection| {
            Ok(change(connection, "DELETE FROM webhooks WHERE account = ?1", [account.as_str()])? > 0)
        };
        self.inner.writer.write(delete, |_| ()).await
    }

    /// Lets every event of an account wait until `until_ms` at least: its webhook does not answer,
    /// and those of others should not wait for that.
    pub async fn postpone_events(&self, account: &AccountId, until_ms: i64) -> Result<(), CatalogError> {
        let account = account.clone();
        let postpone = move |connection: &dyn Connection| {
            let sql = "UPDATE jobs SET due_ms = ?3 WHERE account = ?1 AND kind = ?2 AND due_ms < ?3";
            change(connection, sql, (account.as_str(), jobs::NOTIFY, until_ms))?;
            Ok(())
        };
        self.inner.writer.write(postpone, |()| ()).await
    }
}

/// Puts an event in the queue, if the account has a webhook and not too many wait.
pub(super) fn insert(
    connection: &dyn Connection,
    account: &AccountId,
    event: &UploadEvent,
) -> Result<(), CatalogError> {
    if !any(connection, "SELECT 1 FROM webhooks WHERE account = ?1", [account.as_str()])? {
        return Ok(());
    }
    let sql = "SELECT 1 FROM jobs WHERE account = ?1 AND kind = ?2 LIMIT 1 OFFSET ?3";
    if any(connection, sql, (account.as_str(), jobs::NOTIFY, MAX_WAITING - 1))? {
        tracing::warn!(account = account.as_str(), "too many events wait for a webhook: one is lost");
        return Ok(());
    }
    let kind = JobKind::Notify { account: account.clone(), event: event.clone() };
    jobs::insert(connection, Some(account), &kind, event.at_ms)
}

fn parse(row: &Row<'_>) -> Result<Webhook, CatalogError> {
    let url: String = row.get("url")?;
    let url = Url::parse(&url).map_err(|why| damaged("webhooks", why))?;
    Ok(Webhook { url, secret: row.get("secret")? })
}

/// An event as it waits.
#[derive(Serialize, Deserialize)]
struct Payload {
    event: String,
    id: String,
    at_ms: i64,
    refusal: Option<(u32, String)>,
}

/// The text that holds an event.
pub(super) fn payload(event: &UploadEvent) -> Result<String, CatalogError> {
    let refusal = match &event.outcome {
        UploadOutcome::Uploaded => None,
        UploadOutcome::Refused { code, text } => Some((*code, text.clone())),
    };
    let payload =
        Payload { event: event.event.clone(), id: event.id.as_str().to_owned(), at_ms: event.at_ms, refusal };
    serde_json::to_string(&payload).map_err(|why| damaged("jobs", why))
}

/// The event in such a text.
pub(super) fn parse_payload(text: &str) -> Result<UploadEvent, CatalogError> {
    let payload: Payload = serde_json::from_str(text).map_err(|why| damaged("jobs", why))?;
    let outcome = match payload.refusal {
        None => UploadOutcome::Uploaded,
        Some((code, text)) => UploadOutcome::Refused { code, text },
    };
    let id = ImageId::named(&payload.id);
    Ok(UploadEvent { event: payload.event, id, at_ms: payload.at_ms, outcome })
}
