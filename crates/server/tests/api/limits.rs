//! How often strangers may fail: by signatures at delivery, by tokens at the API.

use crate::test_app::{Answer, NOW, TestApp};
use axum::body::Body;
use http::{Method, Request};
use safelight_domain::quota::Bound;
use serde_json::json;
use std::net::SocketAddr;

const PATH: &str = "/client/v4/accounts/";

impl TestApp {
    async fn get_from(&self, peer: &str, target: &str) -> Answer {
        let peer: SocketAddr = format!("{peer}:1").parse().expect("an address");
        let request = Request::get(target).extension(peer);
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    async fn list_with(&self, token: &str) -> Answer {
        self.call_as(token, Method::GET, &format!("{PATH}{}/images/v1", self.account.id.as_str()), None).await
    }
}

async fn with_few_signatures() -> TestApp {
    TestApp::with(|config| {
        config.limits.failed_signatures_per_minute = Bound::At(3);
        config.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    })
    .await
}

#[tokio::test]
async fn wrong_signatures_are_refused_unseen_and_right_ones_never() {
    let app = with_few_signatures().await;
    let id = app.private_image().await;
    let target = app.target(&id, "public");
    let forged = format!("{target}?sig={}", "0".repeat(64));
    let malformed = format!("{target}?sig=x");
    for wrong in [&forged, &malformed, &forged] {
        app.get_from("192.0.2.1", wrong).await.error(403, 9425);
    }
    let refused = app.get_from("192.0.2.1", &malformed).await;
    refused.error(429, 9425);
    assert_eq!(refused.header("retry-after"), Some("60"));
    // The same of an image that does not exist, by HEAD, and for the whole of an IPv6 network.
    let nothing = format!("{}?sig={}", app.target("nothing", "public"), "0".repeat(64));
    assert_eq!(app.get_from("192.0.2.1", &nothing).await.text(), refused.text());
    assert_eq!(app.get_from("192.0.2.2", &nothing).await.status, 403);

    // Neighbours behind the same address go on: right, expired and no signatures are judged as ever.
    let right = app.signed(&target, Some(NOW + 60));
    assert_eq!(app.get_from("192.0.2.1", &right).await.status, 200);
    let expired = app.signed(&target, Some(NOW - 1));
    for _ in 0..5 {
        app.get_from("192.0.2.1", &expired).await.error(403, 9425);
        app.get_from("192.0.2.1", &target).await.error(403, 9425);
    }
    app.set_clock(NOW + 60);
    app.get_from("192.0.2.1", &forged).await.error(403, 9425);
}

#[tokio::test]
async fn what_anyone_may_see_counts_no_failures() {
    let app = with_few_signatures().await;
    let id = app.uploaded(&[]).await;
    let forged = format!("{}?sig={}", app.target(&id, "public"), "0".repeat(64));
    for _ in 0..5 {
        assert_eq!(app.get_from("[2001:db8::1]", &forged).await.status, 200);
    }
    let private = app.private_image().await;
    let forged = format!("{}?sig={}", app.target(&private, "public"), "0".repeat(64));
    for host in 1..=3 {
        app.get_from(&format!("[2001:db8::{host}]"), &forged).await.error(403, 9425);
    }
    app.get_from("[2001:db8::4]", &forged).await.error(429, 9425);
    app.get_from("[2001:db8:0:1::4]", &forged).await.error(403, 9425);
    // Behind a proxy the client counts.
    let through = |client: &str| {
        let peer: SocketAddr = "10.0.0.1:1".parse().expect("an address");
        let request = Request::get(&forged).extension(peer).header("x-forwarded-for", client);
        app.send(request.body(Body::empty()).expect("a request"))
    };
    through("2001:db8::9").await.error(429, 9425);
    through("198.51.100.1").await.error(403, 9425);
}

#[tokio::test]
async fn unknown_tokens_count_as_failed_logins_and_known_ones_go_on() {
    let app = TestApp::new().await;
    for _ in 0..10 {
        app.list_with("wrong").await.refused(401, 10000);
    }
    let refused = app.list_with("wrong").await;
    refused.refused(429, 5429);
    assert_eq!(refused.header("retry-after"), Some("60"));
    let batch = Request::get("/images/v2").header("authorization", "Bearer wrong").body(Body::empty());
    app.send(batch.expect("a request")).await.refused(429, 5429);
    // None at all is no guess.
    app.get("/safelight/v1/whoami").await.refused(401, 10000);
    app.list_with(&app.token).await.result();
    let log_in = || {
        let body = Body::from(json!({"token": app.token}).to_string());
        let request = Request::post("/safelight/v1/session").header("content-type", "application/json");
        app.send(request.body(body).expect("a request"))
    };
    log_in().await.refused(429, 5429);

    let metrics = app.call(Method::GET, "/metrics", None).await.text();
    assert!(metrics.contains("safelight_limit_refusals_total{cause=\"logins\"} 3\n"), "{metrics}");
    app.set_clock(NOW + 60);
    log_in().await.result();
}
