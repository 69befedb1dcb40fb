//! GIF: the logical screen, and whether the first frame covers it.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo};

/// Reads the logical screen, which is the picture's size, and the blocks up to the first frame.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let u16_at = |at| Ok::<u16, Fault>(u16::from_le_bytes(bytes(file, at)?));
    let (width, height) = (u16_at(6)?, u16_at(8)?);
    let [flags] = bytes(file, 10)?;
    let mut at = 13 + palette_bytes(flags);
    let mut transparent = false;
    loop {
        match bytes(file, at)? {
            [0x21] => {
                let [label, length, packed] = bytes(file, at + 1)?;
                if label == 0xF9 && length >= 4 {
                    transparent = packed & 1 == 1;
                }
                at = end_of_blocks(file, at + 2)?;
            }
            [0x2C] => break,
            _ => return Err(Fault::Corrupt("it has no frame".to_owned())),
        }
    }
    let frame = [u16_at(at + 1)?, u16_at(at + 3)?, u16_at(at + 5)?, u16_at(at + 7)?];
    let [left, top, frame_width, frame_height] = frame.map(u32::from);
    let (width, height) = (u32::from(width), u32::from(height));
    let covers = left == 0 && top == 0 && frame_width >= width && frame_height >= height;
    let info =
        SourceInfo { format: SourceFormat::Gif, width, height, has_alpha: transparent || !covers, frames: 1 };
    Ok(Header { info, exif: None, ink: Ink::Plain, orientation: None })
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
