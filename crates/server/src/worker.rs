//! The worker's side of the pool: framed requests in, pixels out. Nothing else is reachable from it.

mod confine;
mod syscalls;

use crate::protocol::sealed::{self, SealedError};
use crate::protocol::{self, Base, FrameError, Request, Response, Walls};
use crate::worker::confine::{ConfineError, confine};
use safelight_pixels::{Fault, Level, Rendered, Source};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use thiserror::Error;

/// Serves requests on standard input (a Unix socket) until it closes. `memory` is the address space
/// that the process may take, in bytes, as the server wrote it on the command line. A panic ends the
/// process: its text is on standard error, and the server starts another worker.
pub fn run(memory: Option<&str>) -> ExitCode {
    let stdin = std::io::stdin();
    let outcome = memory.and_then(|bytes| bytes.parse().ok()).ok_or(ServeError::NoMemoryLimit);
    let walls = outcome.and_then(|memory| Ok(confine(stdin.as_fd(), memory)?));
    match walls.and_then(|walls| serve(stdin.as_fd(), walls)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("render worker: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why a worker gives up.
#[derive(Debug, Error)]
enum ServeError {
    #[error("no limit on memory was given: only the server starts workers")]
    NoMemoryLimit,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Sealed(#[from] SealedError),
    #[error("the first message is not the greeting")]
    NotGreeted,
    #[error("a request without a file")]
    NoFile,
    #[error("a file of another length than its parts")]
    Lengths,
    #[error("a result cannot be passed on: {0}")]
    Result(#[source] std::io::Error),
    #[error("the process cannot be confined: {0}")]
    Confine(#[from] ConfineError),
}

/// Answers requests on a socket until its other end closes.
fn serve(socket: BorrowedFd<'_>, walls: Walls) -> Result<(), ServeError> {
    let mut limits = match protocol::receive(socket)? {
        None => return Ok(()),
        Some((Request::Hello(limits), _)) => limits,
        Some(_) => return Err(ServeError::NotGreeted),
    };
    protocol::send(socket, &Response::Ready(walls), None)?;
    while let Some((request, file)) = protocol::receive(socket)? {
        let (response, result) = match request {
            Request::Hello(new) => {
                limits = new;
                (Response::Ready(walls), None)
            }
            Request::Probe => {
                let probed = safelight_pixels::probe(&read(file)?, &limits);
                (probed.map_or_else(Response::Refused, Response::Probed), None)
            }
            Request::ProbeBeginning => {
                let probed = safelight_pixels::probe_beginning(&read(file)?, &limits);
                (probed.map_or(Response::Unclear, Response::Probed), None)
            }
            Request::Levels { first } => {
                pass_on_levels(safelight_pixels::levels(&read(file)?, first, &limits))?
            }
            Request::Render { base, transform, output, lengths } => {
                let files = read(file)?;
                let (file, overlays) = split(&files, &lengths).ok_or(ServeError::Lengths)?;
                let source = Source { file, overlays: &overlays };
                pass_on(match base {
                    Base::Original => safelight_pixels::render(&source, &transform, output, &limits),
                    Base::Level => safelight_pixels::render_level(&source, &transform, output, &limits),
                })?
            }
        };
        protocol::send(socket, &response, result.as_ref().map(AsFd::as_fd))?;
    }
    Ok(())
}

fn read(file: Option<OwnedFd>) -> Result<Vec<u8>, ServeError> {
    Ok(sealed::read(file.ok_or(ServeError::NoFile)?)?)
}

/// The original and the overlays out of one file; `None` if the lengths are not those of the file.
fn split<'a>(files: &'a [u8], lengths: &[u32]) -> Option<(&'a [u8], Vec<&'a [u8]>)> {
    let mut rest = files;
    let mut parts = Vec::with_capacity(lengths.len());
    for length in lengths {
        let part;
        (part, rest) = rest.split_at_checked(usize::try_from(*length).ok()?)?;
        parts.push(part);
    }
    let overlays = parts.split_off(1.min(parts.len()));
    if rest.is_empty() { Some((parts.pop()?, overlays)) } else { None }
}

/// The answer to a render, and the file that goes with it.
fn pass_on(rendered: Result<Rendered, Fault>) -> Result<(Response, Option<OwnedFd>), ServeError> {
    match rendered {
        Ok(Rendered { bytes, width, height }) if bytes.len() as u64 <= sealed::MAX_BYTES => {
            let result = sealed::seal(&[bytes]).map_err(ServeError::Result)?;
            Ok((Response::Rendered { width, height }, Some(result)))
        }
        Ok(_) => {
            let fault = Fault::CannotEncode("the result is too large".to_owned());
            Ok((Response::Refused(fault), None))
        }
        Err(fault) => Ok((Response::Refused(fault), None)),
    }
}

/// The answer to `Levels`, and the file that goes with it.
fn pass_on_levels(made: Result<Vec<Level>, Fault>) -> Result<(Response, Option<OwnedFd>), ServeError> {
    let levels = match made {
        Ok(levels) => levels,
        Err(fault) => return Ok((Response::Refused(fault), None)),
    };
    // A level has fewer bytes than its original has pixels, of which there are fewer than 2^32.
    let lengths = levels.iter().map(|level| (level.divisor, level.bytes.len() as u32)).collect();
    let files: Vec<Vec<u8>> = levels.into_iter().map(|level| level.bytes).collect();
    if files.iter().map(|file| file.len() as u64).sum::<u64>() > sealed::MAX_BYTES {
        let fault = Fault::CannotEncode("the levels are too large".to_owned());
        return Ok((Response::Refused(fault), None));
    }
    let result = sealed::seal(&files).map_err(ServeError::Result)?;
    Ok((Response::Levels(lengths), Some(result)))
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
