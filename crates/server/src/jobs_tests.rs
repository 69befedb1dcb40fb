use super::*;
use crate::blobs::tests::{granted, listed, new_store, put};
use crate::catalog::tests::{account, blob, image, two_accounts};
use safelight_domain::image::ImageId;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::oneshot;

struct World {
    folders: [tempfile::TempDir; 2],
    catalog: Catalog,
    blobs: Blobs,
    clock: Clock,
    now_ms: Arc<AtomicI64>,
}

async fn new_world() -> World {
    let (catalog_folder, catalog) = two_accounts().await;
    let (blob_folder, blobs) = new_store();
    let now_ms = Arc::new(AtomicI64::new(1_000));
    let told = Arc::clone(&now_ms);
    let clock = Clock::from_millis(move || told.load(Ordering::Relaxed));
    World { folders: [catalog_folder, blob_folder], catalog, blobs, clock, now_ms }
}

impl World {
    fn work(&self) -> Work<'_> {
        let limits = Limits { orphan_age: ORPHAN_AGE, rendition_bytes: 0 };
        Work { catalog: &self.catalog, blobs: &self.blobs, clock: &self.clock, limits }
    }

    async fn run_due_jobs(&self) {
        self.work().run_due_jobs(JobLine::Storage).await.expect("works");
    }

    async fn leases(&self, now_ms: i64) -> bool {
        self.catalog.lease_job(JobLine::Storage, now_ms, now_ms).await.expect("works").is_some()
    }
}

#[tokio::test]
async fn the_bytes_of_deleted_images_go_and_their_jobs_with_them() {
    let world = new_world().await;
    for number in 0..9 {
        put(&world.blobs, &blob(number), b"one").await;
        let id = format!("i{number}");
        world.catalog.insert_image(image('a', &id, blob(number), 1)).await.expect("new");
        if number > 0 {
            let id = ImageId::named(&id);
            assert!(world.catalog.delete_image(&account('a'), &id, 1_000).await.expect("works"));
        }
    }
    world.run_due_jobs().await;
    assert_eq!(listed(&world.blobs).await.len(), 1);
    assert_eq!(world.blobs.original(&granted(blob(0))).await.expect("is there"), "one");
    assert!(!world.leases(i64::MAX).await, "no job is left");
}

#[tokio::test]
async fn a_job_may_run_twice() {
    let world = new_world().await;
    put(&world.blobs, &blob(1), b"one").await;
    for _ in 0..2 {
        world.catalog.enqueue(JobKind::DeleteBlob(blob(1)), 0).await.expect("works");
    }
    world.run_due_jobs().await;
    assert_eq!(listed(&world.blobs).await, [""; 0]);
    assert!(!world.leases(i64::MAX).await, "no job is left");
}

#[tokio::test]
async fn a_blob_that_has_an_image_is_never_deleted() {
    let world = new_world().await;
    put(&world.blobs, &blob(1), b"one").await;
    world.catalog.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    world.catalog.enqueue(JobKind::DeleteBlob(blob(1)), 0).await.expect("works");
    world.run_due_jobs().await;
    assert_eq!(world.blobs.original(&granted(blob(1))).await.expect("is there"), "one");
    assert!(!world.leases(i64::MAX).await, "no job is left");
}

#[tokio::test]
async fn a_job_that_fails_waits_longer_each_time_and_then_succeeds() {
    let world = new_world().await;
    // A folder in the place of the original cannot be deleted as a file.
    let id = blob(1).as_str().to_owned();
    let place = world.folders[1].path().join("blobs/original/01").join(&id);
    std::fs::create_dir_all(place.join("in the way")).expect("a folder");
    world.catalog.enqueue(JobKind::DeleteBlob(blob(1)), 0).await.expect("works");
    let mut now_ms = 1_000;
    for wait_ms in [5_000, 10_000, 20_000] {
        world.run_due_jobs().await;
        assert!(!world.leases(now_ms + wait_ms - 1).await, "waits {wait_ms}");
        now_ms += wait_ms;
        world.now_ms.store(now_ms, Ordering::Relaxed);
    }
    std::fs::remove_dir_all(&place).expect("is there");
    std::fs::write(&place, "original").expect("a file");
    world.run_due_jobs().await;
    assert!(!place.exists());
    assert!(!world.leases(i64::MAX).await, "no job is left");
}

#[test]
fn the_wait_doubles_up_to_an_hour() {
    let waits: Vec<_> = [0, 1, 2, 3, 10, 11, u32::MAX].into_iter().map(wait_ms).collect();
    assert_eq!(waits, [5_000, 5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000]);
}

#[tokio::test]
async fn work_goes_on_until_shutdown_and_stops_at_once() {
    let world = new_world().await;
    put(&world.blobs, &blob(1), b"one").await;
    let orphan = world.folders[1].path().join("blobs/original/02").join(blob(2).as_str());
    std::fs::write(&orphan, "orphan").expect("a file");
    crate::blobs::tests::set_modified(&orphan, 0);
    world.now_ms.store(i64::MAX, Ordering::Relaxed);
    world.catalog.insert_image(image('a', "kept", blob(3), 1)).await.expect("new");
    world.catalog.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    assert!(world.catalog.delete_image(&account('a'), &ImageId::named("i"), 0).await.expect("works"));

    let pace = Pace { jobs: Duration::from_millis(1), first_sweep: Duration::ZERO, sweeps: Duration::MAX };
    let (stop, stopped) = oneshot::channel::<()>();
    let work = world.work();
    let running = work.run(pace, async { stopped.await.unwrap_or(()) });
    let watching = async {
        while !listed(&world.blobs).await.is_empty() {
            tokio::task::yield_now().await;
        }
        stop.send(()).expect("still runs");
    };
    let both = async { tokio::join!(running, watching) };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("stops");
}
