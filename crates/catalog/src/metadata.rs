//! The index that filters by metadata are answered from, kept in the transactions of the images.

use super::CatalogError;
use super::database::{Connection, Dialect, Purpose, Value as SqlValue};
use super::images::{COLUMNS, parse};
use super::rows::{all, any, change, first, inserted};
use safelight_domain::account::AccountId;
use safelight_domain::image::{Image, Metadata};
use safelight_domain::metadata_filter::{MetadataNumber, MetadataPath, MetadataValue};
use serde_json::Value;

/// Images of an older catalog that are indexed in one transaction.
const BACKLOG_BATCH: u32 = 1_000;

/// Milliseconds of upload time in a zone, some four minutes: short enough that a zone has few images
/// even while many are uploaded, long enough that a year has few zones.
pub(super) const ZONE_MS: i64 = 1 << 18;

/// A value and where it stands.
type Entry = (MetadataPath, MetadataValue);

/// Puts a new image into the index.
pub(super) fn insert(connection: &dyn Connection, image: &Image) -> Result<(), CatalogError> {
    add(connection, image, &entries(&image.metadata))
}

/// Replaces what the index has of an image that had other metadata `before`.
pub(super) fn update(
    connection: &dyn Connection,
    image: &Image,
    before: &Metadata,
) -> Result<(), CatalogError> {
    let (mut old, mut new) = (entries(before), entries(&image.metadata));
    let kept: Vec<Entry> = old.iter().filter(|entry| new.contains(entry)).cloned().collect();
    old.retain(|entry| !kept.contains(entry));
    new.retain(|entry| !kept.contains(entry));
    remove(connection, image, &old)?;
    add(connection, image, &new)
}

/// Takes an image out of the index.
pub(super) fn delete(connection: &dyn Connection, image: &Image) -> Result<(), CatalogError> {
    remove(connection, image, &entries(&image.metadata))
}

/// The number of a field; `None` when no image of the account has it.
pub(super) fn find_field(
    connection: &dyn Connection,
    account: &AccountId,
    path: &MetadataPath,
) -> Result<Option<i64>, CatalogError> {
    let sql = "SELECT field FROM metadata_fields WHERE account = ?1 AND path = ?2";
    first(connection, sql, [account.as_str(), path.as_str()], |row| Ok(row.get(0)?))
}

/// A value as the index has it: see the table's migration.
pub(super) fn stored(value: &MetadataValue, dialect: Dialect) -> SqlValue {
    match (value, dialect) {
        (MetadataValue::Number(value), dialect) => number(value.get(), dialect),
        (MetadataValue::Flag(flag), _) => SqlValue::Bytes(vec![u8::from(*flag)]),
        (MetadataValue::Text(text), Dialect::Sqlite) => SqlValue::Text(text.clone()),
        (MetadataValue::Text(text), Dialect::Postgres) => {
            SqlValue::Bytes([&[TEXT], text.as_bytes()].concat())
        }
    }
}

/// What comes before the bytes of numbers and of texts where both are bytes.
const NUMBER: u8 = 2;
const TEXT: u8 = 3;

/// A number as the index has it.
pub(super) fn number(value: f64, dialect: Dialect) -> SqlValue {
    match dialect {
        Dialect::Sqlite => SqlValue::Real(value),
        Dialect::Postgres => {
            let bits = value.to_bits();
            // Those below zero in the other direction, and below all others.
            let ordered = if value.is_sign_negative() { !bits } else { bits | 1 << 63 };
            SqlValue::Bytes([&[NUMBER][..], &ordered.to_be_bytes()].concat())
        }
    }
}

/// The condition that a column of the index has a number, as in the index of numbers.
pub(super) fn is_number(column: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => format!("typeof({column}) = 'real'"),
        Dialect::Postgres => format!("{column} >= '\\x02' AND {column} < '\\x03'"),
    }
}

/// Indexes the images that are older than the index, a batch at a time. What a crash interrupts goes
/// on at the next call.
pub(super) fn index_backlog(connection: &dyn Connection) -> Result<(), CatalogError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM metadata_backlog
         JOIN images ON images.account = metadata_backlog.owner AND images.id = metadata_backlog.image
         ORDER BY metadata_backlog.owner, metadata_backlog.image LIMIT ?1"
    );
    let mut indexed = 0;
    loop {
        connection.begin(Purpose::Write)?;
        let batch = all(connection, &sql, [BACKLOG_BATCH], parse)?;
        if batch.is_empty() {
            return Ok(connection.leave()?);
        }
        for image in &batch {
            insert(connection, image)?;
            let sql = "DELETE FROM metadata_backlog WHERE owner = ?1 AND image = ?2";
            change(connection, sql, [image.account.as_str(), image.id.as_str()])?;
        }
        connection.commit()?;
        indexed += batch.len();
        tracing::info!(indexed, "indexing the metadata of an older catalog");
    }
}

