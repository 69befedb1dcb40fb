//! Cloudflare's own SDKs, with nothing changed but the base URL.

use crate::script::Script;
use crate::server::Server;

#[test]
fn the_typescript_sdk_works_unmodified() {
    let data = tempfile::tempdir().expect("a folder");
    Script::new("sdk.mjs", &Server::start(data.path())).checks_at_least(55);
}

#[test]
fn the_python_sdk_works_unmodified() {
    let data = tempfile::tempdir().expect("a folder");
    Script::new("sdk.py", &Server::start(data.path())).checks_at_least(55);
}
