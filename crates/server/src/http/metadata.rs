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
    value: Value,
}

/// A step into a value: `[key]` or `.key` into an object, `[]` to the end of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Append,
}

impl FormMetadata {
    /// Takes a field if it is one of metadata: `metadata` with JSON text (empty for none),
    /// `metadata[key]` as the TypeScript SDK writes it, or `metadata.key` as the Python SDK does.
    /// The latter two nest, make arrays with `[]`, and hold texts. Whether it was one.
    pub(super) fn take(&mut self, name: &str, text: &str) -> Result<bool, ApiError> {
        let Some(rest) = name.strip_prefix("metadata") else { return Ok(false) };
        if !rest.is_empty() && !rest.starts_with(['.', '[']) {
            return Ok(false);
        }
        if rest.is_empty() {
            if !text.trim().is_empty() {
                self.value = serde_json::from_str(text).map_err(|error| {
                    ApiError::bad_request(format!("metadata must be a JSON object: {error}"))
                })?;
            }
            return Ok(true);
        }
        let unreadable = || {
            ApiError::bad_request(
                "a metadata field must be named metadata, metadata[key] or metadata.key, with [] for arrays",
            )
        };
        let steps = steps(rest).ok_or_else(unreadable)?;
        if steps.len() > MAX_DEPTH {
            return Err(ApiError::bad_request(format!("metadata may nest at most {MAX_DEPTH} deep")));
        }
        if !fits(&self.value, &steps) {
            return Err(ApiError::bad_request("two metadata fields contradict each other"));
        }
        insert(&mut self.value, &steps, text);
        Ok(true)
    }

    /// What was collected.
    pub(super) fn finish(self) -> Result<Metadata, ApiError> {
        from_value(self.value)
    }
}

/// The steps in `[a][b][]` or `.a.b[]`; `None` for any other form.
fn steps(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (key, after) = if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']')?;
            if key.is_empty() {
                steps.push(Step::Append);
                rest = after;
                continue;
            }
            (key, after)
        } else {
            let inner = rest.strip_prefix('.')?;
            inner.split_at(inner.find(['.', '[']).unwrap_or(inner.len()))
        };
        if key.is_empty() {
            return None;
        }
        steps.push(Step::Key(key.to_owned()));
        rest = after;
    }
    Some(steps)
}

/// Whether a text can be put there without replacing anything.
fn fits(place: &Value, steps: &[Step]) -> bool {
    match (place, steps) {
        (Value::Null, _) => true,
        (Value::Object(object), [Step::Key(key), rest @ ..]) => {
            object.get(key).is_none_or(|place| fits(place, rest))
        }
        (Value::Array(_), [Step::Append, ..]) => true,
        _ => false,
    }
}

/// Puts a text where it fits. In an array of objects, fields belong to the last object until one
/// of them comes again.
fn insert(place: &mut Value, steps: &[Step], text: &str) {
    match steps {
        [] => *place = Value::String(text.to_owned()),
        [Step::Key(key), rest @ ..] => {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            if let Value::Object(object) = place {
                insert(object.entry(key).or_insert(Value::Null), rest, text);
            }
        }
        [Step::Append, rest @ ..] => {
            if place.is_null() {
                *place = Value::Array(Vec::new());
            }
            if let Value::Array(array) = place {
                match array.last_mut() {
                    Some(last) if !rest.is_empty() && fits(last, rest) => insert(last, rest, text),
                    _ => {
                        let mut element = Value::Null;
                        insert(&mut element, rest, text);
                        array.push(element);
                    }
                }
            }
        }
    }
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
        let nested = Ok(r#"{"a":{"b":"1","c":"2"}}"#.to_owned());
        assert_eq!(collected(&[("metadata[a][b]", "1"), ("metadata[a][c]", "2")]), nested);
        assert_eq!(collected(&[("metadata.a.b", "1"), ("metadata.a.c", "2")]), nested);
        assert_eq!(collected(&[]), Ok("{}".to_owned()));
        assert_eq!(collected(&[("metadata", "null")]), Ok("{}".to_owned()));
    }

    #[test]
    fn arrays_as_the_official_sdks_send_them() {
        let numbers = Ok(r#"{"l":["1","2"]}"#.to_owned());
        assert_eq!(collected(&[("metadata[l][]", "1"), ("metadata[l][]", "2")]), numbers);
        assert_eq!(collected(&[("metadata.l[]", "1"), ("metadata.l[]", "2")]), numbers);
        let objects = Ok(r#"{"l":[{"a":"1","b":{"c":"2"}},{"a":"3"}]}"#.to_owned());
        let fields = [("metadata[l][][a]", "1"), ("metadata[l][][b][c]", "2"), ("metadata[l][][a]", "3")];
        assert_eq!(collected(&fields), objects);
        let fields = [("metadata.l[].a", "1"), ("metadata.l[].b.c", "2"), ("metadata.l[].a", "3")];
        assert_eq!(collected(&fields), objects);
        let mixed = Ok(r#"{"l":["1",{"z":"2"}]}"#.to_owned());
        assert_eq!(collected(&[("metadata.l[]", "1"), ("metadata.l[].z", "2")]), mixed);
    }

    #[test]
    fn other_values_are_refused() {
        assert_eq!(collected(&[("metadata", "[1]")]), Err(()));
        assert_eq!(collected(&[("metadata", "{")]), Err(()));
        assert_eq!(collected(&[("metadata", "\"x\"")]), Err(()));
        assert_eq!(collected(&[("metadata.a", "1"), ("metadata.a.b", "2")]), Err(()));
        assert_eq!(collected(&[("metadata.a", "1"), ("metadata.a", "2")]), Err(()));
        assert_eq!(collected(&[("metadata.a", "1"), ("metadata.a[]", "2")]), Err(()));
        assert_eq!(collected(&[("metadata[]", "1")]), Err(()), "an array is no object");
        assert_eq!(collected(&[(&format!("metadata{}", ".a".repeat(11)), "1")]), Err(()));
        assert_eq!(collected(&[("metadata.k", &"x".repeat(1025))]), Err(()));
        for unreadable in
            ["metadata[", "metadata[a", "metadata.", "metadata..a", "metadata[a]b", "metadata.[a]"]
        {
            assert_eq!(collected(&[(unreadable, "x")]), Err(()), "{unreadable}");
        }
    }

    #[test]
    fn other_fields_are_left_alone() {
        for name in ["metadat", "metadatas", "id"] {
            assert_eq!(FormMetadata::default().take(name, "x").ok(), Some(false), "{name}");
        }
    }
}
