//! The dashboard in Chromium, page by page, against the program itself.

use crate::script::Script;
use crate::server::Server;

fn run(script: &str, least: usize) {
    let data = tempfile::tempdir().expect("a folder");
    Script::new(script, &Server::start(data.path())).checks_at_least(least);
}

#[test]
fn a_key_is_copied_and_a_link_signed_in_a_shell_opens() {
    run("dashboard_journey.mjs", 9);
}
