//! The catalog's database in a file, by SQLite.

use crate::CatalogError;
use crate::database::{Columns, Connection, DatabaseError, Dialect, Purpose, Row, ValueRef};
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef as Stored};
use rusqlite::{CachedStatement, OpenFlags, ToSql, ffi};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection waits for another program (a backup) to let go of the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to the file.
pub(crate) struct Sqlite(rusqlite::Connection);

impl Sqlite {
    /// Opens or creates a file to write to. Blocks, as everything here does.
    pub(crate) fn writer(path: &Path) -> Result<Sqlite, DatabaseError> {
        Ok(Sqlite(configured(rusqlite::Connection::open(path)?)?))
    }

    /// Opens a file to read from alone.
    pub(crate) fn reader(path: &Path) -> Result<Sqlite, DatabaseError> {
        // A reader of a log in shared memory needs leave to write that memory, so the file is opened
        // for writing and the connection told not to.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = configured(rusqlite::Connection::open_with_flags(path, flags)?)?;
        connection.execute_batch("PRAGMA query_only = ON")?;
        Ok(Sqlite(connection))
    }

    /// A database of its own, for tests.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Result<Sqlite, DatabaseError> {
        Ok(Sqlite(configured(rusqlite::Connection::open_in_memory()?)?))
    }

    fn bound(&self, sql: &str, values: &[ValueRef<'_>]) -> Result<CachedStatement<'_>, DatabaseError> {
        let mut statement = self.0.prepare_cached(sql)?;
        for (index, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value)?;
        }
        Ok(statement)
    }
}

fn configured(connection: rusqlite::Connection) -> Result<rusqlite::Connection, rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // FULL syncs the log at every commit; NORMAL would lose the last ones in a power cut.
    // Deleted secrets are overwritten where that costs no further write.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF;
         PRAGMA secure_delete = FAST;",
    )?;
    Ok(connection)
}

impl Connection for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn each(
        &self,
        sql: &str,
        values: &[ValueRef<'_>],
        row: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, CatalogError>,
    ) -> Result<(), CatalogError> {
        let mut statement = self.bound(sql, values)?;
        let mut rows = statement.raw_query();
        while let Some(found) = rows.next().map_err(DatabaseError::from)? {
            if row(&Row(found))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn change(&self, sql: &str, values: &[ValueRef<'_>]) -> Result<usize, DatabaseError> {
        Ok(self.bound(sql, values)?.raw_execute()?)
    }

    fn batch(&self, sql: &str) -> Result<(), DatabaseError> {
        Ok(self.0.execute_batch(sql)?)
    }

    fn begin(&self, purpose: Purpose) -> Result<(), DatabaseError> {
        self.batch(match purpose {
            Purpose::Read => "BEGIN",
            Purpose::Write => "BEGIN IMMEDIATE",
        })
    }

    fn commit(&self) -> Result<(), DatabaseError> {
        self.batch("COMMIT")
    }

    fn leave(&self) -> Result<(), DatabaseError> {
        if self.0.is_autocommit() { Ok(()) } else { self.batch("ROLLBACK") }
    }
}

impl Columns for rusqlite::Row<'_> {
    fn position(&self, name: &str) -> Option<usize> {
        self.as_ref().column_index(name).ok()
    }

    fn value(&self, position: usize) -> Result<ValueRef<'_>, DatabaseError> {
        Ok(match self.get_ref(position)? {
            Stored::Null => ValueRef::Null,
            Stored::Integer(number) => ValueRef::Integer(number),
            Stored::Real(number) => ValueRef::Real(number),
            Stored::Text(text) => ValueRef::Text(std::str::from_utf8(text).map_err(DatabaseError::failed)?),
            Stored::Blob(bytes) => ValueRef::Bytes(bytes),
        })
    }
}

impl ToSql for ValueRef<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            ValueRef::Null => ToSqlOutput::Owned(Owned::Null),
            ValueRef::Integer(number) => ToSqlOutput::Owned(Owned::Integer(number)),
            ValueRef::Real(number) => ToSqlOutput::Owned(Owned::Real(number)),
            ValueRef::Text(text) => ToSqlOutput::Borrowed(Stored::Text(text.as_bytes())),
            ValueRef::Bytes(bytes) => ToSqlOutput::Borrowed(Stored::Blob(bytes)),
        })
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> DatabaseError {
        match &error {
            rusqlite::Error::SqliteFailure(code, _)
                if [ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ffi::SQLITE_CONSTRAINT_UNIQUE]
                    .contains(&code.extended_code) =>
            {
                DatabaseError::Taken(Arc::new(error))
            }
            _ => DatabaseError::failed(error),
        }
    }
}

/// How SQLite goes about a query, in steps.
#[cfg(test)]
pub(crate) fn plan(
    connection: &dyn Connection,
    sql: &str,
    values: &[crate::database::Value],
) -> Result<String, CatalogError> {
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let steps = crate::rows::all(connection, &explain, values, |row| Ok(row.get::<_, String>("detail")?))?;
    Ok(steps.join("; "))
}
