//! What an import has yet to bring, and what it could not.

use super::database::{Connection, Row};
use super::images::{self, parse_privacy, privacy_word};
use super::imports::{self, ALL, Import, Listed, MAX_FAILURES, PAGES, RemoteAccount};
use super::rows::{all, any, change, damaged, first};
use super::{Catalog, CatalogError, InsertImageError};
use safelight_domain::image::{Creator, Image, ImageId, Metadata, Privacy};
use safelight_domain::quota::Quota;

/// Longest source of a failure that is kept, in characters: an id of any length fits.
const MAX_SOURCE_CHARS: usize = 1024;

/// An image that is still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportItem {
    /// Among all items; 0 until it is stored.
    pub number: i64,
    /// Its URL, which may hold a password, or its id at the source.
    pub source: String,
    /// The id that it gets.
    pub image: ImageId,
    /// As [`Image::filename`].
    pub filename: Option<String>,
    /// As [`Image::metadata`].
    pub metadata: Metadata,
    /// As [`Image::creator`].
    pub creator: Option<Creator>,
    /// As [`Image::privacy`].
    pub privacy: Privacy,
}

/// Something that was not brought. Both texts are for the public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFailure {
    /// What it is.
    pub source: String,
    /// Why not.
    pub message: String,
}

/// A page of a source.
pub struct ImportPage {
    /// What is to be brought.
    pub items: Vec<ImportItem>,
    /// What cannot be.
    pub failures: Vec<ImportFailure>,
    /// The token of the next page; `None` after the last.
    pub continuation: Option<String>,
}

/// What a running import has to do.
#[derive(Debug)]
pub struct ImportWork {
    /// The import.
    pub import: Import,
    /// Its source, where that is an account.
    pub remote: Option<RemoteAccount>,
    /// How much of that is listed.
    pub listed: Listed,
    /// Some of what is still to come; what is not listed comes when none of these is left.
    pub items: Vec<ImportItem>,
}

/// What became of an item.
pub enum ItemOutcome {
    /// Its original is stored durably.
    Brought(Box<Image>),
    /// Its id is taken.
    Skipped,
    /// It cannot be brought.
    Failed(ImportFailure),
}

impl Catalog {
    /// What an import has to do, with at most `most` items; `None` when it does not run.
    pub async fn import_work(&self, id: &str, most: u32) -> Result<Option<ImportWork>, CatalogError> {
        let id = id.to_owned();
        self.inner
            .readers
            .read(move |connection| {
                let sql = "SELECT * FROM imports WHERE id = ?1 AND state = 'running'";
                let parse = |row: &Row<'_>| {
                    Ok((imports::parse(row)?, imports::parse_remote(row)?, imports::parse_listed(row)?))
                };
                let Some((import, remote, listed)) = first(connection, sql, [&id], parse)? else {
                    return Ok(None);
                };
                let sql = "SELECT * FROM import_items WHERE import = ?1 ORDER BY number LIMIT ?2";
                let items = all(connection, sql, (&id, most), parse_item)?;
                Ok(Some(ImportWork { import, remote, listed, items }))
            })
            .await
    }

    /// Notes that an import's source is ready to be listed: how many images it has, if it says, and what
    /// beside its images cannot be brought.
    pub async fn begin_import(
        &self,
        id: &str,
        total: Option<u64>,
        failures: Vec<ImportFailure>,
    ) -> Result<(), CatalogError> {
        let id = id.to_owned();
        let begin = move |connection: &dyn Connection| {
            let sql = "UPDATE imports SET total = ?2, listed = ?3
                       WHERE id = ?1 AND state = 'running' AND listed = 'nothing'";
            if change(connection, sql, (&id, total, PAGES))? > 0 {
                insert_failures(connection, &id, &failures)?;
            }
            Ok(())
        };
        self.inner.writer.write(begin, |()| ()).await
    }

    /// Adds the page that follows the `pages` that an import has.
    pub async fn insert_import_page(
        &self,
        id: &str,
        pages: u32,
        page: ImportPage,
    ) -> Result<(), CatalogError> {
        let id = id.to_owned();
        let insert_page = move |connection: &dyn Connection| {
            let listed = if page.continuation.is_some() { PAGES } else { ALL };
            let sql =
                "UPDATE imports SET pages = pages + 1, continuation = ?3, listed = ?4, failed = failed + ?5
                       WHERE id = ?1 AND state = 'running' AND listed = 'pages' AND pages = ?2";
            let values = (&id, pages, &page.continuation, listed, page.failures.len());
            if change(connection, sql, values)? > 0 {
                insert(connection, &id, &page.items)?;
                insert_failures(connection, &id, &page.failures)?;
            }
            Ok(())
        };
        self.inner.writer.write(insert_page, |()| ()).await
    }

    /// Counts an item and removes it, with the row of its image in the same transaction: an image that an
    /// import brought is counted once, whatever is repeated. Nothing happens when the item is gone, or
    /// its import does not run any more.
    pub async fn finish_import_item(
        &self,
        id: &str,
        number: i64,
        outcome: ItemOutcome,
    ) -> Result<(), CatalogError> {
        let (id, quota) = (id.to_owned(), self.quota);
        let finish = move |connection: &dyn Connection| finish(connection, &id, number, outcome, quota);
        self.inner.writer.write(finish, |()| ()).await
    }
}

