//! System calls made in the place of another process, as code that has taken it over would make them.

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// How a call that was made in another process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The call gave this number.
    Returned(i64),
    /// The call was refused or failed.
    Failed(Errno),
    /// The process is dead of this signal.
    Died(Signal),
    /// The process is dead, and the pool has taken note of it first.
    Gone,
}

/// One argument of a call.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    Number(i64),
    /// The address of these bytes in the process.
    Bytes(Vec<u8>),
    /// The address of an `iovec` in the process, for a buffer of 8 bytes there.
    Buffer,
}

impl Argument {
    /// A text as C has it.
    pub(crate) fn text(text: &str) -> Argument {
        Argument::Bytes([text.as_bytes(), b"\0"].concat())
    }
}

/// Below the stack pointer of a process that waits in a call, everything is free beyond the 128
/// bytes that functions may use without moving it.
const SCRATCH: u64 = 1024;

/// Makes a process that waits in a system call make another one, and lets it wait on as if nothing
/// had happened. All of this must be done by one thread, and the process must be our child.
pub(crate) fn call(pid: i32, number: i64, arguments: &[Argument]) -> Outcome {
    let pid = Pid::from_raw(pid);
    ptrace::attach(pid).expect("our own child can be traced");
    assert_eq!(event(pid), Event::Stopped(Signal::SIGSTOP));
    let waiting = ptrace::getregs(pid).expect("registers");
    let mut free = waiting.rsp - SCRATCH;
    let mut values = [0_u64; 6];
    for (value, argument) in values.iter_mut().zip(arguments) {
        *value = match argument {
            Argument::Number(number) => number.cast_unsigned(),
            Argument::Bytes(bytes) => {
                free -= bytes.len().next_multiple_of(8) as u64;
                write(pid, free, bytes);
                free
            }
            Argument::Buffer => {
                free -= 24;
                let vector = [(free + 16).to_le_bytes(), 8_u64.to_le_bytes(), [0; 8]].concat();
                write(pid, free, &vector);
                free
            }
        };
    }
    let mut registers = waiting;
    // It has just executed `syscall`, two bytes long, and shall do so again; -1 keeps the kernel from
    // repeating the call that it was in.
    registers.rip -= 2;
    registers.orig_rax = u64::MAX;
    registers.rax = number.cast_unsigned();
    (registers.rdi, registers.rsi, registers.rdx) = (values[0], values[1], values[2]);
    (registers.r10, registers.r8, registers.r9) = (values[3], values[4], values[5]);
    ptrace::setregs(pid, registers).expect("set");
    let mut sent = None;
    loop {
        ptrace::step(pid, sent).expect("goes one step");
        match event(pid) {
            Event::Died(signal) => return Outcome::Died(signal),
            Event::Gone => return Outcome::Gone,
            Event::Stopped(Signal::SIGTRAP) => break,
            // In a process that was stopped before, the order to stop is still to be taken.
            Event::Stopped(Signal::SIGSTOP) => {}
            // What the call itself brought on.
            Event::Stopped(signal) => sent = Some(signal),
        }
    }
    let after = ptrace::getregs(pid).expect("registers");
    let replaced = after.rip.abs_diff(waiting.rip) > 2;
    if !replaced {
        ptrace::setregs(pid, waiting).expect("set back");
    }
    ptrace::detach(pid, None).expect("goes on");
    match after.rax.cast_signed() {
        error @ -4095..=-1 => Outcome::Failed(Errno::from_raw(-error as i32)),
        result => Outcome::Returned(result),
    }
}

fn write(pid: Pid, address: u64, bytes: &[u8]) {
    for (place, word) in (address..).step_by(8).zip(bytes.chunks(8)) {
        let mut whole = [0; 8];
        whole[..word.len()].copy_from_slice(word);
        ptrace::write(pid, place as ptrace::AddressType, i64::from_le_bytes(whole)).expect("written");
    }
}

/// What became of a traced process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Stopped(Signal),
    Died(Signal),
    Gone,
}

/// Waits until the process stops or is dead. Its death is left for its parent to take note of.
fn event(pid: Pid) -> Event {
    let both = WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED;
    let event = match waitid(Id::Pid(pid), both | WaitPidFlag::WNOWAIT) {
        Err(Errno::ECHILD) => return Event::Gone,
        event => event.expect("our child"),
    };
    match event {
        WaitStatus::Signaled(_, signal, _) => Event::Died(signal),
        WaitStatus::Stopped(_, signal) | WaitStatus::PtraceEvent(_, signal, _) => {
            waitid(Id::Pid(pid), WaitPidFlag::WSTOPPED).expect("taken note of");
            Event::Stopped(signal)
        }
        other => panic!("neither stopped nor dead: {other:?}"),
    }
}
