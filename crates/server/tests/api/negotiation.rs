//! Formats and sizes as delivered.

use crate::test_app::{TestApp, decode_png, png};
use http::Method;
use serde_json::json;

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

#[tokio::test]
async fn webp_where_it_is_asked_for_and_the_sources_kind_elsewhere() {
    let app = TestApp::new().await;
    let photo = app.upload(SAMPLE, &[]).await.result()["id"].as_str().expect("an id").to_owned();
    let graphic = app.uploaded(&[]).await;
    let jpeg: &[u8] = &[0xFF, 0xD8, 0xFF];
    let png: &[u8] = b"\x89PNG";
    for (id, accept, kind, magic) in [
        (&photo, "image/avif,image/webp,*/*", "image/webp", &b"RIFF"[..]),
        (&photo, "*/*", "image/jpeg", jpeg),
        (&photo, "image/webp;q=0,image/*", "image/jpeg", jpeg),
        (&graphic, "image/webp", "image/webp", &b"RIFF"[..]),
        (&graphic, "", "image/png", png),
    ] {
        let answer = app.fetch(Method::GET, &app.target(id, "public"), &[("accept", accept)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some(kind)), "{accept}");
        assert_eq!(answer.header("vary"), Some("Accept"));
        assert!(answer.body.starts_with(magic), "{accept}");
    }
}

#[tokio::test]
async fn a_trim_counts_for_the_longest_side_of_an_avif() {
    let app = TestApp::new().await;
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    let id = app.uploaded(&[]).await;
    for (options, kind) in [
        ("fit=contain,h=30", "image/avif"),
        // 40 times 31 pixels wide.
        ("fit=contain,h=31,trim.height=1", "image/webp"),
        ("fit=contain,h=31,trim=border", "image/webp"),
        ("fit=contain,h=30,trim.height=1", "image/avif"),
    ] {
        let target = app.target(&id, options);
        let answer = app.fetch(Method::GET, &target, &[("accept", "image/avif,image/webp")]).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some(kind)), "{options}");
    }
}

#[tokio::test]
async fn every_fit_has_its_size() {
    let app = TestApp::new().await;
    let id = app.upload(&png(100, 50, [9, 9, 9, 255]), &[]).await.result()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for (name, options, size) in [
        ("a", json!({"fit": "scale-down", "width": 200, "height": 200}), (100, 50)),
        ("b", json!({"fit": "scale-down", "width": 20}), (20, 10)),
        ("c", json!({"fit": "contain", "width": 200, "height": 200}), (200, 100)),
        ("d", json!({"fit": "cover", "width": 30, "height": 30}), (30, 30)),
        ("e", json!({"fit": "crop", "width": 30, "height": 30}), (30, 30)),
        ("f", json!({"fit": "crop", "width": 300, "height": 300}), (100, 50)),
        ("g", json!({"fit": "pad", "width": 30, "height": 30}), (30, 30)),
        ("h", json!({"blur": 3.5}), (100, 50)),
    ] {
        app.call(Method::POST, "~/v1/variants", Some(json!({"id": name, "options": options}))).await.result();
        let answer = app.get(&app.target(&id, name)).await;
        assert_eq!(answer.status, 200, "{options}: {}", answer.text());
        let (width, height, _) = decode_png(&answer.body);
        assert_eq!((width, height), size, "{options}");
    }
}

#[tokio::test]
async fn an_original_that_cannot_be_decoded_is_a_clear_error() {
    let app = TestApp::new().await;
    let mut cut = png(400, 300, [1, 2, 3, 255]);
    cut.truncate(cut.len() / 2);
    // Its header is whole, so it is accepted.
    let id = app.upload(&cut, &[]).await.result()["id"].as_str().expect("an id").to_owned();
    app.get(&app.target(&id, "public")).await.error(422, 9516);
}
