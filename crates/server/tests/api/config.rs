//! Settings of an account, and what they do to delivery.

use crate::test_app::{NOW, TestApp};
use http::Method;
use serde_json::{Value, json};

async fn patch(app: &TestApp, body: Value) -> Value {
    app.call(Method::PATCH, "~/v1/config", Some(body)).await.result()
}

async fn cache_control(app: &TestApp, target: &str) -> String {
    let answer = app.get(target).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("cache-control").expect("a header").to_owned()
}

#[tokio::test]
async fn settings_start_with_their_defaults_and_change_one_by_one() {
    let app = TestApp::new().await;
    let defaults =
        json!({"browser_ttl": 172_800, "flexible_variants": false, "preserve_content_credentials": false});
    assert_eq!(app.call(Method::GET, "~/v1/config", None).await.result(), defaults);
    assert_eq!(patch(&app, json!({"browser_ttl": 3600})).await["browser_ttl"], 3600);
    let both = patch(&app, json!({"flexible_variants": true, "preserve_content_credentials": false})).await;
    assert_eq!((&both["browser_ttl"], &both["flexible_variants"]), (&json!(3600), &json!(true)));
    assert_eq!(app.call(Method::GET, "~/v1/config", None).await.result(), both);
    assert_eq!(patch(&app, json!({"browser_ttl": 31_536_000})).await["browser_ttl"], 31_536_000);
    assert_eq!(patch(&app, json!({"browser_ttl": null})).await["browser_ttl"], 172_800);
}

#[tokio::test]
async fn refused_settings_change_nothing() {
    let app = TestApp::new().await;
    let before = app.call(Method::GET, "~/v1/config", None).await.result();
    for (body, said) in [
        (json!({"browser_ttl": 3599}), "3600 to 31536000"),
        (json!({"browser_ttl": 31_536_001}), "3600 to 31536000"),
        (json!({"browser_ttl": -1}), "3600 to 31536000"),
        (json!({"browser_ttl": 3600.5}), "3600 to 31536000"),
        (json!({"browser_ttl": "3600"}), "3600 to 31536000"),
        (json!({"flexible_variants": true, "browser_ttl": 1}), "3600 to 31536000"),
        (json!({"flexible_variants": true, "preserve_content_credentials": true}), "always removed"),
        (json!({"flexible_variants": true, "other": 1}), "other"),
        (json!([]), "not valid"),
    ] {
        let text = app.call(Method::PATCH, "~/v1/config", Some(body)).await.refused(400, 5400);
        assert!(text.contains(said), "{text}");
    }
    assert_eq!(app.call(Method::GET, "~/v1/config", None).await.result(), before);
}

#[tokio::test]
async fn the_account_sets_the_browser_ttl_and_the_variant_wins() {
    let app = TestApp::new().await;
    let public = |ttl: u32| format!("public, max-age={ttl}, stale-while-revalidate=7200");
    let variant = json!({"id": "day", "options": {"width": 9, "browser_ttl": 86400}});
    app.call(Method::POST, "~/v1/variants", Some(variant)).await.result();
    let id = app.uploaded(&[]).await;
    let [plain, day, options] = ["public", "day", "w=5"].map(|variant| app.target(&id, variant));
    patch(&app, json!({"flexible_variants": true})).await;
    assert_eq!(cache_control(&app, &plain).await, public(172_800));
    for ttl in [31_536_000, 3600] {
        patch(&app, json!({"browser_ttl": ttl})).await;
        assert_eq!(cache_control(&app, &plain).await, public(ttl), "at once");
        assert_eq!(cache_control(&app, &options).await, public(ttl));
        assert_eq!(cache_control(&app, &day).await, public(86400));
    }
    patch(&app, json!({"browser_ttl": null})).await;
    assert_eq!(cache_control(&app, &plain).await, public(172_800));
}

#[tokio::test]
async fn private_images_follow_the_expiry_of_their_url() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    patch(&app, json!({"browser_ttl": 31_536_000})).await;
    for (left, expected) in [(60, 60), (40 * 86400, 40 * 86400), (400 * 86400, 31_536_000)] {
        let signed = app.signed(&target, Some(NOW + left));
        assert_eq!(cache_control(&app, &signed).await, format!("private, max-age={expected}"));
    }
}

#[tokio::test]
async fn settings_need_their_scope_and_reach_one_account() {
    let app = TestApp::new().await;
    let new = json!({"name": "second"});
    let second = app.call(Method::POST, "/safelight/v1/accounts", Some(new)).await.result();
    let token = second["token"].as_str().expect("a token");
    let body = json!({"browser_ttl": 3600});
    app.call_as(token, Method::PATCH, "~/v1/config", Some(body.clone())).await.refused(403, 5403);
    app.call_as("wrong", Method::GET, "~/v1/config", None).await.refused(401, 10000);
    let theirs = format!("/client/v4/accounts/{}/images/v1/config", second["id"].as_str().expect("an id"));
    app.call_as(token, Method::PATCH, &theirs, Some(body)).await.result();
    assert_eq!(app.call(Method::GET, "~/v1/config", None).await.result()["browser_ttl"], 172_800);
}
