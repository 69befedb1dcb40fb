//! `safelight doctor` on a data folder that is damaged in every way it knows.

use crate::moving::start_plain;
use crate::server::{ACCOUNT, HASH, Server};
use std::fs::{FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

/// Whether it ended with 0, and its lines.
fn doctor(data: &Path, flags: &[&str]) -> (bool, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command.arg("doctor").arg(data).args(flags).env_clear().stdin(Stdio::null());
    let output = command.output().expect("it runs");
    let lines = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), lines.lines().map(str::to_owned).collect())
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn stop(mut server: Server) {
    server.signal("-TERM");
    assert!(server.process.wait().expect("it ends").success());
}

/// One damage of each kind.
fn damage(data: &Path) {
    let blobs = data.join("blobs");
    let originals = files(&blobs.join("original"));
    std::fs::remove_file(&originals[0]).expect("removed");
    let renditions = files(&blobs.join("rendition"));
    std::fs::remove_file(&renditions[0]).expect("removed");
    let mut bytes = std::fs::read(&renditions[1]).expect("a rendition");
    bytes[20] ^= 1;
    std::fs::write(&renditions[1], bytes).expect("written");
    for (name, days) in [("a".repeat(32), 2), ("b".repeat(32), 0)] {
        let orphan = blobs.join("original").join(&name[..2]);
        let file = std::fs::File::create(orphan.join(&name)).expect("a file");
        let then = SystemTime::now() - Duration::from_secs(days * 86_400);
        file.set_times(FileTimes::new().set_modified(then)).expect("set");
    }
    let catalog = rusqlite::Connection::open(data.join("catalog.sqlite")).expect("opens");
    catalog
        .execute_batch("UPDATE counters SET images = 9; DELETE FROM metadata_values WHERE image = 'two'")
        .expect("damages");
    drop(catalog);
    std::fs::set_permissions(data.join("catalog.sqlite"), Permissions::from_mode(0o644)).expect("opened");
}

#[test]
fn what_is_damaged_is_found_and_made_right_where_nothing_is_lost() {
    let data = tempfile::tempdir().expect("a folder");
    let blobs = data.path().join("blobs");
    let server = start_plain(data.path());
    for id in ["one", "two", "three"] {
        server.upload(SAMPLE, &[("id", id), ("metadata", r#"{"n":1}"#)]);
        assert_eq!(server.get(&format!("/{HASH}/{id}/public")).status, 200);
    }
    let (ended, lines) = doctor(data.path(), &[]);
    assert!(!ended && lines.iter().any(|line| line.contains("stop the server")), "{lines:?}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while files(&blobs.join("rendition")).len() < 3 {
        assert!(Instant::now() < deadline, "renditions are not stored");
        std::thread::sleep(Duration::from_millis(50));
    }
    stop(server);
    let sound = doctor(data.path(), &["--hash"]);
    assert_eq!(sound, (true, vec!["all is well".to_owned()]));

    damage(data.path());
    let expected = [
        "catalog.sqlite is open to other users: chmod 600",
        "is missing, the original of image",
        "is missing: --repair drops its row",
        "is damaged: --repair drops its row",
        "counts 9 images and has 3",
        "filters miss 1 values",
        "has no row: --repair deletes it",
    ];
    let found = |lines: &[String]| {
        assert_eq!(lines.len(), expected.len(), "{lines:#?}");
        for text in expected {
            assert!(lines.iter().any(|line| line.contains(text)), "{text}: {lines:#?}");
        }
    };
    for _ in 0..2 {
        let (ended, lines) = doctor(data.path(), &["--hash"]);
        assert!(!ended, "nothing was changed");
        found(&lines);
    }
    let (ended, lines) = doctor(data.path(), &["--hash", "--repair"]);
    assert!(!ended, "an original is missing for good");
    found(&lines);
    assert_eq!(lines.iter().filter(|line| !line.starts_with("repaired: ")).count(), 1, "{lines:#?}");
    let (ended, lines) = doctor(data.path(), &["--hash"]);
    assert!(!ended && lines.len() == 1 && lines[0].contains("original of image"), "{lines:#?}");

    let server = start_plain(data.path());
    let list = server.get(&format!("/client/v4/accounts/{ACCOUNT}/images/v2?meta.n%5Beq:number%5D=1")).json();
    let images = list["result"]["images"].as_array().expect("a list").clone();
    assert_eq!(images.len(), 3, "no image's row is gone");
    let shown = ["one", "two", "three"].map(|id| server.get(&format!("/{HASH}/{id}/public")).status);
    assert_eq!(shown.iter().filter(|status| **status == 200).count(), 2, "{shown:?}");
}
