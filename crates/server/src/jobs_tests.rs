use super::*;
use crate::blobs::tests::{granted, listed, new_store, put};
use crate::catalog::Webhook;
use crate::catalog::fixtures::{account, blob, image, two_accounts};
use crate::config::FetchConfig;
use safelight_domain::direct_upload::{Draft, LinkUse, UploadOutcome};
use safelight_domain::image::{ImageId, Metadata, Privacy};
use safelight_domain::token::TokenHash;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

struct World {
    folders: (crate::catalog::fixtures::Place, tempfile::TempDir),
    catalog: Catalog,
    blobs: Blobs,
    fetch: Client,
    clock: Clock,
    now_ms: Arc<AtomicI64>,
}

async fn new_world() -> World {
    let (catalog_folder, catalog) = two_accounts().await;
    let (blob_folder, blobs) = new_store();
    let now_ms = Arc::new(AtomicI64::new(1_000));
    let told = Arc::clone(&now_ms);
    let clock = Clock::from_millis(move || told.load(Ordering::Relaxed));
    World { folders: (catalog_folder, blob_folder), catalog, blobs, fetch: client(Vec::new()), clock, now_ms }
}

/// A client of this machine's own ports.
fn client(ports: Vec<u16>) -> Client {
    let second = Duration::from_secs(1);
    Client::new(&FetchConfig {
        private_networks: vec!["127.0.0.1/32".parse().expect("a network")],
        ports,
        timeout: 10 * second,
        connect_timeout: 10 * second,
        idle_timeout: 10 * second,
        concurrent: 9,
    })
}

/// Answers one request after the other with these statuses, then stops listening. The requests as
/// they came.
async fn receiver(statuses: Vec<&'static str>) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serving = async move {
        let mut requests = Vec::new();
        for status in statuses {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = vec![0; 10_000];
            let mut length = 0;
            while !request[..length].ends_with(b"}") {
                let read = stream.read(&mut request[length..]).await.expect("works");
                assert!(read > 0, "the request ended early");
                length += read;
            }
            requests.push(String::from_utf8(request[..length].to_vec()).expect("UTF-8"));
            let answer = format!("HTTP/1.1 {status}\r\nlocation: /other\r\ncontent-length: 2\r\n\r\nok");
            stream.write_all(answer.as_bytes()).await.expect("works");
        }
        requests
    };
    (port, tokio::spawn(serving))
}

impl World {
    /// A world with one event that waits for a webhook on this machine.
    async fn with_event(port: u16) -> World {
        World::with_events(port, 1).await
    }

    async fn with_events(port: u16, count: usize) -> World {
        let world = World { fetch: client(vec![port]), ..new_world().await };
        let url = format!("http://127.0.0.1:{port}/hook").parse().expect("a URL");
        let webhook = Webhook { url, secret: Some("of-the-account".to_owned()) };
        world.catalog.set_webhook(&account('a'), webhook).await.expect("works");
        let draft = Draft {
            account: account('a'),
            id: ImageId::named("i"),
            metadata: Metadata::default(),
            creator: None,
            privacy: Privacy::Public,
            created_ms: 0,
            expires_ms: i64::MAX,
            link: LinkUse::Fresh,
        };
        world.catalog.insert_draft(draft, TokenHash::of("l"), 9).await.expect("new");
        let outcome = UploadOutcome::Refused { code: 5455, text: "no image".to_owned() };
        let event = UploadEvent { event: "e".to_owned(), id: ImageId::named("i"), at_ms: 0, outcome };
        for _ in 0..count {
            world.catalog.note_refusal(&TokenHash::of("l"), event.clone()).await.expect("works");
        }
        world
    }

    async fn tell_due(&self) {
        self.work().run_due_jobs(JobLine::Notices).await.expect("works");
    }

