//! Imports, from the request to the last image.

use crate::origin::{Origin, answer, redirect};
use crate::test_app::{TestApp, png};
use http::Method;
use safelight::config::{Config, Database};
use safelight::import::{self, Pace};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PACE: Pace = Pace { look: Duration::from_millis(20), first_wait_ms: 5 };
const ACCOUNT: &str = "abcdefabcdefabcdefabcdefabcdefab";
const TOKEN: &str = "token-of-the-source";

fn open(origin: &Origin) -> impl FnOnce(&mut Config) {
    let port = origin.port;
    move |config| {
        config.fetch.private_networks = vec!["127.0.0.1/32".parse().expect("a network")];
        config.fetch.ports = vec![port];
        config.fetch.concurrent = 32;
    }
}

fn path(app: &TestApp) -> String {
    format!("/safelight/v1/accounts/{}/imports", app.account.id.as_str())
}

async fn create(app: &TestApp, body: Value) -> Value {
    app.call(Method::POST, &path(app), Some(body)).await.result()
}

async fn show(app: &TestApp, import: &Value) -> Value {
    let id = import["id"].as_str().expect("an id");
    app.call(Method::GET, &format!("{}/{id}", path(app)), None).await.result()
}

/// Works on imports until `until` has come.
async fn working<T>(app: &TestApp, until: impl Future<Output = T>) -> T {
    let both = async {
        tokio::select! {
            () = import::run(Arc::clone(&app.app), PACE, std::future::pending()) => unreachable!("it does not end"),
            seen = until => seen,
        }
    };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("in time")
}

