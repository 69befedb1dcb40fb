//! JPEG: the segments before the first scan.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo, Turn};

/// Reads the frame header, the EXIF segment and the Adobe segment.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let mut size = None;
    let mut exif = None;
    let mut ink = Ink::Plain;
    let mut at = 2;
    loop {
        let (marker, start) = next_marker(file, at)?;
        if marker == 0xD9 || (marker == 0xDA && size.is_none()) {
            return Err(Fault::Corrupt("it has no picture".to_owned()));
        }
        if marker == 0xDA {
            break;
        }
        let length = usize::from(u16::from_be_bytes(bytes(file, start)?));
        let body = file.get(start + 2..start + length).unwrap_or_default();
        match marker {
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) && size.is_none() => {
                size = Some((u16::from_be_bytes(bytes(body, 3)?), u16::from_be_bytes(bytes(body, 1)?)));
            }
            0xE1 if exif.is_none() && body.starts_with(b"Exif\0\0") => exif = Some(body),
            0xEE if body.starts_with(b"Adobe") => ink = Ink::Inverted,
            _ => {}
        }
        at = start + length.max(2);
    }
    let (width, height) = size.map_or((0, 0), |(w, h)| (u32::from(w), u32::from(h)));
    let info = SourceInfo {
        format: SourceFormat::Jpeg,
        width,
        height,
        has_alpha: false,
        frames: 1,
        turn: Turn::Upright,
    };
    Ok(Header { info, exif, ink, orientation: None })
}

/// The next marker that a length follows, or that ends the header, and the place behind it.
/// Stray bytes before a marker are passed over, as other decoders do.
fn next_marker(file: &[u8], mut at: usize) -> Result<(u8, usize), Fault> {
    loop {
        let [first, second] = bytes(file, at)?;
        match (first, second) {
            (0xFF, 0x00 | 0x01 | 0xD0..=0xD8) => at += 2,
            (0xFF, 0xFF) => at += 1,
            (0xFF, marker) => return Ok((marker, at + 2)),
            _ => at += 1,
        }
    }
}
