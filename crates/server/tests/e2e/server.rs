//! `safelight serve` in a process of its own, and a client for it.

use safelight_domain::signature::{KeyName, SigningKey, sign_target};
use serde_json::Value;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The signing key of every server here.
pub(crate) const KEY: &str = "Oix0bbNaT8Rge9PuyxUBrjI6zrgnsyJ5=";
/// The API token of every server here.
pub(crate) const TOKEN: &str = "token-of-the-tests-0123456789";
/// The account id of every server here.
pub(crate) const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
/// The account hash of every server here.
pub(crate) const HASH: &str = "cheeW4oKsx5ljh8e8BoL2A";

pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) origin: String,
}

/// An answer of the server.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Whether it is a picture that was stored before it was asked for.
    pub(crate) fn is_stored(&self) -> bool {
        let resized = self.headers.get("cf-resized");
        resized.is_some_and(|value| value.as_bytes().starts_with(b"internal=ok/h "))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A `safelight serve` on this data folder and address, ready to be spawned.
pub(crate) fn serve(data: &Path, address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command
        .args(["serve", "--listen", address, "--data"])
        .arg(data)
        .env_clear()
        .env("SAFELIGHT_ACCOUNT_ID", ACCOUNT)
        .env("SAFELIGHT_ACCOUNT_HASH", HASH)
        .env("SAFELIGHT_API_TOKEN", TOKEN)
        .env("SAFELIGHT_SIGNING_KEY", KEY)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// A path, signed with the key of every server here.
pub(crate) fn signed(path: &str) -> String {
    signed_with(path, "default", KEY)
}

/// The same with another key.
pub(crate) fn signed_with(path: &str, name: &str, value: &str) -> String {
    let name = KeyName::parse(name).expect("a name");
    sign_target(path, "", None, &SigningKey::new(name, value.to_owned()).expect("a key"))
}

/// Says what was measured or skipped, also where the test passes: the output of macros is shown for failures alone.
pub(crate) fn say(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).expect("written");
}

impl Server {
    /// Starts a server and waits until it answers.
    pub(crate) fn start(data: &Path) -> Server {
        let address = free_address();
        Server::spawn(serve(data, &address), &address)
    }

    /// Runs `command`, which must serve on `address`, and waits until it answers.
    pub(crate) fn spawn(mut command: Command, address: &str) -> Server {
        let process = command.spawn().expect("the program starts");
        let mut server = Server { process, origin: format!("http://{address}") };
        let deadline = Instant::now() + Duration::from_secs(30);
        while server.try_get("/health/ready").is_none_or(|answer| answer.status != 200) {
            let ended = server.process.try_wait().expect("it can be asked");
            assert!(ended.is_none(), "the server ended: {ended:?}");
            assert!(Instant::now() < deadline, "the server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.try_get(target).expect("an answer")
    }

    /// `None` when there is no whole answer.
    pub(crate) fn try_get(&self, target: &str) -> Option<Answer> {
        let request = agent().get(format!("{}{target}", self.origin));
        read(request.header("authorization", format!("Bearer {TOKEN}")).call())
    }

    /// Sends a body with the token.
    pub(crate) fn send(&self, method: &str, target: &str, content_type: &str, body: &[u8]) -> Answer {
        self.try_send(method, target, content_type, body).expect("an answer")
    }

    /// `None` when there is no whole answer.
    pub(crate) fn try_send(
        &self,
        method: &str,
        target: &str,
        content_type: &str,
        body: &[u8],
    ) -> Option<Answer> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.origin))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", content_type)
            .body(body)
            .expect("a request");
        read(agent().run(request))
    }

    /// Uploads with the fields; `None` when there is no whole answer.
    pub(crate) fn try_upload(&self, file: &[u8], fields: &[(&str, &str)]) -> Option<Answer> {
        self.try_upload_to(&format!("/client/v4/accounts/{ACCOUNT}/images/v1"), file, fields)
    }

    /// The same to a path.
    pub(crate) fn try_upload_to(&self, path: &str, file: &[u8], fields: &[(&str, &str)]) -> Option<Answer> {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        body.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p.jpg\"\r\n\r\n");
        body.extend(file);
        body.extend(b"\r\n--b--\r\n");
        let request = agent()
            .post(format!("{}{path}", self.origin))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "multipart/form-data; boundary=b");
        read(request.send(&body[..]))
    }

    /// Uploads and returns the image's id.
    pub(crate) fn upload(&self, file: &[u8], fields: &[(&str, &str)]) -> String {
        let answer = self.try_upload(file, fields).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["result"]["id"].as_str().expect("an id").to_owned()
    }

    /// Sends a signal with kill(1).
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {name}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

fn read(answer: Result<http::Response<ureq::Body>, ureq::Error>) -> Option<Answer> {
    let mut answer = answer.ok()?;
    let body = answer.body_mut().with_config().limit(100_000_000).read_to_vec().ok()?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Some(Answer { status, headers, body })
}

/// The processes that a process has started and not outlived.
pub(crate) fn children(parent: u32) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("Linux").flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent_of =
            stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)).map(str::to_owned);
        if parent_of == Some(parent.to_string()) {
            found.push(pid);
        }
    }
    found
}
