//! The user's metadata in every encoding that clients send.

use crate::http::error::ApiError;
use safelight_domain::image::Metadata;
use serde_json::{Map, Value};

/// Deepest nesting of metadata that is built from form field names.
const MAX_DEPTH: usize = 10;

/// Metadata out of JSON: an object, or null for an empty one.
pub(super) fn from_value(value: Value) -> Result<Metadata, ApiError> {
    let object = match value {
        Value::Object(object) => object,
        Value::Null => Map::new(),
        _ => return Err(ApiError::bad_request("metadata must be a JSON object")),
    };
    Metadata::from_json_object(Value::Object(object).to_string())
        .map_err(|error| ApiError::bad_request(error.to_string()))
}

/// Collects the `metadata` fields of a form.
#[derive(Default)]
pub(super) struct FormMetadata {
    value: Option<Value>,
}

impl FormMetadata {
    /// Takes a field if it is one of metadata: `metadata` with JSON text (empty for none),
    /// `metadata[key]` as the TypeScript SDK writes it, or `metadata.key` as the Python SDK does;
    /// the latter two nest and hold texts. Whether it was one.
    pub(super) fn take(&mut self, name: &str, text: &str) -> Result<bool, ApiError> {
        let Some(rest) = name.strip_prefix("metadata") else { return Ok(false) };
        if rest.is_empty() {
            if !text.trim().is_empty() {
                let value = serde_json::from_str(text).map_err(|error| {
                    ApiError::bad_request(format!("metadata must be a JSON object: {error}"))
                })?;
                self.value = Some(value);
            }
            return Ok(true);
        }
        let Some(path) = field_path(rest) else { return Ok(false) };
        if path.len() > MAX_DEPTH {
            return Err(ApiError::bad_request(format!("metadata may nest at most {MAX_DEPTH} deep")));
        }
        let mut place = self.value.get_or_insert_with(|| Value::Object(Map::new()));
        for key in path {
            let Value::Object(object) = place else {
                return Err(ApiError::bad_request(format!(
                    "the field {name} contradicts another metadata field"
                )));
            };
            place = object.entry(key).or_insert_with(|| Value::Object(Map::new()));
        }
        *place = Value::String(text.to_owned());
        Ok(true)
    }

    /// What was collected.
    pub(super) fn finish(self) -> Result<Metadata, ApiError> {
        from_value(self.value.unwrap_or(Value::Null))
    }
}

/// The keys in `[a][b]` or `.a.b`; `None` for any other form.
fn field_path(rest: &str) -> Option<Vec<String>> {
    let keys: Vec<&str> = if let Some(dotted) = rest.strip_prefix('.') {
        dotted.split('.').collect()
    } else {
        rest.strip_prefix('[')?.strip_suffix(']')?.split("][").collect()
    };
    keys.iter().all(|key| !key.is_empty()).then(|| keys.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(fields: &[(&str, &str)]) -> Result<String, ()> {
        let mut form = FormMetadata::default();
        for (name, text) in fields {
            assert!(form.take(name, text).map_err(|_| ())?, "{name}");
        }
        form.finish().map(|metadata| metadata.as_json().to_owned()).map_err(|_| ())
    }

    #[test]
    fn every_encoding_gives_the_same_object() {
        let expected = Ok(r#"{"k":"v"}"#.to_owned());
        assert_eq!(collected(&[("metadata", r#"{ "k": "v" }"#)]), expected);
        assert_eq!(collected(&[("metadata[k]", "v")]), expected);
        assert_eq!(collected(&[("metadata.k", "v")]), expected);
        assert_eq!(collected(&[("metadata", ""), ("metadata.k", "v")]), expected);
        assert_eq!(
            collected(&[("metadata[a][b]", "1"), ("metadata[a][c]", "2")]),
            Ok(r#"{"a":{"b":"1","c":"2"}}"#.to_owned())
        );
        assert_eq!(collected(&[]), Ok("{}".to_owned()));
        assert_eq!(collected(&[("metadata", "null")]), Ok("{}".to_owned()));
    }

    #[test]
    fn other_values_are_refused() {
        assert_eq!(collected(&[("metadata", "[1]")]), Err(()));
        assert_eq!(collected(&[("metadata", "{")]), Err(()));
        assert_eq!(collected(&[("metadata", "\"x\"")]), Err(()));
        assert_eq!(collected(&[("metadata.a", "1"), ("metadata.a.b", "2")]), Err(()));
        assert_eq!(collected(&[(&format!("metadata{}", ".a".repeat(11)), "1")]), Err(()));
        assert_eq!(collected(&[("metadata.k", &"x".repeat(1025))]), Err(()));
    }

    #[test]
    fn other_fields_are_left_alone() {
        for name in ["metadat", "metadatas", "metadata[", "metadata[]", "metadata..a", "id"] {
            assert_eq!(FormMetadata::default().take(name, "x").ok(), Some(false), "{name}");
        }
    }
}
