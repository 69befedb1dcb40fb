//! Queries that are put together.

use super::database::Value;

/// A text and the values of its parameters.
#[derive(Default)]
pub(super) struct Sql {
    /// With a `?` for each value.
    pub text: String,
    /// In the order of the text.
    pub values: Vec<Value>,
}

impl Sql {
    /// Adds text.
    pub(super) fn add(&mut self, text: &str) -> &mut Sql {
        self.text.push_str(text);
        self
    }

    /// Adds a parameter.
    pub(super) fn bind(&mut self, value: Value) -> &mut Sql {
        self.text.push('?');
        self.values.push(value);
        self
    }

    /// Adds a number of rows.
    pub(super) fn bind_count(&mut self, count: usize) -> &mut Sql {
        self.bind(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// Adds parameters with commas between them.
    pub(super) fn list(&mut self, values: Vec<Value>) -> &mut Sql {
        for (index, value) in values.into_iter().enumerate() {
            self.add(if index == 0 { "" } else { ", " }).bind(value);
        }
        self
    }

    /// Adds another query's text and parameters.
    pub(super) fn append(&mut self, other: Sql) -> &mut Sql {
        self.values.extend(other.values);
        self.add(&other.text)
    }
}
