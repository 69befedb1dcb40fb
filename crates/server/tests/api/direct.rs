//! Direct creator uploads: links, and the uploads by them.

use crate::images::{crc32, files_below};
use crate::test_app::{Answer, NOW, TestApp, form, png};
use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request, header};
use safelight::config::Compat;
use serde_json::{Value, json};
use std::time::Duration;

impl TestApp {
    async fn ask(&self, path: &str, content_type: Option<&str>, body: impl Into<Body>) -> Answer {
        let mut request =
            Request::post(format!("/client/v4/accounts/{}/images{path}", self.account.id.as_str()))
                .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        self.send(request.body(body.into()).expect("a request")).await
    }

    /// Id and target of a new link.
    async fn link(&self, fields: &[(&str, &str)]) -> (String, String) {
        let answer = self.upload_as(&self.token, "~/v2/direct_upload", None, fields).await.result();
        id_and_target(&answer)
    }

    async fn send_form(&self, target: &str, file: Option<(&str, &[u8])>, fields: &[(&str, &str)]) -> Answer {
        let request = Request::post(target)
            .header(header::ORIGIN, "https://shop.example")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
        let answer = self.send(request.body(Body::from(form(file, fields))).expect("a request")).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        answer
    }

    async fn send_file(&self, target: &str, file: &[u8]) -> Answer {
        self.send_form(target, Some(("photo.png", file)), &[]).await
    }

    async fn details(&self, id: &str) -> Answer {
        self.call(Method::GET, &format!("~/v1/{id}"), None).await
    }
}

fn id_and_target(result: &Value) -> (String, String) {
    assert_eq!(result.as_object().expect("an object").len(), 2, "{result}");
    let url = result["uploadURL"].as_str().expect("a URL");
    let target = url.strip_prefix("https://images.example").expect("below the public URL");
    (result["id"].as_str().expect("an id").to_owned(), target.to_owned())
}

fn small() -> Vec<u8> {
    png(3, 2, [1, 2, 3, 255])
}

