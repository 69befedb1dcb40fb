//! Accounts and tokens: nothing of one account is reached from another.

use crate::test_app::{TestApp, png};
use axum::body::Body;
use http::{Method, Request};
use safelight_domain::signature::sign_target;
use serde_json::{Value, json};

pub(crate) async fn second_account(app: &TestApp) -> Value {
    app.call(Method::POST, "/safelight/v1/accounts", Some(json!({"name": "second"}))).await.result()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[tokio::test]
async fn tokens_in_every_form_and_none() {
    let app = TestApp::new().await;
    let path = format!("/client/v4/accounts/{}/images/v1", app.account.id.as_str());
    let bearer = format!("Bearer {}", app.token);
    let lower = format!("bearer {}", app.token);
    for (headers, status) in [
        (vec![("authorization", bearer.as_str())], 200),
        (vec![("authorization", lower.as_str())], 200),
        (vec![("x-auth-key", app.token.as_str()), ("x-auth-email", "a@example.com")], 200),
        (vec![], 401),
        (vec![("authorization", "Bearer ")], 401),
        (vec![("authorization", "Bearer wrong")], 401),
        (vec![("authorization", app.token.as_str())], 401),
        (vec![("x-auth-key", "wrong")], 401),
        (vec![("x-auth-email", "a@example.com")], 401),
    ] {
        let answer = app.fetch(Method::GET, &path, &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 401 {
            answer.refused(401, 10000);
        }
    }
}

#[tokio::test]
async fn nothing_of_one_account_is_reached_from_another() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[("id", "mine"), ("requireSignedURLs", "true")]).await;
    let other = second_account(&app).await;
    let (other_id, other_hash, other_token) =
        (text(&other["id"]), text(&other["hash"]), text(&other["token"]));

    for (method, path) in [
        (Method::GET, "~/v1"),
        (Method::GET, "~/v2"),
        (Method::GET, "~/v1/mine"),
        (Method::GET, "~/v1/mine/blob"),
        (Method::DELETE, "~/v1/mine"),
        (Method::GET, "~/v1/keys"),
        (Method::PUT, "~/v1/keys/x"),
        (Method::GET, "~/v1/stats"),
        (Method::GET, "~/v1/variants"),
        (Method::DELETE, "~/v1/variants/public"),
    ] {
        app.call_as(other_token, method, path, None).await.refused(403, 5403);
    }
    let theirs = |path: &str| format!("/client/v4/accounts/{other_id}/images{path}");
    app.call_as(other_token, Method::GET, &theirs("/v1/mine"), None).await.refused(404, 5404);
    let stats = app.call_as(other_token, Method::GET, &theirs("/v1/stats"), None).await.result();
    assert_eq!(stats["count"]["current"], 0);

    // The same custom id in both accounts names two images.
    app.upload_as(other_token, &theirs("/v1"), Some(("x.png", &png(5, 5, [0; 4]))), &[("id", "mine")])
        .await
        .result();
    let keys = app.call_as(other_token, Method::GET, &theirs("/v1/keys"), None).await.result();
    let their_key = crate::test_app::key(text(&keys["keys"][0]["value"]));
    let target = app.target(&id, "public");
    app.get(&sign_target(&target, "", None, &their_key)).await.error(403, 9425);
    assert_eq!(app.get(&app.signed(&target, None)).await.status, 200);
    assert_eq!(app.get(&format!("/{other_hash}/mine/public")).await.status, 200, "theirs is public");
    app.get(&app.signed(&format!("/{other_hash}/nothing/public"), None)).await.error(403, 9425);
}

#[tokio::test]
async fn only_an_instance_admin_makes_and_reaches_other_accounts() {
    let app = TestApp::new().await;
    let other = second_account(&app).await;
    let token = text(&other["token"]);
    app.call_as(token, Method::POST, "/safelight/v1/accounts", Some(json!({"name": "x"})))
        .await
        .refused(403, 10000);
    app.call_as(token, Method::GET, "/safelight/v1/accounts", None).await.refused(403, 10000);
    let list = app.call(Method::GET, "/safelight/v1/accounts", None).await.result();
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert!(list.to_string().find(token).is_none(), "tokens are shown once");
    let path = format!("/client/v4/accounts/{}/images/v1/stats", text(&other["id"]));
    app.call(Method::GET, &path, None).await.result();
    let nobody = format!("/client/v4/accounts/{}/images/v1/stats", "0".repeat(32));
    app.call(Method::GET, &nobody, None).await.refused(403, 5403);

    let me = app.call_as(token, Method::GET, "/safelight/v1/whoami", None).await.result();
    assert_eq!((&me["account_id"], &me["instance_admin"]), (&other["id"], &json!(false)));
}

