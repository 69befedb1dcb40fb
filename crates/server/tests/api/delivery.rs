//! Private delivery: who gets which bytes, and what caches are told.

use crate::test_app::{NOW, TestApp, decode_png, key, png};
use http::Method;
use safelight_domain::access::UnknownImagePolicy;
use safelight_domain::signature::sign_target;
use safelight_domain::time::UnixTime;
use serde_json::json;
use tower::ServiceExt;

const PUBLIC_CACHE: &str = "public, max-age=172800, stale-while-revalidate=7200";

#[tokio::test]
async fn a_private_image_is_served_by_signed_url_alone() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    app.get(&target).await.error(403, 9425);

    let answer = app.get(&app.signed(&target, Some(NOW + 1000))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(decode_png(&answer.body), (40, 30, vec![200, 30, 30]));
    assert_eq!(answer.header("cache-control"), Some("private, max-age=1000"));
    assert_eq!(answer.header("content-type"), Some("image/png"));
    assert_eq!(answer.header("vary"), Some("Accept"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(
        answer.header("content-security-policy").is_some_and(|csp| csp.starts_with("default-src 'none'"))
    );
    let etag = answer.header("etag").expect("an ETag");
    assert!(etag.starts_with("\"cf-") && etag.len() == 102, "strong, of 64 and 32 digits: {etag}");

    let endless = app.get(&app.signed(&target, None)).await;
    assert_eq!(endless.header("cache-control"), Some("private, max-age=172800"));
    let far = app.get(&app.signed(&target, Some(NOW + 10_000_000))).await;
    assert_eq!(far.header("cache-control"), Some("private, max-age=172800"));
}

#[tokio::test]
async fn expired_and_tampered_links_are_refused() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    let link = app.signed(&target, Some(NOW + 10));
    let sig = link.rsplit_once("sig=").expect("signed").1;
    for tampered in [
        format!("{target}?exp={}&sig={sig}", NOW + 11),
        format!("{target}?sig={sig}"),
        format!("{target}?exp={}&sig={}", NOW + 10, sig.replace(['0', '1'], "2")),
        format!("{}?exp={}&sig={sig}", target.replace("/public", "/Public"), NOW + 10),
        format!("{link}&w=1000"),
    ] {
        app.get(&tampered).await.error(403, 9425);
    }
    for (second, max_age) in [(NOW + 9, "private, max-age=1"), (NOW + 8, "private, max-age=2")] {
        app.set_clock(second);
        let answer = app.get(&link).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some(max_age)));
    }
    for second in [NOW + 10, NOW + 11, NOW * 2] {
        app.set_clock(second);
        app.get(&link).await.error(403, 9425);
    }
}

#[tokio::test]
async fn a_render_that_crosses_the_expiry_is_refused() {
    let app = TestApp::with_passing_time().await;
    let target = app.target(&app.private_image().await, "public");
    // The signature is judged at the next look at the clock, and valid then.
    let link = app.signed(&target, Some(app.clock() + 1));
    let answer = app.get(&link).await;
    answer.error(403, 9425);
    assert!(answer.text().contains("expired"), "{}", answer.text());
    let later = app.get(&app.signed(&target, Some(app.clock() + 100))).await;
    assert_eq!(later.status, 200);
}

#[tokio::test]
async fn a_variant_that_is_always_public_opens_private_images() {
    let app = TestApp::new().await;
    let id = app.private_image().await;
    let body = json!({"id": "thumb", "options": {"width": 10}, "neverRequireSignedURLs": true});
    app.call(Method::POST, "~/v1/variants", Some(body)).await.result();
    let thumb = app.target(&id, "thumb");
    let junk = "?exp=1&exp=2&sig=x";
    for target in [thumb.clone(), format!("{thumb}{junk}"), app.signed(&thumb, Some(1))] {
        let answer = app.get(&target).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some(PUBLIC_CACHE)));
        assert_eq!(decode_png(&answer.body).0, 10);
    }
    app.get(&app.target(&id, "public")).await.error(403, 9425);

    let body = json!({"neverRequireSignedURLs": false});
    app.call(Method::PATCH, "~/v1/variants/thumb", Some(body)).await.result();
    app.get(&thumb).await.error(403, 9425);
}

