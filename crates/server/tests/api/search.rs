//! Images searched, sorted and shown one by one for their owner.

use crate::test_app::{TestApp, png};
use http::{Method, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// File names, creators and texts that want to be something else.
const HOSTILE: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' OR 1=1 --",
    "\u{202E}gpj.exe\u{2066}",
    "a* NEAR(b c, 2)",
    "{id} : x AND NOT y",
    "^start + -minus",
    "\"\"quoted\"\"",
    "🖼👩‍👩‍👧.png",
    "100%_\\",
    "画像と写真",
    "ΟΔΟΣ Straße ПРИВЕТ",
];

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn below(app: &TestApp, path: &str) -> String {
    format!("/safelight/v1/accounts/{}/{path}", app.account.id.as_str())
}

async fn search(app: &TestApp, query: &str) -> Value {
    app.call(Method::GET, &below(app, &format!("images?{query}")), None).await.result()
}

fn ids(page: &Value) -> Vec<&str> {
    let images = page["images"].as_array().expect("a list");
    images.iter().map(|image| image["id"].as_str().expect("an id")).collect()
}

async fn upload(app: &TestApp, id: &str, filename: &str, fields: &[(&str, &str)]) {
    let fields = [&[("id", id)], fields].concat();
    app.upload_as(&app.token, "~/v1", Some((filename, &png(3, 2, [0; 4]))), &fields).await.result();
}

