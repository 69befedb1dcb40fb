//! What the catalog asks of a database, whichever it is.

use crate::CatalogError;
use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use thiserror::Error;

/// A connection. A query is SQL that both databases understand, or chosen by [`Connection::dialect`]. Its
/// parameters are `?1`, `?2`… or `?`, never both.
pub(crate) trait Connection {
    /// Which SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// Runs a query and shows each of its rows, until one breaks.
    fn each(
        &self,
        sql: &str,
        values: &[ValueRef<'_>],
        row: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, CatalogError>,
    ) -> Result<(), CatalogError>;

    /// Runs a change; the number of rows that it reached.
    fn change(&self, sql: &str, values: &[ValueRef<'_>]) -> Result<usize, DatabaseError>;

    /// Runs statements without parameters.
    fn batch(&self, sql: &str) -> Result<(), DatabaseError>;

    /// Begins a transaction, which ends with [`Connection::commit`] or [`Connection::leave`].
    fn begin(&self, purpose: Purpose) -> Result<(), DatabaseError>;

    /// Ends it; its changes are durable when this returns.
    fn commit(&self) -> Result<(), DatabaseError>;

    /// Leaves the transaction that is open, if one is, and undoes its changes.
    fn leave(&self) -> Result<(), DatabaseError>;
}

/// Where the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Of SQLite.
    Sqlite,
    /// Of PostgreSQL.
    Postgres,
}

impl Dialect {
    /// The text for this one.
    pub(crate) fn pick(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        }
    }
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// All its queries see the same moment.
    Read,
    /// It overlaps with no other one for writing.
    Write,
}

/// Why a database did not do what it was asked.
#[derive(Clone, Debug, Error)]
pub enum DatabaseError {
    /// A value that must be the only one of its kind is there already.
    #[error("the value is taken")]
    Taken(#[source] Arc<dyn Error + Send + Sync>),
    /// A value is too long for an index.
    #[error("a value is too long for the database")]
    TooLong(#[source] Arc<dyn Error + Send + Sync>),
    /// It cannot be asked now: it is gone, busy or in the hands of its operator. Whether a change that was
    /// being made stands is not known.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Arc<dyn Error + Send + Sync>),
    /// Anything else.
    #[error("the database failed")]
    Failed(#[source] Arc<dyn Error + Send + Sync>),
}

impl DatabaseError {
    /// It cannot be asked.
    pub(crate) fn unreachable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> DatabaseError {
        DatabaseError::Unreachable(Arc::from(cause.into()))
    }

    /// A failure of another kind.
    pub(crate) fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> DatabaseError {
        DatabaseError::Failed(Arc::from(cause.into()))
    }
}

/// A value on its way to or from a database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ValueRef<'a> {
    /// None.
    Null,
    /// Also of truth values, as 0 and 1.
    Integer(i64),
    /// Never NaN.
    Real(f64),
    /// Texts compare byte by byte.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// The same, owned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// See [`ValueRef::Integer`].
    Integer(i64),
    /// See [`ValueRef::Real`].
    Real(f64),
    /// See [`ValueRef::Text`].
    Text(String),
    /// See [`ValueRef::Bytes`].
    Bytes(Vec<u8>),
}

/// What a query can be given.
pub(crate) trait ToValue {
    /// Fails where a number is larger than any that a database has.
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError>;
}

/// The parameters of a query.
pub(crate) trait Values {
    /// In their order.
    fn list(&self) -> Result<Vec<ValueRef<'_>>, DatabaseError>;
}

/// What a column can be read as.
pub(crate) trait FromValue: Sized {
    /// `None` where the value is none of this type.
    fn from_value(value: ValueRef<'_>) -> Option<Self>;
}

/// A row of an answer.
pub(crate) struct Row<'a>(pub(crate) &'a dyn Columns);

/// What each database has its rows as.
pub(crate) trait Columns {
    /// Where the column of a name is.
    fn position(&self, name: &str) -> Option<usize>;
    /// What is there.
    fn value(&self, position: usize) -> Result<ValueRef<'_>, DatabaseError>;
}

/// What a column is found by.
pub(crate) trait Column: Copy + std::fmt::Display {
    /// Where it is.
    fn position(self, columns: &dyn Columns) -> Option<usize>;
}

impl Row<'_> {
    /// The value of a column.
    pub(crate) fn get<C: Column, T: FromValue>(&self, column: C) -> Result<T, DatabaseError> {
        let position = column.position(self.0);
        let position =
            position.ok_or_else(|| DatabaseError::failed(format!("there is no column {column}")))?;
        T::from_value(self.0.value(position)?)
            .ok_or_else(|| DatabaseError::failed(format!("column {column} has a value of another type")))
    }
}

impl Column for usize {
    fn position(self, _columns: &dyn Columns) -> Option<usize> {
        Some(self)
    }
}

impl Column for &str {
    fn position(self, columns: &dyn Columns) -> Option<usize> {
        columns.position(self)
    }
}

impl ToValue for Value {
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
        Ok(match self {
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text),
            Value::Bytes(bytes) => ValueRef::Bytes(bytes),
        })
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
        (**self).value()
    }
}

