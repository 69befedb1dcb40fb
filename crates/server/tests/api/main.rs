//! The API and delivery on the real router, with the real catalog, store and worker processes.

// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod accounts;
mod attacks;
mod batch;
mod bucket;
mod compatibility;
mod config;
mod dashboard;
mod delivery;
mod delivery_errors;
mod delivery_headers;
mod direct;
mod documents;
mod filters;
mod flexible;
mod history;
mod ids;
mod images;
mod imports;
mod judge;
mod levels;
mod limits;
mod lists;
mod metrics;
mod negotiation;
mod openapi;
#[path = "../fetch/origin.rs"]
mod origin;
mod owner;
mod prepared;
mod quotas;
mod refine;
mod refusals;
mod remote;
mod remote_refusals;
mod search;
mod session;
mod sourcing;
mod strict;
mod test_app;
mod transforms;
mod upload_url;
mod usage;
mod variants_and_keys;
mod webhooks;
mod workers;
