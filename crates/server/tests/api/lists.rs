//! Both lists, with paging and the creator filter.

use crate::test_app::TestApp;
use http::Method;
use serde_json::Value;
use std::collections::BTreeSet;

fn ids(result: &Value) -> Vec<String> {
    let images = result["images"].as_array().expect("a list");
    images.iter().map(|image| image["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn v2_shows_each_image_once_in_order() {
    let app = TestApp::with_passing_time().await;
    let mut uploaded = Vec::new();
    for n in 0..23 {
        uploaded.push(app.uploaded(&[("id", &format!("n{n}"))]).await);
    }
    for order in ["asc", "desc"] {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let path = format!("~/v2?per_page=10&sort_order={order}&continuation_token={token}");
            let page = app.call(Method::GET, &path, None).await.result();
            seen.extend(ids(&page));
            match page["continuation_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
            // Uploaded while paging: it may appear or not, and must not move the others.
            app.uploaded(&[]).await;
        }
        let mut expected = uploaded.clone();
        if order == "desc" {
            expected.reverse();
        }
        seen.retain(|id| uploaded.contains(id));
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn v1_pages_newest_first_until_an_empty_page() {
    let app = TestApp::with_passing_time().await;
    for n in 0..12 {
        app.uploaded(&[("id", &format!("n{n}"))]).await;
    }
    let page = |n: u32| format!("~/v1?page={n}&per_page=10");
    let first = ids(&app.call(Method::GET, &page(1), None).await.result());
    let second = ids(&app.call(Method::GET, &page(2), None).await.result());
    assert_eq!((first.len(), first[0].as_str()), (10, "n11"));
    assert_eq!(second, ["n1", "n0"]);
    assert_eq!(ids(&app.call(Method::GET, &page(3), None).await.result()), [""; 0]);
}

#[tokio::test]
async fn the_creator_filter() {
    let app = TestApp::new().await;
    app.uploaded(&[("id", "a"), ("creator", "x&y")]).await;
    app.uploaded(&[("id", "b")]).await;
    for (query, expected) in
        [("creator=x%26y", vec!["a"]), ("creator=", vec!["b"]), ("creator=z", vec![]), ("", vec!["a", "b"])]
    {
        for list in ["v1", "v2"] {
            let result = app.call(Method::GET, &format!("~/{list}?{query}"), None).await.result();
            let seen: BTreeSet<String> = ids(&result).into_iter().collect();
            assert_eq!(seen, expected.iter().map(|id| (*id).to_owned()).collect(), "{query}");
        }
    }
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let app = TestApp::new().await;
    for query in [
        "v1?per_page=9",
        "v1?per_page=10001",
        "v1?per_page=x",
        "v1?page=0",
        "v2?sort_order=up",
        "v2?continuation_token=%21",
        "v2?continuation_token=YWJj",
        "v1?meta.a[eq]=1",
        "v1?meta[a]=1",
    ] {
        let text = app.call(Method::GET, &format!("~/{query}"), None).await.refused(400, 5400);
        let name = query.split(['?', '=', '.', '[']).nth(1).expect("a name");
        assert!(text.contains(name) || text.contains("metadata"), "{query}: {text}");
    }
}
