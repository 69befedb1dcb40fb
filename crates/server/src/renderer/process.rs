//! One worker process: started, asked, killed and waited for.

use crate::protocol::{self, FrameError, Request, Response};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use safelight_domain::image::SourceLimits;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Time for a worker to start and to answer the greeting.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a worker's standard error that are logged at once; the rest is thrown away.
const LOGGED_STDERR: usize = 4096;

/// Bytes of a worker's standard error that are read at once: what a pipe holds.
const READ_STDERR: u64 = 64 << 10;

/// Where a running worker can be found and killed by others than its driver. A process is waited
/// for under the same lock, so a kill never meets a stranger that has got its number.
#[derive(Default)]
pub(super) struct Slot(Mutex<Option<Child>>);

impl Slot {
    /// The process, if there is one.
    pub(super) fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(Child::id)
    }

    /// Kills the process, if there is one; its driver notices and waits for it.
    pub(super) fn kill(&self) {
        if let Some(child) = self.lock().as_mut() {
            kill(child);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kill(child: &mut Child) {
    if let Err(error) = child.kill() {
        tracing::error!(%error, pid = child.id(), "a render worker cannot be killed");
    }
}

/// A worker process that has answered the greeting. Dropping it kills it and waits for its end.
pub(super) struct Process {
    socket: OwnedFd,
    stderr: ChildStderr,
    slot: Arc<Slot>,
}

/// Why a worker did not start.
#[derive(Debug, Error)]
pub(super) enum StartError {
    #[error("its socket cannot be made: {0}")]
    Socket(#[from] Errno),
    #[error("the program cannot be started: {0}")]
    Spawn(#[from] std::io::Error),
    #[error("it did not answer: {0}")]
    Greeting(#[from] AskError),
    #[error("it answered something else than asked")]
    Answer,
}

/// Why a worker did not answer. It is of no use after any of these.
#[derive(Debug, Error)]
pub(super) enum AskError {
    #[error("it did not take the request: {0}")]
    NotSent(#[source] FrameError),
    #[error("it took longer than its time")]
    TimedOut,
    #[error("it died")]
    Died,
    #[error("{0}")]
    Frame(#[source] FrameError),
}

impl Process {
    /// Starts a worker with an empty environment and no descriptors but its socket (standard
    /// input) and a pipe for its last words (standard error).
    pub(super) fn start(
        program: &Path,
        limits: SourceLimits,
        slot: &Arc<Slot>,
    ) -> Result<Process, StartError> {
        let flags = SocketFlags::CLOEXEC;
        let (socket, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let mut command = Command::new(program);
        command.arg("render-worker").env_clear().current_dir("/");
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
        // Whoever started the server may have left descriptors open in it, and they may lead anywhere.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let mut child = command.spawn()?;
        // The command holds the worker's end of the socket; only the worker may keep it open.
        drop(command);
        let stderr = child.stderr.take();
        *slot.lock() = Some(child);
        let Some(stderr) = stderr else {
            reap(slot);
            return Err(StartError::Spawn(std::io::ErrorKind::BrokenPipe.into()));
        };
        let mut process = Process { socket, stderr, slot: Arc::clone(slot) };
        // A worker that nobody listens to stops at a full pipe and runs into its time limit.
        rustix::io::ioctl_fionbio(&process.stderr, true)?;
        match process.ask(&Request::Hello(limits), None, START_TIMEOUT)? {
            (Response::Ready, None) => Ok(process),
            _ => Err(StartError::Answer),
        }
    }

    /// Asks one thing and waits for the answer.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        file: Option<&OwnedFd>,
        timeout: Duration,
    ) -> Result<(Response, Option<OwnedFd>), AskError> {
        let end = Instant::now() + timeout;
        protocol::send(self.socket.as_fd(), request, file.map(AsFd::as_fd)).map_err(AskError::NotSent)?;
        if !self.readable_before(end)? {
            return Err(AskError::TimedOut);
        }
        let answer = match protocol::receive(self.socket.as_fd()) {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(FrameError::Socket(_)) => return Err(AskError::Died),
            Err(error) => return Err(AskError::Frame(error)),
        };
        self.log_stderr();
        Ok(answer)
    }

    /// Whether it can be given a request: it is alive and has not spoken out of turn.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.readable_before(Instant::now()), Ok(false))
    }

    /// Whether there is something to read, or the end, before a moment. In the past means now.
    fn readable_before(&self, end: Instant) -> Result<bool, AskError> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|_| AskError::TimedOut)?;
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut fds, Some(&timeout)) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(AskError::Frame(errno.into())),
            }
        }
    }

    fn log_stderr(&mut self) {
        let text = take_text(&mut self.stderr);
        if !text.is_empty() {
            tracing::warn!(text, "a render worker says");
        }
    }
}

/// The beginning of what has been written to a pipe that does not block. All of it is taken out.
fn take_text(pipe: &mut ChildStderr) -> String {
    let mut text = Vec::new();
    // That the pipe is empty is an error that says nothing.
    let _ = pipe.take(READ_STDERR).read_to_end(&mut text);
    text.truncate(LOGGED_STDERR);
    String::from_utf8_lossy(&text).into_owned()
}

/// Kills the process in a slot, waits for its end and empties the slot.
fn reap(slot: &Slot) -> Option<ExitStatus> {
    let mut child = slot.lock();
    let running = child.as_mut()?;
    kill(running);
    let status = running.wait();
    *child = None;
    status.inspect_err(|error| tracing::error!(%error, "a render worker cannot be waited for")).ok()
}

impl Drop for Process {
    fn drop(&mut self) {
        let status = reap(&self.slot);
        self.log_stderr();
        tracing::debug!(?status, "a render worker has ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_cut_and_never_waited_for() {
        let script = "printf 'first\nsecond' >&2; read line; head -c 9999 /dev/zero >&2; read line";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let mut pipe = child.stderr.take().expect("piped");
        let ready = |pipe: &ChildStderr| {
            poll(&mut [PollFd::new(pipe, PollFlags::IN)], None).expect("polled");
        };
        ready(&pipe);
        rustix::io::ioctl_fionbio(&pipe, true).expect("does not block");
        assert_eq!(take_text(&mut pipe), "first\nsecond");
        assert_eq!(take_text(&mut pipe), "");
        std::io::Write::write_all(child.stdin.as_mut().expect("piped"), b"\n").expect("goes on");
        ready(&pipe);
        assert_eq!(take_text(&mut pipe), "\0".repeat(LOGGED_STDERR));
        assert_eq!(take_text(&mut pipe), "");
        drop(child.stdin.take());
        child.wait().expect("ended");
    }
}
