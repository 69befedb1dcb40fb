//! Pixels to files. Together with `decode` the only place that names codecs.

mod avif;
mod changes;
mod colors;
mod gif;
mod jpeg;
mod palette;
mod png;
mod quality;
mod webp;

use crate::frame::{Channels, Frame};
use crate::{Fault, Output};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Compression, Effort, Quality, QualityNumber, Transform};
use std::borrow::Cow;
use std::fmt::Display;

/// Longest side that a WebP file can have, in pixels.
pub(crate) const WEBP_SIDE: u32 = safelight_webp::MAX_SIDE;

/// The quality that loses nothing, in formats that can.
const LOSSLESS: Quality = Quality::Number(QualityNumber::MAX);

/// What an encoder is told besides the pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoding<'a> {
    pub(crate) format: OutputFormat,
    pub(crate) effort: Effort,
    /// See `Transform::quality`.
    pub(crate) quality: Option<Quality>,
    pub(crate) compression: Compression,
    /// A TIFF block, for JPEGs alone.
    pub(crate) exif: Option<&'a [u8]>,
    /// The colour profile of the pixels; without one they are sRGB.
    pub(crate) profile: Option<&'a [u8]>,
}

impl Encoding<'_> {
    /// As a transform asks for, without metadata.
    pub(crate) fn new(transform: &Transform, output: Output) -> Self {
        Encoding {
            format: output.format,
            effort: if has_thorough(transform, output.format) { output.effort } else { Effort::Standard },
            quality: transform.quality,
            compression: transform.compression,
            exif: None,
            profile: None,
        }
    }
}

/// How a level is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LevelKind {
    /// As a JPEG with all of its chroma.
    Lossy,
    /// As a PNG.
    Lossless,
}

/// Encodes a level. One with transparency has to be lossless.
pub(crate) fn level(frame: &Frame, kind: LevelKind) -> Result<Vec<u8>, Fault> {
    match kind {
        LevelKind::Lossy => jpeg::level(frame),
        LevelKind::Lossless => png::level(frame),
    }
}

/// Encodes a still picture. A JPEG has no transparency: a picture that has some is refused there.
pub(crate) fn encode(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    match encoding.format {
        OutputFormat::Jpeg | OutputFormat::BaselineJpeg => jpeg::encode(frame, encoding),
        OutputFormat::Png => png::encode(frame, encoding),
        OutputFormat::WebP => webp::encode(frame, encoding),
        OutputFormat::Gif => gif::encode(frame),
        OutputFormat::Avif => avif::encode(frame, encoding),
        OutputFormat::Svg | OutputFormat::Json => {
            Err(cannot(format_args!("{} is not made from pixels", encoding.format.as_str())))
        }
    }
}

/// Whether the effort of the encoder makes a difference. One that is to be fast is never thorough, and
/// neither is a lossless WebP: it would take minutes.
pub(crate) fn has_thorough(transform: &Transform, format: OutputFormat) -> bool {
    let suits = match format {
        OutputFormat::WebP => transform.quality != Some(LOSSLESS),
        OutputFormat::Jpeg | OutputFormat::BaselineJpeg | OutputFormat::Png | OutputFormat::Avif => true,
        OutputFormat::Gif | OutputFormat::Svg | OutputFormat::Json => false,
    };
    suits && transform.compression != Compression::Fast
}

/// Whether files of this format can say that their colours are other than sRGB.
pub(crate) fn carries_profile(format: OutputFormat) -> bool {
    matches!(format, OutputFormat::Jpeg | OutputFormat::BaselineJpeg | OutputFormat::Png | OutputFormat::Avif)
}

/// Whether files of this format can be animations.
pub(crate) fn animates(format: OutputFormat) -> bool {
    matches!(format, OutputFormat::WebP | OutputFormat::Gif)
}

/// How long a frame is shown that has no time of its own, in milliseconds: as long as browsers show
/// it. Written as nothing it would make some programs spin. Other delays stay as they are in the
/// file, also those of 10 and less, which browsers lengthen to the same time by themselves.
const NO_DELAY_MS: u32 = 100;

/// An animation in the making.
pub(crate) struct Movie(Kind);

enum Kind {
    WebP(webp::Movie),
    Gif(gif::Movie),
}

impl Movie {
    /// An animation of that size, shown `plays` times; 0 is for ever. A format has its own most,
    /// 65535, to which more are cut.
    pub(crate) fn new(width: u32, height: u32, plays: u32, encoding: &Encoding<'_>) -> Result<Movie, Fault> {
        match encoding.format {
            OutputFormat::WebP => webp::Movie::new(width, height, plays, encoding).map(Kind::WebP).map(Movie),
            OutputFormat::Gif => gif::Movie::new(width, height, plays).map(Kind::Gif).map(Movie),
            other => Err(cannot(format_args!("a {} is not animated", other.as_str()))),
        }
    }

    /// Adds a frame. All have the size of the animation, and the same channels.
    pub(crate) fn add(&mut self, frame: Frame, delay_ms: u32) -> Result<(), Fault> {
        let delay_ms = if delay_ms == 0 { NO_DELAY_MS } else { delay_ms };
        match &mut self.0 {
            Kind::WebP(movie) => movie.add(frame, delay_ms),
            Kind::Gif(movie) => movie.add(&frame, delay_ms),
        }
    }

    /// The file.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Fault> {
        match self.0 {
            Kind::WebP(movie) => movie.finish(),
            Kind::Gif(movie) => movie.finish(),
        }
    }
}

/// The pixels with four samples each.
fn rgba(frame: &Frame) -> Cow<'_, [u8]> {
    match frame.channels() {
        Channels::Grey => frame.pixels().iter().flat_map(|&luma| [luma, luma, luma, 255]).collect(),
        Channels::Rgb => {
            frame.pixels().as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect()
        }
        Channels::Rgba => Cow::Borrowed(frame.pixels()),
    }
}

fn cannot(error: impl Display) -> Fault {
    Fault::CannotEncode(error.to_string())
}
