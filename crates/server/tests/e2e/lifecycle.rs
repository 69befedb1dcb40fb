//! Starting, stopping, and starting again.

use crate::server::{ACCOUNT, HASH, Server, TOKEN, children, free_address, serve};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

/// Also those of the last seconds, which no write came after.
#[test]
fn deliveries_are_counted_across_a_restart() {
    let data = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(data.path());
    let id = server.upload(SAMPLE, &[]);
    assert_eq!(server.get(&format!("/{HASH}/{id}/public")).status, 200);
    assert_eq!(server.get(&format!("/{HASH}/{id}/nothing")).status, 403);
    server.signal("-TERM");
    assert!(server.process.wait().expect("it ends").success());
    drop(server);

    let server = Server::start(data.path());
    let usage = server.get(&format!("/safelight/v1/accounts/{ACCOUNT}/usage")).json();
    for (measure, count) in [("requests", 2), ("renders", 1), ("refused_other", 1)] {
        let points = usage["result"]["series"][measure].as_array().expect("points");
        assert_eq!(points.iter().filter_map(serde_json::Value::as_u64).sum::<u64>(), count, "{measure}");
    }
}

#[test]
fn requests_in_flight_finish_when_the_server_is_told_to_stop() {
    for signal in ["-TERM", "-INT"] {
        let data = tempfile::tempdir().expect("a folder");
        let mut server = Server::start(data.path());
        let address = server.origin.trim_start_matches("http://").to_owned();
        let mut upload = TcpStream::connect(&address).expect("a connection");
        let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p.jpg\"\r\n\r\n";
        let tail = b"\r\n--b--\r\n";
        let length = head.len() + SAMPLE.len() + tail.len();
        write!(
            upload,
            "POST /client/v4/accounts/{ACCOUNT}/images/v1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        upload.write_all(head).expect("sent");
        upload.write_all(&SAMPLE[..1000]).expect("sent");
        std::thread::sleep(Duration::from_millis(200));

        server.signal(signal);
        std::thread::sleep(Duration::from_millis(300));
        assert!(TcpStream::connect(&address).is_err(), "no new connections");
        upload.write_all(&SAMPLE[1000..]).expect("sent");
        upload.write_all(tail).expect("sent");
        let mut answer = String::new();
        upload.read_to_string(&mut answer).expect("a whole answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

        let deadline = Instant::now() + Duration::from_secs(10);
        let status = loop {
            if let Some(status) = server.process.try_wait().expect("it can be asked") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}");
    }
}

#[test]
fn a_second_process_on_one_data_folder_is_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let _server = Server::start(data.path());
    let output = serve(data.path(), &free_address()).stderr(Stdio::piped()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(text.contains(&*data.path().to_string_lossy()), "{text}");
}

#[test]
fn state_survives_a_restart_and_the_folder_is_private() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().join("made");
    let server = Server::start(&folder);
    let id = server.upload(SAMPLE, &[("requireSignedURLs", "true")]);
    drop(server);
    let mode = |path: &std::path::Path| path.metadata().expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in ["catalog.sqlite", "catalog.sqlite-wal"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    let server = Server::start(&folder);
    assert_eq!(server.get(&format!("/{HASH}/{id}/public")).status, 403);
    let image = server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1/{id}"));
    assert_eq!(image.json()["result"]["requireSignedURLs"], true);
}

#[test]
fn workers_end_with_their_server() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path());
    server.upload(SAMPLE, &[]);
    let workers = children(server.process.id());
    assert!(!workers.is_empty(), "an upload needs a worker");
    server.signal("-KILL");
    drop(server);
    let deadline = Instant::now() + Duration::from_secs(5);
    while workers.iter().any(|pid| std::path::Path::new(&format!("/proc/{pid}/exe")).exists()) {
        assert!(Instant::now() < deadline, "a worker outlives its server");
        std::thread::sleep(Duration::from_millis(20));
    }
}
