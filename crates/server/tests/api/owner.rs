//! What accounts see and make of their own pictures: previews, signed URLs, verdicts, archives, origins.

use crate::test_app::{NOW, TestApp, png};
use axum::body::Body;
use futures_util::StreamExt;
use http::{Method, Request, StatusCode, header};
use safelight::blobs::BlobKey;
use safelight::config::Compat;
use safelight_domain::image::ImageId;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

fn below(app: &TestApp, path: &str) -> String {
    format!("/safelight/v1/accounts/{}/{path}", app.account.id.as_str())
}

async fn another(app: &TestApp) -> Value {
    app.call(Method::POST, "/safelight/v1/accounts", Some(json!({"name": "other"}))).await.result()
}

async fn upload(app: &TestApp, id: &str, fields: &[(&str, &str)]) {
    let fields = [&[("id", id)], fields].concat();
    app.upload_as(&app.token, "~/v1", Some(("p.png", &png(40, 20, [9, 9, 9, 255]))), &fields).await.result();
}

async fn private(app: &TestApp, id: &str) {
    upload(app, id, &[("requireSignedURLs", "true")]).await;
}

async fn sign(app: &TestApp, body: Value) -> Value {
    app.call(Method::POST, &below(app, "sign"), Some(body)).await.result()
}

fn target(url: &Value) -> String {
    url.as_str().and_then(|url| url.strip_prefix("https://images.example")).expect("a URL").to_owned()
}

#[tokio::test]
async fn a_private_picture_is_shown_to_its_owner_alone() {
    let app = TestApp::new().await;
    private(&app, "a/b").await;
    let path = below(&app, "preview?image=a%2Fb&options=width%3D10&format=png");
    let shown = app.call(Method::GET, &path, None).await;
    assert_eq!((shown.status, shown.header("content-type")), (StatusCode::OK, Some("image/png")));
    assert_eq!(&shown.body[16..24], [0, 0, 0, 10, 0, 0, 0, 5]);
    assert_eq!(shown.header("cache-control"), Some("private, no-cache"));
    assert_eq!(shown.header("cross-origin-resource-policy"), Some("same-origin"));
    assert_eq!(shown.header("access-control-allow-origin"), None);
    assert!(shown.header("content-security-policy").is_some_and(|csp| csp.contains("sandbox")));
    let named = app.call(Method::GET, &below(&app, "preview?image=a%2Fb&variant=public"), None).await;
    assert_eq!(named.status, StatusCode::OK);

    assert_eq!(app.get(&path).await.status, StatusCode::UNAUTHORIZED);
    let other = another(&app).await;
    assert_eq!(
        app.call_as(other["token"].as_str().expect("a token"), Method::GET, &path, None).await.status,
        StatusCode::FORBIDDEN
    );
    let unknown = app.call(Method::GET, &below(&app, "preview?image=no&variant=public"), None).await;
    unknown.refused(404, 5404);
    for (query, status, code) in [
        ("image=a%2Fb&variant=none", 404, 5401),
        ("image=a%2Fb&options=width%3Dx", 400, 9401),
        ("image=a%2Fb", 400, 5400),
        ("image=a%2Fb&variant=public&variant=public", 400, 5400),
        ("image=a%2Fb&variant=public&format=bmp", 400, 5400),
    ] {
        app.call(Method::GET, &below(&app, &format!("preview?{query}")), None).await.refused(status, code);
    }
}

