//! What goes wrong with nodes while they work: nothing that was acknowledged is lost, and nothing private is shown.

// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod contention;
mod killed;
mod rolling;
// Shared with the tests of nodes, stores and of the whole program, which use all of them.
#[allow(dead_code)]
#[path = "../nodes/cut.rs"]
mod cut;
#[allow(dead_code)]
#[path = "../store/radosgw.rs"]
mod radosgw;
#[allow(dead_code)]
#[path = "../e2e/server.rs"]
mod server;
#[allow(dead_code)]
#[path = "../nodes/world.rs"]
mod world;
