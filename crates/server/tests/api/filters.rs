//! The list v2 with filters by metadata.

use crate::test_app::{TestApp, png};
use http::Method;
use serde_json::{Value, json};

async fn list(app: &TestApp, query: &str) -> Vec<String> {
    let result = app.call(Method::GET, &format!("~/v2?sort_order=asc&{query}"), None).await.result();
    assert_eq!(result["continuation_token"], Value::Null, "{query}");
    let images = result["images"].as_array().expect("a list");
    images.iter().map(|image| image["id"].as_str().expect("an id").to_owned()).collect()
}

async fn upload(app: &TestApp, id: &str, creator: &str, metadata: &Value) {
    let fields = [("id", id), ("creator", creator), ("metadata", &metadata.to_string())];
    app.upload(&png(1, 1, [0; 4]), &fields).await.result();
}

async fn filled() -> TestApp {
    let app = TestApp::with_passing_time().await;
    let nested = |name: &str| json!({"status": "active", "region": {"name": name}, "rank": 7});
    upload(&app, "a", "x", &json!({"status": "active", "rank": 5, "hot": true, "ratio": 0.1})).await;
    upload(&app, "b", "y", &json!({"status": "deleted", "rank": "5", "hot": "true"})).await;
    upload(&app, "c", "x", &nested("eu-west")).await;
    upload(&app, "d", "x", &nested("us")).await;
    upload(&app, "e", "y", &json!({"a": {"b": {"c": {"d": {"e": "deep"}}}}, "list": [5], "t": "a|b"})).await;
    app
}

#[tokio::test]
async fn every_operator_and_type() {
    let app = filled().await;
    for (query, expected) in [
        ("meta.status[eq]=active", "acd"),
        ("meta.status=active", "acd"),
        ("meta.status%5Beq%5D=active", "acd"),
        ("meta.status%5Beq%3Astring%5D=active", "acd"),
        ("meta.status[eq]=Active", ""),
        ("meta.status[in]=deleted%7Cactive", "abcd"),
        ("meta.status%5Bin%5D=deleted%7Cflagged", "b"),
        ("meta.rank[eq]=5", "b"),
        ("meta.rank[eq:number]=5", "a"),
        ("meta.rank[eq:number]=5.0", "a"),
        ("meta.rank[in:number]=4|5|7", "acd"),
        ("meta.rank[gt]=5", "cd"),
        ("meta.rank[gte:number]=5", "acd"),
        ("meta.rank[lt:number]=7", "a"),
        ("meta.rank[lte]=7", "acd"),
        ("meta.ratio[eq:number]=0.1", "a"),
        ("meta.hot[eq:boolean]=true", "a"),
        ("meta.hot[eq:boolean]=false", ""),
        ("meta.hot[eq]=true", "b"),
        ("meta.region.name[eq]=eu-west", "c"),
        ("meta.a.b.c.d.e[eq]=deep", "e"),
        ("meta.list[eq:number]=5", ""),
        ("meta.t[eq]=a|b", "e"),
        ("meta.region[eq]=us", ""),
        ("meta.nothing[eq]=x", ""),
    ] {
        assert_eq!(list(&app, query).await.concat(), expected, "{query}");
    }
}

#[tokio::test]
async fn filters_are_joined_by_and() {
    let app = filled().await;
    for (query, expected) in [
        ("meta.status[eq]=active&meta.rank[eq:number]=7", "cd"),
        ("meta.rank[gte]=5&meta.rank[lt]=7", "a"),
        ("meta.rank[eq:number]=5&meta.rank[lte:number]=3", ""),
        ("meta.status[eq]=active&creator=x", "acd"),
        ("meta.status[in]=active|deleted&creator=y", "b"),
        ("meta.status[eq]=active&creator=", ""),
        ("meta.status=active&meta.status=deleted", ""),
        ("meta.status=active&meta.rank[gt]=1&meta.rank[lt]=9&meta.region.name[in]=us|eu&creator=x", "d"),
    ] {
        assert_eq!(list(&app, query).await.concat(), expected, "{query}");
    }
}

