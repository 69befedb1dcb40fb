//! A store that is gone, slow, full or broken: nothing acknowledged is lost, nothing half-written is served, every
//! answer comes in bounded time, and what is kept here is served on, with its signature alone.

use crate::conformance::{granted, noise, put, streamed, written};
use crate::proxy::{Mode, Proxy};
use crate::radosgw::{Radosgw, config, radosgw};
use crate::server::{Answer, HASH, Server, signed};
use crate::whole::{SAMPLE, images, picture, start, wait_for};
use safelight::blobs::Blobs;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing is made twice, and the cache on disk is asked, not memory.
const FLAGS: [&str; 6] = ["--refine", "off", "--levels", "off", "--rendition-memory-bytes", "0"];

/// In which every answer comes, whatever the store does.
const BOUND: Duration = Duration::from_secs(29);

struct World {
    proxy: Proxy,
    variables: BTreeMap<String, String>,
    data: TempDir,
    server: Server,
}

impl World {
    fn new(radosgw: &Radosgw) -> World {
        let proxy = Proxy::before(&radosgw.variables["AWS_ENDPOINT_URL"]);
        let (data, variables) = (tempfile::tempdir().expect("a folder"), radosgw.place_at(&proxy.endpoint));
        let server = start(data.path(), &variables, &FLAGS);
        World { proxy, variables, data, server }
    }

    /// A private image whose picture is kept here, and what it is.
    fn kept(&self) -> (String, Vec<u8>) {
        let id = self.server.upload(SAMPLE, &[("requireSignedURLs", "true")]);
        let path = format!("/{HASH}/{id}/public");
        let shown = self.stored(&signed(&path));
        (path, shown.body)
    }

    /// The answer from a stored picture. One that was just made is put into the store after its answer, and counted
    /// among the requests then.
    fn stored(&self, target: &str) -> Answer {
        wait_for("storing", || {
            let answer = self.server.get(target);
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.is_stored()
        });
        self.server.get(target)
    }

    /// The status of an answer that comes in time.
    fn status(&self, target: &str) -> u16 {
        let began = Instant::now();
        let status = self.server.try_get(target).expect("an answer").status;
        assert!(began.elapsed() < BOUND, "{target}: {:?}", began.elapsed());
        status
    }

    fn upload_status(&self, file: &[u8], id: &str) -> u16 {
        let began = Instant::now();
        let status = self.server.try_upload(file, &[("id", id)]).expect("an answer").status;
        assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
        status
    }

    fn without_cache(self) -> World {
        let World { proxy, variables, data, server } = self;
        drop(server);
        std::fs::remove_dir_all(data.path().join("cache")).expect("is there");
        let server = start(data.path(), &variables, &FLAGS);
        World { proxy, variables, data, server }
    }
}

#[test]
fn a_store_that_is_gone_or_hangs_costs_what_is_not_kept_and_nothing_more() {
    let Some(radosgw) = radosgw() else { return };
    let world = World::new(radosgw);
    let lost = world.server.upload(&picture(300, 1), &[("id", "away")]);
    let world = world.without_cache();
    let (path, shown) = world.kept();
    for (number, mode) in [Mode::Gone, Mode::Hangs].into_iter().enumerate() {
        world.proxy.set(mode);
        let before = world.proxy.requests();
        let again = world.server.get(&signed(&path));
        assert!(again.status == 200 && again.body == shown, "{mode:?}: {}", again.text());
        assert_eq!(world.status(&path), 403, "{mode:?}");
        assert_eq!(world.status(&format!("{path}?sig={}", "0".repeat(64))), 403, "{mode:?}");
        assert_eq!(world.proxy.requests(), before, "what is kept asks for nothing");
        assert!(matches!(world.status(&format!("/{HASH}/{lost}/public")), 500 | 503), "{mode:?}");
        assert!(matches!(world.status(&format!("{}/{lost}/blob", images())), 500 | 503), "{mode:?}");
        let id = format!("refused{number}");
        assert_eq!(world.upload_status(SAMPLE, &id), 500, "{mode:?}");
        assert_eq!(world.server.get(&format!("{}/{id}", images())).status, 404, "{mode:?}");
        world.proxy.set(Mode::Works);
        assert_eq!(world.upload_status(SAMPLE, &id), 200, "{mode:?} is over");
        world.stored(&format!("/{HASH}/{id}/public"));
    }
    assert_eq!(world.status(&format!("/{HASH}/{lost}/public")), 200);
}