    fn pass(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    async fn leases_event(&self) -> bool {
        let now_ms = self.clock.now_ms();
        self.catalog.lease_job(JobLine::Notices, now_ms, now_ms).await.expect("works").is_some()
    }

    async fn events(&self) -> usize {
        let mut count = 0;
        while self.catalog.lease_job(JobLine::Notices, i64::MAX - 1, i64::MAX).await.expect("works").is_some()
        {
            count += 1;
        }
        count
    }

    fn work(&self) -> Work<'_> {
        let limits = Limits { orphan_age: ORPHAN_AGE, rendition_bytes: 0 };
        let World { catalog, blobs, fetch, clock, .. } = self;
        Work { catalog, blobs, fetch, clock, node: "a", limits }
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
    let place = world.folders.1.path().join("blobs/original/01").join(&id);
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
    let orphan = world.folders.1.path().join("blobs/original/02").join(blob(2).as_str());
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

#[tokio::test]
async fn a_webhook_is_called_until_it_takes_the_event() {
    // A redirect is not followed: it could lead the secret elsewhere.
    let (port, receiver) = receiver(vec!["500 No", "302 Found", "204 Yes"]).await;
    let world = World::with_event(port).await;
    world.tell_due().await;
    world.pass(FIRST_WAIT_MS - 1);
    world.tell_due().await;
    world.pass(1);
    world.tell_due().await;
    world.pass(2 * FIRST_WAIT_MS);
    world.tell_due().await;
    let requests = receiver.await.expect("runs");
    assert_eq!(requests.len(), 3);
    for request in requests {
        let (head, body) = request.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\ncf-webhook-auth: of-the-account\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["data"]["event_id"], "e");
    }
    assert_eq!(world.events().await, 0);
}

#[tokio::test]
async fn an_event_that_nobody_takes_is_given_up() {
    let (port, receiver) = receiver(vec!["500 No"; MOST_CALLS as usize]).await;
    let world = World::with_event(port).await;
    for attempt in 1..=MOST_CALLS {
        world.tell_due().await;
        world.pass(wait_ms(attempt));
    }
    assert_eq!(receiver.await.expect("runs").len(), MOST_CALLS as usize);
    assert_eq!(world.events().await, 0);
}

#[tokio::test]
async fn a_webhook_within_closed_networks_or_deleted_is_not_called() {
    let (port, receiver) = receiver(vec!["200 Yes"]).await;
    let world = World::with_event(port).await;
    let guarded = World { fetch: client(vec![80]), ..world };
    guarded.tell_due().await;
    assert!(guarded.catalog.delete_webhook(&account('a')).await.expect("works"));
    guarded.pass(LONGEST_WAIT_MS);
    let world = World { fetch: client(vec![port]), ..guarded };
    world.tell_due().await;
    assert_eq!(world.events().await, 0);
    assert!(!receiver.is_finished(), "it was called");
    receiver.abort();
}

#[tokio::test]
async fn slow_webhooks_hold_up_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let world = World::with_event(listener.local_addr().expect("an address").port()).await;
    world.catalog.enqueue(JobKind::DeleteBlob(blob(1)), 0).await.expect("works");
    put(&world.blobs, &blob(1), b"bytes").await;
    let work = world.work();
    let mut telling = Box::pin(work.run_due_jobs(JobLine::Notices));
    tokio::select! {
        _ = &mut telling => panic!("nobody answers"),
        _ = listener.accept() => {}
    }
    world.run_due_jobs().await;
    assert!(listed(&world.blobs).await.is_empty());
}

#[tokio::test]
async fn all_events_wait_for_a_webhook_that_fails_and_old_ones_are_given_up() {
    // Some are under way when the first fails, and no more.
    let (port, receiver) = receiver(vec!["500 No"; CONCURRENT + 1]).await;
    let world = World::with_events(port, 9).await;
    world.tell_due().await;
    assert!(!receiver.is_finished(), "it was called more than {CONCURRENT} times");
    receiver.abort();
    world.pass(FIRST_WAIT_MS - 1);
    assert!(!world.leases_event().await);
    world.pass(EVENT_LIFE_MS);
    // Nobody listens any more.
    world.tell_due().await;
    assert_eq!(world.events().await, 0);
}
