//! PNG, true colour or with a palette.

use super::palette::{self, Indexed};
use super::{Encoding, LOSSLESS, cannot, quality, rgba};
use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Compression, Effort, Quality, Transform};
use std::borrow::Cow;

/// A picture of at most 256 colours gets a palette if that makes the file smaller: nothing is lost.
/// One with more gets one only where a quality is asked for and allows the difference. Transparency
/// that no pixel uses is left out.
pub(super) fn encode(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    let few = match frame.channels() {
        // Grey has no more than 256, but only few are better off as a palette.
        Channels::Grey => palette::exact(frame.pixels().iter().map(|&luma| [luma, luma, luma, 255]), 16, &[]),
        Channels::Rgb => palette::exact(
            frame.pixels().as_chunks::<3>().0.iter().map(|&[r, g, b]| [r, g, b, 255]),
            256,
            &[],
        ),
        Channels::Rgba => palette::exact(frame.pixels().as_chunks::<4>().0.iter().copied(), 256, &[]),
    };
    if let Some(few) = few {
        let small = with_palette(frame, few, encoding)?;
        let plain = true_color(frame, encoding)?;
        return Ok(if plain.len() < small.len() { plain } else { small });
    }
    match reduced(frame, encoding)? {
        Some(close) => with_palette(frame, close, encoding),
        None => true_color(frame, encoding),
    }
}

/// The picture in 256 colours, if a quality is given and they are close enough to it.
fn reduced(frame: &Frame, encoding: &Encoding<'_>) -> Result<Option<Indexed>, Fault> {
    let Some(quality) = encoding.quality.filter(|quality| *quality != LOSSLESS) else { return Ok(None) };
    if frame.channels() == Channels::Grey {
        return Ok(None);
    }
    let pixels = rgba(frame);
    let close = palette::reduce(&pixels, frame.width(), frame.height(), 256)?;
    if close.error() > error_allowed(quality) { Ok(None) } else { close.dithered().map(Some) }
}

/// The mean squared distance, over three samples, up to which a palette stands for a picture. In the
/// mean a sample may be off by a fifth of what the quality lacks to 100: by 3 of 255 at 85.
fn error_allowed(quality: Quality) -> f32 {
    let off = (100.0 - quality::number(quality)) / 5.0;
    3.0 * off * off
}

/// A level: without a palette, and as quick as it gets.
pub(super) fn level(frame: &Frame) -> Result<Vec<u8>, Fault> {
    true_color(
        frame,
        &Encoding {
            compression: Compression::Fast,
            ..Encoding::new(&Transform::default(), OutputFormat::Png.into())
        },
    )
}

fn true_color(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    let opaque = without_alpha(frame);
    let (color, pixels) = match (frame.channels(), &opaque) {
        (_, Some(rgb)) => (png::ColorType::Rgb, rgb.as_slice()),
        (Channels::Grey, None) => (png::ColorType::Grayscale, frame.pixels()),
        (Channels::Rgb, None) => (png::ColorType::Rgb, frame.pixels()),
        (Channels::Rgba, None) => (png::ColorType::Rgba, frame.pixels()),
    };
    let ways: &[png::Compression] = match (encoding.compression, encoding.effort) {
        (Compression::Fast, _) => &[png::Compression::Fastest],
        (Compression::Default, Effort::Quick | Effort::Standard) => &[png::Compression::Fast],
        // Each is the smaller for some photographs. `High` would take up to three times as long for half a
        // hundredth of the bytes.
        (Compression::Default, Effort::Thorough) => &[png::Compression::Fast, png::Compression::Balanced],
    };
    let mut smallest: Option<Vec<u8>> = None;
    for &way in ways {
        let mut file = Vec::new();
        let mut info = png::Info::with_size(frame.width(), frame.height());
        info.icc_profile = encoding.profile.map(Cow::Borrowed);
        let mut encoder = png::Encoder::with_info(&mut file, info).map_err(cannot)?;
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(way);
        let mut writer = encoder.write_header().map_err(cannot)?;
        writer.write_image_data(pixels).map_err(cannot)?;
        writer.finish().map_err(cannot)?;
        if smallest.as_ref().is_none_or(|smallest| file.len() < smallest.len()) {
            smallest = Some(file);
        }
    }
    smallest.ok_or_else(|| cannot("no way to compress it"))
}

/// Transparent colours come first, so that the rest needs no entry for its opacity.
fn with_palette(frame: &Frame, picture: Indexed, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    let Indexed { palette, mut indices } = picture;
    let mut order: Vec<usize> = (0..palette.len()).collect();
    order.sort_by_key(|&index| palette.get(index).is_none_or(|color| color[3] == 255));
    let mut moved = [0; 256];
    let (mut colors, mut opacities) = (Vec::new(), Vec::new());
    for (to, &from) in order.iter().enumerate() {
        let [red, green, blue, alpha] = palette.get(from).copied().unwrap_or_default();
        colors.extend_from_slice(&[red, green, blue]);
        if alpha != 255 {
            opacities.push(alpha);
        }
        // At most 256 places.
        if let Some(place) = moved.get_mut(from) {
            *place = to as u8;
        }
    }
    indices.iter_mut().for_each(|index| *index = moved[usize::from(*index)]);
    let (depth, bits) = match palette.len() {
        0..=2 => (png::BitDepth::One, 1),
        3..=4 => (png::BitDepth::Two, 2),
        5..=16 => (png::BitDepth::Four, 4),
        _ => (png::BitDepth::Eight, 8),
    };
    let packed = packed(&indices, frame.width() as usize, bits);
    let mut file = Vec::new();
    let mut info = png::Info::with_size(frame.width(), frame.height());
    info.icc_profile = encoding.profile.map(Cow::Borrowed);
    let mut encoder = png::Encoder::with_info(&mut file, info).map_err(cannot)?;
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(depth);
    encoder.set_palette(colors);
    if !opacities.is_empty() {
        encoder.set_trns(opacities);
    }
    encoder.set_compression(match encoding.compression {
        Compression::Fast => png::Compression::Fastest,
        Compression::Default => match encoding.effort {
            // Flat pictures gain by it what photographs do not.
            Effort::Quick | Effort::Standard => png::Compression::Balanced,
            Effort::Thorough => png::Compression::High,
        },
    });
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().map_err(cannot)?;
    writer.write_image_data(&packed).map_err(cannot)?;
    writer.finish().map_err(cannot)?;
    Ok(file)
}

/// Rows of indices of `bits` bits each, the first in the upper bits, with rows padded to bytes.
fn packed(indices: &[u8], width: usize, bits: usize) -> Vec<u8> {
    if bits == 8 {
        return indices.to_vec();
    }
    let each = 8 / bits;
    let mut bytes = Vec::with_capacity(indices.len().div_ceil(each));
    for row in indices.chunks(width.max(1)) {
        for group in row.chunks(each) {
            let byte = group.iter().enumerate();
            bytes.push(byte.fold(0, |byte, (at, index)| byte | index << (8 - bits - at * bits)));
        }
    }
    bytes
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

#[cfg(test)]
#[path = "png_tests.rs"]
mod tests;
