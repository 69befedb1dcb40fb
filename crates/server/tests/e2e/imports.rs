//! Imports by the program itself: from another Safelight, and over the end of a process.

use crate::server::{ACCOUNT, Server, TOKEN, free_address, serve};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// A server that may fetch from this machine's port.
fn start(data: &Path, port: &str) -> Server {
    let address = free_address();
    let mut command = serve(data, &address);
    command.env("SAFELIGHT_FETCH_PRIVATE_NETWORKS", "127.0.0.1/32").env("SAFELIGHT_FETCH_PORTS", port);
    Server::spawn(command, &address)
}

fn port(origin: &str) -> &str {
    origin.rsplit_once(':').expect("a port").1
}

/// A command for a server, with further arguments.
fn command(server: &Server, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_safelight"))
        .args(arguments)
        .env_clear()
        .env("SAFELIGHT_URL", &server.origin)
        .env("SAFELIGHT_API_TOKEN", TOKEN)
        .output()
        .expect("the program starts")
}

fn image(server: &Server, id: &str) -> Value {
    let answer = server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1/{id}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["result"].clone()
}

fn blob(server: &Server, id: &str) -> Vec<u8> {
    server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1/{id}/blob")).body
}

#[test]
fn another_safelight_moves_in_whole() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let old = Server::start(folders[0].path());
    let odd = "a/50%25 \u{202e}<script>";
    let generated = old
        .upload(SAMPLE, &[("requireSignedURLs", "true"), ("metadata", r#"{"z":[1,{"y":null}],"a":1.25}"#)]);
    old.upload(PIXEL, &[("id", odd), ("creator", "some one")]);
    let longest = "\u{1F5BC}".repeat(1024);
    old.upload(PIXEL, &[("id", &longest), ("requireSignedURLs", "true")]);
    // More than two pages.
    for n in 0..210 {
        old.upload(PIXEL, &[("id", &format!("many/{n}"))]);
    }
    let variant = br#"{"id":"thumb","options":{"width":20,"sharpen":1,"draw":[{"image":"many/1","top":3}]}}"#;
    let made = old.send(
        "POST",
        &format!("/client/v4/accounts/{ACCOUNT}/images/v1/variants"),
        "application/json",
        variant,
    );
    assert_eq!(made.status, 200, "{}", made.text());

    let new = start(folders[1].path(), port(&old.origin));
    new.upload(SAMPLE, &[("id", "many/7")]);
    let token_file = folders[1].path().join("token-of-the-old-one");
    std::fs::write(&token_file, format!("{TOKEN}\n")).expect("a file");
    let api = format!("{}/client/v4", old.origin);
    let token_file = token_file.to_str().expect("UTF-8");
    let arguments = [
        "import",
        "cloudflare",
        "--from-account",
        ACCOUNT,
        "--from-token-file",
        token_file,
        "--from-api",
        &api,
    ];
    let output = command(&new, &arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "imported 212, skipped 1, failed 0\n", "{said}");

    let encoded =
        |id: &str| percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string();
    for id in [generated.as_str(), odd, longest.as_str(), "many/0", "many/209"] {
        let id = encoded(id);
        let (mut before, mut after) = (image(&old, &id), image(&new, &id));
        for image in [&mut before, &mut after] {
            // The time is that of the import, and each server has its own address.
            image["uploaded"].take();
            image["variants"].take();
        }
        assert_eq!(before.to_string(), after.to_string());
        assert_eq!(blob(&old, &id), blob(&new, &id), "{id}");
    }
    assert_eq!(blob(&new, &encoded("many/7")), SAMPLE, "what was there stays");
    let variant = format!("/client/v4/accounts/{ACCOUNT}/images/v1/variants/thumb");
    assert_eq!(old.get(&variant).json(), new.get(&variant).json());
}

/// Answers with an image to all who ask, of one slowly, and counts.
struct Slow {
    origin: String,
    asked: Arc<AtomicUsize>,
    open: Arc<AtomicBool>,
}

impl Slow {
    fn start(at_once: usize) -> Slow {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let (asked, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, gate) = (Arc::clone(&asked), Arc::clone(&open));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
                std::thread::spawn(move || {
                    drop(stream.read(&mut [0; 4096]));
                    let number = count.fetch_add(1, Ordering::SeqCst);
                    while number >= at_once && !gate.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", PIXEL.len());
                    drop(stream.write_all(&[head.as_bytes(), PIXEL].concat()));
                });
            }
        });
        Slow { origin, asked, open }
    }
}

fn until(what: &str, seen: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !seen() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_import_goes_on_after_a_crash_and_brings_each_image_once() {
    const URLS: usize = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let slow = Slow::start(URLS / 2);
    let server = start(folder.path(), port(&slow.origin));
    let urls: Vec<Value> = (0..URLS).map(|n| json!({"url": format!("{}/{n}.gif", slow.origin)})).collect();
    let body = json!({"kind": "urls", "urls": urls}).to_string();
    let imports = format!("/safelight/v1/accounts/{ACCOUNT}/imports");
    let made = server.send("POST", &imports, "application/json", body.as_bytes());
    assert_eq!(made.status, 200, "{}", made.text());
    let one = format!("{imports}/{}", made.json()["result"]["id"].as_str().expect("an id"));
    until("half of it is asked for", || slow.asked.load(Ordering::SeqCst) > URLS / 2);
    server.signal("-KILL");
    drop(server);

    let server = start(folder.path(), port(&slow.origin));
    let now = server.get(&one).json()["result"].clone();
    assert_eq!(now["state"], "running", "{now}");
    slow.open.store(true, Ordering::SeqCst);
    until("it ends", || server.get(&one).json()["result"]["state"] == "done");
    let done = server.get(&one).json()["result"].clone();
    // What was stored and counted before is not counted as there already: both are one transaction.
    assert_eq!(
        (&done["imported"], &done["skipped"], &done["failed"]),
        (&json!(URLS), &json!(0), &json!(0)),
        "{done}"
    );
    let list = server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v1?per_page=1000")).json();
    let mut names: Vec<_> = list["result"]["images"]
        .as_array()
        .expect("images")
        .iter()
        .map(|image| image["filename"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    let mut expected: Vec<_> = (0..URLS).map(|n| format!("{n}.gif")).collect();
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn a_list_of_urls_is_read_from_the_standard_input_and_failures_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let slow = Slow::start(usize::MAX);
    let server = start(folder.path(), port(&slow.origin));
    let mut child = Command::new(env!("CARGO_BIN_EXE_safelight"))
        .args(["import", "urls", "-", "--private"])
        .env_clear()
        .env("SAFELIGHT_URL", &server.origin)
        .env("SAFELIGHT_API_TOKEN", TOKEN)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let list = format!("{0}/a.gif photos/a\n\n{0}/b.gif\nhttp://127.0.0.1:9/c.gif\n", slow.origin);
    child.stdin.take().expect("a pipe").write_all(list.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "imported 2, skipped 0, failed 1\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("http://127.0.0.1:9/c.gif: the port 9 is not allowed"),
        "{said}"
    );
    let stored = image(&server, "photos%2Fa");
    assert_eq!((&stored["filename"], &stored["requireSignedURLs"]), (&json!("a.gif"), &json!(true)));
}
