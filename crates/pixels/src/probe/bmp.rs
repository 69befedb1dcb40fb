//! BMP: the first header has it all.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo};

/// The headers that ever were, by their length: OS/2 1 and 2, and Windows from 3 to 5.
const HEADERS: [u32; 7] = [12, 40, 52, 56, 64, 108, 124];

/// Whether it starts like one; `BM` alone would be too little.
pub(super) fn matches(file: &[u8]) -> bool {
    file.starts_with(b"BM")
        && bytes(file, 14).is_ok_and(|length| HEADERS.contains(&u32::from_le_bytes(length)))
}

/// Rows run upwards where the height is positive.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let (width, height, depth) = if u32::from_le_bytes(bytes(file, 14)?) == 12 {
        let side = |at| bytes(file, at).map(|side| u32::from(u16::from_le_bytes(side)));
        (side(18)?, side(20)?, u16::from_le_bytes(bytes(file, 24)?))
    } else {
        // A negative width is beyond every limit.
        let height = i32::from_le_bytes(bytes(file, 22)?).unsigned_abs();
        (u32::from_le_bytes(bytes(file, 18)?), height, u16::from_le_bytes(bytes(file, 28)?))
    };
    let info = SourceInfo { format: SourceFormat::Bmp, width, height, has_alpha: depth == 32, frames: 1 };
    Ok(Header { info, exif: None, ink: Ink::Plain, orientation: None })
}
