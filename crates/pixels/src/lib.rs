//! The image engine: bytes to bytes, synchronous, under limits. It opens no file or socket.
//!
//! Memory beyond the file itself, in bytes per source pixel at the worst moment: JPEG 3 (grey 1), and
//! up to 6 more while a progressive one is decoded; PNG 4 (RGB 3, grey 1, grey with alpha 6), of 16
//! bits 12 (RGB 9, grey 3), interlaced 16; GIF 9; WebP 8; BMP up to 9; TIFF 8 (RGB 3, in planes 6), of 16 bits
//! 12 (RGB 9), with more samples than it needs up to 15; AVIF 8 (of 4:4:4 12, of
//! more than 8 bits 12), with alpha 4 more, in a file made to keep earlier pictures up to 60; HEIC as
//! AVIF, and without tiles 14; JPEG XL 28, and never more than 64. An animation has one frame at a time,
//! and with its canvas 18. To that come per output pixel 4 (animated 12), with blur 12, and the encoder's
//! own (MozJPEG 12 and some of its files, libwebp 3, with transparency 33, libaom 24). Scaling keeps the few rows that it needs and adds some megabytes, a
//! colour profile at most its size and a few megabytes of tables, JPEG XL up to 64 megabytes, a gravity
//! that looks at the picture about ten. Pictures drawn on top are decoded one after the other when the
//! one below has its size; what is kept of them takes 4 bytes a pixel, of at most as many as the limits
//! allow a source. An SVG takes some times its size, which is at most 10 MiB.

mod analyse;
mod color;
mod cost;
mod decode;
mod encode;
mod frame;
mod json;
mod level;
mod limits;
mod linear;
mod metadata;
mod overlays;
mod plan;
mod probe;
mod render;
mod steps;
mod svg;

pub use cost::Cost;
pub use level::{LEAST_PIXELS, LEVELS_VERSION, Level, divisors, level_for, levels};

use crate::metadata::Orientation;
use crate::plan::Draft;
use safelight_domain::image::{SourceInfo, SourceLimits, Turn};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Effort, Transform};
use thiserror::Error;

/// Changes whenever the same request would give other pixels, so that stored renditions of an
/// older engine are not used any more.
pub const ENGINE_VERSION: u32 = 7;

/// A rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The encoded file.
    pub bytes: Vec<u8>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Why a file gives no pixels. The text of the error itself is for logs; [`Fault::public`] is for everyone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Not an image, or of a format that is not accepted.
    #[error("the file is not an image, or of a kind that is not accepted")]
    Unsupported,
    /// Starts like an image but cannot be decoded.
    #[error("the image cannot be decoded: {0}")]
    Corrupt(String),
    /// Larger than the limits.
    #[error("the image is too large: {width}x{height} pixels, allowed are {side} a side and {area} in all")]
    TooLarge {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// See `SourceLimits`.
        side: u32,
        /// See `SourceLimits`.
        area: u64,
    },
    /// An animation that is larger than the limits, all frames together.
    #[error(
        "the animation is too large: {frames} frames of {width}x{height} pixels, allowed are {max_frames} \
         frames and {area} pixels in all of them together"
    )]
    TooMuchAnimation {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// As many as the file has.
        frames: u32,
        /// As many as it may have.
        max_frames: u32,
        /// See `SourceLimits`.
        area: u64,
    },
    /// A picture of pixels was asked for as an SVG, or an SVG as one of pixels.
    #[error("an SVG is delivered as an SVG alone, and other images never as one")]
    SvgConversion,
    /// The output would be larger than the limits or than its format can hold.
    #[error(
        "the result would be too large: {width}x{height} pixels, allowed are {side} a side and {area} in all"
    )]
    OutputTooLarge {
        /// Pixels.
        width: u64,
        /// Pixels.
        height: u64,
        /// The least of the limits' and the format's.
        side: u32,
        /// See `SourceLimits`.
        area: u64,
    },
    /// The trim leaves no pixels.
    #[error("the trim leaves nothing of the image's {width}x{height} pixels")]
    NothingLeft {
        /// Pixels, as shown.
        width: u32,
        /// Pixels, as shown.
        height: u32,
    },
    /// The pictures drawn on top have too many pixels together.
    #[error("the pictures that are drawn on the image have more than {area} pixels together")]
    OverlaysTooLarge {
        /// See `SourceLimits`.
        area: u64,
    },
    /// The output cannot be made.
    #[error("the image cannot be encoded: {0}")]
    CannotEncode(String),
}

