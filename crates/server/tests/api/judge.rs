//! Judges answers by OpenAPI documents: our own, and Cloudflare's where it is at hand.

use crate::documents::{Document, Found};
use crate::test_app::Answer;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use std::path::Path;

/// Cloudflare's description of its API, which is no part of this project.
const REFERENCE: &str = "../../../shared/reference/cloudflare-images.openapi.fixed.json";

/// What our variants have beyond Cloudflare's, on purpose.
const MORE_FITS: [&str; 3] = ["aspect-crop", "squeeze", "scale-up"];

pub(crate) struct Judge {
    own: Document,
    reference: Option<Document>,
}

impl Judge {
    pub(crate) fn new() -> Judge {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(REFERENCE);
        let reference = std::fs::read(path).ok().map(|text| {
            let mut document = serde_json::from_slice(&text).expect("JSON");
            modernise(&mut document);
            let fits = document.pointer_mut("/components/schemas/images_image_variant_fit/enum");
            let fits = fits.and_then(Value::as_array_mut).expect("the fits");
            fits.extend(MORE_FITS.map(Value::from));
            Document::new(document)
        });
        Judge { own: Document::new(safelight::http::document()), reference }
    }

    /// What is wrong with an answer.
    pub(crate) fn faults(&self, method: &Method, path: &str, answer: &Answer) -> Vec<String> {
        let mut faults = self.own_faults(method, path, answer);
        if let Some(reference) = &self.reference {
            faults.extend(reference_faults(reference, method, path, answer));
        }
        faults
    }

    fn own_faults(&self, method: &Method, path: &str, answer: &Answer) -> Vec<String> {
        let status = answer.status.as_u16();
        match self.own.find(method, path) {
            Found::Operation(pointer) => match self.own.response(&pointer, status) {
                Some(response) => self.whole_faults(&response, method, answer),
                None => vec![format!("the status {status} is not described")],
            },
            // Delivery has the paths that nobody else has, and refuses in its own way.
            Found::NoMethod | Found::NoPath if status >= 400 => match media_type(&answer.headers) {
                Some("application/json") if *method != Method::HEAD => {
                    self.own.faults("/components/schemas/Failure", &body(answer))
                }
                _ => Vec::new(),
            },
            Found::NoMethod | Found::NoPath => {
                vec![format!("{method} is not described, and answers {status}")]
            }
        }
    }

    fn whole_faults(&self, response: &str, method: &Method, answer: &Answer) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, pointer, required) in self.own.headers(response) {
            match answer.headers.get(&name).map(|value| value.to_str().expect("a readable header")) {
                Some(value) => faults.extend(self.own.faults(&pointer, &json!(value))),
                None if required => faults.push(format!("the header {name} is missing")),
                None => {}
            }
        }
        faults.extend(self.own.body_faults(response, method, answer));
        faults
    }
}

/// Envelope, status and body. Of a server's own faults Cloudflare's document says nothing; they have
/// the envelope of refusals all the same.
fn reference_faults(reference: &Document, method: &Method, path: &str, answer: &Answer) -> Vec<String> {
    let Some(path) = path.strip_prefix("/client/v4") else { return Vec::new() };
    let Found::Operation(pointer) = reference.find(method, path) else { return Vec::new() };
    let status = answer.status.as_u16();
    let faults = match reference.response(&pointer, status) {
        Some(response) => reference.body_faults(&response, method, answer),
        None if status >= 500 => {
            reference.faults("/components/schemas/images_api-response-common-failure", &body(answer))
        }
        None => vec![format!("the status {status} is not described")],
    };
    faults.into_iter().map(|fault| format!("by Cloudflare's document: {fault}")).collect()
}

/// Turns the schemas of OpenAPI 3.0 into today's JSON Schema: `nullable` is a type of its own there,
/// and an example is nothing to judge by.
fn modernise(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.remove("nullable") == Some(json!(true))
                && let Some(kind) = members.get_mut("type")
            {
                *kind = json!([kind.clone(), "null"]);
            }
            members.retain(|name, member| name != "example" || member.get("type").is_some());
            members.values_mut().for_each(modernise);
        }
        Value::Array(items) => items.iter_mut().for_each(modernise),
        _ => {}
    }
}

/// The content type without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get("content-type")?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

/// The body as what schemas are of: JSON, or one text.
pub(crate) fn body(answer: &Answer) -> Value {
    match media_type(&answer.headers) {
        Some("application/json") => answer.json(),
        _ => Value::String(answer.text()),
    }
}

