//! PNG: the header chunk, and which chunks follow.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

/// Reads the header chunk, finds EXIF, and whether there is any transparency. Of an animation the
/// default image counts, whose size is that of the canvas.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    if bytes::<8>(file, 8)? != *b"\0\0\0\x0DIHDR" {
        return Err(Fault::Corrupt("it does not start with a PNG header".to_owned()));
    }
    let width = u32::from_be_bytes(bytes(file, 16)?);
    let height = u32::from_be_bytes(bytes(file, 20)?);
    let [_depth, color] = bytes(file, 24)?;
    let mut transparent = false;
    let mut pixels_seen = false;
    let mut exif = None;
    let mut at = 33;
    while let (Ok(length), Ok(name)) = (bytes(file, at), bytes::<4>(file, at + 4)) {
        let length = u32::from_be_bytes(length) as usize;
        match &name {
            b"tRNS" if !pixels_seen => transparent = true,
            b"IDAT" => pixels_seen = true,
            b"eXIf" if exif.is_none() => exif = file.get(at + 8..at + 8 + length),
            _ => {}
        }
        at += 12 + length;
    }
    let has_alpha = transparent || matches!(color, 4 | 6);
    let info = SourceInfo { format: SourceFormat::Png, width, height, has_alpha, frames: 1 };
    Ok(Header { info, exif, ink: Ink::Plain, orientation: None })
}