#[tokio::test]
async fn a_link_is_asked_for_and_used_once() {
    let app = TestApp::new().await;
    let fields = [("metadata", r#"{"order":7}"#), ("creator", "user-1"), ("requireSignedURLs", "true")];
    let (id, target) = app.link(&fields).await;
    let draft = json!({
        "id": id,
        "meta": {"order": 7},
        "uploaded": "2027-01-15T08:00:00.000Z",
        "requireSignedURLs": true,
        "variants": [format!("https://images.example/{}/{id}/public", app.account.hash.as_str())],
        "creator": "user-1",
        "draft": true,
    });
    assert_eq!(app.details(&id).await.result(), draft);
    for list in ["~/v1", "~/v2"] {
        assert_eq!(app.call(Method::GET, list, None).await.result()["images"], json!([]), "{list}");
    }
    assert_eq!(app.call(Method::GET, "~/v1/stats", None).await.result()["count"]["current"], 0);
    let unknown = app.get(&app.signed(&app.target("nothing", "public"), None)).await;
    let promised = app.get(&app.signed(&app.target(&id, "public"), None)).await;
    promised.error(404, 5404);
    assert_eq!((promised.status, promised.text()), (unknown.status, unknown.text()));
    app.details(&format!("{id}/blob")).await.refused(404, 5404);

    app.set_clock(NOW + 60);
    let uploaded = app.send_file(&target, &small()).await.result();
    let mut image = json!({
        "id": id,
        "filename": "photo.png",
        "meta": {},
        "uploaded": "2027-01-15T08:01:00.000Z",
        "requireSignedURLs": true,
        "variants": draft["variants"],
        "creator": null,
    });
    assert_eq!(uploaded, image, "what the account noted is the account's alone");
    image["meta"] = json!({"order": 7});
    image["creator"] = json!("user-1");
    assert_eq!(app.details(&id).await.result(), image);
    assert_eq!(app.call(Method::GET, "~/v2", None).await.result()["images"], json!([image]));
    app.get(&app.target(&id, "public")).await.error(403, 9425);
    assert_eq!(app.get(&app.signed(&app.target(&id, "public"), None)).await.status, 200);

    app.send_file(&target, &small()).await.error(409, 5409);
    app.set_clock(NOW + 7200);
    app.send_file(&target, &small()).await.error(409, 5409);
}

#[tokio::test]
async fn links_are_asked_for_in_every_form_that_clients_send() {
    let app = TestApp::new().await;
    let multipart = Some("multipart/form-data; boundary=b");
    for (path, content_type, body) in [
        // The Python SDK without options sends the closing boundary alone.
        ("/v2/direct_upload", multipart, "--b--\r\n"),
        ("/v2/direct_upload", multipart, "--b--"),
        ("/v2/direct_upload", multipart, ""),
        ("/v2/direct_upload", None, ""),
        ("/v1/direct_upload", multipart, "--b--\r\n"),
        ("/v1/direct_upload", None, ""),
        ("/v1/direct_upload", Some("application/json"), ""),
        ("/v1/direct_upload", Some("application/json"), "{}"),
    ] {
        let answer = app.ask(path, content_type, body).await.result();
        let (id, _) = id_and_target(&answer);
        let draft = app.details(&id).await.result();
        assert_eq!((&draft["draft"], &draft["requireSignedURLs"]), (&json!(true), &json!(false)), "{path}");
    }
    let body = json!({"expiry": "2027-01-15T09:10:00Z", "requireSignedURLs": true, "metadata": {"k": 1}});
    let answer =
        app.ask("/v1/direct_upload", Some("Application/JSON; charset=utf-8"), body.to_string()).await;
    let (id, _) = id_and_target(&answer.result());
    let draft = app.details(&id).await.result();
    assert_eq!((&draft["meta"], &draft["requireSignedURLs"]), (&json!({"k": 1}), &json!(true)));
    for fields in [[("metadata[k]", "v")], [("metadata.k", "v")]] {
        let (id, _) = app.link(&fields).await;
        assert_eq!(app.details(&id).await.result()["meta"], json!({"k": "v"}));
    }
}

#[tokio::test]
async fn bad_requests_for_a_link_are_refused() {
    let app = TestApp::new().await;
    for (content_type, body) in [
        (Some("application/json"), "{}"),
        (Some("application/json"), ""),
        (Some("application/x-www-form-urlencoded"), "requireSignedURLs=true"),
        (None, "x"),
        (Some("multipart/form-data"), "--b--"),
    ] {
        let text = app.ask("/v2/direct_upload", content_type, body).await.refused(415, 5415);
        assert!(text.contains("multipart/form-data"), "{text}");
    }
    let long = "x".repeat(1_100);
    for (name, value, code) in [
        ("expiry", "tomorrow", 5400),
        ("expiry", "2027-01-15T08:10:00", 5400),
        ("expiry", "2027-01-15T08:01:59Z", 5400),
        ("expiry", "2027-01-15T14:00:01Z", 5400),
        ("expiry", "1800000600", 5400),
        ("requireSignedURLs", "yes", 5400),
        ("metadata", "[]", 5400),
        ("metadata.k", &long, 5400),
        ("creator", &long, 5400),
        ("url", "https://example.com/", 5400),
        ("id", "keys", 5411),
        ("id", "2cdc28f0-017a-49c4-9ed7-87056c839010", 5411),
    ] {
        app.upload_as(&app.token, "~/v2/direct_upload", None, &[(name, value)]).await.refused(400, code);
    }
    let text = app.upload_as(&app.token, "~/v2/direct_upload", Some(("a.png", &small())), &[]).await;
    assert!(text.refused(400, 5400).contains("uploadURL") || text.text().contains("upload URL"));
    let large = vec![b'x'; 200_000];
    app.ask("/v2/direct_upload", Some("multipart/form-data; boundary=b"), large).await.refused(400, 5400);
    let text = app
        .upload_as(&app.token, "~/v2/direct_upload", None, &[("expiry", "2027-01-15T07:00:00Z")])
        .await
        .refused(400, 5400);
    assert!(text.contains("2 minutes to 6 hours"), "{text}");
    for body in ["[]", "{", r#"{"requireSignedURLs":"true"}"#, r#"{"expiry":5}"#] {
        app.ask("/v1/direct_upload", Some("application/json"), body).await.refused(400, 5400);
    }
    app.upload_as("wrong", "~/v2/direct_upload", None, &[]).await.refused(401, 10000);
}

#[tokio::test]
async fn a_link_dies_at_its_expiry() {
    let app = TestApp::new().await;
    for (expiry, seconds) in
        [(None, 1800), (Some("2027-01-15T08:02:00Z"), 120), (Some("2027-01-15T16:00:00+02:00"), 6 * 3600)]
    {
        app.set_clock(NOW);
        let fields: Vec<_> = expiry.map(|expiry| ("expiry", expiry)).into_iter().collect();
        let (id, target) = app.link(&fields).await;
        app.set_clock(NOW + seconds - 1);
        assert_eq!(app.details(&id).await.result()["draft"], true);
        app.send_file(&target, b"no image").await.error(415, 5455);
        app.set_clock(NOW + seconds);
        let late = app.send_file(&target, &small()).await;
        late.error(410, 5404);
        assert!(late.text().contains("expired"), "{}", late.text());
        app.details(&id).await.refused(404, 5404);
        app.call(Method::PATCH, &format!("~/v1/{id}"), Some(json!({}))).await.refused(404, 5404);
        app.call(Method::DELETE, &format!("~/v1/{id}"), None).await.refused(404, 5404);
        app.set_clock(NOW + seconds - 1);
        app.send_file(&target, &small()).await.result();
    }
}

#[tokio::test]
async fn a_link_that_dies_during_the_upload_is_dead() {
    let app = TestApp::with_passing_time().await;
    let created = app.clock();
    let (_, target) = app.link(&[]).await;
    // The token was looked at before the link was made. The first look at the clock is in time, the one
    // before the row is written is not.
    app.set_clock(created + 1800);
    app.send_file(&target, &small()).await.error(410, 5404);
    assert_eq!(app.call(Method::GET, "~/v1/stats", None).await.result()["count"]["current"], 0);
}

#[tokio::test]
async fn of_many_uploads_by_one_link_exactly_one_wins() {
    let app = TestApp::new().await;
    let (id, target) = app.link(&[]).await;
    let files: Vec<_> = (1..=8).map(|width| png(width, 1, [0; 4])).collect();
    let answers = futures_util::future::join_all(files.iter().map(|file| app.send_file(&target, file))).await;
    let won: Vec<_> = (0..8).filter(|n| answers[*n].status == 200).collect();
    assert_eq!(won.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.error(409, 5409);
    }
    let blob = app.details(&format!("{id}/blob")).await;
    assert_eq!(&blob.body[..], &files[won[0]][..]);
    assert_eq!(app.call(Method::GET, "~/v1/stats", None).await.result()["count"]["current"], 1);
}

#[tokio::test]
async fn a_refused_upload_leaves_the_link_as_it_was() {
    let app = TestApp::new().await;
    let (id, target) = app.link(&[]).await;
    let mut wide = png(1, 1, [0; 4]);
    wide[16..20].copy_from_slice(&12_001_u32.to_be_bytes());
    let crc = crc32(&wide[12..29]);
    wide[29..33].copy_from_slice(&crc.to_be_bytes());
    app.send_file(&target, b"no image").await.error(415, 5455);
    app.send_file(&target, b"").await.error(415, 5455);
    app.send_file(&target, b"\x89PNG\r\n\x1a\n\0\0").await.error(400, 9422);
    app.send_file(&target, &wide).await.error(400, 5443);
    app.send_file(&target, &vec![0; 1_000_001]).await.error(413, 7011);
    app.send_form(&target, None, &[("image", "x")]).await.error(400, 5400);
    let two = [form(Some(("a.png", &small())), &[]), form(Some(("b.png", &small())), &[])];
    let two = [&two[0][..two[0].len() - b"--b--\r\n".len()], &two[1][..]].concat();
    let multipart = [(header::CONTENT_TYPE, "multipart/form-data; boundary=b")];
    let post = |content_type: &'static str, body: Vec<u8>| {
        Request::post(target.as_str()).header(header::CONTENT_TYPE, content_type).body(Body::from(body))
    };
    app.send(post(multipart[0].1, two).expect("a request")).await.error(400, 5400);
    let cut = form(Some(("a.png", &small())), &[]);
    let cut = cut[..cut.len() - 20].to_vec();
    app.send(post(multipart[0].1, cut).expect("a request")).await.error(400, 5400);
    for content_type in ["application/json", "image/png"] {
        let answer = app.send(post(content_type, small()).expect("a request")).await;
        answer.error(415, 5415);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(files_below(&app.app.config.data.join("staging")), 0);
    assert_eq!(files_below(&app.app.config.data.join("blobs/original")), 0);
    assert_eq!(app.details(&id).await.result()["draft"], true);
    // Widgets send fields of their own, also a text of the file's name; what the account settled stays.
    let fields = [
        ("name", "x"),
        ("id", "other"),
        ("requireSignedURLs", "true"),
        ("metadata", "{\"a\":1}"),
        ("file", "{}"),
    ];
    let image = app.send_form(&target, Some(("photo.png", &small())), &fields).await.result();
    assert_eq!((&image["id"], &image["requireSignedURLs"]), (&json!(id), &json!(false)));
    assert_eq!(app.details(&id).await.result()["meta"], json!({}));
    assert_eq!(&app.details(&format!("{id}/blob")).await.body[..], &small()[..]);
}

#[tokio::test]
async fn an_upload_that_takes_too_long_is_cut_off() {
    let app = TestApp::with(|config| config.direct_upload_time = Duration::from_millis(100)).await;
    let (id, target) = app.link(&[]).await;
    let start = form(Some(("photo.png", &small())), &[]);
    let start = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(start[..150].to_vec()))]);
    let body = Body::from_stream(start.chain(futures_util::stream::pending()));
    let request = Request::post(&target).header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    let answer = app.send(request.body(body).expect("a request")).await;
    answer.error(408, 5408);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(files_below(&app.app.config.data.join("staging")), 0);
    assert_eq!(app.details(&id).await.result()["draft"], true);
}