#[tokio::test]
async fn scopes_guard_reading_writing_and_signing() {
    let app = TestApp::new().await;
    app.uploaded(&[("id", "one")]).await;
    let tokens = format!("/safelight/v1/accounts/{}/tokens", app.account.id.as_str());
    let make = |scopes: Value| {
        let (app, tokens) = (&app, &tokens);
        async move {
            let body = json!({"name": "t", "scopes": scopes});
            text(&app.call(Method::POST, tokens, Some(body)).await.result()["token"]).to_owned()
        }
    };
    let read = make(json!(["read"])).await;
    let write = make(json!(["write"])).await;
    let sign = make(json!(["sign"])).await;

    app.call_as(&read, Method::GET, "~/v1/one", None).await.result();
    app.call_as(&read, Method::GET, "~/v1/keys", None).await.refused(403, 10000);
    app.call_as(&read, Method::DELETE, "~/v1/one", None).await.refused(403, 10000);
    app.call_as(&write, Method::GET, "~/v1/one", None).await.refused(403, 10000);
    app.call_as(&write, Method::PUT, "~/v1/keys/x", None).await.refused(403, 10000);
    app.call_as(&sign, Method::GET, "~/v1/keys", None).await.result();
    app.call_as(&sign, Method::GET, "~/v1/one", None).await.refused(403, 10000);
    app.call_as(&sign, Method::PUT, "~/v1/keys/x", None).await.refused(403, 10000);
    app.call_as(&write, Method::POST, &tokens, Some(json!({"name": "t", "scopes": ["sign"]})))
        .await
        .refused(403, 10000);
    for bad in [json!([]), json!(["admin"]), json!("read")] {
        app.call(Method::POST, &tokens, Some(json!({"name": "t", "scopes": bad}))).await.refused(400, 5400);
    }

    let list = app.call(Method::GET, &tokens, None).await.result();
    assert_eq!(list.as_array().map(Vec::len), Some(4));
    assert!(!list.to_string().contains(&read));
    let id =
        list.as_array().expect("a list").iter().find(|t| t["scopes"] == json!(["read"])).expect("it")["id"]
            .clone();
    app.call(Method::DELETE, &format!("{tokens}/{}", text(&id)), None).await.result();
    app.call_as(&read, Method::GET, "~/v1/one", None).await.refused(401, 10000);
    app.call(Method::DELETE, &format!("{tokens}/{}", text(&id)), None).await.refused(404, 5404);
}

#[tokio::test]
async fn unknown_routes_and_health() {
    let app = TestApp::new().await;
    for path in ["/client/v4/user", "/client/v4", "/safelight/v2", "~/v3", "~", "~/v1/direct_upload"] {
        app.call(Method::GET, path, None).await.refused(404, 7003);
    }
    app.call(Method::POST, "~/v2", None).await.refused(404, 7003);
    assert_eq!(app.get("/health/live").await.status, 200);
    assert_eq!(app.get("/health/ready").await.status, 200);
    let answer = app.get("/health/live").await;
    assert_eq!(answer.header("x-request-id").map(str::len), Some(32));
}

#[tokio::test]
async fn delivery_and_management_can_be_apart() {
    use tower::ServiceExt;
    let app = TestApp::new().await;
    let target = app.target(&app.uploaded(&[]).await, "public");
    let status = |router: axum::Router, uri: String| async move {
        let request = Request::get(uri).body(Body::empty()).expect("a request");
        router.oneshot(request).await.expect("the router never fails").status().as_u16()
    };
    let delivery = safelight::http::delivery_router(std::sync::Arc::clone(&app.app));
    let admin = safelight::http::admin_router(std::sync::Arc::clone(&app.app));
    assert_eq!(status(delivery.clone(), target.clone()).await, 200);
    assert_eq!(status(delivery.clone(), "/health/live".to_owned()).await, 403);
    let api = format!("/client/v4/accounts/{}/images/v1", app.account.id.as_str());
    assert_eq!(status(delivery.clone(), api.clone()).await, 403);
    assert_eq!(status(admin.clone(), target).await, 404);
    assert_eq!(status(admin.clone(), api).await, 401);
    // Links are for the same people as delivery, and take no GET.
    let link = "/cdn-cgi/imageupload/x/y".to_owned();
    assert_eq!(status(delivery.clone(), link.clone()).await, 405);
    assert_eq!(status(admin.clone(), link).await, 404);
    assert_eq!(status(delivery, "/images/v2".to_owned()).await, 403);
    assert_eq!(status(admin, "/images/v2".to_owned()).await, 401);
}

#[tokio::test]
async fn whoami_says_who_is_taken_for_the_client_and_who_said_so() {
    let trusting = async |proxies: &[&str]| {
        let networks = proxies.iter().map(|network| network.parse().expect("a network")).collect();
        TestApp::with(|config| config.trusted_proxies = networks).await
    };
    for (proxies, forwarded, address, is_forwarded) in [
        (&[][..], Some("203.0.113.7"), "127.0.0.1", false),
        (&["127.0.0.1/32"], Some("203.0.113.7"), "203.0.113.7", true),
        (&["127.0.0.1/32"], Some("127.0.0.1"), "127.0.0.1", true),
        (&["127.0.0.1/32"], None, "127.0.0.1", false),
    ] {
        let app = trusting(proxies).await;
        let bearer = format!("Bearer {}", app.token);
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(forwarded.map(|address| ("x-forwarded-for", address)));
        let told = app.fetch(Method::GET, "/safelight/v1/whoami", &headers).await.result();
        assert_eq!(told["client_address"], address, "{proxies:?} {forwarded:?}");
        assert_eq!(told["client_forwarded"], is_forwarded, "{proxies:?} {forwarded:?}");
    }
}
