//! Safelight's server: everything that touches the world. The rules are in `safelight_domain`, the
//! pixels in `safelight_pixels`.

pub mod accept;
pub mod app;
pub mod blobs;
pub mod bootstrap;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod deliver;
pub mod http;
pub mod ingest;
pub mod jobs;
pub mod protocol;
pub mod random;
pub mod renderer;
pub mod settings;
pub mod staging;
pub mod sweep;
pub mod worker;
