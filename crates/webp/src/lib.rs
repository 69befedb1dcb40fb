//! Pixels to WebP files, by libwebp: a safe function over the C library, which has no equal in Rust.
//!
//! It has `unsafe`, like the three other edges to C. It encodes and nothing else, so that C
//! never parses a file: of libwebp's decoders nothing is linked. Every size is checked before the
//! first call, and what libwebp allocates is freed when its owner is dropped, on every path.

mod animation;
mod native;

pub use animation::{Animation, MAX_DELAY_MS, Place};

use thiserror::Error;

/// Longest side of a WebP file, in pixels.
pub const MAX_SIDE: u32 = 16_383;

/// Order of the samples of a pixel, a byte each, without padding between rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue and opacity, not premultiplied.
    Rgba,
}

impl Layout {
    /// Bytes of a pixel.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// How the pixels are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Compression {
    /// With loss of detail.
    Lossy {
        /// 0 to 100: more is larger and nearer to the original.
        quality: f32,
        /// The same for opacity; at 100 it loses nothing.
        alpha_quality: u8,
        /// How colours come to a quarter of the places.
        chroma: Chroma,
    },
    /// As they are, but for the colours of pixels that are fully transparent.
    Lossless,
}

/// How the colours of four pixels become one; a lossy file has no more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// Their mean.
    Mean,
    /// What differs least from the original once it is spread over the four pixels again: edges between
    /// strong colours stay sharp. It takes 12 bytes a pixel more, and half the time of the encoder again.
    Sharp,
}

/// How to encode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What may be lost.
    pub compression: Compression,
    /// 0 to 6: more is slower and smaller.
    pub method: u8,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A side is 0, or above [`MAX_SIDE`].
    #[error("a webp has 1 to {MAX_SIDE} pixels a side, not {width}x{height}")]
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
    /// A quality or the method is out of its range.
    #[error("the settings of the encoder are out of range")]
    Settings,
    /// A frame is not on the canvas, or starts at an odd place.
    #[error("a frame has to be within the canvas and to start at even places")]
    Place,
    /// An animation without a frame, or of more than 4 GiB.
    #[error("an animation has at least one frame and at most 4 GiB")]
    Animation,
    /// An allocation of libwebp failed.
    #[error("the encoder found no memory")]
    Memory,
    /// The picture does not fit the format: a partition of the file would be longer than can be said.
    #[error("the picture is too complex for a webp")]
    TooComplex,
    /// libwebp gave up with this code of its `WebPEncodingError`, or did not start with none.
    #[error("the encoder failed ({0:?})")]
    Failed(Option<u32>),
}

/// Encodes a picture: a whole file. The colours of fully transparent pixels are not kept, and
/// neither is transparency that no pixel uses.
pub fn encode(
    pixels: &[u8],
    layout: Layout,
    width: u32,
    height: u32,
    settings: &Settings,
) -> Result<Vec<u8>, EncodeError> {
    let source = Source::new(pixels, layout, width, height)?;
    let config = native::config(settings)?;
    native::encode(&source, &config)
}

/// Pixels whose size and number have been checked; `native` relies on both. The fields are private
/// to this file and `native` for that reason.
struct Source<'a> {
    pixels: &'a [u8],
    layout: Layout,
    width: i32,
    height: i32,
}

impl<'a> Source<'a> {
    fn new(pixels: &'a [u8], layout: Layout, width: u32, height: u32) -> Result<Self, EncodeError> {
        let size = EncodeError::Size { width, height };
        let allowed = 1..=MAX_SIDE;
        if !allowed.contains(&width) || !allowed.contains(&height) {
            return Err(size);
        }
        let (Ok(signed_width), Ok(signed_height)) = (i32::try_from(width), i32::try_from(height)) else {
            return Err(size);
        };
        let (Ok(columns), Ok(rows)) = (usize::try_from(width), usize::try_from(height)) else {
            return Err(size);
        };
        // On a machine of 32 bits the product can be more than a length can say.
        let expected = columns.checked_mul(rows).and_then(|area| area.checked_mul(layout.bytes()));
        let expected = expected.ok_or(size)?;
        if pixels.len() != expected {
            return Err(EncodeError::Length { found: pixels.len(), expected });
        }
        Ok(Self { pixels, layout, width: signed_width, height: signed_height })
    }

    /// Bytes from one row to the next. Four times [`MAX_SIDE`] is far from overflow.
    fn stride(&self) -> i32 {
        match self.layout {
            Layout::Rgb => self.width * 3,
            Layout::Rgba => self.width * 4,
        }
    }
}
