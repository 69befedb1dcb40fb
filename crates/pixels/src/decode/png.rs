//! PNG.

use super::{Decoded, Pixels, check_size, corrupt, frame};
use crate::Fault;
use crate::frame::{Channels, byte_count};
use crate::limits::PNG_DECODER_BYTES;
use safelight_domain::image::SourceInfo;
use std::io::Cursor;

/// 16-bit samples are rounded to 8, palettes and small depths are expanded.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let limits = png::Limits { bytes: PNG_DECODER_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(corrupt)?;
    check_size((reader.info().width, reader.info().height), info)?;
    let profile = reader.info().icc_profile.as_ref().map(|profile| profile.to_vec());
    let (color, depth) = reader.output_color_type();
    let samples = color.samples();
    let sample_bytes = match depth {
        png::BitDepth::Eight => 1,
        png::BitDepth::Sixteen => 2,
        _ => return Err(corrupt("its samples have an unknown depth")),
    };
    let mut pixels = vec![0; byte_count(info.width, info.height, samples * sample_bytes)];
    let made = reader.next_frame(&mut pixels).map_err(corrupt)?;
    check_size((made.width, made.height), info)?;
    if depth == png::BitDepth::Sixteen {
        round_to_bytes(&mut pixels);
    }
    let frame = match color {
        png::ColorType::Grayscale => frame(info, Channels::Grey, pixels)?,
        png::ColorType::Rgb => frame(info, Channels::Rgb, pixels)?,
        png::ColorType::Rgba => frame(info, Channels::Rgba, pixels)?,
        png::ColorType::GrayscaleAlpha => {
            let rgba = pixels.as_chunks::<2>().0.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]);
            frame(info, Channels::Rgba, rgba.collect())?
        }
        png::ColorType::Indexed => return Err(corrupt("its palette is missing")),
    };
    Ok(Decoded { pixels: Pixels::Frame(frame), profile })
}

/// Rounds big-endian 16-bit samples to 8 bits, in place: a second buffer would be half as large again.
fn round_to_bytes(samples: &mut Vec<u8>) {
    let count = samples.len() / 2;
    for at in 0..count {
        let sample = u32::from(u16::from_be_bytes([samples[2 * at], samples[2 * at + 1]]));
        // At most 255.
        samples[at] = ((sample * 255 + 32_767) / 65_535) as u8;
    }
    samples.truncate(count);
    samples.shrink_to_fit();
}
