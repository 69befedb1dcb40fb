//! First and later starts on a data folder, and the running program as an operator meets it.

#![allow(clippy::expect_used, reason = "a test ends where its ground gives way")]

use rustix::process::{Pid, Signal, kill_process};
use safelight::bootstrap::{Started, TOKEN_FILE, start};
use safelight::clock::Clock;
use safelight::config::{Config, FirstAccount};
use safelight::settings::{Environment, Sources, load};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::token::{Role, Scope, TokenHash};
use safelight_domain::variant::VariantName;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn config(data: &Path, first_account: FirstAccount) -> Config {
    let settings = load(&Sources {
        flags: vec![("data", data.display().to_string())],
        config_file: None,
        environment: Environment::default(),
        program: env!("CARGO_BIN_EXE_safelight").into(),
        parallelism: 1,
    });
    Config { first_account, ..settings.expect("good settings").config }
}

async fn started(data: &Path, first_account: FirstAccount) -> anyhow::Result<Started> {
    start(config(data, first_account), Clock::from_millis(|| 1_700_000_000_000)).await
}

async fn refusal(data: &Path, first_account: FirstAccount) -> String {
    format!("{:#}", started(data, first_account).await.err().expect("refused"))
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777
}

fn given() -> FirstAccount {
    FirstAccount {
        id: AccountId::parse(&"a".repeat(32)).ok(),
        hash: AccountHash::parse(&"h".repeat(22)).ok(),
        api_token: Some("t0ken".to_owned()),
        signing_key: Some("k3y".to_owned()),
    }
}

