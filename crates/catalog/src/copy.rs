//! Copies of every row, from any database to any other.
//!
//! First a snapshot is taken of all rows at one moment, into a file. What follows may take long, be killed and go on:
//! the rows are read from the file, and each table's are put after the last one that is there already.

use super::database::{Connection, Dialect, Purpose, Row, Value};
use super::rows::{all, any, change, first};
use super::schema::{self, MIGRATIONS};
use super::sqlite::Sqlite;
use super::{CatalogError, OpenError, PostgresAddress, StoredKind, StoredRow, metadata, search_index};
use crate::database::DatabaseError;
use crate::postgres::{Postgres, Server};
use safelight_domain::image::BlobId;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Rows that are read and put at once.
const BATCH: usize = 500;

/// Rows of one statement.
const ROWS_AT_ONCE: usize = 100;

/// Where a catalog is.
#[derive(Clone, Debug)]
pub enum CatalogPlace {
    /// In a file.
    File(PathBuf),
    /// In a database on a server.
    Server(PostgresAddress),
}

/// Whether the rows of what is made of originals go along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// They do.
    Copied,
    /// They stay, and what they name is made again.
    LeftBehind,
}

/// What there may be in the database that rows are put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// The beginning of the same rows.
    Beginning,
}

/// Why rows were not copied.
#[derive(Debug, Error)]
pub enum CopyRowsError {
    /// No catalog, or none that has ever been started.
    #[error("there is no catalog of Safelight")]
    NoCatalog,
    /// Made by another version.
    #[error(
        "the catalog has schema version {found} and this program {known}: start the server of this version on it \
         once, then stop it"
    )]
    OtherVersion {
        /// In the database.
        found: u32,
        /// Of this program.
        known: u32,
    },
    /// Something is in the database already.
    #[error("the database is not empty: it has the account {0}")]
    Occupied(String),
    /// Not every row arrived.
    #[error("of table {table} there are {copied} rows in the place of {expected}")]
    Incomplete {
        /// The table.
        table: &'static str,
        /// Here.
        copied: i64,
        /// In the source.
        expected: i64,
    },
    /// A database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A database failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<DatabaseError> for CopyRowsError {
    fn from(error: DatabaseError) -> CopyRowsError {
        CopyRowsError::Catalog(error.into())
    }
}

impl From<std::io::Error> for CopyRowsError {
    fn from(error: std::io::Error) -> CopyRowsError {
        CopyRowsError::Open(error.into())
    }
}

/// A table whose rows are copied as they are.
struct Table {
    name: &'static str,
    /// Its primary key, which is the order of the copy.
    key: &'static [&'static str],
    /// The column that the database numbers by itself.
    numbered: Option<&'static str>,
    /// Whether its rows are about what is made of originals.
    derived: bool,
}

