//! An OpenAPI document as something that answers are looked up in and validated by.

use crate::judge::{body, media_type};
use crate::test_app::Answer;
use http::Method;
use jsonschema::{Draft, Validator};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What stands for itself in the fragment of a reference.
const FRAGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'~').remove(b'-').remove(b'_').remove(b'.');

pub(crate) struct Document {
    root: Value,
    /// By the pointer to their schema; each is made when it is first asked for.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// What a document has for a request.
pub(crate) enum Found {
    /// The pointer to its operation.
    Operation(String),
    /// The path is described, but not with this method.
    NoMethod,
    /// No path is like this one.
    NoPath,
}

impl Document {
    pub(crate) fn new(root: Value) -> Document {
        Document { root, validators: Mutex::default() }
    }

    /// Every path of the document with its methods.
    pub(crate) fn operations(&self) -> Vec<(String, Vec<String>)> {
        let paths = self.root["paths"].as_object().expect("paths");
        let methods = |item: &Value| {
            let members = item.as_object().expect("a path").keys();
            members.filter(|name| *name != "parameters").map(|name| name.to_uppercase()).collect()
        };
        paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
    }

    pub(crate) fn find(&self, method: &Method, path: &str) -> Found {
        let asked: Vec<&str> = path.split('/').skip(1).collect();
        let paths = self.root["paths"].as_object().expect("paths");
        // What starts as a route of ours does is no account's hash.
        let first = |path: &str| path.split('/').nth(1).unwrap_or_default().to_owned();
        let ours = paths.keys().any(|template| first(template) == first(path));
        let may = |template: &&String| !ours || first(template) == first(path);
        let like =
            paths.keys().filter(may).filter_map(|template| Some((likeness(template, &asked)?, template)));
        let Some((_, template)) = like.max() else { return Found::NoPath };
        let method = method.as_str().to_lowercase();
        match paths[template].get(&method) {
            Some(_) => Found::Operation(format!("/paths/{}/{method}", escaped(template))),
            None => Found::NoMethod,
        }
    }

    /// The pointer to an operation's response of a status.
    pub(crate) fn response(&self, operation: &str, status: u16) -> Option<String> {
        let keys = [status.to_string(), format!("{}XX", status / 100)];
        keys.iter()
            .map(|key| format!("{operation}/responses/{key}"))
            .find(|pointer| self.root.pointer(pointer).is_some())
            .map(|pointer| self.followed(pointer))
    }

    /// Name, pointer to the schema, and whether it must be there.
    pub(crate) fn headers(&self, response: &str) -> Vec<(String, String, bool)> {
        let headers = self.root.pointer(&format!("{response}/headers")).and_then(Value::as_object);
        let header = |name: &String| {
            let pointer = self.followed(format!("{response}/headers/{}", escaped(name)));
            let required = self.root.pointer(&format!("{pointer}/required")) == Some(&json!(true));
            (name.clone(), format!("{pointer}/schema"), required)
        };
        headers.into_iter().flatten().map(|(name, _)| header(name)).collect()
    }

    /// What is wrong with the type and the body of an answer.
    pub(crate) fn body_faults(&self, response: &str, method: &Method, answer: &Answer) -> Vec<String> {
        let described = self.root.pointer(&format!("{response}/content")).and_then(Value::as_object);
        let Some(described) = described else {
            let empty = answer.body.is_empty();
            return if empty { Vec::new() } else { vec!["a body, where none is described".to_owned()] };
        };
        let Some(given) = media_type(&answer.headers) else { return vec!["no content type".to_owned()] };
        let range = format!("{}/*", given.split('/').next().unwrap_or(given));
        let Some(content) = described.keys().find(|kind| **kind == given || **kind == range) else {
            return vec![format!("the content type {given} is not described")];
        };
        let schema = format!("{response}/content/{}/schema", escaped(content));
        if *method == Method::HEAD || self.root.pointer(&schema).is_none() {
            return Vec::new();
        }
        self.faults(&schema, &body(answer))
    }

    /// What a schema of the document finds wrong with a value.
    pub(crate) fn faults(&self, schema: &str, value: &Value) -> Vec<String> {
        let validator = self.validator(schema);
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    fn validator(&self, schema: &str) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("no test has died here");
        let made = validators.entry(schema.to_owned()).or_insert_with(|| {
            let mut root = self.root.clone();
            root["$ref"] = json!(format!("#{}", utf8_percent_encode(schema, FRAGMENT)));
            let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
            Arc::new(options.build(&root).unwrap_or_else(|error| panic!("{schema}: {error}")))
        });
        Arc::clone(made)
    }

    fn followed(&self, pointer: String) -> String {
        match self.root.pointer(&format!("{pointer}/$ref")).and_then(Value::as_str) {
            Some(reference) => reference.trim_start_matches('#').to_owned(),
            None => pointer,
        }
    }
}

/// How much like a template a path is; `None` when it is none of its kind. A literal segment counts
/// more than any that come after it, and only an image's id, a source and a file may have slashes.
fn likeness(template: &str, asked: &[&str]) -> Option<Vec<bool>> {
    let parts: Vec<&str> = template.split('/').skip(1).collect();
    let is_literal = |part: &str| !part.starts_with('{');
    let wide = parts.iter().position(|part| ["{image_id}", "{source}", "{file}"].contains(part));
    let spare = asked.len().checked_sub(parts.len())?;
    if spare > 0 && wide.is_none() {
        return None;
    }
    let mut asked = asked.iter();
    for (place, part) in parts.iter().enumerate() {
        let given = asked.next()?;
        let missing = given.is_empty() && wide != Some(place);
        if is_literal(part) && part != given || !is_literal(part) && missing {
            return None;
        }
        if wide == Some(place) {
            asked = asked.as_slice()[spare..].iter();
        }
    }
    Some(parts.iter().map(|part| is_literal(part)).collect())
}

/// A name as a step of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[test]
fn the_most_literal_path_is_the_one_meant() {
    let document = Document::new(safelight::http::document());
    let images = "/client/v4/accounts/a/images";
    let found = |path: &str| match document.find(&Method::GET, path) {
        Found::Operation(pointer) => document.root.pointer(&pointer).expect("it is there")["operationId"]
            .as_str()
            .expect("an id")
            .to_owned(),
        Found::NoMethod => "no method".to_owned(),
        Found::NoPath => "no path".to_owned(),
    };
    for (path, operation) in [
        (format!("{images}/v1"), "listImagesV1"),
        (format!("{images}/v1/a"), "getImage"),
        (format!("{images}/v1/a/b/c"), "getImage"),
        (format!("{images}/v1/a/b/blob"), "getOriginal"),
        (format!("{images}/v1/keys"), "listKeys"),
        (format!("{images}/v1/keys/a"), "no method"),
        (format!("{images}/v1/variants/a/flat"), "getFlatVariant"),
        (format!("{images}/v3"), "no path"),
        ("/hash/a/b/c/public".to_owned(), "deliver"),
        ("/cdn-cgi/imagedelivery/hash/a/public".to_owned(), "deliverBelowPrefix"),
        ("/safelight/v1/accounts".to_owned(), "listAccounts"),
        ("/hash/public".to_owned(), "no path"),
    ] {
        assert_eq!(found(&path), operation, "{path}");
    }
}