fn answer(status: u16, content_type: &'static str, body: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", content_type),
        ("cache-control", "no-store"),
        ("x-request-id", "0123456789abcdef0123456789abcdef"),
    ] {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    Answer {
        status: http::StatusCode::from_u16(status).expect("a status"),
        headers,
        body: body.to_string().into(),
    }
}

const IMAGE: &str = "/client/v4/accounts/0123456789abcdef0123456789abcdef/images/v1/a";

fn image() -> Value {
    json!({
        "result": {
            "id": "a",
            "filename": "a.png",
            "meta": {},
            "uploaded": "2027-01-15T08:00:00.000Z",
            "requireSignedURLs": false,
            "variants": ["https://images.example/cheeW4oKsx5ljh8e8BoL2A/a/public"],
            "creator": null,
        },
        "success": true,
        "errors": [],
        "messages": [],
    })
}

/// A judge who lets everything pass would be worth nothing.
#[test]
fn broken_answers_are_found() {
    let judge = Judge::new();
    let faults = |path: &str, answer: &Answer| judge.faults(&Method::GET, path, answer);
    assert_eq!(faults(IMAGE, &answer(200, "application/json", &image())), Vec::<String>::new());
    for (pointer, value) in [
        ("/success", json!("yes")),
        ("/errors", json!([{"code": 5400, "message": "x"}])),
        ("/messages", json!(null)),
        ("/result", json!({})),
        ("/result/id", json!("")),
        ("/result/meta", json!(null)),
        ("/result/uploaded", json!("2027-01-15T08:00:00Z")),
        ("/result/requireSignedURLs", json!("false")),
        ("/result/variants", json!({"public": "https://images.example/x"})),
        ("/result/variants/0", json!("no URL")),
        ("/result/creator", json!(5)),
    ] {
        let mut broken = image();
        *broken.pointer_mut(pointer).expect("it is there") = value;
        assert_ne!(
            faults(IMAGE, &answer(200, "application/json", &broken)),
            Vec::<String>::new(),
            "{pointer}"
        );
    }
    let mut more = image();
    more["result"]["secret"] = json!("x");
    assert_ne!(faults(IMAGE, &answer(200, "application/json", &more)), Vec::<String>::new());
}

#[test]
fn statuses_types_and_headers_that_are_not_described_are_found() {
    let judge = Judge::new();
    let faults = |path: &str, answer: &Answer| judge.faults(&Method::GET, path, answer);
    let refusal = json!({
        "result": null,
        "success": false,
        "errors": [{"code": 5404, "message": "Image not found"}],
        "messages": [],
    });
    assert_eq!(faults(IMAGE, &answer(404, "application/json", &refusal)), Vec::<String>::new());
    for broken in [
        answer(418, "application/json", &refusal),
        answer(200, "application/json", &refusal),
        answer(404, "application/json", &image()),
        answer(200, "text/html", &image()),
    ] {
        assert_ne!(faults(IMAGE, &broken), Vec::<String>::new(), "{}", broken.status);
    }
    for header in ["x-request-id", "cache-control", "content-type"] {
        let mut broken = answer(200, "application/json", &image());
        broken.headers.remove(header);
        assert_ne!(faults(IMAGE, &broken), Vec::<String>::new(), "{header}");
    }
    for path in ["/safelight/v1/secrets", "/client/v4/x", "/debug"] {
        assert_ne!(faults(path, &answer(200, "application/json", &image())), Vec::<String>::new(), "{path}");
        assert_eq!(faults(path, &answer(404, "application/json", &refusal)), Vec::<String>::new(), "{path}");
    }
}

/// What our own document lets pass, Cloudflare's finds by itself.
#[test]
fn the_reference_judges_by_itself() {
    let Some(reference) = Judge::new().reference else { return };
    let faults = |answer: &Answer| reference_faults(&reference, &Method::GET, IMAGE, answer);
    assert_eq!(faults(&answer(200, "application/json", &image())), Vec::<String>::new());
    for (pointer, value) in [
        ("/success", json!(false)),
        ("/result/meta", json!("x")),
        ("/result/filename", json!("x".repeat(256))),
        ("/result/uploaded", json!("yesterday")),
    ] {
        let mut broken = image();
        *broken.pointer_mut(pointer).expect("it is there") = value;
        assert_ne!(faults(&answer(200, "application/json", &broken)), Vec::<String>::new(), "{pointer}");
    }
    assert_ne!(faults(&answer(201, "application/json", &image())), Vec::<String>::new());
    assert_ne!(faults(&answer(200, "text/plain", &image())), Vec::<String>::new());
}
