//! What is measured of requests, and who may read it.

use crate::test_app::TestApp;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use safelight::accept::Answers;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Status and text of an answer of the listener of the metrics.
async fn ask(app: &TestApp, method: Method, path: &str) -> (StatusCode, String) {
    let site = safelight::http::metrics_site(Arc::clone(&app.app));
    let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
    let answer = site.answer(request, SocketAddr::from((Ipv4Addr::LOCALHOST, 1))).await;
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a whole body");
    (status, String::from_utf8(body.to_vec()).expect("UTF-8"))
}

fn holds(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line}: {text}");
}

#[tokio::test]
async fn the_listener_of_the_metrics_has_nothing_else() {
    let app = TestApp::new().await;
    let (status, text) = ask(&app, Method::GET, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    holds(&text, "safelight_render_workers 1");
    for (method, path) in [
        (Method::GET, "/"),
        (Method::POST, "/metrics"),
        (Method::GET, "/health/live"),
        (Method::GET, "/safelight/v1/whoami"),
        (Method::GET, app.target("any", "public").as_str()),
    ] {
        assert_eq!(ask(&app, method.clone(), path).await.0, StatusCode::NOT_FOUND, "{method} {path}");
    }
}

#[tokio::test]
async fn each_request_is_counted_once_by_what_it_was_for() {
    let app = TestApp::new().await;
    let (public, private) = (app.uploaded(&[]).await, app.private_image().await);
    let target = app.target(&public, "public");
    app.get(&target).await;
    app.get_stored(&target).await;
    let etag = app.get(&target).await.header("etag").expect("a tag").to_owned();
    assert_eq!(app.fetch(Method::GET, &target, &[("if-none-match", &etag)]).await.status, 304);
    app.get(&app.target(&private, "public")).await.error(403, 9425);
    app.get(&app.target(&public, "none")).await.error(403, 9425);
    assert_eq!(app.get("/nowhere").await.status, 403);
    app.call(Method::GET, "~/v1/keys", None).await.result();
    app.fetch(Method::GET, "/safelight/v1/whoami", &[]).await.refused(401, 10000);

    let text = ask(&app, Method::GET, "/metrics").await.1;
    for line in [
        "safelight_requests_total{class=\"hit\",status=\"304\"} 1",
        "safelight_requests_total{class=\"delivery\",status=\"403\"} 2",
        "safelight_requests_total{class=\"upload\",status=\"200\"} 2",
        "safelight_requests_total{class=\"api\",status=\"200\"} 1",
        "safelight_requests_total{class=\"api\",status=\"401\"} 1",
        "safelight_requests_total{class=\"other\",status=\"403\"} 1",
        "safelight_request_duration_seconds_count{class=\"delivery\"} 2",
        "safelight_request_duration_seconds_count{class=\"upload\"} 2",
        "safelight_request_duration_seconds_count{class=\"api\"} 2",
        "safelight_request_duration_seconds_count{class=\"remote\"} 0",
        "safelight_errors_total{type=\"security\"} 3",
        "safelight_errors_total{type=\"request\"} 1",
        "safelight_requests_in_progress 1",
        "safelight_images_in_progress 0",
        "safelight_workers 1",
        "safelight_workers_utilization 0",
    ] {
        holds(&text, line);
    }
    // More than one request may have got the one that was made, before it was stored.
    let renders = text.lines().find_map(|line| line.strip_prefix("safelight_delivery_renders_total "));
    let renders = renders.expect("a line");
    for name in [
        "requests_total{class=\"render\",status=\"200\"}",
        "request_duration_seconds_count{class=\"render\"}",
    ] {
        holds(&text, &format!("safelight_{name} {renders}"));
    }
    for span in ["queue", "downloading", "processing"] {
        holds(&text, &format!("safelight_request_span_duration_seconds_count{{span=\"{span}\"}} 1"));
    }
    for told in [public.as_str(), private.as_str(), app.account.hash.as_str(), app.account.id.as_str()] {
        assert!(!text.contains(told), "{told}: {text}");
    }
}

#[tokio::test]
async fn what_is_kept_in_memory_shows() {
    let app = TestApp::new().await;
    let target = app.target(&app.uploaded(&[]).await, "public");
    app.get(&target).await;
    let bytes = app.get_stored(&target).await.body.len();
    let text = ask(&app, Method::GET, "/metrics").await.1;
    let line = text.lines().find_map(|line| line.strip_prefix("safelight_rendition_memory_bytes "));
    let held: usize = line.expect("a line").parse().expect("a number");
    assert!((bytes..bytes + 1000).contains(&held), "{held} for {bytes}");
    // A store of files is asked nothing over a network.
    assert!(!text.contains("safelight_store_"), "{text}");
}
