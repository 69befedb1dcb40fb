//! `safelight health` and `safelight migrate`.

use crate::server::{Server, free_address, serve};
use safelight::catalog::SCHEMA_VERSION;
use safelight::catalog::fixtures::Place;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

/// The exit code, standard output and standard error of a command.
fn ran(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    let output =
        command.args(arguments).env_clear().envs(environment.iter().copied()).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn health_is_that_of_the_server_that_is_named_or_has_the_same_settings() {
    let data = tempfile::tempdir().expect("a folder");
    let (address, admin) = (free_address(), free_address());
    let mut command = serve(data.path(), &address);
    command.env("SAFELIGHT_ADMIN_LISTEN", &admin);
    let mut server =
        Server { process: command.spawn().expect("it starts"), origin: format!("http://{admin}") };
    while server.try_get("/health/ready").is_none_or(|answer| answer.status != 200) {
        assert!(server.process.try_wait().expect("it can be asked").is_none(), "the server ended");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let ready = (Some(0), "ready\n".to_owned(), String::new());
    assert_eq!(ran(&["health", &server.origin], &[]), ready);
    assert_eq!(ran(&["health"], &[("SAFELIGHT_URL", &server.origin)]), ready);
    assert_eq!(
        ran(&["health"], &[("SAFELIGHT_LISTEN", &address), ("SAFELIGHT_ADMIN_LISTEN", &admin)]),
        ready
    );
    // Delivery alone tells nobody.
    let (code, _, error) = ran(&["health"], &[("SAFELIGHT_LISTEN", &address)]);
    assert!(code == Some(1) && error.contains("/health/ready answers 403"), "{error}");
    drop(server);
    let (code, _, error) = ran(&["health", &format!("http://{admin}")], &[]);
    assert!(code == Some(1) && error.contains("no answer from"), "{error}");
}

#[test]
fn what_is_not_ready_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut head = [0; 4096];
        let length = stream.read(&mut head).expect("a request");
        let answer =
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 25\r\n\r\nthe catalog is not ready\n";
        stream.write_all(answer.as_bytes()).expect("sent");
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    let (code, _, error) = ran(&["health", &url], &[]);
    assert_eq!(
        (code, error),
        (Some(1), format!("error: {url}/health/ready answers 503: the catalog is not ready\n"))
    );
    assert!(server.join().expect("no panic").starts_with("GET /health/ready HTTP/1.1\r\n"));
    for bad in ["nonsense", "ftp://a"] {
        assert_eq!(ran(&["health", bad], &[]).0, Some(1), "{bad}");
    }
}

#[test]
fn a_file_is_migrated_once_and_never_under_a_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let data = data.to_str().expect("UTF-8");
    let migrate = |check: &[&str]| ran(&[&["migrate", "--data", data], check].concat(), &[]);
    let (code, said, _) = migrate(&["--check"]);
    assert_eq!(
        (code, said),
        (Some(1), format!("the catalog has version 0 and is to be brought to {SCHEMA_VERSION}\n"))
    );
    assert!(!std::path::Path::new(data).exists(), "nothing is made for a look");
    let (code, said, error) = migrate(&[]);
    assert_eq!(
        (code, said),
        (Some(0), format!("the catalog was brought from version 0 to {SCHEMA_VERSION}\n")),
        "{error}"
    );
    for (check, words) in [(&[][..], "nothing was to be done"), (&["--check"], "nothing is to be done")] {
        let (code, said, _) = migrate(check);
        assert_eq!((code, said), (Some(0), format!("the catalog has version {SCHEMA_VERSION}: {words}\n")));
    }
    let server = Server::start(data.as_ref());
    let (code, _, error) = migrate(&[]);
    assert!(code == Some(1) && error.contains("in use by another safelight process"), "{error}");
    assert_eq!(migrate(&["--check"]).0, Some(0), "a look is fine");
    drop(server);
}

#[tokio::test]
async fn a_database_is_migrated_by_many_at_once() {
    let Some(place) = Place::on_server().await else { return };
    let url = place.url().expect("of a server");
    let migrate = |arguments: &'static [&'static str]| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || ran(arguments, &[("SAFELIGHT_DATABASE", &url)]))
    };
    assert_eq!(migrate(&["migrate", "--check"]).await.expect("ran").0, Some(1));
    let all = [(); 4].map(|()| migrate(&["migrate"]));
    for one in all {
        let (code, said, error) = one.await.expect("ran");
        assert!(code == Some(0) && said.contains(&format!("{SCHEMA_VERSION}")), "{said}{error}");
    }
    assert_eq!(migrate(&["migrate", "--check"]).await.expect("ran").0, Some(0));
}
