//! The command line.

use std::process::ExitCode;

/// Parses the arguments, runs the command and prints the error chain of a failure.
pub fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("render-worker") {
        return crate::worker::run();
    }
    unimplemented!()
}
