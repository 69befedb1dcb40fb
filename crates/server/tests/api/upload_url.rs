//! Uploads by `url`.

use crate::origin::{Origin, answer, redirect};
use crate::test_app::{Answer, TestApp, png};
use safelight::config::Config;
use serde_json::Value;
use std::time::Duration;

/// Opens this machine to fetches, as the settings can.
fn open(origin: &Origin) -> impl FnOnce(&mut Config) {
    let port = origin.port;
    move |config| {
        config.fetch.private_networks = vec!["127.0.0.1/32".parse().expect("a network")];
        config.fetch.ports = vec![port];
    }
}

async fn by_url(app: &TestApp, fields: &[(&str, &str)]) -> Answer {
    app.upload_as(&app.token, "~/v1", None, fields).await
}

fn staged(app: &TestApp) -> usize {
    app.app.config.data.join("staging").read_dir().expect("a folder").count()
}

#[tokio::test]
async fn an_image_is_fetched_stored_and_served() {
    let origin = Origin::start(|request| match request.split(' ').nth(1) {
        Some("/moved") => redirect("301 Moved Permanently", "/photos/caf%C3%A9.png?v=2"),
        Some("/photos/caf%C3%A9.png?v=2") | Some("/plain") => {
            // The type that an origin claims is worth nothing.
            answer("200 OK", "content-type: text/html\r\n", png(4, 3, [1, 2, 3, 255]))
        }
        _ => answer("404 Not Found", "", ""),
    })
    .await;
    let app = TestApp::with(open(&origin)).await;
    let base = format!("http://user:pass@127.0.0.1:{}", origin.port);
    let url = format!("{base}/photos/caf%C3%A9.png?v=2");
    let fields =
        [("url", url.as_str()), ("requireSignedURLs", "true"), ("id", "mine"), ("metadata", "{\"a\":1}")];
    let image = by_url(&app, &fields).await.result();
    assert_eq!((&image["id"], &image["filename"]), (&Value::from("mine"), &Value::from("café.png")));
    assert_eq!((&image["requireSignedURLs"], &image["meta"]["a"]), (&Value::from(true), &Value::from(1)));
    assert!(origin.request(0).contains("authorization: Basic dXNlcjpwYXNz\r\n"), "{}", origin.request(0));
    let target = app.target("mine", "public");
    app.get(&target).await.error(403, 9425);
    assert_eq!(app.get(&app.signed(&target, None)).await.status, 200);

    // Last segments that are no file's name.
    let image = by_url(&app, &[("url", &format!("{base}/plain"))]).await.result();
    assert!(image.get("filename").is_none(), "{image}");
    let image = by_url(&app, &[("url", &format!("{base}/moved"))]).await.result();
    assert!(image.get("filename").is_none(), "{image}");
    assert_eq!(staged(&app), 0);
}

#[tokio::test]
async fn either_a_file_or_a_url() {
    let app = TestApp::new().await;
    let file = png(2, 2, [0; 4]);
    let both = app.upload(&file, &[("url", "https://a.example/b.png")]).await.refused(400, 5400);
    assert!(both.contains("both"), "{both}");
    by_url(&app, &[]).await.refused(400, 5400);
    by_url(&app, &[("url", "")]).await.refused(400, 5400);
    let twice = [("url", "https://a.example/"), ("url", "https://b.example/")];
    by_url(&app, &twice).await.refused(400, 5400);
    // What an SDK sends for a field that was not set.
    app.upload(&file, &[("url", "")]).await.result();
}

#[tokio::test]
async fn what_cannot_be_fetched_is_5454_with_the_cause() {
    let origin = Origin::start(|request| match request.split(' ').nth(1) {
        Some("/large") => answer("200 OK", "", vec![0; 1_000_001]),
        Some("/loop") => redirect("302 Found", "/loop"),
        Some("/inside") => redirect("302 Found", "http://169.254.169.254/"),
        Some("/500") => answer("500 Oops", "", "secret of the origin"),
        Some("/text") => answer("200 OK", "content-type: image/png\r\n", "no image"),
        _ => answer("404 Not Found", "", "secret of the origin"),
    })
    .await;
    let app = TestApp::with(open(&origin)).await;
    for (path, status, cause) in [
        ("/missing", 400, "it answered 404 Not Found"),
        ("/500", 400, "it answered 500 Internal Server Error"),
        ("/large", 413, "it has more than 1000000 bytes"),
        ("/loop", 400, "there were more than 5 redirects"),
        // Metadata services are closed by port here, and by address below.
        ("/inside", 400, "the port 80 is not allowed"),
    ] {
        let url = format!("http://127.0.0.1:{}{path}", origin.port);
        let text = by_url(&app, &[("url", &url)]).await.refused(status, 5454);
        assert_eq!(text, format!("The image cannot be fetched from 'url': {cause}"));
    }
    for url in ["ftp://a.example/", "/a.png", "a.png", "http://"] {
        by_url(&app, &[("url", url)]).await.refused(400, 5454);
    }
    let url = format!("http://127.0.0.1:{}/text", origin.port);
    by_url(&app, &[("url", &url)]).await.refused(415, 5455);
    assert_eq!(staged(&app), 0);
}

#[tokio::test]
async fn networks_inside_are_closed_and_look_alike_whatever_is_there() {
    let origin = Origin::start(|_| answer("200 OK", "", png(2, 2, [0; 4]))).await;
    let app = TestApp::with(|config| config.fetch.ports = vec![80, origin.port, 9]).await;
    let mut texts = Vec::new();
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "[::ffff:7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
        "nothing.invalid",
    ] {
        for port in [origin.port, 9] {
            let url = format!("http://{host}:{port}/");
            texts.push(by_url(&app, &[("url", &url)]).await.refused(400, 5454));
        }
    }
    texts.dedup();
    assert_eq!(texts, ["The image cannot be fetched from 'url': the host has no public address"]);
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_slow_origin_is_left_and_only_so_many_at_once() {
    let origin = Origin::start(|_| Vec::new()).await.silent();
    let app = TestApp::with(|config| {
        open(&origin)(config);
        config.fetch.idle_timeout = Duration::from_millis(500);
        config.fetch.concurrent = 1;
    })
    .await;
    let url = format!("http://127.0.0.1:{}/a.png", origin.port);
    let fields = [("url", url.as_str())];
    let (first, second) = tokio::join!(by_url(&app, &fields), by_url(&app, &fields));
    let (slow, busy) = if first.status == 400 { (first, second) } else { (second, first) };
    let text = slow.refused(400, 5454);
    assert!(text.ends_with("the download took too long"), "{text}");
    busy.refused(503, 5503);
}