#[tokio::test]
async fn the_first_start_makes_an_account_and_later_ones_find_it() {
    let parent = tempfile::tempdir().expect("a folder");
    let data = parent.path().join("data");
    let first = started(&data, FirstAccount::default()).await.expect("started");
    let account = first.first_account.account.clone();
    let token = first.first_account.token.clone().expect("a new token");
    assert_eq!(std::fs::read_to_string(data.join(TOKEN_FILE)).expect("readable").trim_end(), token);
    assert_eq!((mode(&data), mode(&data.join(TOKEN_FILE))), (0o700, 0o600));

    let catalog = &first.app.catalog;
    let record = catalog.find_token(&TokenHash::of(&token)).await.expect("read").expect("stored");
    assert_eq!((&record.account, record.role), (&account.id, Role::InstanceAdmin));
    assert_eq!(record.scopes, Scope::ALL);
    let keys = catalog.keys(&account.id).await.expect("read");
    let keys: Vec<_> = keys.iter().map(|key| (key.name().as_str(), key.value().len())).collect();
    assert_eq!(keys, [("default", 43)]);
    let public = VariantName::parse("public").expect("a name");
    let variant = catalog.find_variant(&account.id, &public).await.expect("read").expect("stored");
    let size = (variant.transform.width.map(|w| w.pixels()), variant.transform.height.map(|h| h.pixels()));
    assert_eq!(size, (Some(1366), Some(768)));
    drop(first);

    let second = started(&data, FirstAccount::default()).await.expect("started again");
    assert_eq!(second.first_account.account, account);
    assert_eq!(second.first_account.token, None);
    assert_eq!(second.app.catalog.accounts().await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_start_that_ended_between_token_and_account_is_finished_by_the_next() {
    let data = tempfile::tempdir().expect("a folder");
    std::fs::write(data.path().join(TOKEN_FILE), "left-behind\n").expect("written");
    std::fs::write(data.path().join("lock"), "").expect("written");
    let first = started(data.path(), FirstAccount::default()).await.expect("started");
    assert_eq!(first.first_account.token.as_deref(), Some("left-behind"));
    let found = first.app.catalog.find_token(&TokenHash::of("left-behind")).await.expect("read");
    assert!(found.is_some());
}

#[tokio::test]
async fn given_names_and_secrets_are_taken_and_must_stay_the_same() {
    let data = tempfile::tempdir().expect("a folder");
    let first = started(data.path(), given()).await.expect("started");
    assert_eq!(first.first_account.token, None);
    assert_eq!(Some(&first.first_account.account.id), given().id.as_ref());
    assert_eq!(Some(&first.first_account.account.hash), given().hash.as_ref());
    assert!(!data.path().join(TOKEN_FILE).exists(), "no copy of a given token is written");
    drop(first);
    drop(started(data.path(), given()).await.expect("the same again"));
    drop(started(data.path(), FirstAccount::default()).await.expect("none is the same"));

    let id = AccountId::parse(&"b".repeat(32)).ok();
    let hash = AccountHash::parse(&"i".repeat(22)).ok();
    for (changed, named) in [
        (FirstAccount { id, ..given() }, "SAFELIGHT_ACCOUNT_ID"),
        (FirstAccount { hash, ..given() }, "SAFELIGHT_ACCOUNT_HASH"),
        (FirstAccount { api_token: Some("unlike".to_owned()), ..given() }, "SAFELIGHT_API_TOKEN"),
        (FirstAccount { signing_key: Some("unlike".to_owned()), ..given() }, "SAFELIGHT_SIGNING_KEY"),
    ] {
        let message = refusal(data.path(), changed).await;
        assert!(
            message.contains(named) && !message.contains("unlike") && !message.contains("k3y"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn one_process_at_a_time() {
    let data = tempfile::tempdir().expect("a folder");
    let first = started(data.path(), FirstAccount::default()).await.expect("started");
    let message = refusal(data.path(), FirstAccount::default()).await;
    assert!(message.contains(&data.path().display().to_string()), "{message}");
    drop(first);
    assert!(started(data.path(), FirstAccount::default()).await.is_ok());
}

/// A running `safelight serve`, killed if a test fails.
struct Server(Child);

impl Server {
    /// Starts one on a free port and waits for the line that says where it is.
    fn start(data: &Path, flags: &[&str]) -> (Server, serde_json::Value, impl BufRead + use<>) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_safelight"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--data"])
            .arg(data)
            .args(flags)
            .env_clear()
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let server = Server(child);
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(log.read_line(&mut line).expect("a line"), 0, "the server ended early");
            let Ok(entry) = serde_json::from_str::<serde_json::Value>(&line) else { panic!("{line}") };
            if entry["fields"]["message"] == "serving" {
                return (server, entry["fields"].clone(), log);
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).expect("a small number")).expect("a process");
        kill_process(pid, signal).expect("it runs");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn serve_says_where_it_is_and_stops_when_told() {
    for signal in [Signal::TERM, Signal::INT] {
        let data = tempfile::tempdir().expect("a folder");
        let (mut server, said, mut log) = Server::start(data.path(), &[]);
        let listen = said["listen"].as_str().expect("an address").to_owned();
        assert!(!listen.ends_with(":0"), "{listen}");
        assert_eq!(said["public_url"], format!("http://{listen}/"));
        assert_eq!(said["account_id"].as_str().map(str::len), Some(32));
        assert_eq!(said["account_hash"].as_str().map(str::len), Some(22));
        let file = said["token_file"].as_str().expect("a path");
        let token = std::fs::read_to_string(file).expect("the file is there");

        server.signal(signal);
        let mut rest = String::new();
        log.read_to_string(&mut rest).expect("a log");
        assert!(server.0.wait().expect("ended").success(), "{rest}");
        assert!(rest.contains("stopped"), "{rest}");
        assert!(!format!("{said}{rest}").contains(token.trim()), "the token is in no log");
    }
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let (_server, said, _log) = Server::start(data.path(), &["--admin-listen", "127.0.0.1:0"]);
    assert_ne!(said["listen"], said["admin_listen"]);
    let output = Command::new(env!("CARGO_BIN_EXE_safelight"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .env_clear()
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("in use by another safelight process"), "{said}");
    assert!(said.contains(&data.path().display().to_string()), "{said}");
}

/// The status of an answer to a plain GET at an address.
fn status(address: &str, path: &str) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    agent.get(format!("http://{address}{path}")).call().expect("an answer").status().as_u16()
}

#[test]
fn the_dashboard_has_a_listener_of_its_own_where_it_is_asked_for() {
    let apart = ["--admin-listen", "127.0.0.1:0", "--dashboard-listen", "127.0.0.1:0"];
    for (arguments, beside) in [(&[][..], "listen"), (&apart[..2], "admin_listen"), (&apart[..], "")] {
        let data = tempfile::tempdir().expect("a folder");
        let (_server, said, _log) = Server::start(data.path(), arguments);
        let url = said["dashboard"].as_str().expect("a URL");
        let own = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/dashboard/"));
        let own = own.expect("an address");
        assert_eq!(status(own, "/dashboard/"), 200);
        for name in ["listen", "admin_listen"] {
            let address = said[name].as_str().expect("an address");
            let serves = status(address, "/dashboard/") == 200;
            assert_eq!(serves, address == own, "{arguments:?}: {name}");
            assert_eq!(address == own, name == beside || arguments.is_empty(), "{arguments:?}: {name}");
        }
    }
    let data = tempfile::tempdir().expect("a folder");
    let (_server, said, _log) = Server::start(data.path(), &["--dashboard", "off"]);
    assert_eq!(said["dashboard"], "off");
    assert_eq!(status(said["listen"].as_str().expect("an address"), "/dashboard/"), 403);
}

fn demo(temporary: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_safelight"))
        .args(["demo", "--exit"])
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", temporary)
        .output()
        .expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_demo_takes_every_step_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (code, out, errors) = demo(temporary.path(), &[]);
    assert_eq!(code, Some(0), "{out}{errors}");
    let statuses: Vec<&str> =
        out.lines().take_while(|line| !line.is_empty()).map(|line| &line[..6]).collect();
    assert_eq!(statuses, ["200 ok", "403 ok", "200 ok", "200 ok", "200 ok", "403 ok", "403 ok"], "{out}");
    assert_eq!(std::fs::read_dir(temporary.path()).expect("readable").count(), 0);
}

#[test]
fn the_demo_says_what_is_wrong_with_a_file() {
    let temporary = tempfile::tempdir().expect("a folder");
    let text = temporary.path().join("letter.txt");
    std::fs::write(&text, "Dear all").expect("written");
    for (file, why) in
        [("/nowhere/a.jpg", "cannot be opened"), (&text.display().to_string(), "the server refused (4")]
    {
        let (code, out, errors) = demo(temporary.path(), &[file]);
        assert_eq!(code, Some(1), "{out}");
        assert!(errors.contains(file) && errors.contains(why), "{errors}");
    }
}
