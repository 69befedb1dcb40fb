//! Pixels to files. Together with `decode.rs` the only place that names codecs.

use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
use jpeg_encoder::{ColorType, SamplingFactor};
use safelight_domain::negotiate::OutputFormat;
use safelight_webp::{Compression, Layout, Settings};
use std::fmt::Display;

/// Quality of JPEGs, 1 to 100: Cloudflare's default.
const JPEG_QUALITY: u8 = 85;

/// Longest side that a WebP file can have, in pixels.
pub(crate) const WEBP_SIDE: u32 = safelight_webp::MAX_SIDE;

/// How WebPs are made. The scale of quality differs from that of JPEG: 82 looks about like a JPEG of
/// 85. The alpha channel is lossless, since edges need it. Method 4 takes more than twice the time
/// of 2 for a tenth less bytes.
const WEBP: Settings =
    Settings { compression: Compression::Lossy { quality: 82.0, alpha_quality: 100 }, method: 2 };

/// Pixels between which a JPEG is progressive: not smaller than 50x50, not larger than 3000x3000.
const PROGRESSIVE_AREA: std::ops::RangeInclusive<u64> = 50 * 50..=3000 * 3000;

/// Encodes a picture. `exif` is a TIFF block and goes into JPEGs alone, which have no transparency:
/// a picture that has some is refused there.
pub(crate) fn encode(frame: &Frame, format: OutputFormat, exif: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
    match format {
        OutputFormat::Jpeg => jpeg(frame, exif),
        OutputFormat::Png => png(frame),
        OutputFormat::WebP => webp(frame),
    }
}

fn cannot(error: impl Display) -> Fault {
    Fault::CannotEncode(error.to_string())
}

fn jpeg(frame: &Frame, exif: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
    let (width, height) = (u16::try_from(frame.width()), u16::try_from(frame.height()));
    let (width, height) = (width.map_err(cannot)?, height.map_err(cannot)?);
    let color = match frame.channels() {
        Channels::Grey => ColorType::Luma,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => return Err(cannot("a JPEG has no transparency")),
    };
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, JPEG_QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    let area = u64::from(frame.width()) * u64::from(frame.height());
    encoder.set_progressive(PROGRESSIVE_AREA.contains(&area));
    encoder.set_optimized_huffman_tables(true);
    if let Some(exif) = exif {
        encoder.add_exif_metadata(exif).map_err(cannot)?;
    }
    encoder.encode(frame.pixels(), width, height, color).map_err(cannot)?;
    Ok(file)
}

/// Transparency that no pixel uses is left out.
fn png(frame: &Frame) -> Result<Vec<u8>, Fault> {
    let opaque = without_alpha(frame);
    let (color, pixels) = match (frame.channels(), &opaque) {
        (_, Some(rgb)) => (png::ColorType::Rgb, rgb.as_slice()),
        (Channels::Grey, None) => (png::ColorType::Grayscale, frame.pixels()),
        (Channels::Rgb, None) => (png::ColorType::Rgb, frame.pixels()),
        (Channels::Rgba, None) => (png::ColorType::Rgba, frame.pixels()),
    };
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, frame.width(), frame.height());
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(cannot)?;
    writer.write_image_data(pixels).map_err(cannot)?;
    writer.finish().map_err(cannot)?;
    Ok(file)
}

/// Transparency that no pixel uses is left out by the encoder.
fn webp(frame: &Frame) -> Result<Vec<u8>, Fault> {
    let grey;
    let (pixels, layout) = match frame.channels() {
        Channels::Grey => {
            grey = frame.pixels().iter().flat_map(|&luma| [luma; 3]).collect::<Vec<u8>>();
            (grey.as_slice(), Layout::Rgb)
        }
        Channels::Rgb => (frame.pixels(), Layout::Rgb),
        Channels::Rgba => (frame.pixels(), Layout::Rgba),
    };
    safelight_webp::encode(pixels, layout, frame.width(), frame.height(), &WEBP).map_err(cannot)
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
