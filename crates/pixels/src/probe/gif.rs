//! GIF: the logical screen, the frames, and whether anything can be seen through.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo, Turn};

/// Reads the logical screen, which is the picture's size, and walks the blocks. A file that breaks
/// off has the frames before that, but at least one has to begin.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let (width, height) = (u32::from(u16_at(file, 6)?), u32::from(u16_at(file, 8)?));
    let [flags] = bytes(file, 10)?;
    let mut walk = Walk { file, at: 13 + palette_bytes(flags), control: 0 };
    let first = walk.next()?.ok_or_else(|| Fault::Corrupt("it has no frame".to_owned()))?;
    let covers = first.left == 0 && first.top == 0 && first.width >= width && first.height >= height;
    let mut has_alpha = first.transparent() || !covers;
    let mut frames = 1;
    let mut last = first;
    while let Ok(Some(frame)) = walk.next() {
        // What a frame leaves behind may be seen through as soon as there is another one.
        has_alpha |= last.clears();
        frames += 1;
        last = frame;
    }
    let info =
        SourceInfo { format: SourceFormat::Gif, width, height, has_alpha, frames, turn: Turn::Upright };
    Ok(Header { info, exif: None, ink: Ink::Plain, orientation: None })
}

struct Walk<'a> {
    file: &'a [u8],
    at: usize,
    /// The flags of the control block for the next frame.
    control: u8,
}

struct Frame {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    control: u8,
}

impl Frame {
    fn transparent(&self) -> bool {
        self.control & 1 == 1
    }

    fn clears(&self) -> bool {
        (self.control >> 2) & 7 == 2
    }
}

impl Walk<'_> {
    fn next(&mut self) -> Result<Option<Frame>, Fault> {
        loop {
            match bytes(self.file, self.at)? {
                [0x21] => {
                    let [label, length, packed] = bytes(self.file, self.at + 1)?;
                    if label == 0xF9 && length >= 4 {
                        self.control = packed;
                    }
                    self.at = end_of_blocks(self.file, self.at + 2)?;
                }
                [0x2C] => break,
                _ => return Ok(None),
            }
        }
        let side = |at| u16_at(self.file, self.at + at).map(u32::from);
        let (left, top, width, height) = (side(1)?, side(3)?, side(5)?, side(7)?);
        let flags = self.file.get(self.at + 9).copied().unwrap_or(0);
        let frame = Frame { left, top, width, height, control: std::mem::take(&mut self.control) };
        // A last frame that breaks off is shown as far as it goes, so it counts.
        self.at = end_of_blocks(self.file, self.at + 11 + palette_bytes(flags)).unwrap_or(self.file.len());
        Ok(Some(frame))
    }
}

fn u16_at(file: &[u8], at: usize) -> Result<u16, Fault> {
    Ok(u16::from_le_bytes(bytes(file, at)?))
}

fn palette_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// The place behind a row of sub-blocks that starts at `at`.
fn end_of_blocks(file: &[u8], mut at: usize) -> Result<usize, Fault> {
    loop {
        let [length] = bytes(file, at)?;
        at += 1 + usize::from(length);
        if length == 0 {
            return Ok(at);
        }
    }
}
