use super::*;
use crate::protocol::Wall;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};
use safelight_domain::image::SourceLimits;
use std::thread::JoinHandle;

/// These tests run the serving part alone, in a thread.
const NONE: Walls = Walls { seccomp: Wall::Missing, landlock: Wall::Missing };

fn worker() -> (OwnedFd, JoinHandle<Result<(), ServeError>>) {
    let (server, worker) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).expect("a pair");
    (server, std::thread::spawn(move || serve(worker.as_fd(), NONE)))
}

fn greet(server: &OwnedFd) {
    protocol::send(server.as_fd(), &Request::Hello(SourceLimits::CLOUDFLARE), None).expect("sent");
    let answer = protocol::receive(server.as_fd()).expect("an answer").expect("not closed");
    assert!(matches!(answer, (Response::Ready(NONE), None)));
}

/// Waits until the worker has closed its end.
fn assert_closed(server: &OwnedFd) {
    assert!(matches!(protocol::receive::<Response>(server.as_fd()), Ok(None)));
}

#[test]
fn it_ends_when_the_server_closes() {
    let (server, worker) = worker();
    greet(&server);
    drop(server);
    assert!(worker.join().expect("no panic").is_ok());
}

#[test]
fn a_frame_of_another_version_closes_the_connection() {
    let (server, worker) = worker();
    greet(&server);
    rustix::net::send(&server, b"SFLW\x63\0\x02\0\0\0\0\0", SendFlags::empty()).expect("sent");
    assert!(matches!(worker.join().expect("no panic"), Err(ServeError::Frame(FrameError::Version(0x63)))));
    assert_closed(&server);
}

#[test]
fn an_oversized_frame_closes_the_connection() {
    let (server, worker) = worker();
    greet(&server);
    rustix::net::send(&server, &[0; 5000], SendFlags::empty()).expect("sent");
    assert!(matches!(worker.join().expect("no panic"), Err(ServeError::Frame(FrameError::Length))));
    assert_closed(&server);
}

#[test]
fn the_greeting_comes_first_and_files_are_required() {
    let (server, worker_thread) = worker();
    protocol::send(server.as_fd(), &Request::Probe, None).expect("sent");
    assert!(matches!(worker_thread.join().expect("no panic"), Err(ServeError::NotGreeted)));

    let (server, worker_thread) = worker();
    greet(&server);
    protocol::send(server.as_fd(), &Request::Probe, None).expect("sent");
    assert!(matches!(worker_thread.join().expect("no panic"), Err(ServeError::NoFile)));
}

#[test]
fn a_file_that_could_still_change_is_not_touched() {
    let (server, worker) = worker();
    greet(&server);
    let device = std::fs::File::open("/dev/null").expect("opened");
    protocol::send(server.as_fd(), &Request::Probe, Some(device.as_fd())).expect("sent");
    assert!(matches!(worker.join().expect("no panic"), Err(ServeError::Sealed(SealedError::Unsealed))));
}
