//! Frames of HTTP/2 as they go by, followed no further than judging time needs: where heads begin and
//! end, and whether anything of an answer moves (RFC 9113, 4.1).

/// Bytes before the payload of a frame.
const FRAME_HEAD: usize = 9;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_HEADERS: u8 = 0x4;

/// One direction of a connection, from its first frame on.
#[derive(Default)]
pub(super) struct Frames {
    head: [u8; FRAME_HEAD],
    /// Bytes of the frame's head that have gone by.
    filled: usize,
    /// Bytes of its payload that have not.
    left: usize,
    /// Whether the head of a message has begun and not ended.
    in_head: bool,
}

impl Frames {
    /// Follows the next bytes. Whether any of them were a message's, its head or its body: frames that
    /// only keep a connection going are none.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> bool {
        let mut of_message = false;
        while let Some(first) = bytes.first() {
            if self.left > 0 {
                let passing = self.left.min(bytes.len());
                bytes = &bytes[passing..];
                self.left -= passing;
                of_message |= matches!(self.kind(), DATA | HEADERS | CONTINUATION);
            } else {
                self.head[self.filled] = *first;
                bytes = &bytes[1..];
                self.filled += 1;
                if self.filled < FRAME_HEAD {
                    continue;
                }
                self.left = self.head[..3].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
                self.in_head |= matches!(self.kind(), HEADERS | CONTINUATION);
            }
            if self.left == 0 {
                self.filled = 0;
                let ends = self.head[4] & END_HEADERS != 0;
                self.in_head &= !(ends && matches!(self.kind(), HEADERS | CONTINUATION));
            }
        }
        of_message
    }

    /// Whether the peer has begun a head, of a frame or of a message, and not ended it.
    pub(super) fn in_head(&self) -> bool {
        self.in_head || self.left == 0 && self.filled > 0
    }

    fn kind(&self) -> u8 {
        self.head[3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: u8 = 0x6;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).expect("short").to_be_bytes();
        let mut frame = [&length[1..], &[kind, flags], &[0, 0, 0, 1]].concat();
        frame.resize(frame.len() + payload, 0xFF);
        frame
    }

    #[test]
    fn heads_begin_and_end_wherever_the_bytes_are_cut() {
        let sent = [
            frame(HEADERS, END_HEADERS, 5),
            frame(DATA, 1, 300),
            frame(HEADERS, 0, 3),
            frame(CONTINUATION, 0, 0),
            frame(CONTINUATION, END_HEADERS, 0),
            frame(PING, END_HEADERS, 8),
        ];
        // After so many bytes of each frame the peer is within a head.
        let within: [&dyn Fn(usize) -> bool; 6] =
            [&|at| at < 14, &|at| at < 9, &|_| true, &|_| true, &|at| at < 9, &|at| at < 9];
        let mut frames = Frames::default();
        for (frame, within) in sent.iter().zip(within) {
            for (at, byte) in (1..).zip(frame) {
                frames.pass(&[*byte]);
                assert_eq!(frames.in_head(), within(at), "{at} of {frame:?}");
            }
        }
        let all = sent.concat();
        for piece in 1..all.len() {
            let mut frames = Frames::default();
            for bytes in all.chunks(piece) {
                frames.pass(bytes);
            }
            assert!(!frames.in_head());
        }
    }

    #[test]
    fn what_keeps_a_connection_going_is_no_message() {
        let mut frames = Frames::default();
        assert!(!frames.pass(&frame(PING, 1, 8)));
        assert!(!frames.pass(&frame(DATA, 1, 0)));
        let data = frame(DATA, 0, 10);
        assert!(!frames.pass(&data[..9]));
        assert!(frames.pass(&data[9..12]));
        assert!(!frames.pass(&[]));
        assert!(frames.pass(&[&data[12..], &frame(PING, 1, 8)].concat()));
        assert!(!frames.pass(&frame(PING, 1, 8)));
    }
}
