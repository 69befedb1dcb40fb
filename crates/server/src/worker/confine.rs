//! What a worker gives up before it is sent the first byte of a file.

use crate::protocol::sealed::MAX_BYTES;
use crate::protocol::{Wall, Walls};
use crate::worker::syscalls;
use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, RulesetStatus, Scope};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::os::fd::BorrowedFd;
use thiserror::Error;

/// Descriptors of a worker. It needs no more than five; but the kernel refuses to pass a file on
/// while its user has more than this many underway between processes, and each of 256 workers may
/// have one in both directions.
const DESCRIPTORS: u64 = 64 + 2 * 256;

/// What is asked of Landlock. An older kernel gives what it knows of it.
const LANDLOCK: ABI = ABI::V6;

/// Why a process did not get behind its walls.
#[derive(Debug, Error)]
pub(super) enum ConfineError {
    #[error("{0}")]
    System(#[from] Errno),
    #[error("the rules of Landlock make no sense: {0}")]
    Landlock(#[from] RulesetError),
    #[error("the filter of system calls makes no sense: {0}")]
    Filter(#[from] seccompiler::BackendError),
}

/// Ties the process to the server's life, bounds what it can take, and walls it in. There is no way
/// back out, for this thread or any later one. `memory` is in bytes of address space.
///
/// The limits and the ties must hold, or the worker gives up. The walls are the kernel's to give:
/// the answer says which of them stand, and the server judges that.
pub(super) fn confine(socket: BorrowedFd<'_>, memory: u64) -> Result<Walls, ConfineError> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A server that died before the line above closed the socket first, so this misses none.
    let mut fds = [PollFd::new(&socket, PollFlags::empty())];
    if poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0 {
        return Err(Errno::PIPE.into());
    }
    // Without it a machine short of memory might kill the server instead. Some containers have no
    // such file; there the order is left to the kernel.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    limit(memory)?;
    rustix::thread::set_no_new_privs(true)?;
    let none = CapabilitySet::empty();
    // Of root, where the server runs as root, only the name is left.
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?;
    // Landlock first: the filter lets nobody ask for it any more.
    let landlock = wall_off_files()?;
    Ok(Walls { landlock, seccomp: syscalls::filter()? })
}

/// There is no limit on processor time: the server ends a job by the clock, from outside, and a
/// worker cannot outlive the server.
fn limit(memory: u64) -> Result<(), Errno> {
    for (resource, most) in [
        (Resource::As, memory),
        // A core dump would leave private pictures on the disk.
        (Resource::Core, 0),
        (Resource::Nofile, DESCRIPTORS),
        // Memory files count too, and no result may be larger.
        (Resource::Fsize, MAX_BYTES),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// No path may be opened for anything, no TCP port bound or connected to, and no abstract socket or
/// process outside may be reached.
fn wall_off_files() -> Result<Wall, RulesetError> {
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Wall::Whole,
        RulesetStatus::PartiallyEnforced => Wall::Partial,
        RulesetStatus::NotEnforced => Wall::Missing,
    })
}
