//! The program itself on a store: what it stores there, and what it does without its cache.

use crate::conformance::noise;
use crate::radosgw::{config, radosgw};
use crate::server::{ACCOUNT, HASH, Server, free_address, serve, signed};
use futures_util::TryStreamExt;
use safelight::blobs::{BlobKey, Blobs, Stored};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub(crate) const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

/// A server on a store, with these flags.
pub(crate) fn start(data: &Path, variables: &BTreeMap<String, String>, flags: &[&str]) -> Server {
    let address = free_address();
    let mut command = serve(data, &address);
    command.args(flags).envs(variables).stderr(Stdio::inherit()).args(["--log-level", "error"]);
    Server::spawn(command, &address)
}

/// The images' paths of the management API.
pub(crate) fn images() -> String {
    format!("/client/v4/accounts/{ACCOUNT}/images/v1")
}

/// A PNG of noise, so that no two are alike; about three bytes for each pixel.
pub(crate) fn picture(side: u32, seed: u64) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::NoCompression);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&noise((side * side * 3) as usize, seed)).expect("pixels");
    writer.finish().expect("an end");
    file
}

/// What of each kind is in the store: originals, levels, renditions.
fn counts(variables: &BTreeMap<String, String>) -> [usize; 3] {
    let config = safelight::config::S3Config { cache_bytes: 0, ..config(variables) };
    let blobs = Blobs::open_s3(&config, PathBuf::new()).expect("opens");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stored: Vec<Stored> = runtime.block_on(blobs.list().try_collect()).expect("lists");
    let mut counts = [0; 3];
    for Stored { key, .. } in stored {
        counts[match key {
            BlobKey::Original(_) => 0,
            BlobKey::Level { .. } => 1,
            BlobKey::Rendition { .. } => 2,
        }] += 1;
    }
    counts
}

pub(crate) fn wait_for(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn images_live_in_the_store_and_outlive_the_cache() {
    let Some(radosgw) = radosgw() else { return };
    let (data, variables) = (tempfile::tempdir().expect("a folder"), radosgw.place());
    let mut server = start(data.path(), &variables, &[]);
    let id = server.upload(SAMPLE, &[("requireSignedURLs", "true")]);
    // In two parts.
    let large = picture(1_750, 1);
    assert!(large.len() > 8 << 20, "{} bytes", large.len());
    let large_id = server.upload(&large, &[]);
    let path = format!("/{HASH}/{id}/public");
    assert_eq!(server.get(&path).status, 403);
    assert_eq!(server.get(&signed(&path)).status, 200);
    let thumb = br#"{"id":"thumb","options":{"width":100}}"#;
    assert_eq!(server.send("POST", &format!("{}/variants", images()), "application/json", thumb).status, 200);
    assert_eq!(server.get(&format!("/{HASH}/{large_id}/thumb")).status, 200);
    wait_for("storing", || {
        let [originals, levels, renditions] = counts(&variables);
        originals == 2 && levels >= 2 && renditions >= 2
    });
    assert!(!data.path().join("blobs").exists(), "nothing is in files");
    assert!(data.path().join("cache").exists());
    server.signal("-TERM");
    assert!(server.process.wait().expect("it ends").success());
    drop(server);

    let elsewhere = serve(data.path(), &free_address()).stderr(Stdio::piped()).output().expect("it ends");
    let said = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(!elsewhere.status.success() && said.contains(&variables["SAFELIGHT_STORE"]), "{said}");

    std::fs::remove_dir_all(data.path().join("cache")).expect("is there");
    let server = start(data.path(), &variables, &[]);
    assert_eq!(server.get(&signed(&path)).status, 200);
    assert_eq!(server.get(&format!("/{HASH}/{id}/thumb")).status, 403);
    assert_eq!(server.get(&signed(&format!("/{HASH}/{id}/thumb"))).status, 200);
    for (id, original) in [(&id, SAMPLE), (&large_id, &large)] {
        assert!(server.get(&format!("{}/{id}/blob", images())).body == original, "{id} is whole");
    }
    for id in [&id, &large_id] {
        assert_eq!(server.send("DELETE", &format!("{}/{id}", images()), "text/plain", b"").status, 200);
        assert_eq!(server.get(&signed(&format!("/{HASH}/{id}/public"))).status, 404);
    }
    wait_for("deleting", || counts(&variables) == [0; 3]);
}

#[test]
fn a_killed_server_keeps_every_acknowledged_image_in_the_store() {
    let Some(radosgw) = radosgw() else { return };
    let (data, variables) = (tempfile::tempdir().expect("a folder"), radosgw.place());
    let flags = ["--levels", "off", "--refine", "off"];
    let server = start(data.path(), &variables, &flags);
    let (acknowledged, next) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    // One in five has parts.
    let original = |n: usize| picture(if n.is_multiple_of(5) { 1_750 } else { 64 }, n as u64);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    let Some(answer) = server.try_upload(&original(n), &[("id", &format!("u{n}"))]) else {
                        return;
                    };
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    let mut acknowledged = acknowledged.lock().expect("unpoisoned");
                    acknowledged.push(n);
                    if acknowledged.len() == 20 {
                        server.signal("-KILL");
                    }
                }
            });
        }
    });
    drop(server);
    let acknowledged = acknowledged.into_inner().expect("unpoisoned");
    assert!(acknowledged.len() >= 20);
    std::fs::remove_dir_all(data.path().join("cache")).expect("is there");
    let server = start(data.path(), &variables, &flags);
    for n in acknowledged {
        let blob = server.get(&format!("{}/u{n}/blob", images()));
        assert!(blob.status == 200 && blob.body == original(n), "u{n} is whole");
        assert_eq!(server.get(&format!("/{HASH}/u{n}/public")).status, 200);
    }
    let list = server.get(&format!("{}?per_page=1000", images())).json();
    for image in list["result"]["images"].as_array().expect("a list") {
        let id = image["id"].as_str().expect("an id");
        let n = id.trim_start_matches('u').parse().expect("a number");
        assert!(server.get(&format!("{}/{id}/blob", images())).body == original(n), "{id} is whole");
    }
}