fn finish(
    connection: &dyn Connection,
    id: &str,
    number: i64,
    outcome: ItemOutcome,
    defaults: Quota,
) -> Result<(), CatalogError> {
    let running = "SELECT 1 FROM imports WHERE id = ?1 AND state = 'running'";
    let delete = "DELETE FROM import_items WHERE import = ?1 AND number = ?2";
    if !any(connection, running, [id])? || change(connection, delete, (id, number))? == 0 {
        return Ok(());
    }
    let outcome = match outcome {
        ItemOutcome::Brought(image) => insert_image(connection, image, defaults)?,
        outcome => outcome,
    };
    let count = match outcome {
        ItemOutcome::Brought(_) => "imported",
        ItemOutcome::Skipped => "skipped",
        ItemOutcome::Failed(failure) => {
            insert_failures(connection, id, &[failure])?;
            "failed"
        }
    };
    change(connection, &format!("UPDATE imports SET {count} = {count} + 1 WHERE id = ?1"), [id])?;
    Ok(())
}

/// What became of an image that was brought: its id may be taken by now, and its account full.
fn insert_image(
    connection: &dyn Connection,
    image: Box<Image>,
    defaults: Quota,
) -> Result<ItemOutcome, CatalogError> {
    // PostgreSQL gives up a transaction in which an insertion is refused.
    if images::find(connection, &(image.account.clone(), image.id.clone()))?.is_some() {
        return Ok(ItemOutcome::Skipped);
    }
    match images::insert_new(connection, &image, Some("import"), defaults) {
        Ok(()) => Ok(ItemOutcome::Brought(image)),
        Err(InsertImageError::Exists) => Ok(ItemOutcome::Skipped),
        Err(InsertImageError::Quota(error)) => {
            let source = image.id.as_str().to_owned();
            Ok(ItemOutcome::Failed(ImportFailure { source, message: error.to_string() }))
        }
        Err(InsertImageError::Catalog(error)) => Err(error),
    }
}

/// Adds items to those of an import.
pub(super) fn insert(
    connection: &dyn Connection,
    id: &str,
    items: &[ImportItem],
) -> Result<(), CatalogError> {
    for item in items {
        change(
            connection,
            "INSERT INTO import_items (import, source, image, filename, metadata, creator, privacy)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                id,
                &item.source,
                item.image.as_str(),
                &item.filename,
                item.metadata.as_json(),
                item.creator.as_ref().map(Creator::as_str),
                privacy_word(item.privacy),
            ),
        )?;
    }
    Ok(())
}

fn insert_failures(
    connection: &dyn Connection,
    id: &str,
    failures: &[ImportFailure],
) -> Result<(), CatalogError> {
    for failure in failures {
        let source: String = failure.source.chars().take(MAX_SOURCE_CHARS).collect();
        let sql = "INSERT INTO import_failures (import, source, message) VALUES (?1, ?2, ?3)";
        change(connection, sql, (id, source, &failure.message))?;
    }
    if !failures.is_empty() {
        let sql = "DELETE FROM import_failures WHERE import = ?1 AND number NOT IN
                   (SELECT number FROM import_failures WHERE import = ?1 ORDER BY number DESC LIMIT ?2)";
        change(connection, sql, (id, MAX_FAILURES))?;
    }
    Ok(())
}

/// The last failures of an import, the newest first.
pub(super) fn failures(
    connection: &dyn Connection,
    id: &str,
    most: u32,
) -> Result<Vec<ImportFailure>, CatalogError> {
    let sql = "SELECT source, message FROM import_failures WHERE import = ?1 ORDER BY number DESC LIMIT ?2";
    all(connection, sql, (id, most), |row| {
        Ok(ImportFailure { source: row.get("source")?, message: row.get("message")? })
    })
}

fn parse_item(row: &Row<'_>) -> Result<ImportItem, CatalogError> {
    let text = |column: &str| row.get::<_, String>(column);
    let bad = |why: &dyn std::fmt::Display| damaged("import_items", why);
    let creator: Option<String> = row.get("creator")?;
    Ok(ImportItem {
        number: row.get("number")?,
        source: text("source")?,
        image: ImageId::named(&text("image")?),
        filename: row.get("filename")?,
        metadata: Metadata::from_json_object(text("metadata")?).map_err(|why| bad(&why))?,
        creator: creator.map(|creator| Creator::parse(&creator)).transpose().map_err(|why| bad(&why))?,
        privacy: parse_privacy(&text("privacy")?).ok_or_else(|| bad(&"privacy"))?,
    })
}
