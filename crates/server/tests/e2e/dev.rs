//! `safelight dev`: anyone is let in, and the clock is set.

use crate::server::{Server, free_address};
use safelight_domain::signature::{KeyName, SigningKey, sign_target};
use safelight_domain::time::UnixTime;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn dev(temporary: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command.arg("dev").args(arguments).env_clear().env("TMPDIR", temporary).stdin(Stdio::null());
    command
}

/// An emulator, what it said of itself, and the folder that its data is in.
struct Emulator {
    server: Server,
    facts: Value,
    temporary: tempfile::TempDir,
}

impl Emulator {
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Emulator {
        let temporary = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let mut command = dev(temporary.path(), &[&["--listen", &address], arguments].concat());
        command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = Server::spawn(command, &address);
        let mut line = String::new();
        let stdout = server.process.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        Emulator { server, facts: serde_json::from_str(&line).expect("JSON"), temporary }
    }

    fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.facts))
    }

    /// Status and body.
    fn call(&self, method: &str, target: &str, token: Option<&str>, body: &Value) -> (u16, Vec<u8>) {
        let token = token.map(|token| ("authorization", format!("Bearer {token}")));
        self.call_with(method, target, token, body)
    }

    /// The same, as the browser has it of a page somewhere.
    fn call_of_page(&self, site: &str, method: &str, target: &str, body: &Value) -> (u16, Vec<u8>) {
        self.call_with(method, target, Some(("sec-fetch-site", site.to_owned())), body)
    }

    fn call_with(
        &self,
        method: &str,
        target: &str,
        header: Option<(&str, String)>,
        body: &Value,
    ) -> (u16, Vec<u8>) {
        let request = http::Request::builder().method(method).uri(format!("{}{target}", self.server.origin));
        let request = match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .into();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut answer = agent.run(request.body(body).expect("a request")).expect("an answer");
        assert_eq!(answer.headers()["safelight-emulator"], "1", "{target}");
        (answer.status().as_u16(), answer.body_mut().read_to_vec().expect("a body"))
    }

    fn view(&self, target: &str) -> u16 {
        self.call("GET", target, None, &Value::Null).0
    }

    fn set_clock(&self, change: &Value) -> Value {
        let (status, body) = self.call("PUT", "/_dev/clock", None, change);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Uploads a private picture for some account, with some token, and returns its id.
    fn private_image(&self) -> String {
        let path = "/client/v4/accounts/whatever/images/v1";
        let answer = self.server.try_upload_to(path, &picture(), &[("requireSignedURLs", "true")]);
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["result"]["id"].as_str().expect("an id").to_owned()
    }
}

fn picture() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 4, 3);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[0; 12]).expect("pixels");
    writer.finish().expect("an end");
    file
}

fn signed(path: &str, exp: u64, key: &str) -> String {
    let name = KeyName::parse("default").expect("a name");
    let key = SigningKey::new(name, key.to_owned()).expect("a key");
    sign_target(path, "", Some(UnixTime(exp)), &key)
}

#[test]
fn anyone_is_let_in_and_links_expire_by_the_clock_that_is_set() {
    let emulator = Emulator::start(&["--deterministic-ids"], &[]);
    assert_eq!(emulator.private_image(), "00000000-0000-4000-8000-000000000001");
    let id = emulator.private_image();
    assert_eq!(id, "00000000-0000-4000-8000-000000000002");
    let list = "/client/v4/accounts/00000000000000000000000000000000/images/v2";
    assert_eq!(emulator.call("GET", list, Some("any"), &Value::Null).0, 200);
    assert_eq!(
        emulator.call("GET", list, None, &Value::Null).0,
        401,
        "as a client that sends no token finds it"
    );

    assert_eq!(
        emulator.call("GET", "/images/v2", Some("any"), &Value::Null).0,
        200,
        "as the batch API is called"
    );

    let told = emulator.set_clock(&json!({"now": "2030-01-01T00:00:00Z"}));
    assert_eq!(told, json!({"now": "2030-01-01T00:00:00Z", "state": "standing"}));
    let now = 1_893_456_000;
    for prefix in ["", "/cdn-cgi/imagedelivery"] {
        for hash in [emulator.fact("account_hash"), "cheeW4oKsx5ljh8e8BoL2A", "any"] {
            let path = format!("{prefix}/{hash}/{id}/public");
            let link = signed(&path, now + 60, emulator.fact("signing_key"));
            assert_eq!(emulator.view(&path), 403, "{path}");
            assert_eq!(emulator.view(&link), 200, "{link}");
            assert_eq!(emulator.view(&link.replace("exp=1", "exp=2")), 403);
            emulator.set_clock(&json!({"advance_seconds": 60}));
            assert_eq!(emulator.view(&link), 403, "expired");
            emulator.set_clock(&json!({"advance_seconds": -1}));
            assert_eq!(emulator.view(&link), 200, "not yet");
            emulator.set_clock(&json!({"now": "2030-01-01T00:00:00Z"}));
        }
    }
    let (status, body) = emulator.call("DELETE", "/_dev/clock", None, &Value::Null);
    assert_eq!(status, 200);
    assert_eq!(serde_json::from_slice::<Value>(&body).expect("JSON")["state"], "real");
    for refused in [json!({}), json!({"now": "noon"}), json!({"advance_seconds": 1.5}), json!({"later": 1})] {
        assert_eq!(emulator.call("PUT", "/_dev/clock", None, &refused).0, 400, "{refused}");
    }
}

