//! Attacks on signed URLs that need a whole server to show; those on the parser alone are beside it.

use crate::test_app::{NOW, TestApp, png};
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[tokio::test]
async fn one_signature_opens_one_url() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[("id", "dir/a b.png"), ("requireSignedURLs", "true")]).await;
    let target = app.target("dir/a%20b.png", "public");
    let link = app.signed(&target, Some(NOW + 10));
    assert_eq!(app.get(&link).await.status, 200);
    let query = link.split_once('?').expect("signed").1;
    let hash = app.account.hash.as_str();
    for other in [
        format!("/{hash}/dir%2Fa%20b.png/public"),
        format!("/{hash}/dir%2fa%20b.png/public"),
        format!("/{hash}/dir/a%20b%2Epng/public"),
        format!("/{hash}/dir/a%20b%2epng/public"),
        format!("/{hash}/dir/./a%20b.png/public"),
        format!("/{hash}/x/../dir/a%20b.png/public"),
        format!("/{hash}/x/%2e%2e/dir/a%20b.png/public"),
        format!("/{hash}/dir//a%20b.png/public"),
        format!("//{hash}/dir/a%20b.png/public"),
        format!("/{hash}/dir/a%20b.png/public/"),
        format!("/{hash}/dir/a%2520b.png/public"),
        format!("/{hash}/dir/a+b.png/public"),
        format!("/{hash}/dir/a%20b.png;x/public"),
        format!("/{hash}/dir/a%20b.png/public;x"),
        format!("/{hash}/dir/a%20b.png%00/public"),
        format!("/{hash}/dir/a%20b.png/Public"),
    ] {
        let answer = app.get(&format!("{other}?{query}")).await;
        assert_eq!(answer.status, 403, "{other} of {id}: {}", answer.text());
    }
}

#[tokio::test]
async fn polluted_queries() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    let link = app.signed(&target, Some(NOW + 10));
    let expired = app.signed(&target, Some(NOW - 10));
    let far = NOW + 99;
    for query in [
        format!("{link}&exp={far}"),
        format!("{link}&exp"),
        format!("{link}&sig=0"),
        format!("{link}&%65xp={far}"),
        format!("{link}&exp[]={far}"),
        format!("{link}&EXP={far}"),
        format!("{link};exp={far}"),
        format!("{link}&"),
        format!("{link}%00"),
        format!("{expired}&exp={far}"),
        expired.replace(&format!("exp={}", NOW - 10), &format!("exp={far}")),
        expired.replace(&format!("exp={}&", NOW - 10), ""),
    ] {
        app.get(&query).await.error(403, 9425);
    }
    assert_eq!(app.get(&link).await.status, 200);
}

#[tokio::test]
async fn a_rendition_made_for_one_is_not_open_to_others() {
    let app = TestApp::new().await;
    let id = app.private_image().await;
    let target = app.target(&id, "public");
    let answer = app.get(&app.signed(&target, None)).await;
    assert_eq!(answer.status, 200);
    let etag = answer.header("etag").expect("an ETag").to_owned();
    app.get(&target).await.error(403, 9425);
    app.fetch(Method::GET, &target, &[("if-none-match", &etag)]).await.error(403, 9425);

    // The same pixels under an open variant do not open the closed one.
    let open = json!({"id": "open", "options": {"width": 1366, "height": 768, "metadata": "none"}, "neverRequireSignedURLs": true});
    app.call(Method::POST, "~/v1/variants", Some(open)).await.result();
    assert_eq!(app.get(&app.target(&id, "open")).await.status, 200);
    app.get(&target).await.error(403, 9425);
}

#[tokio::test]
async fn no_host_or_cookie_or_method_override_changes_a_decision() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    for header in [
        ("host", "imagedelivery.net"),
        ("x-http-method-override", "OPTIONS"),
        ("x-original-url", "/health/live"),
        ("x-forwarded-for", "127.0.0.1"),
        ("authorization", "Bearer x"),
        ("cookie", "sig=1"),
    ] {
        app.fetch(Method::GET, &target, &[header]).await.error(403, 9425);
    }
}

/// A private image that was just looked at is in memory, an unknown one never is.
#[tokio::test]
async fn a_refusal_takes_as_long_for_an_unknown_image() {
    let app = TestApp::new().await;
    let private = app.target(&app.private_image().await, "public");
    let unknown = app.target("00000000-0000-4000-8000-000000000000", "public");
    app.get(&private).await.error(403, 9425);
    let (mut of_private, mut of_unknown) = (Vec::new(), Vec::new());
    for _ in 0..400 {
        for (target, times) in [(&private, &mut of_private), (&unknown, &mut of_unknown)] {
            let start = Instant::now();
            app.get(target).await.error(403, 9425);
            times.push(start.elapsed());
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let ratio = median(&mut of_unknown) / median(&mut of_private);
    assert!((0.5..2.0).contains(&ratio), "an unknown image takes {ratio} times as long");
}

#[tokio::test]
async fn a_form_without_an_end_of_its_preamble_or_headers_is_not_kept_in_memory() {
    const PIECE: usize = 64 << 10;
    let app = TestApp::new().await;
    let path = format!("/client/v4/accounts/{}/images/v1", app.account.id.as_str());
    for start in ["", "--b\r\nX: ", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"] {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        // As from a socket, there is not always a piece at once.
        let pieces = stream::iter(0..1_600).then(move |_| {
            count.fetch_add(PIECE, Ordering::SeqCst);
            async {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Bytes::from_static(&[b'x'; PIECE]))
            }
        });
        let start = stream::iter([Ok(Bytes::from_static(start.as_bytes()))]);
        let request = Request::post(&path)
            .header("authorization", format!("Bearer {}", app.token))
            .header("content-type", "multipart/form-data; boundary=b")
            .body(Body::from_stream(start.chain(pieces)))
            .expect("a request");
        app.send(request).await.refused(400, 5400);
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken <= 2 << 20, "{taken} bytes were taken");
    }
}

#[tokio::test]
async fn no_cache_keeps_what_health_checks_are_told() {
    let app = TestApp::new().await;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(app.get(path).await.header("cache-control"), Some("no-store"), "{path}");
    }
}

/// Of two values that disagree neither is right; the last one must not make a private image public.
#[tokio::test]
async fn a_form_gives_a_field_once() {
    let app = TestApp::new().await;
    let file = png(4, 4, [1, 2, 3, 255]);
    for (name, values) in [("requireSignedURLs", ["true", ""]), ("id", ["a", "b"]), ("creator", ["a", "b"])] {
        let answer = app.upload(&file, &[(name, values[0]), (name, values[1])]).await;
        let text = answer.refused(400, 5400);
        assert!(text.contains(name), "{text}");
    }
}
