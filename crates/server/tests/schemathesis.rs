//! Schemathesis against the program: requests made out of our own OpenAPI document, good and bad ones,
//! get answers that the document describes, and never a server's own fault.

// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

#[allow(dead_code)] // The tests of the program use the rest.
#[path = "e2e/server.rs"]
mod server;

use server::{ACCOUNT, HASH, Server, TOKEN, free_address, serve};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What an answer is judged by.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";

/// It takes some twenty seconds; a machine may be busy.
const MAX_SECONDS: &str = "300";

/// Where `scripts/setup test` puts it.
fn program() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_safelight")).ancestors().nth(2).expect("the target folder");
    let program = target.join("schemathesis-venv/bin/schemathesis");
    assert!(program.exists(), "{} is missing: run make setup", program.display());
    program
}

/// Runs it on a document with a seed, so that a failure comes again.
fn schemathesis(folder: &Path, config: &str, document: &str, arguments: &[&str]) -> Output {
    let file = folder.join("schemathesis.toml");
    std::fs::write(&file, config).expect("a file");
    Command::new("timeout")
        .arg(MAX_SECONDS)
        .arg(program())
        .arg("--config-file")
        .arg(file)
        .args(["run", document, "--phases", "examples,fuzzing", "--max-examples", "25", "--seed", "1"])
        .args(["--workers", "2", "--checks", CHECKS, "--generation-database", "none", "--no-color"])
        .args(["--continue-on-failure", "-H", &format!("Authorization: Bearer {TOKEN}")])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Posts and returns a text of the result.
fn post(server: &Server, path: &str, body: &str, member: &str) -> String {
    let request = ureq::post(format!("{}{path}", server.origin));
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let mut answer = request.header("content-type", "application/json").send(body).expect("an answer");
    let text = answer.body_mut().read_to_string().expect("a body");
    let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    answer["result"][member].as_str().expect("a text").to_owned()
}

/// The id of a new API token.
fn new_token(server: &Server) -> String {
    let path = format!("/safelight/v1/accounts/{ACCOUNT}/tokens");
    post(server, &path, r#"{"name":"of the test","scopes":["read"]}"#, "id")
}

/// The last part of a new link for an upload.
fn new_secret(server: &Server) -> String {
    let path = format!("/client/v4/accounts/{ACCOUNT}/images/v1/direct_upload");
    let link = post(server, &path, "{}", "uploadURL");
    link.rsplit_once('/').expect("a path").1.to_owned()
}

/// The id of a new import. It fails at once, since the server fetches from no port that is used.
fn new_import(server: &Server) -> String {
    let path = format!("/safelight/v1/accounts/{ACCOUNT}/imports");
    post(server, &path, r#"{"kind":"urls","urls":[{"url":"http://127.0.0.1:80/"}]}"#, "id")
}

/// The port of a store on this machine, whose bucket is empty.
fn empty_store() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let list = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
        for mut stream in listener.incoming().flatten() {
            // The head of a request comes at once, and whoever goes away before the answer wants none.
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{list}", list.len());
        }
    });
    port
}

/// The dictionaries of new sources, and of migrations of the first of them: pending ones and such as have ended.
fn sourcing(server: &Server, store: u16) -> String {
    let base = format!("/client/v4/accounts/{ACCOUNT}/images/v2/sourcingkit");
    let source = format!(
        r#"{{"name":"of the test","vendor":"s3","bucket":"b","endpoint":"http://127.0.0.1:{store}",
            "secret":{{"accessKeyId":"AK","secretAccessKey":"s3cret"}}}}"#
    );
    let sources: Vec<String> =
        (0..16).map(|_| post(server, &format!("{base}/sources"), &source, "id")).collect();
    let new = format!(r#"{{"sourceId":"{}"}}"#, sources[0]);
    let migration = || post(server, &format!("{base}/migrations"), &new, "id");
    let ended = (0..12).map(|_| {
        let id = migration();
        let abort = format!("{base}/migrations/{id}/lifecycle/abort");
        assert_eq!(server.send("PATCH", &abort, "application/json", b"").status, 200);
        id
    });
    let ended: Vec<String> = ended.collect();
    let pending: Vec<String> = (0..6).map(|_| migration()).collect();
    let dictionary = |(name, ids)| format!("[dictionaries.{name}]\nvalues = {ids:?}\n");
    [("sources", sources), ("migrations", pending), ("ended", ended)].map(dictionary).concat()
}