#[tokio::test]
async fn public_images_ignore_the_token() {
    let app = TestApp::new().await;
    let target = app.target(&app.uploaded(&[]).await, "public");
    for query in ["", "?", "?exp=1", "?sig=x&sig=y", "?exp=1e9", "?%73ig=1"] {
        let answer = app.get(&format!("{target}{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("cache-control")),
            (200, Some(PUBLIC_CACHE)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn without_a_valid_token_nobody_can_tell_a_private_image_from_none() {
    let app = TestApp::new().await;
    let private = app.target(&app.private_image().await, "public");
    let unknown = app.target("6b5f2a8e-0000-4000-8000-000000000000", "public");
    for query in
        [String::new(), "?exp=5".to_owned(), format!("?sig={}", "0".repeat(64)), "?sig=1&sig=2".to_owned()]
    {
        let one = app.get(&format!("{private}{query}")).await;
        let other = app.get(&format!("{unknown}{query}")).await;
        one.error(403, 9425);
        assert_eq!((one.status, one.text()), (other.status, other.text()), "{query}");
        let names = |headers: &http::HeaderMap| headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&one.headers), names(&other.headers));
    }
    app.get(&app.signed(&unknown, None)).await.error(404, 5404);
}

#[tokio::test]
async fn unknown_images_can_be_told_as_cloudflare_does() {
    let app = TestApp::with(|config| config.unknown_images = UnknownImagePolicy::NotFound).await;
    app.get(&app.target("nothing", "public")).await.error(404, 5404);
    app.get(&app.target(&app.private_image().await, "public")).await.error(403, 9425);
}

#[tokio::test]
async fn head_conditional_and_range_need_the_signature_too() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    let link = app.signed(&target, Some(NOW + 50));
    let whole = app.get(&link).await;
    let etag = whole.header("etag").expect("an ETag").to_owned();

    let head = app.fetch(Method::HEAD, &link, &[]).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), whole.header("content-length"));
    assert_eq!(head.header("etag"), Some(etag.as_str()));
    let current = app.fetch(Method::GET, &link, &[("if-none-match", &etag)]).await;
    assert_eq!((current.status.as_u16(), current.body.len()), (304, 0));
    assert_eq!(current.header("cache-control"), Some("private, max-age=50"));
    assert_eq!(current.header("etag"), Some(etag.as_str()));
    let part = app.fetch(Method::GET, &link, &[("range", "bytes=2-5")]).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &whole.body[2..6]));
    assert_eq!(part.header("content-range"), Some(format!("bytes 2-5/{}", whole.body.len()).as_str()));
    let beyond = app.fetch(Method::GET, &link, &[("range", "bytes=99999999-")]).await;
    beyond.error(416, 9424);
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{}", whole.body.len()).as_str()));

    assert_eq!(app.fetch(Method::HEAD, &target, &[]).await.status, 403);
    app.fetch(Method::GET, &target, &[("if-none-match", &etag)]).await.error(403, 9425);
    app.fetch(Method::GET, &target, &[("if-none-match", "*")]).await.error(403, 9425);
    app.fetch(Method::GET, &target, &[("range", "bytes=2-5")]).await.error(403, 9425);
    app.set_clock(NOW + 50);
    app.fetch(Method::GET, &link, &[("if-none-match", &etag)]).await.error(403, 9425);
}

#[tokio::test]
async fn options_needs_no_token_and_other_methods_are_refused() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    let preflight = app.fetch(Method::OPTIONS, &target, &[("origin", "https://a.example")]).await;
    assert_eq!(
        (preflight.status.as_u16(), preflight.header("access-control-allow-origin")),
        (204, Some("*"))
    );
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = app.fetch(method, &app.signed(&target, None), &[]).await;
        answer.error(405, 9424);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
}

#[tokio::test]
async fn changes_take_effect_for_the_next_request() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[("id", "a/b c.png")]).await;
    let target = app.target("a/b%20c.png", "public");
    assert_eq!(app.get(&target).await.status, 200);

    let image = format!("~/v1/{}", id.replace('/', "%2F").replace(' ', "%20"));
    app.call(Method::PATCH, &image, Some(json!({"requireSignedURLs": true}))).await.result();
    app.get(&target).await.error(403, 9425);
    let link = app.signed(&target, None);
    assert_eq!(app.get(&link).await.status, 200);

    let body = json!({"options": {"width": 4, "height": 4, "fit": "pad"}});
    app.call(Method::PATCH, "~/v1/variants/public", Some(body)).await.result();
    assert_eq!(decode_png(&app.get(&link).await.body).1, 4);

    app.call(Method::DELETE, &image, None).await.result();
    app.get(&link).await.error(404, 5404);
    let blue = png(8, 8, [0, 0, 255, 255]);
    app.upload(&blue, &[("id", &id), ("requireSignedURLs", "true")]).await.result();
    assert_eq!(decode_png(&app.get(&link).await.body).2, [0, 0, 255], "never the old pixels");

    app.call(Method::DELETE, "~/v1/keys/default", None).await.result();
    app.get(&link).await.error(403, 9425);
}

