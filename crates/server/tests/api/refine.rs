//! The first answer is quick, and a better one takes its place in the background.

use crate::test_app::{Answer, TestApp};
use http::{Method, StatusCode};
use safelight::config::Refine;
use safelight::deliver;
use safelight_domain::first_answer::FirstAnswerBudget;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");
const SETTLED: &str = "public, max-age=172800, stale-while-revalidate=7200";
const PROVISIONAL: &str = "public, max-age=60";

async fn refining(budget: Duration) -> TestApp {
    TestApp::with(|config| config.refine = Refine::On(FirstAnswerBudget::new(budget))).await
}

async fn sample(app: &TestApp) -> String {
    let answer = app.upload(SAMPLE, &[]).await;
    answer.result()["id"].as_str().expect("an id").to_owned()
}

async fn get(app: &TestApp, target: &str, accept: &str) -> Answer {
    app.fetch(Method::GET, target, &[("accept", accept)]).await
}

fn cache_control(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.header("cache-control").expect("always there")
}

/// Works in the background from now on.
fn start(app: &TestApp) {
    tokio::spawn(deliver::refine(Arc::clone(&app.app), std::future::pending()));
}

/// The answer once it is settled.
async fn settled(app: &TestApp, target: &str, accept: &str) -> Answer {
    loop {
        let answer = get(app, target, accept).await;
        if cache_control(&answer) == SETTLED {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn renditions(app: &TestApp) -> u64 {
    let path = format!("/safelight/v1/accounts/{}/storage", app.account.id.as_str());
    let storage = app.call(Method::GET, &path, None).await.result();
    storage["renditions"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_better_rendition_takes_the_place_of_the_first() {
    let app = refining(Duration::from_secs(60)).await;
    let target = app.target(&sample(&app).await, "public");
    let first = get(&app, &target, "*/*").await;
    assert_eq!(cache_control(&first), PROVISIONAL);
    let again = get(&app, &target, "*/*").await;
    assert_eq!((cache_control(&again), again.header("etag")), (PROVISIONAL, first.header("etag")));

    start(&app);
    let better = settled(&app, &target, "*/*").await;
    assert_eq!(better.header("content-type"), Some("image/jpeg"));
    assert!(better.body.len() < first.body.len(), "{} and {}", better.body.len(), first.body.len());
    assert_ne!(better.header("etag"), first.header("etag"));
    assert_eq!(renditions(&app).await, 1);

    let conditional = |etag: &Answer| {
        let etag = etag.header("etag").expect("always there").to_owned();
        let (app, target) = (&app, &target);
        async move {
            let headers = [("accept", "*/*"), ("if-none-match", etag.as_str())];
            app.fetch(Method::GET, target, &headers).await.status.as_u16()
        }
    };
    assert_eq!(conditional(&first).await, 200);
    assert_eq!(conditional(&better).await, 304);
}

#[tokio::test]
async fn a_format_that_takes_too_long_joins_when_it_is_there() {
    let app = refining(Duration::ZERO).await;
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    let target = app.target(&sample(&app).await, "w=300");
    let first = get(&app, &target, "image/avif,image/webp").await;
    assert_eq!((cache_control(&first), first.header("content-type")), (PROVISIONAL, Some("image/jpeg")));
    start(&app);
    let best = settled(&app, &target, "image/avif,image/webp").await;
    assert_eq!(best.header("content-type"), Some("image/avif"));
    let next = settled(&app, &target, "image/webp").await;
    assert_eq!(next.header("content-type"), Some("image/webp"));
    assert_eq!(next.header("vary"), Some("Accept"));
}

#[tokio::test]
async fn what_is_asked_for_by_name_is_never_passed_over() {
    let app = refining(Duration::ZERO).await;
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    let id = sample(&app).await;
    let answer = get(&app, &app.target(&id, "w=40,format=avif"), "*/*").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("image/avif")));
}

#[tokio::test]
async fn without_refining_the_first_answer_is_the_only_one() {
    let app = TestApp::with(|config| config.refine = Refine::Off).await;
    let target = app.target(&sample(&app).await, "public");
    let answer = get(&app, &target, "image/webp").await;
    assert_eq!((cache_control(&answer), answer.header("content-type")), (SETTLED, Some("image/webp")));
}

#[tokio::test]
async fn a_private_answer_is_provisional_too() {
    let app = refining(Duration::from_secs(60)).await;
    let answer = app.upload(SAMPLE, &[("requireSignedURLs", "true")]).await;
    let id = answer.result()["id"].as_str().expect("an id").to_owned();
    let target = app.signed(&app.target(&id, "public"), None);
    assert_eq!(cache_control(&get(&app, &target, "image/webp").await), "private, max-age=60");
}

#[tokio::test]
async fn what_cannot_be_made_better_is_settled_as_it_is() {
    let app = refining(Duration::from_secs(60)).await;
    let id = sample(&app).await;
    let target = app.target(&id, "public");
    let first = get(&app, &target, "image/webp").await;
    assert_eq!(cache_control(&first), PROVISIONAL);
    // A worker that cannot read the original will not make it better.
    spoil_originals(&app);
    start(&app);
    let same = settled(&app, &target, "image/webp").await;
    assert_eq!(same.header("etag"), first.header("etag"));
}

/// Writes something else over every original.
fn spoil_originals(app: &TestApp) {
    let mut folders = vec![app.app.config.data.join("blobs/original")];
    let mut spoilt = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                std::fs::write(path, b"no picture").expect("written");
                spoilt += 1;
            }
        }
    }
    assert_eq!(spoilt, 1);
}