#[tokio::test]
async fn links_are_signed_for_images_that_exist() {
    let app = TestApp::new().await;
    private(&app, "a b/ü").await;
    let forever = sign(&app, json!({"image": "a b/ü", "variant": "public"})).await;
    assert_eq!(app.get(&target(&forever["url"])).await.status, StatusCode::OK);
    assert_eq!((&forever["expires"], &forever["key"]), (&Value::Null, &json!("default")));
    let signed = forever["signed"].as_str().expect("a text");
    assert!(signed.ends_with("/a%20b/%C3%BC/public"), "{signed}");

    let minute = sign(&app, json!({"image": "a b/ü", "variant": "public", "expires": NOW + 60})).await;
    assert_eq!(app.get(&target(&minute["url"])).await.status, StatusCode::OK);
    app.set_clock(NOW + 60);
    app.get(&target(&minute["url"])).await.error(403, 9425);
    app.set_clock(NOW);

    for (body, status, code) in [
        (json!({"image": "no", "variant": "public"}), 404, 5404),
        (json!({"image": "a b/ü", "variant": "none"}), 404, 5401),
        (json!({"image": "a b/ü", "variant": "public", "key": "none"}), 404, 5404),
        (json!({"image": "a b/ü", "variant": "public", "expires": NOW}), 400, 5400),
        (json!({"image": "a b/ü", "variant": "public", "expires": NOW * 1000}), 400, 5400),
        (json!({"image": "a b/ü", "variant": "public", "domain": "https://not.ours"}), 400, 5400),
        (json!({"image": "a b/ü", "variant": "width=9"}), 403, 9429),
        (json!({"image": "a b/ü"}), 400, 5400),
    ] {
        app.call(Method::POST, &below(&app, "sign"), Some(body)).await.refused(status, code);
    }
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    let options = sign(&app, json!({"image": "a b/ü", "variant": "width=9,background=#ff0000"})).await;
    assert_eq!(app.get(&target(&options["url"])).await.status, StatusCode::OK);
    let bad = json!({"image": "a b/ü", "variant": "width=x"});
    app.call(Method::POST, &below(&app, "sign"), Some(bad)).await.refused(400, 9401);
}

#[tokio::test]
async fn domains_are_offered_for_links() {
    let app = TestApp::new().await;
    private(&app, "a").await;
    let given =
        json!({"domains": ["https://Img.Example.com/", "http://localhost:1", "https://img.example.com"]});
    let kept = app.call(Method::PUT, &below(&app, "domains"), Some(given)).await.result();
    assert_eq!(kept, json!({"domains": ["https://img.example.com", "http://localhost:1"]}));
    assert_eq!(app.call(Method::GET, &below(&app, "domains"), None).await.result(), kept);
    let body = json!({"image": "a", "variant": "public", "domain": "https://img.example.com"});
    let link = sign(&app, body).await;
    let target =
        link["url"].as_str().and_then(|url| url.strip_prefix("https://img.example.com")).expect("a URL");
    assert!(target.starts_with("/cdn-cgi/imagedelivery/"), "{target}");
    assert_eq!(app.get(target).await.status, StatusCode::OK);
    for bad in [json!(["img.example.com"]), json!(["https://a/b"]), json!(vec!["https://a"; 21])] {
        let body = json!({ "domains": bad });
        app.call(Method::PUT, &below(&app, "domains"), Some(body)).await.refused(400, 5400);
    }
}

/// URLs of every kind, of which the first five are good.
fn urls(hash: &str, good: &str, short: &str) -> Vec<String> {
    let sig = good.rsplit_once("sig=").expect("signed").1.to_owned();
    let changed = format!("{}{}", &good[..good.len() - 1], if good.ends_with('0') { '1' } else { '0' });
    let path = format!("/{hash}/secret/%C3%BC/public");
    vec![
        good.to_owned(),
        format!("https://images.example{good}"),
        format!("https://elsewhere.example{good}"),
        format!("/cdn-cgi/imagedelivery{good}"),
        short.to_owned(),
        changed,
        format!("{good}&sig={sig}"),
        format!("{good}&exp=1"),
        format!("{path}?exp=12"),
        format!("{path}?exp=x&sig={sig}"),
        format!("{path}?sig=12"),
        format!("{path}?s%69g={sig}"),
        path.clone(),
        format!("/{hash}/secret/ü/public?sig={sig}"),
        format!("/{hash}/secret%2F%C3%BC/public?sig={sig}"),
        format!("/{hash}/secret/%C3%BC/thumb"),
        format!("/{hash}/secret/%C3%BC/thumb?sig=12"),
        format!("/{hash}/secret/%C3%BC/nothing"),
        format!("/{hash}/secret/%C3%BC/width=9"),
        format!("/{hash}/secret/%C3%BC/!"),
        format!("/{hash}/open/public"),
        format!("/{hash}/open/public?exp=1&sig={sig}"),
        format!("/{hash}/open/width=9"),
        format!("/{hash}/absent/public"),
        format!("/{hash}/absent/public?sig={sig}"),
        format!("/{hash}/open"),
        format!("/{hash}//public"),
        "/x".to_owned(),
        "/nothash/open/public".to_owned(),
    ]
}

