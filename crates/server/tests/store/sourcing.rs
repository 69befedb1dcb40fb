//! Imports from a real bucket, by the program itself: odd keys, the end of a process, and bytes that are replaced.

use crate::radosgw::{Radosgw, radosgw};
use crate::server::{ACCOUNT, HASH, Server, TOKEN, free_address, serve};
use crate::whole::{SAMPLE, images, picture, wait_for};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::HttpRequestBody;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

static FOLDERS: AtomicUsize = AtomicUsize::new(0);

/// A folder of the bucket that nothing else has.
struct Folder {
    radosgw: &'static Radosgw,
    name: String,
}

impl Folder {
    fn new(radosgw: &'static Radosgw) -> Folder {
        Folder { radosgw, name: format!("sourcing/{}", FOLDERS.fetch_add(1, Ordering::Relaxed)) }
    }

    fn variable(&self, name: &str) -> &str {
        &self.radosgw.variables[name]
    }

    fn bucket(&self) -> &str {
        self.variable("SAFELIGHT_STORE").strip_prefix("s3://").expect("a bucket")
    }

    /// Puts an object there, whatever its key is; `object_store` writes no odd ones.
    fn put(&self, key: &str, bytes: &[u8]) {
        let credential = AwsCredential {
            key_id: self.variable("AWS_ACCESS_KEY_ID").to_owned(),
            secret_key: self.variable("AWS_SECRET_ACCESS_KEY").to_owned(),
            token: None,
        };
        let key = format!("{}/{key}", self.name);
        let path = utf8_percent_encode(&key, &ENCODED);
        let url = format!("{}/{}/{path}", self.variable("AWS_ENDPOINT_URL"), self.bucket());
        let mut request = http::Request::put(&url).body(HttpRequestBody::empty()).expect("a request");
        AwsAuthorizer::new(&credential, "s3", self.variable("AWS_REGION"))
            .with_sign_payload(false)
            .try_authorize(&mut request, None)
            .expect("signed");
        let (parts, _) = request.into_parts();
        let answer = ureq::agent().run(http::Request::from_parts(parts, bytes)).expect("stored");
        assert_eq!(answer.status(), 200, "{key}");
    }

    fn source(&self, server: &Server) -> String {
        let body = json!({
            "name": "radosgw", "vendor": "s3", "bucket": self.bucket(), "region": self.variable("AWS_REGION"),
            "endpoint": self.variable("AWS_ENDPOINT_URL"),
            "secret": {"accessKeyId": self.variable("AWS_ACCESS_KEY_ID"),
                       "secretAccessKey": self.variable("AWS_SECRET_ACCESS_KEY")},
        });
        let source = call(server, "POST", "/sources", &body);
        source["id"].as_str().expect("an id").to_owned()
    }

    /// A server that may fetch from the store.
    fn server(&self, data: &Path) -> Server {
        let address = free_address();
        let mut command = serve(data, &address);
        let port = self.variable("AWS_ENDPOINT_URL").rsplit_once(':').expect("a port").1;
        command
            .env("SAFELIGHT_FETCH_PRIVATE_NETWORKS", "127.0.0.1/32")
            .env("SAFELIGHT_FETCH_PORTS", port)
            .env("SAFELIGHT_MAX_UPLOAD_BYTES", "1000000");
        Server::spawn(command, &address)
    }
}

