//! Use case: answer a delivery request. It knows no HTTP.

/// Renditions being made, so that each is made once.
#[derive(Default)]
pub struct Flights {}
