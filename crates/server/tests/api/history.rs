//! What was done to an image.

use crate::test_app::{NOW, TestApp};
use http::Method;
use serde_json::{Value, json};

async fn history(app: &TestApp, id: &str) -> Vec<Value> {
    let path = format!("/safelight/v1/accounts/{}/history?image={id}", app.account.id.as_str());
    let result = app.call(Method::GET, &path, None).await.result();
    result["events"].as_array().expect("events").clone()
}

async fn change(app: &TestApp, id: &str, body: Value) {
    app.call(Method::PATCH, &format!("~/v1/{id}"), Some(body)).await.result();
}

#[tokio::test]
async fn every_change_is_remembered_with_who_made_it() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[("creator", "me")]).await;
    app.set_clock(NOW + 60);
    change(&app, &id, json!({"requireSignedURLs": true, "creator": null})).await;
    change(&app, &id, json!({"requireSignedURLs": true})).await;
    change(&app, &id, json!({"metadata": {"k": "secret"}})).await;
    let events = history(&app, &id).await;
    let expected = json!([
        {"at": "2027-01-15T08:01:00.000Z", "action": "changed", "by": "first", "changes": {"metadata": true}},
        {"at": "2027-01-15T08:01:00.000Z", "action": "changed", "by": "first", "changes": {
            "creator": {"from": "me", "to": null}, "requireSignedURLs": {"from": false, "to": true}}},
        {"at": "2027-01-15T08:00:00.000Z", "action": "uploaded", "by": "first", "changes": {}},
    ]);
    assert_eq!(Value::Array(events), expected);

    app.call(Method::DELETE, &format!("~/v1/{id}"), None).await.result();
    let events = history(&app, &id).await;
    assert_eq!((events.len(), &events[0]["action"]), (4, &json!("deleted")));
}

#[tokio::test]
async fn a_hundred_events_are_kept() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[]).await;
    for number in 0..101 {
        change(&app, &id, json!({"metadata": {"n": number}})).await;
    }
    let events = history(&app, &id).await;
    assert_eq!(events.len(), 100);
    assert!(events.iter().all(|event| event["action"] == "changed"));
}

#[tokio::test]
async fn nothing_is_told_of_images_that_never_were_or_are_anothers() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[]).await;
    let path = |account: &str, id: &str| format!("/safelight/v1/accounts/{account}/history?image={id}");
    let own = app.account.id.as_str();
    app.call(Method::GET, &path(own, "never"), None).await.refused(404, 5404);
    let none = format!("/safelight/v1/accounts/{own}/history");
    app.call(Method::GET, &none, None).await.refused(400, 5400);
    let other =
        app.call(Method::POST, "/safelight/v1/accounts", Some(json!({"name": "other"}))).await.result();
    let (account, token) = (other["id"].as_str().expect("an id"), other["token"].as_str().expect("a token"));
    app.call_as(token, Method::GET, &path(account, &id), None).await.refused(404, 5404);
    app.call_as(token, Method::GET, &path(own, &id), None).await.refused(403, 5403);
}
