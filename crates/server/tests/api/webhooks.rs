//! Webhooks of accounts: their settings, and what they are told.

use crate::test_app::{TestApp, form, png};
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// Secrets and messages as they came.
type Received = Arc<Mutex<Vec<(Option<String>, Value)>>>;

/// A receiver on this machine that takes everything.
struct Receiver {
    url: String,
    port: u16,
    received: Received,
}

async fn note(State(received): State<Received>, headers: HeaderMap, body: String) -> StatusCode {
    let secret = headers.get("cf-webhook-auth").map(|value| value.to_str().expect("text").to_owned());
    received.lock().expect("unpoisoned").push((secret, serde_json::from_str(&body).expect("JSON")));
    StatusCode::OK
}

impl Receiver {
    async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let received = Received::default();
        let router = axum::Router::new().fallback(note).with_state(Arc::clone(&received));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver { url: format!("http://127.0.0.1:{port}/hook?a=b"), port, received }
    }

    async fn app(&self) -> TestApp {
        let port = self.port;
        TestApp::with(move |config| {
            config.fetch.ports = vec![port];
            config.fetch.private_networks = vec!["127.0.0.1/32".parse().expect("a network")];
        })
        .await
    }

    fn received(&self) -> Vec<(Option<String>, Value)> {
        self.received.lock().expect("unpoisoned").clone()
    }
}

fn path(app: &TestApp) -> String {
    format!("/safelight/v1/accounts/{}/webhook", app.account.id.as_str())
}

#[tokio::test]
async fn a_webhook_is_set_tested_and_deleted() {
    let receiver = Receiver::start().await;
    let app = receiver.app().await;
    let path = path(&app);
    let test = format!("{path}/test");
    for (method, path) in [(Method::GET, &path), (Method::DELETE, &path), (Method::POST, &test)] {
        app.call(method, path, None).await.refused(404, 5404);
    }
    let body = json!({"url": receiver.url, "secret": "of-the-account"});
    let shown = json!({"url": receiver.url, "has_secret": true});
    assert_eq!(app.call(Method::PUT, &path, Some(body)).await.result(), shown);
    assert_eq!(app.call(Method::GET, &path, None).await.result(), shown);
    assert_eq!(app.call(Method::POST, &test, None).await.result(), json!({}));
    let body = json!({"url": receiver.url});
    assert_eq!(app.call(Method::PUT, &path, Some(body)).await.result()["has_secret"], false);
    app.call(Method::POST, &test, None).await.result();
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!((received[0].0.as_deref(), received[1].0.as_deref()), (Some("of-the-account"), None));
    let message = &received[0].1;
    assert!(message["text"].as_str().expect("a text").contains("test message"), "{message}");
    assert_eq!(message["account_id"], app.account.id.as_str());
    assert_eq!((&message["data"], &message["ts"]), (&json!(null), &json!(crate::test_app::NOW)));
    assert_eq!(app.call(Method::DELETE, &path, None).await.result(), json!({}));
    app.call(Method::GET, &path, None).await.refused(404, 5404);
}

#[tokio::test]
async fn bad_webhooks_are_refused() {
    let receiver = Receiver::start().await;
    let app = TestApp::new().await;
    let path = path(&app);
    let long = format!("https://example.com/{}", "x".repeat(2_040));
    for body in [
        json!({}),
        json!({"url": "example.com"}),
        json!({"url": "ftp://example.com/"}),
        json!({"url": "https://user:password@example.com/"}),
        json!({"url": long}),
        json!({"url": "https://example.com/", "secret": "a\nb"}),
        json!({"url": "https://example.com/", "secret": "x".repeat(257)}),
        json!({"url": "https://example.com/", "secret": 1}),
        json!({"url": "https://example.com/", "other": 1}),
    ] {
        app.call(Method::PUT, &path, Some(body)).await.refused(400, 5400);
    }
    app.call(Method::GET, &path, None).await.refused(404, 5404);
    // Ports and networks that are not opened are refused when it is called.
    for (url, text) in [(receiver.url.as_str(), "port"), ("http://127.0.0.1/", "no public address")] {
        app.call(Method::PUT, &path, Some(json!({"url": url}))).await.result();
        let refused = app.call(Method::POST, &format!("{path}/test"), None).await.refused(400, 5454);
        assert!(refused.contains(text), "{refused}");
    }
    assert_eq!(receiver.received(), []);
    let tokens = format!("/safelight/v1/accounts/{}/tokens", app.account.id.as_str());
    let reader = json!({"name": "r", "scopes": ["read"]});
    let reader = app.call(Method::POST, &tokens, Some(reader)).await.result();
    let reader = reader["token"].as_str().expect("a token");
    app.call_as(reader, Method::GET, &path, None).await.result();
    let body = Some(json!({"url": "https://example.com/"}));
    app.call_as(reader, Method::PUT, &path, body).await.refused(403, 10000);
    app.call_as(reader, Method::DELETE, &path, None).await.refused(403, 10000);
    app.call_as(reader, Method::POST, &format!("{path}/test"), None).await.refused(403, 10000);
}

#[tokio::test]
async fn direct_uploads_are_told_whether_they_succeed_or_fail() {
    let receiver = Receiver::start().await;
    let app = receiver.app().await;
    let body = json!({"url": receiver.url, "secret": "of-the-account"});
    app.call(Method::PUT, &path(&app), Some(body)).await.result();
    let link = app.upload_as(&app.token, "~/v2/direct_upload", None, &[("id", "i")]).await.result();
    let target = link["uploadURL"].as_str().expect("a URL").replace("https://images.example", "");
    for file in [b"no image".to_vec(), png(3, 2, [1, 2, 3, 255]), png(3, 2, [1, 2, 3, 255])] {
        let request = Request::post(&target).header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
        let form = form(Some(("photo.png", &file)), &[]);
        app.send(request.body(Body::from(form)).expect("a request")).await;
    }
    // An upload with a token is nobody's news.
    app.uploaded(&[]).await;

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let jobs = safelight::jobs::run(Arc::clone(&app.app), async { stopped.await.unwrap_or(()) });
    let watching = async {
        while receiver.received().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Time for a third, which must not come.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stop.send(()).expect("still runs");
    };
    let both = async { tokio::join!(jobs, watching) };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("stops");
    let mut received = receiver.received();
    received.sort_by_key(|(_, message)| message["data"]["status"].to_string());
    let statuses: Vec<_> = received.iter().map(|(_, message)| &message["data"]["status"]).collect();
    assert_eq!(statuses, ["failure", "success"]);
    for (secret, message) in &received {
        assert_eq!(secret.as_deref(), Some("of-the-account"));
        assert_eq!(message["data"]["image_id"], "i");
        assert_eq!(message["alert_type"], "image_notification");
    }
    assert_eq!(received[0].1["data"]["error"]["code"], 5455);
    assert_eq!(received[1].1["data"]["error"], Value::Null);
    assert_ne!(received[0].1["data"]["event_id"], received[1].1["data"]["event_id"]);
}