/// How many of an image's values the index has, and how many it lacks.
pub(super) fn compare(connection: &dyn Connection, image: &Image) -> Result<(i64, i64), CatalogError> {
    let (mut there, mut lacking) = (0, 0);
    for (path, value) in entries(&image.metadata) {
        let sql = "SELECT 1 FROM metadata_values
                   WHERE field = ?1 AND value = ?2 AND uploaded_ms = ?3 AND image = ?4";
        let is_there = match find_field(connection, &image.account, &path)? {
            Some(field) => any(
                connection,
                sql,
                (field, stored(&value, connection.dialect()), image.uploaded_ms, image.id.as_str()),
            )?,
            None => false,
        };
        if is_there { there += 1 } else { lacking += 1 }
    }
    Ok((there, lacking))
}

fn add(connection: &dyn Connection, image: &Image, entries: &[Entry]) -> Result<(), CatalogError> {
    for (path, value) in entries {
        let field = match find_field(connection, &image.account, path)? {
            Some(field) => field,
            None => {
                let sql = "INSERT INTO metadata_fields (account, path) VALUES (?1, ?2) RETURNING field";
                let values = [image.account.as_str(), path.as_str()];
                inserted(connection, sql, values)?
            }
        };
        let sql = "INSERT INTO metadata_values (field, value, uploaded_ms, image) VALUES (?1, ?2, ?3, ?4)";
        change(
            connection,
            sql,
            (field, stored(value, connection.dialect()), image.uploaded_ms, image.id.as_str()),
        )?;
        if let MetadataValue::Number(number) = value {
            let sql = "INSERT INTO metadata_zones (field, zone, low, high) VALUES (?1, ?2, ?3, ?3)
                       ON CONFLICT (field, zone) DO UPDATE SET
                           low = CASE WHEN metadata_zones.low < ?3 THEN metadata_zones.low ELSE ?3 END,
                           high = CASE WHEN metadata_zones.high > ?3 THEN metadata_zones.high ELSE ?3 END";
            change(connection, sql, (field, zone(image), number.get()))?;
        }
    }
    Ok(())
}

/// The zone of an image, as of every other whose upload time has the same quotient.
fn zone(image: &Image) -> i64 {
    image.uploaded_ms.div_euclid(ZONE_MS)
}

/// Zones and fields without values go too, so that an account that makes up a key for each image keeps none of
/// those that are gone.
fn remove(connection: &dyn Connection, image: &Image, entries: &[Entry]) -> Result<(), CatalogError> {
    for (path, value) in entries {
        let Some(field) = find_field(connection, &image.account, path)? else { continue };
        let sql = "DELETE FROM metadata_values
                   WHERE field = ?1 AND value = ?2 AND uploaded_ms = ?3 AND image = ?4";
        change(
            connection,
            sql,
            (field, stored(value, connection.dialect()), image.uploaded_ms, image.id.as_str()),
        )?;
        if let MetadataValue::Number(_) = value {
            let sql = format!(
                "DELETE FROM metadata_zones WHERE field = ?1 AND zone = ?2 AND NOT EXISTS (
                     SELECT 1 FROM metadata_values INDEXED BY metadata_numbers
                     WHERE field = ?1 AND {}
                     AND uploaded_ms >= ?2 * ?3 AND uploaded_ms < (?2 + 1) * ?3)",
                is_number("value", connection.dialect())
            );
            change(connection, &sql, (field, zone(image), ZONE_MS))?;
        }
        let sql = "DELETE FROM metadata_fields
                   WHERE field = ?1 AND NOT EXISTS (SELECT 1 FROM metadata_values WHERE field = ?1)";
        change(connection, sql, [field])?;
    }
    Ok(())
}

/// What filters can find of metadata; they are fewer than its bytes.
fn entries(metadata: &Metadata) -> Vec<Entry> {
    let mut entries = Vec::new();
    // Metadata is an object by its maker's promise. Were it none, no filter would find it.
    if let Ok(object) = serde_json::from_str(metadata.as_json()) {
        collect(&object, &mut Vec::new(), &mut entries);
    }
    entries
}

fn collect<'a>(value: &'a Value, keys: &mut Vec<&'a str>, entries: &mut Vec<Entry>) {
    let found = match value {
        Value::Object(object) if keys.len() < MetadataPath::MAX_DEPTH => {
            for (key, value) in object {
                keys.push(key);
                collect(value, keys, entries);
                keys.pop();
            }
            return;
        }
        Value::String(text) => Some(MetadataValue::Text(text.clone())),
        Value::Number(number) => number.as_f64().and_then(MetadataNumber::new).map(MetadataValue::Number),
        Value::Bool(flag) => Some(MetadataValue::Flag(*flag)),
        Value::Object(_) | Value::Array(_) | Value::Null => None,
    };
    entries.extend(MetadataPath::of_keys(keys).zip(found));
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
