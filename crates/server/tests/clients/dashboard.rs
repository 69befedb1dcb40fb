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

#[test]
fn keys_are_shown_made_rotated_and_deleted() {
    run("dashboard_keys.mjs", 23);
}

#[test]
fn tokens_are_made_shown_once_and_revoked() {
    run("dashboard_tokens.mjs", 13);
}

#[test]
fn the_overview_draws_what_was_delivered() {
    run("dashboard_overview.mjs", 30);
}

#[test]
fn variants_are_tried_and_stored_and_delivery_is_set() {
    run("dashboard_delivery.mjs", 25);
}

#[test]
fn images_are_uploaded_searched_selected_exported_and_imported() {
    run("dashboard_images.mjs", 50);
}

#[test]
fn one_image_is_changed_signed_verified_and_deleted() {
    run("dashboard_image.mjs", 76);
}
