//! BMP: the header of any of its versions.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo, Turn};

/// The header of the file, before that of the picture.
const FILE_HEADER: usize = 14;

/// How the pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Rows of samples.
    Plain,
    /// Runs of places in the palette, of 4 or 8 bits.
    Runs,
}

/// What the decoder has to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Whether the first row is the top one, or the bottom one.
    pub(crate) rows: Rows,
    /// Bits of a pixel: 1, 2, 4, 8, 16, 24 or 32.
    pub(crate) bits: u32,
    pub(crate) coding: Coding,
    /// Where red, green, blue and alpha are in pixels of 16 and 32 bits; 0 for none.
    pub(crate) masks: [u32; 4],
    /// Blue, green, red, and in most files a byte more, for each colour.
    pub(crate) palette: &'a [u8],
    /// Bytes of a colour of the palette: 3 or 4.
    pub(crate) color_bytes: usize,
    /// The pixels and what follows.
    pub(crate) pixels: &'a [u8],
    /// The embedded profile, unchecked.
    pub(crate) profile: Option<&'a [u8]>,
}

/// Which row comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// The usual order.
    FromBottom,
    /// Where the height is negative.
    FromTop,
}

/// Reads the size.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let layout = layout(file)?;
    let (width, height, has_alpha) = (layout.width, layout.height, layout.masks[3] != 0);
    let info =
        SourceInfo { format: SourceFormat::Bmp, width, height, has_alpha, frames: 1, turn: Turn::Upright };
    Ok(Header { info, exif: None, ink: Ink::Plain, orientation: None })
}

/// Reads the header and refuses what cannot be decoded.
pub(crate) fn layout(file: &[u8]) -> Result<Layout<'_>, Fault> {
    let size = u32_at(file, FILE_HEADER)? as usize;
    if size == 12 {
        return core(file);
    }
    if !(16..=124).contains(&size) {
        return Err(unsupported("header", size as u32));
    }
    // The short ones end anywhere, and what is missing is 0.
    let field = |at: usize| if at + 4 <= size { u32_at(file, FILE_HEADER + at) } else { Ok(0) };
    let (width, height) = (field(4)?, field(8)? as i32);
    let bits = u32::from(u16_at(file, FILE_HEADER + 14)?);
    let compression = field(16)?;
    let coding = match (compression, bits) {
        (1, 8) | (2, 4) => Coding::Runs,
        (0, 1 | 2 | 4 | 8 | 16 | 24 | 32) | (3 | 6, 16 | 32) => Coding::Plain,
        _ => return Err(unsupported("compression", compression)),
    };
    // Behind a header of 40 bytes the masks follow, a larger one has them in itself at the same place.
    let (named, behind) = match compression {
        3 if size >= 56 => (4, 0),
        3 => (3, if size == 40 { 12 } else { 0 }),
        6 => (4, if size == 40 { 16 } else { 0 }),
        _ => (0, 0),
    };
    let masks = masks(file, bits, named)?;
    let start = FILE_HEADER + size + behind;
    let rows = if height < 0 { Rows::FromTop } else { Rows::FromBottom };
    let colors = if bits > 8 { 0 } else { colors(field(32)?, bits) };
    let profile = if size == 124 { profile(file)? } else { None };
    let height = height.unsigned_abs();
    let (palette, pixels) = parts(file, start, colors * 4)?;
    Ok(Layout { width, height, rows, bits, coding, masks, palette, color_bytes: 4, pixels, profile })
}

/// The oldest header, with sides of 16 bits.
fn core(file: &[u8]) -> Result<Layout<'_>, Fault> {
    let side = |at| u16_at(file, FILE_HEADER + at).map(u32::from);
    let (width, height, bits) = (side(4)?, side(6)?, side(10)?);
    if !matches!(bits, 1 | 2 | 4 | 8 | 24) {
        return Err(unsupported("depth", bits));
    }
    let colors = if bits > 8 { 0 } else { 1 << bits };
    let (palette, pixels) = parts(file, FILE_HEADER + 12, colors * 3)?;
    let (rows, coding, masks) = (Rows::FromBottom, Coding::Plain, [0; 4]);
    Ok(Layout { width, height, rows, bits, coding, masks, palette, color_bytes: 3, pixels, profile: None })
}

fn masks(file: &[u8], bits: u32, named: usize) -> Result<[u32; 4], Fault> {
    if named == 0 {
        // Without masks the upper byte of 32 bits means nothing, whatever it is.
        let fives = [0x7C00, 0x03E0, 0x001F, 0];
        return Ok(if bits == 16 { fives } else { [0xFF_0000, 0xFF00, 0xFF, 0] });
    }
    let mut masks = [0; 4];
    for (index, mask) in masks.iter_mut().enumerate().take(named) {
        *mask = u32_at(file, FILE_HEADER + 40 + index * 4)?;
    }
    Ok(masks)
}

fn colors(named: u32, bits: u32) -> usize {
    let most = 1 << bits;
    if named == 0 { most } else { (named as usize).min(256) }
}

/// The palette, which ends where the pixels start, and the pixels.
fn parts(file: &[u8], start: usize, length: usize) -> Result<(&[u8], &[u8]), Fault> {
    let pixels = u32_at(file, 10)? as usize;
    let end = (start + length).min(pixels.max(start)).min(file.len());
    let palette = file.get(start..end).unwrap_or_default();
    Ok((palette, file.get(pixels..).unwrap_or_default()))
}

/// The profile that a header of the fifth version points at.
fn profile(file: &[u8]) -> Result<Option<&[u8]>, Fault> {
    if bytes::<4>(file, FILE_HEADER + 56)? != *b"DEBM" {
        return Ok(None);
    }
    let start = FILE_HEADER + u32_at(file, FILE_HEADER + 112)? as usize;
    let length = u32_at(file, FILE_HEADER + 116)? as usize;
    Ok(file.get(start..start.saturating_add(length)))
}

fn u16_at(file: &[u8], at: usize) -> Result<u16, Fault> {
    Ok(u16::from_le_bytes(bytes(file, at)?))
}

fn u32_at(file: &[u8], at: usize) -> Result<u32, Fault> {
    Ok(u32::from_le_bytes(bytes(file, at)?))
}

fn unsupported(what: &str, number: u32) -> Fault {
    Fault::Corrupt(format!("a BMP of {what} {number} is not supported"))
}