#[tokio::test]
async fn every_active_key_signs() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    let keys = app.call(Method::PUT, "~/v1/keys/second", None).await.result();
    let keys = keys["keys"].as_array().expect("a list").clone();
    assert_eq!(keys.len(), 2);
    for stored in &keys {
        let key = key(stored["value"].as_str().expect("a value"));
        assert_eq!(app.get(&sign_target(&target, "", Some(UnixTime(NOW + 5)), &key)).await.status, 200);
    }
    app.get(&sign_target(&target, "", None, &key("made up"))).await.error(403, 9425);
}

#[tokio::test]
async fn names_that_do_not_exist() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[]).await;
    app.get(&app.target(&id, "nosuch")).await.error(403, 9425);
    app.get(&app.target(&id, "w=400,h=300")).await.error(403, 9429);
    app.get(&app.target(&id, "pub%6Cic")).await.error(403, 9425);
    app.get(&format!("/AAAAAAAAAAAAAAAAAAAAAA/{id}/public")).await.error(403, 9427);
    app.get(&format!("/short/{id}/public")).await.error(403, 9427);
    app.get(&format!("/{}/{id}", app.account.hash.as_str())).await.error(403, 9426);
    app.get("/?").await.error(403, 9426);
}

#[tokio::test]
async fn the_prefix_serves_the_same() {
    let app = TestApp::new().await;
    let target = app.target(&app.private_image().await, "public");
    let prefixed = format!("/cdn-cgi/imagedelivery{target}");
    app.get(&prefixed).await.error(403, 9425);
    for link in
        [app.signed(&prefixed, Some(NOW + 5)), format!("/cdn-cgi/imagedelivery{}", app.signed(&target, None))]
    {
        assert_eq!(app.get(&link).await.status, 200, "{link}");
    }
}

#[tokio::test]
async fn one_rendition_is_made_for_many_who_ask_at_once() {
    let app = TestApp::new().await;
    let target = app.target(&app.uploaded(&[]).await, "public");
    let answers = futures_util::future::join_all((0..20).map(|_| app.get(&target))).await;
    let etag = answers[0].header("etag").expect("an ETag").to_owned();
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, Some(etag.as_str())));
    }
    app.get_stored(&target).await;
    let stored = walk(&app.app.config.data.join("blobs/rendition"));
    assert_eq!(stored, 1, "one file for twenty requests");
}

