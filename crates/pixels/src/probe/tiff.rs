//! TIFF: the first directory, which is also where EXIF has its tags.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo, Turn};

const WIDTH: u16 = 0x0100;
const HEIGHT: u16 = 0x0101;
const BITS: u16 = 0x0102;
const COMPRESSION: u16 = 0x0103;
const PHOTOMETRIC: u16 = 0x0106;
const SAMPLES: u16 = 0x0115;
const COLOR_MAP: u16 = 0x0140;
const EXTRA_SAMPLES: u16 = 0x0152;
const SAMPLE_FORMAT: u16 = 0x0153;
const PROFILE: u16 = 0x8773;

/// Most samples of a pixel besides its colours: transparency, and a mask or depth. Each takes up to three
/// bytes a pixel while it is decoded.
const EXTRA: u32 = 2;

/// What the samples stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Grey, whichever end is black.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Places in a palette.
    Palette,
    /// Ink.
    Ink,
}

/// What the first sample beyond the colours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpha {
    /// There is none, or it means something else.
    None,
    /// Colours are multiplied by it.
    Associated,
    /// Colours are not.
    Unassociated,
}

/// What the decoder has to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) kind: Kind,
    pub(crate) alpha: Alpha,
    /// Bits of a sample: 1, 2, 4, 8 or 16.
    pub(crate) bits: u32,
    /// Samples of a pixel: those of its colours, and at most [`EXTRA`] more.
    pub(crate) samples: u32,
    /// Where the value of the photometric tag is.
    pub(crate) photometric_at: usize,
    /// The palette: 16-bit numbers, all reds first.
    pub(crate) color_map: &'a [u8],
    /// The embedded profile, unchecked.
    pub(crate) profile: Option<&'a [u8]>,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// Whether a file starts like a TIFF. BigTIFF is another format, for files that cannot be uploaded.
pub(super) fn is_tiff(file: &[u8]) -> bool {
    file.starts_with(b"II*\0") || file.starts_with(b"MM\0*")
}

/// Reads the size and what kind of picture it is; only the first of several counts.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let layout = layout(file)?;
    let info = SourceInfo {
        format: SourceFormat::Tiff,
        width: layout.width,
        height: layout.height,
        has_alpha: layout.alpha != Alpha::None,
        frames: 1,
        turn: Turn::Upright,
    };
    Ok(Header { info, exif: Some(file), ink: Ink::Plain, orientation: None })
}

/// Reads the first directory and refuses what cannot be decoded.
pub(crate) fn layout(file: &[u8]) -> Result<Layout<'_>, Fault> {
    let order = if file.starts_with(b"II") { Order::Little } else { Order::Big };
    let directory = Directory { file, order, at: order.u32(file, 4)? as usize };
    let number = |tag, default| directory.first(tag).map(|found| found.unwrap_or(default));
    let (width, height) = (number(WIDTH, 0)?, number(HEIGHT, 0)?);
    let (bits, samples) = (number(BITS, 1)?, number(SAMPLES, 1)?);
    let compression = number(COMPRESSION, 1)?;
    if !matches!(compression, 1 | 4 | 5 | 8 | 32_773 | 32_946) {
        return Err(unsupported("compression", compression));
    }
    let photometric = number(PHOTOMETRIC, u32::MAX)?;
    let (kind, colors) = match photometric {
        0 | 1 => (Kind::Grey, 1),
        2 => (Kind::Rgb, 3),
        3 => (Kind::Palette, 1),
        5 => (Kind::Ink, 4),
        other => return Err(unsupported("colours", other)),
    };
    let format = number(SAMPLE_FORMAT, 1)?;
    if format != 1 {
        return Err(unsupported("sample format", format));
    }
    let depths: &[u32] = match kind {
        Kind::Grey => &[1, 2, 4, 8, 16],
        Kind::Palette => &[1, 2, 4, 8],
        Kind::Rgb | Kind::Ink => &[8, 16],
    };
    if !(colors..=colors + EXTRA).contains(&samples) {
        return Err(unsupported("samples a pixel", samples));
    }
    if !depths.contains(&bits) || (samples > 1 && bits < 8) {
        return Err(unsupported("depth", bits));
    }
    let alpha = match directory.first(EXTRA_SAMPLES)? {
        Some(1) if matches!(kind, Kind::Grey | Kind::Rgb) && samples > colors => Alpha::Associated,
        Some(2) if matches!(kind, Kind::Grey | Kind::Rgb) && samples > colors => Alpha::Unassociated,
        // A fourth sample of which nothing is said is an alpha to most programs.
        None if kind == Kind::Rgb && samples == 4 => Alpha::Unassociated,
        _ => Alpha::None,
    };
    Ok(Layout {
        width,
        height,
        kind,
        alpha,
        bits,
        samples,
        photometric_at: directory.entry(PHOTOMETRIC).map_or(0, |at| at + 8),
        color_map: directory.value(COLOR_MAP).unwrap_or_default(),
        profile: directory.value(PROFILE),
        order,
    })
}

impl Layout<'_> {
    /// A number of 16 bits in the file's order; 0 where there is none.
    pub(crate) fn color(&self, index: usize) -> u16 {
        self.order.u16(self.color_map, index * 2).unwrap_or(0)
    }

    /// The value of the photometric tag that stands for grey from black to white, as it is stored.
    pub(crate) fn grey(&self) -> [u8; 2] {
        if self.order == Order::Little { [1, 0] } else { [0, 1] }
    }
}

impl Order {
    fn u16(self, file: &[u8], at: usize) -> Result<u16, Fault> {
        let pair = bytes(file, at)?;
        Ok(if self == Order::Little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    }

    fn u32(self, file: &[u8], at: usize) -> Result<u32, Fault> {
        let four = bytes(file, at)?;
        Ok(if self == Order::Little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }
}

struct Directory<'a> {
    file: &'a [u8],
    order: Order,
    at: usize,
}

impl<'a> Directory<'a> {
    /// Where the twelve bytes of a tag are.
    fn entry(&self, tag: u16) -> Option<usize> {
        let count = usize::from(self.order.u16(self.file, self.at).ok()?);
        let mut entries = (0..count).map(|index| self.at + 2 + index * 12);
        entries.find(|&at| self.order.u16(self.file, at).is_ok_and(|found| found == tag))
    }

    /// The bytes of a tag's value.
    fn value(&self, tag: u16) -> Option<&'a [u8]> {
        let at = self.entry(tag)?;
        let unit = match self.order.u16(self.file, at + 2).ok()? {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 => 4,
            _ => return None,
        };
        let length = (self.order.u32(self.file, at + 4).ok()? as usize).checked_mul(unit)?;
        let start = if length <= 4 { at + 8 } else { self.order.u32(self.file, at + 8).ok()? as usize };
        self.file.get(start..start.checked_add(length)?)
    }

    /// The first number of a tag; `None` without the tag.
    fn first(&self, tag: u16) -> Result<Option<u32>, Fault> {
        let Some(at) = self.entry(tag) else { return Ok(None) };
        let broken = || Fault::Corrupt("a tag has no number".to_owned());
        let value = self.value(tag).ok_or_else(broken)?;
        match self.order.u16(self.file, at + 2)? {
            1 => value.first().map(|&byte| u32::from(byte)).ok_or_else(broken),
            3 => self.order.u16(value, 0).map(u32::from),
            4 => self.order.u32(value, 0),
            _ => Err(broken()),
        }
        .map(Some)
    }
}

fn unsupported(what: &str, number: u32) -> Fault {
    Fault::Corrupt(format!("a TIFF of {what} {number} is not supported"))
}
