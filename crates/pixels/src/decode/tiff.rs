//! TIFF.

use super::{Decoded, Pixels, check_size, corrupt, frame, ink};
use crate::Fault;
use crate::frame::{Channels, byte_count};
use crate::limits::PROFILE_BYTES;
use crate::probe::tiff::{Alpha, Kind, Layout, layout};
use safelight_domain::image::SourceInfo;
use std::borrow::Cow;
use std::io::Cursor;
use tiff::decoder::{DecodingResult, Limits};

/// Most bytes of one tag's value: places of strips and tiles.
const TAG_BYTES: usize = 1 << 20;

/// The first picture. 16-bit samples are rounded to 8.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let layout = layout(file)?;
    check_size((layout.width, layout.height), info)?;
    let samples = read(&readable(file, &layout), info, &layout)?;
    // Samples that mean nothing are left out by the decoder, or not.
    let each = samples.len() / byte_count(info.width, info.height, 1).max(1);
    let pixels = match layout.kind {
        Kind::Ink => {
            let samples = leading(samples, each, 4);
            Pixels::Ink(ink(info, samples)?)
        }
        Kind::Palette => {
            let colors = palette(&layout);
            // There are 256, so every byte is an index.
            let pixels = leading(samples, each, 1).iter().flat_map(|&i| colors[usize::from(i)]).collect();
            Pixels::Frame(frame(info, Channels::Rgb, pixels)?)
        }
        Kind::Grey | Kind::Rgb => {
            let colors = if layout.kind == Kind::Grey { 1 } else { 3 };
            let (channels, pixels) = if layout.alpha == Alpha::None {
                let channels = if colors == 1 { Channels::Grey } else { Channels::Rgb };
                (channels, leading(samples, each, colors))
            } else {
                let mut rgba = to_rgba(&leading(samples, each, colors + 1), colors);
                if layout.alpha == Alpha::Associated {
                    rgba.as_chunks_mut::<4>().0.iter_mut().for_each(divide);
                }
                (Channels::Rgba, rgba)
            };
            Pixels::Frame(frame(info, channels, pixels)?)
        }
    };
    let profile = layout.profile.filter(|profile| profile.len() <= PROFILE_BYTES).map(<[u8]>::to_vec);
    Ok(Decoded { pixels, profile })
}

/// The decoder does not read palettes, so it is told that their places are grey.
fn readable<'a>(file: &'a [u8], layout: &Layout<'_>) -> Cow<'a, [u8]> {
    let mut file = Cow::Borrowed(file);
    if layout.kind == Kind::Palette {
        for (place, byte) in file.to_mut().iter_mut().skip(layout.photometric_at).zip(layout.grey()) {
            *place = byte;
        }
    }
    file
}

/// The samples, pixel by pixel, a byte each: places in a palette as they are, all else to full scale.
fn read(file: &[u8], info: &SourceInfo, layout: &Layout<'_>) -> Result<Vec<u8>, Fault> {
    let count = byte_count(info.width, info.height, layout.samples as usize);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = count * 2;
    limits.intermediate_buffer_size = count * 2;
    limits.ifd_value_size = TAG_BYTES;
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(file)).map_err(corrupt)?.with_limits(limits);
    check_size(decoder.dimensions().map_err(corrupt)?, info)?;
    let mut result = DecodingResult::U8(Vec::new());
    let found = decoder.read_image_to_buffer(&mut result).map_err(corrupt)?;
    let bytes = match result {
        DecodingResult::U8(bytes) if layout.bits < 8 => unpack(&bytes, info, layout),
        DecodingResult::U8(bytes) => bytes,
        DecodingResult::U16(words) => words.into_iter().map(super::round_to_byte).collect(),
        _ => return Err(corrupt("its samples have an unknown depth")),
    };
    let bytes = if found.planes > 1 { interleave(&bytes, info, found.planes) } else { bytes };
    let area = byte_count(info.width, info.height, 1);
    if bytes.len() < area || !bytes.len().is_multiple_of(area) {
        return Err(corrupt("it has too few pixels"));
    }
    Ok(bytes)
}

/// Samples of 1, 2 or 4 bits in rows that start at bytes.
fn unpack(bytes: &[u8], info: &SourceInfo, layout: &Layout<'_>) -> Vec<u8> {
    let (width, bits) = (info.width as usize, layout.bits as usize);
    let most = (1_u8 << bits) - 1;
    let factor = if layout.kind == Kind::Palette { 1 } else { 255 / most };
    let sample = |row: &[u8], x: usize| {
        let byte = row.get(x * bits / 8).copied().unwrap_or(0);
        ((byte >> (8 - bits - x * bits % 8)) & most) * factor
    };
    let rows = bytes.chunks((width * bits).div_ceil(8).max(1)).take(info.height as usize);
    rows.flat_map(|row| (0..width).map(move |x| sample(row, x))).collect()
}

/// Planes one after another to pixels one after another.
fn interleave(bytes: &[u8], info: &SourceInfo, planes: usize) -> Vec<u8> {
    let area = byte_count(info.width, info.height, 1);
    let sample = |at: usize, plane: usize| bytes.get(plane * area + at).copied().unwrap_or(0);
    (0..area).flat_map(|at| (0..planes).map(move |plane| sample(at, plane))).collect()
}

/// The first `wanted` samples of each pixel, which has `each`; of fewer, those that there are.
fn leading(samples: Vec<u8>, each: usize, wanted: usize) -> Vec<u8> {
    if each <= wanted {
        return samples;
    }
    samples.chunks_exact(each).flat_map(|pixel| pixel.get(..wanted).unwrap_or_default()).copied().collect()
}

fn to_rgba(samples: &[u8], colors: usize) -> Vec<u8> {
    if colors == 1 {
        samples.as_chunks::<2>().0.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect()
    } else {
        samples.to_vec()
    }
}

/// Divides colours by the alpha that they are multiplied with.
fn divide(pixel: &mut [u8; 4]) {
    let alpha = u32::from(pixel[3]);
    if alpha == 0 {
        return;
    }
    for sample in pixel.iter_mut().take(3) {
        *sample = ((u32::from(*sample) * 255 + alpha / 2) / alpha).min(255) as u8;
    }
}

/// The colours of a palette, black where there are fewer. Some programs write 8 bits where 16 belong.
fn palette(layout: &Layout<'_>) -> [[u8; 3]; 256] {
    let count = layout.color_map.len() / 6;
    let small = (0..count * 3).all(|index| layout.color(index) < 256);
    let sample = |index: usize| {
        let value = layout.color(index);
        // Below 256 where it is small.
        if small { value as u8 } else { super::round_to_byte(value) }
    };
    std::array::from_fn(|index| {
        if index < count { [0, 1, 2].map(|plane| sample(plane * count + index)) } else { [0; 3] }
    })
}

#[cfg(test)]
#[path = "tiff_tests.rs"]
mod tests;
