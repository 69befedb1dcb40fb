//! The filter is for good and for a whole process, so each of these tests starts its own again.

use super::*;
use crate::protocol::sealed;
use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::sync::{Arc, Barrier};
use std::time::Duration;

/// The variable that tells a test that it is the process to be filtered.
const FILTERED: &str = "FILTERED_TEST";

/// Runs `work` behind the filter, in a process of its own.
fn filtered(test: &str, work: impl FnOnce()) -> Option<Output> {
    if std::env::var_os(FILTERED).is_some() {
        assert_eq!(filter().expect("a filter"), Wall::Whole);
        work();
        return None;
    }
    let own = std::env::current_exe().expect("a path");
    let name = format!("worker::syscalls::tests::{test}");
    let mut command = Command::new(own);
    command.args(["--exact", &name, "--nocapture", "--test-threads=1"]).env(FILTERED, "1");
    Some(command.output().expect("it starts"))
}

#[test]
fn what_codecs_do_is_allowed() {
    let output = filtered("what_codecs_do_is_allowed", || {
        let together = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let together = Arc::clone(&together);
                let thread = std::thread::Builder::new().name(format!("codec-{number}"));
                let work = move || {
                    together.wait();
                    std::thread::sleep(Duration::from_millis(1));
                    let mut pixels = vec![1_u8; 32 << 20];
                    pixels.resize(64 << 20, 2);
                    pixels.iter().map(|n| u64::from(*n)).sum::<u64>()
                };
                thread.spawn(work).expect("a thread")
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().expect("no panic"), 3 * (32 << 20));
        }
        assert!(std::thread::available_parallelism().is_ok_and(|processors| processors.get() >= 1));
        assert!(std::panic::catch_unwind(|| panic!("a codec's own")).is_err());
        assert_eq!(HashMap::from([(1, 2)]).len(), 1);
        assert!(std::time::SystemTime::now().elapsed().is_ok());
        let file = sealed::seal(&[b"bytes"]).expect("sealed");
        assert_eq!(sealed::read(file).expect("read"), b"bytes");
        let refused = File::open("/etc/passwd").expect_err("no files").kind();
        assert_eq!(refused, ErrorKind::PermissionDenied);
        eprintln!("all of it");
    });
    if let Some(output) = output {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("all of it"), "{:?}: {said}", output.status);
    }
}

#[test]
fn giving_up_is_seen_as_that() {
    let output = filtered("giving_up_is_seen_as_that", || std::process::abort());
    assert_eq!(output.expect("aborted").status.signal(), Some(libc::SIGABRT));
}

#[test]
fn another_call_ends_the_process() {
    let output = filtered("another_call_ends_the_process", || drop(std::net::UdpSocket::bind("127.0.0.1:0")));
    assert_eq!(output.expect("killed").status.signal(), Some(libc::SIGSYS));
}
