//! Every error of delivery that a request can provoke, with its status, code and text. Overload and
//! timeouts are in `delivery` and `workers`, since each needs a server of its own.

use crate::test_app::{NOW, TestApp, png};
use http::Method;
use safelight_domain::image::{BlobId, Image, ImageId};
use serde_json::json;
use std::path::{Path, PathBuf};

const UNKNOWN: &str = "6b5f2a8e-0000-4000-8000-000000000000";

async fn flexible() -> TestApp {
    let app = TestApp::new().await;
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    app
}

async fn id_of(app: &TestApp, file: &[u8]) -> String {
    app.upload(file, &[]).await.result()["id"].as_str().expect("an id").to_owned()
}

async fn check(app: &TestApp, target: &str, status: u16, code: u32, text: &str) {
    let answer = app.get(target).await;
    assert_eq!(answer.text(), format!("ERROR {code}: {text}"), "{target}");
    answer.error(status, code);
}

#[tokio::test]
async fn of_urls_and_names() {
    let app = TestApp::new().await;
    let hash = app.account.hash.as_str().to_owned();
    let id = app.uploaded(&[]).await;
    let shape = "Invalid URL: expected /<account hash>/<image id>/<variant>";
    let no_variant = "Image access denied: This account doesn't have variant with this name";
    for (target, status, code, text) in [
        ("/?".to_owned(), 403, 9426, shape),
        (format!("/{hash}/{id}"), 403, 9426, shape),
        (format!("/{hash}/%FF/public"), 403, 9426, shape),
        (format!("/short/{id}/public"), 403, 9427, "Incorrect account hash"),
        (format!("/AAAAAAAAAAAAAAAAAAAAAA/{id}/public"), 403, 9427, "Incorrect account hash"),
        (app.target(&id, "nosuch"), 403, 9425, no_variant),
        (app.target(&id, "no-such"), 403, 9425, no_variant),
        (app.target(&id, "w=1"), 403, 9429, "Flexible variants are not enabled for the account"),
        (app.signed(&app.target(UNKNOWN, "public"), None), 404, 5404, "Image not found"),
    ] {
        check(&app, &target, status, code, text).await;
    }
    let answer = app.fetch(Method::POST, &app.target(&id, "public"), &[]).await;
    answer.error(405, 9424);
    let answer = app.fetch(Method::GET, &app.target(&id, "public"), &[("range", "bytes=9999999-")]).await;
    answer.error(416, 9424);
}

#[tokio::test]
async fn of_tokens() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    let unknown = app.target(UNKNOWN, "public");
    let zeros = "0".repeat(64);
    let expired = app.signed(&target, Some(NOW - 1)).split_once('?').expect("signed").1.to_owned();
    let mismatch = "check failed: Malformed data found: The URL signature does not match. Expecting SHA-256 HMAC of the path";
    for (query, text) in [
        (String::new(), "the image needs a signed URL, or does not exist".to_owned()),
        (format!("?sig={zeros}"), format!("{mismatch} without domain nor query string")),
        (
            format!("?exp={}&sig={zeros}", NOW + 9),
            format!("{mismatch} and query without domain and without sig"),
        ),
        ("?exp=1".to_owned(), "exp is given without sig".to_owned()),
        (
            format!("?exp=0&sig={zeros}"),
            "exp must be 1 to 18 decimal digits without a leading zero: seconds since 1970".to_owned(),
        ),
        ("?sig=1".to_owned(), "sig must be 64 hexadecimal digits".to_owned()),
        (format!("?sig={zeros}&sig={zeros}"), "exp and sig may each be given once".to_owned()),
        (
            format!("?%73ig={zeros}"),
            "the names exp and sig must be written as they are, not percent-encoded".to_owned(),
        ),
    ] {
        let text = format!("Image access denied: {text}");
        check(&app, &format!("{target}{query}"), 403, 9425, &text).await;
        check(&app, &format!("{unknown}{query}"), 403, 9425, &text).await;
    }
    let text = "Image access denied: the signed URL has expired";
    check(&app, &format!("{target}?{expired}"), 403, 9425, text).await;
}

