//! Variants and signing keys through the API.

use crate::test_app::{KEY, TestApp};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_variants_life() {
    let app = TestApp::new().await;
    let options = json!({"fit": "cover", "metadata": "none", "width": 120, "height": 80, "blur": 2.5, "browser_ttl": 7200});
    let variant = json!({"id": "hero", "options": options, "neverRequireSignedURLs": true});
    let created = app.call(Method::POST, "~/v1/variants", Some(variant.clone())).await.result();
    assert_eq!(created, json!({"variant": variant}));
    assert_eq!(app.call(Method::GET, "~/v1/variants/hero", None).await.result(), json!({"variant": variant}));
    assert_eq!(app.call(Method::GET, "~/v1/variants/hero/flat", None).await.result(), variant);
    let list = app.call(Method::GET, "~/v1/variants", None).await.result();
    assert_eq!(list["variants"]["hero"], variant);
    assert_eq!(list["variants"]["public"]["options"]["width"], 1366);
    app.call(Method::POST, "~/v1/variants", Some(variant)).await.refused(409, 5409);

    let id = app.uploaded(&[]).await;
    let answer = app.get(&app.target(&id, "hero")).await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=7200, stale-while-revalidate=7200"));

    let patch = json!({"options": {"width": 10, "browser_ttl": 3600}});
    let changed = app.call(Method::PATCH, "~/v1/variants/hero", Some(patch)).await.result();
    let expected =
        json!({"fit": "scale-down", "metadata": "copyright", "width": 10, "blur": 0.0, "browser_ttl": 3600});
    assert_eq!(changed["variant"]["options"], expected);
    assert_eq!(changed["variant"]["neverRequireSignedURLs"], true);

    assert_eq!(app.call(Method::DELETE, "~/v1/variants/hero", None).await.result(), json!({}));
    app.get(&app.target(&id, "hero")).await.error(403, 9425);
    app.call(Method::GET, "~/v1/variants/hero", None).await.refused(404, 5401);
    app.call(Method::DELETE, "~/v1/variants/hero", None).await.refused(404, 5401);
    app.call(Method::PATCH, "~/v1/variants/hero", Some(json!({}))).await.refused(404, 5401);
    app.call(Method::DELETE, "~/v1/variants/public", None).await.refused(400, 5400);
}

#[tokio::test]
async fn a_variant_may_have_every_option_that_does_not_depend_on_the_request() {
    let app = TestApp::new().await;
    let draw =
        json!([{"image": "marks/logo, new.png", "width": 0.25, "right": 10, "bottom": 10, "opacity": 0.5}]);
    let options = json!({
        "width": 300, "height": 300, "fit": "cover", "gravity": "face", "zoom": 0.5, "saturation": 0,
        "sharpen": 1, "quality": "medium-high", "anim": false, "background": "white", "draw": draw,
    });
    let body = json!({"id": "avatar", "options": options});
    app.call(Method::POST, "~/v1/variants", Some(body)).await.result();
    let stored = app.call(Method::GET, "~/v1/variants/avatar", None).await.result();
    let stored = &stored["variant"]["options"];
    for name in ["width", "height", "fit", "gravity", "zoom", "sharpen", "quality", "anim"] {
        assert_eq!(stored[name], options[name], "{name}");
    }
    assert_eq!(stored["background"], "#ffffffff");
    for name in ["image", "width", "right", "bottom", "opacity"] {
        assert_eq!(stored["draw"][0][name], draw[0][name], "{name}");
    }
    // What is read can be written back.
    let patch = json!({"options": stored});
    let again = app.call(Method::PATCH, "~/v1/variants/avatar", Some(patch)).await.result();
    assert_eq!(again["variant"]["options"], *stored);
}