/// Works on imports until this one has ended, and shows it.
async fn ended(app: &TestApp, import: &Value) -> Value {
    working(app, async {
        loop {
            let shown = show(app, import).await;
            if shown["state"] != "running" {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

fn counts(import: &Value) -> [u64; 3] {
    ["imported", "skipped", "failed"].map(|name| import[name].as_u64().expect("a count"))
}

/// The path and query that were asked for.
fn target(request: &str) -> &str {
    request.split(' ').nth(1).expect("a target")
}

fn ok(result: Value) -> Vec<u8> {
    let body = json!({"result": result, "success": true, "errors": [], "messages": []});
    answer("200 OK", "content-type: application/json\r\n", body.to_string())
}

/// What a source answers to what comes before its images.
fn preliminary(target: &str) -> Option<Vec<u8>> {
    if target.ends_with("/stats") {
        return Some(ok(json!({"count": {"current": 3, "allowed": 100_000}})));
    }
    target.ends_with("/variants").then(|| ok(json!({"variants": {}})))
}

fn from(origin: &Origin) -> Value {
    let api = format!("http://127.0.0.1:{}/client/v4/", origin.port);
    json!({"kind": "cloudflare", "api": api, "account_id": ACCOUNT, "token": TOKEN})
}

#[tokio::test]
async fn urls_become_images() {
    let origin = Origin::start(|request| match target(request) {
        "/a.png" | "/photos/b.png?v=1" | "/c" => answer("200 OK", "", png(4, 3, [1, 2, 3, 255])),
        "/text" => answer("200 OK", "", "no image"),
        _ => answer("404 Not Found", "", ""),
    })
    .await;
    let app = TestApp::with(open(&origin)).await;
    let base = format!("http://user:s3cret@127.0.0.1:{}", origin.port);
    let url = |path: &str| format!("{base}{path}");
    app.upload(&png(2, 2, [0; 4]), &[("id", "taken")]).await.result();
    let urls = json!([
        {"url": url("/a.png")},
        {"url": url("/photos/b.png?v=1"), "id": "mine/b"},
        {"url": url("/c"), "id": "taken"},
        {"url": url("/missing")},
        {"url": url("/text"), "id": ""},
    ]);
    let import = create(&app, json!({"kind": "urls", "urls": urls, "requireSignedURLs": true})).await;
    assert_eq!((&import["state"], &import["total"]), (&json!("running"), &json!(5)));
    assert_eq!(import["source"], format!("http://127.0.0.1:{}", origin.port));
    let done = ended(&app, &import).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("done"), [2, 1, 2]), "{done}");
    assert_eq!((&done["message"], done["finished"].is_string()), (&Value::Null, true));
    let mut failures = done["failures"].as_array().expect("failures").clone();
    failures.sort_by_key(|failure| failure["source"].to_string());
    // Without the password.
    let shown = |path: &str| json!(format!("http://127.0.0.1:{}{path}", origin.port));
    assert_eq!(failures[0], json!({"source": shown("/missing"), "message": "it answered 404 Not Found"}));
    assert_eq!(failures[1]["source"], shown("/text"));

    let image = app.call(Method::GET, "~/v1/mine%2Fb", None).await.result();
    assert_eq!((&image["filename"], &image["requireSignedURLs"]), (&json!("b.png"), &json!(true)));
    assert_eq!(app.get(&app.signed(&app.target("mine/b", "public"), None)).await.status, 200);
    let list = app.call(Method::GET, "~/v1", None).await.result();
    assert_eq!(list["images"].as_array().expect("images").len(), 3);
    // The image that was there is as it was, and was not fetched over.
    let taken = app.call(Method::GET, "~/v1/taken", None).await.result();
    assert_eq!(taken["filename"], "photo.png");
    assert_eq!(app.app.config.data.join("staging").read_dir().expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_source_that_is_busy_or_broken_is_asked_again() {
    let tries: Arc<[AtomicUsize; 4]> = Arc::default();
    let seen = Arc::clone(&tries);
    let origin = Origin::start(move |request| {
        let count = |which: usize| seen[which].fetch_add(1, Ordering::SeqCst) + 1;
        match target(request) {
            "/busy" if count(0) <= 5 => answer("429 Too Many Requests", "retry-after: 0\r\n", ""),
            "/broken" if count(1) <= 3 => answer("502 Bad Gateway", "", ""),
            "/lost" => {
                count(2);
                answer("500 Oops", "", "secret of the origin")
            }
            "/gone" => {
                count(3);
                answer("410 Gone", "retry-after: 1\r\n", "")
            }
            _ => answer("200 OK", "", png(4, 3, [1, 2, 3, 255])),
        }
    })
    .await;
    let app = TestApp::with(open(&origin)).await;
    let urls = ["busy", "broken", "lost", "gone"]
        .map(|path| json!({"url": format!("http://127.0.0.1:{}/{path}", origin.port), "id": path}));
    let import = create(&app, json!({"kind": "urls", "urls": urls})).await;
    let done = ended(&app, &import).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("done"), [2, 0, 2]), "{done}");
    assert!(!done.to_string().contains("secret"), "{done}");
    let tries: Vec<_> = tries.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    assert_eq!(tries, [6, 4, 4, 1]);
}

/// The API of an account with two pages of images, and an empty one between them. `elsewhere` is where one original is.
fn source(path: &str, elsewhere: &str) -> Vec<u8> {
    match path {
        "/v1/stats" => ok(json!({"count": {"current": 4, "allowed": 100_000}})),
        "/v1/variants" => ok(json!({"variants": {
            "thumb": {"id": "thumb", "options": {"fit": "cover", "width": 50, "metadata": "none"},
                      "neverRequireSignedURLs": true},
            "public": {"id": "public", "options": {"fit": "contain", "width": 77, "height": 77}},
            "odd": {"id": "odd", "options": {"fit": "sideways"}},
        }})),
        "/v2?per_page=100&sort_order=asc" => ok(json!({"images": [
            {"id": "a/b c", "filename": "a.png", "meta": {"z": 1, "a": [true]}, "requireSignedURLs": true,
             "creator": "someone", "variants": [], "uploaded": "2026-01-01T00:00:00.000Z"},
            {"id": "promised", "draft": true, "requireSignedURLs": false},
            {"id": "2cdc28f0-017a-49c4-9ed7-87056c839010", "requireSignedURLs": false},
        ], "continuation_token": "next=1"})),
        "/v2?per_page=100&sort_order=asc&continuation_token=next%3D1" => {
            ok(json!({"images": [], "continuation_token": "2"}))
        }
        "/v2?per_page=100&sort_order=asc&continuation_token=2" => ok(json!({"images": [
            {"id": "a//b", "requireSignedURLs": false},
            {"id": "moved", "requireSignedURLs": false},
        ], "continuation_token": null})),
        "/v1/a%2Fb%20c/blob" | "/v1/2cdc28f0-017a-49c4-9ed7-87056c839010/blob" => {
            answer("200 OK", "", png(4, 3, [1, 2, 3, 255]))
        }
        "/v1/moved/blob" => redirect("302 Found", elsewhere),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_pages_of_a_source_are_followed_and_images_keep_what_they_have() {
    let files = Origin::start(|_| answer("200 OK", "", png(5, 5, [9, 9, 9, 255]))).await;
    let elsewhere = format!("http://localhost:{}/original", files.port);
    let files_port = files.port;
    let origin = Origin::start(move |request| {
        let path = target(request).strip_prefix(&format!("/client/v4/accounts/{ACCOUNT}/images"));
        let path = path.unwrap_or_else(|| panic!("{request}"));
        assert!(request.contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{request}");
        source(path, &elsewhere)
    })
    .await;
    let app = TestApp::with(|config| {
        open(&origin)(config);
        config.fetch.ports.push(files_port);
    })
    .await;
    let import = create(&app, from(&origin)).await;
    let source = format!("http://127.0.0.1:{}/client/v4/accounts/{ACCOUNT}", origin.port);
    assert_eq!((&import["kind"], &import["source"]), (&json!("cloudflare"), &json!(source)));
    assert_eq!(import["total"], Value::Null);
    let done = ended(&app, &import).await;
    assert_eq!((&done["state"], &done["total"]), (&json!("done"), &json!(4)), "{done}");
    assert_eq!(counts(&done), [3, 0, 1], "{done}");
    let sources: Vec<_> =
        done["failures"].as_array().expect("failures").iter().map(|f| &f["source"]).collect();
    assert_eq!(sources, ["a//b", "variant public", "variant odd"]);
    // What the redirect led to was not told the token.
    assert!(!files.request(0).contains("authorization"), "{}", files.request(0));

    let image = app.call(Method::GET, "~/v1/a%2Fb%20c", None).await.result();
    assert_eq!((&image["filename"], &image["creator"]), (&json!("a.png"), &json!("someone")));
    assert_eq!(
        (image["meta"].to_string().as_str(), &image["requireSignedURLs"]),
        (r#"{"z":1,"a":[true]}"#, &json!(true))
    );
    let blob = app.call(Method::GET, "~/v1/a%2Fb%20c/blob", None).await;
    assert_eq!(blob.body, png(4, 3, [1, 2, 3, 255]));
    let thumb = app.call(Method::GET, "~/v1/variants/thumb", None).await.result();
    assert_eq!(
        (&thumb["variant"]["options"]["width"], &thumb["variant"]["neverRequireSignedURLs"]),
        (&json!(50), &json!(true))
    );
    let public = app.call(Method::GET, "~/v1/variants/public", None).await.result();
    assert_eq!(public["variant"]["options"]["width"], 1366, "it was there");
    app.call(Method::GET, "~/v1/variants/odd", None).await.refused(404, 5401);

    // Again: nothing is fetched that is here.
    let before = origin.connections();
    let again = create(&app, from(&origin)).await;
    let again = ended(&app, &again).await;
    assert_eq!((&again["state"], counts(&again)), (&json!("done"), [0, 3, 1]), "{again}");
    assert_eq!(origin.connections() - before, 5, "stats, variants and three pages");
}

#[tokio::test]
async fn a_token_that_the_source_refuses_ends_the_import() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let origin = Origin::start(move |request| {
            preliminary(target(request)).unwrap_or_else(|| answer(status, "", "no"))
        })
        .await;
        let app = TestApp::with(open(&origin)).await;
        let import = create(&app, from(&origin)).await;
        let failed = ended(&app, &import).await;
        assert_eq!(failed["state"], "failed");
        let message = format!("the source does not accept the token: it answered {status}");
        assert_eq!(failed["message"], message);
        assert_eq!(origin.connections(), 3, "it is not asked again");
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_on_the_way_ends_the_import() {
    let origin = Origin::start(|request| match target(request) {
        blob if blob.ends_with("/i0/blob") => answer("403 Forbidden", "", "not this one"),
        blob if blob.ends_with("/blob") => answer("401 Unauthorized", "", "no"),
        other => preliminary(other).unwrap_or_else(|| {
            let images: Vec<_> = (0..50).map(|n| json!({"id": format!("i{n}")})).collect();
            ok(json!({"images": images, "continuation_token": "more"}))
        }),
    })
    .await;
    let app = TestApp::with(open(&origin)).await;
    let import = create(&app, from(&origin)).await;
    let failed = ended(&app, &import).await;
    let message = "the source does not accept the token: it answered 401 Unauthorized";
    assert_eq!((&failed["state"], &failed["message"]), (&json!("failed"), &json!(message)));
    assert!(origin.connections() < 20, "the rest is not asked for: {}", origin.connections());
}

#[tokio::test]
async fn what_is_no_source_ends_the_import() {
    let images = |count: usize| (0..count).map(|n| json!({"id": format!("i{n}")})).collect::<Vec<_>>();
    for (page, why) in [
        (answer("200 OK", "", "<html>"), "its answer is not that of Cloudflare's API"),
        (ok(json!({"images": images(101)})), "its page has more images than were asked for"),
        (ok(json!({"images": [], "continuation_token": "again"})), "its list does not go on"),
        (
            ok(json!({"images": [], "continuation_token": "x".repeat(16_385)})),
            "its continuation_token is too long",
        ),
        (answer("404 Not Found", "", ""), "it answered 404 Not Found"),
    ] {
        let origin = Origin::start(move |request| preliminary(target(request)).unwrap_or(page.clone())).await;
        let app = TestApp::with(open(&origin)).await;
        let import = create(&app, from(&origin)).await;
        let failed = ended(&app, &import).await;
        assert_eq!(failed["message"], format!("the images of the source cannot be listed: {why}"));
        assert_eq!((&failed["state"], counts(&failed)), (&json!("failed"), [0, 0, 0]));
    }
}

/// All that is in the files of the catalog.
fn catalog_holds(app: &TestApp, text: &str) -> bool {
    let file = std::fs::read(app.app.config.data.join("catalog.sqlite")).expect("a file");
    file.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn the_token_is_stored_while_it_is_needed_and_never_shown() {
    let origin = Origin::start(|request| {
        preliminary(target(request)).unwrap_or_else(|| ok(json!({"images": [], "continuation_token": null})))
    })
    .await;
    let open = open(&origin);
    let in_a_file = |config: &mut Config| {
        open(config);
        config.database = Database::File;
    };
    let app = TestApp::with(in_a_file).await;
    let import = create(&app, from(&origin)).await;
    assert!(!import.to_string().contains(TOKEN));
    let id = import["id"].as_str().expect("an id");
    let work = app.app.catalog.import_work(id, 1).await.expect("works").expect("runs");
    assert_eq!(work.remote.as_ref().expect("an account").token, TOKEN);
    assert!(!format!("{work:?}").contains(TOKEN), "{work:?}");
    checkpoint(&app);
    assert!(catalog_holds(&app, TOKEN), "or the test below shows nothing");
    let done = ended(&app, &import).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("done"), [0, 0, 0]));
    let list = app.call(Method::GET, &path(&app), None).await;
    assert!(!list.text().contains(TOKEN));
    checkpoint(&app);
    assert!(!catalog_holds(&app, TOKEN), "it is overwritten in the database's file");
}

/// Moves what is in the log into the database's file.
fn checkpoint(app: &TestApp) {
    let file = app.app.config.data.join("catalog.sqlite");
    let connection = rusqlite::Connection::open(file).expect("a database");
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).expect("a checkpoint");
    assert_eq!(busy, 0);
}

#[tokio::test]
async fn an_import_is_stopped_and_then_removed() {
    let origin = Origin::start(|_| Vec::new()).await.silent();
    let app = TestApp::with(open(&origin)).await;
    let url = format!("http://127.0.0.1:{}/a.png", origin.port);
    let import = create(&app, json!({"kind": "urls", "urls": [{"url": url, "id": "slow"}]})).await;
    let one = format!("{}/{}", path(&app), import["id"].as_str().expect("an id"));
    working(&app, async {
        while origin.connections() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        app.call(Method::DELETE, &one, None).await.result();
        // Its fetch is given up, though the origin says nothing: the next import has the slot.
        tokio::time::sleep(Duration::from_millis(100)).await;
    })
    .await;
    let stopped = show(&app, &import).await;
    assert_eq!((&stopped["state"], counts(&stopped)), (&json!("stopped"), [0, 0, 0]));
    assert_eq!(app.app.config.data.join("staging").read_dir().expect("a folder").count(), 0);
    app.call(Method::DELETE, &one, None).await.result();
    app.call(Method::GET, &one, None).await.refused(404, 5404);
    app.call(Method::DELETE, &one, None).await.refused(404, 5404);
}

#[tokio::test]
async fn closed_networks_stay_closed() {
    let origin = Origin::start(|_| answer("200 OK", "", png(2, 2, [0; 4]))).await;
    let app = TestApp::with(|config| config.fetch.ports = vec![origin.port]).await;
    let import = create(&app, from(&origin)).await;
    let failed = ended(&app, &import).await;
    let message = "the images of the source cannot be listed: the host has no public address";
    assert_eq!((&failed["state"], &failed["message"]), (&json!("failed"), &json!(message)));
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn bad_imports_are_refused() {
    let app = TestApp::new().await;
    let many = vec![json!({"url": "https://a.example/"}); 10_001];
    let remote = |member: &str, value: Value| {
        let mut body = json!({"kind": "cloudflare", "account_id": ACCOUNT, "token": TOKEN});
        body[member] = value;
        body
    };
    for (body, why) in [
        (json!({}), "kind"),
        (json!({"kind": "s3"}), "unknown variant"),
        (json!({"kind": "urls"}), "urls"),
        (json!({"kind": "urls", "urls": []}), "1 to 10000"),
        (json!({"kind": "urls", "urls": many}), "1 to 10000"),
        (json!({"kind": "urls", "urls": [{"url": "https://a.example/"}, {"url": "/b"}]}), "urls[1]: the URL"),
        (
            json!({"kind": "urls", "urls": [{"url": "https://a.example/", "id": "a//b"}]}),
            "urls[0]: the Custom ID",
        ),
        (json!({"kind": "urls", "urls": [{"url": "https://a.example/", "x": 1}]}), "x"),
        (remote("account_id", json!("x")), "account_id"),
        (remote("token", json!("")), "token must be"),
        (remote("token", json!("a b")), "token must be"),
        (remote("token", json!("x".repeat(1025))), "token must be"),
        (remote("api", json!("ftp://a.example/")), "api must be"),
        (remote("api", json!("https://user:pass@a.example/")), "api must be"),
        (remote("api", json!("https://a.example/?x=1")), "api must be"),
        (remote("urls", json!([])), "urls"),
    ] {
        let text = app.call(Method::POST, &path(&app), Some(body)).await.refused(400, 5400);
        assert!(text.contains(why), "{text}");
    }
    let long = json!({"kind": "urls", "urls": [{"url": "x".repeat(4 << 20)}]});
    app.call(Method::POST, &path(&app), Some(long)).await.refused(413, 7011);
    assert_eq!(app.call(Method::GET, &path(&app), None).await.result(), json!({"imports": []}));

    let tokens = format!("/safelight/v1/accounts/{}/tokens", app.account.id.as_str());
    let reader =
        app.call(Method::POST, &tokens, Some(json!({"name": "r", "scopes": ["read"]}))).await.result();
    let reader = reader["token"].as_str().expect("a token");
    let good = json!({"kind": "urls", "urls": [{"url": "https://a.example/"}]});
    app.call_as(reader, Method::POST, &path(&app), Some(good.clone())).await.refused(403, 10000);
    let import = create(&app, good.clone()).await;
    let one = format!("{}/{}", path(&app), import["id"].as_str().expect("an id"));
    app.call_as(reader, Method::DELETE, &one, None).await.refused(403, 10000);
    app.call_as(reader, Method::GET, &one, None).await.result();
    // Ten run at most; the newest is listed first.
    for _ in 1..10 {
        create(&app, good.clone()).await;
    }
    app.call(Method::POST, &path(&app), Some(good)).await.refused(429, 5429);
    let list = app.call(Method::GET, &path(&app), None).await.result();
    let list = list["imports"].as_array().expect("imports");
    assert_eq!((list.len(), &list[9]["id"]), (10, &import["id"]));
}
