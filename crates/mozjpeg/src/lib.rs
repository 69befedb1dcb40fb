//! Pixels to JPEG files, by MozJPEG: a safe function over the C library, which has no equal in Rust.
//!
//! It is as quick as libjpeg-turbo, which it is made of, and where nobody waits it looks for the coefficients
//! that cost least for what they show, and for the cheapest way to divide them into scans. It encodes and nothing else, so that C never
//! parses a file: the linker finds nothing that would call its decoder. Every size is checked before the first
//! call, and what MozJPEG allocates is freed when its owner is dropped, on every path but one: a few scans or a
//! row of blocks when memory runs out.
//!
//! An encoder takes 4 bytes for each sample of the file beside the pixels it is given, which are 6 a pixel with
//! a quarter of the chroma and 12 with all of it, and as much as a few of the files.

mod native;

use std::ops::RangeInclusive;
use thiserror::Error;

/// Longest side of a JPEG by MozJPEG, in pixels: 35 less than the format has.
pub const MAX_SIDE: u32 = 65_500;

/// Most bytes of an EXIF block: what a segment of a JPEG holds beside its length and its name.
pub const MAX_EXIF: usize = SEGMENT - native::EXIF.len();

/// Most bytes of a colour profile, which is spread over at most 255 segments.
pub const MAX_PROFILE: usize = 255 * PROFILE_PART;

/// Bytes of a segment without its length.
const SEGMENT: usize = 65_533;

/// Bytes of a profile in one segment: its name and two numbers come first.
const PROFILE_PART: usize = SEGMENT - native::PROFILE.len() - 2;

/// Order of the samples of a pixel, a byte each, without padding between rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Luma alone, of a picture without colours.
    Grey,
    /// Red, green, blue.
    Rgb,
}

impl Layout {
    /// Bytes of a pixel.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}

/// How many samples of chroma are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// One for two by two pixels, their mean.
    Quarter,
    /// One for each pixel, in coarser steps.
    Whole,
}

/// The order of what is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One scan, from top to bottom: what every decoder reads.
    Baseline,
    /// Several scans, which show the whole picture coarsely at first: smaller, and slower to decode.
    Progressive,
}

/// How long to look for a smaller file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// With the best codes for what is there, and as few scans as a progressive file can have.
    Quick,
    /// The same, in the scans that libjpeg makes: 3 % smaller, in half as long again.
    Standard,
    /// For the coefficients that cost least for what they show, and the cheapest division into scans.
    Thorough,
}

/// How to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// 1 to 100: more is larger and nearer to the original. The scale is libjpeg's, the tables are not.
    pub quality: u8,
    /// How much chroma is kept of colours.
    pub chroma: Chroma,
    /// One scan or several.
    pub order: Order,
    /// A thorough file takes ten times as long as a quick one.
    pub effort: Effort,
}

/// What is written in front of the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// A TIFF block, of at most [`MAX_EXIF`] bytes.
    pub exif: Option<&'a [u8]>,
    /// A colour profile, of at most [`MAX_PROFILE`] bytes.
    pub profile: Option<&'a [u8]>,
}

/// Why there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A side is 0, or above [`MAX_SIDE`].
    #[error("a jpeg has 1 to {MAX_SIDE} pixels a side, not {width}x{height}")]
    Size {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// There are more or fewer samples than the size asks for.
    #[error("there are {found} bytes of pixels instead of {expected}")]
    Length {
        /// Bytes.
        found: usize,
        /// Bytes.
        expected: usize,
    },
    /// The quality is out of its range.
    #[error("the settings of the encoder are out of range")]
    Settings,
    /// The EXIF block or the profile is larger than a file can hold.
    #[error("the metadata are too large for a jpeg")]
    Metadata,
    /// An allocation failed.
    #[error("the encoder found no memory")]
    Memory,
    /// MozJPEG gave up with this code of its `J_MESSAGE_CODE`.
    #[error("the encoder failed ({0})")]
    Failed(i32),
}

/// Encodes a picture: a whole file, with a JFIF header.
pub fn encode(
    pixels: &[u8],
    layout: Layout,
    width: u32,
    height: u32,
    settings: &Settings,
    metadata: &Metadata<'_>,
) -> Result<Vec<u8>, EncodeError> {
    let source = Source::new(pixels, layout, width, height)?;
    if !QUALITIES.contains(&settings.quality) {
        return Err(EncodeError::Settings);
    }
    let too_long = |block: Option<&[u8]>, most| block.is_some_and(|block| block.len() > most);
    if too_long(metadata.exif, MAX_EXIF) || too_long(metadata.profile, MAX_PROFILE) {
        return Err(EncodeError::Metadata);
    }
    native::encode(&source, settings, metadata)
}

const QUALITIES: RangeInclusive<u8> = 1..=100;

/// Pixels whose size and number have been checked; `native` relies on both. The fields are private
/// to this file and `native` for that reason.
struct Source<'a> {
    pixels: &'a [u8],
    layout: Layout,
    width: u32,
    height: u32,
    /// Bytes of a row.
    stride: usize,
}

impl<'a> Source<'a> {
    fn new(pixels: &'a [u8], layout: Layout, width: u32, height: u32) -> Result<Self, EncodeError> {
        let size = EncodeError::Size { width, height };
        let allowed = 1..=MAX_SIDE;
        if !allowed.contains(&width) || !allowed.contains(&height) {
            return Err(size);
        }
        let (Ok(columns), Ok(rows)) = (usize::try_from(width), usize::try_from(height)) else {
            return Err(size);
        };
        // Three times `MAX_SIDE` is far from overflow; on a machine of 32 bits all rows need not be.
        let stride = columns * layout.bytes();
        let expected = stride.checked_mul(rows).ok_or(size)?;
        if pixels.len() != expected {
            return Err(EncodeError::Length { found: pixels.len(), expected });
        }
        Ok(Self { pixels, layout, width, height, stride })
    }
}
