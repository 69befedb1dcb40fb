//! `safelight copy` from files to a bucket and back.

use crate::radosgw::radosgw;
use crate::server::{HASH, Server, signed};
use crate::whole::{SAMPLE, images, picture, start};
use std::path::Path;
use std::process::Command;

fn copy(arguments: &[(&str, &Path)]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command.arg("copy").env_clear();
    for (flag, path) in arguments {
        command.arg(flag).arg(path);
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn stop(mut server: Server) {
    server.signal("-TERM");
    assert!(server.process.wait().expect("it ends").success());
}

#[test]
fn images_go_from_files_to_a_bucket_and_back() {
    let Some(radosgw) = radosgw() else { return };
    let (folder, variables) = (tempfile::tempdir().expect("a folder"), radosgw.place());
    let path = |name: &str| folder.path().join(name);
    let (files, bucket, back, env) = (path("files"), path("bucket"), path("back"), path("env"));
    let lines: String = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    std::fs::write(&env, lines).expect("written");
    let server = Server::start(&files);
    // In two parts.
    let large = picture(1_750, 1);
    let ids = [server.upload(SAMPLE, &[("requireSignedURLs", "true")]), server.upload(&large, &[])];
    stop(server);

    copy(&[("--from", &files), ("--to", &bucket), ("--to-env", &env)]);
    assert!(!bucket.join("blobs").exists());
    let check = |server: &Server| {
        for (id, original) in ids.iter().zip([SAMPLE, &large]) {
            assert!(server.get(&format!("{}/{id}/blob", images())).body == original, "{id} is whole");
        }
        let path = format!("/{}/{}/public", HASH, ids[0]);
        assert_eq!(server.get(&path).status, 403);
        assert_eq!(server.get(&signed(&path)).status, 200);
    };
    let server = start(&bucket, &variables, &[]);
    check(&server);
    stop(server);
    copy(&[("--from", &bucket), ("--from-env", &env), ("--to", &back)]);
    let server = Server::start(&back);
    check(&server);
}
