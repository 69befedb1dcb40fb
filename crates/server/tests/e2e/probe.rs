//! `safelight probe` through proxies that do one thing wrong.

use crate::proxy::{Fault, Proxy};
use crate::server::{ACCOUNT, Server, TOKEN, free_address, serve};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn server(data: &Path) -> (Server, String) {
    started(data, &[("SAFELIGHT_LEVELS", "off"), ("SAFELIGHT_REFINE", "off")])
}

fn started(data: &Path, variables: &[(&str, &str)]) -> (Server, String) {
    let address = free_address();
    let mut command = serve(data, &address);
    command.env("SAFELIGHT_TRUSTED_PROXIES", "127.0.0.1").envs(variables.iter().copied());
    (Server::spawn(command, &address), address)
}

fn command(proxy: &Proxy) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command
        .args(["probe", &proxy.origin, "--url", &proxy.origin])
        .env_clear()
        .env("SAFELIGHT_API_TOKEN", TOKEN);
    command
}

/// Ids of images and names of variants that there are.
fn left(server: &Server) -> (usize, usize) {
    let path = |rest: &str| format!("/client/v4/accounts/{ACCOUNT}/images/v1{rest}");
    let images = server.get(&path("")).json()["result"]["images"].as_array().expect("a list").len();
    let variants =
        server.get(&path("/variants")).json()["result"]["variants"].as_object().expect("variants").len();
    (images, variants)
}

fn failed(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let name = |line: &str| Some(line.strip_prefix("FAIL  ")?.split(": ").next()?.to_owned());
    text.lines().filter_map(name).collect()
}

#[test]
fn each_fault_of_a_proxy_is_found_and_nothing_is_left() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, address) = server(data.path());
    let shared = "private pictures are in no shared cache";
    let faults: [(Fault, &[&str]); 19] = [
        (Fault::Nothing, &[]),
        (Fault::DecodesSlashes, &["path"]),
        (Fault::WritesCapitals, &["path"]),
        (Fault::MergesSlashes, &["path"]),
        (Fault::SortsQueries, &["query"]),
        (Fault::TakesAcceptOff, &["Accept and Vary"]),
        (Fault::TakesVaryOff, &["Accept and Vary"]),
        (Fault::MakesPublic, &["freshness ends with the signature", "refusals are kept by nobody"]),
        (Fault::KeepsWhatIsPrivate, &["Accept and Vary", shared, "refused after its time"]),
        (Fault::KeepsWithoutQuery, &["refused without and with another signature", "refused after its time"]),
        (Fault::KeepsRefusals, &["refusals are kept by nobody"]),
        (Fault::BreaksHead, &["HEAD"]),
        (Fault::TakesRangeOff, &["Range and If-Range"]),
        (Fault::TakesIfNoneMatchOff, &["If-None-Match"]),
        (Fault::TakesHeadersOff, &["headers and bytes of pictures"]),
        (Fault::SaysCompressed, &["headers and bytes of pictures"]),
        (Fault::HasSmallBodies, &["uploads of 8 MB"]),
        (Fault::HidesClients, &["address of the client"]),
        (Fault::Redirects, &["pictures are reached"]),
    ];
    std::thread::scope(|threads| {
        for (fault, expected) in faults {
            let address = &address;
            threads.spawn(move || {
                let proxy = Proxy::start(address, fault);
                let output = command(&proxy).output().expect("it runs");
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let errors = String::from_utf8_lossy(&output.stderr);
                let failed = failed(&output);
                let found = expected.iter().all(|name| failed.iter().any(|failed| failed == name));
                assert!(found, "{fault:?}: {expected:?}\n{text}{errors}");
                // What keeps answers breaks much; all others are told apart.
                let many = [Fault::KeepsWhatIsPrivate, Fault::KeepsWithoutQuery].contains(&fault);
                assert!(many || failed.len() == expected.len(), "{fault:?}: {expected:?}\n{text}{errors}");
                assert_eq!(
                    output.status.code(),
                    Some(i32::from(!expected.is_empty())),
                    "{fault:?}\n{text}{errors}"
                );
                assert!(!text.contains("skip  "), "{fault:?}\n{text}");
                assert_eq!(errors, "", "{fault:?}");
            });
        }
    });
    assert_eq!(left(&server), (0, 1), "only the variant of the first start");
}

/// The first answer may be in another format than later ones.
#[test]
fn a_server_that_makes_pictures_better_passes_too() {
    let data = tempfile::tempdir().expect("a folder");
    let (_server, address) = started(data.path(), &[]);
    let output = command(&Proxy::start(&address, Fault::Nothing)).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn an_interrupted_probe_leaves_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, address) = server(data.path());
    let proxy = Proxy::start(&address, Fault::NeverAnswersForPictures);
    let probe = command(&proxy).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let deadline = Instant::now() + Duration::from_secs(120);
    while left(&server).0 < 4 {
        assert!(Instant::now() < deadline, "it makes no pictures");
        std::thread::sleep(Duration::from_millis(20));
    }
    let interrupted = Command::new("kill").args(["-INT", &probe.id().to_string()]).status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    let output = probe.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.as_ref()), (Some(1), "error: interrupted\n"));
    assert_eq!(left(&server), (0, 1));
}