/// Every verdict must be what delivery itself answers.
#[tokio::test]
async fn verdicts_are_those_of_delivery() {
    let app = TestApp::new().await;
    let hash = app.account.hash.as_str();
    private(&app, "secret/ü").await;
    upload(&app, "open", &[]).await;
    let always = json!({"id": "thumb", "options": {"width": 9, "height": 9, "fit": "cover", "metadata": "none"},
                        "neverRequireSignedURLs": true});
    app.call(Method::POST, "~/v1/variants", Some(always)).await.result();
    let good = target(&sign(&app, json!({"image": "secret/ü", "variant": "public"})).await["url"]);
    let short = target(
        &sign(&app, json!({"image": "secret/ü", "variant": "public", "expires": NOW + 5})).await["url"],
    );
    let urls = urls(hash, &good, &short);
    for now in [NOW, NOW + 5] {
        app.set_clock(now);
        for url in &urls {
            let body = json!({ "url": url });
            let verdict = app.call(Method::POST, &below(&app, "verify"), Some(body)).await.result();
            let bare = url.find("example/").map_or(url.as_str(), |at| &url[at + "example".len()..]);
            let answer = app.get(&bare.replace('ü', "%C3%BC")).await;
            assert_eq!(verdict["status"], answer.status.as_u16(), "{url}: {verdict}");
            assert_eq!(verdict["accepted"], answer.status == StatusCode::OK, "{url}: {verdict}");
            if let Some(code) = verdict["code"].as_u64() {
                let text = verdict["message"].as_str().expect("a message");
                assert_eq!(answer.text().trim_end(), format!("ERROR {code}: {text}"), "{url}");
            }
            let failed = |check: &&Value| check["state"] == "failed";
            let failures = verdict["checks"].as_array().expect("checks").iter().filter(failed).count();
            assert_eq!(failures == 0, answer.status == StatusCode::OK, "{url}: {verdict}");
        }
    }
}

/// What delivery finds out only after it has let a request in.
#[tokio::test]
async fn what_cannot_be_made_is_neither_signed_nor_called_accepted() {
    let app = TestApp::with(|config| config.compat = Compat::Strict).await;
    let svg =
        br#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>"#;
    app.upload_as(&app.token, "~/v1", Some(("a.svg", svg)), &[("id", "drawing")]).await.result();
    let id = app.private_image().await;
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    for (image, options, status, code) in [
        ("drawing", "format=png", 415, 9412),
        ("drawing", "width=9", 200, 0),
        (id.as_str(), "width=9", 403, 9425),
    ] {
        let body = json!({"image": image, "variant": options});
        let link = app.call(Method::POST, &below(&app, "sign"), Some(body)).await;
        let url = app.signed(&app.target(image, options), None);
        assert_eq!(app.get(&url).await.status.as_u16(), status, "{url}");
        let verdict =
            app.call(Method::POST, &below(&app, "verify"), Some(json!({ "url": url }))).await.result();
        assert_eq!(verdict["accepted"], status == 200, "{verdict}");
        assert_eq!(verdict["status"], status, "{verdict}");
        if status == 200 {
            assert_eq!(target(&link.result()["url"]), url);
        } else {
            link.refused(status, code);
            assert_eq!(verdict["code"], code, "{verdict}");
            assert_eq!(verdict["checks"][6]["state"], "failed", "{verdict}");
        }
    }
}

