//! TIFF: the first directory, which is also the EXIF.

use super::{Header, Ink};
use crate::Fault;
use crate::metadata::Exif;
use safelight_domain::image::{SourceFormat, SourceInfo};

const WIDTH: u16 = 0x0100;
const HEIGHT: u16 = 0x0101;
const EXTRA_SAMPLES: u16 = 0x0152;

/// Whether it starts like one. The larger BigTIFF is told apart to be refused by name.
pub(super) fn matches(file: &[u8]) -> bool {
    [&b"II*\0"[..], b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|start| file.starts_with(start))
}

pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let corrupt = |text: &str| Fault::Corrupt(text.to_owned());
    let directory = Exif::parse(file).ok_or_else(|| corrupt("BigTIFF is not read, only TIFF"))?;
    let side = |tag| directory.number(tag).ok_or_else(|| corrupt("it has no size"));
    let info = SourceInfo {
        format: SourceFormat::Tiff,
        width: side(WIDTH)?,
        height: side(HEIGHT)?,
        has_alpha: matches!(directory.number(EXTRA_SAMPLES), Some(1 | 2)),
        frames: 1,
    };
    Ok(Header { info, exif: Some(file), ink: Ink::Plain, orientation: None })
}
