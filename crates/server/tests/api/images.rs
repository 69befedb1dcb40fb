//! Upload, details, change, deletion and original of one image.

use crate::test_app::{NOW, TestApp, png};
use http::Method;
use safelight_domain::image::ImageId;
use serde_json::{Value, json};

#[tokio::test]
async fn an_upload_comes_back_as_cloudflare_describes_it() {
    let app = TestApp::new().await;
    let file = png(3, 2, [1, 2, 3, 255]);
    let fields = [("metadata", r#"{"k": [1, "ü"]}"#), ("requireSignedURLs", "true"), ("creator", "user-1")];
    let image = app.upload(&file, &fields).await.result();
    let id = image["id"].as_str().expect("an id");
    assert_eq!(id.len(), 36);
    let expected = json!({
        "id": id,
        "filename": "photo.png",
        "meta": {"k": [1, "ü"]},
        "uploaded": "2027-01-15T08:00:00.000Z",
        "requireSignedURLs": true,
        "variants": [format!("https://images.example/{}/{id}/public", app.account.hash.as_str())],
        "creator": "user-1",
    });
    assert_eq!(NOW, 1_800_000_000, "the moment above");
    assert_eq!(image, expected);
    assert_eq!(app.call(Method::GET, &format!("~/v1/{id}"), None).await.result(), expected);

    let blob = app.call(Method::GET, &format!("~/v1/{id}/blob"), None).await;
    assert_eq!((blob.status.as_u16(), &blob.body[..]), (200, &file[..]));
    assert_eq!(blob.header("content-type"), Some("image/png"));
    assert_eq!(blob.header("cache-control"), Some("private, no-store"));
    assert_eq!(blob.header("content-disposition"), Some("attachment"));
}

#[tokio::test]
async fn metadata_in_the_encodings_of_the_official_sdks() {
    let app = TestApp::new().await;
    for fields in [[("metadata[k]", "v")], [("metadata.k", "v")], [("metadata", r#"{"k":"v"}"#)]] {
        let image = app.upload(&png(1, 1, [0; 4]), &fields).await.result();
        assert_eq!(image["meta"], json!({"k": "v"}));
    }
    let image = app.upload(&png(1, 1, [0; 4]), &[("metadata", ""), ("unknown", "x")]).await.result();
    assert_eq!((&image["meta"], &image["creator"]), (&json!({}), &Value::Null));
}

#[tokio::test]
async fn patch_changes_what_it_names() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[("metadata", r#"{"a":1}"#), ("creator", "c")]).await;
    let path = format!("~/v1/{id}");
    let patched = app.call(Method::PATCH, &path, Some(json!({"requireSignedURLs": true}))).await.result();
    assert_eq!((&patched["meta"], &patched["creator"]), (&json!({"a": 1}), &json!("c")));
    assert_eq!((&patched["id"], &patched["requireSignedURLs"]), (&json!(id), &json!(true)));
    let patched =
        app.call(Method::PATCH, &path, Some(json!({"metadata": {"b": 2}, "creator": null}))).await.result();
    assert_eq!((&patched["meta"], &patched["creator"]), (&json!({"b": 2}), &Value::Null));
    for body in
        [json!({"metadata": 1}), json!({"requireSignedURLs": "yes"}), json!([]), json!({"creator": 1})]
    {
        app.call(Method::PATCH, &path, Some(body)).await.refused(400, 5400);
    }
    assert_eq!(app.call(Method::GET, &path, None).await.result()["meta"], json!({"b": 2}));
    app.call(Method::PATCH, "~/v1/nothing", Some(json!({}))).await.refused(404, 5404);
}

#[tokio::test]
async fn delete_removes_row_and_bytes() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[]).await;
    let path = format!("~/v1/{id}");
    assert_eq!(app.call(Method::DELETE, &path, None).await.result(), json!({}));
    app.call(Method::DELETE, &path, None).await.refused(404, 5404);
    app.call(Method::GET, &path, None).await.refused(404, 5404);
    app.call(Method::GET, &format!("{path}/blob"), None).await.refused(404, 5404);
    let stats = app.call(Method::GET, "~/v1/stats", None).await.result();
    assert_eq!(stats["count"]["current"], 0);
}

#[tokio::test]
async fn custom_ids_with_slashes_and_percent_signs() {
    let app = TestApp::new().await;
    for (id, encoded) in
        [("a/b.png", "a%2Fb.png"), ("50%off", "50%25off"), ("画像/ü", "%E7%94%BB%E5%83%8F%2F%C3%BC")]
    {
        let image =
            app.upload(&png(1, 1, [0; 4]), &[("id", id), ("requireSignedURLs", "true")]).await.result();
        assert_eq!(image["id"], id);
        let found = app.call(Method::GET, &format!("~/v1/{encoded}"), None).await.result();
        assert_eq!(found, image);
        let url = image["variants"][0].as_str().expect("a URL").replace("https://images.example", "");
        app.get(&url).await.error(403, 9425);
        assert_eq!(app.get(&app.signed(&url, None)).await.status, 200, "{url}");
    }
    assert_eq!(app.call(Method::GET, "~/v1/a/b.png", None).await.result()["id"], "a/b.png");
    assert_eq!(app.call(Method::GET, "~/v1/a%2Fb.png/blob", None).await.status, 200);
}

#[tokio::test]
async fn bad_forms_are_refused_and_leave_nothing() {
    let app = TestApp::new().await;
    let small = png(1, 1, [0; 4]);
    let long = "x".repeat(1100);
    for (fields, status, code) in [
        (vec![("id", "keys")], 400, 5411),
        (vec![("id", "a/../b")], 400, 5411),
        (vec![("id", "2cdc28f0-017a-49c4-9ed7-87056c839010")], 400, 5411),
        (vec![("id", "x.html")], 400, 5411),
        (vec![("metadata", "[]")], 400, 5400),
        (vec![("metadata.k", long.as_str())], 400, 5400),
        (vec![("creator", long.as_str())], 400, 5400),
        (vec![("requireSignedURLs", "yes")], 400, 5400),
        (vec![("url", "http://example.com/")], 400, 5400),
    ] {
        app.upload(&small, &fields).await.refused(status, code);
    }
    app.upload_as(&app.token, "~/v1", None, &[("id", "a")]).await.refused(400, 5400);
    app.upload(b"not a picture", &[]).await.refused(415, 5455);
    app.upload(b"", &[]).await.refused(415, 5455);
    app.upload(b"\x89PNG\r\n\x1a\n\0\0", &[]).await.refused(400, 9422);
    let too_large = app.upload(&vec![0; 1_000_001], &[]).await.refused(413, 7011);
    assert!(too_large.contains("1000000"), "{too_large}");
    app.call(Method::POST, "~/v1", Some(json!({}))).await.refused(415, 5415);

    assert_eq!(app.call(Method::GET, "~/v1/stats", None).await.result()["count"]["current"], 0);
    assert_eq!(files_below(&app.app.config.data.join("blobs/original")), 0);
    assert_eq!(files_below(&app.app.config.data.join("staging")), 0);
}

#[tokio::test]
async fn pictures_over_the_limits_are_refused_by_their_header() {
    let app = TestApp::new().await;
    for (width, height) in [(12_001_u32, 1_u32), (11_000, 11_000), (u32::MAX >> 1, u32::MAX >> 1)] {
        let mut file = png(1, 1, [0; 4]);
        file[16..20].copy_from_slice(&width.to_be_bytes());
        file[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = crc32(&file[12..29]);
        file[29..33].copy_from_slice(&crc.to_be_bytes());
        let text = app.upload(&file, &[]).await.refused(400, 5443);
        assert!(text.contains("12000"), "{text}");
    }
}

#[tokio::test]
async fn an_id_in_use_is_a_conflict_and_keeps_its_image() {
    let app = TestApp::new().await;
    app.uploaded(&[("id", "one")]).await;
    app.upload(&png(9, 9, [0; 4]), &[("id", "one")]).await.refused(409, 5409);
    let blob = app.call(Method::GET, "~/v1/one/blob", None).await;
    assert_eq!(&blob.body[..], &png(40, 30, [200, 30, 30, 255])[..]);
}

#[tokio::test]
async fn of_many_uploads_to_one_id_exactly_one_wins() {
    let app = TestApp::new().await;
    let file = png(2, 2, [5; 4]);
    let answers = futures_util::future::join_all((0..8).map(|_| app.upload(&file, &[("id", "same")]))).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 409));
    assert_eq!(app.call(Method::GET, "~/v1/stats", None).await.result()["count"]["current"], 1);
}

pub(crate) fn files_below(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 })
        .sum()
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[tokio::test]
async fn a_header_that_begins_late_is_found() {
    let app = TestApp::new().await;
    let jpeg = include_bytes!("../../../pixels/tests/golden/inputs/orientation-1.jpg");
    for segments in [1, 2, 6] {
        // 64 KiB each that mean nothing, before the header.
        let padding = [&b"\xFF\xEF\xFF\xFF"[..], &[0; 0xFFFD]].concat().repeat(segments);
        let file = [&jpeg[..2], &padding, &jpeg[2..]].concat();
        let id = app.upload(&file, &[]).await.result()["id"].as_str().expect("an id").to_owned();
        let image = app.app.catalog.find_image(&app.account.id, &ImageId::named(&id)).await;
        let image = image.expect("works").expect("is there");
        assert_eq!((image.source.width, image.source.height, image.bytes), (48, 32, file.len() as u64));
    }
}
