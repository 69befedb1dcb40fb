//! A bucket that a test makes up: its list, its objects, and who may have them.

use crate::origin::{Origin, answer};
use crate::test_app::TestApp;
use http::Method;
use safelight::config::Config;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Keys of a page, so that there are several.
const PAGE: usize = 4;

/// What opens it.
const SECRET: &str = "s3cretKey/of+the=bucket";

/// What a bucket has: for each key bytes, their media type and their class.
pub(crate) type Objects = Arc<Mutex<BTreeMap<String, (Vec<u8>, &'static str, &'static str)>>>;

pub(crate) struct Bucket {
    pub(crate) origin: Origin,
    pub(crate) objects: Objects,
}

impl Bucket {
    pub(crate) async fn start() -> Bucket {
        let objects = Objects::default();
        let kept = Arc::clone(&objects);
        let origin = Origin::start(move |request| {
            let target = request.split(' ').nth(1).expect("a target");
            if !request.contains("authorization: AWS4-HMAC-SHA256 Credential=AK/") {
                return refusal("403 Forbidden", "InvalidAccessKeyId");
            }
            assert!(!request.contains(SECRET), "{request}");
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let Some(key) = path.strip_prefix("/photos") else {
                return refusal("404 Not Found", "NoSuchBucket");
            };
            let key = percent_encoding::percent_decode_str(key.strip_prefix('/').unwrap_or(key));
            let key = key.decode_utf8().expect("UTF-8").into_owned();
            let objects = kept.lock().expect("unpoisoned");
            match objects.get(&key) {
                _ if key.is_empty() => list(&objects, query),
                Some((_, _, "ARCHIVED")) => refusal("403 Forbidden", "InvalidObjectState"),
                Some((_, "broken", _)) => refusal("500 Internal Server Error", "secretWordOfTheOrigin"),
                Some((bytes, kind, _)) => {
                    answer("200 OK", &format!("content-type: {kind}\r\n"), bytes.clone())
                }
                None => refusal("404 Not Found", "NoSuchKey"),
            }
        })
        .await;
        Bucket { origin, objects }
    }

    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>, kind: &'static str, class: &'static str) {
        self.objects.lock().expect("unpoisoned").insert(key.to_owned(), (bytes, kind, class));
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.origin.port)
    }

    pub(crate) fn open(&self) -> impl FnOnce(&mut Config) + use<> {
        let port = self.origin.port;
        move |config| {
            config.fetch.private_networks = vec!["127.0.0.1/32".parse().expect("a network")];
            config.fetch.ports = vec![port];
            config.fetch.concurrent = 32;
        }
    }

    pub(crate) fn source(&self) -> Value {
        json!({"name": "Photos of old", "bucket": "photos", "vendor": "s3", "endpoint": self.endpoint(),
               "secret": {"accessKeyId": "AK", "secretAccessKey": SECRET}})
    }

    /// An app that may fetch from here, and its source.
    pub(crate) async fn app(&self) -> (TestApp, String) {
        let app = TestApp::with(self.open()).await;
        let source = app.call(Method::POST, "~/v2/sourcingkit/sources", Some(self.source())).await.result();
        (app, source["id"].as_str().expect("an id").to_owned())
    }
}

pub(crate) fn refusal(status: &str, code: &str) -> Vec<u8> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    answer(status, "content-type: application/xml\r\n", body)
}

pub(crate) fn list(
    objects: &BTreeMap<String, (Vec<u8>, &'static str, &'static str)>,
    query: &str,
) -> Vec<u8> {
    let query: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
    assert_eq!((&*query["list-type"], &*query["encoding-type"]), ("2", "url"));
    let after = query.get("start-after").map(|after| after.to_string()).unwrap_or_default();
    let prefix = query["prefix"].to_string();
    let mut found = objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
    let mut body = String::from("<ListBucketResult><EncodingType>url</EncodingType>");
    for (key, (bytes, _, class)) in found.by_ref().take(PAGE) {
        let key = percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC);
        let size = bytes.len();
        let class = if *class == "ARCHIVED" { "STANDARD" } else { class };
        body.push_str(&format!(
            "<Contents><Key>{key}</Key><Size>{size}</Size><StorageClass>{class}</StorageClass></Contents>"
        ));
    }
    body.push_str(&format!("<IsTruncated>{}</IsTruncated></ListBucketResult>", found.next().is_some()));
    answer("200 OK", "content-type: application/xml\r\n", body)
}