#[tokio::test]
async fn the_id_of_an_overlay_is_a_text_whatever_it_looks_like() {
    let app = TestApp::new().await;
    let draw: Vec<_> = ["1.50", "1e3", "true", "7"].iter().map(|id| json!({"image": id})).collect();
    let body = json!({"id": "marked", "options": {"draw": draw}});
    app.call(Method::POST, "~/v1/variants", Some(body)).await.result();
    let stored = app.call(Method::GET, "~/v1/variants/marked", None).await.result();
    let shown = stored["variant"]["options"]["draw"].as_array().expect("a list");
    let ids: Vec<_> = shown.iter().map(|overlay| overlay["image"].clone()).collect();
    assert_eq!(ids, ["1.50", "1e3", "true", "7"]);
    for image in [json!(1.50), json!(7), json!(true)] {
        let body = json!({"id": "other", "options": {"draw": [{"image": image}]}});
        let refused = app.call(Method::POST, "~/v1/variants", Some(body)).await.refused(400, 5400);
        assert!(refused.contains("image must be a text"), "{refused}");
    }
}

#[tokio::test]
async fn refused_variants_say_what_is_allowed() {
    let app = TestApp::new().await;
    for (body, expected) in [
        (json!({"id": "a-b", "options": {}}), "A-Z"),
        (json!({"id": "a", "options": {"fit": "stretch"}}), "scale-down"),
        (json!({"id": "a", "options": {"width": 0}}), "12000"),
        (json!({"id": "a", "options": {"height": 12001}}), "12000"),
        (json!({"id": "a", "options": {"width": 1.5}}), "whole number"),
        (json!({"id": "a", "options": {"blur": 251}}), "250"),
        (json!({"id": "a", "options": {"metadata": "all"}}), "copyright"),
        (json!({"id": "a", "options": {"browser_ttl": 60}}), "3600"),
        (json!({"id": "a", "options": {"gravity": "up"}}), "gravity must be one of auto"),
        (json!({"id": "a", "options": {"gravity": {"x": 0}}}), "gravity must be a text"),
        (json!({"id": "a", "options": {"colour": "red"}}), "there is no option 'colour'"),
        (json!({"id": "a", "options": {"format": "png"}}), "depends on the request"),
        (json!({"id": "a", "options": {"width": "auto"}}), "depends on the request"),
        (json!({"id": "a", "options": {"draw": {}}}), "at most 5 overlays"),
        (json!({"id": "a", "options": {"draw": [{"width": 3}]}}), "given with an image"),
        (json!({"id": "a", "options": {"draw": [{"image": "x", "opacity": 2}]}}), "opacity must be"),
        (json!({"id": "a"}), "options"),
        (json!({"options": {}}), "id"),
    ] {
        let text = app.call(Method::POST, "~/v1/variants", Some(body.clone())).await.refused(400, 5400);
        assert!(text.contains(expected), "{body}: {text}");
    }
}

#[tokio::test]
async fn an_account_has_at_most_a_hundred_variants() {
    let app = TestApp::new().await;
    for n in 0..99 {
        let body = json!({"id": format!("v{n}"), "options": {"width": 1}});
        app.call(Method::POST, "~/v1/variants", Some(body)).await.result();
    }
    let text = app
        .call(Method::POST, "~/v1/variants", Some(json!({"id": "more", "options": {}})))
        .await
        .refused(400, 5400);
    assert!(text.contains("100"), "{text}");
}

#[tokio::test]
async fn a_keys_life() {
    let app = TestApp::new().await;
    let names = |result: &Value| -> Vec<String> {
        let keys = result["keys"].as_array().expect("a list");
        keys.iter().map(|key| key["name"].as_str().expect("a name").to_owned()).collect()
    };
    let list = app.call(Method::GET, "~/v1/keys", None).await.result();
    assert_eq!(list, json!({"keys": [{"name": "default", "value": KEY}]}));
    let two = app.call(Method::PUT, "~/v1/keys/next", None).await.result();
    assert_eq!(names(&two), ["default", "next"]);
    assert_eq!(
        app.call(Method::PUT, "~/v1/keys/next", None).await.result(),
        two,
        "an existing key stays as it is"
    );
    app.call(Method::PUT, "~/v1/keys/bad-name", None).await.refused(400, 5400);
    app.call(Method::DELETE, "~/v1/keys/nosuch", None).await.refused(404, 5404);

    assert_eq!(names(&app.call(Method::DELETE, "~/v1/keys/default", None).await.result()), ["next"]);
    let last = app.call(Method::DELETE, "~/v1/keys/next", None).await.result();
    assert_eq!(names(&last), ["default"], "a new one is made when the last is deleted");
    assert_ne!(last["keys"][0]["value"], KEY);
}