#[tokio::test]
async fn an_upload_that_finds_the_server_busy_may_come_again() {
    let app = TestApp::new().await;
    let (_, target) = app.link(&[]).await;
    let held = app.app.flights.admit(u64::MAX).expect("all the room there is");
    let busy = app.send_file(&target, &small()).await;
    busy.error(503, 5503);
    assert_eq!(busy.header("retry-after"), Some("1"));
    drop(held);
    app.send_file(&target, &small()).await.result();
}

#[tokio::test]
async fn unknown_links_and_other_methods_are_refused_in_plain_text() {
    let app = TestApp::new().await;
    let (_, target) = app.link(&[]).await;
    let other = crate::accounts::second_account(&app).await;
    let other_hash = target.replace(app.account.hash.as_str(), other["hash"].as_str().expect("a hash"));
    for unknown in [&format!("{target}x"), &other_hash, "/cdn-cgi/imageupload/x", &format!("{target}/")] {
        app.send_file(unknown, &small()).await.error(404, 5404);
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = app.fetch(method, &target, &[]).await;
        answer.error(405, 5400);
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
}

#[tokio::test]
async fn browsers_of_any_origin_may_upload() {
    let app = TestApp::new().await;
    let (_, target) = app.link(&[]).await;
    let headers = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type, authorization, x-requested-with"),
    ];
    let preflight = app.fetch(Method::OPTIONS, &target, &headers).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("POST, OPTIONS"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("*, Authorization"));
    app.send_file(&target, &small()).await.result();
    // The endpoint that makes links is for back ends.
    app.fetch(Method::OPTIONS, "/client/v4/accounts/a/images/v2/direct_upload", &headers)
        .await
        .refused(404, 7003);
}

