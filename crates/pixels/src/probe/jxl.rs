//! JPEG XL (ISO/IEC 18181): the header of the codestream, bare or in a container.

use super::boxes::{Boxes, Reader};
use super::{Header, Ink};
use crate::Fault;
use crate::metadata::Orientation;
use safelight_domain::image::{SourceFormat, SourceInfo, Turn};
use std::borrow::Cow;

const CONTAINER: &[u8] = b"\0\0\0\x0CJXL \r\n\x87\n";

/// Bytes of a codestream in pieces that are put together to read its header.
const HEAD_BYTES: usize = 16 << 10;

/// The type of an extra channel that holds alpha.
const ALPHA: u32 = 0;

/// What the codestream starts with.
struct Head {
    width: u32,
    height: u32,
    has_alpha: bool,
    animated: bool,
}

pub(super) fn is_jxl(file: &[u8]) -> bool {
    file.starts_with(&[0xFF, 0x0A]) || file.starts_with(CONTAINER)
}

/// Reads size, transparency and EXIF. The orientation is that of the codestream, and the decoder
/// applies it: the size is the one that is shown. An animation has two frames here; how many it really
/// has is told by its decoder, when the size of the first has passed the limits.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let stream = codestream(file, HEAD_BYTES);
    let Some(stream) = stream.strip_prefix(&[0xFF, 0x0A]) else {
        return Err(Fault::Corrupt("it has no JPEG XL picture".to_owned()));
    };
    let head = Bits { bytes: stream, at: 0 }.head()?;
    let exif = Boxes(file).body(b"Exif").filter(|_| file.starts_with(CONTAINER)).and_then(|body| {
        let mut reader = Reader(body);
        let start = reader.u32().ok()?;
        reader.0.get(start as usize..)
    });
    let info = SourceInfo {
        format: SourceFormat::Jxl,
        width: head.width,
        height: head.height,
        has_alpha: head.has_alpha,
        frames: if head.animated { 2 } else { 1 },
        turn: Turn::Upright,
    };
    Ok(Header { info, exif, ink: Ink::Plain, orientation: Some(Orientation::AsStored) })
}

/// The codestream of a file. One in pieces is put together up to `most` bytes, or a piece more.
pub(crate) fn codestream(file: &[u8], most: usize) -> Cow<'_, [u8]> {
    if !file.starts_with(CONTAINER) {
        return Cow::Borrowed(file);
    }
    let mut stream: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    for part in Boxes(file) {
        let piece = match &part.name {
            b"jxlc" => part.body,
            // The number of the piece comes before it.
            b"jxlp" => part.body.get(4..).unwrap_or_default(),
            _ => continue,
        };
        if stream.is_empty() {
            stream = Cow::Borrowed(piece);
        } else if stream.len() < most {
            let missing = most - stream.len();
            stream.to_mut().extend(piece.iter().take(missing));
        }
    }
    stream
}

/// One of four ways to write a number: so many bits, and what is added to them.
type Choices = [(u32, u32); 4];

/// Bits of a codestream, from the lowest of each byte.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bits(&mut self, count: u32) -> Result<u32, Fault> {
        let mut value = 0;
        for place in 0..count {
            let byte = self.bytes.get(self.at / 8);
            let byte = byte.ok_or_else(|| Fault::Corrupt("it ends within its header".to_owned()))?;
            value |= u32::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Ok(value)
    }

    fn flag(&mut self) -> Result<bool, Fault> {
        Ok(self.bits(1)? == 1)
    }

    fn number(&mut self, choices: Choices) -> Result<u32, Fault> {
        // Two bits are an index of four.
        let (count, more) = choices[self.bits(2)? as usize];
        Ok(self.bits(count)?.wrapping_add(more))
    }

    fn size(&mut self) -> Result<(u32, u32), Fault> {
        const SIDE: Choices = [(9, 1), (13, 1), (18, 1), (30, 1)];
        let small = self.flag()?;
        let side = |bits: &mut Self| match small {
            true => Ok((bits.bits(5)? + 1) * 8),
            false => bits.number(SIDE),
        };
        let height = side(self)?;
        let width = match self.ratio()? {
            None => side(self)?,
            Some((by, of)) => u32::try_from(u64::from(height) * by / of).unwrap_or(u32::MAX),
        };
        Ok((width, height))
    }

    /// Width to height; `None` if the width is given.
    fn ratio(&mut self) -> Result<Option<(u64, u64)>, Fault> {
        const RATIOS: [(u64, u64); 7] = [(1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1)];
        Ok((self.bits(3)? as usize).checked_sub(1).and_then(|index| RATIOS.get(index).copied()))
    }

    fn head(&mut self) -> Result<Head, Fault> {
        let (mut width, mut height) = self.size()?;
        let (mut has_alpha, mut animated) = (false, false);
        if !self.flag()? {
            if self.flag()? {
                let orientation = self.bits(3)? + 1;
                if orientation > 4 {
                    (width, height) = (height, width);
                }
                if self.flag()? {
                    self.size()?;
                }
                if self.flag()? {
                    self.preview()?;
                }
                animated = self.flag()?;
                if animated {
                    self.animation()?;
                }
            }
            self.depth()?;
            self.flag()?;
            let extra = self.number([(0, 0), (0, 1), (4, 2), (12, 1)])?;
            for _ in 0..extra {
                has_alpha |= self.extra_channel()? == ALPHA;
            }
        }
        Ok(Head { width, height, has_alpha, animated })
    }

    fn preview(&mut self) -> Result<(), Fault> {
        let choices: Choices = match self.flag()? {
            true => [(0, 16), (0, 32), (5, 1), (9, 33)],
            false => [(6, 1), (8, 65), (10, 321), (12, 1345)],
        };
        self.number(choices)?;
        if self.ratio()?.is_none() {
            self.number(choices)?;
        }
        Ok(())
    }

    fn animation(&mut self) -> Result<(), Fault> {
        self.number([(0, 100), (0, 1000), (10, 1), (30, 1)])?;
        self.number([(0, 1), (0, 1001), (8, 1), (10, 1)])?;
        self.number([(0, 0), (3, 0), (16, 0), (32, 0)])?;
        self.flag()?;
        Ok(())
    }

    fn depth(&mut self) -> Result<(), Fault> {
        if self.flag()? {
            self.number([(0, 32), (0, 16), (0, 24), (6, 1)])?;
            self.bits(4)?;
        } else {
            self.number([(0, 8), (0, 10), (0, 12), (6, 1)])?;
        }
        Ok(())
    }

    /// Reads the description of a channel and gives its type.
    fn extra_channel(&mut self) -> Result<u32, Fault> {
        const SPOT_COLOR: u32 = 2;
        const COLOR_FILTER: u32 = 5;
        if self.flag()? {
            return Ok(ALPHA);
        }
        let kind = self.number([(0, 0), (0, 1), (4, 2), (6, 18)])?;
        self.depth()?;
        self.number([(0, 0), (0, 3), (0, 4), (3, 1)])?;
        let name = self.number([(0, 0), (4, 0), (5, 16), (10, 48)])?;
        self.at = self.at.saturating_add(name as usize * 8);
        match kind {
            ALPHA => self.bits(1)?,
            SPOT_COLOR => self.bits(32).and(self.bits(32))?,
            COLOR_FILTER => self.number([(0, 1), (2, 0), (4, 3), (8, 19)])?,
            _ => 0,
        };
        Ok(kind)
    }
}
