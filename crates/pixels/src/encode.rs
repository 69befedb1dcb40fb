//! Pixels to files. Together with `decode` the only place that names codecs.

mod jpeg;
mod png;
mod webp;

use crate::Fault;
use crate::frame::Frame;
use safelight_domain::negotiate::OutputFormat;
use std::fmt::Display;

/// Longest side that a WebP file can have, in pixels.
pub(crate) const WEBP_SIDE: u32 = safelight_webp::MAX_SIDE;

/// Encodes a picture. `exif` is a TIFF block and goes into JPEGs alone, which have no transparency:
/// a picture that has some is refused there.
pub(crate) fn encode(frame: &Frame, format: OutputFormat, exif: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
    match format {
        OutputFormat::Jpeg => jpeg::encode(frame, exif),
        OutputFormat::Png => png::encode(frame),
        OutputFormat::WebP => webp::encode(frame),
    }
}

fn cannot(error: impl Display) -> Fault {
    Fault::CannotEncode(error.to_string())
}