#[test]
fn the_dashboard_needs_no_login_and_other_pages_get_nothing() {
    let emulator = Emulator::start(&[], &[]);
    for (target, start) in [("/dashboard/", "<!doctype html>"), ("/dashboard/app.js", "")] {
        let (status, body) = emulator.call("GET", target, None, &Value::Null);
        assert_eq!(status, 200, "{target}");
        let body = String::from_utf8(body).expect("text");
        assert!(body.to_lowercase().starts_with(start), "{body}");
    }
    let session = "/safelight/v1/session";
    let (status, body) = emulator.call_of_page("same-origin", "GET", session, &Value::Null);
    let shown: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((status, &shown["result"]["csrf"]), (200, &Value::Null), "{shown}");
    assert_eq!(shown["result"]["account_id"], emulator.fact("account_id"));
    let key = "/client/v4/accounts/any/images/v1/keys/k";
    for other in ["cross-site", "same-site", "none"] {
        assert_eq!(emulator.call_of_page(other, "GET", session, &Value::Null).0, 401, "{other}");
        assert_eq!(emulator.call_of_page(other, "PUT", key, &Value::Null).0, 401, "{other}");
    }
    assert_eq!(emulator.call_of_page("same-origin", "PUT", key, &Value::Null).0, 200);
}

#[test]
fn it_says_loudly_what_it_is_and_leaves_nothing() {
    let key = "a-key-of-the-developers";
    let mut emulator =
        Emulator::start(&[], &[("SAFELIGHT_SIGNING_KEY", key), ("SAFELIGHT_DATA", "/nowhere")]);
    assert!(emulator.facts.get("signing_key").is_none(), "who set it knows it");
    let id = emulator.private_image();
    let link = signed(&format!("/some/{id}/public"), 9_999_999_999, key);
    assert_eq!(emulator.view(&link), 200);
    let entries = |path: &Path| std::fs::read_dir(path).expect("a folder").count();
    assert_eq!(entries(emulator.temporary.path()), 1);
    emulator.server.signal("-TERM");
    assert!(emulator.server.process.wait().expect("it ends").success());
    assert_eq!(entries(emulator.temporary.path()), 0, "its data is gone");
    let mut said = String::new();
    let mut stderr = emulator.server.process.stderr.take().expect("its messages");
    stderr.read_to_string(&mut said).expect("text");
    assert!(said.contains("SAFELIGHT EMULATOR: LETS ANYONE IN"), "{said}");
    assert!(!said.contains(key));
}

#[test]
fn only_loopback_will_do_unless_it_is_told_otherwise() {
    let temporary = tempfile::tempdir().expect("a folder");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let Output { status, stderr, .. } =
            dev(temporary.path(), &["--listen", address]).output().expect("it runs");
        assert!(!status.success());
        assert!(String::from_utf8_lossy(&stderr).contains("--allow-remote"), "{address}");
    }
    assert_eq!(std::fs::read_dir(temporary.path()).expect("a folder").count(), 0);
    let port = free_address().rsplit_once(':').expect("a port").1.to_owned();
    let mut command = dev(temporary.path(), &["--allow-remote", "--listen", &format!("0.0.0.0:{port}")]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Server::spawn(command, &format!("127.0.0.1:{port}"));
}

/// No setting opens a real server: what the emulator lets in, it refuses.
#[test]
fn a_real_server_lets_nobody_in() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path());
    let answer = server.get("/_dev/clock");
    assert_eq!(answer.status, 403, "{}", answer.text());
    let other = "/client/v4/accounts/00000000000000000000000000000000/images/v1";
    assert_eq!(server.get(other).status, 403);
    let output = Command::new(env!("CARGO_BIN_EXE_safelight"))
        .args(["serve", "--allow-remote"])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert!(!output.status.success());
}
