//! `GET /openapi.json`: the description of every route, out of the fragments in `openapi/`.

use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::header;
use serde_json::{Map, Value, json};

/// The first one has the head of the document; each of the others adds paths and components.
const FRAGMENTS: [&str; 20] = [
    include_str!("../../openapi/document.json"),
    include_str!("../../openapi/answers.json"),
    include_str!("../../openapi/schemas.json"),
    include_str!("../../openapi/results.json"),
    include_str!("../../openapi/images.json"),
    include_str!("../../openapi/search.json"),
    include_str!("../../openapi/owner.json"),
    include_str!("../../openapi/history.json"),
    include_str!("../../openapi/usage.json"),
    include_str!("../../openapi/direct.json"),
    include_str!("../../openapi/batches.json"),
    include_str!("../../openapi/keys.json"),
    include_str!("../../openapi/variants.json"),
    include_str!("../../openapi/own.json"),
    include_str!("../../openapi/webhook.json"),
    include_str!("../../openapi/session.json"),
    include_str!("../../openapi/delivery.json"),
    include_str!("../../openapi/remote.json"),
    include_str!("../../openapi/imports.json"),
    include_str!("../../openapi/sourcing.json"),
];

/// The route, with the document put together once.
pub(super) fn route<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    let document = Bytes::from(document().to_string());
    get(move || async move {
        // A newer version of the program has another document.
        ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], document)
    })
}

/// The whole document: OpenAPI 3.1, with the version of this program.
///
/// # Panics
/// Never: the fragments are part of the program, and a test puts them together.
pub fn document() -> Value {
    let mut whole = Value::Null;
    for fragment in FRAGMENTS {
        #[allow(clippy::expect_used)] // A fragment that is no JSON fails every test of the API.
        merge(&mut whole, serde_json::from_str(fragment).expect("a fragment is JSON"));
    }
    add_to_operations(&mut whole);
    whole["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    whole
}

/// The answer that is given before a request has a route. HTTP has no other that is described here:
/// what is no HTTP gets 400 or nothing.
fn add_to_operations(document: &mut Value) {
    let items = document["paths"].as_object_mut().into_iter().flatten().map(|(_, item)| item);
    for (name, operation) in items.filter_map(Value::as_object_mut).flatten() {
        if name != "parameters" {
            operation["responses"]["431"] = json!({"$ref": "#/components/responses/LongHead"});
        }
    }
}

/// Adds what is new; where both are objects, member by member.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Object(Map::new())), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names(fragment: &Value) -> Vec<String> {
        let mut names = Vec::new();
        let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
        names.extend(members(&fragment["paths"]).keys().map(|path| format!("path {path}")));
        for (kind, components) in members(&fragment["components"]) {
            names.extend(members(&components).keys().map(|name| format!("{kind} {name}")));
        }
        names
    }

    #[test]
    fn nothing_is_described_twice() {
        let mut seen = BTreeSet::new();
        for fragment in FRAGMENTS {
            for name in names(&serde_json::from_str(fragment).expect("JSON")) {
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
    }

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    found.insert(reference.clone());
                }
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_component_is_used() {
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in &found {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let components = document["components"].as_object().expect("components");
        for (kind, members) in components.iter().filter(|(kind, _)| *kind != "securitySchemes") {
            for name in members.as_object().expect("an object").keys() {
                assert!(found.contains(&format!("#/components/{kind}/{name}")), "{kind} {name} is not used");
            }
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let document = document();
        let mut seen = BTreeSet::new();
        for item in document["paths"].as_object().expect("paths").values() {
            for (method, operation) in item.as_object().expect("an item") {
                if method != "parameters" {
                    let id = operation["operationId"].as_str().expect("an operation's id");
                    assert!(seen.insert(id.to_owned()), "{id}");
                }
            }
        }
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
