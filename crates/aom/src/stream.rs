//! What libaom makes of a picture: the data, and what a file says about them.

use crate::planes::Planes;

/// Open bitstream units at the start: a delimiter of length 0, then a sequence header with a length.
const DELIMITER: [u8; 2] = [0x12, 0];
const SEQUENCE_HEADER: u8 = 0x0a;

/// The AV1 data of one still picture.
pub(crate) struct Stream {
    pub(crate) data: Vec<u8>,
    pub(crate) profile: u8,
    pub(crate) level: u8,
    pub(crate) monochrome: bool,
}

impl Stream {
    /// Reads the sequence header. Nothing if the data do not start with that of a still picture.
    pub(crate) fn new(mut data: Vec<u8>, planes: &Planes) -> Option<Self> {
        // Delimiters are for streams; an item of a file is to have none.
        if data.starts_with(&DELIMITER) {
            data.drain(..DELIMITER.len());
        }
        let [SEQUENCE_HEADER, _length, first, second, ..] = data[..] else {
            return None;
        };
        // Three bits of profile; a still picture; its short header; five bits of level.
        if first & 0b0001_1000 != 0b0001_1000 {
            return None;
        }
        let level = (first & 0b0111) << 2 | second >> 6;
        Some(Self { data, profile: first >> 5, level, monochrome: planes.chroma().is_none() })
    }
}
