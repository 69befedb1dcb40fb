//! One worker process: started, asked, killed and waited for.

use crate::config::Sandbox;
use crate::protocol::{self, FrameError, Request, Response, Wall, Walls};
use crate::renderer::counters::{Event, Tally};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use safelight_domain::image::SourceLimits;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
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

    /// Whether there is a process and it has not ended.
    fn is_running(&self) -> bool {
        self.lock().as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
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

/// How the workers of a pool are started, and where their fates are counted.
#[derive(Clone)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    /// See `RenderConfig::memory`.
    pub(super) memory: u64,
    pub(super) sandbox: Sandbox,
    pub(super) limits: SourceLimits,
    pub(super) tally: Arc<Tally>,
}

/// A worker process that has answered the greeting. Dropping it kills it and waits for its end.
pub(super) struct Process {
    socket: OwnedFd,
    stderr: ChildStderr,
    slot: Arc<Slot>,
    tally: Arc<Tally>,
    fate: Fate,
}

/// Why a worker is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It has done its share, or the pool ends.
    Retired,
    /// See [`AskError::TimedOut`].
    TimedOut,
    /// It died, or is no use any more: how it ended says which.
    Lost,
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
    #[error(
        "the kernel does not filter its system calls (no seccomp): it would decode strangers' files unconfined; \
         render-sandbox = \"best-effort\" allows that"
    )]
    Unconfined,
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

/// What a worker's allocator keeps of the memory of one render for the next, and from what size on it gives a piece
/// back at once, in bytes. Most renders of levels need less than the first. Memory that was given back is taken anew
/// page by page, each of which the kernel clears: an eighth of the time of such a render.
const HEAP: [(&str, &str); 2] =
    [("MALLOC_TRIM_THRESHOLD_", "16777216"), ("MALLOC_MMAP_THRESHOLD_", "33554432")];

impl Process {
    /// Starts a worker with nothing but [`HEAP`] for an environment and no descriptors but its socket (standard
    /// input) and a pipe for its last words (standard error).
    pub(super) fn start(launch: &Launch, slot: &Arc<Slot>) -> Result<Process, StartError> {
        let flags = SocketFlags::CLOEXEC;
        let (socket, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let mut command = Command::new(&launch.program);
        command.arg("render-worker").arg(launch.memory.to_string()).env_clear().envs(HEAP).current_dir("/");
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
        // Whoever started the server may have left descriptors open in it, and they may lead anywhere.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let mut child = command.spawn()?;
        launch.tally.count(Event::Start);
        // The command holds the worker's end of the socket; only the worker may keep it open.
        drop(command);
        let stderr = child.stderr.take();
        *slot.lock() = Some(child);
        let Some(stderr) = stderr else {
            reap(slot);
            return Err(StartError::Spawn(std::io::ErrorKind::BrokenPipe.into()));
        };
        let tally = Arc::clone(&launch.tally);
        let mut process = Process { socket, stderr, slot: Arc::clone(slot), tally, fate: Fate::Lost };
        // A worker that nobody listens to stops at a full pipe and runs into its time limit.
        rustix::io::ioctl_fionbio(&process.stderr, true)?;
        let walls = match process.ask(&Request::Hello(launch.limits), None, START_TIMEOUT)? {
            (Response::Ready(walls), None) => walls,
            _ => return Err(StartError::Answer),
        };
        process.fate = Fate::Retired;
        if suffice(walls, launch.sandbox) { Ok(process) } else { Err(StartError::Unconfined) }
    }

    /// Asks one thing and waits for the answer. The file is the worker's alone from then on.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        file: Option<OwnedFd>,
        timeout: Duration,
    ) -> Result<(Response, Option<OwnedFd>), AskError> {
        let answer = self.exchange(request, file, timeout);
        match &answer {
            Ok(_) => self.log_stderr(),
            Err(AskError::TimedOut) => self.fate = Fate::TimedOut,
            Err(_) => self.fate = Fate::Lost,
        }
        answer
    }

    fn exchange(
        &self,
        request: &Request,
        file: Option<OwnedFd>,
        timeout: Duration,
    ) -> Result<(Response, Option<OwnedFd>), AskError> {
        let end = Instant::now() + timeout;
        protocol::send(self.socket.as_fd(), request, file.as_ref().map(AsFd::as_fd))
            .map_err(AskError::NotSent)?;
        drop(file);
        if !self.readable_before(end)? {
            return Err(AskError::TimedOut);
        }
        match protocol::receive(self.socket.as_fd()) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) | Err(FrameError::Socket(_)) => Err(AskError::Died),
            Err(error) => Err(AskError::Frame(error)),
        }
    }

    /// Whether it can be given a request: it is alive and has not spoken out of turn.
    pub(super) fn is_waiting(&mut self) -> bool {
        // The socket alone does not tell: a worker that is just being started beside it holds this
        // one's end open for a moment.
        let waits = matches!(self.readable_before(Instant::now()), Ok(false)) && self.slot.is_running();
        if !waits {
            self.fate = Fate::Lost;
        }
        waits
    }

    /// Gives it up for an answer that makes no sense.
    pub(super) fn discard(mut self) {
        if self.fate == Fate::Retired {
            self.fate = Fate::Lost;
        }
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
        let signal = status.and_then(|status| status.signal());
        match (self.fate, signal) {
            (Fate::Retired, _) => {
                self.tally.count(Event::Retired);
                tracing::debug!("a render worker has done its share");
            }
            (Fate::TimedOut, _) => {
                self.tally.count(Event::Timeout);
                tracing::warn!("a render worker was killed for taking too long");
            }
            (Fate::Lost, Some(signal)) => {
                self.tally.count(Event::Signal);
                tracing::warn!(signal, meaning = meaning(signal), "a render worker has died");
            }
            (Fate::Lost, None) => {
                self.tally.count(Event::Failure);
                tracing::warn!(?status, "a render worker has ended by itself");
            }
        }
    }
}

/// Whether a worker behind these walls may be given strangers' files. The filter of system calls
/// refuses all that Landlock refuses, so it is the one that must stand.
fn suffice(walls: Walls, sandbox: Sandbox) -> bool {
    match sandbox {
        Sandbox::Required => walls.seccomp == Wall::Whole,
        Sandbox::BestEffort => true,
    }
}

/// What the signal that ended a worker says to whoever reads the log.
fn meaning(signal: i32) -> &'static str {
    match signal {
        libc::SIGSYS => {
            "SIGSYS: it made a system call that no codec should need. The kernel's log names it \
             (type=1326 … syscall=…), and so does strace -f on the server"
        }
        libc::SIGABRT => "SIGABRT: it gave up, for want of memory (render-memory-bytes) or over a bug",
        libc::SIGKILL => "SIGKILL: it was killed from outside, or the machine is short of memory",
        libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE => "a fault in a codec",
        libc::SIGXFSZ => "SIGXFSZ: its result was too large",
        _ => "see signal(7)",
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
