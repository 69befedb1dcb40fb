//! Images that are promised and not there yet.

use super::database::{Connection, DatabaseError, Row};
use super::images::{self, parse_privacy, privacy_word};
use super::rows::{any, change, damaged, first};
use super::{Catalog, CatalogError, ImageChanges, InsertError, InsertImageError, events, notices};
use safelight_domain::account::AccountId;
use safelight_domain::direct_upload::{Draft, LinkError, LinkUse, Original, UploadEvent, UploadOutcome};
use safelight_domain::image::{Creator, Image, ImageId, Metadata};
use safelight_domain::quota::{Quota, QuotaExceeded};
use safelight_domain::token::TokenHash;
use thiserror::Error;

/// Refused uploads of one draft that are told to the account's webhook: whoever holds a link may
/// try as often as they like.
const TOLD_REFUSALS: u32 = 10;

/// Why a draft did not become an image; it is as it was.
#[derive(Debug, Error)]
pub enum FulfilError {
    /// See [`LinkError`].
    #[error(transparent)]
    Link(#[from] LinkError),
    /// An image has its id. That takes a clock that was set back.
    #[error("an image has the id of the draft")]
    Exists,
    /// Its account has no room for the image.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// See [`CatalogError`].
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<DatabaseError> for FulfilError {
    fn from(error: DatabaseError) -> FulfilError {
        FulfilError::Catalog(error.into())
    }
}

impl Catalog {
    /// Inserts a draft with the hash of its link's secret. `Exists` when an image or a live draft
    /// of the account has its id, `Full` when the account has `most` drafts, dead ones that are
    /// not swept yet included.
    pub async fn insert_draft(&self, draft: Draft, link: TokenHash, most: u64) -> Result<(), InsertError> {
        let insert = move |connection: &dyn Connection| insert(connection, &draft, &link, most);
        self.inner.writer.write(insert, |()| ()).await
    }

    /// The live draft of an id.
    pub async fn find_draft(
        &self,
        account: &AccountId,
        id: &ImageId,
        now_ms: i64,
    ) -> Result<Option<Draft>, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        self.inner.readers.read(move |connection| find(connection, &account, &id, now_ms)).await
    }

    /// The draft of a link, in whatever state.
    pub async fn draft_of_link(&self, link: &TokenHash) -> Result<Option<Draft>, CatalogError> {
        let link = link.clone();
        self.inner.readers.read(move |connection| of_link(connection, &link)).await
    }

    /// The live draft as changed; `None` if there is none.
    pub async fn update_draft(
        &self,
        account: &AccountId,
        id: &ImageId,
        changes: ImageChanges,
        now_ms: i64,
    ) -> Result<Option<Draft>, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        let update = move |connection: &dyn Connection| update(connection, &account, &id, changes, now_ms);
        self.inner.writer.write(update, |_| ()).await
    }

    /// Deletes a live draft: its link opens nothing any more. Whether there was one.
    pub async fn delete_draft(
        &self,
        account: &AccountId,
        id: &ImageId,
        now_ms: i64,
    ) -> Result<bool, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        let delete = move |connection: &dyn Connection| {
            let sql = "DELETE FROM drafts WHERE account = ?1 AND id = ?2 AND used = 0 AND expires_ms > ?3";
            Ok(change(connection, sql, (account.as_str(), id.as_str(), now_ms))? > 0)
        };
        self.inner.writer.write(delete, |_| ()).await
    }

    /// Makes an image of a draft: in one transaction its link is used up, the image inserted, and
    /// the event `event` put in the queue where the account has a webhook. The original must be
    /// stored durably before. Of many callers at once one succeeds.
    pub async fn fulfil_draft(
        &self,
        link: &TokenHash,
        original: Original,
        event: String,
        now_ms: i64,
    ) -> Result<Image, FulfilError> {
        let (link, quota) = (link.clone(), self.quota);
        let fulfil =
            move |connection: &dyn Connection| fulfil(connection, &link, original, event, now_ms, quota);
        self.inner.writer.write(fulfil, |_| ()).await
    }

    /// Puts the event of a refused upload in the queue where the account has a webhook, up to ten
    /// times for each draft.
    pub async fn note_refusal(&self, link: &TokenHash, event: UploadEvent) -> Result<(), CatalogError> {
        let link = link.clone();
        let note = move |connection: &dyn Connection| {
            let sql = "UPDATE drafts SET refusals = refusals + 1
                       WHERE link = ?1 AND used = 0 AND refusals < ?2 RETURNING account";
            let account = first(connection, sql, (link.as_bytes(), TOLD_REFUSALS), |row| {
                let account: String = row.get(0)?;
                AccountId::parse(&account).map_err(|why| damaged("drafts", why))
            })?;
            account.map_or(Ok(()), |account| notices::insert(connection, &account, &event))
        };
        self.inner.writer.write(note, |()| ()).await
    }

    /// Deletes drafts whose time was over before `before_ms`, at most `most` (for the sweeper). How
    /// many there were.
    pub async fn delete_old_drafts(&self, before_ms: i64, most: u32) -> Result<u64, CatalogError> {
        let delete = move |connection: &dyn Connection| {
            let sql = "DELETE FROM drafts WHERE link IN
                       (SELECT link FROM drafts WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2)";
            Ok(change(connection, sql, (before_ms, most))? as u64)
        };
        self.inner.writer.write(delete, |_| ()).await
    }
}