const fn table(name: &'static str, key: &'static [&'static str]) -> Table {
    Table { name, key, numbered: None, derived: false }
}

const fn numbered(name: &'static str, key: &'static [&'static str; 1]) -> Table {
    let [column] = key;
    Table { name, key, numbered: Some(column), derived: false }
}

/// Each after those that it refers to.
const TABLES: [Table; 22] = [
    table("accounts", &["id"]),
    table("tokens", &["id"]),
    table("signing_keys", &["account", "name"]),
    table("variants", &["account", "name"]),
    table("images", &["account", "id"]),
    Table { derived: true, ..numbered("renditions", &["row"]) },
    Table { derived: true, ..table("levels", &["blob", "divisor"]) },
    numbered("jobs", &["id"]),
    table("drafts", &["link"]),
    table("batch_tokens", &["hash"]),
    table("webhooks", &["account"]),
    table("usage", &["account", "width", "begin", "measure"]),
    numbered("image_events", &["row"]),
    numbered("imports", &["number"]),
    numbered("import_items", &["number"]),
    numbered("import_failures", &["number"]),
    numbered("sourcing_sources", &["number"]),
    numbered("sourcing_migrations", &["number"]),
    numbered("sourcing_objects", &["number"]),
    numbered("sourcing_logs", &["number"]),
    table("domains", &["account", "place"]),
    table("remote_origins", &["place"]),
];

/// The tables whose rows stay, and why.
#[cfg(test)]
const LEFT: [(&str, &str); 10] = [
    ("counters", "triggers count the rows as they come"),
    ("metadata_fields", "the index is made anew"),
    ("metadata_values", "the index is made anew"),
    ("metadata_zones", "the index is made anew"),
    ("metadata_backlog", "has every image at first"),
    ("account_numbers", "the index of texts gives numbers anew"),
    ("image_search", "the index is made anew"),
    ("sessions", "browsers log in again"),
    ("changes", "is word for nodes that run"),
    ("duties", "are of nodes that run"),
];

/// A number that the index of texts gives.
const NOT_COPIED: (&str, &str) = ("images", "number");

/// Opens a catalog of this program's version to read from. Nothing is changed.
pub(crate) fn reader(place: &CatalogPlace) -> Result<Box<dyn Connection + Send>, CopyRowsError> {
    let connection: Box<dyn Connection + Send> = match place {
        CatalogPlace::File(path) if !path.exists() => return Err(CopyRowsError::NoCatalog),
        CatalogPlace::File(path) => Box::new(Sqlite::reader(path)?),
        CatalogPlace::Server(address) => Box::new(Postgres::reader(server(address)?)),
    };
    require_version(&*connection)?;
    Ok(connection)
}

/// The same to change it.
pub(crate) fn writer(place: &CatalogPlace) -> Result<Box<dyn Connection + Send>, CopyRowsError> {
    drop(reader(place)?);
    Ok(match place {
        CatalogPlace::File(path) => Box::new(Sqlite::writer(path)?),
        CatalogPlace::Server(address) => Box::new(Postgres::writer(server(address)?)),
    })
}

fn server(address: &PostgresAddress) -> Result<Arc<Server>, CopyRowsError> {
    let tls = address.tls().map_err(OpenError::Tls)?;
    Ok(Arc::new(Server::new(address.config(), tls)?))
}

fn require_version(connection: &dyn Connection) -> Result<(), CopyRowsError> {
    let sql = connection.dialect().pick(
        "PRAGMA user_version",
        // No version where there is no such table.
        "SELECT CASE WHEN to_regclass('schema_versions') IS NULL THEN 0 ELSE 1 END",
    );
    let mut found: u32 = first(connection, sql, (), |row| Ok(row.get(0)?))?.unwrap_or(0);
    if found == 1 && connection.dialect() == Dialect::Postgres {
        let sql = "SELECT coalesce(max(version), 0) FROM schema_versions";
        found = first(connection, sql, (), |row| Ok(row.get(0)?))?.unwrap_or(0);
    }
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    match found {
        0 => Err(CopyRowsError::NoCatalog),
        found if found > known => Err(OpenError::Newer { found, known }.into()),
        found if found < known => Err(CopyRowsError::OtherVersion { found, known }),
        _ => Ok(()),
    }
}

/// Copies all rows of one moment into a new file, `seen` being told of each some. What they came from may run
/// meanwhile. How many there are. Blocks, as everything here does.
///
/// # Errors
/// When the source has no catalog of this version, or a database fails; the file is of no use then.
pub fn take_snapshot(
    from: &CatalogPlace,
    to: &Path,
    derived: Derived,
    seen: &mut dyn FnMut(u64),
) -> Result<u64, CopyRowsError> {
    let from = reader(from)?;
    let snapshot = Sqlite::writer(to)?;
    schema::migrate(&snapshot, &MIGRATIONS)?;
    from.begin(Purpose::Read)?;
    snapshot.begin(Purpose::Write)?;
    let mut count = 0;
    for table in TABLES.iter().filter(|table| !table.derived || derived == Derived::Copied) {
        let columns = columns(&snapshot, table)?;
        let mut after = None;
        loop {
            let rows = next_rows(&*from, table, &columns, after.as_deref())?;
            let Some(last) = rows.last() else { break };
            after = Some(key_of(table, &columns, last));
            insert(&snapshot, table, &columns, &rows)?;
            count += rows.len() as u64;
            seen(count);
        }
    }
    if derived == Derived::LeftBehind {
        // As images are that never had any.
        change(&snapshot, "UPDATE images SET levels = 'off'", ())?;
    }
    fill_backlog(&snapshot)?;
    snapshot.commit()?;
    from.leave()?;
    Ok(count)
}

/// Makes the indices of a snapshot, which is then a catalog like any other.
///
/// # Errors
/// When the database fails; it may be called again.
pub fn finish_snapshot(snapshot: &Path) -> Result<(), CopyRowsError> {
    index(&Sqlite::writer(snapshot)?)
}

/// Whether a database on a server has no account of Safelight.
///
/// # Errors
/// With the first account, if it has any.
pub fn require_empty(address: &PostgresAddress) -> Result<(), CopyRowsError> {
    let connection = Postgres::reader(server(address)?);
    let sql = "SELECT to_regclass('accounts') IS NULL";
    if first(&connection, sql, (), |row| Ok(row.get::<_, bool>(0)?))?.unwrap_or(false) {
        return Ok(());
    }
    let first =
        first(&connection, "SELECT id FROM accounts LIMIT 1", (), |row| Ok(row.get::<_, String>(0)?))?;
    first.map_or(Ok(()), |account| Err(CopyRowsError::Occupied(account)))
}

/// Puts the rows of a snapshot into a database on a server, and makes its indices there. What was begun goes on after
/// the last row of each table.
///
/// # Errors
/// When the database has other rows, or fails; it may be called again then.
pub fn put_rows(
    snapshot: &Path,
    to: &PostgresAddress,
    found: Found,
    seen: &mut dyn FnMut(u64),
) -> Result<u64, CopyRowsError> {
    if found == Found::Nothing {
        require_empty(to)?;
    }
    let from = reader(&CatalogPlace::File(snapshot.to_owned()))?;
    let to = Postgres::writer(server(to)?);
    schema::migrate(&to, &MIGRATIONS)?;
    require_same_accounts(&*from, &to)?;
    let mut count = 0;
    for table in &TABLES {
        let columns = columns(&*from, table)?;
        let mut after = last_key(&to, table)?;
        loop {
            let rows = next_rows(&*from, table, &columns, after.as_deref())?;
            let Some(last) = rows.last() else { break };
            after = Some(key_of(table, &columns, last));
            to.begin(Purpose::Write)?;
            let inserted = insert(&to, table, &columns, &rows).and_then(|()| Ok(to.commit()?));
            to.leave()?;
            inserted?;
            count += rows.len() as u64;
            seen(count);
        }
        require_all(&*from, &to, table)?;
        if let Some(column) = table.numbered {
            go_on_numbering(&to, table.name, column)?;
        }
    }
    to.begin(Purpose::Write)?;
    let filled = fill_backlog(&to).and_then(|()| Ok(to.commit()?));
    to.leave()?;
    filled?;
    index(&to)?;
    Ok(count)
}

/// Takes rows out of a snapshot without indices: an image with all that was made of it, or what was made alone.
///
/// # Errors
/// When the database fails.
pub fn drop_from_snapshot(snapshot: &Path, rows: &[StoredRow]) -> Result<(), CopyRowsError> {
    let connection = Sqlite::writer(snapshot)?;
    connection.begin(Purpose::Write)?;
    drop_rows(&connection, rows.iter())?;
    Ok(connection.commit()?)
}

/// Within a transaction. The indices of images stay as they are.
pub(crate) fn drop_rows<'a>(
    connection: &dyn Connection,
    rows: impl Iterator<Item = &'a StoredRow>,
) -> Result<(), CatalogError> {
    for row in rows {
        let blob = row.blob.as_str();
        match &row.kind {
            StoredKind::Original(..) => {
                for sql in [
                    "DELETE FROM metadata_backlog
                     WHERE (owner, image) IN (SELECT account, id FROM images WHERE blob = ?1)",
                    "DELETE FROM renditions WHERE blob = ?1",
                    "DELETE FROM levels WHERE blob = ?1",
                    "DELETE FROM images WHERE blob = ?1",
                ] {
                    change(connection, sql, [blob])?;
                }
            }
            StoredKind::Rendition(name) => {
                change(connection, "DELETE FROM renditions WHERE blob = ?1 AND name = ?2", [blob, name])?;
            }
            StoredKind::Level(name) => {
                change(connection, "DELETE FROM levels WHERE blob = ?1 AND name = ?2", [blob, name])?;
                change(connection, "UPDATE images SET levels = 'off' WHERE blob = ?1", [blob])?;
            }
        }
    }
    Ok(())
}

/// Whether an image has this blob.
///
/// # Errors
/// When the database fails.
pub fn has_blob(place: &CatalogPlace, blob: &BlobId) -> Result<bool, CopyRowsError> {
    Ok(any(&*reader(place)?, "SELECT 1 FROM images WHERE blob = ?1", [blob.as_str()])?)
}

/// A row of any table.
type AnyRow = Vec<Option<Value>>;

/// The columns that are copied; generated ones are not among them. Both databases have the same.
fn columns(sqlite: &dyn Connection, table: &Table) -> Result<Vec<String>, CatalogError> {
    let sql = "SELECT name FROM pragma_table_info(?1)";
    let mut columns = all(sqlite, sql, [table.name], |row| Ok(row.get::<_, String>(0)?))?;
    columns.retain(|column| (table.name, column.as_str()) != NOT_COPIED);
    Ok(columns)
}

fn quoted<T: AsRef<str>>(columns: &[T]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.as_ref())).collect::<Vec<_>>().join(", ")
}

