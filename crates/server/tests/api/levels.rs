//! Levels: made after an upload, used by renders, gone with their image.

use crate::test_app::{TestApp, png};
use futures_util::TryStreamExt;
use http::Method;
use safelight::blobs::{BlobKey, Stored};
use safelight::config::Levels;
use safelight::{jobs, levels};
use serde_json::{Value, json};
use std::sync::Arc;

/// Works on levels until as many are stored.
async fn until_stored(app: &TestApp, wanted: u64) -> Value {
    let account = app.account.id.as_str();
    let stored = async {
        loop {
            let storage = app
                .call(Method::GET, &format!("/safelight/v1/accounts/{account}/storage"), None)
                .await
                .result();
            if storage["levels"] == json!(wanted) {
                return storage;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        storage = stored => storage,
        () = levels::run(Arc::clone(&app.app), std::future::pending()) => unreachable!("it does not end"),
    }
}

async fn stored(app: &TestApp) -> Vec<BlobKey> {
    let objects: Vec<Stored> = app.app.blobs.list().try_collect().await.expect("lists");
    objects.into_iter().map(|object| object.key).collect()
}

async fn upload(app: &TestApp) -> String {
    let answer = app.upload(&png(1600, 1000, [20, 90, 200, 255]), &[]).await;
    answer.result()["id"].as_str().expect("an id").to_owned()
}

async fn add_variant(app: &TestApp, id: &str, width: u32) {
    let options = json!({"fit": "scale-down", "width": width, "metadata": "none"});
    let variant = json!({"id": id, "options": options});
    assert_eq!(app.call(Method::POST, "~/v1/variants", Some(variant)).await.status, 200);
}

#[tokio::test]
async fn renders_are_made_of_levels_where_these_will_do() {
    let app = TestApp::with(|config| config.levels = Levels::Full).await;
    let (small, large) = ("small", "large");
    add_variant(&app, small, 640).await;
    add_variant(&app, large, 641).await;
    let id = upload(&app).await;
    let storage = until_stored(&app, 3).await;
    assert!(storage["level_bytes"].as_u64().is_some_and(|bytes| bytes > 0));

    // Without its bytes nothing can be made of the original.
    let original = stored(&app).await.into_iter().find(|key| matches!(key, BlobKey::Original(_)));
    app.app.blobs.delete(&original.expect("it was uploaded")).await.expect("deleted");
    let made = app.get(&app.target(&id, small)).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(crate::test_app::decode_png(&made.body), (640, 400, vec![20, 90, 200]));
    assert_ne!(app.get(&app.target(&id, large)).await.status, 200);
}

#[tokio::test]
async fn descriptions_are_of_the_original() {
    let app = TestApp::new().await;
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    let id = upload(&app).await;
    until_stored(&app, 2).await;
    let described = app.get(&app.target(&id, "w=60,format=json")).await;
    assert_eq!(described.status, 200, "{}", described.text());
    assert_eq!(described.json()["original"]["width"], 1600);
    assert_eq!(described.json()["width"], 60);
}

#[tokio::test]
async fn a_lost_level_is_no_loss() {
    let app = TestApp::new().await;
    add_variant(&app, "small", 100).await;
    let id = upload(&app).await;
    until_stored(&app, 2).await;
    for key in stored(&app).await {
        if matches!(key, BlobKey::Level { .. }) {
            app.app.blobs.delete(&key).await.expect("deleted");
        }
    }
    assert_eq!(app.get(&app.target(&id, "small")).await.status, 200);
}

#[tokio::test]
async fn levels_go_with_their_image() {
    let app = TestApp::new().await;
    let id = upload(&app).await;
    until_stored(&app, 2).await;
    assert_eq!(stored(&app).await.len(), 3);
    assert_eq!(app.call(Method::DELETE, &format!("~/v1/{id}"), None).await.status, 200);
    let storage = until_stored(&app, 0).await;
    assert_eq!(storage["level_bytes"], json!(0));
    let gone = async {
        while !stored(&app).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = gone => {}
        () = jobs::run(Arc::clone(&app.app), std::future::pending()) => unreachable!("it does not end"),
    }
}

#[tokio::test]
async fn small_pictures_and_broken_ones_have_none_and_are_not_tried_again() {
    let app = TestApp::new().await;
    app.upload(&png(999, 1000, [1, 2, 3, 255]), &[]).await.result();
    let mut broken = png(1600, 1000, [1, 2, 3, 255]);
    broken.truncate(broken.len() / 2);
    app.upload(&broken, &[]).await.result();
    upload(&app).await;
    // The newest is done first.
    until_stored(&app, 2).await;
    let made = format!("small-{}", safelight_pixels::LEVELS_VERSION);
    let waiting = || async { app.app.catalog.images_for_levels(&made).await.expect("works").len() };
    let done = async {
        while waiting().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = done => {}
        () = levels::run(Arc::clone(&app.app), std::future::pending()) => unreachable!("it does not end"),
    }
    assert_eq!(stored(&app).await.len(), 5);
}