/// Whether a live draft has this id.
pub(super) fn holds(
    connection: &dyn Connection,
    account: &AccountId,
    id: &ImageId,
    now_ms: i64,
) -> Result<bool, CatalogError> {
    let sql = "SELECT 1 FROM drafts WHERE account = ?1 AND id = ?2 AND used = 0 AND expires_ms > ?3";
    any(connection, sql, (account.as_str(), id.as_str(), now_ms))
}

fn insert(
    connection: &dyn Connection,
    draft: &Draft,
    link: &TokenHash,
    most: u64,
) -> Result<(), InsertError> {
    let (account, id) = (draft.account.as_str(), draft.id.as_str());
    if any(connection, "SELECT 1 FROM images WHERE account = ?1 AND id = ?2", (account, id))? {
        return Err(InsertError::Exists);
    }
    // A dead one keeps its id from nobody.
    let sql = "DELETE FROM drafts WHERE account = ?1 AND id = ?2 AND used = 0 AND expires_ms <= ?3";
    change(connection, sql, (account, id, draft.created_ms))?;
    if any(connection, "SELECT 1 FROM counters WHERE account = ?1 AND drafts >= ?2", (account, most))? {
        return Err(InsertError::Full);
    }
    change(
        connection,
        "INSERT INTO drafts (link, account, id, metadata, creator, privacy, created_ms, expires_ms, used)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            link.as_bytes(),
            account,
            id,
            draft.metadata.as_json(),
            draft.creator.as_ref().map(Creator::as_str),
            privacy_word(draft.privacy),
            draft.created_ms,
            draft.expires_ms,
            draft.link == LinkUse::Used,
        ),
    )?;
    Ok(())
}

fn find(
    connection: &dyn Connection,
    account: &AccountId,
    id: &ImageId,
    now_ms: i64,
) -> Result<Option<Draft>, CatalogError> {
    let sql = "SELECT * FROM drafts WHERE account = ?1 AND id = ?2 AND used = 0 AND expires_ms > ?3";
    first(connection, sql, (account.as_str(), id.as_str(), now_ms), parse)
}

fn of_link(connection: &dyn Connection, link: &TokenHash) -> Result<Option<Draft>, CatalogError> {
    first(connection, "SELECT * FROM drafts WHERE link = ?1", [link.as_bytes()], parse)
}

fn update(
    connection: &dyn Connection,
    account: &AccountId,
    id: &ImageId,
    changes: ImageChanges,
    now_ms: i64,
) -> Result<Option<Draft>, CatalogError> {
    let Some(mut draft) = find(connection, account, id, now_ms)? else { return Ok(None) };
    let ImageChanges { metadata, creator, privacy } = changes;
    draft.metadata = metadata.unwrap_or(draft.metadata);
    draft.creator = creator.unwrap_or(draft.creator);
    draft.privacy = privacy.unwrap_or(draft.privacy);
    change(
        connection,
        "UPDATE drafts SET metadata = ?3, creator = ?4, privacy = ?5
         WHERE account = ?1 AND id = ?2 AND used = 0",
        (
            account.as_str(),
            id.as_str(),
            draft.metadata.as_json(),
            draft.creator.as_ref().map(Creator::as_str),
            privacy_word(draft.privacy),
        ),
    )?;
    Ok(Some(draft))
}

fn fulfil(
    connection: &dyn Connection,
    link: &TokenHash,
    original: Original,
    event: String,
    now_ms: i64,
    defaults: Quota,
) -> Result<Image, FulfilError> {
    let draft = of_link(connection, link)?.ok_or(LinkError::Unknown)?;
    draft.accepts(now_ms)?;
    change(connection, "UPDATE drafts SET used = 1 WHERE link = ?1", [link.as_bytes()])?;
    let image = draft.fulfilled(original, now_ms);
    images::insert(connection, &image, defaults).map_err(|error| match error {
        InsertImageError::Catalog(error) => FulfilError::Catalog(error),
        InsertImageError::Exists => FulfilError::Exists,
        InsertImageError::Quota(error) => FulfilError::Quota(error),
    })?;
    events::uploaded(connection, &image, "upload link").map_err(CatalogError::from)?;
    let outcome = UploadOutcome::Uploaded;
    let event = UploadEvent { event, id: image.id.clone(), at_ms: now_ms, outcome };
    notices::insert(connection, &image.account, &event)?;
    Ok(image)
}

fn parse(row: &Row<'_>) -> Result<Draft, CatalogError> {
    let text = |column: &str| row.get::<_, String>(column);
    let creator: Option<String> = row.get("creator")?;
    let metadata = Metadata::from_json_object(text("metadata")?);
    Ok(Draft {
        account: AccountId::parse(&text("account")?).map_err(|why| damaged("drafts", why))?,
        id: ImageId::named(&text("id")?),
        metadata: metadata.map_err(|why| damaged("drafts", why))?,
        creator: creator
            .map(|creator| Creator::parse(&creator))
            .transpose()
            .map_err(|why| damaged("drafts", why))?,
        privacy: parse_privacy(&text("privacy")?).ok_or_else(|| damaged("drafts", "privacy"))?,
        created_ms: row.get("created_ms")?,
        expires_ms: row.get("expires_ms")?,
        link: if row.get("used")? { LinkUse::Used } else { LinkUse::Fresh },
    })
}

#[cfg(test)]
#[path = "drafts_tests.rs"]
mod tests;
