//! A clock that is set while the server runs, by libfaketime.

use crate::server::{ACCOUNT, HASH, KEY, Server, free_address, say, serve};
use safelight_domain::signature::{KeyName, SigningKey, sign_target};
use safelight_domain::time::UnixTime;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");
const HOUR: i64 = 3600;

/// `None` where it is not installed, which is said; in CI it is.
fn faketime() -> Option<PathBuf> {
    let found = ["/usr/lib", "/usr/lib64"].iter().find_map(|root| {
        let folders = std::fs::read_dir(root).ok()?.flatten().map(|entry| entry.path());
        folders.map(|folder| folder.join("faketime/libfaketime.so.1")).find(|file| file.exists())
    });
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "libfaketime is missing: run `scripts/setup test`");
        say("\nSKIPPED: libfaketime is not here (`scripts/setup test` installs it)");
    }
    found
}

/// A link to a path until so many seconds after the machine's own time.
fn link(path: &str, seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    let until = i64::try_from(now).expect("fits") + seconds;
    let key = SigningKey::new(KeyName::parse("default").expect("a name"), KEY.to_owned()).expect("a key");
    sign_target(path, "", Some(UnixTime::from_millis(until * 1000)), &key)
}

#[test]
fn a_clock_that_is_set_loses_nothing_and_links_follow_it() {
    let Some(library) = faketime() else { return };
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let offset = folder.path().join("offset");
    let set = |hours: i64| std::fs::write(&offset, format!("{:+}", hours * HOUR)).expect("written");
    set(0);
    let address = free_address();
    let mut command = serve(data.path(), &address);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &offset);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = Server::spawn(command, &address);
    let image = format!("/client/v4/accounts/{ACCOUNT}/images/v1");
    let upload = |id: &str| {
        let answer = server.try_upload(SAMPLE, &[("id", id), ("requireSignedURLs", "true")]);
        assert_eq!(answer.expect("an answer").status, 200, "{id}");
    };
    let delete = |id: &str| server.send("DELETE", &format!("{image}/{id}"), "application/json", b"").status;
    let status = |target: &str| server.get(target).status;
    let path = |id: &str| format!("/{HASH}/{id}/public");

    upload("first");
    let soon = link(&path("first"), HOUR);
    assert_eq!(status(&soon), 200);

    set(2);
    assert_eq!(status(&soon), 403, "the link is over by this clock");
    let shown = server.get(&link(&path("first"), 2 * HOUR + 600));
    assert_eq!(shown.status, 200);
    let lifetime = shown.headers["cache-control"].to_str().expect("text");
    let seconds = lifetime.split("max-age=").nth(1).and_then(|rest| rest.parse::<i64>().ok());
    assert!(seconds.is_some_and(|seconds| (1..=600).contains(&seconds)), "{lifetime}");
    upload("second");
    assert_eq!(delete("first"), 200);
    assert_eq!(status(&link(&path("first"), 3 * HOUR)), 404);

    set(-2);
    assert_eq!(status(&soon), 404, "what was deleted stays so, although the link is not over");
    assert_eq!(status(&link(&path("second"), 60)), 200);
    upload("first");
    assert_eq!(status(&soon), 200);
    assert_eq!(delete("second"), 200);
    upload("third");

    set(0);
    for (id, expected) in [("first", 200), ("second", 404), ("third", 200)] {
        assert_eq!(status(&link(&path(id), HOUR)), expected, "{id}");
        assert_eq!(status(&path(id)), 403, "{id} without a signature");
    }
    let stats = server.get(&format!("{image}/stats")).json();
    assert_eq!(stats["result"]["count"]["current"], 2);
    assert_eq!(status("/health/ready"), 200);
}
