//! The program from outside: its commands against a server that answers from a list.

#![allow(clippy::expect_used, reason = "a test ends where its ground gives way")]

use safelight_domain::signature::{KeyName, SigningKey, Token, verify};
use safelight_domain::time::UnixTime;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

const KEY: &str = "Oix0bbNaT8Rge9PuyxUBrjI6zrgnsyJ5=";
const PATH: &str = "/cheeW4oKsx5ljh8e8BoL2A/bc27a117-9509-446b-8c69-c81bfeac0a01/mobile";
const SIGNED: &str = "/cheeW4oKsx5ljh8e8BoL2A/bc27a117-9509-446b-8c69-c81bfeac0a01/mobile?exp=1631289275\
                      &sig=72411885ee02134d38662f3e70ac8ff694f408e9d14b05125f6b022c3f403efa";
const IMAGES: &str = "/client/v4/accounts/0123456789abcdef0123456789abcdef/images";
const WHOAMI: &str =
    r#"{"account_id":"0123456789abcdef0123456789abcdef","account_hash":"cheeW4oKsx5ljh8e8BoL2A"}"#;

/// The program with no environment but the given one.
fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

fn ran(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(arguments, environment).output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[derive(Clone, Debug)]
struct Asked {
    line: String,
    head: String,
    body: Vec<u8>,
}

/// A server that answers each request by the first entry whose request line starts as asked.
struct Canned {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Canned {
    fn start(answers: Vec<(&'static str, u16, String)>) -> Canned {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.expect("a connection"), &answers, &kept);
            }
        });
        Canned { url, asked }
    }

    fn ran(&self, arguments: &[&str]) -> Output {
        ran(arguments, &[("SAFELIGHT_URL", &self.url), ("SAFELIGHT_API_TOKEN", "t0ken")])
    }

    fn lines(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").iter().map(|asked| asked.line.clone()).collect()
    }
}

fn answer(mut stream: TcpStream, answers: &[(&'static str, u16, String)], kept: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).expect("a line"), 0, "the request ended early");
    }
    let lower = head.to_ascii_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |n| n.parse().expect("a number"));
    let line = head.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
    let known = answers.iter().find(|(start, _, _)| line.starts_with(start));
    let (status, text) = known
        .map_or((404, failure(7003, "No route for the URI")), |(_, status, text)| (*status, text.clone()));
    let waits = lower.contains("expect: 100-continue");
    let mut body = Vec::new();
    // A refusal does not wait for the body of a client that asks first.
    if !waits || status == 200 {
        if waits {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").expect("written");
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).expect("the whole body");
    }
    // Noted before it is answered: whoever has the answer finds the note.
    kept.lock().expect("not poisoned").push(Asked { line, head, body });
    let answer =
        format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
    stream.write_all(answer.as_bytes()).expect("written");
}

