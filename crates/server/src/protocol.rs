//! What the server and its worker processes say to each other: one request, one answer, in turns.
//!
//! Each frame is one message on a `SOCK_SEQPACKET` socket pair, so frames cannot run into each
//! other. A frame has a header of 12 bytes (magic, version, kind, length of the payload) and a
//! small payload; numbers are little-endian. Files travel beside it as a sealed memory file
//! ([`sealed`]). Neither side trusts the other's lengths.

pub mod sealed;
mod walls;
mod wire;

pub use crate::protocol::walls::{Wall, Walls};

use crate::protocol::wire::{Fields, Payload, WireError};
use rustix::io::{IoSlice, IoSliceMut, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use safelight_domain::image::{ImageId, SourceFormat, SourceInfo, SourceLimits, Turn};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Effort, MAX_OVERLAYS, Transform};
use safelight_pixels::{Fault, Output};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use thiserror::Error;

/// Changes with every change of a frame, so that a replaced program is not misunderstood.
pub const VERSION: u16 = 7;

/// Bytes of the longest payload: the text of a transform with every option and all overlays takes
/// about 2 KiB.
pub const MAX_PAYLOAD: usize = 4096;

/// Most levels of one original.
const MAX_LEVELS: u32 = 16;

const MAGIC: [u8; 4] = *b"SFLW";
const HEADER: usize = 12;

/// What the first part of a render's memory file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The original.
    Original,
    /// One of its levels.
    Level,
}

/// What the server asks. All but `Hello` come with the file as a sealed memory file.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Comes first, and again whenever the server wants a sign of life.
    Hello(SourceLimits),
    /// Read the header of the file.
    Probe,
    /// Read the header of a file that begins so.
    ProbeBeginning,
    /// Make the levels of the file.
    Levels {
        /// What the sides are divided by for the first of them.
        first: u32,
    },
    /// Render the file. The memory file holds the base and the overlays one behind the other.
    Render {
        /// What the base is.
        base: Base,
        /// What is done to the pixels. The overlays' ids mean nothing to a worker and are left out.
        transform: Transform,
        /// The result.
        output: Output,
        /// Bytes of each part of the memory file, the base first, then as many as the transform
        /// has overlays.
        lengths: Vec<u32>,
    },
}

/// What the worker answers. `Rendered` and `Levels` come with the result as a sealed memory file.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// To `Hello`: what the worker has put up around itself.
    Ready(Walls),
    /// To `Probe` and `ProbeBeginning`.
    Probed(SourceInfo),
    /// To `ProbeBeginning`: the whole file is needed.
    Unclear,
    /// To `Render`.
    Rendered {
        /// Pixels, at least 1.
        width: u32,
        /// Pixels, at least 1.
        height: u32,
    },
    /// To `Levels`: the divisor of each, and its bytes; they lie one behind the other.
    Levels(Vec<(u32, u32)>),
    /// To `Probe`, `Levels` and `Render`: the file is at fault.
    Refused(Fault),
}

/// A message that is either side's: how it becomes a payload and comes out of one.
pub trait Message: Sized {
    /// The number that stands for the variant, and its fields.
    fn encode(&self) -> (u16, Vec<u8>);
    /// The message of that number and those fields.
    fn decode(kind: u16, payload: &[u8]) -> Result<Self, FrameError>;
}

/// Why no message was sent or received. The connection is of no use after any of these.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The socket failed.
    #[error("the socket failed: {0}")]
    Socket(#[from] rustix::io::Errno),
    /// Not a frame at all.
    #[error("not a frame of this protocol")]
    NotAFrame,
    /// Sent by a program of another version.
    #[error("protocol version {0} instead of {VERSION}")]
    Version(u16),
    /// Longer than [`MAX_PAYLOAD`], or not as long as its header says.
    #[error("a frame of a wrong length")]
    Length,
    /// More descriptors than the one that a frame may carry.
    #[error("a frame with too many descriptors")]
    Descriptors,
    /// No message has this number.
    #[error("a message of unknown kind {0}")]
    Kind(u16),
    /// The fields make no sense.
    #[error("a message with a wrong field")]
    Field(#[from] WireError),
}

/// Sends one message. It does not wait: a peer that lets its buffer fill up is an error.
pub fn send<M: Message>(
    socket: BorrowedFd<'_>,
    message: &M,
    file: Option<BorrowedFd<'_>>,
) -> Result<(), FrameError> {
    let (kind, payload) = message.encode();
    if payload.len() > MAX_PAYLOAD {
        return Err(FrameError::Length);
    }
    let mut frame = Vec::with_capacity(HEADER + payload.len());
    frame.extend(MAGIC);
    frame.extend(VERSION.to_le_bytes());
    frame.extend(kind.to_le_bytes());
    // No more than MAX_PAYLOAD.
    frame.extend((payload.len() as u32).to_le_bytes());
    frame.extend(payload);
    send_bytes(socket, &frame, file.as_slice())
}

fn send_bytes(
    socket: BorrowedFd<'_>,
    frame: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), FrameError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(FrameError::Descriptors);
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    retry_on_intr(|| rustix::net::sendmsg(socket, &[IoSlice::new(frame)], &mut control, flags))?;
    Ok(())
}

