//! What the server fetches when other people's clients ask: uploads by URL, and remote images.

use crate::script::Script;
use crate::server::{Server, free_address, serve};
use std::path::Path;

/// A server that may fetch from a port of this machine, and that port.
fn server_and_port(data: &Path) -> (Server, String) {
    let web = free_address();
    let port = web.rsplit(':').next().expect("a port").to_owned();
    let address = free_address();
    let mut command = serve(data, &address);
    command
        .env("SAFELIGHT_FETCH_PRIVATE_NETWORKS", "127.0.0.1/32")
        .env("SAFELIGHT_FETCH_PORTS", &port)
        .env("SAFELIGHT_REMOTE_ORIGINS", "127.0.0.1")
        .env("SAFELIGHT_ZONE_ORIGIN", format!("http://{web}"));
    (Server::spawn(command, &address), port)
}

#[test]
fn the_typescript_sdk_uploads_by_url() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, port) = server_and_port(data.path());
    Script::new("sdk_url.mjs", &server).arg(port).checks_at_least(12);
}

#[test]
fn the_python_sdk_uploads_by_url() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, port) = server_and_port(data.path());
    Script::new("sdk_url.py", &server).arg(port).checks_at_least(3);
}

#[test]
fn urls_of_loaders_for_remote_images_give_pictures_of_the_right_size() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, port) = server_and_port(data.path());
    Script::new("loaders_remote.mjs", &server).arg(port).checks_at_least(24);
}