fn success(result: &str) -> String {
    format!(r#"{{"result":{result},"success":true,"errors":[],"messages":[]}}"#)
}

fn failure(code: u32, message: &str) -> String {
    format!(
        r#"{{"result":null,"success":false,"errors":[{{"code":{code},"message":"{message}"}}],"messages":[]}}"#
    )
}

fn whoami() -> (&'static str, u16, String) {
    ("GET /safelight/v1/whoami", 200, success(WHOAMI))
}

#[test]
fn version_and_configuration_are_printed() {
    assert_eq!(stdout(&ran(&["--version"], &[])), format!("safelight {}\n", env!("CARGO_PKG_VERSION")));
    let config = ran(&["config"], &[]);
    assert!(config.status.success());
    assert_eq!(stdout(&config), safelight::settings::documented_defaults());
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child =
        command(&["config"], &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    // The reader is gone before the program writes, or while it does.
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn serve_names_the_setting_it_refuses() {
    for (arguments, environment, named) in [
        (&["serve"][..], &[("SAFELIGHT_LISTN", "x")][..], "SAFELIGHT_LISTN"),
        (&["serve", "--render-workers", "0"], &[], "--render-workers"),
        (&["serve", "--config", "/nowhere/x.toml"], &[], "/nowhere/x.toml"),
        (
            &["serve"],
            &[("SAFELIGHT_API_TOKEN", "x"), ("SAFELIGHT_API_TOKEN_FILE", "y")],
            "SAFELIGHT_API_TOKEN_FILE",
        ),
    ] {
        let output = ran(arguments, environment);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(named), "{}", stderr(&output));
    }
}

#[test]
fn sign_works_offline_and_prints_the_url_alone() {
    let arguments = ["sign", PATH, "--expires-at", "1631289275"];
    let output = ran(&arguments, &[("SAFELIGHT_SIGNING_KEY", KEY)]);
    let warning = "warning: the link has expired already\n".to_owned();
    assert_eq!((stdout(&output), stderr(&output)), (format!("{SIGNED}\n"), warning));
    let endless = ran(&["sign", PATH, "--no-expiry"], &[("SAFELIGHT_SIGNING_KEY", KEY)]);
    assert_eq!(stderr(&endless), "");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{KEY}\n")).expect("written");
    let by_file = ran(&arguments, &[("SAFELIGHT_SIGNING_KEY_FILE", &file.display().to_string())]);
    assert_eq!(stdout(&by_file), format!("{SIGNED}\n"));
}

#[test]
fn sign_asks_the_server_for_the_key() {
    let keys = r#"{"keys":[{"name":"default","value":"d"},{"name":"second","value":"s"}]}"#;
    let server = Canned::start(vec![whoami(), ("GET /client/v4/accounts/", 200, success(keys))]);
    let url = format!("https://images.example.com{PATH}");
    let output = server.ran(&["sign", &url, "--key", "second", "--expires-in", "2w"]);
    let signed = stdout(&output);
    let target = signed.trim_end().strip_prefix("https://images.example.com").expect("the same host");
    let key = SigningKey::new(KeyName::parse("second").expect("a name"), "s".to_owned()).expect("a key");
    assert!(matches!(verify(target, &[key], UnixTime(0)), Token::Valid { until: Some(_), .. }), "{signed}");
    assert_eq!(server.lines(), ["GET /safelight/v1/whoami".to_owned(), format!("GET {IMAGES}/v1/keys")]);

    let unknown = server.ran(&["sign", &url, "--key", "third"]);
    assert!(!unknown.status.success() && stderr(&unknown).contains("third"), "{}", stderr(&unknown));
    let other = server.ran(&["sign", "/AAAAAAAAAAAAAAAAAAAAAA/a/public"]);
    assert!(stderr(&other).contains("--account"), "{}", stderr(&other));
}

#[test]
fn verify_tells_by_its_exit_code() {
    let environment = [("SAFELIGHT_SIGNING_KEY", KEY)];
    let expired = ran(&["verify", SIGNED], &environment);
    assert_eq!(expired.status.code(), Some(1));
    assert!(stdout(&expired).contains("but expired"), "{}", stdout(&expired));
    let fresh = stdout(&ran(&["sign", PATH, "--window", "1h"], &environment));
    let valid = ran(&["verify", fresh.trim_end()], &environment);
    assert_eq!(valid.status.code(), Some(0), "{}", stdout(&valid));
}

#[test]
fn upload_sends_the_whole_file_with_its_fields() {
    let image = r#"{"id":"i","variants":["http://h/a/i/public"]}"#;
    let server = Canned::start(vec![whoami(), ("POST", 200, success(image))]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.jpg");
    let bytes: Vec<u8> = [0xFF, 0xD8, 0xFF].into_iter().chain((0..300_000u32).map(|n| n as u8)).collect();
    std::fs::write(&file, &bytes).expect("written");
    let path = file.display().to_string();
    let output = server.ran(&[
        "upload",
        &path,
        "--private",
        "--id",
        "x/ü",
        "--metadata",
        r#"{"a": 1}"#,
        "--creator",
        "c",
    ]);
    assert_eq!(stdout(&output), "i\n  http://h/a/i/public\n", "{}", stderr(&output));

    let asked = server.asked.lock().expect("not poisoned").last().cloned().expect("a request");
    assert_eq!(asked.line, format!("POST {IMAGES}/v1"));
    assert!(asked.head.to_ascii_lowercase().contains("authorization: bearer t0ken"), "{}", asked.head);
    let text = String::from_utf8_lossy(&asked.body);
    for part in [
        "name=\"requireSignedURLs\"\r\n\r\ntrue\r\n",
        "name=\"id\"\r\n\r\nx/ü\r\n",
        "name=\"creator\"\r\n\r\nc\r\n",
        "name=\"metadata\"\r\n\r\n{\"a\":1}\r\n",
        "name=\"file\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(asked.body.windows(bytes.len()).any(|window| window == bytes), "the bytes are whole");
}

#[test]
fn an_upload_refused_before_it_is_sent_does_not_stop_the_others() {
    let server = Canned::start(vec![whoami(), ("POST", 415, failure(5455, "Uploaded image must have …"))]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("b.jpg");
    std::fs::write(&file, vec![b'x'; 5_000_000]).expect("written");
    let path = file.display().to_string();
    let output = server.ran(&["upload", "/nowhere/a.jpg", &path, &path]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("/nowhere/a.jpg") && said.contains("error 5455: Uploaded image must have"),
        "{said}"
    );
    assert!(said.contains("3 of 3 files were not uploaded"), "{said}");
    assert_eq!(server.lines().iter().filter(|line| line.starts_with("POST")).count(), 2);
}

#[test]
fn lists_follow_their_pages() {
    let page = |id: &str, next: &str| {
        success(&format!(
            r#"{{"images":[{{"id":"{id}","requireSignedURLs":true}}],"continuation_token":{next}}}"#
        ))
    };
    let server = Canned::start(vec![
        whoami(),
        (
            "GET /client/v4/accounts/0123456789abcdef0123456789abcdef/images/v2?per_page=999&continuation_token=n%2F1",
            200,
            page("second", "null"),
        ),
        (
            "GET /client/v4/accounts/0123456789abcdef0123456789abcdef/images/v2?per_page=1000",
            200,
            page("first", "\"n/1\""),
        ),
    ]);
    let output = server.ran(&["images", "list"]);
    let text = stdout(&output);
    assert!(
        text.contains("first   private") && text.contains("second  private"),
        "{text}{}",
        stderr(&output)
    );
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&server.ran(&["images", "list", "--json"]))).expect("JSON");
    assert_eq!(json["images"].as_array().map(Vec::len), Some(2));
}

#[test]
fn ids_are_one_segment_of_the_path_and_answers_of_strangers_are_told() {
    let server = Canned::start(vec![whoami(), ("DELETE", 200, "<html>hello".to_owned())]);
    let output = server.ran(&["images", "delete", "a/b ü"]);
    assert_eq!(server.lines().last(), Some(&format!("DELETE {IMAGES}/v1/a%2Fb%20%C3%BC")));
    assert!(stderr(&output).contains("not from Safelight's API: <html>hello"), "{}", stderr(&output));
}

#[test]
fn variants_keep_what_is_not_given() {
    let variant =
        r#"{"variant":{"id":"v","options":{"fit":"cover","width":10,"height":20,"metadata":"none"}}}"#;
    let server =
        Canned::start(vec![whoami(), ("GET", 200, success(variant)), ("PATCH", 200, success(variant))]);
    let output = server.ran(&["variants", "update", "v", "--width", "30", "--always-public"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let asked = server.asked.lock().expect("not poisoned").last().cloned().expect("a request");
    let body: serde_json::Value = serde_json::from_slice(&asked.body).expect("JSON");
    let options = serde_json::json!({"fit": "cover", "width": 30, "height": 20, "metadata": "none"});
    assert_eq!(body, serde_json::json!({"options": options, "neverRequireSignedURLs": true}));
}

#[test]
fn keys_hide_their_values_unless_asked() {
    let keys = success(r#"{"keys":[{"name":"default","value":"hush"}]}"#);
    let server = Canned::start(vec![whoami(), ("GET", 200, keys)]);
    assert!(!stdout(&server.ran(&["keys", "list"])).contains("hush"));
    assert!(stdout(&server.ran(&["keys", "list", "--values"])).contains("hush"));
}

#[test]
fn a_given_account_needs_no_whoami() {
    let server = Canned::start(vec![("GET", 200, success(r#"{"keys":[]}"#))]);
    let account = "ffffffffffffffffffffffffffffffff";
    server.ran(&["keys", "list", "--account", account]);
    assert_eq!(server.lines(), [format!("GET /client/v4/accounts/{account}/images/v1/keys")]);
}

#[test]
fn without_a_token_it_says_where_one_is_looked_for() {
    let output = ran(&["images", "list", "--data", "/nowhere"], &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("SAFELIGHT_API_TOKEN") && said.contains("/nowhere/api-token"), "{said}");
}
