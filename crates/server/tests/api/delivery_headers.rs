//! What delivery says beside the picture: how it came about, and what may not be as it was meant.

use crate::test_app::{Answer, TestApp, png};
use http::Method;
use serde_json::json;

/// `internal=ok/…` and then numbers by name.
fn fields(answer: &Answer) -> Vec<(String, String)> {
    let text = answer.header("cf-resized").expect("a header");
    let pairs = text.split(' ').map(|pair| pair.split_once('=').expect("name=value"));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test]
async fn cf_resized_tells_rendered_from_stored_and_the_length() {
    let app = TestApp::new().await;
    let target = app.target(&app.uploaded(&[]).await, "public");
    let first = app.get(&target).await;
    let names: Vec<String> = fields(&first).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["internal", "q", "n", "l", "v"]);
    assert_eq!(fields(&first)[0].1, "ok/m");
    assert!(fields(&first)[1].1.parse::<u64>().is_ok());
    assert_eq!(fields(&first)[3].1, first.body.len().to_string());
    assert_eq!(fields(&first)[4].1, env!("CARGO_PKG_VERSION"));

    let stored = app.get_stored(&target).await.header("cf-resized").expect("a header").to_owned();
    assert_eq!(
        stored,
        format!("internal=ok/h q=0 n=0 l={} v={}", first.body.len(), env!("CARGO_PKG_VERSION"))
    );

    let head = app.fetch(Method::HEAD, &target, &[]).await;
    assert_eq!(head.header("cf-resized"), Some(stored.as_str()));
    let part = app.fetch(Method::GET, &target, &[("range", "bytes=0-3")]).await;
    assert_eq!(part.header("cf-resized"), Some(stored.as_str()), "the length is of the whole");
    let etag = first.header("etag").expect("an ETag");
    let current = app.fetch(Method::GET, &target, &[("if-none-match", etag)]).await;
    assert_eq!((current.status.as_u16(), current.header("cf-resized")), (304, None));
}

#[tokio::test]
async fn an_svg_was_not_transformed() {
    let app = TestApp::new().await;
    let body = json!({"id": "wide", "options": {"fit": "cover", "width": 5}});
    app.call(Method::POST, "~/v1/variants", Some(body)).await.result();
    let drawing = b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"7\" height=\"5\"/>";
    let id = app.upload(drawing, &[]).await.result()["id"].as_str().expect("an id").to_owned();
    let answer = app.get(&app.target(&id, "wide")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((answer.header("cf-resized"), answer.header("warning")), (None, None));
}

#[tokio::test]
async fn soft_problems_are_named() {
    let app = TestApp::new().await;
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    let body = json!({"id": "half", "options": {"fit": "cover", "width": 20}});
    app.call(Method::POST, "~/v1/variants", Some(body)).await.result();
    let id = app.upload(&png(1300, 4, [9, 9, 9, 255]), &[]).await.result()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let cover = "cf-images 299 \"cover fit mode needs both width and height\"";
    let dpr = "cf-images 299 \"dpr > 3 should never be used\"";
    let avif = "cf-images 299 \"image too large for AVIF\"";
    for (variant, accept, expected) in [
        ("w=20,f=png", "*/*", None),
        ("half", "*/*", Some(cover.to_owned())),
        ("w=4,dpr=3.5,f=png", "*/*", Some(dpr.to_owned())),
        ("fit=cover,h=2,dpr=4,f=png", "*/*", Some(format!("{cover}, {dpr}"))),
        ("public", "image/webp", None),
        ("public", "image/avif,image/webp", Some(avif.to_owned())),
    ] {
        let answer = app.fetch(Method::GET, &app.target(&id, variant), &[("accept", accept)]).await;
        assert_eq!(answer.status, 200, "{variant}: {}", answer.text());
        assert_eq!(answer.header("warning"), expected.as_deref(), "{variant}");
        let exposed = answer.header("access-control-expose-headers").expect("a header");
        assert_eq!(exposed, "Cf-Resized, Content-Range, ETag, Warning, X-Request-Id");
    }
}

#[tokio::test]
async fn the_tag_of_a_rendition_ends_with_that_of_its_original() {
    let app = TestApp::new().await;
    let id = app.private_image().await;
    let answer = app.get(&app.signed(&app.target(&id, "public"), None)).await;
    let tag = answer.header("etag").expect("an ETag").trim_matches('"').to_owned();
    let blob = app.call(Method::GET, &format!("~/v1/{id}/blob"), None).await;
    let original = blob.header("etag").expect("an ETag").trim_matches('"').to_owned();
    let (cf, second) = tag.split_once(':').expect("two parts");
    assert!(cf.starts_with("cf-") && second == original, "{tag} {original}");
}

#[tokio::test]
async fn any_host_and_form_of_target_serves_the_same() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    let prefixed = format!("/cdn-cgi/imagedelivery{target}");
    // Signed without prefix and with it, as a proxy may put it there or not.
    let links = [
        app.signed(&target, None),
        app.signed(&prefixed, None),
        format!("/cdn-cgi/imagedelivery{}", app.signed(&target, None)),
    ];
    for link in &links {
        for host in ["images.example", "cdn.other.example:8443", "[::1]"] {
            assert_eq!(app.fetch(Method::GET, link, &[("host", host)]).await.status, 200, "{host} {link}");
            let absolute = app.fetch(Method::GET, &format!("https://{host}{link}"), &[]).await;
            assert_eq!(absolute.status, 200, "{host} {link}");
        }
    }
    app.get(&format!("https://images.example{target}")).await.error(403, 9425);
    // A signature of the prefixed path opens the prefixed path alone.
    let moved = app.signed(&prefixed, None).replace("/cdn-cgi/imagedelivery", "");
    app.get(&moved).await.error(403, 9425);
}
