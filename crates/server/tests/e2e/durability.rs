//! What reaches the disk before an answer does, of one upload through the whole server.

use crate::server::{Server, children, free_address, serve};
use crate::trace::{CALLS, Trace};
use std::path::{Path, PathBuf};
use std::process::Command;

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

#[test]
fn an_upload_is_on_disk_before_it_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("a real path");
    let (data, output) = (folder.join("data"), folder.join("trace"));
    let address = free_address();
    let server = Server::spawn(traced(&serve(&data, &address), &output), &address);
    let id = server.upload(SAMPLE, &[("requireSignedURLs", "true")]);
    for pid in children(server.process.id()) {
        assert!(Command::new("kill").arg(pid).status().is_ok_and(|status| status.success()));
    }
    let mut server = server;
    server.process.wait().expect("strace ends with the server");

    let trace = Trace::read(&output);
    let staged = trace.between(&["openat"], &format!("{}/", data.join("staging").display()), 0, usize::MAX);
    let begin = staged.first().expect("the upload is staged").ended;
    let answered = trace.marker("HTTP/1.1 200", begin).began;
    let original = the_file_below(&data.join("blobs/original"));
    let (placed, unfinished) =
        trace.placed(&original, begin, answered).expect("it got its name before the answer");
    let wrote =
        trace.between(&["write", "pwrite64"], &format!("<{}>", unfinished.display()), begin, answered);
    let last_write = wrote.last().expect("the original is written").ended;
    assert!(!trace.syncs(&unfinished, last_write, placed.began).is_empty(), "its bytes are not synced");
    let folder_of_it = original.parent().expect("a folder");
    let synced = trace.syncs(folder_of_it, placed.ended, answered);
    let synced = synced.first().expect("its folder is not synced").ended;

    let log = data.join("catalog.sqlite-wal");
    let rows = trace.between(&["pwrite64"], &format!("<{}>", log.display()), synced, answered);
    let row = rows.last().expect("the row is written, and after the bytes").ended;
    assert!(!trace.syncs(&log, row, answered).is_empty(), "the row of {id} is not synced before the answer");
}

fn traced(serve: &Command, output: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "64", "-e", CALLS, "-o"]).arg(output);
    strace.arg(serve.get_program()).args(serve.get_args()).env_clear();
    strace.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // strace itself is found by it; the server does not look.
    strace.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    strace
}

fn the_file_below(folder: &Path) -> PathBuf {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        found.extend(std::fs::read_dir(entry.path()).expect("a folder").flatten().map(|entry| entry.path()));
    }
    assert_eq!(found.len(), 1, "one original: {found:?}");
    found.remove(0)
}
