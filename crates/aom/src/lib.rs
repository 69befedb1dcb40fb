//! Pixels to AVIF files, by libaom: a safe function over the C library, whose equal in Rust needs seven
//! times as long.
//!
//! The package encodes and nothing else, so that C never parses a file: libaom's decoder is not even
//! compiled. Every size is checked before the first allocation, and what libaom allocates is freed
//! when its owner is dropped, on every path. A picture is encoded by the calling thread alone.
//!
//! At the worst moment an encoder takes 17 bytes a pixel beside the pixels it is given, and 28 with
//! [`Chroma::Yuv444`]; below a megapixel half as many again. Twelve megapixels take one core 0.7 s at
//! speed 9 and 1.2 s at speed 8, and half a megapixel 12 ms and 60 ms.

mod container;
mod native;
mod planes;
mod stream;

use planes::Planes;
use std::ffi::c_int;
use stream::Stream;
use thiserror::Error;

/// Longest side of an AVIF file, in pixels.
pub const MAX_SIDE: u32 = 65_535;

/// Most pixels of an AVIF file: more than an image of Safelight has, and few enough for every length
/// and offset in libaom to be far from the end of its 32 bits.
pub const MAX_AREA: usize = 1 << 27;

/// Order of the samples of a pixel, a byte each, without padding between rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Luma alone, of a picture without colours.
    Grey,
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
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// How many samples of chroma are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// One for two by two pixels.
    Yuv420,
    /// One for each pixel.
    Yuv444,
}

/// What the samples mean; the curve is that of sRGB in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// The primaries of sRGB.
    Srgb,
    /// The primaries of Display P3.
    DisplayP3,
}

/// How to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// 1 to 100: more is larger and nearer to the original, and 100 still loses a little. Of libaom's
    /// 63 steps of quantization this is step `(100 - quality) * 63 / 100`, rounded to the nearest, and
    /// 1 at least, since 0 would be another, lossless way of coding. On photographs 80 scores like a
    /// JPEG of 85, and 74 like a WebP of 82.
    pub quality: u8,
    /// The same for opacity.
    pub alpha_quality: u8,
    /// 5 to 9: more is faster and larger. libaom has slower ones, which no viewer waits for; and 10,
    /// which it would take for 0 in pictures.
    pub speed: u8,
    /// How much chroma is kept of colours.
    pub chroma: Chroma,
    /// Which colours the samples mean.
    pub color: Color,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A side is 0, or above [`MAX_SIDE`], or the area is above [`MAX_AREA`].
    #[error("an avif has 1 to {MAX_SIDE} pixels a side and at most {MAX_AREA}, not {width}x{height}")]
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
    /// A quality or the speed is out of its range.
    #[error("the settings of the encoder are out of range")]
    Settings,
    /// An allocation of libaom failed.
    #[error("the encoder found no memory")]
    Memory,
    /// libaom gave up with this code of its `aom_codec_err_t`.
    #[error("the encoder failed ({0})")]
    Failed(u32),
    /// libaom reported success, but what it made is not one picture as was asked for.
    #[error("the encoder made something unexpected")]
    Unexpected,
}

/// Encodes a picture: a whole file, of 8 bits a sample. Opacity is left out if all pixels are opaque.
/// Colours of transparent pixels are kept like others.
pub fn encode(
    pixels: &[u8],
    layout: Layout,
    width: u32,
    height: u32,
    settings: &Settings,
) -> Result<Vec<u8>, EncodeError> {
    let source = Source::new(pixels, layout, width, height)?;
    let effort = Effort::new(settings)?;
    // The planes are freed before there are those of opacity.
    let picture = {
        let planes = Planes::colour(&source, settings.chroma);
        let data = native::encode(&planes, Some(settings.color), effort.speed, effort.quantizer)?;
        Stream::new(data, &planes).ok_or(EncodeError::Unexpected)?
    };
    let opacity = match Planes::opacity(&source) {
        Some(planes) => {
            let data = native::encode(&planes, None, effort.speed, effort.alpha_quantizer)?;
            Some(Stream::new(data, &planes).ok_or(EncodeError::Unexpected)?)
        }
        None => None,
    };
    container::write((width, height), settings.color, &picture, opacity.as_ref())
        .ok_or(EncodeError::Unexpected)
}

/// The settings in libaom's terms, in their ranges.
struct Effort {
    speed: c_int,
    quantizer: c_int,
    alpha_quantizer: c_int,
}

impl Effort {
    fn new(settings: &Settings) -> Result<Self, EncodeError> {
        if !(5..=9).contains(&settings.speed) {
            return Err(EncodeError::Settings);
        }
        Ok(Self {
            speed: settings.speed.into(),
            quantizer: quantizer(settings.quality)?,
            alpha_quantizer: quantizer(settings.alpha_quality)?,
        })
    }
}

fn quantizer(quality: u8) -> Result<c_int, EncodeError> {
    if !(1..=100).contains(&quality) {
        return Err(EncodeError::Settings);
    }
    let step = ((100 - c_int::from(quality)) * 63 + 50) / 100;
    Ok(step.max(1))
}

/// Pixels whose size and number have been checked; `planes` relies on both. The fields are private to
/// this crate's root for that reason.
struct Source<'a> {
    pixels: &'a [u8],
    layout: Layout,
    columns: usize,
    rows: usize,
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
        // On a machine of 32 bits the product can be more than a length can say.
        let Some(area) = columns.checked_mul(rows).filter(|area| *area <= MAX_AREA) else {
            return Err(size);
        };
        let expected = area * layout.bytes();
        if pixels.len() != expected {
            return Err(EncodeError::Length { found: pixels.len(), expected });
        }
        Ok(Self { pixels, layout, columns, rows })
    }
}