#[tokio::test]
async fn of_options_and_pictures() {
    let app = flexible().await;
    let id = app.uploaded(&[]).await;
    let drawing = id_of(&app, b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"7\" height=\"5\"/>").await;
    let mut cut = png(400, 300, [1, 2, 3, 255]);
    cut.truncate(cut.len() / 2);
    let cut = id_of(&app, &cut).await;
    let body = json!({"id": "marked", "options": {"draw": [{"image": "gone"}]}});
    app.call(Method::POST, "~/v1/variants", Some(body)).await.result();
    let too_large =
        "the result would be too large: 12000x9000 pixels, allowed are 12000 a side and 100000000 in all";
    let nothing = "the trim leaves nothing of the image's 40x30 pixels";
    let damaged = "the image data is damaged, or of a kind that is not supported";
    let from_svg = "an SVG is delivered as it is, format may be auto, svg or json";
    for (target, status, code, text) in [
        (app.target(&id, "wdith=1"), 400, 9401, "there is no option 'wdith'"),
        (app.target(&id, "w=1,w=2"), 400, 9401, "width is given twice"),
        (app.target(&id, "w=1,f=svg"), 415, 9412, "format=svg is for SVG images alone"),
        (app.target(&drawing, "f=png"), 415, 9412, from_svg),
        (app.target(&id, "w=12000,fit=contain,f=png"), 403, 9413, too_large),
        (app.target(&id, "trim=30;0;0;0"), 403, 9413, nothing),
        (app.target(&cut, "public"), 422, 9516, damaged),
        (app.target(&id, "marked"), 404, 9404, "An overlay of this variant does not exist"),
    ] {
        check(&app, &target, status, code, text).await;
    }
}

#[tokio::test]
async fn of_originals_that_changed_on_disk() {
    let app = TestApp::new().await;
    let side = "the image is too large: 12001x1 pixels, allowed are 12000 a side and 100000000 in all";
    let kind = "the file is not an image, or of a kind that is not accepted";
    let drawing = b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"7\" height=\"5\"/>";
    let conversion = "an SVG is delivered as an SVG alone, and other images never as one";
    for (file, status, code, text) in [
        (Some(png(12_001, 1, [0; 4])), 403, 9413, side),
        (Some(b"no image".to_vec()), 415, 9520, kind),
        (Some(drawing.to_vec()), 415, 9412, conversion),
        (None, 500, 9523, "Internal error"),
    ] {
        let before = originals(&app);
        let target = app.target(&app.uploaded(&[]).await, "public");
        let new = originals(&app).into_iter().find(|path| !before.contains(path)).expect("a file");
        std::fs::remove_file(&new).expect("it is there");
        match file {
            Some(file) => std::fs::write(&new, file).expect("written"),
            // A link to itself cannot be read.
            None => std::os::unix::fs::symlink(&new, &new).expect("made"),
        }
        check(&app, &target, status, code, text).await;
    }
}

pub(crate) fn originals(app: &TestApp) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let folders = entries(&app.app.config.data.join("blobs/original"));
    folders.iter().flat_map(|folder| entries(folder)).collect()
}

#[tokio::test]
async fn of_originals_too_large_together_to_be_processed() {
    let app = TestApp::new().await;
    let account = &app.account.id;
    let id = ImageId::custom(&app.uploaded(&[("id", "plain")]).await).expect("an id");
    let plain = app.app.catalog.find_image(account, &id).await.expect("works").expect("is there");
    // Of a server that took larger uploads. Nothing is read of it, so there are no bytes.
    for (number, bytes) in [(1, 512 << 20), (2, 256 << 20), (3, (512 << 20) + 1)] {
        let id = ImageId::custom(&format!("large{number}")).expect("an id");
        let image = Image { id, blob: BlobId::from_random([number; 16]), bytes, ..Image::clone(&plain) };
        app.app.catalog.insert_image(image).await.expect("stored");
    }
    let draw = json!([{"image": "large1"}]);
    app.call(Method::POST, "~/v1/variants", Some(json!({"id": "one", "options": {"draw": draw}})))
        .await
        .result();
    let draw = json!([{"image": "large2"}, {"image": "large2"}]);
    app.call(Method::POST, "~/v1/variants", Some(json!({"id": "two", "options": {"draw": draw}})))
        .await
        .result();
    for (target, bytes) in [
        (app.target("plain", "one"), (512 << 20) + plain.bytes),
        (app.target("plain", "two"), (512 << 20) + plain.bytes),
        (app.target("large3", "public"), (512 << 20) + 1),
    ] {
        let text =
            format!("the image has {bytes} bytes, with all that is drawn on it; allowed are 536870912");
        check(&app, &target, 403, 9413, &text).await;
    }
    assert_eq!(app.get(&app.target("plain", "public")).await.status, 200);
}
