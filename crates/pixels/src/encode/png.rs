//! PNG.

use super::{Encoding, cannot};
use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
use std::borrow::Cow;

/// Transparency that no pixel uses is left out.
pub(super) fn encode(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    let opaque = without_alpha(frame);
    let (color, pixels) = match (frame.channels(), &opaque) {
        (_, Some(rgb)) => (png::ColorType::Rgb, rgb.as_slice()),
        (Channels::Grey, None) => (png::ColorType::Grayscale, frame.pixels()),
        (Channels::Rgb, None) => (png::ColorType::Rgb, frame.pixels()),
        (Channels::Rgba, None) => (png::ColorType::Rgba, frame.pixels()),
    };
    let mut file = Vec::new();
    let mut info = png::Info::with_size(frame.width(), frame.height());
    info.icc_profile = encoding.profile.map(Cow::Borrowed);
    let mut encoder = png::Encoder::with_info(&mut file, info).map_err(cannot)?;
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(cannot)?;
    writer.write_image_data(pixels).map_err(cannot)?;
    writer.finish().map_err(cannot)?;
    Ok(file)
}

/// The colours of a picture with an alpha channel in which every pixel is opaque.
fn without_alpha(frame: &Frame) -> Option<Vec<u8>> {
    let pixels = frame.pixels().as_chunks::<4>().0;
    if frame.channels() != Channels::Rgba || pixels.iter().any(|pixel| pixel[3] != 255) {
        return None;
    }
    let mut rgb = Vec::with_capacity(byte_count(frame.width(), frame.height(), 3));
    for [r, g, b, _] in pixels {
        rgb.extend_from_slice(&[*r, *g, *b]);
    }
    Some(rgb)
}
