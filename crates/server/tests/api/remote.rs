//! Remote images: what is fetched, how it is answered, and how long it is kept.

use crate::origin::{Origin, answer, redirect};
use crate::test_app::{Answer, NOW, TestApp, decode_png, png};
use http::Method;
use safelight::accept;
use safelight::config::Config;
use safelight_domain::origin::AllowedOrigin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

/// Opens this machine at some ports, and allows it as an origin.
pub(crate) fn open(ports: &[u16]) -> impl FnOnce(&mut Config) {
    let ports = ports.to_vec();
    move |config| {
        config.fetch.private_networks = vec!["127.0.0.1/32".parse().expect("a network")];
        config.fetch.ports = ports;
        config.remote.origins = vec![AllowedOrigin::parse("127.0.0.1").expect("an entry")];
    }
}

/// A request for an image of an origin with these options.
pub(crate) async fn remote(app: &TestApp, options: &str, origin: &Origin, path: &str) -> Answer {
    app.get(&target(options, origin, path)).await
}

fn target(options: &str, origin: &Origin, path: &str) -> String {
    format!("/cdn-cgi/image/{options}/http://127.0.0.1:{}{path}", origin.port)
}

fn picture() -> Vec<u8> {
    png(40, 30, [200, 30, 30, 255])
}

/// An origin with one picture, whatever is asked for.
pub(crate) async fn gallery(headers: &'static str) -> Origin {
    Origin::start(move |_| answer("200 OK", headers, picture())).await
}