#[tokio::test]
async fn an_overloaded_server_says_when_to_come_again() {
    let app = TestApp::new().await;
    let target = app.target(&app.uploaded(&[]).await, "public");
    let admission = app.app.flights.admit(u64::MAX).expect("all the room there is");
    let answer = app.get(&target).await;
    answer.error(503, 9522);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let refused = app.upload(&png(1, 1, [0; 4]), &[]).await;
    refused.refused(503, 5503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(admission);
    assert_eq!(app.get(&target).await.status, 200);
}

#[tokio::test]
async fn pictures_drawn_on_top_take_room_in_memory_as_well() {
    let app = TestApp::new().await;
    let target = |app: &TestApp, id: &str| app.target(id, "marked");
    let marked = marked(&app).await;
    let (all, each) =
        (u64::from(app.app.config.render.held_bytes), png(40, 30, [200, 30, 30, 255]).len() as u64);
    let admission = app.app.flights.admit(all - 6 * each + 1).expect("it is empty");
    app.get(&target(&app, &marked)).await.error(503, 9522);
    assert_eq!(app.get(&app.target(&marked, "public")).await.status, 200);
    drop(admission);
    let _admission = app.app.flights.admit(all - 6 * each).expect("it is empty");
    assert_eq!(app.get(&target(&app, &marked)).await.status, 200);

    let narrow = TestApp::with(|config| config.render.held_bytes = 1).await;
    let id = self::marked(&narrow).await;
    assert_eq!(narrow.get(&target(&narrow, &id)).await.status, 200, "although there is room for less");
}

/// An image, and a variant that draws it five times.
async fn marked(app: &TestApp) -> String {
    let id = app.uploaded(&[]).await;
    let draw: Vec<_> = (0..5).map(|left| json!({"image": id, "left": left})).collect();
    let body = json!({"id": "marked", "options": {"draw": draw}});
    app.call(Method::POST, "~/v1/variants", Some(body)).await.result();
    id
}

#[tokio::test]
async fn what_changes_while_a_picture_is_made_counts() {
    // Workers that start only while a file is there hold a picture up for as long as it takes.
    let folder = tempfile::tempdir().expect("a folder");
    let (held, go) = (folder.path().join("held"), folder.path().join("go"));
    let program = env!("CARGO_BIN_EXE_safelight");
    let script = format!(
        "#!/bin/sh\nwhile [ ! -e '{}' ]; do sleep 0.02; done\nexec '{program}' \"$@\"\n",
        go.display()
    );
    std::fs::write(&held, script).expect("a script");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&held, executable).expect("an executable");
    std::fs::write(&go, "").expect("a file");
    let app = TestApp::with(|config| config.render.program = held).await;
    let id = app.uploaded(&[]).await;
    let path = format!("~/v1/{id}");
    for (change, accept, status) in [(Method::PATCH, "*/*", 403), (Method::DELETE, "image/webp", 404)] {
        std::fs::remove_file(&go).expect("it is there");
        let before = app.app.renderer.worker_pids();
        for pid in &before {
            let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
            assert!(killed.is_ok_and(|status| status.success()));
            // A zombie has closed its end of the socket, so its driver gives it no job any more.
            let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            while stat().rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z')) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
        let target = app.target(&id, "public");
        let link = if status == 403 { target } else { app.signed(&target, None) };
        let change = async {
            // A new worker is started for the picture, so the decision in its favour has been made.
            while app.app.renderer.worker_pids() == before || app.app.renderer.worker_pids().is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            app.call(change, &path, Some(json!({"requireSignedURLs": true}))).await.result();
            std::fs::write(&go, "").expect("a file");
        };
        let headers = [("accept", accept)];
        let both = async { tokio::join!(app.fetch(Method::GET, &link, &headers), change) };
        let both = tokio::time::timeout(std::time::Duration::from_secs(20), both).await;
        let (answer, ()) = both.expect("a new worker is started for the picture");
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

#[tokio::test]
async fn pictures_that_skip_the_routes_are_answered_like_all_others() {
    let app = TestApp::new().await;
    let routes = safelight::http::router(std::sync::Arc::clone(&app.app));
    let target = app.target(&app.private_image().await, "public");
    let link = app.signed(&target, Some(NOW + 1000));
    // Before, Cf-Resized would tell one answer that it was made and the next that it was stored.
    let etag = app.get_stored(&link).await.header("etag").expect("an ETag").to_owned();
    let cases = [
        (Method::GET, link.as_str(), ("accept", "*/*")),
        (Method::GET, link.as_str(), ("range", "bytes=1-5")),
        (Method::GET, link.as_str(), ("range", "bytes=99999-")),
        (Method::GET, link.as_str(), ("if-none-match", etag.as_str())),
        (Method::HEAD, link.as_str(), ("range", "bytes=1-5")),
        (Method::GET, target.as_str(), ("accept", "*/*")),
        (Method::HEAD, target.as_str(), ("accept", "*/*")),
        (Method::POST, link.as_str(), ("accept", "*/*")),
        (Method::OPTIONS, target.as_str(), ("accept", "*/*")),
    ];
    for (method, target, header) in cases {
        let ours = app.fetch(method.clone(), target, &[header]).await;
        let request = http::Request::builder().method(&method).uri(target).header(header.0, header.1);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let (theirs, body) = routes.clone().oneshot(request).await.expect("an answer").into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        assert_eq!((ours.status, &ours.body), (theirs.status, &body), "{method} {target} {header:?}");
        let told = |headers: &http::HeaderMap| {
            let told = headers
                .iter()
                .filter(|(name, _)| !["x-request-id", "content-length"].contains(&name.as_str()));
            let mut told: Vec<_> = told.map(|(name, value)| (name.to_string(), value.clone())).collect();
            told.sort();
            told
        };
        assert_eq!(told(&ours.headers), told(&theirs.headers), "{method} {target} {header:?}");
        assert!(ours.headers.contains_key("x-request-id"));
        // Where it is missing hyper writes it, but not without a body.
        let length = if method == Method::HEAD { theirs.headers.get("content-length") } else { None };
        assert!(length.is_none() || ours.headers.get("content-length") == length);
    }
}

#[tokio::test]
async fn a_lost_rendition_is_made_again() {
    let app = TestApp::with(|config| config.rendition_memory_bytes = 0).await;
    let target = app.target(&app.uploaded(&[]).await, "public");
    let first = app.get(&target).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    std::fs::remove_dir_all(app.app.config.data.join("blobs/rendition")).expect("there are some");
    let again = app.get(&target).await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, first.header("etag")));
}

fn walk(folder: &std::path::Path) -> usize {
    // The rendition is stored just after the answers, so it may take a moment.
    for _ in 0..100 {
        let mut files = 0;
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() { folders.push(entry.path()) } else { files += 1 }
            }
        }
        if files > 0 {
            return files;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    0
}
