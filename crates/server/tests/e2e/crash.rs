//! SIGKILL in the middle of uploads, and what reaches the disk before an answer does.

use crate::server::{ACCOUNT, HASH, Server};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const UPLOADS: usize = 300;
const CLIENTS: usize = 8;

/// A PNG whose pixels tell which upload it was.
fn numbered_png(n: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 64, 64);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    let mut seed = n as u64 + 1;
    let noise = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    });
    writer.write_image_data(&noise.take(64 * 64 * 3).collect::<Vec<_>>()).expect("pixels");
    writer.finish().expect("an end");
    file
}

#[test]
fn a_killed_server_keeps_every_acknowledged_image_and_nothing_half_written() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path());
    let acknowledged = Mutex::new(BTreeMap::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    let id = format!("upload{n}");
                    match server.try_upload(&numbered_png(n), &[("id", &id)]) {
                        Some(answer) if n < UPLOADS => {
                            assert_eq!(answer.status, 200, "{}", answer.text());
                            let mut acknowledged = acknowledged.lock().expect("unpoisoned");
                            acknowledged.insert(id, n);
                            if acknowledged.len() == UPLOADS / 2 {
                                server.signal("-KILL");
                            }
                        }
                        _ => return,
                    }
                }
            });
        }
    });
    drop(server);
    let acknowledged = acknowledged.into_inner().expect("unpoisoned");
    assert!(acknowledged.len() >= UPLOADS / 2 && acknowledged.len() < UPLOADS, "{}", acknowledged.len());

    let server = Server::start(data.path());
    for (id, n) in &acknowledged {
        let blob = server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1/{id}/blob"));
        assert_eq!(blob.status, 200, "{id} was acknowledged");
        assert_eq!(blob.body, numbered_png(*n), "{id} is whole");
        assert_eq!(server.get(&format!("/{HASH}/{id}/public")).status, 200);
    }
    let list = server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1?per_page=10000")).json();
    let listed = list["result"]["images"].as_array().expect("a list");
    for image in listed {
        // Not acknowledged in time, yet whole: the answer was lost, not the image.
        let id = image["id"].as_str().expect("an id");
        let n: usize = id.trim_start_matches("upload").parse().expect("a number");
        let blob = server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1/{id}/blob"));
        assert_eq!(blob.body, numbered_png(n), "{id}");
    }
    let stats = server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1/stats")).json();
    assert_eq!(stats["result"]["count"]["current"], Value::from(listed.len()));
    assert_eq!(files(&data.path().join("staging")), 0, "what was half received is gone");
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}
