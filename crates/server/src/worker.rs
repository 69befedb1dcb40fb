//! The worker's side of the pool: framed requests in, pixels out. Nothing else is reachable from it.

/// Serves requests on standard input (a Unix socket) until it closes.
pub fn run() -> std::process::ExitCode {
    unimplemented!()
}