#[tokio::test]
async fn an_image_is_shown_with_all_that_is_known_of_it() {
    let app = TestApp::new().await;
    let id = "folder/größe 1".to_owned() + &"x".repeat(1000);
    upload(&app, &id, "Photo.PNG", &[("creator", "me"), ("metadata", r#"{"k":1}"#)]).await;
    let path = below(&app, &format!("image?id={}", encoded(&id)));
    let mut image = app.call(Method::GET, &path, None).await.result();
    let variants = image.as_object_mut().and_then(|image| image.remove("variants")).expect("variants");
    let target =
        variants[0].as_str().and_then(|url| url.strip_prefix("https://images.example")).expect("a URL");
    assert_eq!(app.get(target).await.status, 200);
    let expected = json!({
        "id": id, "filename": "Photo.PNG", "meta": {"k": 1}, "uploaded": "2027-01-15T08:00:00.000Z",
        "requireSignedURLs": false, "creator": "me", "bytes": png(3, 2, [0; 4]).len(),
        "width": 3, "height": 2, "format": "image/png", "frames": 1,
    });
    assert_eq!(image, expected);
    assert_eq!(search(&app, "").await, json!({"images": [expected], "continuation_token": null}));
    app.call(Method::GET, &below(&app, "image?id=other"), None).await.refused(404, 5404);
    app.call(Method::GET, &below(&app, "image"), None).await.refused(400, 5400);
}

#[tokio::test]
async fn hostile_texts_are_found_as_they_are() {
    let app = TestApp::with_passing_time().await;
    for (number, text) in HOSTILE.iter().enumerate() {
        let filename = format!("file {}", text.replace(['"', '\\'], ""));
        let metadata = json!({"note": text}).to_string();
        upload(&app, &format!("n{number}"), &filename, &[("creator", text), ("metadata", &metadata)]).await;
    }
    for (number, text) in HOSTILE.iter().enumerate() {
        let expected = [format!("n{number}")];
        for query in ["in=creator", "in=metadata", "in=any", "sort=filename", "sort=bytes&sort_order=asc"] {
            let page = search(&app, &format!("search={}&{query}", encoded(text))).await;
            assert_eq!(ids(&page), expected, "{text} {query}");
        }
        let nowhere = search(&app, &format!("search={}&in=id", encoded(text))).await;
        assert_eq!(ids(&nowhere), [""; 0], "{text}");
    }
    let all = search(&app, "search=file&in=filename&sort_order=asc").await;
    assert_eq!(ids(&all).len(), HOSTILE.len());
    for (text, expected) in
        [("straSSE", "n11"), ("привет", "n11"), ("οδοΣ", "n11"), ("画", "n10"), ("%_", "n9")]
    {
        assert_eq!(ids(&search(&app, &format!("search={}", encoded(text))).await), [expected], "{text}");
    }
}

#[tokio::test]
async fn pages_show_each_image_once_in_every_order() {
    let app = TestApp::with_passing_time().await;
    for number in 0..25 {
        let private = [("requireSignedURLs", if number % 2 == 0 { "true" } else { "false" })];
        let name = format!("{}mg {}.png", if number % 3 == 0 { 'I' } else { 'i' }, number % 5);
        upload(&app, &format!("n{number}"), &name, &private).await;
    }
    let mut orders = Vec::new();
    for sort in ["uploaded", "id", "filename", "bytes"] {
        for (order, more, count) in
            [("asc", "", 25), ("desc", "&search=mg", 25), ("asc", "&search=mg%20&requireSignedURLs=true", 13)]
        {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let query =
                    format!("per_page=10&sort={sort}&sort_order={order}{more}&continuation_token={token}");
                let page = search(&app, &query).await;
                assert!(ids(&page).len() <= 10);
                seen.extend(ids(&page).iter().map(|id| (*id).to_owned()));
                match page["continuation_token"].as_str() {
                    Some(next) => token = next.to_owned(),
                    None => break,
                }
            }
            let mut different = seen.clone();
            different.sort();
            different.dedup();
            assert_eq!((seen.len(), different.len()), (count, count), "{sort} {order} {more}");
            orders.push(seen);
        }
    }
    assert_eq!((orders[0][0].as_str(), orders[1][0].as_str()), ("n0", "n24"));
    assert_eq!((orders[3][0].as_str(), orders[4][0].as_str()), ("n0", "n9"));
    assert_eq!(orders[6][..5], ["n0", "n10", "n15", "n20", "n5"]);
}

#[tokio::test]
async fn changes_are_found_at_once_and_in_their_account_alone() {
    let app = TestApp::new().await;
    upload(&app, "a", "first.png", &[("creator", "alpha")]).await;
    let change = json!({"creator": "omega", "metadata": {"new": "value"}});
    app.call(Method::PATCH, "~/v1/a", Some(change)).await.result();
    assert_eq!(ids(&search(&app, "search=alpha").await), [""; 0]);
    assert_eq!(ids(&search(&app, "search=OMEGA").await), ["a"]);
    assert_eq!(ids(&search(&app, "search=value&in=metadata").await), ["a"]);

    let new = json!({"name": "second"});
    let second = app.call(Method::POST, "/safelight/v1/accounts", Some(new)).await.result();
    let theirs = format!("/safelight/v1/accounts/{}", second["id"].as_str().expect("an id"));
    let token = second["token"].as_str().expect("a token");
    for query in ["images?search=omega", "images?search=om", "images", "images?sort=filename"] {
        let page = app.call_as(token, Method::GET, &format!("{theirs}/{query}"), None).await.result();
        assert_eq!(page, json!({"images": [], "continuation_token": null}));
    }
    app.call_as(token, Method::GET, &format!("{theirs}/image?id=a"), None).await.refused(404, 5404);
    app.call_as(token, Method::GET, &below(&app, "images"), None).await.refused(403, 5403);

    app.call(Method::DELETE, "~/v1/a", None).await.result();
    assert_eq!(ids(&search(&app, "search=omega").await), [""; 0]);
    app.call(Method::GET, &below(&app, "image?id=a"), None).await.refused(404, 5404);
}

#[tokio::test]
async fn a_direct_upload_is_found_when_it_is_there() {
    let app = TestApp::new().await;
    let link =
        app.upload_as(&app.token, "~/v2/direct_upload", None, &[("id", "later"), ("creator", "someone")]);
    let link = link.await.result()["uploadURL"].as_str().expect("a URL").to_owned();
    assert_eq!(ids(&search(&app, "search=someone").await), [""; 0]);
    app.call(Method::GET, &below(&app, "image?id=later"), None).await.refused(404, 5404);
    let target = link.strip_prefix("https://images.example").expect("ours").to_owned();
    let file = crate::test_app::form(Some(("x.png", &png(1, 1, [0; 4]))), &[]);
    let request = http::Request::post(target).header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    app.send(request.body(file.into()).expect("a request")).await.result();
    assert_eq!(ids(&search(&app, "search=someone").await), ["later"]);
}

#[tokio::test]
async fn filters_by_metadata_stand_alone() {
    let app = TestApp::with_passing_time().await;
    upload(&app, "a", "a.png", &[("metadata", r#"{"rank":5}"#), ("requireSignedURLs", "true")]).await;
    upload(&app, "b", "b.png", &[("metadata", r#"{"rank":7}"#)]).await;
    upload(&app, "c", "c.png", &[("metadata", r#"{"rank":9}"#)]).await;
    assert_eq!(ids(&search(&app, "meta.rank[gte]=7").await), ["c", "b"]);
    assert_eq!(ids(&search(&app, "meta.rank[lte]=7&sort_order=asc&sort=uploaded").await), ["a", "b"]);
    assert_eq!(ids(&search(&app, "meta.rank[lte]=7&requireSignedURLs=true").await), ["a"]);
    for query in ["meta.rank[gte]=7&search=x", "meta.rank[gte]=7&sort=id"] {
        let text =
            app.call(Method::GET, &below(&app, &format!("images?{query}")), None).await.refused(400, 5400);
        assert!(text.contains("metadata filters"), "{text}");
    }
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let app = TestApp::new().await;
    let long = format!("search={}", "x".repeat(201));
    for query in [
        "search=",
        "search=a%00b",
        "search=a%0Ab",
        &long,
        "in=everywhere",
        "sort=size",
        "sort_order=up",
        "requireSignedURLs=yes",
        "per_page=9",
        "per_page=1001",
        "continuation_token=%21",
        "continuation_token=aWQ6eA",
        "continuation_token=aWQ6eA&sort=bytes",
    ] {
        let text =
            app.call(Method::GET, &below(&app, &format!("images?{query}")), None).await.refused(400, 5400);
        let name = query.split('=').next().expect("a name");
        assert!(text.starts_with(name), "{query}: {text}");
    }
    assert_eq!(ids(&search(&app, "continuation_token=aWQ6eA&sort=id").await), [""; 0]);
}

#[tokio::test]
async fn reading_needs_the_scope() {
    let app = TestApp::new().await;
    let token = json!({"name": "writer", "scopes": ["write", "sign"]});
    let path = below(&app, "tokens");
    let token = app.call(Method::POST, &path, Some(token)).await.result();
    let token = token["token"].as_str().expect("a token");
    for path in ["images", "image?id=x"] {
        app.call_as(token, Method::GET, &below(&app, path), None).await.refused(403, 10000);
        app.get(&below(&app, path)).await.refused(401, 10000);
    }
}
