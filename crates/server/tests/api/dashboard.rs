//! The dashboard's files, and where they are served.

use crate::test_app::{Answer, TestApp};
use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use safelight::config::Dashboard;
use std::sync::Arc;
use tower::ServiceExt;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: https://images.example; connect-src 'self' https://images.example; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

async fn get(app: &TestApp, target: &str, headers: &[(&str, &str)]) -> Answer {
    let answer = app.fetch(Method::GET, target, headers).await;
    assert_guarded(&answer);
    answer
}

/// What no answer of the dashboard may lack.
fn assert_guarded(answer: &Answer) {
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

/// Every file of the folder that is embedded, by its path from there.
fn files() -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dashboard");
    let mut folders = vec![folder.clone()];
    let mut found = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&folder).expect("below it").to_str().expect("UTF-8").to_owned();
                found.push((name, std::fs::read(&path).expect("a file")));
            }
        }
    }
    found
}

#[tokio::test]
async fn every_file_is_served_with_its_type() {
    let app = TestApp::new().await;
    let files = files();
    assert!(files.iter().any(|(name, _)| name == "index.html"));
    for (name, bytes) in files {
        let answer = get(&app, &format!("/dashboard/{name}"), &[]).await;
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &bytes[..]), "{name}");
        let expected = match name.rsplit_once('.').expect("an extension").1 {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml; charset=utf-8",
            other => panic!("{name}: say here what {other} is"),
        };
        assert_eq!(answer.header("content-type"), Some(expected), "{name}");
        assert_eq!(answer.header("content-encoding"), None);
        let head = app.fetch(Method::HEAD, &format!("/dashboard/{name}"), &[]).await;
        assert_guarded(&head);
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0), "{name}");
        assert_eq!(head.header("content-length"), Some(bytes.len().to_string().as_str()));
    }
}

#[tokio::test]
async fn its_page_is_where_the_folder_is() {
    let app = TestApp::new().await;
    let page = get(&app, "/dashboard/", &[]).await;
    assert_eq!(page.body, get(&app, "/dashboard/index.html", &[]).await.body);
    for (from, status) in [("/dashboard", 308), ("/", 302)] {
        let answer = get(&app, from, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (status, Some("/dashboard/")));
    }
    // All else there is delivery's, as it is where there is no dashboard.
    app.get("/?a=b").await.error(403, 9426);
    app.fetch(Method::POST, "/", &[]).await.error(405, 9424);
    assert_eq!(app.fetch(Method::OPTIONS, "/", &[]).await.status, 204);
}

#[tokio::test]
async fn what_is_compressed_is_the_same_file() {
    let app = TestApp::new().await;
    let plain = get(&app, "/dashboard/index.html", &[]).await;
    for (accepted, encoding) in
        [("gzip, deflate, br", Some("br")), ("br;q=0, gzip", Some("gzip")), ("identity", None)]
    {
        let answer = get(&app, "/dashboard/index.html", &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.header("content-encoding"), encoding, "{accepted}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert_eq!(answer.header("etag") == plain.header("etag"), encoding.is_none(), "{accepted}");
        let mut opened = Vec::new();
        match encoding {
            Some("br") => brotli::BrotliDecompress(&mut &answer.body[..], &mut opened).expect("brotli"),
            Some(_) => {
                let mut reader = flate2::read::GzDecoder::new(&answer.body[..]);
                std::io::Read::read_to_end(&mut reader, &mut opened).map(drop).expect("gzip");
            }
            None => opened.extend_from_slice(&answer.body),
        }
        assert_eq!(opened, plain.body, "{accepted}");
    }
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let app = TestApp::new().await;
    for encoding in ["identity", "br"] {
        let first = get(&app, "/dashboard/index.html", &[("accept-encoding", encoding)]).await;
        let etag = first.header("etag").expect("a tag");
        assert!(etag.starts_with('"'), "{etag}");
        let headers = [("accept-encoding", encoding), ("if-none-match", etag)];
        let again = get(&app, "/dashboard/index.html", &headers).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), Some(etag));
        let other = [("accept-encoding", "gzip"), ("if-none-match", etag)];
        assert_eq!(get(&app, "/dashboard/index.html", &other).await.status, 200);
    }
}

#[tokio::test]
async fn nothing_else_is_there() {
    let app = TestApp::new().await;
    for target in [
        "/dashboard/nothing.js",
        "/dashboard/../Cargo.toml",
        "/dashboard/%2e%2e/Cargo.toml",
        "/dashboard//index.html",
        "/dashboard/pages/",
        "/dashboard/index.html/",
    ] {
        assert_eq!(get(&app, target, &[]).await.status, 404, "{target}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE] {
        let answer = app.fetch(method, "/dashboard/app.js", &[]).await;
        assert_guarded(&answer);
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET, HEAD")));
    }
}

async fn status(router: &Router, target: &str) -> u16 {
    let request = Request::get(target).body(Body::empty()).expect("a request");
    router.clone().oneshot(request).await.expect("an answer").status().as_u16()
}

/// What each listener answers to a page, the start and the API.
#[tokio::test]
async fn it_is_on_one_listener_or_on_none() {
    let api = "/safelight/v1/whoami";
    let shown = |app: &TestApp| {
        let app = Arc::clone(&app.app);
        async move {
            let mut told = Vec::new();
            for router in [
                safelight::http::router(Arc::clone(&app)),
                safelight::http::delivery_router(Arc::clone(&app)),
                safelight::http::admin_router(app),
            ] {
                let page = status(&router, "/dashboard/").await;
                told.push((page, status(&router, "/").await, status(&router, api).await));
            }
            told
        }
    };
    let beside = TestApp::new().await;
    assert_eq!(shown(&beside).await, [(200, 302, 401), (403, 403, 403), (200, 302, 401)]);
    let apart = Dashboard::Apart("127.0.0.1:0".parse().expect("an address"));
    for setting in [Dashboard::Off, apart] {
        let app = TestApp::with(|config| config.dashboard = setting).await;
        assert_eq!(shown(&app).await, [(403, 403, 401), (403, 403, 403), (404, 404, 401)]);
        let own = safelight::http::dashboard_router(Arc::clone(&app.app));
        assert_eq!(status(&own, "/dashboard/").await, 200);
        assert_eq!((status(&own, "/").await, status(&own, "/?a").await), (302, 404));
        assert_eq!(status(&own, api).await, 401);
        assert_eq!(status(&own, &app.target("a", "public")).await, 404);
    }
}