/// Waits for one message; `None` when the peer has closed its end.
pub fn receive<M: Message>(socket: BorrowedFd<'_>) -> Result<Option<(M, Option<OwnedFd>)>, FrameError> {
    let mut frame = [0; HEADER + MAX_PAYLOAD];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = retry_on_intr(|| {
        let mut parts = [IoSliceMut::new(&mut frame)];
        rustix::net::recvmsg(socket.as_fd(), &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    let mut files: Vec<OwnedFd> = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) || files.len() > 1 {
        return Err(FrameError::Descriptors);
    }
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Err(FrameError::Length);
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    let frame = frame.get(..received.bytes).ok_or(FrameError::Length)?;
    let message = parse(frame)?;
    Ok(Some((message, files.pop())))
}

fn parse<M: Message>(frame: &[u8]) -> Result<M, FrameError> {
    let (header, payload) = frame.split_at_checked(HEADER).ok_or(FrameError::NotAFrame)?;
    let mut fields = Fields(header);
    if fields.take()? != MAGIC {
        return Err(FrameError::NotAFrame);
    }
    let version = fields.u16()?;
    if version != VERSION {
        return Err(FrameError::Version(version));
    }
    let kind = fields.u16()?;
    if usize::try_from(fields.u32()?) != Ok(payload.len()) {
        return Err(FrameError::Length);
    }
    M::decode(kind, payload)
}

impl Message for Request {
    fn encode(&self) -> (u16, Vec<u8>) {
        match self {
            Request::Hello(limits) => (1, Payload::default().u32(limits.side).u64(limits.area).done()),
            Request::Probe => (2, Vec::new()),
            Request::Render { base, transform, output, lengths } => {
                (3, encode_render(*base, transform, *output, lengths))
            }
            Request::Levels { first } => (4, Payload::default().u32(*first).done()),
            Request::ProbeBeginning => (5, Vec::new()),
        }
    }

    fn decode(kind: u16, payload: &[u8]) -> Result<Request, FrameError> {
        let mut fields = Fields(payload);
        let request = match kind {
            1 => Request::Hello(SourceLimits { side: fields.u32()?, area: fields.u64()? }),
            2 => Request::Probe,
            3 => decode_render(&mut fields)?,
            4 => Request::Levels { first: fields.u32()? },
            5 => Request::ProbeBeginning,
            other => return Err(FrameError::Kind(other)),
        };
        fields.end()?;
        Ok(request)
    }
}

fn encode_render(base: Base, transform: &Transform, output: Output, lengths: &[u32]) -> Vec<u8> {
    let mut nameless = transform.clone();
    nameless.draw.iter_mut().for_each(|overlay| overlay.image = ImageId::named("-"));
    let payload = Payload::default().text(&nameless.canonical()).text(output.format.as_str());
    let payload = payload.u32(u32::from(output.effort.number()));
    let payload = payload.u32(match base {
        Base::Original => 0,
        Base::Level => 1,
    });
    lengths.iter().fold(payload, |payload, length| payload.u32(*length)).done()
}

fn decode_render(fields: &mut Fields<'_>) -> Result<Request, WireError> {
    let transform = Transform::from_canonical(fields.text()?).map_err(|_| WireError)?;
    let format = OutputFormat::parse(fields.text()?).ok_or(WireError)?;
    let effort = u8::try_from(fields.u32()?).ok().and_then(Effort::from_number).ok_or(WireError)?;
    let base = match fields.u32()? {
        0 => Base::Original,
        1 => Base::Level,
        _ => return Err(WireError),
    };
    let mut lengths = Vec::with_capacity(1 + MAX_OVERLAYS);
    for _ in 0..=transform.draw.len() {
        lengths.push(fields.u32()?);
    }
    Ok(Request::Render { base, transform, output: Output { format, effort }, lengths })
}

impl Message for Response {
    fn encode(&self) -> (u16, Vec<u8>) {
        let payload = Payload::default();
        match self {
            Response::Ready(walls) => {
                (1, payload.text(walls.seccomp.as_str()).text(walls.landlock.as_str()).done())
            }
            Response::Probed(info) => {
                let payload = payload.text(info.format.media_type()).u32(info.width).u32(info.height);
                (2, payload.u32(u32::from(info.has_alpha)).u32(info.frames).text(info.turn.as_str()).done())
            }
            Response::Rendered { width, height } => (3, payload.u32(*width).u32(*height).done()),
            Response::Refused(Fault::Unsupported) => (4, Vec::new()),
            Response::Refused(Fault::Corrupt(why)) => (5, payload.text(why).done()),
            Response::Refused(Fault::TooLarge { width, height, side, area }) => {
                (6, payload.u32(*width).u32(*height).u32(*side).u64(*area).done())
            }
            Response::Refused(Fault::CannotEncode(why)) => (7, payload.text(why).done()),
            Response::Refused(Fault::TooMuchAnimation { width, height, frames, max_frames, area }) => {
                let payload = payload.u32(*width).u32(*height).u32(*frames);
                (8, payload.u32(*max_frames).u64(*area).done())
            }
            Response::Refused(Fault::SvgConversion) => (9, Vec::new()),
            Response::Refused(Fault::OutputTooLarge { width, height, side, area }) => {
                (10, payload.u64(*width).u64(*height).u32(*side).u64(*area).done())
            }
            Response::Refused(Fault::NothingLeft { width, height }) => {
                (11, payload.u32(*width).u32(*height).done())
            }
            Response::Refused(Fault::OverlaysTooLarge { area }) => (12, payload.u64(*area).done()),
            Response::Levels(levels) => (13, encode_levels(levels)),
            Response::Unclear => (14, Vec::new()),
        }
    }

    fn decode(kind: u16, payload: &[u8]) -> Result<Response, FrameError> {
        let mut fields = Fields(payload);
        let response = match kind {
            1 => Response::Ready(Walls {
                seccomp: Wall::parse(fields.text()?).ok_or(WireError)?,
                landlock: Wall::parse(fields.text()?).ok_or(WireError)?,
            }),
            2 => Response::Probed(SourceInfo {
                format: SourceFormat::from_media_type(fields.text()?).ok_or(WireError)?,
                width: fields.u32()?,
                height: fields.u32()?,
                has_alpha: match fields.u32()? {
                    0 => false,
                    1 => true,
                    _ => return Err(WireError.into()),
                },
                frames: fields.u32()?,
                turn: Turn::parse(fields.text()?).ok_or(WireError)?,
            }),
            3 => Response::Rendered { width: fields.u32()?, height: fields.u32()? },
            4 => Response::Refused(Fault::Unsupported),
            5 => Response::Refused(Fault::Corrupt(plain_text(fields.text()?))),
            6 => Response::Refused(Fault::TooLarge {
                width: fields.u32()?,
                height: fields.u32()?,
                side: fields.u32()?,
                area: fields.u64()?,
            }),
            7 => Response::Refused(Fault::CannotEncode(plain_text(fields.text()?))),
            8 => Response::Refused(Fault::TooMuchAnimation {
                width: fields.u32()?,
                height: fields.u32()?,
                frames: fields.u32()?,
                max_frames: fields.u32()?,
                area: fields.u64()?,
            }),
            9 => Response::Refused(Fault::SvgConversion),
            10 => Response::Refused(Fault::OutputTooLarge {
                width: fields.u64()?,
                height: fields.u64()?,
                side: fields.u32()?,
                area: fields.u64()?,
            }),
            11 => Response::Refused(Fault::NothingLeft { width: fields.u32()?, height: fields.u32()? }),
            12 => Response::Refused(Fault::OverlaysTooLarge { area: fields.u64()? }),
            13 => decode_levels(&mut fields)?,
            14 => Response::Unclear,
            other => return Err(FrameError::Kind(other)),
        };
        fields.end()?;
        Ok(response)
    }
}

fn encode_levels(levels: &[(u32, u32)]) -> Vec<u8> {
    // There are few: a picture can be halved only so often.
    let payload = Payload::default().u32(levels.len() as u32);
    levels.iter().fold(payload, |payload, (divisor, bytes)| payload.u32(*divisor).u32(*bytes)).done()
}

fn decode_levels(fields: &mut Fields<'_>) -> Result<Response, FrameError> {
    let count = fields.u32()?;
    if count > MAX_LEVELS {
        return Err(WireError.into());
    }
    let levels = (0..count).map(|_| Ok((fields.u32()?, fields.u32()?)));
    Ok(Response::Levels(levels.collect::<Result<_, WireError>>()?))
}

/// A text from a worker ends up in logs, so nothing in it may act there.
fn plain_text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
