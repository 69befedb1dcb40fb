//! Blobs on a real S3-compatible store: the same as on files, and what becomes of it when the store fails.

// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod conformance;
mod faults;
mod moving;
mod proxy;
mod radosgw;
// Shared with the end-to-end tests, which use all of it.
#[allow(dead_code)]
#[path = "../e2e/server.rs"]
mod server;
mod sourcing;
mod whole;