#[tokio::test]
async fn ids_of_drafts_are_taken_and_drafts_can_be_changed_and_deleted() {
    let app = TestApp::new().await;
    let (id, target) = app.link(&[("id", "a/b.png")]).await;
    assert_eq!(id, "a/b.png");
    app.upload_as(&app.token, "~/v2/direct_upload", None, &[("id", "a/b.png")]).await.refused(409, 5409);
    app.upload(&small(), &[("id", "a/b.png")]).await.refused(409, 5409);
    let body = json!({"metadata": {"k": 2}, "requireSignedURLs": true, "creator": "c"});
    let patched = app.call(Method::PATCH, "~/v1/a%2Fb.png", Some(body)).await.result();
    assert_eq!((&patched["draft"], &patched["meta"]), (&json!(true), &json!({"k": 2})));
    app.send_file(&target, &small()).await.result();
    let image = app.details("a%2Fb.png").await.result();
    assert_eq!((&image["meta"], &image["creator"]), (&json!({"k": 2}), &json!("c")));
    assert_eq!((&image["requireSignedURLs"], image.get("draft")), (&json!(true), None));
    app.upload_as(&app.token, "~/v2/direct_upload", None, &[("id", "a/b.png")]).await.refused(409, 5409);

    let (id, target) = app.link(&[("id", "gone")]).await;
    let path = format!("~/v1/{id}");
    assert_eq!(app.call(Method::DELETE, &path, None).await.result(), json!({}));
    app.call(Method::DELETE, &path, None).await.refused(404, 5404);
    app.send_file(&target, &small()).await.error(404, 5404);
    app.upload(&small(), &[("id", "gone")]).await.result();
}

#[tokio::test]
async fn strict_compatibility_refuses_private_custom_ids_of_drafts() {
    let app = TestApp::with(|config| config.compat = Compat::Strict).await;
    let ask =
        async |fields: &[(&str, &str)]| app.upload_as(&app.token, "~/v2/direct_upload", None, fields).await;
    ask(&[("id", "a"), ("requireSignedURLs", "true")]).await.refused(400, 5410);
    ask(&[("id", "a")]).await.result();
    ask(&[("requireSignedURLs", "true")]).await.result();
    let private = json!({"requireSignedURLs": true});
    app.call(Method::PATCH, "~/v1/a", Some(private)).await.refused(400, 5410);
}