/// What there is of each kind, so that most requests reach what they are about, and a run in which
/// none do fails. What is changed or deleted is apart from the rest. Links for uploads are always of
/// ours: what is uploaded is rarely a picture, and without one answer of 200 a few unknown links would
/// fail the run, by chance.
fn config(server: &Server, store: u16) -> String {
    let photo = include_bytes!("../assets/sample.jpg");
    let names = |kind: &str, count: usize| (0..count).map(|n| format!("{kind}{n}")).collect::<Vec<_>>();
    let (kept, changed, doomed) = (names("kept", 4), names("changed", 4), names("doomed", 12));
    for id in kept.iter().chain(&changed).chain(&doomed) {
        server.upload(photo, &[("id", id)]);
    }
    let tokens: Vec<String> = (0..12).map(|_| new_token(server)).collect();
    let secrets: Vec<String> = (0..12).map(|_| new_secret(server)).collect();
    let imports: Vec<String> = (0..6).map(|_| new_import(server)).collect();
    let batch = server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1/batch_token")).json();
    let list = |values: &[String]| format!("{values:?}");
    format!(
        r#"
        [warnings]
        fail-on = ["missing_auth", "missing_test_data"]
        [dictionaries.kept]
        values = {kept}
        [dictionaries.changed]
        values = {changed}
        [dictionaries.tokens]
        values = {tokens}
        [dictionaries.imports]
        values = {imports}
        {sourcing}
        [dictionaries.doomed]
        values = {doomed}
        [dictionaries.secrets]
        values = {secrets}
        [dictionaries.variants]
        values = ["public", "w=10", "w=20,fit=cover,h=10,format=json", "w=0", "none"]
        [dictionaries.files]
        values = ["index.html", "app.js", "style.css"]
        [parameters]
        "path.account_id" = "{ACCOUNT}"
        "path.account_hash" = "{HASH}"
        "path.image_id" = {{ dictionary = "kept", probability = 0.7 }}
        "query.image" = {{ dictionary = "kept", probability = 0.7 }}
        "body.image" = {{ dictionary = "kept", probability = 0.7 }}
        "path.token_id" = {{ dictionary = "tokens", probability = 0.7 }}
        "path.import_id" = {{ dictionary = "imports", probability = 0.7 }}
        "path.source_id" = {{ dictionary = "sources", probability = 0.7 }}
        "body.sourceId" = {{ dictionary = "sources", probability = 0.7 }}
        "path.migration_id" = {{ dictionary = "migrations", probability = 0.7 }}
        "path.secret" = {{ dictionary = "secrets", probability = 1.0 }}
        "path.file" = {{ dictionary = "files", probability = 0.7 }}
        "path.variant" = {{ dictionary = "variants", probability = 0.7 }}
        {operations}
        "#,
        kept = list(&kept),
        changed = list(&changed),
        tokens = list(&tokens),
        imports = list(&imports),
        secrets = list(&secrets),
        sourcing = sourcing(server, store),
        operations = operations(batch["result"]["token"].as_str().expect("a token")),
        doomed = list(&doomed),
    )
}

/// What single operations are called with.
fn operations(batch: &str) -> String {
    format!(
        r#"
        [[operations]]
        include-path-regex = "^/images/"
        headers = {{ Authorization = "Bearer {batch}" }}
        [[operations]]
        include-operation-id = ["updateImage", "updateImageInBatch"]
        parameters = {{ "path.image_id" = {{ dictionary = "changed", probability = 0.7 }} }}
        [[operations]]
        include-operation-id = ["signUrl"]
        parameters = {{ "body.image" = "kept0", "body.variant" = "public", "body.key" = "default" }}
        [[operations]]
        include-operation-id = ["updateQuota"]
        parameters = {{ "body.images" = 1000000, "body.bytes" = 1000000000, "body.renders_per_minute" = "off" }}
        [[operations]]
        include-operation-id = ["exportImages"]
        parameters = {{ "body.images" = ["kept0", "kept1"] }}
        [[operations]]
        include-operation-id = ["deleteImage", "deleteImageInBatch"]
        parameters = {{ "path.image_id" = {{ dictionary = "doomed", probability = 0.7 }} }}
        [[operations]]
        include-operation-id = ["deleteMigration"]
        parameters = {{ "path.migration_id" = {{ dictionary = "ended", probability = 0.7 }} }}
        "#
    )
}

#[test]
fn every_answer_is_one_that_the_document_describes() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = free_address();
    let mut command = serve(&folder.path().join("data"), &address);
    // Imports are made too, and nothing of what is tried here may leave this machine.
    let store = empty_store();
    command.env("SAFELIGHT_FETCH_PORTS", store.to_string());
    command.env("SAFELIGHT_FETCH_PRIVATE_NETWORKS", "127.0.0.1/32");
    let server = Server::spawn(command, &address);
    let config = config(&server, store);
    // By its URL the document would be left out of what is tried.
    let file = folder.path().join("document.json");
    std::fs::write(&file, server.get("/openapi.json").body).expect("a file");
    let document = file.to_str().expect("UTF-8");
    let output = schemathesis(folder.path(), &config, document, &["--url", &server.origin]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let paths = safelight::http::document()["paths"].as_object().expect("paths").clone();
    let operations = paths.values().flat_map(|item| item.as_object().expect("a path").keys());
    let count = operations.filter(|key| *key != "parameters").count();
    assert!(said.contains(&format!("Tested: {count}\n")), "not all of {count} operations: {said}");
    assert_eq!(server.get("/health/ready").status, 200);
}

/// The same on documents that describe something else than what there is.
#[test]
fn an_answer_that_is_not_described_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let file = folder.path().join("document.json");
    for (pointer, value) in [
        ("/paths/~1health~1live/get/responses", serde_json::json!({"204": {"description": "Nothing."}})),
        ("/paths/~1health~1live/get/responses/200/content", serde_json::json!({"image/png": {}})),
        (
            "/paths/~1health~1live/get/responses/200/headers/X-Missing",
            serde_json::json!({"required": true, "schema": {"type": "string"}}),
        ),
        ("/components/schemas/WhoAmI/properties/account_id", serde_json::json!({"type": "integer"})),
    ] {
        let mut document = safelight::http::document();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        document.pointer_mut(parent).expect("it is there")[name] = value;
        std::fs::write(&file, document.to_string()).expect("a file");
        let document = file.to_str().expect("UTF-8");
        let only = ["--url", &server.origin, "--include-path-regex", "health/live|whoami"];
        let output = schemathesis(folder.path(), "", document, &only);
        assert_eq!(output.status.code(), Some(1), "{pointer}: {}", said(&output));
    }
}