#[tokio::test]
async fn a_picture_is_fetched_rendered_and_kept() {
    let origin = gallery("cache-control: max-age=86400\r\netag: \"v-1\"\r\nset-cookie: a=b\r\n").await;
    let app = TestApp::with(open(&[origin.port])).await;
    let target = target("w=20", &origin, "/a%20b.png?c=d");
    let secrets =
        [("cookie", "session=1"), ("authorization", "Bearer x"), ("accept", "image/avif,image/webp")];
    let first = app.fetch(Method::GET, &target, &secrets).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(decode_png(&first.body), (20, 15, vec![200, 30, 30]));
    // Without format nothing is negotiated.
    assert_eq!((first.header("content-type"), first.header("vary")), (Some("image/png"), None));
    assert_eq!(first.header("cache-control"), Some("public, max-age=86400"));
    assert_eq!(first.header("x-content-type-options"), Some("nosniff"));
    assert!(first.header("content-security-policy").is_some_and(|csp| csp.contains("sandbox")));
    assert!(first.header("set-cookie").is_none() && first.header("warning").is_none());
    let etag = first.header("etag").expect("a tag").to_owned();
    assert!(etag.starts_with("\"cf-") && etag.ends_with(":v-1\""), "{etag}");
    let resized = first.header("cf-resized").expect("a header");
    assert!(resized.starts_with("internal=ok/m ") && resized.contains(&format!(" l={} ", first.body.len())));

    let request = origin.request(0);
    assert!(request.starts_with("GET /a%20b.png?c=d HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("via: 1.1 safelight (image-resizing)\r\n"), "{request}");
    for name in ["cookie", "authorization", "referer", "x-forwarded-for", "bearer"] {
        assert!(!request.to_ascii_lowercase().contains(name), "{request}");
    }

    app.set_clock(NOW + 10);
    let second = app.get(&target).await;
    assert!(second.header("cf-resized").is_some_and(|text| text.starts_with("internal=ok/h ")));
    assert_eq!(
        (second.body == first.body, second.header("cache-control")),
        (true, Some("public, max-age=86390"))
    );
    let third = app.fetch(Method::GET, &target, &[("if-none-match", &etag)]).await;
    assert_eq!((third.status.as_u16(), third.body.len()), (304, 0));
    let head = app.fetch(Method::HEAD, &target, &[]).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let part = app.fetch(Method::GET, &target, &[("range", "bytes=0-3")]).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &b"\x89PNG"[..]));
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn formats_and_hints() {
    let origin = gallery("cache-control: max-age=86400\r\n").await;
    let app = TestApp::with(open(&[origin.port])).await;
    let get = async |options: &str, headers: &[(&str, &str)]| {
        let answer = app.fetch(Method::GET, &target(options, &origin, "/a"), headers).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    };
    let webp = get("w=20,f=auto", &[("accept", "image/webp,*/*")]).await;
    assert_eq!((webp.header("content-type"), webp.header("vary")), (Some("image/webp"), Some("Accept")));
    let png = get("w=20,f=auto", &[]).await;
    assert_eq!((png.header("content-type"), png.header("vary")), (Some("image/png"), Some("Accept")));
    let jpeg = get("w=20,f=jpeg", &[("accept", "image/webp")]).await;
    assert_eq!((jpeg.header("content-type"), jpeg.header("vary")), (Some("image/jpeg"), None));
    let json = get("w=20,f=json", &[]).await;
    let told: serde_json::Value = serde_json::from_slice(&json.body).expect("JSON");
    assert_eq!((&told["width"], &told["original"]["width"]), (&20.into(), &40.into()));

    for (hints, width) in
        [(&[("sec-ch-viewport-width", "10")][..], 10), (&[("sec-ch-ua-mobile", "?1")], 15), (&[], 30)]
    {
        let auto = get("w=auto,wbreakpoints=10;20,wmobile=15,wdesktop=30", hints).await;
        assert_eq!(decode_png(&auto.body).0, width, "{hints:?}");
        assert!(auto.header("vary").is_some_and(|vary| vary.contains("sec-ch-viewport-width")));
    }
    let fast = get("w=20,f=jpeg,q=100,scq=1", &[]).await;
    let slow = get("w=20,f=jpeg,q=100,scq=1", &[("save-data", "on")]).await;
    assert!(slow.body.len() < fast.body.len());
}

#[tokio::test]
async fn sources_as_they_are_written() {
    let origin = gallery("").await;
    let app = TestApp::with(open(&[origin.port])).await;
    for (number, (source, asked)) in [
        (format!("http%3A%2F%2F127.0.0.1%3A{}%2Fa%3Fb%3Dc%2520d", origin.port), "/a?b=c%20d"),
        (format!("http%3A%2F%2F127.0.0.1%3A{}%2Fe?f=g", origin.port), "/e?f=g"),
        (format!("http:/127.0.0.1:{}/merged/by/a/proxy", origin.port), "/merged/by/a/proxy"),
        (format!("http://0x7f.1:{}/odd", origin.port), "/odd"),
        (format!("HTTP://127.0.0.1:{}/x/../y", origin.port), "/y"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = app.get(&format!("/cdn-cgi/image/w=20/{source}")).await;
        assert_eq!(answer.status, 200, "{source}: {}", answer.text());
        assert!(origin.request(number).starts_with(&format!("GET {asked} HTTP/1.1\r\n")));
    }
}

#[tokio::test]
async fn what_origins_say_about_keeping() {
    let hour = "public, max-age=3600";
    for (headers, control, warns, later, connections) in [
        ("", hour, false, 3_599, 1),
        ("", hour, false, 3_600, 2),
        ("cache-control: max-age=60\r\n", hour, true, 3_599, 1),
        ("cache-control: max-age=7200\r\nage: 200\r\n", "public, max-age=7000", false, 6_999, 1),
        (
            "cache-control: max-age=60, must-revalidate\r\n",
            "public, max-age=60, must-revalidate",
            false,
            59,
            1,
        ),
        (
            "cache-control: max-age=60, must-revalidate\r\n",
            "public, max-age=60, must-revalidate",
            false,
            60,
            2,
        ),
        ("cache-control: no-cache\r\n", "public, max-age=0, must-revalidate", false, 0, 2),
        ("cache-control: private, max-age=7200\r\n", "no-store", false, 0, 2),
        ("cache-control: no-store\r\n", "no-store", false, 0, 2),
        ("vary: *\r\n", "no-store", false, 0, 2),
    ] {
        let origin = gallery(headers).await;
        let app = TestApp::with(open(&[origin.port])).await;
        let first = remote(&app, "w=20", &origin, "/a").await;
        assert_eq!(first.header("cache-control"), Some(control), "{headers}");
        let warning = first.header("warning");
        let expected = warns.then_some("cf-images 299 \"cache-control is too restrictive\"");
        assert_eq!(warning, expected, "{headers}");
        app.set_clock(NOW + later);
        assert_eq!(remote(&app, "w=20", &origin, "/a").await.status, 200);
        assert_eq!(origin.connections(), connections, "{headers} after {later}");
    }
}

#[tokio::test]
async fn an_unchanged_source_is_not_rendered_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let origin = Origin::start(move |request| {
        let control = "cache-control: no-cache\r\netag: \"v-1\"\r\n";
        match request.contains("if-none-match: \"v-1\"\r\n") {
            true => {
                count.fetch_add(1, Ordering::SeqCst);
                format!("HTTP/1.1 304 Not Modified\r\n{control}\r\n").into_bytes()
            }
            false => answer("200 OK", control, picture()),
        }
    })
    .await;
    let app = TestApp::with(open(&[origin.port])).await;
    let first = remote(&app, "w=20", &origin, "/a").await;
    for _ in 0..2 {
        let again = remote(&app, "w=20", &origin, "/a").await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert!(again.header("cf-resized").is_some_and(|text| text.starts_with("internal=ok/h ")));
    }
    assert_eq!((origin.connections(), asked.load(Ordering::SeqCst)), (3, 2));
}

#[tokio::test]
async fn all_who_ask_at_once_share_one_fetch() {
    let origin = gallery("cache-control: no-store\r\n").await;
    let app = TestApp::with(open(&[origin.port])).await;
    let ask = || remote(&app, "w=20", &origin, "/a");
    let answers = tokio::join!(ask(), ask(), ask(), ask());
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn all_sizes_share_one_fetch() {
    let origin = gallery("cache-control: max-age=7200\r\n").await;
    let app = TestApp::with(open(&[origin.port])).await;
    let size = |options: &'static str| remote(&app, options, &origin, "/a");
    let answers = tokio::join!(size("w=10"), size("w=20"), size("w=30"), size("w=20,f=jpeg"));
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(origin.connections(), 1);
    // A size that is new later holds as long as the source, and no longer.
    app.set_clock(NOW + 7_000);
    let late = size("w=15").await;
    assert_eq!((late.header("cache-control"), origin.connections()), (Some("public, max-age=200"), 1));
    app.set_clock(NOW + 7_200);
    assert_eq!(size("w=15").await.header("cache-control"), Some("public, max-age=7200"));
    assert_eq!(origin.connections(), 2);
    // The same bytes again, so what was made of them is still right.
    let again = size("w=20").await;
    assert!(again.header("cf-resized").is_some_and(|text| text.starts_with("internal=ok/h ")));
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_source_that_has_changed_is_rendered_anew() {
    let count = AtomicUsize::new(0);
    let origin = Origin::start(move |_| {
        let level = count.fetch_add(1, Ordering::SeqCst) as u8;
        answer("200 OK", "", png(4, 4, [level, 0, 0, 255]))
    })
    .await;
    let app = TestApp::with(open(&[origin.port])).await;
    for (time, level) in [(0, 0), (3_599, 0), (3_600, 1), (7_199, 1), (7_200, 2)] {
        app.set_clock(NOW + time);
        let answer = remote(&app, "q=90", &origin, "/a").await;
        assert_eq!(decode_png(&answer.body).2, [level, 0, 0], "{time}");
    }
}

#[tokio::test]
async fn a_drawing_is_sanitised() {
    let drawing = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"7\" height=\"5\" onload=\"alert(1)\"><script>alert(1)</script><rect width=\"3\" height=\"2\"/></svg>";
    let origin = Origin::start(move |_| answer("200 OK", "", drawing)).await;
    let app = TestApp::with(open(&[origin.port])).await;
    let answer = remote(&app, "w=100", &origin, "/a").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("image/svg+xml")));
    assert!(answer.text().contains("<rect") && !answer.text().contains("alert"), "{}", answer.text());
    remote(&app, "w=100,f=png", &origin, "/a").await.error(415, 9412);
}

#[tokio::test]
async fn redirects_leave_the_list_of_origins_but_not_the_public_addresses() {
    let elsewhere = gallery("").await;
    let location = format!("http://localhost:{}/x", elsewhere.port);
    let origin = Origin::start(move |request| match request.starts_with("GET /inside ") {
        true => redirect("302 Found", "http://169.254.169.254/latest/meta-data"),
        false => redirect("302 Found", &location),
    })
    .await;
    let app = TestApp::with(|config| {
        open(&[origin.port, elsewhere.port, 80])(config);
        // A name for this machine may stand for both addresses.
        config.fetch.private_networks.push("::1/128".parse().expect("a network"));
    })
    .await;
    let direct = format!("/cdn-cgi/image/w=20/http://localhost:{}/x", elsewhere.port);
    app.get(&direct).await.error(403, 9401);
    assert_eq!(elsewhere.connections(), 0);
    let led = remote(&app, "w=20", &origin, "/a").await;
    assert_eq!(led.status, 200, "{}", led.text());
    remote(&app, "w=20", &origin, "/inside").await.error(523, 9407);
}

#[tokio::test]
async fn stored_images_of_this_server_need_their_signature() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let app = TestApp::with(open(&[port])).await;
    let router = safelight::http::router(Arc::clone(&app.app));
    let serving = accept::serve(listener, None, router, app.app.config.connections, std::future::pending());
    let serving = tokio::spawn(serving);
    let id = app.private_image().await;
    let target = app.target(&id, "public");
    let through = |source: &str| format!("/cdn-cgi/image/w=20/http://127.0.0.1:{port}{source}");
    app.get(&through(&target)).await.error(403, 9408);
    let signed = app.get(&through(&app.signed(&target, Some(NOW + 60)))).await;
    assert_eq!(signed.status, 200, "{}", signed.text());
    assert_eq!(decode_png(&signed.body).0, 20);
    // It may be kept no longer than its URL, so it is not kept at all.
    assert_eq!(signed.header("cache-control"), Some("no-store"));
    app.set_clock(NOW + 60);
    app.get(&through(&app.signed(&target, Some(NOW + 60)))).await.error(403, 9408);

    // Round and round: the second time around it is known by its Via, and the first sees an error.
    let id = app.uploaded(&[]).await;
    let round = through(&through(&app.target(&id, "public")));
    app.get(&round).await.error(502, 9509);
    serving.abort();
}
