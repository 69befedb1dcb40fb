//! Several nodes on one PostgreSQL and one S3-compatible store: what one changes the others know, and what they do when
//! they cannot know.

// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod cut;
mod privacy;
// Shared with the tests of stores and of the whole program, which use all of them.
#[allow(dead_code)]
#[path = "../store/radosgw.rs"]
mod radosgw;
#[allow(dead_code)]
#[path = "../e2e/server.rs"]
mod server;
// Shared with the tests of faults.
#[allow(dead_code)]
mod world;
