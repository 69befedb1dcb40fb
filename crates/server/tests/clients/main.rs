//! Other people's clients, unmodified, against the program itself: official SDKs, signing Workers, image
//! loaders, and the snippets of `docs/signing`. `make setup` installs them; a missing one is a failure.

// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod dashboard;
mod direct;
mod fetching;
mod filters;
mod loaders;
mod metrics;
mod script;
mod sdks;
// Shared with the end-to-end tests, which use all of it.
#[allow(dead_code)]
#[path = "../e2e/server.rs"]
mod server;
mod signing;
mod workers;
