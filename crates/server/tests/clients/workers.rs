//! Workers that sign URLs, in Cloudflare's own runtime: ours, and the one of Cloudflare's page "Serve
//! private images" where `../shared` beside the project has that page.

use crate::script::{Script, repository};
use crate::server::{Server, free_address, serve};
use std::path::{Path, PathBuf};

/// The Worker that the page shows, with its signing function exported.
fn worker_of_the_page(folder: &Path) -> Option<PathBuf> {
    let page = repository().join("../shared/seed/serve-private-images.txt");
    let page = std::fs::read_to_string(page).ok()?;
    let start = page.find("const EXPIRATION").expect("the start of the Worker");
    let end = page.rfind("};").expect("its end") + 2;
    let worker = folder.join("worker.js");
    let exported = format!("{}\nexport {{ generateSignedUrl }};\n", &page[start..end]);
    std::fs::write(&worker, exported).expect("written");
    Some(worker)
}

/// A server that lets anyone try wrong signatures as often as this test does.
fn start(data: &Path) -> Server {
    let address = free_address();
    let mut command = serve(data, &address);
    command.env("SAFELIGHT_FAILED_SIGNATURES_PER_MINUTE", "off");
    Server::spawn(command, &address)
}

#[test]
fn links_of_signing_workers_open_private_images() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start(&data.path().join("own"));
    let own = repository().join("clients/worker.js");
    Script::new("workers.mjs", &server).arg(own).arg(&server.origin).checks_at_least(150);

    if let Some(worker) = worker_of_the_page(data.path()) {
        let server = start(&data.path().join("page"));
        let script = Script::new("workers.mjs", &server).arg(worker).arg("https://imagedelivery.net");
        script.checks_at_least(150);
    }
}