#[test]
fn a_store_that_takes_nothing_refuses_uploads_and_shows_pictures() {
    let Some(radosgw) = radosgw() else { return };
    let world = World::new(radosgw);
    let (path, shown) = world.kept();
    for (number, mode) in [Mode::Full, Mode::Denied].into_iter().enumerate() {
        world.proxy.set(mode);
        for (side, id) in [(64, format!("small{number}")), (1_750, format!("large{number}"))] {
            let file = picture(side, 9);
            assert_eq!(world.upload_status(&file, &id), 500, "{mode:?}");
            assert_eq!(world.server.get(&format!("{}/{id}", images())).status, 404, "{mode:?}");
        }
        assert_eq!(world.server.get(&signed(&path)).body, shown);
        // It is answered before it is stored.
        let other = format!("/{HASH}/{}/w={}", path.split('/').nth(2).expect("an id"), 100 + number);
        let config = format!("{}/config", images());
        world.server.send("PATCH", &config, "application/json", br#"{"flexible_variants":true}"#);
        assert_eq!(world.status(&signed(&other)), 200, "{mode:?}");
        world.proxy.set(Mode::Works);
        assert_eq!(world.upload_status(&picture(1_750, 9), &format!("large{number}")), 200);
    }
    let world = world.without_cache();
    for id in ["large0", "large1"] {
        assert!(world.server.get(&format!("{}/{id}/blob", images())).body == picture(1_750, 9), "{id}");
    }
}

#[test]
fn one_request_in_ten_that_fails_is_not_seen() {
    let Some(radosgw) = radosgw() else { return };
    let world = World::new(radosgw);
    world.proxy.set(Mode::OneInTenFails);
    let side = |n: u64| if n.is_multiple_of(8) { 1_750 } else { 64 };
    for n in 0..24 {
        assert_eq!(world.upload_status(&picture(side(n), n), &format!("u{n}")), 200, "u{n}");
    }
    let world = world.without_cache();
    for n in 0..24 {
        assert!(
            world.server.get(&format!("{}/u{n}/blob", images())).body == picture(side(n), n),
            "u{n} is whole"
        );
        assert_eq!(world.status(&format!("/{HASH}/u{n}/public")), 200, "u{n}");
    }
    assert!(world.proxy.requests() > 100);
}

/// By `Blobs` itself: a client of the program sees at most that its download breaks off.
#[test]
fn an_answer_that_breaks_off_is_taken_up_where_it_was() {
    let Some(radosgw) = radosgw() else { return };
    let proxy = Proxy::before(&radosgw.variables["AWS_ENDPOINT_URL"]);
    let config = safelight::config::S3Config { cache_bytes: 0, ..config(&radosgw.place_at(&proxy.endpoint)) };
    let blobs = Blobs::open_s3(&config, PathBuf::new()).expect("opens");
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let bytes = noise(3_000_000, 5);
        put(&blobs, 1, &bytes).await.expect("stored");
        proxy.set(Mode::Breaks);
        for _ in 0..4 {
            assert!(streamed(&blobs, 1).await.expect("is there") == bytes);
            let unread = blobs.unread_original(&granted(1)).await.expect("is there");
            assert!(written(unread).await.expect("is there") == bytes);
        }
        proxy.set(Mode::Works);
        let unread = blobs.unread_original(&granted(1)).await.expect("is there");
        proxy.set(Mode::Gone);
        let error = written(unread).await.expect_err("is gone");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
    });
}
