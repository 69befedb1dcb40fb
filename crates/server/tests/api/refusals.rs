//! Refusals of the management API that belong to no other subject, and the figures of its limits.

use crate::test_app::{Answer, TestApp, png};
use axum::body::Body;
use http::{Method, Request, header};
use serde_json::{Value, json};

/// Uploads a file part with these headers behind its name.
async fn upload_part(app: &TestApp, rest: &str, bytes: &[u8]) -> Answer {
    let mut body = format!("--b\r\nContent-Disposition: form-data; name=\"file\"{rest}\r\n\r\n").into_bytes();
    body.extend(bytes);
    body.extend(b"\r\n--b--\r\n");
    let path = format!("/client/v4/accounts/{}/images/v1", app.account.id.as_str());
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", app.token))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    app.send(request.body(Body::from(body)).expect("a request")).await
}

#[tokio::test]
async fn the_bytes_of_a_file_are_judged_and_not_its_content_type() {
    let app = TestApp::new().await;
    let picture = png(1, 1, [0; 4]);
    for rest in [
        "; filename=\"a.png\"\r\nContent-Type: image/png",
        "; filename=\"a.txt\"\r\nContent-Type: text/plain",
        "; filename=\"upload\"\r\nContent-Type: application/octet-stream",
        "; filename=\"upload\"",
        "",
    ] {
        upload_part(&app, rest, &picture).await.result();
        let text = upload_part(&app, rest, b"<html></html>").await.refused(415, 5455);
        let beginning =
            "Uploaded image must have the content of image/jpeg, image/png, image/webp, image/gif";
        assert!(text.starts_with(beginning) && text.contains("image/svg+xml"), "{text}");
    }
}

#[tokio::test]
async fn a_gif_of_too_many_frames() {
    let app = TestApp::new().await;
    // A canvas of 10,000 x 9,000 pixels and two frames of one pixel: 180 megapixels.
    let mut gif = b"GIF89a\x10\x27\x28\x23\x80\0\0\0\0\0\xFF\xFF\xFF".to_vec();
    for _ in 0..2 {
        gif.extend(b"\x21\xF9\x04\0\x0A\0\0\0\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
    }
    gif.push(0x3B);
    let text = app.upload(&gif, &[]).await.refused(400, 5443);
    assert!(text.contains("100"), "{text}");
}

#[tokio::test]
async fn paths_and_methods_without_a_route() {
    let app = TestApp::new().await;
    for (method, path) in [
        (Method::GET, "~/v3"),
        (Method::PUT, "~/v1/stats"),
        (Method::POST, "~/v1/keys/x"),
        (Method::DELETE, "~/v1/config"),
        (Method::GET, "/client/v4/accounts"),
        (Method::GET, "/client/v4/zones"),
        (Method::POST, "~/v1/some-image"),
    ] {
        let text = app.call(method.clone(), path, None).await.refused(404, 7003);
        assert!(text.starts_with("No route for the URI"), "{method} {path}: {text}");
    }
}

#[tokio::test]
async fn json_bodies_are_bounded() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[]).await;
    for (method, path) in [
        (Method::PATCH, format!("~/v1/{id}")),
        (Method::POST, "~/v1/variants".to_owned()),
        (Method::PATCH, "~/v1/config".to_owned()),
    ] {
        let large = json!({"metadata": {"k": "x".repeat(70_000)}});
        let text = app.call(method.clone(), &path, Some(large)).await.refused(413, 7011);
        assert!(text.starts_with("Request entity is too large") && text.contains("65536"), "{text}");
        app.call(method, &path, None).await.refused(400, 5400);
    }
}

#[tokio::test]
async fn metadata_has_at_most_1024_bytes() {
    let app = TestApp::new().await;
    // {"k":"…"} has 8 bytes besides the text.
    for (text, good) in [
        ("x".repeat(1016), true),
        ("x".repeat(1017), false),
        ("ü".repeat(508), true),
        ("ü".repeat(509), false),
    ] {
        let metadata = json!({"k": text});
        // Spaces between tokens do not count.
        let spaced = metadata.to_string().replace(':', " : ");
        let uploaded = app.upload(&png(1, 1, [0; 4]), &[("metadata", &spaced)]).await;
        let id = app.uploaded(&[]).await;
        let body = json!({"metadata": metadata});
        let patched = app.call(Method::PATCH, &format!("~/v1/{id}"), Some(body)).await;
        for answer in [uploaded, patched] {
            if good {
                assert_eq!(answer.result()["meta"], metadata);
                assert_eq!(answer.result().get("metadata"), None, "the answer says meta");
            } else {
                let text = answer.refused(400, 5400);
                assert!(text.contains("at most 1024 bytes"), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn figures_of_the_account() {
    let app = TestApp::new().await;
    let stats = app.call(Method::GET, "~/v1/stats", None).await.result();
    let allowed = stats["count"]["allowed"].as_u64().expect("a whole number");
    assert!(allowed > 1 << 52 && allowed < 1 << 53 && allowed.is_multiple_of(100_000), "{allowed}");
    for number in 1..20 {
        app.call(Method::PUT, &format!("~/v1/keys/k{number}"), None).await.result();
    }
    let text = app.call(Method::PUT, "~/v1/keys/more", None).await.refused(400, 5400);
    assert!(text.contains("at most 20 signing keys"), "{text}");
    app.call(Method::PUT, "~/v1/keys/k1", None).await.result();
    let long = "k".repeat(21);
    app.call(Method::PUT, &format!("~/v1/keys/{long}"), None).await.refused(400, 5400);
}

#[tokio::test]
async fn every_refusal_has_all_four_keys_of_the_envelope() {
    let app = TestApp::new().await;
    let answer = app.call(Method::GET, "~/v1/nothing", None).await;
    let expected: Value = json!({
        "result": null,
        "success": false,
        "errors": [{"code": 5404, "message": "Image not found"}],
        "messages": [],
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