#[tokio::test]
async fn verdicts_tell_nothing_of_other_accounts() {
    let app = TestApp::new().await;
    let other = another(&app).await;
    let theirs = json!({"url": format!("/{}/a/public", other["hash"].as_str().expect("a hash"))});
    let nobodys = json!({"url": "/AAAAAAAAAAAAAAAAAAAAAA/a/public"});
    let mut told = Vec::new();
    for body in [theirs, nobodys] {
        let verdict = app.call(Method::POST, &below(&app, "verify"), Some(body)).await.result();
        assert_eq!((&verdict["accepted"], &verdict["status"]), (&json!(false), &Value::Null));
        told.push((verdict["message"].clone(), verdict["checks"].clone()));
    }
    assert_eq!(told[0], told[1], "another account's hash looks like nobody's");
    for bad in ["ftp://a/b", "no url", &"x".repeat(17_000)] {
        app.call(Method::POST, &below(&app, "verify"), Some(json!({ "url": bad }))).await.refused(400, 5400);
    }
}

#[tokio::test]
async fn originals_are_sent_as_one_archive() {
    let app = TestApp::new().await;
    private(&app, "one/two").await;
    upload(&app, "two", &[("metadata", r#"{"k":[1]}"#)]).await;
    let body = json!({"images": ["one/two", "two"]});
    let answer = app.call(Method::POST, &below(&app, "export"), Some(body)).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some("application/zip")));
    assert_eq!(answer.header(header::CACHE_CONTROL.as_str()), Some("no-store"));
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&answer.body)).expect("an archive");
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        let mut file = archive.by_name(name).expect(name);
        std::io::Read::read_to_end(&mut file, &mut bytes).expect("sound");
        bytes
    };
    let original = png(40, 20, [9, 9, 9, 255]);
    assert!(read("p.png") == original && read("p (2).png") == original);
    let manifest: Value = serde_json::from_slice(&read("manifest.json")).expect("JSON");
    assert_eq!(manifest["images"][0]["id"], "one/two");
    assert_eq!(manifest["images"][0]["requireSignedURLs"], true);
    assert_eq!(manifest["images"][1]["meta"], json!({"k": [1]}));
    assert_eq!(archive.len(), 3);

    let missing = json!({"images": ["two", "absent"]});
    let said = app.call(Method::POST, &below(&app, "export"), Some(missing)).await.refused(404, 5404);
    assert!(said.contains("absent"), "{said}");
    for bad in [json!([]), json!(vec!["two"; 1001])] {
        let body = json!({ "images": bad });
        app.call(Method::POST, &below(&app, "export"), Some(body)).await.refused(400, 5400);
    }
    let other = another(&app).await;
    let theirs = json!({"images": ["two"]});
    let path = format!("/safelight/v1/accounts/{}/export", other["id"].as_str().expect("an id"));
    app.call_as(other["token"].as_str().expect("a token"), Method::POST, &path, Some(theirs))
        .await
        .refused(404, 5404);
}

/// What comes of an archive of these images, and whether it ended well.
async fn archive(app: &TestApp, ids: &[&str]) -> (Vec<u8>, bool) {
    let request = Request::post(below(app, "export"))
        .header(header::AUTHORIZATION, format!("Bearer {}", app.token))
        .body(Body::from(json!({ "images": ids }).to_string()))
        .expect("a request");
    let router = safelight::http::router(Arc::clone(&app.app));
    let response = router.oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let mut pieces = response.into_body().into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(_) => return (bytes, false),
        }
    }
    (bytes, true)
}

