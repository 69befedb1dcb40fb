//! What clients are told when a worker process fails, and what operators see of it.

use crate::test_app::{Answer, TestApp, png};
use http::Method;
use serde_json::json;
use std::time::Duration;

/// A grey PNG of so many pixels a side, all black.
fn large(side: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::GrayscaleAlpha);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&vec![0; 2 * (side * side) as usize]).expect("pixels");
    writer.finish().expect("finished");
    file
}

/// Stops the app's one worker process, which is started if need be.
async fn stop_worker(app: &TestApp) -> u32 {
    app.app.renderer.check().await.expect("a worker");
    let pids = app.app.renderer.worker_pids();
    let [pid] = pids[..] else { panic!("{pids:?}") };
    let process = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a number");
    rustix::process::kill_process(process, rustix::process::Signal::STOP).expect("stopped");
    pid
}

async fn metrics(app: &TestApp) -> Answer {
    app.call(Method::GET, "/metrics", None).await
}

#[tokio::test]
async fn a_picture_that_kills_its_worker_is_undecodable_and_others_are_served() {
    let app = TestApp::with(|config| config.render.memory = 128 << 20).await;
    let good = app.target(&app.uploaded(&[]).await, "public");
    // 36 megapixels of 6 bytes each while they are decoded.
    let id = app.upload(&large(6000), &[]).await.result()["id"].as_str().expect("an id").to_owned();
    app.get(&app.target(&id, "public")).await.error(422, 9516);
    assert_eq!(app.get(&good).await.status, 200);
    let text = metrics(&app).await.text();
    assert!(text.contains("\nsafelight_render_worker_ends_total{cause=\"signal\"} 1\n"), "{text}");
    assert!(text.contains("\nsafelight_render_worker_starts_total 2\n"), "{text}");
}

#[tokio::test]
async fn a_picture_that_takes_too_long_is_a_timeout_and_others_are_served() {
    let app = TestApp::with(|config| config.render.timeout = Duration::from_secs(2)).await;
    let target = app.target(&app.uploaded(&[]).await, "public");
    let pid = stop_worker(&app).await;
    app.get(&target).await.error(504, 9522);
    assert_eq!(app.get(&target).await.status, 200);
    assert_ne!(app.app.renderer.worker_pids(), [pid]);
    stop_worker(&app).await;
    app.upload(&png(1, 1, [0; 4]), &[]).await.refused(400, 9422);
    app.uploaded(&[]).await;
    let text = metrics(&app).await.text();
    assert!(text.contains("\nsafelight_render_worker_ends_total{cause=\"timeout\"} 2\n"), "{text}");
}

#[tokio::test]
async fn metrics_are_for_instance_admins() {
    let app = TestApp::new().await;
    app.uploaded(&[]).await;
    app.fetch(Method::GET, "/metrics", &[]).await.refused(401, 10000);
    let second = app.call(Method::POST, "/safelight/v1/accounts", Some(json!({"name": "second"}))).await;
    let member = second.result()["token"].as_str().expect("a token").to_owned();
    app.call_as(&member, Method::GET, "/metrics", None).await.refused(403, 10000);
    let answer = metrics(&app).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // The sign of life at the start and the probe of the upload.
    for line in [
        "# TYPE safelight_render_jobs_total counter",
        "safelight_render_jobs_total 2",
        "safelight_render_busy_total 0",
        "safelight_render_worker_starts_total 1",
        "safelight_render_worker_ends_total{cause=\"retired\"} 0",
        "safelight_render_waiting 0",
        "safelight_render_workers 1",
    ] {
        assert!(answer.text().lines().any(|found| found == line), "{line}: {}", answer.text());
    }
}