#[tokio::test]
async fn pages_under_a_filter_show_each_image_once() {
    let app = TestApp::with_passing_time().await;
    for number in 0..25 {
        let metadata = json!({"odd": number % 2 == 1, "n": number});
        upload(&app, &format!("n{number}"), "x", &metadata).await;
    }
    for (query, expected) in
        [("meta.odd[eq:boolean]=false", 13), ("meta.n[gte]=2", 23), ("meta.n[lt]=10", 10)]
    {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("~/v2?per_page=10&{query}&continuation_token={token}");
            let page = app.call(Method::GET, &path, None).await.result();
            let images = page["images"].as_array().expect("a list");
            assert!(images.len() <= 10);
            seen.extend(images.iter().map(|image| image["meta"]["n"].as_u64().expect("a number")));
            match page["continuation_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen.len(), expected, "{query}");
        assert!(seen.is_sorted_by(|newer, older| newer > older), "{query}: {seen:?}");
    }
}

#[tokio::test]
async fn a_change_is_found_at_once_and_in_its_account_alone() {
    let app = filled().await;
    app.call(Method::PATCH, "~/v1/a", Some(json!({"metadata": {"status": "gone"}}))).await.result();
    assert_eq!(list(&app, "meta.status=active").await.concat(), "cd");
    assert_eq!(list(&app, "meta.rank[eq:number]=5").await.concat(), "");
    assert_eq!(list(&app, "meta.status=gone").await.concat(), "a");
    app.call(Method::DELETE, "~/v1/c", None).await.result();
    assert_eq!(list(&app, "meta.status=active").await.concat(), "d");

    let new = json!({"name": "second"});
    let second = app.call(Method::POST, "/safelight/v1/accounts", Some(new)).await.result();
    let path =
        format!("/client/v4/accounts/{}/images/v2?meta.status=active", second["id"].as_str().expect("an id"));
    let token = second["token"].as_str().expect("a token");
    let theirs = app.call_as(token, Method::GET, &path, None).await.result();
    assert_eq!(theirs, json!({"images": [], "continuation_token": null}));
}

#[tokio::test]
async fn refused_filters_have_the_texts_of_the_reference() {
    let app = TestApp::new().await;
    let list = "1|2|3|4|5|6|7|8|9|10|11";
    let key = "k".repeat(101);
    for (query, expected) in [
        ("meta.a[not-eq]=x".to_owned(), "Unsupported metadata filter operator: 'not-eq'"),
        ("meta.a[gt:string]=1".to_owned(), "Unsupported metadata filter operator: 'gt:string'"),
        (["meta.a=x"; 6].join("&"), "Too many metadata filters: 6 provided, maximum 5 allowed"),
        (
            format!("meta.a[in]={list}"),
            "Too many values in a metadata filter: 11 provided, maximum 10 allowed",
        ),
        (
            "meta.a.b.c.d.e.f=x".to_owned(),
            "Metadata filter nested too deep: 6 levels provided, maximum 5 allowed",
        ),
        (
            format!("meta.{key}=x"),
            "Metadata filter key too long: 101 characters provided, maximum 100 allowed",
        ),
        ("meta.a[gt]=x".to_owned(), "Invalid metadata filter value: the operator 'gt' needs numbers"),
        (
            "meta.a[eq:boolean]=1".to_owned(),
            "Invalid metadata filter value: the operator 'eq:boolean' needs true or false",
        ),
        (
            "meta[a][eq]=x".to_owned(),
            "Malformed metadata filter: expected meta.<field>[<operator>]=<value>, with dots between nested fields",
        ),
    ] {
        let text = app.call(Method::GET, &format!("~/v2?{query}"), None).await.refused(400, 5400);
        assert_eq!(text, expected, "{query}");
    }
}
