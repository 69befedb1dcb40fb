//! The program as its users run it: real processes, sockets and signals.

// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod clock;
mod crash;
mod dev;
mod doctor;
mod durability;
mod full_disk;
mod imports;
mod lifecycle;
mod logs;
mod moving;
mod overload;
mod probe;
mod proxy;
// Shared with other tests, some of which look at more of an answer.
#[allow(dead_code)]
mod server;
mod signing;
#[path = "../trace/mod.rs"]
mod trace;
mod upkeep;
