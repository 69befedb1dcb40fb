//! How long a node serves by an old state.

use crate::cut::Way;
use crate::server::{HASH, say, signed, signed_with};
use crate::world::{SAMPLE, World, served_on};
use std::time::{Duration, Instant};

/// The promise of docs/nodes.md.
const PROMISED: Duration = Duration::from_secs(2);

#[test]
fn what_is_revoked_on_one_node_is_refused_by_all_in_time() {
    let Some(world) = World::new(&[]) else { return };
    let [first, other, last] = &world.nodes[..] else { panic!("three nodes") };
    let nodes = [first, other, last];
    let revoke = |what: &str, target: &str, change: &dyn Fn()| {
        for node in nodes {
            assert_eq!(node.get(target).status, 200, "{what}: {}", node.get(target).text());
        }
        change();
        let since = Instant::now();
        assert_ne!(first.get(target).status, 200, "{what} on the node that made the change");
        let times = std::thread::scope(|scope| {
            let waits = [other, last].map(|node| scope.spawn(|| served_on(node, target, since, PROMISED)));
            waits.map(|wait| wait.join().expect("in time"))
        });
        say(&format!("{what}: served on for {:?} and {:?} by other nodes", times[0], times[1]));
    };

    let id = first.upload(SAMPLE, &[]);
    let public = format!("/{HASH}/{id}/public");
    revoke("an image made private", &public, &|| {
        world.change("PATCH", &id, r#"{"requireSignedURLs":true}"#);
    });
    revoke("an image deleted", &signed(&public), &|| world.change("DELETE", &id, ""));

    let id = first.upload(SAMPLE, &[("requireSignedURLs", "true")]);
    let wide = r#"{"id":"wide","options":{"width":40},"neverRequireSignedURLs":true}"#;
    world.change("POST", "variants", wide);
    let variant = format!("/{HASH}/{id}/wide");
    known(&[other, last], &variant);
    revoke("a variant made private", &variant, &|| {
        let follows = r#"{"options":{"width":40},"neverRequireSignedURLs":false}"#;
        world.change("PATCH", "variants/wide", follows);
    });

    world.change("PUT", "keys/second", "");
    let keys = first.get(&format!("/client/v4/accounts/{}/images/v1/keys", crate::server::ACCOUNT)).json();
    let keys = keys["result"]["keys"].as_array().expect("keys").clone();
    let second = keys.iter().find(|key| key["name"] == "second").expect("is there");
    let link =
        signed_with(&format!("/{HASH}/{id}/public"), "second", second["value"].as_str().expect("a value"));
    known(&[other, last], &link);
    revoke("a key deleted", &link, &|| world.change("DELETE", "keys/second", ""));
}

/// Waits until the nodes serve something that was made on another.
fn known(nodes: &[&crate::server::Server], target: &str) {
    let begun = Instant::now();
    for node in nodes {
        while node.get(target).status != 200 {
            assert!(begun.elapsed() < PROMISED, "{target} is not known");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_node_without_the_database_refuses_what_is_private_and_then_the_rest() {
    for (way, flags) in [
        (Way::Silent, ["--on-catalog-loss", "4s"]),
        (Way::Closed, ["--on-catalog-loss", "4s"]),
        (Way::Silent, ["--on-catalog-loss", "refuse"]),
    ] {
        let Some(world) = World::new(&flags) else { return };
        let [first, _, last] = &world.nodes[..] else { panic!("three nodes") };
        let (private, public) =
            (first.upload(SAMPLE, &[("requireSignedURLs", "true")]), first.upload(SAMPLE, &[]));
        let private = signed(&format!("/{HASH}/{private}/public"));
        let public = format!("/{HASH}/{public}/public");
        // Until both are in the node's caches.
        for target in [&private, &public].repeat(20) {
            assert_eq!(last.get(target).status, 200);
            std::thread::sleep(Duration::from_millis(20));
        }
        world.cut.set(way);
        let since = Instant::now();
        world.change("DELETE", private.split('/').nth(2).expect("an id"), "");
        let served = served_on(last, &private, since, PROMISED);
        let refused = last.get(&private);
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert_eq!(last.get(&format!("/{HASH}/unknown/public")).status, 503, "it tells nothing");
        assert_eq!(first.get(&public).status, 200, "the others go on");
        let bound = if flags[1] == "refuse" { PROMISED } else { Duration::from_millis(4_500) };
        let kept = served_on(last, &public, since, bound);
        if flags[1] != "refuse" {
            assert!(kept > Duration::from_secs(3), "what was public was served for {kept:?}");
        }
        say(&format!(
            "a node whose way to the database is {way:?}, on-catalog-loss = {}: private served on for {served:?}, \
             public for {kept:?}",
            flags[1]
        ));
        world.cut.set(Way::Open);
        let back = Instant::now();
        while last.get(&public).status != 200 {
            assert!(back.elapsed() < Duration::from_secs(20), "it does not come back");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(last.get(&private).status, 404, "what was deleted meanwhile is gone");
        say(&format!("it served again {:?} after the database was back", back.elapsed()));
    }
}
