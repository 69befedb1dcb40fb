//! SIGKILL of a node while all of them upload, take direct uploads, render and delete.

use crate::server::{ACCOUNT, HASH, Server, say, signed};
use crate::world::{World, colored};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

const IMAGES: u32 = 150;
const CLIENTS: usize = 6;

/// What is known of an image.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    uploaded: bool,
    deletion_begun: bool,
    deleted: bool,
}

#[test]
fn a_killed_node_loses_nothing_that_was_acknowledged() {
    let Some(world) = World::new(&[]) else { return };
    let known = Mutex::new(BTreeMap::new());
    let next = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n == IMAGES / 2 {
                        world.nodes[2].signal("-KILL");
                    }
                    if n >= IMAGES {
                        return;
                    }
                    live_through(&world, n, &known);
                }
            });
        }
    });
    let known = known.into_inner().expect("unpoisoned");
    let count = |what: fn(&Known) -> bool| known.values().filter(|known| what(known)).count();
    let (uploaded, deleted) = (count(|known| known.uploaded), count(|known| known.deleted));
    let cut_off = count(|known| !known.uploaded || known.deletion_begun && !known.deleted);
    say(&format!(
        "a node killed: {uploaded} uploads and {deleted} deletions acknowledged, {cut_off} cut off"
    ));
    assert!(uploaded > known.len() / 2 && deleted > 0 && cut_off > 0, "{known:?}");

    let again = world.start_again(2);
    for node in [&world.nodes[0], &again] {
        for (n, known) in &known {
            let found = node.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1/killed{n}/blob"));
            let may_be_there = !known.deleted;
            let must_be_there = known.uploaded && !known.deletion_begun;
            match found.status {
                200 => assert!(may_be_there && found.body == colored(*n), "killed{n}: {known:?}"),
                404 => assert!(!must_be_there, "killed{n} is lost: {known:?}"),
                status => panic!("killed{n}: {status} {}", found.text()),
            }
            let target = format!("/{HASH}/killed{n}/public");
            let shown = node.get(&signed(&target)).status;
            assert_eq!(shown, found.status, "killed{n}: {known:?}");
            assert_eq!(node.get(&target).status, 403, "killed{n} without a signature");
        }
    }
    let images = format!("/client/v4/accounts/{ACCOUNT}/images/v1");
    let listed = again.get(&format!("{images}?per_page=10000")).json();
    let listed = listed["result"]["images"].as_array().expect("a list").len();
    assert_eq!(again.get(&format!("{images}/stats")).json()["result"]["count"]["current"], listed);
}

/// Uploads an image by one node, looks at it by the next, and deletes some by the third.
fn live_through(world: &World, n: u32, known: &Mutex<BTreeMap<u32, Known>>) {
    let node = |which: u32| &world.nodes[((n + which) % 3) as usize];
    let note = |change: fn(&mut Known)| change(known.lock().expect("unpoisoned").entry(n).or_default());
    note(|_| ());
    let id = format!("killed{n}");
    let answer = if n.is_multiple_of(2) {
        node(0).try_upload(&colored(n), &[("id", &id), ("requireSignedURLs", "true")])
    } else {
        by_link(node(0), node(1), n, &id)
    };
    match answer {
        Some(answer) if answer.status == 200 => note(|known| known.uploaded = true),
        Some(answer) => panic!("{id}: {} {}", answer.status, answer.text()),
        None => return,
    }
    let target = format!("/{HASH}/{id}/public");
    if let Some(shown) = node(1).try_get(&signed(&target)) {
        assert_eq!(shown.status, 200, "{id}: {}", shown.text());
    }
    if n.is_multiple_of(3) {
        note(|known| known.deletion_begun = true);
        let path = format!("/client/v4/accounts/{ACCOUNT}/images/v1/{id}");
        if let Some(answer) = node(2).try_send("DELETE", &path, "application/json", b"") {
            assert_eq!(answer.status, 200, "{id}: {}", answer.text());
            note(|known| known.deleted = true);
        }
    }
}

/// Makes a link on one node, and uploads to it on another.
fn by_link(maker: &Server, taker: &Server, n: u32, id: &str) -> Option<crate::server::Answer> {
    let path = format!("/client/v4/accounts/{ACCOUNT}/images/v2/direct_upload");
    let fields = format!(
        "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{id}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"requireSignedURLs\"\r\n\r\ntrue\r\n--b--\r\n"
    );
    let link = maker.try_send("POST", &path, "multipart/form-data; boundary=b", fields.as_bytes())?;
    assert_eq!(link.status, 200, "{}", link.text());
    let link = link.json()["result"]["uploadURL"].as_str().expect("a URL").to_owned();
    let (_, rest) = link.split_once("://").expect("a URL");
    taker.try_upload_to(&rest[rest.find('/').expect("a path")..], &colored(n), &[])
}
