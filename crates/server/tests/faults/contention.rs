//! Nodes that upload, show and delete images of one id at once.

use crate::server::{ACCOUNT, HASH, Server, say, signed};
use crate::world::{World, color_of, colored};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

const VERSIONS: u32 = 120;

/// The promise of docs/nodes.md.
const PROMISED: Duration = Duration::from_secs(2);

/// What became of the versions.
#[derive(Default)]
struct History {
    /// When the upload of each was acknowledged.
    uploaded: Vec<(u32, Instant)>,
    /// From when to when the deletions ran that were acknowledged.
    deleted: Vec<(Instant, Instant)>,
}

impl History {
    /// Whether a version was gone for longer than promised when a view began.
    fn is_stale(&self, version: u32, view: Instant) -> bool {
        let uploaded = self.uploaded.iter().find(|(number, _)| *number == version).map(|(_, at)| *at);
        uploaded.is_some_and(|uploaded| {
            self.deleted.iter().any(|(begun, ended)| uploaded < *begun && *ended + PROMISED < view)
        })
    }
}

/// Odd versions are private.
fn is_private(version: u32) -> bool {
    version % 2 == 1
}

#[test]
fn an_id_made_and_deleted_by_two_nodes_shows_only_what_is_there() {
    let Some(world) = World::new(&[]) else { return };
    let (history, next, done) = (Mutex::new(History::default()), AtomicU32::new(0), AtomicBool::new(false));
    let target = format!("/{HASH}/contended/public");
    let [mut seen, mut missing] = [0, 0];
    std::thread::scope(|scope| {
        let views: Vec<_> =
            world.nodes.iter().map(|node| scope.spawn(|| view(node, &target, &history, &done))).collect();
        let writers: Vec<_> =
            world.nodes[..2].iter().map(|node| scope.spawn(|| write(node, &history, &next))).collect();
        writers.into_iter().for_each(|writer| writer.join().expect("writes"));
        done.store(true, Ordering::SeqCst);
        for counts in views {
            let (pictures, refusals) = counts.join().expect("sees what is there");
            seen += pictures;
            missing += refusals;
        }
    });
    let uploaded = history.into_inner().expect("unpoisoned").uploaded.len();
    say(&format!("one id by two nodes: {uploaded} uploads, seen {seen} times, not seen {missing} times"));
    assert!(uploaded > 20 && seen > 20 && missing > 0);

    let last = VERSIONS + 1;
    upload(&world.nodes[1], last).expect("nobody else has it now");
    for node in &world.nodes {
        let shown = node.get(&signed(&target));
        assert_eq!((shown.status, color_of(&shown.body)), (200, last));
    }
}

/// Uploads versions until all are, and deletes what is there after each.
fn write(node: &Server, history: &Mutex<History>, next: &AtomicU32) {
    let path = format!("/client/v4/accounts/{ACCOUNT}/images/v1/contended");
    loop {
        let version = next.fetch_add(1, Ordering::SeqCst);
        if version >= VERSIONS {
            return;
        }
        if let Some(at) = upload(node, version) {
            history.lock().expect("unpoisoned").uploaded.push((version, at));
            // Half of them are made before they are deleted.
            if version % 4 < 2 {
                node.get(&signed(&format!("/{HASH}/contended/public")));
            }
        }
        let begun = Instant::now();
        match node.send("DELETE", &path, "application/json", b"") {
            answer if answer.status == 200 => {
                history.lock().expect("unpoisoned").deleted.push((begun, Instant::now()));
            }
            answer => assert_eq!(answer.status, 404, "{}", answer.text()),
        }
    }
}

/// When a version was acknowledged; `None` while another one is there.
fn upload(node: &Server, version: u32) -> Option<Instant> {
    let private = if is_private(version) { "true" } else { "false" };
    let fields = [("id", "contended"), ("requireSignedURLs", private)];
    let answer = node.try_upload(&colored(version), &fields).expect("an answer");
    assert!(matches!(answer.status, 200 | 409), "{}", answer.text());
    (answer.status == 200).then(Instant::now)
}

/// Looks again and again, with a signature and without. How often there was a picture, and none.
fn view(node: &Server, target: &str, history: &Mutex<History>, done: &AtomicBool) -> (u32, u32) {
    let (mut seen, mut missing) = (0, 0);
    while !done.load(Ordering::SeqCst) {
        for (target, is_signed) in [(signed(target), true), (target.to_owned(), false)] {
            let begun = Instant::now();
            let answer = node.get(&target);
            if answer.status != 200 {
                assert!(matches!(answer.status, 403 | 404 | 503), "{} {}", answer.status, answer.text());
                missing += 1;
                continue;
            }
            let version = color_of(&answer.body);
            assert!(is_signed || !is_private(version), "version {version} without a signature");
            let history = history.lock().expect("unpoisoned");
            assert!(!history.is_stale(version, begun), "version {version} is shown after it was deleted");
            seen += 1;
        }
    }
    (seen, missing)
}