fn call(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    let path = format!("/client/v4/accounts/{ACCOUNT}/images/v2/sourcingkit{path}");
    let answer = server.send(method, &path, "application/json", body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
    answer.json()["result"].clone()
}

fn started(server: &Server, body: &Value) -> String {
    let id = call(server, "POST", "/migrations", body)["id"].as_str().expect("an id").to_owned();
    call(server, "PATCH", &format!("/migrations/{id}/lifecycle/start"), &Value::Null);
    id
}

fn progress(server: &Server, id: &str) -> Value {
    call(server, "GET", &format!("/migrations/{id}/lifecycle"), &Value::Null)
}

fn ended(server: &Server, id: &str) -> Value {
    wait_for("the migration", || progress(server, id)["status"] != "processing");
    progress(server, id)
}

fn encoded(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

fn blob(server: &Server, id: &str) -> Vec<u8> {
    server.get(&format!("{}/{}/blob", images(), encoded(id))).body
}

#[test]
fn odd_keys_of_a_bucket_become_images_or_are_named() {
    let Some(radosgw) = radosgw() else { return };
    let (folder, data) = (Folder::new(radosgw), tempfile::tempdir().expect("a folder"));
    let small = picture(16, 1);
    let good = ["a.jpg", "deep/er/c d.png", "ü/50%25+b?&=.png", "x~!$'()*,;:@.png", "\u{1F5BC}"];
    folder.put("a.jpg", SAMPLE);
    good[1..].iter().for_each(|key| folder.put(key, &small));
    let long = "l".repeat(900);
    for (key, bytes) in [
        ("notes.txt", small.as_slice()),
        ("empty.png", b""),
        ("folder/", b""),
        ("two//slashes.png", &small),
        ("text.png", b"no image at all"),
        ("big.png", &picture(600, 2)),
        (&long, &small),
    ] {
        folder.put(key, bytes);
    }
    Folder::new(radosgw).put("elsewhere.png", &small);
    let server = folder.server(data.path());
    let source = folder.source(&server);
    let prefix = "p".repeat(128);
    let body = json!({"sourceId": source, "rootDirectory": folder.name, "pathPrefix": prefix});
    let done = ended(&server, &started(&server, &body));
    let count = |name: &str| done[name].as_u64().expect("a count");
    assert_eq!(done["status"], "success", "{done}");
    let counts = [
        "scannedCount",
        "importSuccessCount",
        "importErrorsCount",
        "skippedInvalidNameCount",
        "skippedInvalidMediaCount",
        "skippedOversizeCount",
        "skippedUnsupportedContentTypeCount",
    ]
    .map(count);
    assert_eq!(counts, [12, 5, 0, 4, 1, 1, 1], "{done}");
    for key in good {
        let original = if key == "a.jpg" { SAMPLE } else { &small };
        assert!(blob(&server, &format!("{prefix}/{key}")) == original, "{key}");
    }
}

#[test]
fn a_killed_server_goes_on_and_counts_each_object_once() {
    let Some(radosgw) = radosgw() else { return };
    let (folder, data) = (Folder::new(radosgw), tempfile::tempdir().expect("a folder"));
    for n in 0..60 {
        folder.put(&format!("{n:02}.png"), &picture(24, n));
    }
    let mut server = folder.server(data.path());
    let source = folder.source(&server);
    let id = started(&server, &json!({"sourceId": source, "rootDirectory": folder.name}));
    for goal in [5, 25] {
        wait_for("some objects", || progress(&server, &id)["importSuccessCount"].as_u64() >= Some(goal));
        server.signal("-KILL");
        drop(server);
        server = folder.server(data.path());
    }
    let done = ended(&server, &id);
    let counts = (&done["status"], &done["scannedCount"], &done["importSuccessCount"]);
    assert_eq!(counts, (&json!("success"), &json!(60), &json!(60)), "{done}");
    assert_eq!(server.get(&format!("{}/stats", images())).json()["result"]["count"]["current"], 60);
    for n in 0..60 {
        assert!(blob(&server, &format!("{n:02}.png")) == picture(24, n), "{n}");
    }
}

#[test]
fn a_viewer_sees_the_old_picture_or_the_new_one() {
    let Some(radosgw) = radosgw() else { return };
    let (folder, data) = (Folder::new(radosgw), tempfile::tempdir().expect("a folder"));
    let server = folder.server(data.path());
    let source = folder.source(&server);
    let body = json!({"sourceId": source, "rootDirectory": folder.name, "conflictBehaviour": "overwrite",
                      "requireSignedURLs": false});
    let rounds: Vec<Vec<u8>> = (0..4).map(|n| picture(40, n)).collect();
    folder.put("v.png", &rounds[0]);
    ended(&server, &started(&server, &body));
    let target = format!("/{HASH}/v.png/public");
    assert_eq!(server.get(&target).status, 200);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let seen = scope.spawn(|| {
            let mut seen = 0;
            while !over.load(Ordering::SeqCst) || seen == 0 {
                assert_eq!(server.get(&target).status, 200);
                let original = blob(&server, "v.png");
                assert!(rounds.contains(&original), "{} bytes that nobody put there", original.len());
                seen += 1;
            }
            seen
        });
        for round in &rounds[1..] {
            folder.put("v.png", round);
            let done = ended(&server, &started(&server, &body));
            assert_eq!(done["importSuccessCount"], 1, "{done}");
            assert!(blob(&server, "v.png") == *round);
        }
        over.store(true, Ordering::SeqCst);
        assert!(seen.join().expect("no panic") > 0);
    });
}

#[test]
fn a_command_brings_a_bucket_and_leaves_no_secret() {
    let Some(radosgw) = radosgw() else { return };
    let (folder, data) = (Folder::new(radosgw), tempfile::tempdir().expect("a folder"));
    folder.put("one.png", &picture(16, 1));
    folder.put("two.txt", b"text");
    let server = folder.server(data.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command
        .args(["import", "s3", "--bucket", folder.bucket(), "--root-directory", &folder.name])
        .args(["--endpoint", folder.variable("AWS_ENDPOINT_URL"), "--region", folder.variable("AWS_REGION")])
        .args(["--prefix", "cli", "--conflict", "skip"])
        .env_clear()
        .env("SAFELIGHT_URL", &server.origin)
        .env("SAFELIGHT_API_TOKEN", TOKEN);
    let refused = command.output().expect("it ends");
    assert!(!refused.status.success(), "nothing opens the bucket");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env(name, folder.variable(name));
    }
    let output = command.output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "imported 1, skipped 1, failed 0\n", "{said}");
    assert!(said.contains("two.txt: its name makes no id"), "{said}");
    assert!(!said.contains(folder.variable("AWS_SECRET_ACCESS_KEY")), "{said}");
    assert!(blob(&server, "cli/one.png") == picture(16, 1));
    assert_eq!(call(&server, "GET", "/sources", &Value::Null), json!({"sources": []}));
    assert_eq!(server.get(&format!("/{HASH}/cli/one.png/public")).status, 403, "private");
}
