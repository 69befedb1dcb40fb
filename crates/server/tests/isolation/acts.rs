//! What code that has taken a worker over would try.

use crate::inject::Argument;
use nix::libc;
use std::path::Path;
use std::sync::atomic::AtomicU64;

/// Memory of this process, which is a worker's parent, for others to try to get at.
static SPARE: AtomicU64 = AtomicU64::new(0);

/// One attempt.
pub(crate) struct Act {
    pub(crate) what: String,
    pub(crate) number: i64,
    pub(crate) arguments: Vec<Argument>,
    /// How a process without walls fares.
    pub(crate) unconfined: Unconfined,
}

/// What an attempt comes to in an ordinary process, which shows that the attempt is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unconfined {
    /// It works.
    Works,
    /// It works for root; others have not the right.
    WorksForRoot,
    /// The kernel judges it and says no; the process lives.
    Judged,
}

fn number(value: impl Into<i64>) -> Argument {
    Argument::Number(value.into())
}

fn act(what: &str, call: i64, arguments: Vec<Argument>, unconfined: Unconfined) -> Act {
    Act { what: what.to_owned(), number: call, arguments, unconfined }
}

fn open(what: &str, path: &str, flags: i32, unconfined: Unconfined) -> Act {
    let arguments = vec![number(libc::AT_FDCWD), Argument::text(path), number(flags), number(0o600)];
    act(what, libc::SYS_openat, arguments, unconfined)
}

/// Attempts at files. `folder` is one that anybody may write to.
pub(crate) fn files(folder: &Path, parent: i32) -> Vec<Act> {
    let new = folder.join("new").display().to_string();
    vec![
        open("open an existing file", "/etc/passwd", libc::O_RDONLY, Unconfined::Works),
        open("open its own program", "/proc/self/exe", libc::O_RDONLY, Unconfined::Works),
        open("make a new file", &new, libc::O_CREAT | libc::O_WRONLY, Unconfined::Works),
        open(
            "open the parent's memory",
            &format!("/proc/{parent}/mem"),
            libc::O_RDWR,
            Unconfined::WorksForRoot,
        ),
    ]
}

/// Attempts at the network: making a socket, and using the one on standard input.
pub(crate) fn sockets() -> Vec<Act> {
    let socket = |what: &str, family: i32, kind: i32| {
        act(what, libc::SYS_socket, vec![number(family), number(kind), number(0)], Unconfined::Works)
    };
    vec![
        socket("make a TCP socket", libc::AF_INET, libc::SOCK_STREAM),
        socket("make a UDP socket", libc::AF_INET6, libc::SOCK_DGRAM),
        socket("make a Unix socket", libc::AF_UNIX, libc::SOCK_STREAM),
        act("connect", libc::SYS_connect, vec![number(0), number(0), number(0)], Unconfined::Judged),
        act("bind", libc::SYS_bind, vec![number(0), number(0), number(0)], Unconfined::Judged),
        act("accept", libc::SYS_accept, vec![number(0), number(0), number(0)], Unconfined::Judged),
    ]
}

/// Attempts at starting a program.
pub(crate) fn programs() -> Vec<Act> {
    let program = || Argument::text("/bin/true");
    let no_arguments = || Argument::Bytes(vec![0; 8]);
    let child = i64::from(libc::SIGCHLD);
    vec![
        act("fork", libc::SYS_fork, vec![], Unconfined::Works),
        act("clone a process", libc::SYS_clone, vec![number(child)], Unconfined::Works),
        act(
            "clone a thread that is none",
            libc::SYS_clone,
            vec![number(i64::from(libc::CLONE_VM) | child)],
            Unconfined::Judged,
        ),
        act(
            "execute a program",
            libc::SYS_execve,
            vec![program(), no_arguments(), no_arguments()],
            Unconfined::Works,
        ),
        act(
            "execute a program by descriptor",
            libc::SYS_execveat,
            vec![number(libc::AT_FDCWD), program(), no_arguments(), no_arguments(), number(0)],
            Unconfined::Works,
        ),
    ]
}

/// Attempts at the memory of the parent and at the parent itself. No signal is sent: number 0 only
/// asks for the right to.
pub(crate) fn parent(parent: i32) -> Vec<Act> {
    let pid = || number(parent);
    let memory = |what: &str, call: i64| {
        let there = [(&raw const SPARE as u64).to_le_bytes(), 8_u64.to_le_bytes()].concat();
        let arguments =
            vec![pid(), Argument::Buffer, number(1), Argument::Bytes(there), number(1), number(0)];
        act(what, call, arguments, Unconfined::WorksForRoot)
    };
    let own = |what: &str, call: i64, rest: &[i64], unconfined| {
        let arguments = std::iter::once(pid()).chain(rest.iter().map(|n| number(*n))).collect();
        act(what, call, arguments, unconfined)
    };
    vec![
        memory("read its memory", libc::SYS_process_vm_readv),
        memory("write its memory", libc::SYS_process_vm_writev),
        act(
            "trace it",
            libc::SYS_ptrace,
            vec![number(i64::from(libc::PTRACE_PEEKDATA)), pid(), number(0), number(0)],
            Unconfined::Judged,
        ),
        own("signal it", libc::SYS_kill, &[0], Unconfined::Works),
        own("signal its thread", libc::SYS_tkill, &[0], Unconfined::Works),
        own("signal its thread in its group", libc::SYS_tgkill, &[i64::from(parent), 0], Unconfined::Works),
        own("take a handle on it", libc::SYS_pidfd_open, &[0], Unconfined::Works),
        own("set its limits", libc::SYS_prlimit64, &[0, 0, 0], Unconfined::Works),
        act(
            "have the kernel signal it",
            libc::SYS_fcntl,
            vec![number(0), number(libc::F_SETOWN), pid()],
            Unconfined::Judged,
        ),
    ]
}

/// Attempts at getting out by other ways.
pub(crate) fn ways_out() -> Vec<Act> {
    let page = |what: &str, call: i64, arguments: [i64; 6], unconfined| {
        act(what, call, arguments.map(number).to_vec(), unconfined)
    };
    let (all, private) = (
        i64::from(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC),
        i64::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
    );
    vec![
        page("map memory that can be run", libc::SYS_mmap, [0, 4096, all, private, -1, 0], Unconfined::Works),
        page("make memory run", libc::SYS_mprotect, [1, 4096, all, 0, 0, 0], Unconfined::Judged),
        page("make a queue that calls for it", libc::SYS_io_uring_setup, [0; 6], Unconfined::Judged),
        page("leave its namespaces", libc::SYS_unshare, [0; 6], Unconfined::Works),
        page("load a filter", libc::SYS_bpf, [-1, 0, 0, 0, 0, 0], Unconfined::Judged),
        page("watch events", libc::SYS_perf_event_open, [0; 6], Unconfined::Judged),
        page("use keys", libc::SYS_keyctl, [0, -3, 0, 0, 0, 0], Unconfined::Judged),
        page("become another user", libc::SYS_setresuid, [-1, -1, -1, 0, 0, 0], Unconfined::Works),
        page("copy a descriptor", libc::SYS_dup, [0; 6], Unconfined::Works),
        page(
            "open itself to others",
            libc::SYS_prctl,
            [i64::from(libc::PR_SET_DUMPABLE), 1, 0, 0, 0, 0],
            Unconfined::Works,
        ),
        // The numbers of another calling convention lead to the same calls.
        page("call by another convention", libc::SYS_getppid | 0x4000_0000, [0; 6], Unconfined::Judged),
    ]
}
