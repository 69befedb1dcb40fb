//! Frames between the server and a worker: neither side believes the other.

use crate::Verdict;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};
use safelight::protocol::{MAX_PAYLOAD, Message, Request, Response, receive};
use std::fmt::Debug;
use std::os::fd::AsFd;

/// The first two bytes are a kind, the rest a payload; and all of it is a frame as well.
pub(crate) fn check(data: &[u8]) -> Verdict {
    if data.len() > MAX_PAYLOAD {
        return Verdict::Reject;
    }
    if let Some((kind, payload)) = data.split_first_chunk() {
        let kind = u16::from_le_bytes(*kind);
        same_after_encoding(Request::decode(kind, payload));
        same_after_encoding(Response::decode(kind, payload));
    }
    receive_raw::<Request>(data);
    receive_raw::<Response>(data);
    Verdict::Keep
}

/// A decoded message is encoded to bytes that mean the same and stay the same. Names of overlays are
/// left out when it is encoded first.
fn same_after_encoding<M: Message + Debug + PartialEq, E>(decoded: Result<M, E>) {
    let Ok(message) = decoded else { return };
    let (kind, payload) = message.encode();
    let again = M::decode(kind, &payload).expect("what is encoded can be decoded");
    assert_eq!(again.encode(), (kind, payload.clone()));
    assert_eq!(M::decode(kind, &payload).expect("as before"), again);
}

/// What is received is a message, an error or the end, and no panic.
fn receive_raw<M: Message>(frame: &[u8]) {
    if frame.is_empty() {
        return;
    }
    let flags = SocketFlags::CLOEXEC;
    let (here, there) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).expect("a socket pair");
    rustix::net::send(&here, frame, SendFlags::empty()).expect("sent");
    let _ = receive::<M>(there.as_fd());
}
