//! The API and delivery on the real router, with the real catalog, store and worker processes.

// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod accounts;
mod attacks;
mod delivery;
mod documents;
mod flexible;
mod images;
mod judge;
mod lists;
mod negotiation;
mod openapi;
mod test_app;
mod variants_and_keys;
mod workers;
