//! The Sourcing Kit, by a bucket that this test makes up; `tests/store` has a real one.

use crate::bucket::{Bucket, Objects, list, refusal};
use crate::origin::{Origin, redirect};
use crate::test_app::{TestApp, decode_png, png};
use http::Method;
use safelight::import::{self, Pace};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const PACE: Pace = Pace { look: Duration::from_millis(20), first_wait_ms: 5 };

async fn call(app: &TestApp, method: Method, path: &str, body: Option<Value>) -> crate::test_app::Answer {
    app.call(method, &format!("~/v2/sourcingkit{path}"), body).await
}

/// Makes a migration and starts it.
async fn started(app: &TestApp, body: Value) -> String {
    let made = call(app, Method::POST, "/migrations", Some(body)).await.result();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!((&made["status"], &made["startedAt"]), (&json!("pending"), &Value::Null));
    let now = call(app, Method::PATCH, &format!("/migrations/{id}/lifecycle/start"), None).await.result();
    assert_eq!((&now["status"], now["startedAt"].is_string()), (&json!("processing"), true));
    id
}

async fn progress(app: &TestApp, id: &str) -> Value {
    call(app, Method::GET, &format!("/migrations/{id}/lifecycle"), None).await.result()
}

/// Works until `until` says so of the progress, and shows it.
async fn working(app: &TestApp, id: &str, until: impl Fn(&Value) -> bool) -> Value {
    let seen = async {
        loop {
            let progress = progress(app, id).await;
            if until(&progress) {
                return progress;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let both = async {
        tokio::select! {
            () = import::run(Arc::clone(&app.app), PACE, std::future::pending()) => unreachable!("it does not end"),
            seen = seen => seen,
        }
    };
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("in time")
}

async fn ended(app: &TestApp, id: &str) -> Value {
    working(app, id, |progress| progress["status"] != "processing").await
}

async fn logs(app: &TestApp, id: &str) -> Vec<Value> {
    let logs = call(app, Method::GET, &format!("/migrations/{id}/logs?limit=100"), None).await.result();
    logs["logs"].as_array().expect("entries").clone()
}

#[tokio::test]
async fn a_source_is_checked_and_its_secret_never_shown() {
    let bucket = Bucket::start().await;
    let app = TestApp::with(bucket.open()).await;
    let source = call(&app, Method::POST, "/sources", Some(bucket.source())).await;
    assert!(!source.text().contains("s3cret"));
    let source = source.result();
    let expected = json!({"id": source["id"], "name": "Photos of old", "bucket": "photos", "vendor": "s3",
                          "region": "us-east-1", "endpoint": bucket.endpoint(),
                          "createdAt": source["createdAt"], "updatedAt": source["updatedAt"]});
    assert_eq!(source, expected);
    let path = format!("/sources/{}", source["id"].as_str().expect("an id"));
    assert_eq!(call(&app, Method::GET, &path, None).await.result(), source);

    // What cannot be read is not kept.
    let mut wrong = bucket.source();
    wrong["secret"]["accessKeyId"] = json!("OTHER");
    let why = call(&app, Method::POST, "/sources", Some(wrong.clone())).await.refused(400, 5454);
    assert!(why.contains("InvalidAccessKeyId") && !why.contains("s3cret"), "{why}");
    let checked = call(&app, Method::POST, "/sources/connectivity-precheck", Some(wrong)).await.result();
    let said = (&checked["connectivityStatus"], &checked["code"]);
    assert_eq!(said, (&json!("error"), &json!("InvalidAccessKeyId")));
    let checked =
        call(&app, Method::POST, "/sources/connectivity-precheck", Some(bucket.source())).await.result();
    assert_eq!(checked, json!({"connectivityStatus": "ok", "code": null, "reason": null}));
    let checked = call(&app, Method::GET, &format!("{path}/connectivity"), None).await.result();
    assert_eq!(checked["connectivityStatus"], "ok");
    let list = call(&app, Method::GET, "/sources", None).await.result();
    assert_eq!(list, json!({"sources": [source]}));
}

#[tokio::test]
async fn sources_are_listed_by_name_renamed_and_deleted() {
    let bucket = Bucket::start().await;
    let (app, first) = bucket.app().await;
    call(&app, Method::POST, "/sources", Some(bucket.source())).await.result();
    let renamed = json!({"name": "Neü"});
    let path = format!("/sources/{first}");
    assert_eq!(call(&app, Method::PATCH, &path, Some(renamed)).await.result()["name"], "Neü");
    let count = async |query: &str| {
        let list = call(&app, Method::GET, &format!("/sources?{query}"), None).await.result();
        list["sources"].as_array().expect("a list").len()
    };
    assert_eq!((count("").await, count("limit=1").await, count("offset=1&limit=100").await), (2, 1, 1));
    assert_eq!((count("name=NE%C3%9C").await, count("name=none").await), (1, 0));
    for query in ["limit=0", "limit=101", "offset=-1", "limit=x"] {
        call(&app, Method::GET, &format!("/sources?{query}"), None).await.refused(400, 5400);
    }
    call(&app, Method::PATCH, &path, Some(json!({"name": ""}))).await.refused(400, 5400);
    assert_eq!(call(&app, Method::DELETE, &path, None).await.result(), json!({}));
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::GET, format!("{path}/connectivity")),
        (Method::GET, "/migrations/none".to_owned()),
        (Method::GET, "/migrations/none/lifecycle".to_owned()),
        (Method::GET, "/migrations/none/logs".to_owned()),
        (Method::PATCH, "/migrations/none/lifecycle/start".to_owned()),
        (Method::PATCH, "/migrations/none/lifecycle/abort".to_owned()),
        (Method::DELETE, "/migrations/none".to_owned()),
    ] {
        call(&app, method, &path, None).await.refused(404, 5404);
    }
    call(&app, Method::PATCH, &path, Some(json!({"name": "x"}))).await.refused(404, 5404);
}

#[tokio::test]
async fn bad_sources_are_refused_and_nothing_repeats_their_secret() {
    let bucket = Bucket::start().await;
    let app = TestApp::with(bucket.open()).await;
    for (field, value) in [
        ("name", json!(null)),
        ("name", json!("")),
        ("name", json!("x".repeat(129))),
        ("bucket", json!("a/b")),
        ("bucket", json!("..")),
        ("bucket", json!("")),
        ("vendor", json!("gcs")),
        ("secret", json!("s3cret")),
        ("secret", json!(["s3cret"])),
        ("secret", json!({"accessKeyId": "AK", "secretAccessKey": "s3cret\n"})),
        ("secret", json!({"accessKeyId": "A/K", "secretAccessKey": "s3cret"})),
        ("secret", json!({"accessKeyId": "AK"})),
        ("secret", json!({"accessKeyId": "AK", "secretAccessKey": "s3cret", "sessionToken": 1})),
        ("region", json!("eu central")),
        ("region", json!("x.attacker.example/")),
        ("endpoint", json!("file:///etc/passwd")),
        ("endpoint", json!("https://user:s3cret@s3.example")),
        ("endpoint", json!("https://s3.example/path")),
        ("endpoint", json!("https://s3.example/?x=s3cret")),
    ] {
        let mut source = bucket.source();
        source[field] = value.clone();
        let why = call(&app, Method::POST, "/sources", Some(source)).await.refused(400, 5400);
        assert!(!why.contains("s3cret"), "{field} {value}: {why}");
    }
    let mut r2 = bucket.source();
    r2["vendor"] = json!("r2");
    call(&app, Method::POST, "/sources", Some(r2.clone())).await.refused(400, 5400);
    r2.as_object_mut().expect("an object").remove("endpoint");
    call(&app, Method::POST, "/sources", Some(r2.clone())).await.refused(400, 5400);
    r2["account"] = json!("attacker.example/");
    call(&app, Method::POST, "/sources", Some(r2)).await.refused(400, 5400);
}

/// An endpoint is named by a stranger.
#[tokio::test]
async fn closed_addresses_and_ports_are_closed_to_endpoints_too() {
    let bucket = Bucket::start().await;
    let port = bucket.origin.port;
    // Neither its port nor its network is open, then one of the two.
    for (networks, ports) in [(false, false), (true, false), (false, true)] {
        let app = TestApp::with(|config| {
            if networks {
                config.fetch.private_networks = vec!["127.0.0.0/8".parse().expect("a network")];
            }
            if ports {
                config.fetch.ports = vec![port];
            }
        })
        .await;
        let why = call(&app, Method::POST, "/sources", Some(bucket.source())).await.refused(400, 5454);
        assert!(why.contains("Unreachable"), "{why}");
        let checked = call(&app, Method::POST, "/sources/connectivity-precheck", Some(bucket.source())).await;
        assert_eq!(checked.result()["code"], "Unreachable");
        for endpoint in ["http://169.254.169.254", "http://[::1]", "http://0x7f.1", "http://localhost"] {
            let mut source = bucket.source();
            source["endpoint"] = json!(endpoint);
            call(&app, Method::POST, "/sources", Some(source)).await.refused(400, 5454);
        }
    }
    assert_eq!(bucket.origin.connections(), 0, "nothing was asked");
}

#[tokio::test]
async fn redirects_of_a_store_are_not_followed_and_its_words_not_repeated() {
    let elsewhere = Bucket::start().await;
    let to = format!("{}/photos?list-type=2", elsewhere.endpoint());
    let origin = Origin::start(move |request| match request.contains("/photos?") {
        true => redirect("307 Temporary Redirect", &to),
        false => refusal("400 Bad Request", "wordOfTheOrigin"),
    })
    .await;
    let (port, other) = (origin.port, elsewhere.origin.port);
    let app = TestApp::with(|config| {
        elsewhere.open()(config);
        config.fetch.ports = vec![port, other];
    })
    .await;
    let mut source = elsewhere.source();
    source["endpoint"] = json!(format!("http://127.0.0.1:{port}"));
    for bucket in ["photos", "others"] {
        source["bucket"] = json!(bucket);
        let why = call(&app, Method::POST, "/sources", Some(source.clone())).await.refused(400, 5454);
        assert!(!why.contains("wordOfTheOrigin") && why.contains("UnexpectedStatus"), "{why}");
    }
    assert_eq!(elsewhere.origin.connections(), 0, "no request left for elsewhere");
}

#[tokio::test]
async fn every_object_is_counted_once() {
    let bucket = Bucket::start().await;
    let picture = || png(4, 3, [1, 2, 3, 255]);
    for key in ["in/a.png", "in/deep/ü 50%25+b?.png", "in/taken.png", "out/x.png", "in.png"] {
        bucket.put(key, picture(), "image/png", "STANDARD");
    }
    bucket.put("in/", Vec::new(), "", "STANDARD");
    bucket.put("in/notes.txt", picture(), "text/plain", "STANDARD");
    bucket.put("in/a//b.png", picture(), "image/png", "STANDARD");
    bucket.put("in/../c.png", picture(), "image/png", "STANDARD");
    bucket.put("in/empty.png", Vec::new(), "image/png", "STANDARD");
    bucket.put("in/text.png", b"no image at all".to_vec(), "image/png", "STANDARD");
    bucket.put("in/cut.png", picture()[..20].to_vec(), "image/png", "STANDARD");
    bucket.put("in/big.png", vec![0; 1_000_001], "image/png", "STANDARD");
    bucket.put("in/cold.png", picture(), "image/png", "GLACIER");
    bucket.put("in/colder.png", picture(), "image/png", "ARCHIVED");
    bucket.put("in/animated.gif", b"GIF89a".to_vec(), "image/gif", "STANDARD");
    bucket.put("in/hidden", b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;".to_vec(), "binary/octet-stream", "STANDARD");
    bucket.put("in/lost.png", picture(), "broken", "STANDARD");
    let (app, source) = bucket.app().await;
    app.upload(&png(2, 2, [0; 4]), &[("id", "here/taken.png")]).await.result();
    let body = json!({"sourceId": source, "rootDirectory": "/in", "pathPrefix": "here",
                      "excludedContentTypes": ["image/gif"]});
    let id = started(&app, body).await;
    let done = ended(&app, &id).await;
    let expected = json!({
        "status": "success", "scannedCount": 16, "importSuccessCount": 2, "importErrorsCount": 1,
        "skippedConflictCount": 1, "skippedExcludedContentTypeCount": 2, "skippedInvalidMediaCount": 2,
        "skippedInvalidNameCount": 4, "skippedOversizeCount": 1, "skippedStorageClassCount": 2,
        "skippedUnsupportedContentTypeCount": 1, "isAccurate": true,
        "startedAt": done["startedAt"], "endedAt": done["endedAt"],
    });
    assert_eq!(done, expected, "{:#?}", logs(&app, &id).await);

    let image = app.call(Method::GET, "~/v1/here%2Fdeep%2F%C3%BC%2050%2525+b%3F.png", None).await.result();
    let seen = (&image["filename"], &image["requireSignedURLs"]);
    assert_eq!(seen, (&json!("ü 50%25+b?.png"), &json!(true)), "private unless said otherwise");
    let blob = app.call(Method::GET, "~/v1/here%2Fa.png/blob", None).await;
    assert_eq!(blob.body, picture());
    let taken = app.call(Method::GET, "~/v1/here%2Ftaken.png/blob", None).await;
    assert_eq!(decode_png(&taken.body).0, 2, "the image that was there is as it was");
    let list = app.call(Method::GET, "~/v1", None).await.result();
    assert_eq!(list["images"].as_array().expect("images").len(), 3);

    let logs = logs(&app, &id).await;
    let kinds: Vec<&str> = logs.iter().map(|entry| entry["logType"].as_str().expect("a word")).collect();
    assert_eq!((kinds[0], *kinds.last().expect("an end")), ("migrationStart", "migrationComplete"));
    let count = |kind: &str| kinds.iter().filter(|other| **other == kind).count();
    assert_eq!((count("default"), count("importSkippedExcludedContentType")), (5, 2));
    assert_eq!((count("importErrorRetryExhaustion"), count("importSkippedStorageClass")), (1, 2));
    assert!(!json!(logs).to_string().contains("secretWordOfTheOrigin"), "{logs:#?}");
    let staging = app.app.config.data.join("staging");
    assert_eq!(staging.read_dir().expect("a folder").count(), 0);
}

#[tokio::test]
async fn overwriting_replaces_bytes_and_keeps_the_rest() {
    let bucket = Bucket::start().await;
    bucket.put("a.png", png(8, 8, [0, 0, 255, 255]), "image/png", "STANDARD");
    bucket.put("b.png", png(8, 8, [0, 0, 255, 255]), "image/png", "STANDARD");
    let (app, source) = bucket.app().await;
    let red = png(6, 6, [255, 0, 0, 255]);
    app.upload(&red, &[("id", "a.png"), ("metadata", r#"{"k":1}"#), ("creator", "me")]).await.result();
    app.upload(&red, &[("id", "b.png"), ("requireSignedURLs", "true")]).await.result();
    let target = app.target("a.png", "public");
    let before = app.get_stored(&target).await;
    let etag = before.header("etag").expect("an ETag").to_owned();
    let body = json!({"sourceId": source, "conflictBehaviour": "overwrite", "requireSignedURLs": false});
    let done = ended(&app, &started(&app, body).await).await;
    assert_eq!((&done["importSuccessCount"], &done["skippedConflictCount"]), (&json!(2), &json!(0)));
    let image = app.call(Method::GET, "~/v1/a.png", None).await.result();
    assert_eq!((&image["meta"], &image["creator"]), (&json!({"k": 1}), &json!("me")));
    // The old picture is not confirmed any more either.
    let after = app.fetch(Method::GET, &target, &[("if-none-match", &etag)]).await;
    assert_eq!(after.status, 200);
    assert_ne!(after.header("etag"), Some(etag.as_str()));
    assert_ne!(after.body, before.body);
    assert_eq!(app.call(Method::GET, "~/v1/a.png/blob", None).await.body, png(8, 8, [0, 0, 255, 255]));
    assert_eq!(app.get(&app.target("b.png", "public")).await.status, 403, "a private image stays private");
    assert_eq!(app.get(&app.signed(&app.target("b.png", "public"), None)).await.status, 200);
    let list = app.call(Method::GET, "~/v1", None).await.result();
    assert_eq!(list["images"].as_array().expect("images").len(), 2);
}

#[tokio::test]
async fn a_migrations_life() {
    let bucket = Bucket::start().await;
    let (app, source) = bucket.app().await;
    let made = call(&app, Method::POST, "/migrations", Some(json!({"sourceId": source}))).await.result();
    let expected = json!({"id": made["id"], "sourceId": source, "status": "pending", "rootDirectory": null,
        "pathPrefix": null, "imagesPathPrefix": null, "conflictBehaviour": "skip", "excludedContentTypes": [],
        "requireSignedURLs": true, "logStopped": false, "createdAt": made["createdAt"], "startedAt": null,
        "endedAt": null});
    assert_eq!(made, expected);
    let path = format!("/migrations/{}", made["id"].as_str().expect("an id"));
    call(&app, Method::DELETE, &path, None).await.refused(409, 5409);
    call(&app, Method::DELETE, &format!("/sources/{source}"), None).await.refused(409, 5409);
    let aborted = call(&app, Method::PATCH, &format!("{path}/lifecycle/abort"), None).await.result();
    assert_eq!((&aborted["status"], aborted["endedAt"].is_string()), (&json!("aborted"), true));
    call(&app, Method::PATCH, &format!("{path}/lifecycle/abort"), None).await.refused(409, 5409);
    call(&app, Method::PATCH, &format!("{path}/lifecycle/start"), None).await.refused(409, 5409);
    assert_eq!(call(&app, Method::GET, &path, None).await.result(), aborted);
    let listed = call(&app, Method::GET, "/migrations", None).await.result();
    assert_eq!(listed, json!({"migrations": [aborted]}));
    call(&app, Method::DELETE, &format!("/sources/{source}"), None).await.result();
    assert_eq!(call(&app, Method::GET, &path, None).await.result()["sourceId"], Value::Null);
    assert_eq!(call(&app, Method::DELETE, &path, None).await.result(), json!({}));
    call(&app, Method::GET, &path, None).await.refused(404, 5404);
}

#[tokio::test]
async fn bad_migrations_are_refused_and_active_ones_bounded() {
    let bucket = Bucket::start().await;
    let (app, source) = bucket.app().await;
    let create = async |field: &str, value: Value| {
        let mut body = json!({"sourceId": source});
        body[field] = value;
        call(&app, Method::POST, "/migrations", Some(body)).await
    };
    for (field, value) in [
        ("rootDirectory", json!("a/../b")),
        ("rootDirectory", json!("")),
        ("pathPrefix", json!("x".repeat(129))),
        ("pathPrefix", json!("keys")),
        ("conflictBehaviour", json!("ask")),
        ("excludedContentTypes", json!(["image/x-icon"])),
        ("requireSignedURLs", json!("no")),
    ] {
        create(field, value).await.refused(400, 5400);
    }
    create("sourceId", json!("5ca167e6-4e40-4ced-a209-ca1b9dd6a265")).await.refused(404, 5404);
    for _ in 0..10 {
        create("pathPrefix", json!("p/")).await.result();
    }
    create("pathPrefix", json!("p/")).await.refused(429, 5429);
}

#[tokio::test]
async fn private_imports_are_refused_where_strict() {
    let bucket = Bucket::start().await;
    let app = TestApp::with(|config| {
        bucket.open()(config);
        config.compat = safelight::config::Compat::Strict;
    })
    .await;
    let source = call(&app, Method::POST, "/sources", Some(bucket.source())).await.result()["id"].clone();
    let create = async |body: Value| call(&app, Method::POST, "/migrations", Some(body)).await;
    create(json!({"sourceId": source, "requireSignedURLs": true})).await.refused(400, 5410);
    assert_eq!(
        create(json!({"sourceId": source})).await.result()["requireSignedURLs"],
        false,
        "as Cloudflare has it"
    );
}

#[tokio::test]
async fn it_goes_on_where_it_was_stopped_and_ends_when_it_is_aborted() {
    let bucket = Bucket::start().await;
    for n in 0..40 {
        bucket.put(&format!("{n:02}.png"), png(3, 3, [n, 0, 0, 255]), "image/png", "STANDARD");
    }
    let (app, source) = bucket.app().await;
    let id = started(&app, json!({"sourceId": source})).await;
    for goal in [3, 11, 27] {
        // The runner ends here in the middle of whatever it does.
        working(&app, &id, |progress| progress["importSuccessCount"].as_u64() >= Some(goal)).await;
    }
    let done = ended(&app, &id).await;
    let counts = (&done["status"], &done["scannedCount"], &done["importSuccessCount"]);
    assert_eq!(counts, (&json!("success"), &json!(40), &json!(40)), "{done}");
    let skipped: u64 = done
        .as_object()
        .expect("counts")
        .iter()
        .filter(|(name, _)| name.starts_with("skipped") || *name == "importErrorsCount")
        .map(|(_, count)| count.as_u64().expect("a count"))
        .sum();
    assert_eq!(skipped, 0, "{done}");

    let id = started(&app, json!({"sourceId": source, "pathPrefix": "again"})).await;
    working(&app, &id, |progress| progress["importSuccessCount"].as_u64() >= Some(5)).await;
    call(&app, Method::PATCH, &format!("/migrations/{id}/lifecycle/abort"), None).await.result();
    let count = app.call(Method::GET, "~/v1/stats", None).await.result()["count"]["current"].clone();
    let aborted = progress(&app, &id).await;
    assert_eq!(
        (&aborted["status"], count.as_u64().expect("a count") - 40),
        (&json!("aborted"), aborted["importSuccessCount"].as_u64().expect("a count"))
    );
    // The next one runs to its end, and nothing more of the other comes.
    let next = started(&app, json!({"sourceId": source})).await;
    assert_eq!(ended(&app, &next).await["skippedConflictCount"], 40);
    assert_eq!(app.call(Method::GET, "~/v1/stats", None).await.result()["count"]["current"], count);
}

#[tokio::test]
async fn a_bucket_that_closes_ends_a_migration() {
    let is_open = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let open = Arc::clone(&is_open);
    let origin = Origin::start(move |_| match open.load(std::sync::atomic::Ordering::SeqCst) {
        true => list(&BTreeMap::new(), "list-type=2&encoding-type=url&prefix="),
        false => refusal("403 Forbidden", "ExpiredToken"),
    })
    .await;
    let bucket = Bucket { origin, objects: Objects::default() };
    let (app, source) = bucket.app().await;
    let id = started(&app, json!({"sourceId": source})).await;
    is_open.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(ended(&app, &id).await["status"], "error");
    let last = logs(&app, &id).await.pop().expect("an entry");
    assert_eq!(last["logType"], "migrationError");
    assert!(last["msg"].as_str().expect("a text").contains("ExpiredToken"), "{last}");
    let checked = call(&app, Method::GET, &format!("/sources/{source}/connectivity"), None).await.result();
    assert_eq!(checked["code"], "ExpiredToken");
}
