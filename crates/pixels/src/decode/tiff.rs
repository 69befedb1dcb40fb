//! TIFF, by the crate of that name: the first page.

use super::{Decoded, InkPicture, Pixels, check_size, corrupt, frame};
use crate::Fault;
use crate::frame::{Channels, byte_count};
use crate::limits::{PROFILE_BYTES, TIFF_CHUNK_BYTES};
use safelight_domain::image::SourceInfo;
use std::io::Cursor;
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// Most samples of 16 bits that a pixel has here: CMYK.
const SAMPLES: usize = 4;

/// Premultiplied alpha (`ExtraSamples` 1) is divided out.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = byte_count(info.width, info.height, SAMPLES * 2);
    limits.ifd_value_size = PROFILE_BYTES;
    limits.intermediate_buffer_size = TIFF_CHUNK_BYTES;
    let mut decoder = Decoder::new(Cursor::new(file)).map_err(corrupt)?.with_limits(limits);
    check_size(decoder.dimensions().map_err(corrupt)?, info)?;
    let color = decoder.colortype().map_err(corrupt)?;
    let number = |decoder: &mut Decoder<_>, tag| decoder.find_tag_unsigned::<u16>(tag).ok().flatten();
    if number(&mut decoder, Tag::PlanarConfiguration) == Some(2) && color != ColorType::Gray(8) {
        return Err(corrupt("planes that lie apart are not read"));
    }
    let premultiplied = number(&mut decoder, Tag::ExtraSamples) == Some(1);
    let profile = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let samples = match decoder.read_image().map_err(corrupt)? {
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.iter().map(|&sample| to_byte(sample)).collect(),
        _ => return Err(corrupt("samples that are no whole numbers of up to 16 bits are not read")),
    };
    let pixels = arrange(info, color, samples, premultiplied)?;
    Ok(Decoded { pixels, profile })
}

fn to_byte(sample: u16) -> u8 {
    // At most 255.
    ((u32::from(sample) * 255 + 32_767) / 65_535) as u8
}

fn arrange(
    info: &SourceInfo,
    color: ColorType,
    mut samples: Vec<u8>,
    premultiplied: bool,
) -> Result<Pixels, Fault> {
    let whole = |channels, samples| frame(info, channels, samples).map(Pixels::Frame);
    match color {
        ColorType::Gray(depth @ (1 | 2 | 4)) => whole(Channels::Grey, unpack(info, depth, &samples)),
        ColorType::Gray(8 | 16) => whole(Channels::Grey, samples),
        ColorType::RGB(8 | 16) => whole(Channels::Rgb, samples),
        ColorType::RGBA(8 | 16) => {
            if premultiplied {
                samples.as_chunks_mut::<4>().0.iter_mut().for_each(divide);
            }
            whole(Channels::Rgba, samples)
        }
        ColorType::Multiband { bit_depth: 8 | 16, num_samples: 2 } => {
            let pixels = samples.as_chunks::<2>().0.iter();
            let mut rgba: Vec<u8> = pixels.flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect();
            if premultiplied {
                rgba.as_chunks_mut::<4>().0.iter_mut().for_each(divide);
            }
            whole(Channels::Rgba, rgba)
        }
        ColorType::CMYK(8 | 16) if samples.len() == byte_count(info.width, info.height, 4) => {
            Ok(Pixels::Ink(InkPicture { width: info.width, height: info.height, samples }))
        }
        _ => Err(corrupt("its kind of colours is not read: grey, RGB and CMYK of up to 16 bits are")),
    }
}

fn divide(pixel: &mut [u8; 4]) {
    let alpha = u32::from(pixel[3]);
    for sample in &mut pixel[..3] {
        let plain = (u32::from(*sample) * 255 + alpha / 2).checked_div(alpha).unwrap_or(0);
        *sample = plain.min(255) as u8;
    }
}

/// Spreads samples of `depth` bits, in rows of whole bytes, over the range of a byte.
fn unpack(info: &SourceInfo, depth: u8, packed: &[u8]) -> Vec<u8> {
    let width = info.width as usize;
    let per_byte = usize::from(8 / depth);
    let top = (1_u16 << depth) - 1;
    let mut samples = Vec::with_capacity(byte_count(info.width, info.height, 1));
    for row in packed.chunks(width.div_ceil(per_byte)) {
        for x in 0..width {
            let byte = u16::from(row.get(x / per_byte).copied().unwrap_or_default());
            let shift = 8 - usize::from(depth) * (x % per_byte + 1);
            // At most 255, since what is masked is at most `top`.
            samples.push(((byte >> shift & top) * 255 / top) as u8);
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;
    use safelight_domain::image::SourceFormat;

    #[test]
    fn small_depths_are_spread() {
        let info =
            SourceInfo { format: SourceFormat::Tiff, width: 3, height: 2, has_alpha: false, frames: 1 };
        assert_eq!(unpack(&info, 1, &[0b1010_0000, 0b0100_0000]), [255, 0, 255, 0, 255, 0]);
        assert_eq!(unpack(&info, 4, &[0x0F, 0x80, 0x12, 0x30]), [0, 255, 136, 17, 34, 51]);
    }

    #[test]
    fn premultiplied_alpha_is_divided_out() {
        for (stored, expected) in [
            ([50, 0, 100, 100], [128, 0, 255, 100]),
            ([9, 9, 9, 0], [0, 0, 0, 0]),
            ([1, 2, 3, 255], [1, 2, 3, 255]),
        ] {
            let mut pixel = stored;
            divide(&mut pixel);
            assert_eq!(pixel, expected);
        }
    }
}
