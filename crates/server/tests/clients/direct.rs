//! Direct creator uploads: links asked for by the SDKs, and used by programs and a browser.

use crate::script::Script;
use crate::server::Server;

#[test]
fn the_typescript_sdk_makes_upload_links_and_batches() {
    let data = tempfile::tempdir().expect("a folder");
    Script::new("sdk_direct.mjs", &Server::start(data.path())).checks_at_least(40);
}

#[test]
fn the_python_sdk_makes_upload_links() {
    let data = tempfile::tempdir().expect("a folder");
    Script::new("sdk_direct.py", &Server::start(data.path())).checks_at_least(10);
}

#[test]
fn a_browser_uploads_by_form_fetch_and_uppy_across_origins() {
    let data = tempfile::tempdir().expect("a folder");
    Script::new("browser.mjs", &Server::start(data.path())).checks_at_least(15);
}
