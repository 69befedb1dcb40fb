//! What was done to images, kept in the transactions that do it.

use super::database::{Connection, DatabaseError, Row};
use super::rows::{all, change, damaged};
use super::{Catalog, CatalogError};
use safelight_domain::account::AccountId;
use safelight_domain::image::{Creator, Image, ImageId, Privacy};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Events that are kept of an image; the oldest go.
pub const MAX_EVENTS: u32 = 100;

/// Who makes a change, and when.
#[derive(Clone, Debug)]
pub(super) struct Act {
    by: Arc<str>,
    at_ms: i64,
}

impl Act {
    /// The name of whoever makes it.
    pub(super) fn by(&self) -> &str {
        &self.by
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It came to be.
    Uploaded,
    /// Its metadata, creator or privacy is another.
    Changed,
    /// It is gone.
    Deleted,
}

impl Action {
    /// In the API and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Uploaded => "uploaded",
            Action::Changed => "changed",
            Action::Deleted => "deleted",
        }
    }
}

/// One thing that was done to an image.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageEvent {
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// What.
    pub action: Action,
    /// By whom: the name of a token, or the way.
    pub by: String,
    /// What was changed: `requireSignedURLs` and `creator` with `from` and `to`, `metadata` as `true`.
    pub changes: Value,
}

impl Catalog {
    /// The same catalog, for changes that someone makes at a moment in milliseconds since
    /// 1970-01-01T00:00:00Z: images remember them. Without this they do not.
    #[must_use]
    pub fn by(&self, name: &str, at_ms: i64) -> Catalog {
        Catalog { act: Some(Act { by: name.into(), at_ms }), ..self.clone() }
    }

    /// What was done to an image, newest first, at most [`MAX_EVENTS`]; also to one that is gone.
    pub async fn history(&self, account: &AccountId, id: &ImageId) -> Result<Vec<ImageEvent>, CatalogError> {
        let (account, id) = (account.clone(), id.clone());
        let read = move |connection: &dyn Connection| {
            let sql = "SELECT at_ms, action, actor, changes FROM image_events
                       WHERE account = ?1 AND image = ?2 ORDER BY row DESC LIMIT ?3";
            all(connection, sql, (account.as_str(), id.as_str(), MAX_EVENTS), parse)
        };
        self.inner.readers.read(read).await
    }

    /// Deletes the events of at most `limit` images that were deleted before `before_ms`, up to their
    /// deletion (for the sweeper). How many images there were.
    pub async fn delete_old_events(&self, before_ms: i64, limit: u32) -> Result<u64, CatalogError> {
        let delete = move |connection: &dyn Connection| {
            let sql = "SELECT row, account, image FROM image_events
                       WHERE action = 'deleted' AND at_ms < ?1 ORDER BY at_ms LIMIT ?2";
            let gone: Vec<(i64, String, String)> =
                all(connection, sql, (before_ms, limit), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            for (row, account, image) in &gone {
                let sql = "DELETE FROM image_events WHERE account = ?1 AND image = ?2 AND row <= ?3";
                change(connection, sql, (account, image, row))?;
            }
            Ok::<_, CatalogError>(gone.len() as u64)
        };
        self.inner.writer.write(delete, |_| ()).await
    }
}

/// Remembers that an image came to be, at its time of upload.
pub(super) fn uploaded(connection: &dyn Connection, image: &Image, by: &str) -> Result<(), DatabaseError> {
    let act = Act { by: by.into(), at_ms: image.uploaded_ms };
    insert(connection, image, Some(&act), Action::Uploaded, &json!({}))
}

/// Remembers what is another than before; nothing where nothing is.
pub(super) fn changed(
    connection: &dyn Connection,
    before: &Image,
    image: &Image,
    act: Option<&Act>,
) -> Result<(), DatabaseError> {
    let mut changes = Map::new();
    let private = |image: &Image| image.privacy == Privacy::RequireSigned;
    if before.privacy != image.privacy {
        changes.insert("requireSignedURLs".into(), json!({"from": private(before), "to": private(image)}));
    }
    let creator = |image: &Image| image.creator.as_ref().map(Creator::as_str).map(str::to_owned);
    if before.creator != image.creator {
        changes.insert("creator".into(), json!({"from": creator(before), "to": creator(image)}));
    }
    if before.metadata != image.metadata {
        changes.insert("metadata".into(), Value::Bool(true));
    }
    if changes.is_empty() {
        return Ok(());
    }
    insert(connection, image, act, Action::Changed, &Value::Object(changes))
}

/// Remembers that an image is gone.
pub(super) fn deleted(
    connection: &dyn Connection,
    image: &Image,
    act: Option<&Act>,
) -> Result<(), DatabaseError> {
    insert(connection, image, act, Action::Deleted, &json!({}))
}

fn insert(
    connection: &dyn Connection,
    image: &Image,
    act: Option<&Act>,
    action: Action,
    changes: &Value,
) -> Result<(), DatabaseError> {
    let Some(act) = act else { return Ok(()) };
    let (account, id) = (image.account.as_str(), image.id.as_str());
    let sql = "INSERT INTO image_events (account, image, at_ms, action, actor, changes)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    change(connection, sql, (account, id, act.at_ms, action.as_str(), &*act.by, changes.to_string()))?;
    let sql = "DELETE FROM image_events WHERE row IN (
                   SELECT row FROM image_events WHERE account = ?1 AND image = ?2
                   ORDER BY row DESC LIMIT 1000000 OFFSET ?3)";
    change(connection, sql, (account, id, MAX_EVENTS)).map(drop)
}

fn parse(row: &Row<'_>) -> Result<ImageEvent, CatalogError> {
    let (action, changes): (String, String) = (row.get("action")?, row.get("changes")?);
    let known = [Action::Uploaded, Action::Changed, Action::Deleted];
    let action = known.into_iter().find(|known| known.as_str() == action);
    Ok(ImageEvent {
        at_ms: row.get("at_ms")?,
        action: action.ok_or_else(|| damaged("image_events", "action"))?,
        by: row.get("actor")?,
        changes: serde_json::from_str(&changes).map_err(|why| damaged("image_events", why))?,
    })
}