#[tokio::test]
async fn an_archive_that_breaks_off_never_looks_whole() {
    let app = TestApp::new().await;
    upload(&app, "sound", &[]).await;
    upload(&app, "short", &[]).await;
    upload(&app, "lost", &[]).await;
    let (bytes, whole) = archive(&app, &["sound", "short", "lost"]).await;
    assert!(whole && zip::ZipArchive::new(std::io::Cursor::new(bytes)).is_ok());

    let blob = |id: &'static str| {
        let (catalog, account) = (app.app.catalog.clone(), app.account.id.clone());
        async move {
            let found = catalog.find_image(&account, &ImageId::named(id)).await.expect("works");
            found.expect("an image").blob.clone()
        }
    };
    let short = blob("short").await;
    let file = app.app.config.data.join("blobs/original").join(&short.as_str()[..2]).join(short.as_str());
    std::fs::write(file, &png(40, 20, [9, 9, 9, 255])[..50]).expect("cut short");
    app.app.blobs.delete(&BlobKey::Original(blob("lost").await)).await.expect("deleted");
    // So many that the list at the end would come in pieces of its own.
    for broken in ["short", "lost"] {
        let ids = [vec!["sound"; 900], vec![broken]].concat();
        let (bytes, whole) = archive(&app, &ids).await;
        assert!(!whole && !bytes.is_empty(), "{broken}");
        assert!(zip::ZipArchive::new(std::io::Cursor::new(bytes)).is_err(), "{broken}");
    }
}

/// Threads for what blocks are few, and catalog and store need them for every answer.
#[test]
fn readers_that_stall_hold_up_nobody() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let app = TestApp::new().await;
        let mut large = png(40, 20, [9, 9, 9, 255]);
        large.resize(900_000, 0);
        app.upload_as(&app.token, "~/v1", Some(("p.png", &large)), &[("id", "large")]).await.result();
        let router = safelight::http::router(Arc::clone(&app.app));
        let mut stalled = Vec::new();
        for _ in 0..4 {
            let request = Request::post(below(&app, "export"))
                .header(header::AUTHORIZATION, format!("Bearer {}", app.token))
                .body(Body::from(json!({ "images": vec!["large"; 10] }).to_string()))
                .expect("a request");
            let response = router.clone().oneshot(request).await.expect("an answer");
            let mut pieces = response.into_body().into_data_stream();
            pieces.next().await.expect("a piece").expect("sound");
            stalled.push(pieces);
        }
        let asked = app.call(Method::GET, "~/v1", None);
        let answer = tokio::time::timeout(Duration::from_secs(10), asked).await.expect("in time");
        answer.result();
        for pieces in stalled {
            let rest: Vec<_> = pieces.map(|piece| piece.expect("sound").len()).collect().await;
            assert!(rest.iter().sum::<usize>() > 8_900_000 && rest.iter().all(|len| *len < 200_000));
        }
    });
}

#[tokio::test]
async fn origins_of_remote_images_are_kept_and_in_force_at_once() {
    let app = TestApp::new().await;
    let remote = "/cdn-cgi/image/width=9/https://pictures.invalid/a.png";
    let before = app.get(remote).await;
    assert_eq!(before.status, StatusCode::FORBIDDEN, "{}", before.text());
    let set = json!({"stored": ["*.example.com/photos", "pictures.invalid"]});
    let kept = app.call(Method::PUT, "/safelight/v1/origins", Some(set)).await.result();
    assert_eq!(kept["stored"], json!(["*.example.com/photos", "pictures.invalid"]));
    assert_eq!(app.call(Method::GET, "/safelight/v1/origins", None).await.result(), kept);
    let after = app.get(remote).await;
    // It is allowed now; that it cannot be reached is another matter.
    assert_ne!(after.text(), before.text());
    for bad in [json!(["https://example.com"]), json!([""]), json!(vec!["a"; 101])] {
        let body = json!({ "stored": bad });
        app.call(Method::PUT, "/safelight/v1/origins", Some(body)).await.refused(400, 5400);
    }
    let other = another(&app).await;
    let refused = app
        .call_as(other["token"].as_str().expect("a token"), Method::GET, "/safelight/v1/origins", None)
        .await;
    refused.refused(403, 10000);
}
