//! Options in URLs, and overlays in named variants.

use crate::test_app::{NOW, TestApp, decode_png, png};
use http::Method;
use serde_json::json;

async fn flexible() -> TestApp {
    let app = TestApp::new().await;
    let on = app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    assert_eq!(on["flexible_variants"], true);
    app
}

#[tokio::test]
async fn options_are_served_once_the_account_says_so() {
    let app = TestApp::new().await;
    let target = app.target(&app.uploaded(&[]).await, "w=20,f=png");
    let config = app.call(Method::GET, "~/v1/config", None).await.result();
    assert_eq!(config["flexible_variants"], false);
    app.get(&target).await.error(403, 9429);
    for (body, said) in
        [(json!({"flexible_variants": 1}), "boolean"), (json!({"flexible": true}), "flexible")]
    {
        let text = app.call(Method::PATCH, "~/v1/config", Some(body)).await.refused(400, 5400);
        assert!(text.contains(said), "{text}");
    }
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    let answer = app.get(&target).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(decode_png(&answer.body), (20, 15, vec![200, 30, 30]));
    app.call(Method::PATCH, "~/v1/config", Some(json!({}))).await.result();
    assert_eq!(app.get(&target).await.status, 200, "what is left out stays");
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": false}))).await.result();
    app.get(&target).await.error(403, 9429);
}

