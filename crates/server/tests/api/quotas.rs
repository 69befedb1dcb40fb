//! What accounts may keep and have made: quotas of images, bytes and renditions.

use crate::accounts::second_account;
use crate::images::files_below;
use crate::test_app::{NOW, TestApp, form, png};
use axum::body::Body;
use http::{Method, Request, header};
use safelight_domain::quota::Bound;
use serde_json::{Value, json};

fn quota_path(id: &str) -> String {
    format!("/safelight/v1/accounts/{id}/quota")
}

impl TestApp {
    async fn give(&self, quota: Value) -> Value {
        self.call(Method::PATCH, &quota_path(self.account.id.as_str()), Some(quota)).await.result()
    }

    fn originals(&self) -> usize {
        files_below(&self.app.config.data.join("blobs").join("original"))
    }
}

#[tokio::test]
async fn a_quota_is_given_by_the_instance_and_shown_to_the_account() {
    let app = TestApp::with(|config| config.limits.quota.images = Bound::At(5)).await;
    let other = second_account(&app).await;
    let (id, token) = (other["id"].as_str().expect("an id"), other["token"].as_str().expect("a token"));
    let path = quota_path(id);
    let nothing = json!({"images": null, "bytes": null, "renders_per_minute": null});
    let shown = app.call_as(token, Method::GET, &path, None).await.result();
    let allowed = json!({"images": 5, "bytes": "off", "renders_per_minute": "off"});
    assert_eq!(shown, json!({"used": {"images": 0, "bytes": 0}, "allowed": allowed, "own": nothing}));

    // Whoever acts for the account alone cannot raise it.
    app.call_as(token, Method::PATCH, &path, Some(json!({"images": "off"}))).await.refused(403, 10000);
    let changed = app.call(Method::PATCH, &path, Some(json!({"images": "off", "bytes": 100}))).await.result();
    assert_eq!(changed["own"], json!({"images": "off", "bytes": 100, "renders_per_minute": null}));
    assert_eq!(changed["allowed"], json!({"images": "off", "bytes": 100, "renders_per_minute": "off"}));
    for wrong in [json!(-1), json!(1.5), json!("5"), json!(9_007_199_254_700_001_u64), json!(true)] {
        let text = app.call(Method::PATCH, &path, Some(json!({"bytes": 7, "images": wrong}))).await;
        let text = text.refused(400, 5400);
        assert!(text.contains("images must be a whole number") && text.contains("\"off\""), "{text}");
    }
    app.call(Method::PATCH, &path, Some(json!({"pixels": 1}))).await.refused(400, 5400);
    let back = app.call(Method::PATCH, &path, Some(json!({"images": null, "bytes": null}))).await.result();
    assert_eq!(back["own"], nothing);
    let nobody = quota_path(&"e".repeat(32));
    app.call(Method::PATCH, &nobody, Some(json!({"images": 1}))).await.refused(403, 5403);
    app.call(Method::PATCH, &quota_path("x"), Some(json!({"images": 1}))).await.refused(403, 5403);
}

#[tokio::test]
async fn an_upload_over_the_quota_leaves_nothing_and_deletion_gives_back() {
    let app = TestApp::new().await;
    app.give(json!({"images": 2})).await;
    let first = app.uploaded(&[]).await;
    app.uploaded(&[]).await;
    let stats = app.call(Method::GET, "~/v1/stats", None).await.result();
    assert_eq!(stats["count"], json!({"current": 2, "allowed": 2}));
    let text = app.upload(&png(3, 3, [1; 4]), &[]).await.refused(403, 5453);
    assert!(text.contains("quota of images") && text.contains("2 of 2"), "{text}");
    assert_eq!(app.originals(), 2);
    assert_eq!(files_below(&app.app.config.data.join("staging")), 0);

    app.call(Method::DELETE, &format!("~/v1/{first}"), None).await.result();
    app.uploaded(&[]).await;
}

#[tokio::test]
async fn bytes_are_refused_by_the_length_that_is_announced_and_by_those_that_come() {
    let app = TestApp::new().await;
    let file = png(40, 30, [200, 30, 30, 255]);
    app.uploaded(&[]).await;
    let (used, allowed) = (file.len(), file.len() * 2 - 1);
    app.give(json!({"bytes": allowed})).await;
    let text = app.upload(&file, &[]).await.refused(403, 5453);
    assert!(text.contains(&format!("{used} of {allowed} bytes")), "{text}");
    assert!(text.contains(&format!("at least {used};")), "{text}");
    assert_eq!(app.originals(), 1);

    // Nothing of the body is read: it never comes.
    let request = Request::post(format!("/client/v4/accounts/{}/images/v1", app.account.id.as_str()))
        .header(header::AUTHORIZATION, format!("Bearer {}", app.token))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .header(header::CONTENT_LENGTH, "50000000");
    let never = Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    app.send(request.body(never).expect("a request")).await.refused(403, 5453);

    app.give(json!({"bytes": allowed + 1})).await;
    app.uploaded(&[]).await;
}

#[tokio::test]
async fn many_uploads_at_once_do_not_exceed_a_quota() {
    let app = TestApp::new().await;
    app.give(json!({"images": 3})).await;
    let file = png(5, 5, [9; 4]);
    let uploads = (0..12).map(|_| app.upload(&file, &[]));
    let answers = futures_util::future::join_all(uploads).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 3);
    assert!(answers.iter().all(|answer| [200, 403].contains(&answer.status.as_u16())));
    let quota = app.call(Method::GET, &quota_path(app.account.id.as_str()), None).await.result();
    assert_eq!(quota["used"], json!({"images": 3, "bytes": file.len() * 3}));
}

#[tokio::test]
async fn an_upload_by_link_over_the_quota_tells_a_stranger_no_numbers() {
    let app = TestApp::new().await;
    app.give(json!({"images": 0})).await;
    let made = app.upload_as(&app.token, "~/v2/direct_upload", None, &[]).await.result();
    let url = made["uploadURL"].as_str().expect("a URL").to_owned();
    let target = url.strip_prefix("https://images.example").expect("below the public URL");
    let send = || {
        let request = Request::post(target).header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
        let body = Body::from(form(Some(("a.png", &png(3, 3, [1; 4]))), &[]));
        app.send(request.body(body).expect("a request"))
    };
    let refused = send().await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.text(), "ERROR 5453: The account takes no further images");
    // The link is good once there is room.
    app.give(json!({"images": 1})).await;
    send().await.result();
}

#[tokio::test]
async fn pictures_that_are_made_are_counted_and_those_that_are_stored_are_not() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[]).await;
    for width in [10, 11, 12] {
        let variant = json!({"id": format!("w{width}"), "options": {"width": width}});
        app.call(Method::POST, "~/v1/variants", Some(variant)).await.result();
    }
    app.give(json!({"renders_per_minute": 2})).await;
    let target = |variant: &str| app.target(&id, variant);
    for variant in ["w10", "w11"] {
        app.get_stored(&target(variant)).await;
    }
    let refused = app.get(&target("w12")).await;
    refused.error(429, 9522);
    assert_eq!(refused.header("retry-after"), Some("60"));
    assert_eq!(app.get(&target("w10")).await.status, 200);
    // What cannot be decided in favour is not counted, and time gives back.
    app.set_clock(NOW + 60);
    app.get(&target("nothing")).await.error(403, 9425);
    assert_eq!(app.get(&target("w12")).await.status, 200);
    app.give(json!({"renders_per_minute": 0})).await;
    app.get(&target("public")).await.error(429, 9522);
}