impl<T: ToValue + ?Sized> ToValue for Arc<T> {
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
        (**self).value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
        self.as_ref().map_or(Ok(ValueRef::Null), ToValue::value)
    }
}

impl ToValue for str {
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
        Ok(ValueRef::Text(self))
    }
}

impl ToValue for String {
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
        Ok(ValueRef::Text(self))
    }
}

impl ToValue for [u8; 32] {
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
        Ok(ValueRef::Bytes(self))
    }
}

impl ToValue for f64 {
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
        Ok(ValueRef::Real(*self))
    }
}

impl ToValue for bool {
    fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
        Ok(ValueRef::Integer(i64::from(*self)))
    }
}

macro_rules! integers {
    ($($number:ty)*) => { $(
        impl ToValue for $number {
            fn value(&self) -> Result<ValueRef<'_>, DatabaseError> {
                i64::try_from(*self).map(ValueRef::Integer).map_err(DatabaseError::failed)
            }
        }

        impl FromValue for $number {
            fn from_value(value: ValueRef<'_>) -> Option<$number> {
                match value {
                    ValueRef::Integer(number) => <$number>::try_from(number).ok(),
                    _ => None,
                }
            }
        }
    )* };
}

integers!(u8 u32 u64 i64 usize);

impl FromValue for bool {
    fn from_value(value: ValueRef<'_>) -> Option<bool> {
        match value {
            ValueRef::Integer(number) => Some(number != 0),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: ValueRef<'_>) -> Option<String> {
        match value {
            ValueRef::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl FromValue for Arc<str> {
    fn from_value(value: ValueRef<'_>) -> Option<Arc<str>> {
        match value {
            ValueRef::Text(text) => Some(text.into()),
            _ => None,
        }
    }
}

impl FromValue for Value {
    fn from_value(value: ValueRef<'_>) -> Option<Value> {
        match value {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(Value::Integer(number)),
            ValueRef::Real(number) => Some(Value::Real(number)),
            ValueRef::Text(text) => Some(Value::Text(text.to_owned())),
            ValueRef::Bytes(bytes) => Some(Value::Bytes(bytes.to_owned())),
        }
    }
}

impl FromValue for [u8; 32] {
    fn from_value(value: ValueRef<'_>) -> Option<[u8; 32]> {
        match value {
            ValueRef::Bytes(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: ValueRef<'_>) -> Option<Option<T>> {
        match value {
            ValueRef::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl<T: ToValue> Values for &[T] {
    fn list(&self) -> Result<Vec<ValueRef<'_>>, DatabaseError> {
        self.iter().map(ToValue::value).collect()
    }
}

impl<T: ToValue, const N: usize> Values for [T; N] {
    fn list(&self) -> Result<Vec<ValueRef<'_>>, DatabaseError> {
        self.iter().map(ToValue::value).collect()
    }
}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<$($name: ToValue),*> Values for ($($name,)*) {
            #[allow(non_snake_case)]
            fn list(&self) -> Result<Vec<ValueRef<'_>>, DatabaseError> {
                let ($($name,)*) = self;
                Ok(vec![$($name.value()?),*])
            }
        }
    };
}

tuples!();
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L M N O);
