//! Use case: accept an upload. It knows no HTTP.
