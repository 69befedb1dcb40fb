//! Named variants that are rendered before anybody asks.

use crate::test_app::{TestApp, png};
use http::Method;
use safelight::config::PreparedFormat;
use safelight::deliver;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

async fn until_stored(app: &TestApp, renditions: u64) {
    let path = format!("/safelight/v1/accounts/{}/storage", app.account.id.as_str());
    while app.call(Method::GET, &path, None).await.result()["renditions"] != json!(renditions) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_first_view_of_a_variant_is_warm() {
    let formats = vec![PreparedFormat::WebP, PreparedFormat::Plain];
    let app = TestApp::with(|config| config.prepared_formats = formats).await;
    let options = json!({"fit": "cover", "width": 40, "height": 30, "metadata": "none"});
    app.call(Method::POST, "~/v1/variants", Some(json!({"id": "thumb", "options": options}))).await.result();
    tokio::spawn(deliver::render_variants(Arc::clone(&app.app), std::future::pending()));
    let answer = app.upload(SAMPLE, &[("requireSignedURLs", "true")]).await;
    let id = answer.result()["id"].as_str().expect("an id").to_owned();
    // Of the account's two variants.
    until_stored(&app, 4).await;
    for variant in ["public", "thumb"] {
        for (accept, kind) in [("image/webp", "image/webp"), ("*/*", "image/jpeg")] {
            let target = app.target(&id, variant);
            app.fetch(Method::GET, &target, &[("accept", accept)]).await.error(403, 9425);
            let signed = app.signed(&target, None);
            let view = app.fetch(Method::GET, &signed, &[("accept", accept)]).await;
            assert_eq!((view.status.as_u16(), view.header("content-type")), (200, Some(kind)));
            let resized = view.header("cf-resized").expect("a picture");
            assert!(resized.starts_with("internal=ok/h "), "{variant} {accept}: {resized}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_rendered_holds_up_nothing() {
    let app = TestApp::with(|config| config.prepared_formats = vec![PreparedFormat::Plain]).await;
    let mut broken = png(80, 80, [1, 2, 3, 255]);
    broken.truncate(broken.len() / 2);
    app.upload(&broken, &[]).await.result();
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>"#;
    app.upload(svg, &[]).await.result();
    let gone = app.uploaded(&[]).await;
    app.call(Method::DELETE, &format!("~/v1/{gone}"), None).await.result();
    app.uploaded(&[]).await;
    tokio::spawn(deliver::render_variants(Arc::clone(&app.app), std::future::pending()));
    until_stored(&app, 2).await;
}

#[tokio::test]
async fn nothing_is_prepared_unless_it_is_asked_for() {
    let app = TestApp::new().await;
    app.uploaded(&[]).await;
    let job = app.app.catalog.lease_job(safelight::catalog::JobLine::Variants, i64::MAX, i64::MAX).await;
    assert!(job.expect("works").is_none());
}