#[tokio::test]
async fn the_same_options_are_one_rendition() {
    let app = flexible().await;
    let id = app.uploaded(&[]).await;
    let etag = |answer: crate::test_app::Answer| answer.header("etag").expect("an ETag").to_owned();
    let first = etag(app.get(&app.target(&id, "width=20,height=10,format=png")).await);
    for same in ["h=10,w=20,f=png", "w=10,h=5,dpr=2,f=png", "f=png,fit=scale-down,h=10,w=20,gravity=left"] {
        assert_eq!(etag(app.get(&app.target(&id, same)).await), first, "{same}");
    }
    let count = async || app.app.catalog.stored_sizes(&app.account.id).await.expect("works").renditions;
    // A rendition is stored after the answer.
    for _ in 0..500 {
        if count().await > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn bad_options_are_named_with_their_range() {
    let app = flexible().await;
    let id = app.uploaded(&[]).await;
    for (options, said) in [
        ("w=0", "width must be auto or a whole number from 1 to 12000"),
        ("wdith=100", "there is no option 'wdith'"),
        ("w=100,blur=999", "blur must be a number from 0 to 250"),
        ("f=mp4", "format must be one of auto, avif"),
        ("segment=foreground", "segment is not available"),
        ("draw=image:x", "draw is not available"),
    ] {
        let answer = app.get(&app.target(&id, options)).await;
        assert!(answer.text().contains(said), "{options}: {}", answer.text());
        answer.error(400, 9401);
    }
    app.get(&app.target(&id, "f=svg")).await.error(415, 9412);
}

#[tokio::test]
async fn the_signature_covers_the_options() {
    let app = flexible().await;
    let id = app.private_image().await;
    let target = app.target(&id, "w=20,f=png");
    app.get(&target).await.error(403, 9425);
    let link = app.signed(&target, Some(NOW + 100));
    let answer = app.get(&link).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("private, max-age=100"));
    app.get(&link.replace("w=20", "w=21")).await.error(403, 9425);
    app.get(&link.replace("w=20,f=png", "f=png,w=20")).await.error(403, 9425);
}

#[tokio::test]
async fn vary_names_what_had_a_say() {
    let app = flexible().await;
    let id = app.uploaded(&[]).await;
    let vary =
        async |options: &str| app.get(&app.target(&id, options)).await.header("vary").map(str::to_owned);
    assert_eq!(vary("w=20").await.as_deref(), Some("Accept"));
    assert_eq!(vary("w=20,f=png").await, None);
    let hints = vary("w=auto,f=png").await.expect("a header");
    assert!(hints.starts_with("Accept, sec-ch-viewport-width, "), "{hints}");

    let target = app.target(&id, "w=auto,wbreakpoints=10;20;30,wmobile=10,wdesktop=30,f=png");
    for (headers, width) in
        [(&[][..], 30), (&[("sec-ch-ua-mobile", "?1")], 10), (&[("sec-ch-viewport-width", "15")], 20)]
    {
        let answer = app.fetch(Method::GET, &target, headers).await;
        assert_eq!(decode_png(&answer.body).0, width, "{headers:?}");
    }
}

#[tokio::test]
async fn an_overlay_is_an_image_of_the_account() {
    let app = flexible().await;
    let body = json!({"id": "marked", "options": {"draw": [{"image": "mark", "opacity": 0.5}]}});
    app.call(Method::POST, "~/v1/variants", Some(body)).await.result();
    let id = app.uploaded(&[]).await;
    app.get(&app.target(&id, "marked")).await.error(404, 9404);
    let green = |level| png(4, 4, [0, level, 0, 255]);
    app.upload(&green(255), &[("id", "mark"), ("requireSignedURLs", "true")]).await.result();
    let accept = [("accept", "image/png")];
    let first = app.fetch(Method::GET, &app.target(&id, "marked"), &accept).await;
    assert_eq!(first.status, 200, "{}", first.text());
    // Another picture under the same id is drawn anew.
    app.call(Method::DELETE, "~/v1/mark", None).await.result();
    app.get(&app.target(&id, "marked")).await.error(404, 9404);
    app.upload(&green(100), &[("id", "mark")]).await.result();
    let second = app.fetch(Method::GET, &app.target(&id, "marked"), &accept).await;
    assert_eq!(second.status, 200, "{}", second.text());
}

#[tokio::test]
async fn an_svg_is_sanitised_and_never_rendered() {
    let app = flexible().await;
    let drawing = b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"7\" height=\"5\" onload=\"alert(1)\"><script>alert(1)</script><rect width=\"3\" height=\"2\"/></svg>";
    let id = app.upload(drawing, &[]).await.result()["id"].as_str().expect("an id").to_owned();
    for variant in ["public", "w=100,blur=20", "f=svg"] {
        let answer = app.get(&app.target(&id, variant)).await;
        assert_eq!(answer.status, 200, "{variant}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("image/svg+xml"));
        assert!(answer.header("content-security-policy").is_some_and(|csp| csp.contains("sandbox")));
        let text = answer.text();
        assert!(text.contains("<rect") && !text.contains("alert"), "{variant}: {text}");
    }
    app.get(&app.target(&id, "f=png")).await.error(415, 9412);
}

#[tokio::test]
async fn json_tells_the_sizes() {
    let app = flexible().await;
    let id = app.uploaded(&[]).await;
    let answer = app.get(&app.target(&id, "w=20,f=json")).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let told: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let file_size = png(40, 30, [200, 30, 30, 255]).len();
    let original = json!({"file_size": file_size, "width": 40, "height": 30, "format": "image/png"});
    assert_eq!(told, json!({"width": 20, "height": 15, "frames": 1, "original": original}));
}

#[tokio::test]
async fn what_unpic_makes_of_a_named_variant_is_served() {
    let app = flexible().await;
    let target = app.target(&app.uploaded(&[]).await, "public=undefined,w=20,f=png");
    let answer = app.get(&target).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(decode_png(&answer.body).0, 20);
    // The name opens nothing: the options follow the image.
    let open = json!({"id": "open", "options": {"width": 10}, "neverRequireSignedURLs": true});
    app.call(Method::POST, "~/v1/variants", Some(open)).await.result();
    let id = app.private_image().await;
    assert_eq!(app.get(&app.target(&id, "open")).await.status, 200);
    app.get(&app.target(&id, "open=undefined,w=20")).await.error(403, 9425);
}
