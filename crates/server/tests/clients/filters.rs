//! Metadata filters and browser TTLs by the SDKs.

use crate::script::Script;
use crate::server::Server;

#[test]
fn the_typescript_sdk_filters_by_metadata_and_sets_ttls() {
    let data = tempfile::tempdir().expect("a folder");
    Script::new("sdk_filters.mjs", &Server::start(data.path())).checks_at_least(25);
}

#[test]
fn the_python_sdk_filters_by_metadata() {
    let data = tempfile::tempdir().expect("a folder");
    Script::new("sdk_filters.py", &Server::start(data.path())).checks_at_least(12);
}
