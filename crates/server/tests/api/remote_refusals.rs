//! Remote images that are refused: every error code that a source can lead to.

use crate::origin::{Origin, answer, redirect};
use crate::remote::{gallery, open, remote};
use crate::test_app::{TestApp, png};
use http::Method;
use safelight::config::Config;
use safelight_domain::origin::AllowedOrigin;
use std::time::Duration;

#[tokio::test]
async fn nothing_is_allowed_unless_it_is_listed() {
    let origin = gallery("").await;
    let app = TestApp::with(|config| {
        open(&[origin.port])(config);
        config.remote.origins.clear();
    })
    .await;
    let answer = remote(&app, "w=20", &origin, "/a").await;
    answer.error(403, 9401);
    assert_eq!(answer.text(), "ERROR 9401: Transformation origin is not in allowed origins list");
    let path = app.get("/cdn-cgi/image/w=20/images/a.png").await;
    path.error(403, 9401);
    assert!(path.text().contains("zone-origin"), "{}", path.text());

    let below = TestApp::with(|config| {
        open(&[origin.port])(config);
        config.remote.origins = vec![AllowedOrigin::parse("127.0.0.1/photos").expect("an entry")];
    })
    .await;
    for (path, allowed) in [
        ("/photos/a.png", true),
        ("/a.png", false),
        ("/photos/../a.png", false),
        ("/photos/%2e%2e/a.png", false),
        ("/photos/..%2fa.png", false),
    ] {
        let answer = remote(&below, "w=20", &origin, path).await;
        match allowed {
            true => assert_eq!(answer.status, 200, "{path}: {}", answer.text()),
            false => answer.error(403, 9401),
        }
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn requests_that_are_none() {
    let origin = gallery("").await;
    let app = TestApp::with(open(&[origin.port])).await;
    let base = format!("http://127.0.0.1:{}", origin.port);
    for (rest, status, code) in [
        (format!("w=0/{base}/a"), 400, 9401),
        (format!("nonsense/{base}/a"), 400, 9401),
        (format!("w=20,w=30/{base}/a"), 400, 9401),
        (format!("w=20,f=mp4/{base}/a"), 400, 9401),
        (format!("w=20,onerror=panic/{base}/a"), 400, 9401),
        (format!("/{base}/a"), 403, 9406),
        ("w=20/".to_owned(), 403, 9406),
        ("w=20/ftp://127.0.0.1/a".to_owned(), 403, 9406),
        ("w=20/file:///etc/passwd".to_owned(), 403, 9406),
        ("w=20/http%3A%2F%2F127.0.0.1%2Fa%20b".to_owned(), 403, 9406),
        ("w=20/http://".to_owned(), 403, 9406),
        (format!("w=20/http://user:pass@127.0.0.1:{}/a", origin.port), 403, 9406),
        ("w=20/http://127.0.0.1:22/a".to_owned(), 403, 9406),
    ] {
        app.get(&format!("/cdn-cgi/image/{rest}")).await.error(status, code);
    }
    let target = format!("/cdn-cgi/image/w=20/{base}/a");
    app.fetch(Method::POST, &target, &[]).await.error(405, 9424);
    assert_eq!(app.fetch(Method::OPTIONS, &target, &[]).await.status, 204);
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn loops() {
    let origin = gallery("").await;
    let app = TestApp::with(|config| {
        open(&[origin.port])(config);
        config.remote.origins.push(AllowedOrigin::parse("images.example").expect("an entry"));
    })
    .await;
    let target = format!("/cdn-cgi/image/w=20/http://127.0.0.1:{}/a", origin.port);
    for via in ["1.1 safelight (image-resizing)", "1.0 cache, 1.1 safelight (image-resizing)"] {
        app.fetch(Method::GET, &target, &[("via", via)]).await.error(508, 9403);
    }
    app.get("/cdn-cgi/image/w=20/https://images.example/cdn-cgi/image/w=30/a.png").await.error(508, 9403);
    assert_eq!(origin.connections(), 0);
    assert_eq!(app.fetch(Method::GET, &target, &[("via", "1.1 vegur")]).await.status, 200);
}

#[tokio::test]
async fn what_origins_answer() {
    let broken = {
        let mut file = png(40, 30, [1, 2, 3, 255]);
        let half = file.len() / 2;
        file.truncate(half);
        file
    };
    let huge = {
        let mut file = png(1, 1, [0; 4]);
        file[16..20].copy_from_slice(&20_000_u32.to_be_bytes());
        file
    };
    let origin = Origin::start(move |request| match request.split(' ').nth(1).expect("a path") {
        "/large" => answer("200 OK", "", vec![0; 1_000_001]),
        "/zipped" => answer("200 OK", "content-encoding: gzip\r\n", "x"),
        "/short" => b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_vec(),
        "/nonsense" => b"no HTTP".to_vec(),
        "/loop" => redirect("302 Found", "/loop"),
        "/bad-location" => redirect("302 Found", "ftp://127.0.0.1/"),
        "/page" => answer("200 OK", "content-type: text/html\r\n", "<html>"),
        "/odd" => answer("200 OK", "content-type: image/x-odd\r\n", "odd"),
        "/broken" => answer("200 OK", "", &broken),
        "/huge" => answer("200 OK", "", &huge),
        status => answer(&format!("{} Status", &status[1..]), "www-authenticate: Basic\r\n", "secret"),
    })
    .await;
    let app = TestApp::with(open(&[origin.port])).await;
    for (path, status, code) in [
        ("/404", 404, 9404),
        ("/400", 502, 9519),
        ("/401", 403, 9408),
        ("/403", 403, 9408),
        ("/410", 410, 9408),
        ("/429", 429, 9408),
        ("/500", 502, 9509),
        ("/503", 502, 9509),
        ("/204", 502, 9402),
        ("/304", 502, 9402),
        ("/large", 413, 9402),
        ("/zipped", 422, 9416),
        ("/short", 422, 9416),
        ("/nonsense", 422, 9416),
        ("/loop", 400, 9421),
        ("/bad-location", 400, 9420),
        ("/page", 415, 9412),
        ("/odd", 415, 9520),
        ("/broken", 422, 9516),
        ("/huge", 403, 9413),
    ] {
        let answer = remote(&app, "w=20", &origin, path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text());
        answer.error(status, code);
        assert!(!answer.text().contains("secret") && answer.header("www-authenticate").is_none());
    }
    assert_eq!(app.app.config.data.join("staging").read_dir().expect("a folder").count(), 0);
}

#[tokio::test]
async fn origins_that_are_not_reached() {
    let origin = gallery("").await;
    let closed = TestApp::with(|config| {
        config.fetch.ports = vec![80, origin.port];
        config.remote.origins = vec![AllowedOrigin::parse("*").expect("an entry")];
    })
    .await;
    let mut texts = Vec::new();
    for host in ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "nothing.invalid"] {
        for port in [80, origin.port] {
            let answer = closed.get(&format!("/cdn-cgi/image/w=20/http://{host}:{port}/a")).await;
            answer.error(523, 9407);
            texts.push(answer.text());
        }
    }
    texts.dedup();
    assert_eq!(texts, ["ERROR 9407: The source cannot be fetched: the host has no public address"]);
    assert_eq!(origin.connections(), 0);

    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let app = TestApp::with(open(&[free.port(), origin.port])).await;
    app.get(&format!("/cdn-cgi/image/w=20/http://{free}/a")).await.error(523, 9510);
    // It does not speak TLS.
    app.get(&format!("/cdn-cgi/image/w=20/https://127.0.0.1:{}/a", origin.port)).await.error(502, 9505);
}

#[tokio::test]
async fn slow_origins_and_too_many_of_them() {
    let silent = Origin::start(|_| Vec::new()).await.silent();
    let app = TestApp::with(|config| {
        open(&[silent.port])(config);
        config.fetch.idle_timeout = Duration::from_millis(500);
        config.fetch.concurrent = 1;
    })
    .await;
    let (first, second) =
        tokio::join!(remote(&app, "w=20", &silent, "/a"), remote(&app, "w=20", &silent, "/b"));
    let (slow, busy) = if first.status == 524 { (first, second) } else { (second, first) };
    slow.error(524, 9504);
    busy.error(503, 9522);
    assert_eq!(busy.header("retry-after"), Some("1"));
    // The leave comes back.
    remote(&app, "w=20", &silent, "/c").await.error(524, 9504);

    // It takes connections, and says nothing that TLS could begin with.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = mute.local_addr().expect("an address");
    let app = TestApp::with(|config| {
        open(&[address.port()])(config);
        config.fetch.connect_timeout = Duration::from_millis(300);
    })
    .await;
    app.get(&format!("/cdn-cgi/image/w=20/https://{address}/a")).await.error(522, 9504);
}

fn zone(port: u16) -> impl FnOnce(&mut Config) {
    move |config| {
        open(&[port])(config);
        config.remote.origins.clear();
        config.remote.zone = Some(format!("http://127.0.0.1:{port}").parse().expect("a URL"));
    }
}

#[tokio::test]
async fn paths_of_the_zone() {
    let origin = gallery("").await;
    let app = TestApp::with(zone(origin.port)).await;
    for (number, (source, asked)) in [
        ("images/a.png?v=2", "/images/a.png?v=2"),
        ("/images/b.png", "/images/b.png"),
        ("//evil.example/c.png", "/evil.example/c.png"),
        ("x/../../d.png", "/d.png"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = app.get(&format!("/cdn-cgi/image/w=20/{source}")).await;
        assert_eq!(answer.status, 200, "{source}: {}", answer.text());
        assert!(origin.request(number).starts_with(&format!("GET {asked} HTTP/1.1\r\n")), "{source}");
    }
    // The zone written out is the zone too, another port is not.
    assert_eq!(remote(&app, "w=20", &origin, "/e.png").await.status, 200);
    app.get("/cdn-cgi/image/w=20/http://127.0.0.1/e.png").await.error(403, 9401);
    app.get("/cdn-cgi/image/w=20/cdn-cgi/image/w=30/a.png").await.error(508, 9403);
}

#[tokio::test]
async fn onerror_redirects_to_the_source_on_the_zone_alone() {
    let origin = Origin::start(|_| answer("404 Not Found", "", "")).await;
    let app = TestApp::with(zone(origin.port)).await;
    let full = format!("http://127.0.0.1:{}/a.png?v=2", origin.port);
    for (source, location) in [("images/a.png?v=2", "/images/a.png?v=2"), (full.as_str(), full.as_str())] {
        let answer = app.get(&format!("/cdn-cgi/image/w=20,onerror=redirect/{source}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (302, Some(location)));
        assert_eq!((answer.header("cache-control"), answer.body.len()), (Some("no-store"), 0));
        app.get(&format!("/cdn-cgi/image/w=20/{source}")).await.error(404, 9404);
    }
    // To a browser these are other hosts.
    for source in [".//evil.example/a", "/./%2e//evil.example/a", "./\\evil.example/a"] {
        let answer = app.get(&format!("/cdn-cgi/image/w=20,onerror=redirect/{source}")).await;
        assert_eq!(answer.header("location"), None, "{source}");
        answer.error(404, 9404);
    }
    let elsewhere = TestApp::with(open(&[origin.port])).await;
    remote(&elsewhere, "w=20,onerror=redirect", &origin, "/a").await.error(404, 9404);
}
