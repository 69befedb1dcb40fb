//! Batch tokens and the paths that they open.

use crate::test_app::{NOW, TestApp, png};
use http::Method;
use serde_json::json;

async fn batch_token(app: &TestApp, token: &str) -> String {
    let result = app.call_as(token, Method::GET, "~/v1/batch_token", None).await.result();
    assert_eq!(result["expiresAt"], "2027-01-15T09:00:00.000Z");
    result["token"].as_str().expect("a token").to_owned()
}

async fn token_with(app: &TestApp, scopes: &[&str]) -> (String, String) {
    let path = format!("/safelight/v1/accounts/{}/tokens", app.account.id.as_str());
    let made = app.call(Method::POST, &path, Some(json!({"name": "t", "scopes": scopes}))).await.result();
    let text = |key: &str| made[key].as_str().expect("a text").to_owned();
    (text("id"), text("token"))
}

#[tokio::test]
async fn the_batch_paths_do_what_the_api_does() {
    let app = TestApp::new().await;
    let batch = batch_token(&app, &app.token).await;
    let file = png(3, 2, [1, 2, 3, 255]);
    let fields = [("id", "a/b.png"), ("metadata.k", "v")];
    let image = app.upload_as(&batch, "/images/v1", Some(("photo.png", &file)), &fields).await.result();
    assert_eq!((&image["id"], &image["meta"]), (&json!("a/b.png"), &json!({"k": "v"})));
    assert_eq!(app.call_as(&batch, Method::GET, "/images/v1/a%2Fb.png", None).await.result(), image);
    let listed = app.call_as(&batch, Method::GET, "/images/v2?per_page=10", None).await.result();
    assert_eq!(listed["images"], json!([image]));
    let body = json!({"creator": "c"});
    let patched = app.call_as(&batch, Method::PATCH, "/images/v1/a%2Fb.png", Some(body)).await.result();
    assert_eq!(patched["creator"], "c");
    let link = app.upload_as(&batch, "/images/v2/direct_upload", None, &[("id", "d")]).await.result();
    assert_eq!(link["id"], "d");
    assert_eq!(app.call(Method::GET, "~/v1/d", None).await.result()["draft"], true);
    for id in ["a%2Fb.png", "d"] {
        let path = format!("/images/v1/{id}");
        assert_eq!(app.call_as(&batch, Method::DELETE, &path, None).await.result(), json!({}));
        app.call(Method::GET, &format!("~/v1/{id}"), None).await.refused(404, 5404);
    }
}

#[tokio::test]
async fn a_batch_token_opens_nothing_else_and_nothing_else_opens_its_paths() {
    let app = TestApp::new().await;
    let batch = batch_token(&app, &app.token).await;
    for path in
        ["~/v1", "~/v1/keys", "~/v1/batch_token", "~/v1/x", "/safelight/v1/whoami", "/safelight/v1/accounts"]
    {
        app.call_as(&batch, Method::GET, path, None).await.refused(401, 10000);
    }
    app.call_as(&batch, Method::PUT, "~/v1/keys/k", None).await.refused(401, 10000);
    // What is an endpoint elsewhere is an image's id here.
    for path in ["/images/v1/keys", "/images/v1/variants", "/images/v1/batch_token"] {
        app.call_as(&batch, Method::GET, path, None).await.refused(404, 5404);
    }
    app.call_as(&batch, Method::GET, "/images/v1", None).await.refused(404, 7003);
    for token in [app.token.as_str(), "wrong", ""] {
        app.call_as(token, Method::GET, "/images/v2", None).await.refused(401, 10000);
    }
    app.fetch(Method::GET, "/images/v2", &[]).await.refused(401, 10000);
    let other = crate::accounts::second_account(&app).await;
    let text = |key: &str| other[key].as_str().expect("a text");
    let path = format!("/client/v4/accounts/{}/images/v1/batch_token", text("id"));
    let other = app.call_as(text("token"), Method::GET, &path, None).await.result();
    let other = other["token"].as_str().expect("a token");
    app.uploaded(&[]).await;
    let listed = app.call_as(other, Method::GET, "/images/v2", None).await.result();
    assert_eq!(listed["images"], json!([]), "each account sees its own");
}

#[tokio::test]
async fn a_batch_token_may_no_more_than_its_parent_and_dies_with_it() {
    let app = TestApp::new().await;
    let (id, reader) = token_with(&app, &["read"]).await;
    let batch = batch_token(&app, &reader).await;
    app.call_as(&batch, Method::GET, "/images/v2", None).await.result();
    app.upload_as(&batch, "/images/v2/direct_upload", None, &[]).await.refused(403, 10000);
    app.call_as(&batch, Method::DELETE, "/images/v1/x", None).await.refused(403, 10000);
    let (_, writer) = token_with(&app, &["write"]).await;
    app.call_as(&writer, Method::GET, "~/v1/batch_token", None).await.refused(403, 10000);

    app.set_clock(NOW + 3599);
    app.call_as(&batch, Method::GET, "/images/v2", None).await.result();
    app.set_clock(NOW + 3600);
    app.call_as(&batch, Method::GET, "/images/v2", None).await.refused(401, 10000);
    app.set_clock(NOW);
    let path = format!("/safelight/v1/accounts/{}/tokens/{id}", app.account.id.as_str());
    app.call(Method::DELETE, &path, None).await.result();
    app.call_as(&batch, Method::GET, "/images/v2", None).await.refused(401, 10000);
}
