//! The index that searches are answered from, kept in the transactions of the images.

use super::CatalogError;
use super::database::{Connection, Dialect, Purpose};
use super::images::{COLUMNS, parse};
use super::rows::{all, change, damaged, first, inserted};
use safelight_domain::account::AccountId;
use safelight_domain::image::{Image, Metadata};
use safelight_domain::image_search::{SearchFields, search_fields};
use serde_json::Value;
use std::ops::RangeInclusive;

/// Images of an older catalog that are indexed in one transaction.
const BACKLOG_BATCH: u32 = 1_000;

/// Bits of an image's number within its account: more images than any disk has room for.
const IMAGE_BITS: u32 = 40;

/// Puts a new image into the index. Its row must be there.
pub(super) fn insert(connection: &dyn Connection, image: &Image) -> Result<(), CatalogError> {
    let numbers = match numbers_of(connection, &image.account)? {
        Some(numbers) => numbers,
        None => {
            let sql = "INSERT INTO account_numbers (account) VALUES (?1) RETURNING number";
            numbers(inserted(connection, sql, [image.account.as_str()])?)
        }
    };
    let sql = "SELECT max(number) FROM images WHERE number BETWEEN ?1 AND ?2";
    let last: Option<i64> =
        first(connection, sql, (numbers.start(), numbers.end()), |row| Ok(row.get(0)?))?.flatten();
    let number = last.map_or(*numbers.start(), |last| last.saturating_add(1));
    if !numbers.contains(&number) {
        return Err(damaged("images", "the account has no number left"));
    }
    let sql = "UPDATE images SET number = ?3 WHERE account = ?1 AND id = ?2";
    change(connection, sql, (image.account.as_str(), image.id.as_str(), number))?;
    let columns = columns(&fields(image), connection.dialect());
    let [id, filename, creator, metadata] = &columns;
    let sql = connection.dialect().pick(
        "INSERT INTO image_search (rowid, id, filename, creator, metadata) VALUES (?1, ?2, ?3, ?4, ?5)",
        "INSERT INTO image_search (number, id, filename, creator, metadata)
         VALUES (?1, CAST(string_to_array(?2, ',') AS BIGINT[]), CAST(string_to_array(?3, ',') AS BIGINT[]),
                 CAST(string_to_array(?4, ',') AS BIGINT[]), CAST(string_to_array(?5, ',') AS BIGINT[]))",
    );
    change(connection, sql, (number, id, filename, creator, metadata))?;
    Ok(())
}

/// What the index is given of each text: SQLite the text itself, PostgreSQL its [`trigrams`].
fn columns(fields: &SearchFields, dialect: Dialect) -> [String; 4] {
    let SearchFields { id, filename, creator, metadata } = fields;
    [id, filename, creator, metadata].map(|text| match dialect {
        Dialect::Sqlite => text.clone(),
        Dialect::Postgres => trigrams(text),
    })
}

/// Every three characters of a text, each a number of 63 bits, with commas between them.
pub(super) fn trigrams(text: &str) -> String {
    let chars: Vec<i64> = text.chars().map(|char| i64::from(u32::from(char))).collect();
    let mut found: Vec<i64> =
        chars.windows(3).map(|three| three.iter().fold(0, |all, one| all << 21 | one)).collect();
    found.sort_unstable();
    found.dedup();
    found.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

/// Replaces what the index has of an image that was `before`.
pub(super) fn update(connection: &dyn Connection, image: &Image, before: &Image) -> Result<(), CatalogError> {
    let new = fields(image);
    if new == fields(before) {
        return Ok(());
    }
    let number = number_of(connection, image)?;
    let columns = columns(&new, connection.dialect());
    let [id, filename, creator, metadata] = &columns;
    let sql = connection.dialect().pick(
        "UPDATE image_search SET id = ?2, filename = ?3, creator = ?4, metadata = ?5 WHERE rowid = ?1",
        "UPDATE image_search
         SET id = CAST(string_to_array(?2, ',') AS BIGINT[]), filename = CAST(string_to_array(?3, ',') AS BIGINT[]),
             creator = CAST(string_to_array(?4, ',') AS BIGINT[]), metadata = CAST(string_to_array(?5, ',') AS BIGINT[])
         WHERE number = ?1",
    );
    change(connection, sql, (number, id, filename, creator, metadata))?;
    Ok(())
}

/// Takes an image out of the index. Its row must still be there.
pub(super) fn delete(connection: &dyn Connection, image: &Image) -> Result<(), CatalogError> {
    let number = number_of(connection, image)?;
    let sql = connection
        .dialect()
        .pick("DELETE FROM image_search WHERE rowid = ?1", "DELETE FROM image_search WHERE number = ?1");
    change(connection, sql, [number])?;
    Ok(())
}

/// The numbers that an account's images have; `None` before its first one.
pub(super) fn numbers_of(
    connection: &dyn Connection,
    account: &AccountId,
) -> Result<Option<RangeInclusive<i64>>, CatalogError> {
    let sql = "SELECT number FROM account_numbers WHERE account = ?1";
    let number = first(connection, sql, [account.as_str()], |row| Ok(row.get(0)?))?;
    Ok(number.map(numbers))
}

/// The table allows no account whose numbers would not fit.
fn numbers(account: i64) -> RangeInclusive<i64> {
    let start = account << IMAGE_BITS;
    start..=start | ((1 << IMAGE_BITS) - 1)
}

fn number_of(connection: &dyn Connection, image: &Image) -> Result<i64, CatalogError> {
    let sql = "SELECT number FROM images WHERE account = ?1 AND id = ?2";
    let number = first(connection, sql, [image.account.as_str(), image.id.as_str()], |row| Ok(row.get(0)?))?;
    number.flatten().ok_or_else(|| damaged("images", "number"))
}

/// The texts of an image as the index has them.
pub(super) fn fields(image: &Image) -> SearchFields {
    let mut texts = Vec::new();
    // Metadata is an object by its maker's promise. Were it none, no search would find it.
    if image.metadata != Metadata::default()
        && let Ok(value) = serde_json::from_str(image.metadata.as_json())
    {
        collect(value, &mut texts);
    }
    search_fields(image, texts.iter().map(String::as_str))
}

/// Keys and values, at most as many as bytes of JSON.
fn collect(value: Value, texts: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                texts.push(key);
                collect(value, texts);
            }
        }
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, texts)),
        Value::String(text) => texts.push(text),
        value @ (Value::Number(_) | Value::Bool(_)) => texts.push(value.to_string()),
        Value::Null => {}
    }
}

/// Indexes the images that are older than the index, a batch at a time. What a crash interrupts goes
/// on at the next call.
pub(super) fn index_backlog(connection: &dyn Connection) -> Result<(), CatalogError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM images WHERE number IS NULL ORDER BY account, id LIMIT {BACKLOG_BATCH}"
    );
    let mut indexed = 0;
    loop {
        connection.begin(Purpose::Write)?;
        let batch = all(connection, &sql, (), parse)?;
        if batch.is_empty() {
            return Ok(connection.leave()?);
        }
        batch.iter().try_for_each(|image| insert(connection, image))?;
        connection.commit()?;
        indexed += batch.len();
        tracing::info!(indexed, "indexing the images of an older catalog for searches");
    }
}

#[cfg(test)]
#[path = "search_index_tests.rs"]
mod tests;
