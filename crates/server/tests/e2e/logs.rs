//! What the log does not tell.

use crate::server::{ACCOUNT, Server, TOKEN, free_address, serve};
use std::net::TcpListener;
use std::time::{Duration, Instant};

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

#[test]
fn no_secret_is_logged_at_any_level() {
    let data = tempfile::tempdir().expect("a folder");
    let log = data.path().join("log");
    // A webhook whose calls fail: failures are what is logged.
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = closed.local_addr().expect("an address").port();
    drop(closed);
    let address = free_address();
    let mut command = serve(&data.path().join("data"), &address);
    command
        .env("SAFELIGHT_LOG_LEVEL", "trace")
        .env("SAFELIGHT_FETCH_PORTS", port.to_string())
        .env("SAFELIGHT_FETCH_PRIVATE_NETWORKS", "127.0.0.1/32")
        .stderr(std::fs::File::create(&log).expect("a file"));
    let server = Server::spawn(command, &address);
    let own = format!("/safelight/v1/accounts/{ACCOUNT}/webhook");
    let webhook = format!(r#"{{"url":"http://127.0.0.1:{port}/url-secret","secret":"header-secret"}}"#);
    let set = server.send("PUT", &own, "application/json", webhook.as_bytes());
    assert_eq!(set.status, 200, "{}", set.text());
    let images = format!("/client/v4/accounts/{ACCOUNT}/images");
    let batch = server.get(&format!("{images}/v1/batch_token")).json();
    let batch = batch["result"]["token"].as_str().expect("a token").to_owned();
    let form = "multipart/form-data; boundary=b";
    let link = server.send("POST", &format!("{images}/v2/direct_upload"), form, b"--b--\r\n").json();
    let link = link["result"]["uploadURL"].as_str().expect("a URL").to_owned();
    let target = link.strip_prefix(&server.origin).expect("the server's own").to_owned();
    let secret = target.rsplit('/').next().expect("a secret").to_owned();
    assert_eq!(secret.len(), 43);
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p\"\r\n\r\n".to_vec();
    body.extend(SAMPLE);
    body.extend(b"\r\n--b--\r\n");
    for (body, status) in [(&b"--b--\r\n"[..], 400), (&body, 200), (&body, 409)] {
        let answer = server.send("POST", &target, form, body);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(server.send("POST", &format!("{own}/test"), form, b"").status, 400);

    let text = || std::fs::read_to_string(&log).expect("a log");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !text().contains("a job failed") {
        assert!(Instant::now() < deadline, "the webhook is not called:\n{}", text());
        std::thread::sleep(Duration::from_millis(50));
    }
    let text = text();
    assert!(text.contains("/cdn-cgi/imageupload/…"), "the upload is logged:\n{text}");
    for hidden in [secret.as_str(), batch.as_str(), "url-secret", "header-secret", TOKEN] {
        assert!(!text.contains(hidden), "{hidden} is logged");
    }
}
