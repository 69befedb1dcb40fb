//! Kernels that lack a wall. A filter around the pool's threads, which their workers inherit, answers
//! as such a kernel does.

use crate::acts::{self, Unconfined};
use crate::inject::{Argument, Outcome, call};
use crate::{config, png, pool, render, worker};
use nix::errno::Errno;
use nix::libc;
use safelight::config::{RenderConfig, Sandbox};
use safelight::protocol::{Wall, Walls};
use safelight::renderer::{RenderError, Renderer};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Command, Stdio};

/// Does something in a thread for which the kernel does not know these calls. What it starts does not
/// know them either.
fn without<T: Send>(calls: &[i64], work: impl FnOnce() -> T + Send) -> T {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    let architecture = TargetArch::try_from(std::env::consts::ARCH).expect("known");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, unknown, architecture).expect("rules");
    let filter: BpfProgram = filter.try_into().expect("a filter");
    std::thread::scope(|threads| {
        let worked = threads.spawn(|| {
            apply_filter(&filter).expect("applied");
            work()
        });
        worked.join().expect("no panic")
    })
}

fn without_seccomp(sandbox: Sandbox) -> Renderer {
    without(&[libc::SYS_seccomp], || pool(&RenderConfig { sandbox, ..config() }))
}

#[tokio::test]
async fn without_landlock_seccomp_is_enough() {
    let pool = without(&[libc::SYS_landlock_create_ruleset], || pool(&config()));
    assert_eq!(pool.check().await, Ok(Walls { seccomp: Wall::Whole, landlock: Wall::Missing }));
    assert_eq!(render(&pool, png(8, 6)).await, Ok((8, 6)));
}

#[tokio::test]
async fn without_seccomp_nothing_is_rendered_unless_it_is_allowed() {
    let strict = without_seccomp(Sandbox::Required);
    let Err(RenderError::NoWorker(why)) = render(&strict, png(8, 6)).await else { panic!("rendered") };
    assert!(why.contains("seccomp") && why.contains("render-sandbox"), "{why}");
    assert!(strict.worker_pids().is_empty());

    let lax = without_seccomp(Sandbox::BestEffort);
    assert_eq!(lax.check().await, Ok(Walls { seccomp: Wall::Missing, landlock: Wall::Whole }));
    assert_eq!(render(&lax, png(8, 6)).await, Ok((8, 6)));
}

/// The address of a Unix socket as C has it.
fn abstract_address(name: &str) -> Vec<u8> {
    let family = u16::try_from(libc::AF_UNIX).expect("small").to_ne_bytes();
    [&family[..], b"\0", name.as_bytes()].concat()
}

fn loopback(port: u16) -> Vec<u8> {
    let family = u16::try_from(libc::AF_INET).expect("small").to_ne_bytes();
    [&family[..], &port.to_be_bytes(), &[127, 0, 0, 1], &[0; 8]].concat()
}

#[tokio::test]
async fn landlock_alone_keeps_files_tcp_and_the_parent_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let parent = std::process::id().cast_signed();
    let pool = without_seccomp(Sandbox::BestEffort);
    let pid = worker(&pool).await;
    let refused = |call: Outcome| matches!(call, Outcome::Failed(Errno::EACCES | Errno::EPERM));
    for act in acts::files(folder.path(), parent).iter().chain(&acts::parent(parent)) {
        let asks_nothing = act.unconfined == Unconfined::Judged
            // These two give no right over the process.
            || [libc::SYS_pidfd_open, libc::SYS_prlimit64].contains(&act.number);
        let outcome = call(pid, act.number, &act.arguments);
        assert!(asks_nothing || refused(outcome), "{}: {outcome:?}", act.what);
    }
    assert!(!folder.path().join("new").exists());

    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("an address").port();
    let name = format!("safelight-{parent}");
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let _abstract = UnixListener::bind_addr(&address).expect("bound");
    let (tcp, unix) = (libc::AF_INET, libc::AF_UNIX);
    for (what, family, verb, address) in [
        ("connect to TCP", tcp, libc::SYS_connect, loopback(port)),
        ("bind TCP", tcp, libc::SYS_bind, loopback(0)),
        ("connect to an abstract socket", unix, libc::SYS_connect, abstract_address(&name)),
    ] {
        let kind = [family, libc::SOCK_STREAM, 0].map(|n| Argument::Number(n.into()));
        let Outcome::Returned(socket) = call(pid, libc::SYS_socket, &kind) else { panic!("no socket") };
        let length = Argument::Number(address.len() as i64);
        let outcome = call(pid, verb, &[Argument::Number(socket), Argument::Bytes(address), length]);
        assert!(refused(outcome), "{what}: {outcome:?}");
    }
    let program = [Argument::text("/bin/true"), Argument::Bytes(vec![0; 8]), Argument::Bytes(vec![0; 8])];
    let outcome = call(pid, libc::SYS_execve, &program);
    assert!(refused(outcome), "execute a program: {outcome:?}");
}

#[test]
fn a_server_without_seccomp_says_so_at_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let serve = |sandbox: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--render-sandbox", sandbox, "--data"]);
        command.arg(folder.path().join(sandbox)).env_clear().stdin(Stdio::null()).stderr(Stdio::piped());
        without(&[libc::SYS_seccomp], || command.spawn()).expect("started")
    };
    let output = serve("required").wait_with_output().expect("ended");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("seccomp") && said.contains("render-sandbox"), "{said}");

    let mut serving = serve("best-effort");
    let lines = std::io::BufRead::lines(std::io::BufReader::new(serving.stderr.take().expect("piped")));
    let mut said = Vec::new();
    for line in lines {
        said.push(line.expect("text"));
        if said.last().is_some_and(|line| line.contains("serving")) {
            break;
        }
    }
    serving.kill().expect("killed");
    serving.wait().expect("ended");
    assert!(said.iter().any(|line| line.contains("ARE NOT CONFINED")), "{said:?}");
    assert!(said.last().is_some_and(|line| line.contains("serving")), "{said:?}");
}
