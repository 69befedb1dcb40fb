//! Counts of delivery, what is stored, keys with their dates, and health.

use crate::accounts::second_account;
use crate::test_app::{NOW, TestApp};
use http::Method;
use serde_json::{Value, json};

fn below(app: &TestApp, path: &str) -> String {
    format!("/safelight/v1/accounts/{}/{path}", app.account.id.as_str())
}

async fn result(app: &TestApp, path: &str) -> Value {
    app.call(Method::GET, &below(app, path), None).await.result()
}

fn sum(series: &Value) -> u64 {
    series.as_array().expect("a series").iter().filter_map(Value::as_u64).sum()
}

/// What is stored once there is a rendition: it is stored after it was sent.
async fn once_stored(app: &TestApp) -> Value {
    for _ in 0..500 {
        let stored = result(app, "storage").await;
        if stored["renditions"] == 1 {
            return stored;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no rendition is stored");
}

#[tokio::test]
async fn deliveries_are_counted_by_how_they_went() {
    let app = TestApp::new().await;
    let id = app.private_image().await;
    let target = app.target(&id, "public");
    let good = app.signed(&target, None);
    assert_eq!(app.get(&good).await.status, 200);
    once_stored(&app).await;
    let stored = app.get(&good).await;
    let etag = stored.header("etag").expect("a tag").to_owned();
    assert_eq!(app.fetch(Method::GET, &good, &[("if-none-match", &etag)]).await.status, 304);
    app.get(&target).await.error(403, 9425);
    app.get(&app.signed(&target, Some(NOW))).await.error(403, 9425);
    app.get(&format!("{target}?sig={}", "0".repeat(64))).await.error(403, 9425);
    app.get(&format!("{target}?sig=1")).await.error(403, 9425);
    app.get(&app.target(&id, "nothing")).await.error(403, 9425);
    app.get("/AAAAAAAAAAAAAAAAAAAAAA/a/public").await.error(403, 9427);

    let usage = result(&app, "usage").await;
    let series = &usage["series"];
    for (measure, count) in [
        ("requests", 8),
        ("renders", 1),
        ("hits", 1),
        ("not_modified", 1),
        ("bytes", 2 * stored.body.len() as u64),
        ("refused_no_token", 1),
        ("refused_expired", 1),
        ("refused_signature", 1),
        ("refused_malformed", 1),
        ("refused_other", 1),
        ("failed", 0),
    ] {
        assert_eq!(sum(&series[measure]), count, "{measure}");
    }
    assert_eq!(sum(&usage["keys"]["default"]), 3);
    let points = series["requests"].as_array().expect("points");
    assert_eq!((points.len(), usage["width"].as_u64()), (289, Some(300)));
    assert_eq!(points.last().and_then(Value::as_u64), Some(8));
    let latency = usage["latency"]["p95"].as_array().expect("points");
    assert!(latency[0].is_null() && latency.last().is_some_and(|last| last.as_f64().is_some()));

    // Two hours later they are a point of the past.
    app.set_clock(NOW + 7_200);
    let hours = result(&app, "usage?width=3600").await;
    let points = hours["series"]["requests"].as_array().expect("points").clone();
    assert_eq!(points[points.len() - 3].as_u64(), Some(8));
    let days = result(&app, "usage?width=86400&from=2027-01-01T00:00:00Z&to=2027-02-01T00:00:00Z").await;
    assert_eq!(days["series"]["requests"][14].as_u64(), Some(8));
    for query in [
        "width=60",
        "from=yesterday",
        "from=2027-01-01T00:00:00Z&to=2027-01-01T00:00:00Z",
        "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z",
    ] {
        app.call(Method::GET, &below(&app, &format!("usage?{query}")), None).await.refused(400, 5400);
    }
}

#[tokio::test]
async fn a_vector_is_made_once_and_then_stored() {
    let app = TestApp::new().await;
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"/>"#;
    let id = app.upload(svg, &[]).await.result()["id"].as_str().expect("an id").to_owned();
    let target = app.target(&id, "public");
    assert_eq!(app.get(&target).await.status, 200);
    once_stored(&app).await;
    assert_eq!(app.get(&target).await.status, 200);
    let usage = result(&app, "usage").await;
    assert_eq!((sum(&usage["series"]["renders"]), sum(&usage["series"]["hits"])), (1, 1));
}

#[tokio::test]
async fn counts_are_an_accounts_own_and_the_instances_all() {
    let app = TestApp::new().await;
    let other = second_account(&app).await;
    let text = |member: &str| other[member].as_str().expect("a text").to_owned();
    app.get(&app.target("none", "public")).await.error(403, 9425);
    app.get(&format!("/{}/none/public", text("hash"))).await.error(403, 9425);
    app.get(&format!("/{}/none/public", text("hash"))).await.error(403, 9425);
    assert_eq!(sum(&result(&app, "usage").await["series"]["refused_no_token"]), 1);
    let theirs = format!("/safelight/v1/accounts/{}/usage", text("id"));
    let usage = app.call_as(&text("token"), Method::GET, &theirs, None).await.result();
    assert_eq!(sum(&usage["series"]["refused_no_token"]), 2);
    app.call_as(&text("token"), Method::GET, &below(&app, "usage"), None).await.refused(403, 5403);
    let metrics = app.call(Method::GET, "/metrics", None).await.text();
    for line in ["safelight_delivery_requests_total 3", "safelight_delivery_refused_no_token_total 3"] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn a_new_key_of_an_old_name_begins_at_nothing() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    assert_eq!(app.get(&app.signed(&target, None)).await.status, 200);
    app.set_clock(NOW + 5);
    // The last key: another one is made in its place.
    app.call(Method::DELETE, "~/v1/keys/default", None).await.result();
    let keys = result(&app, "keys").await;
    let expected = json!([{
        "name": "default",
        "created": "2027-01-15T08:00:05.000Z",
        "last_used": null,
        "requests_last_day": 0,
        "replaces": null,
    }]);
    assert_eq!(keys["keys"], expected);
}

#[tokio::test]
async fn keys_are_shown_to_readers_and_signers_and_made_by_those_who_may_do_both() {
    let app = TestApp::new().await;
    let keys = below(&app, "keys");
    for (scopes, sees, makes) in [
        (json!(["read"]), true, false),
        (json!(["sign"]), true, false),
        (json!(["write"]), false, false),
        (json!(["write", "sign"]), true, true),
    ] {
        let body = json!({"name": "t", "scopes": scopes});
        let made = app.call(Method::POST, &below(&app, "tokens"), Some(body)).await.result();
        let token = made["token"].as_str().expect("a token");
        let shown = app.call_as(token, Method::GET, &keys, None).await;
        assert_eq!(shown.status == 200, sees, "{scopes}");
        let made = app.call_as(token, Method::POST, &keys, Some(json!({"name": "new"}))).await;
        assert_eq!(made.status == 200, makes, "{scopes}");
    }
}

#[tokio::test]
async fn an_account_has_twenty_keys_whichever_way_they_are_made() {
    let app = TestApp::new().await;
    for number in 1..20 {
        app.call(Method::PUT, &format!("~/v1/keys/k{number}"), None).await.result();
    }
    app.call(Method::PUT, "~/v1/keys/more", None).await.refused(400, 5400);
    app.call(Method::PUT, "~/v1/keys/k1", None).await.result();
    let more = json!({"name": "more", "replaces": "k1"});
    app.call(Method::POST, &below(&app, "keys"), Some(more)).await.refused(400, 5400);
}

#[tokio::test]
async fn previews_are_no_deliveries() {
    let app = TestApp::new().await;
    let id = app.private_image().await;
    let shown =
        app.call(Method::GET, &below(&app, &format!("preview?image={id}&variant=public")), None).await;
    assert_eq!(shown.status, 200);
    assert_eq!(sum(&result(&app, "usage").await["series"]["requests"]), 0);
}

#[tokio::test]
async fn keys_are_rotated_with_an_overlap() {
    let app = TestApp::new().await;
    let id = app.private_image().await;
    let target = app.target(&id, "public");
    let first = result(&app, "keys").await;
    assert_eq!(first["keys"][0]["name"], "default");
    assert_eq!(
        (&first["keys"][0]["last_used"], &first["keys"][0]["requests_last_day"]),
        (&Value::Null, &json!(0))
    );
    assert_eq!(first["keys"][0].get("value"), None);

    app.set_clock(NOW + 60);
    let new = json!({"name": "default2", "replaces": "default"});
    let both = app.call(Method::POST, &below(&app, "keys"), Some(new)).await.result();
    assert_eq!(
        (&both["keys"][1]["name"], &both["keys"][1]["replaces"]),
        (&json!("default2"), &json!("default"))
    );
    assert_eq!(both["keys"][1]["created"], "2027-01-15T08:01:00.000Z");
    assert_eq!(app.get(&app.signed(&target, None)).await.status, 200);
    let used = result(&app, "keys").await;
    assert_eq!(used["keys"][0]["requests_last_day"], 1);
    assert_eq!(used["keys"][0]["last_used"], "2027-01-15T08:01:00.000Z");

    app.call(Method::DELETE, "~/v1/keys/default", None).await.result();
    app.get(&app.signed(&target, None)).await.error(403, 9425);
    let left = result(&app, "keys").await;
    assert_eq!(
        (left["keys"].as_array().map(Vec::len), &left["keys"][0]["replaces"]),
        (Some(1), &Value::Null)
    );
    assert_eq!(result(&app, "usage").await["keys"], json!({}));

    for (body, status, code) in [
        (json!({"name": "default2"}), 409, 5409),
        (json!({"name": "x", "replaces": "none"}), 400, 5400),
        (json!({"name": "not a name"}), 400, 5400),
    ] {
        app.call(Method::POST, &below(&app, "keys"), Some(body)).await.refused(status, code);
    }
}

#[tokio::test]
async fn what_is_stored_is_counted() {
    let app = TestApp::new().await;
    assert_eq!(result(&app, "storage").await["images"], 0);
    let id = app.private_image().await;
    assert_eq!(app.get(&app.signed(&app.target(&id, "public"), None)).await.status, 200);
    let size = result(&app, &format!("image?id={id}")).await["bytes"].clone();
    let stored = once_stored(&app).await;
    assert_eq!((&stored["images"], &stored["original_bytes"]), (&json!(1), &size));
    assert_eq!(stored["renditions"], 1);
    assert!(stored["rendition_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    app.call(Method::DELETE, &format!("~/v1/{id}"), None).await.result();
    let none = json!({"images": 0, "original_bytes": 0, "renditions": 0, "rendition_bytes": 0, "levels": 0, "level_bytes": 0});
    assert_eq!(result(&app, "storage").await, none);
}

#[tokio::test]
async fn tokens_tell_when_they_were_last_used() {
    let app = TestApp::new().await;
    result(&app, "tokens").await;
    app.set_clock(NOW + 120);
    let mut tokens = result(&app, "tokens").await;
    for _ in 0..200 {
        if tokens[0]["last_used"] == "2027-01-15T08:02:00.000Z" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        tokens = result(&app, "tokens").await;
    }
    assert_eq!(tokens[0]["last_used"], "2027-01-15T08:02:00.000Z");
}

#[tokio::test]
async fn the_parts_of_the_instance_tell_how_they_fare() {
    let app = TestApp::new().await;
    app.set_clock(NOW + 90);
    let health = app.call(Method::GET, "/safelight/v1/health", None).await.result();
    for part in ["database", "store", "disk", "render_workers"] {
        assert_eq!(health[part]["state"], "ok", "{health}");
    }
    assert_eq!(health["uptime_seconds"], 90);
    assert_eq!(app.get("/safelight/v1/health").await.status, 401);

    // Where renditions would be is a file.
    let renditions = app.app.config.data.join("blobs/rendition");
    std::fs::remove_dir_all(&renditions).expect("the check has made it");
    std::fs::write(&renditions, "").expect("a file");
    let health = app.call(Method::GET, "/safelight/v1/health", None).await.result();
    assert_eq!((&health["database"]["state"], &health["store"]["state"]), (&json!("ok"), &json!("failed")));
    assert_eq!(health["store"]["text"], "It does not take or give bytes; the log says why.");
}
