//! A disk that fills up: what is refused, what goes on, and that room is all it takes.

use crate::server::{ACCOUNT, Answer, HASH, Server, free_address, serve};
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

/// A server whose data folder is a small disk of its own, which its process alone sees.
struct SmallDisk {
    server: Server,
    /// The data folder, as others reach it.
    data: PathBuf,
}

/// Whether this user may mount; else it is said that the test was skipped.
fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    let may = tried.is_ok_and(|tried| tried.status.success());
    if !may {
        // Not by a macro, whose output is shown for failures alone.
        let said = b"\nSKIPPED: a test with a full disk needs leave to mount one\n";
        std::io::stderr().write_all(said).expect("written");
    }
    may
}

impl SmallDisk {
    /// Of 64 MiB, of which so many bytes are to stay free.
    fn start(folder: &Path, min_free_bytes: &str) -> SmallDisk {
        let address = free_address();
        let program = serve(folder, &address);
        let mut command = Command::new("unshare");
        let script = "mount -t tmpfs -o size=64m,mode=700 none \"$0\" && exec \"$@\"";
        command.args(["-m", "sh", "-c", script]).arg(folder).arg(program.get_program());
        command.args(program.get_args()).args(["--min-free-bytes", min_free_bytes, "--refine", "off"]);
        // The way to unshare and mount, which the program needs nothing of.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Server::spawn(command, &address);
        let root = PathBuf::from(format!("/proc/{}/root", server.process.id()));
        let data = root.join(folder.strip_prefix("/").expect("an absolute path"));
        SmallDisk { server, data }
    }

    /// Takes so many MiB of the disk, or all that it has.
    fn fill(&self, mebibytes: usize) {
        let mut filler = File::create(self.data.join("filler")).expect("a file");
        for _ in 0..mebibytes {
            if filler.write_all(&[0; 1 << 20]).is_err() {
                break;
            }
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.data.join("filler")).expect("removed");
    }

    fn try_upload(&self) -> Answer {
        self.server.try_upload(SAMPLE, &[]).expect("an answer")
    }

    fn files(&self, folder: &str) -> usize {
        files_below(&self.data.join(folder))
    }

    fn details(&self, method: &str, id: &str) -> Answer {
        let path = format!("/client/v4/accounts/{ACCOUNT}/images/v1/{id}");
        self.server.send(method, &path, "application/json", b"")
    }
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}

#[test]
fn uploads_end_before_the_disk_is_full_and_deleting_makes_room() {
    if !may_mount() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let disk = SmallDisk::start(folder.path(), "16777216");
    let id = disk.server.upload(SAMPLE, &[]);
    disk.fill(50);
    let refused = disk.try_upload();
    assert_eq!((refused.status, &refused.json()["errors"][0]["code"]), (507, &json!(5507)));
    let text = refused.text();
    assert!(text.contains("nearly full") && text.contains("deleting works"), "{text}");
    assert_eq!((disk.files("staging"), disk.files("blobs/original")), (0, 1), "nothing is half-written");

    let health = disk.server.get("/safelight/v1/health").json()["result"].clone();
    assert_eq!((&health["disk"]["state"], &health["store"]["state"]), (&json!("failed"), &json!("ok")));

    // Pictures are made and served, and not kept: what is made again was not stored.
    for _ in 0..3 {
        let picture = disk.server.get(&format!("/{HASH}/{id}/public"));
        assert_eq!((picture.status, picture.is_stored()), (200, false));
    }
    assert_eq!(disk.files("blobs/rendition"), 0);
    // The catalog has room for what ends access, and for deletion.
    let keys = format!("/client/v4/accounts/{ACCOUNT}/images/v1/keys/second");
    for method in ["PUT", "DELETE"] {
        assert_eq!(disk.server.send(method, &keys, "application/json", b"").status, 200, "{method}");
    }
    assert_eq!(disk.details("DELETE", &id).status, 200);
    assert_eq!(disk.server.get(&format!("/{HASH}/{id}/public")).status, 403);

    disk.make_room();
    let id = disk.server.upload(SAMPLE, &[]);
    assert_eq!(disk.server.get(&format!("/{HASH}/{id}/public")).status, 200);
}

#[test]
fn a_disk_that_is_full_all_the_same_leaves_nothing_half_written() {
    if !may_mount() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let disk = SmallDisk::start(folder.path(), "0");
    let id = disk.server.upload(SAMPLE, &[]);
    disk.fill(usize::MAX);
    let refused = disk.try_upload();
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert_eq!((disk.files("staging"), disk.files("blobs/original")), (0, 1));
    assert_eq!(disk.server.get(&format!("/{HASH}/{id}/public")).status, 200);

    disk.make_room();
    disk.server.upload(SAMPLE, &[]);
    assert_eq!(disk.details("DELETE", &id).status, 200);
}