/// The next rows in the order of the key.
fn next_rows(
    connection: &dyn Connection,
    table: &Table,
    columns: &[String],
    after: Option<&[Option<Value>]>,
) -> Result<Vec<AnyRow>, CatalogError> {
    let key = quoted(table.key);
    let beyond = after
        .map_or(String::new(), |values| format!("WHERE ({key}) > ({})", vec!["?"; values.len()].join(", ")));
    let sql = format!("SELECT {} FROM {} {beyond} ORDER BY {key} LIMIT {BATCH}", quoted(columns), table.name);
    let values = after.unwrap_or_default();
    let values = crate::database::Values::list(&values)?;
    let mut rows = Vec::new();
    connection.each(&sql, &values, &mut |row| {
        rows.push(any_row(row, columns.len())?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(rows)
}

fn any_row(row: &Row<'_>, columns: usize) -> Result<AnyRow, CatalogError> {
    Ok((0..columns).map(|column| row.get(column)).collect::<Result<_, _>>()?)
}

/// The key of the last row that is there.
fn last_key(connection: &dyn Connection, table: &Table) -> Result<Option<AnyRow>, CatalogError> {
    let order: Vec<String> = table.key.iter().map(|column| format!("\"{column}\" DESC")).collect();
    let sql =
        format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", quoted(table.key), table.name, order.join(", "));
    let mut last = None;
    connection.each(&sql, &[], &mut |row| {
        last = Some(any_row(row, table.key.len())?);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(last)
}

fn key_of(table: &Table, columns: &[String], row: &[Option<Value>]) -> AnyRow {
    let place = |name: &&str| columns.iter().position(|column| column == name);
    table.key.iter().filter_map(place).filter_map(|place| row.get(place).cloned()).collect()
}

fn insert(
    connection: &dyn Connection,
    table: &Table,
    columns: &[String],
    rows: &[AnyRow],
) -> Result<(), CatalogError> {
    let one = format!("({})", vec!["?"; columns.len()].join(", "));
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let places = vec![one.as_str(); rows.len()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES {places}", table.name, quoted(columns));
        let values: Vec<&Option<Value>> = rows.iter().flatten().collect();
        change(connection, &sql, &values[..])?;
    }
    Ok(())
}

fn require_same_accounts(from: &dyn Connection, to: &dyn Connection) -> Result<(), CopyRowsError> {
    for account in all(to, "SELECT id FROM accounts", (), |row| Ok(row.get::<_, String>(0)?))? {
        if !any(from, "SELECT 1 FROM accounts WHERE id = ?1", [&account])? {
            return Err(CopyRowsError::Occupied(account));
        }
    }
    Ok(())
}

fn require_all(from: &dyn Connection, to: &dyn Connection, table: &Table) -> Result<(), CopyRowsError> {
    let sql = format!("SELECT count(*) FROM {}", table.name);
    let count = |connection: &dyn Connection| first(connection, &sql, (), |row| Ok(row.get::<_, i64>(0)?));
    let (expected, copied) = (count(from)?.unwrap_or(0), count(to)?.unwrap_or(0));
    if copied == expected {
        return Ok(());
    }
    Err(CopyRowsError::Incomplete { table: table.name, copied, expected })
}

/// Rows that come later have the numbers after those that were copied.
fn go_on_numbering(postgres: &dyn Connection, table: &str, column: &str) -> Result<(), CatalogError> {
    let sql = format!(
        "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max(\"{column}\")) FROM {table}
         HAVING max(\"{column}\") IS NOT NULL"
    );
    first(postgres, &sql, (), |row| Ok(row.get::<_, i64>(0)?)).map(drop)
}

/// Lets every image with metadata wait for its index.
pub(crate) fn fill_backlog(connection: &dyn Connection) -> Result<(), CatalogError> {
    let sql = "INSERT INTO metadata_backlog
               SELECT account, id FROM images WHERE metadata <> '{}' AND number IS NULL
               ON CONFLICT (owner, image) DO NOTHING";
    change(connection, sql, ())?;
    Ok(())
}

/// Makes what the indices lack.
pub(crate) fn index(connection: &dyn Connection) -> Result<(), CopyRowsError> {
    metadata::index_backlog(connection)?;
    Ok(search_index::index_backlog(connection)?)
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
