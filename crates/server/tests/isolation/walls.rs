//! Both walls: what the kernel says of a worker, and what a worker can do.

use crate::acts::{self, Act, Unconfined};
use crate::inject::{Argument, Outcome, call};
use crate::{config, png, pool, render, stop, worker};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;
use safelight::protocol::{Wall, Walls};
use safelight::renderer::RenderError;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const NOT_PERMITTED: Outcome = Outcome::Failed(Errno::EPERM);
const KILLED: Outcome = Outcome::Died(Signal::SIGSYS);

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

fn all_acts(folder: &Path) -> Vec<Act> {
    let parent = own_pid();
    let parts = [
        acts::files(folder, parent),
        acts::sockets(),
        acts::programs(),
        acts::parent(parent),
        acts::ways_out(),
    ];
    parts.into_iter().flatten().collect()
}

/// An ordinary process that waits in a system call.
fn unconfined() -> Child {
    let mut command = Command::new("/bin/cat");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("started");
    let call = format!("/proc/{}/syscall", child.id());
    while !std::fs::read_to_string(&call).expect("readable").starts_with("0 ") {
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

#[test]
fn the_attempts_are_attempts() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = rustix::process::geteuid().is_root();
    for act in all_acts(folder.path()) {
        let mut child = unconfined();
        let outcome = call(child.id().cast_signed(), act.number, &act.arguments);
        let works =
            act.unconfined == Unconfined::Works || (root && act.unconfined == Unconfined::WorksForRoot);
        match outcome {
            Outcome::Returned(_) => {}
            Outcome::Failed(_) => assert!(!works, "{}: {outcome:?}", act.what),
            Outcome::Died(_) | Outcome::Gone => panic!("{}: {outcome:?}", act.what),
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
    }
    assert!(folder.path().join("new").exists());
}

#[tokio::test]
async fn a_worker_can_do_none_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let pool = pool(&config());
    let acts = all_acts(folder.path());
    let mut deaths = 0;
    for act in &acts {
        let pid = worker(&pool).await;
        let outcome = call(pid, act.number, &act.arguments);
        // Opening a file is what libraries try by themselves.
        let expected = if act.number == libc::SYS_openat { NOT_PERMITTED } else { KILLED };
        assert_eq!(outcome, expected, "{}", act.what);
        if outcome == KILLED {
            deaths += 1;
        } else {
            assert_eq!(render(&pool, png(8, 6)).await, Ok((8, 6)), "{}: it goes on", act.what);
            assert_eq!(worker(&pool).await, pid, "{}: it is the same", act.what);
        }
    }
    assert!(!folder.path().join("new").exists());
    pool.check().await.expect("a worker again");
    let counters = pool.counters();
    assert_eq!((counters.signals, counters.starts), (deaths, deaths + 1));
    assert_eq!((counters.timeouts, counters.failures, counters.retired), (0, 0, 0));
}

#[tokio::test]
async fn libraries_that_look_around_are_told_no() {
    let pool = pool(&config());
    let pid = worker(&pool).await;
    let path = || Argument::text("/proc/self/cgroup");
    let numbers = |numbers: [i64; 4]| numbers.map(Argument::Number).to_vec();
    for (number, arguments) in [
        (libc::SYS_open, vec![path(), Argument::Number(0)]),
        (libc::SYS_stat, vec![path(), Argument::Bytes(vec![0; 256])]),
        (libc::SYS_access, vec![path(), Argument::Number(0)]),
        (libc::SYS_readlink, vec![path(), Argument::Bytes(vec![0; 64]), Argument::Number(64)]),
        (libc::SYS_ioctl, numbers([2, 0x5401, 0, 0])),
    ] {
        assert_eq!(call(pid, number, &arguments), NOT_PERMITTED, "{number}");
    }
    // The C library then starts threads by `clone`.
    let unknown = Outcome::Failed(Errno::ENOSYS);
    assert_eq!(call(pid, libc::SYS_clone3, &numbers([0, 0, 0, 0])), unknown);
    assert_eq!(worker(&pool).await, pid, "it goes on");
}

#[tokio::test]
async fn a_child_that_is_not_quite_a_thread_is_none() {
    let pool = pool(&config());
    // The flags of the C library; that threads are made with them is tested beside the filter.
    let flags = 0x003d_0f00;
    for other in [flags | i64::from(libc::CLONE_NEWNET), flags & !i64::from(libc::CLONE_FILES)] {
        let pid = worker(&pool).await;
        assert_eq!(call(pid, libc::SYS_clone, &[Argument::Number(other)]), KILLED, "{other:x}");
    }
}

#[tokio::test]
async fn a_death_in_a_job_fails_that_job_alone() {
    let pool = pool(&config());
    let pid = worker(&pool).await;
    stop(pid).await;
    let spawn = |width| {
        let pool = pool.clone();
        tokio::spawn(async move { render(&pool, png(width, 6)).await })
    };
    let first = spawn(8);
    while pool.counters().waiting > 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let second = spawn(9);
    let outcome = call(pid, libc::SYS_fork, &[]);
    assert!([KILLED, Outcome::Gone].contains(&outcome), "{outcome:?}");
    assert_eq!(first.await.expect("no panic"), Err(RenderError::WorkerDied));
    assert_eq!(second.await.expect("no panic"), Ok((9, 6)));
    assert_eq!((pool.counters().signals, pool.counters().starts), (1, 2));
}

#[tokio::test]
async fn the_kernel_says_so_too() {
    assert!(std::env::vars().next().is_some(), "there is something to inherit");
    let pool = pool(&config());
    assert_eq!(pool.check().await, Ok(Walls { seccomp: Wall::Whole, landlock: Wall::Whole }));
    render(&pool, png(8, 6)).await.expect("a rendition");
    let pid = worker(&pool).await;
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).expect("readable");
    // What its allocator keeps, and nothing of what was there to inherit.
    assert_eq!(read("environ"), "MALLOC_MMAP_THRESHOLD_=33554432\0MALLOC_TRIM_THRESHOLD_=16777216\0");
    let status = read("status");
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000"] {
        assert!(status.lines().any(|found| found == line), "{line}: {status}");
    }
    let limits = read("limits");
    for (name, most) in [
        ("Max address space", "8589934592"),
        ("Max core file size", "0"),
        ("Max open files", "576"),
        ("Max file size", "536870912"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).expect(name);
        let rest: Vec<&str> = line[name.len()..].split_whitespace().collect();
        assert_eq!(rest[..2], [most, most], "{line}");
    }
    let mut open: Vec<(String, String)> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("readable")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let target = std::fs::read_link(&path).expect("a link").display().to_string();
            (path.file_name().expect("a number").to_string_lossy().into_owned(), target)
        })
        .collect();
    open.sort();
    let kinds: Vec<_> = open.iter().map(|(name, to)| (&name[..], to.split(':').next().unwrap())).collect();
    assert_eq!(kinds, [("0", "socket"), ("1", "/dev/null"), ("2", "pipe")]);
}
