//! Nodes that are restarted one after the other behind a balancer, under load.

use crate::server::{ACCOUNT, HASH, TOKEN, say, signed};
use crate::world::{World, colored};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[test]
fn a_rolling_restart_fails_no_request() {
    let Some(mut world) = World::new(&[]) else { return };
    let first = world.nodes[0].upload(&colored(0), &[("requireSignedURLs", "true")]);
    let target = signed(&format!("/{HASH}/{first}/public"));
    let addresses: Vec<String> =
        world.nodes.iter().map(|node| node.origin.trim_start_matches("http://").to_owned()).collect();
    let (views, uploads, done) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
    let balancer = Balancer { addresses: &addresses, turn: AtomicU32::new(0) };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    balancer.ask(&view(&target));
                    views.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let n = uploads.fetch_add(1, Ordering::SeqCst);
                balancer.ask(&upload(n));
            }
        });
        for node in 0..world.nodes.len() {
            world.nodes[node].signal("-TERM");
            let ended = world.nodes[node].process.wait().expect("it can be asked");
            assert!(ended.success(), "{ended}");
            world.nodes[node] = world.start_again(node);
            // Not by an assertion: the others go on until they are told.
            let more = [views.load(Ordering::SeqCst) + 50, uploads.load(Ordering::SeqCst) + 4];
            let deadline = Instant::now() + Duration::from_secs(60);
            let is_slow =
                || views.load(Ordering::SeqCst) < more[0] || uploads.load(Ordering::SeqCst) < more[1];
            while is_slow() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        done.store(true, Ordering::SeqCst);
    });
    let (views, uploads) = (views.into_inner(), uploads.into_inner());
    assert!(views >= 150 && uploads >= 12, "{views} views and {uploads} uploads");
    say(&format!("a rolling restart of three nodes: {views} views and {uploads} uploads, none failed"));
    for n in 0..uploads {
        let blob = world.nodes[0].get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1/rolling{n}/blob"));
        assert!(blob.status == 200 && blob.body == colored(n), "rolling{n}: {}", blob.status);
    }
}

/// Goes to the next node where one does not take connections, as a proxy does; a request that was sent is not sent
/// again.
struct Balancer<'a> {
    addresses: &'a [String],
    turn: AtomicU32,
}

impl Balancer<'_> {
    fn ask(&self, request: &[u8]) {
        let turn = self.turn.fetch_add(1, Ordering::SeqCst) as usize;
        let nodes = self.addresses.iter().cycle().skip(turn % self.addresses.len());
        let connection =
            nodes.take(self.addresses.len()).find_map(|address| TcpStream::connect(address).ok());
        let mut connection = connection.expect("a node that takes connections");
        connection.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
        connection.write_all(request).expect("sent");
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).expect("an answer");
        let line = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
        assert!(line.starts_with("HTTP/1.1 200 "), "{line:?}");
    }
}

fn view(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: images.example\r\nConnection: close\r\n\r\n").into_bytes()
}

fn upload(n: u32) -> Vec<u8> {
    let mut body =
        format!("--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\nrolling{n}\r\n").into_bytes();
    body.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p.png\"\r\n\r\n");
    body.extend(colored(n));
    body.extend(b"\r\n--b--\r\n");
    let head = format!(
        "POST /client/v4/accounts/{ACCOUNT}/images/v1 HTTP/1.1\r\nHost: images.example\r\nConnection: close\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}
