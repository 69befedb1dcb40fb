//! `compat = "strict"`: what Cloudflare refuses is refused.

use crate::test_app::{TestApp, png};
use http::Method;
use safelight::config::Compat;
use serde_json::json;

async fn strict() -> TestApp {
    TestApp::with(|config| config.compat = Compat::Strict).await
}

#[tokio::test]
async fn private_custom_ids_are_refused() {
    let app = strict().await;
    let small = png(1, 1, [0; 4]);
    app.upload(&small, &[("id", "a"), ("requireSignedURLs", "true")]).await.refused(400, 5410);
    app.upload(&small, &[("id", "a")]).await.result();
    app.call(Method::PATCH, "~/v1/a", Some(json!({"requireSignedURLs": true}))).await.refused(400, 5410);
    let id = app.private_image().await;
    app.get(&app.target(&id, "public")).await.error(403, 9425);
}

#[tokio::test]
async fn options_are_for_public_images_alone() {
    let app = strict().await;
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    let options = "w=20,f=png";
    assert_eq!(app.get(&app.target(&app.uploaded(&[]).await, options)).await.status, 200);
    let id = app.private_image().await;
    let target = app.target(&id, options);
    let unknown = app.target("6b5f2a8e-0000-4000-8000-000000000000", options);
    // Whoever has no signature is not told which images are private.
    let (unsigned, none) = (app.get(&target).await, app.get(&unknown).await);
    unsigned.error(403, 9425);
    assert_eq!(unsigned.text(), none.text());
    let signed = app.get(&app.signed(&target, None)).await;
    signed.error(403, 9425);
    assert_eq!(
        signed.text(),
        "ERROR 9425: Image access denied: flexible variants cannot be used on private images under compat = \"strict\""
    );
    app.get(&app.signed(&unknown, None)).await.error(404, 5404);
    assert_eq!(app.get(&app.signed(&app.target(&id, "public"), None)).await.status, 200);
}

#[tokio::test]
async fn variants_have_the_options_of_cloudflare_alone() {
    let app = strict().await;
    let full = json!({
        "width": 100, "height": 50, "fit": "pad", "metadata": "keep", "blur": 3, "browser_ttl": 3600
    });
    app.call(Method::POST, "~/v1/variants", Some(json!({"id": "full", "options": full}))).await.result();
    for (options, said) in [
        (json!({"width": 1, "rotate": 90}), "one of width, height, fit, metadata, blur, browser_ttl"),
        (json!({"w": 1}), "one of width, height, fit, metadata, blur, browser_ttl"),
        (json!({"draw": []}), "one of width, height, fit, metadata, blur, browser_ttl"),
        (json!({"fit": "squeeze"}), "one of scale-down, contain, cover, crop, pad"),
        (json!({"fit": 1}), "one of scale-down, contain, cover, crop, pad"),
    ] {
        let body = json!({"id": "more", "options": options});
        let text = app.call(Method::POST, "~/v1/variants", Some(body)).await.refused(400, 5400);
        assert!(text.contains(said), "{text}");
        let body = json!({"options": options});
        app.call(Method::PATCH, "~/v1/variants/full", Some(body)).await.refused(400, 5400);
    }
    // What is null is not given.
    let body = json!({"options": {"width": 7, "rotate": null}});
    app.call(Method::PATCH, "~/v1/variants/full", Some(body)).await.result();
}
