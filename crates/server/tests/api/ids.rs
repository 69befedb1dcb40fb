//! Custom ids through upload, management and delivery.

use crate::test_app::{TestApp, png};
use http::Method;
use serde_json::json;

/// Every byte but the plainest as `%XX`, as `encodeURIComponent` and its kin do.
fn encoded(id: &str) -> String {
    id.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[tokio::test]
async fn any_utf_8_names_an_image_everywhere() {
    let app = TestApp::new().await;
    let longest = "\u{1F5BC}".repeat(1024);
    for id in [
        "a b",
        "a+b&c=d?e#f",
        "100%25",
        "%2F",
        "\"<'>\"",
        "back\\slash",
        "a;b,c:d@e!$*()~",
        "e\u{301}",
        "\u{202E}rtl",
        "Keys",
        "a/keys",
        "blob",
        "photo.JPEG",
        "v1.2.3",
        longest.as_str(),
    ] {
        let image = app.upload(&png(1, 1, [0; 4]), &[("id", id)]).await.result();
        assert_eq!(image["id"], id);
        let path = format!("~/v1/{}", encoded(id));
        assert_eq!(app.call(Method::GET, &path, None).await.result(), image, "{id}");
        assert_eq!(app.call(Method::GET, &format!("{path}/blob"), None).await.status, 200, "{id}");
        let body = json!({"metadata": {"k": "v"}});
        let patched = app.call(Method::PATCH, &path, Some(body)).await.result();
        assert_eq!((&patched["id"], &patched["meta"]), (&json!(id), &json!({"k": "v"})), "{id}");
        let url = image["variants"][0].as_str().expect("a URL").replace("https://images.example", "");
        assert_eq!(app.get(&url).await.status, 200, "{id}");
        assert_eq!(app.get(&app.target(&encoded(id), "public")).await.status, 200, "{id}");
        assert_eq!(app.call(Method::DELETE, &path, None).await.result(), json!({}), "{id}");
        app.call(Method::GET, &path, None).await.refused(404, 5404);
    }
}

#[tokio::test]
async fn refused_ids_have_the_texts_of_the_reference() {
    let app = TestApp::new().await;
    let long = "x".repeat(1025);
    for (id, reason) in [
        ("2cdc28f0-017a-49c4-9ed7-87056c839010", "Must not be UUID"),
        ("2CDC28F0-017A-49C4-9ED7-87056C839010", "Must not be UUID"),
        ("notes.txt", "Must not use a non-image file name extension"),
        ("a/b.BMP", "Must not use a non-image file name extension"),
        ("index.html", "Must not use a non-image file name extension"),
        (long.as_str(), "Must have 1 to 1024 characters"),
        ("/a", "Must not start or end with '/' or contain an empty segment"),
        ("a/", "Must not start or end with '/' or contain an empty segment"),
        ("a//b", "Must not start or end with '/' or contain an empty segment"),
        ("a/../b", "Must not have '.' or '..' as a segment, since browsers cannot request it"),
        ("a\tb", "Must not contain control characters"),
        ("a/blob", "Must not end with '/blob'"),
    ] {
        let text = app.upload(&png(1, 1, [0; 4]), &[("id", id)]).await.refused(400, 5411);
        let expected = "The Custom ID is invalid. Custom IDs can include 1024 characters or less, any number of \
                        subpaths, and support the UTF-8 encoding standard for characters. Enter a new Custom ID \
                        and try again: ";
        assert_eq!(text, format!("{expected}{reason}"), "{id}");
    }
    for word in ["keys", "variants", "stats", "config", "batch_token", "direct_upload"] {
        for id in [word.to_owned(), format!("{word}/a")] {
            let text = app.upload(&png(1, 1, [0; 4]), &[("id", &id)]).await.refused(400, 5411);
            assert!(text.contains("First segment must not be one of") && text.contains(word), "{text}");
        }
    }
    let stats = app.call(Method::GET, "~/v1/stats", None).await.result();
    assert_eq!(stats["count"]["current"], 0);
    let empty = app.upload(&png(1, 1, [0; 4]), &[("id", "")]).await.result();
    assert_eq!(empty["id"].as_str().map(str::len), Some(36), "no id makes one");
}

#[tokio::test]
async fn ids_in_paths_that_name_nothing() {
    let app = TestApp::new().await;
    app.uploaded(&[("id", "a/b")]).await;
    for path in ["A/b", "a%252Fb", "a", "a/b/", "a//b", "%2Fa%2Fb", "key%73", "b"] {
        app.call(Method::GET, &format!("~/v1/{path}"), None).await.refused(404, 5404);
    }
    for path in ["%", "%zz", "%FF"] {
        app.call(Method::GET, &format!("~/v1/{path}"), None).await.refused(400, 5400);
    }
}
