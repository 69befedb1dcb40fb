//! From rows to values.

use crate::CatalogError;
use crate::database::{Connection, DatabaseError, Purpose, Row, Values};
use std::ops::ControlFlow;

/// Makes a value of a row.
pub(crate) type Parse<T> = fn(&Row<'_>) -> Result<T, CatalogError>;

/// Every row of a query.
pub(crate) fn all<T>(
    connection: &dyn Connection,
    sql: &str,
    values: impl Values,
    parse: Parse<T>,
) -> Result<Vec<T>, CatalogError> {
    let mut found = Vec::new();
    connection.each(sql, &values.list()?, &mut |row| {
        found.push(parse(row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The first row of a query.
pub(crate) fn first<T>(
    connection: &dyn Connection,
    sql: &str,
    values: impl Values,
    parse: Parse<T>,
) -> Result<Option<T>, CatalogError> {
    let mut found = None;
    connection.each(sql, &values.list()?, &mut |row| {
        found = Some(parse(row)?);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// Whether a query has a row.
pub(crate) fn any(connection: &dyn Connection, sql: &str, values: impl Values) -> Result<bool, CatalogError> {
    Ok(first(connection, sql, values, |_| Ok(()))?.is_some())
}

/// Runs a change; the number of rows that it reached.
pub(crate) fn change(
    connection: &dyn Connection,
    sql: &str,
    values: impl Values,
) -> Result<usize, DatabaseError> {
    connection.change(sql, &values.list()?)
}

/// Inserts a row whose number the text returns.
pub(crate) fn inserted(
    connection: &dyn Connection,
    sql: &str,
    values: impl Values,
) -> Result<i64, CatalogError> {
    let number = first(connection, sql, values, |row| Ok(row.get(0)?))?;
    number.ok_or_else(|| DatabaseError::failed("an insertion returned nothing").into())
}

/// Runs queries that all see the same moment.
pub(crate) fn at_one_moment<T>(
    connection: &dyn Connection,
    queries: impl FnOnce() -> Result<T, CatalogError>,
) -> Result<T, CatalogError> {
    connection.begin(Purpose::Read)?;
    let found = queries();
    connection.leave()?;
    found
}

/// The error for a stored value that does not parse.
pub(crate) fn damaged(table: &'static str, why: impl std::fmt::Display) -> CatalogError {
    CatalogError::Damaged { table, why: why.to_string() }
}
