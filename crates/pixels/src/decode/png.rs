//! PNG.

use super::{Decoded, Pixels, WidePicture, check_size, corrupt, frame};
use crate::Fault;
use crate::color::{self, Chromaticities};
use crate::frame::{Channels, byte_count};
use crate::limits::PNG_DECODER_BYTES;
use safelight_domain::image::SourceInfo;
use std::io::Cursor;

/// Palettes and small depths are expanded.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let limits = png::Limits { bytes: PNG_DECODER_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(corrupt)?;
    check_size((reader.info().width, reader.info().height), info)?;
    let profile = profile(reader.info());
    let (color, depth) = reader.output_color_type();
    let samples = color.samples();
    if !matches!(depth, png::BitDepth::Eight | png::BitDepth::Sixteen) {
        return Err(corrupt("its samples have an unknown depth"));
    }
    let channels = match color {
        png::ColorType::Grayscale => Channels::Grey,
        png::ColorType::Rgb => Channels::Rgb,
        png::ColorType::Rgba | png::ColorType::GrayscaleAlpha => Channels::Rgba,
        png::ColorType::Indexed => return Err(corrupt("its palette is missing")),
    };
    let spread = color == png::ColorType::GrayscaleAlpha;
    if depth == png::BitDepth::Sixteen {
        let samples = words(&mut reader, byte_count(info.width, info.height, samples))?;
        let samples = if spread { spread_grey(&samples) } else { samples };
        let wide = WidePicture { width: info.width, height: info.height, channels, samples };
        return Ok(Decoded { pixels: Pixels::Wide(wide), profile });
    }
    let mut pixels = vec![0; byte_count(info.width, info.height, samples)];
    let made = reader.next_frame(&mut pixels).map_err(corrupt)?;
    check_size((made.width, made.height), info)?;
    let pixels = if spread { spread_grey(&pixels) } else { pixels };
    Ok(Decoded { pixels: Pixels::Frame(frame(info, channels, pixels)?), profile })
}

/// Reads `count` samples of 16 bits: row by row, but an interlaced picture as a whole, which takes as
/// much memory again.
fn words(reader: &mut png::Reader<Cursor<&[u8]>>, count: usize) -> Result<Vec<u16>, Fault> {
    let mut samples = Vec::with_capacity(count);
    let mut add = |bytes: &[u8]| {
        samples.extend(bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_be_bytes(pair)));
    };
    if reader.info().interlaced {
        let mut bytes = vec![0; count * 2];
        reader.next_frame(&mut bytes).map_err(corrupt)?;
        add(&bytes);
    } else {
        while let Some(row) = reader.next_row().map_err(corrupt)? {
            add(row.data());
        }
    }
    if samples.len() == count { Ok(samples) } else { Err(corrupt("it has too few pixels")) }
}

/// Grey with alpha as RGBA.
fn spread_grey<T: Copy>(samples: &[T]) -> Vec<T> {
    let pairs = samples.as_chunks::<2>().0.iter();
    pairs.flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect()
}

/// The colours that a file names, by the order of the third edition of PNG: code points, a profile,
/// sRGB, then curve and primaries.
fn profile(info: &png::Info<'_>) -> Option<Vec<u8>> {
    if let Some(points) = &info.coding_independent_code_points {
        return color::from_cicp(u16::from(points.color_primaries), u16::from(points.transfer_function));
    }
    if let Some(profile) = &info.icc_profile {
        return Some(profile.to_vec());
    }
    if info.srgb.is_some() {
        return None;
    }
    let places = info.chrm_chunk.map(|places| {
        let place = |(x, y): (png::ScaledFloat, png::ScaledFloat)| (x.into_value(), y.into_value());
        Chromaticities {
            white: place(places.white),
            red: place(places.red),
            green: place(places.green),
            blue: place(places.blue),
        }
    });
    color::from_gamma(info.gama_chunk?.into_value(), places)
}
