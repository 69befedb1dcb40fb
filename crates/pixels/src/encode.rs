//! Pixels to files. Together with `decode` the only place that names codecs.

mod jpeg;
mod png;
mod webp;

use crate::Fault;
use crate::frame::Frame;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Compression, Quality};
use std::fmt::Display;

/// Longest side that a WebP file can have, in pixels.
pub(crate) const WEBP_SIDE: u32 = safelight_webp::MAX_SIDE;

/// What an encoder is told besides the pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoding<'a> {
    pub(crate) format: OutputFormat,
    /// See `Transform::quality`.
    pub(crate) quality: Option<Quality>,
    pub(crate) compression: Compression,
    /// A TIFF block, for JPEGs alone.
    pub(crate) exif: Option<&'a [u8]>,
    /// The colour profile of the pixels; without one they are sRGB.
    pub(crate) profile: Option<&'a [u8]>,
}

/// Encodes a still picture. A JPEG has no transparency: a picture that has some is refused there.
pub(crate) fn encode(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    match encoding.format {
        OutputFormat::Jpeg | OutputFormat::BaselineJpeg => jpeg::encode(frame, encoding),
        OutputFormat::Png => png::encode(frame, encoding),
        OutputFormat::WebP => webp::encode(frame),
        OutputFormat::Gif | OutputFormat::Avif | OutputFormat::Svg | OutputFormat::Json => {
            Err(cannot(format_args!("{} is not made from pixels", encoding.format.as_str())))
        }
    }
}

/// Whether files of this format can say that their colours are other than sRGB.
pub(crate) fn carries_profile(format: OutputFormat) -> bool {
    matches!(format, OutputFormat::Jpeg | OutputFormat::BaselineJpeg | OutputFormat::Png)
}

fn cannot(error: impl Display) -> Fault {
    Fault::CannotEncode(error.to_string())
}
