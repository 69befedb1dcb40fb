//! From rows to values.

use super::CatalogError;
use rusqlite::{Connection, OptionalExtension, Params, Row};

/// Makes a value of a row.
pub(super) type Parse<T> = fn(&Row<'_>) -> Result<T, CatalogError>;

/// Every row of a query.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    parse: Parse<T>,
) -> Result<Vec<T>, CatalogError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        values.push(parse(row)?);
    }
    Ok(values)
}

/// The first row of a query.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    parse: Parse<T>,
) -> Result<Option<T>, CatalogError> {
    let mut statement = connection.prepare_cached(sql)?;
    let parsed = statement.query_row(params, |row| Ok(parse(row))).optional()?;
    parsed.transpose()
}

/// Whether a query has a row.
pub(super) fn any(connection: &Connection, sql: &str, params: impl Params) -> Result<bool, CatalogError> {
    Ok(connection.prepare_cached(sql)?.exists(params)?)
}

/// Runs a change; the number of rows that it reached.
pub(super) fn change(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params)
}

/// The error for a stored value that does not parse.
pub(super) fn damaged(table: &'static str, why: impl std::fmt::Display) -> CatalogError {
    CatalogError::Damaged { table, why: why.to_string() }
}
