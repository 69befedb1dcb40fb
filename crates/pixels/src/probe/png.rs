//! PNG: the header chunk, and which chunks follow.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo, Turn};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

/// Reads the header chunk, finds EXIF, and whether there is any transparency. The size of an animation
/// is that of its canvas; a file that promises more frames than it has, has those that it has.
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
    let (mut promised, mut found, mut exposed) = (1, 0, false);
    let mut at = 33;
    while let (Ok(length), Ok(name)) = (bytes(file, at), bytes::<4>(file, at + 4)) {
        let length = u32::from_be_bytes(length) as usize;
        match &name {
            b"tRNS" if !pixels_seen => transparent = true,
            b"IDAT" => pixels_seen = true,
            b"acTL" if !pixels_seen => promised = u32::from_be_bytes(bytes(file, at + 8).unwrap_or([0; 4])),
            b"fcTL" => {
                found += 1;
                // Between frames an animation without an alpha channel may be empty in places.
                exposed |= bytes(file, at + 32).is_ok_and(|[disposal]: [u8; 1]| disposal != 0);
                exposed |= found == 1 && pixels_seen;
            }
            b"eXIf" if exif.is_none() => exif = file.get(at + 8..at + 8 + length),
            _ => {}
        }
        at += 12 + length;
    }
    let frames = found.min(promised).max(1);
    let has_alpha = transparent || matches!(color, 4 | 6) || (frames > 1 && exposed);
    let info =
        SourceInfo { format: SourceFormat::Png, width, height, has_alpha, frames, turn: Turn::Upright };
    Ok(Header { info, exif, ink: Ink::Plain, orientation: None })
}