impl Fault {
    /// What the world is told: fixed texts and numbers. The words of decoders and encoders mean
    /// nothing to those who read them, and come from where hostile bytes are.
    pub fn public(&self) -> String {
        match self {
            Fault::Corrupt(_) => "the image data is damaged, or of a kind that is not supported".to_owned(),
            Fault::CannotEncode(_) => "the image cannot be encoded".to_owned(),
            plain => plain.to_string(),
        }
    }
}

/// Reads the header of a file; pixels are not decoded.
///
/// The format is told by content. The size of an animation is that of its canvas. A file whose
/// header is sound may still turn out to be [`Fault::Corrupt`] when it is rendered.
pub fn probe(file: &[u8], limits: &SourceLimits) -> Result<SourceInfo, Fault> {
    Ok(probe::header(file, limits)?.info)
}

/// What [`probe`] says of a whole file that begins so, where the beginning alone tells; `None` where it does not,
/// also because the file may be at fault.
pub fn probe_beginning(beginning: &[u8], limits: &SourceLimits) -> Option<SourceInfo> {
    probe::beginning(beginning, limits)
}

/// What a rendition is made of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The original.
    pub file: &'a [u8],
    /// The originals of `Transform::draw`, in its order.
    pub overlays: &'a [&'a [u8]],
}

/// What a rendition is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Of the file.
    pub format: OutputFormat,
    /// Of its encoder.
    pub effort: Effort,
}

/// By an encoder that someone waits for, of which nothing better follows.
impl From<OutputFormat> for Output {
    fn from(format: OutputFormat) -> Output {
        Output { format, effort: Effort::Standard }
    }
}

/// Renders a file: decodes it, converts its colours, applies the orientation and the transform, and
/// encodes it as `output` says. Of an animation in a format that has none, the first frame is rendered.
///
/// `limits` hold for the source and for the output alike; an output beyond them, or beyond what
/// the format can hold, is [`Fault::OutputTooLarge`]; the frames of an animation count together there too,
/// and are [`Fault::TooMuchAnimation`]. All are known before pixels are decoded, except
/// where a border is trimmed: then before anything is made of them.
pub fn render(
    source: &Source<'_>,
    transform: &Transform,
    output: impl Into<Output>,
    limits: &SourceLimits,
) -> Result<Rendered, Fault> {
    render::render(source, transform, output.into(), limits)
}

/// The same from a level of the original in the place of `Source::file`: one that [`level_for`] chose for this
/// transform and output. The pixels are nearly those that the original gives.
pub fn render_level(
    source: &Source<'_>,
    transform: &Transform,
    output: impl Into<Output>,
    limits: &SourceLimits,
) -> Result<Rendered, Fault> {
    render::render_level(source, transform, output.into(), limits)
}

/// Whether the effort of the encoder makes a difference.
pub fn has_thorough(transform: &Transform, format: OutputFormat) -> bool {
    encode::has_thorough(transform, format)
}

/// Pixels that a rendition will have, one frame of it; of the source where that depends on its pixels. `None`
/// for one that cannot be.
pub fn output_area(
    info: &SourceInfo,
    transform: &Transform,
    format: OutputFormat,
    limits: &SourceLimits,
) -> Option<u64> {
    let orientation = match info.turn {
        Turn::Sideways => Orientation::Rotate90,
        Turn::Upright | Turn::Unknown => Orientation::AsStored,
    };
    let size = Draft::new(info, orientation, transform, format, limits).ok()?.output().ok()?;
    let (width, height) = size.map_or((info.width, info.height), |size| (size.width, size.height));
    Some(u64::from(width) * u64::from(height))
}
