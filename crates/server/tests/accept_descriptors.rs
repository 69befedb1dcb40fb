//! A server that has run out of descriptors goes on when there are some again. It has a process of
//! its own, since it takes all of that process's descriptors.

// The whole file is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use axum::Router;
use axum::routing::get;
use rustix::process::{Resource, getrlimit, setrlimit};
use safelight::accept::serve;
use safelight::config::ConnectionLimits;
use std::fs::File;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

#[tokio::test]
async fn accepting_goes_on_after_descriptors_ran_out() {
    let long = Duration::from_secs(20);
    let limits = ConnectionLimits {
        connections: 100,
        header_timeout: long,
        body_timeout: long,
        idle_timeout: long,
        headers: 20,
        head_bytes: 4096,
        shutdown_timeout: long,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/", get(|| async {}));
    let server = tokio::spawn(serve(listener, None, router, limits, std::future::pending()));

    let mut descriptors = getrlimit(Resource::Nofile);
    descriptors.current = Some(64);
    setrlimit(Resource::Nofile, descriptors).expect("a lower limit");
    let mut spare = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        spare.push(file);
    }
    // One for the client; the server then has none to accept it with.
    spare.pop();
    let mut stream = TcpStream::connect(address).await.expect("in the listen queue");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.expect("sent");
    let mut answer = [0; 12];
    let early = timeout(Duration::from_millis(300), stream.read_exact(&mut answer)).await;
    assert!(early.is_err(), "it was accepted without a descriptor");
    assert!(!server.is_finished());
    drop(spare);
    timeout(long, stream.read_exact(&mut answer)).await.expect("in time").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
}
