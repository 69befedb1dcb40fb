//! Files to pixels. Together with `encode.rs` the only place that names codecs.
//!
//! The size has passed the limits before any decoder starts, each decoder gets limits of its own
//! besides, and one that finds another size than the header said makes the file corrupt.

use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
use crate::limits::{JPEG_SCANS, PNG_DECODER_BYTES, PROFILE_BYTES};
use crate::probe::{Header, Ink};
use safelight_domain::image::{SourceFormat, SourceInfo};
use std::fmt::Display;
use std::io::Cursor;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

/// Pixels in the colours of the file.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The pixels.
    pub(crate) pixels: Pixels,
    /// The embedded ICC profile, unchecked, of at most [`PROFILE_BYTES`].
    pub(crate) profile: Option<Vec<u8>>,
}

/// What decoders give.
#[derive(Debug)]
pub(crate) enum Pixels {
    /// Anything but ink.
    Frame(Frame),
    /// Ink: cyan, magenta, yellow, black; 255 is full.
    Ink(InkPicture),
}

/// A picture in ink, four samples a pixel; as many as its size asks for.
#[derive(Debug)]
pub(crate) struct InkPicture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) samples: Vec<u8>,
}

/// Decodes the picture, of an animation the first frame.
pub(crate) fn decode(file: &[u8], header: &Header<'_>) -> Result<Decoded, Fault> {
    let mut decoded = match header.info.format {
        SourceFormat::Jpeg => jpeg(file, header)?,
        SourceFormat::Png => png(file, &header.info)?,
        SourceFormat::WebP => webp(file, &header.info)?,
        SourceFormat::Gif => gif(file, &header.info)?,
    };
    decoded.profile = decoded.profile.filter(|profile| profile.len() <= PROFILE_BYTES);
    Ok(decoded)
}

/// Longest text of a decoder that is passed on, in characters.
const TEXT: usize = 160;

/// Turns a decoder's error into a fault. The texts of decoders name parts of the file alone; some
/// come in quotes, or with bytes of the file in them.
fn corrupt(error: impl Display) -> Fault {
    let text = error.to_string();
    let plain = text.trim_matches('"').chars().filter(|c| *c == ' ' || c.is_ascii_graphic());
    Fault::Corrupt(plain.take(TEXT).collect())
}

fn check_size(found: (u32, u32), info: &SourceInfo) -> Result<(), Fault> {
    if found == (info.width, info.height) {
        Ok(())
    } else {
        Err(corrupt("its headers contradict each other"))
    }
}

fn frame(info: &SourceInfo, channels: Channels, pixels: Vec<u8>) -> Result<Frame, Fault> {
    Frame::new(info.width, info.height, channels, pixels).ok_or_else(|| corrupt("it has too few pixels"))
}

/// A broken entropy-coded part leaves the rest of the picture grey, as browsers show it.
fn jpeg(file: &[u8], header: &Header<'_>) -> Result<Decoded, Fault> {
    let info = &header.info;
    let options = DecoderOptions::default()
        .set_max_width(info.width as usize)
        .set_max_height(info.height as usize)
        .jpeg_set_max_scans(JPEG_SCANS);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(corrupt)?;
    let (width, height) = decoder.dimensions().ok_or_else(|| corrupt("it has no size"))?;
    check_size((u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0)), info)?;
    let (space, samples) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => (ColorSpace::RGB, 3),
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => (ColorSpace::CMYK, 4),
        _ => return Err(corrupt("its colours are of an unknown kind")),
    };
    let chosen = decoder.options().jpeg_set_out_colorspace(space);
    decoder.set_options(chosen);
    let profile = decoder.icc_profile();
    let mut pixels = vec![0; byte_count(info.width, info.height, samples)];
    decoder.decode_into(&mut pixels).map_err(corrupt)?;
    drop(decoder);
    let pixels = match samples {
        1 => Pixels::Frame(frame(info, Channels::Grey, pixels)?),
        3 => Pixels::Frame(frame(info, Channels::Rgb, pixels)?),
        _ => {
            if header.ink == Ink::Inverted {
                pixels.iter_mut().for_each(|sample| *sample = 255 - *sample);
            }
            Pixels::Ink(InkPicture { width: info.width, height: info.height, samples: pixels })
        }
    };
    Ok(Decoded { pixels, profile })
}

/// 16-bit samples are rounded to 8, palettes and small depths are expanded.
fn png(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
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

fn webp(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(file)).map_err(corrupt)?;
    decoder.set_memory_limit(PROFILE_BYTES);
    check_size(decoder.dimensions(), info)?;
    // A broken profile chunk is ignored like a broken profile.
    let profile = decoder.icc_profile().ok().flatten();
    let channels = if decoder.has_alpha() { Channels::Rgba } else { Channels::Rgb };
    let mut pixels = vec![0; byte_count(info.width, info.height, channels.count())];
    decoder.read_image(&mut pixels).map_err(corrupt)?;
    Ok(Decoded { pixels: Pixels::Frame(frame(info, channels, pixels)?), profile })
}

/// The first frame on its canvas; what it leaves uncovered is transparent. A frame that hangs over
/// the canvas is cut.
fn gif(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let area = u64::from(info.width) * u64::from(info.height);
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    options.set_memory_limit(gif::MemoryLimit::Bytes(
        std::num::NonZeroU64::new(area.max(PROFILE_BYTES as u64)).unwrap_or(std::num::NonZeroU64::MIN),
    ));
    let mut decoder = options.read_info(file).map_err(corrupt)?;
    check_size((u32::from(decoder.width()), u32::from(decoder.height())), info)?;
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    // The decoder refuses a frame of more bytes than its limit before it allocates it.
    let first = decoder.read_next_frame().map_err(corrupt)?.ok_or_else(|| corrupt("it has no frame"))?;
    let palette =
        first.palette.as_deref().or(global.as_deref()).ok_or_else(|| corrupt("it has no palette"))?;
    let samples = if info.has_alpha { 4 } else { 3 };
    let mut pixels = vec![0; byte_count(info.width, info.height, samples)];
    let stride = info.width as usize * samples;
    let (left, width) = (usize::from(first.left) * samples, usize::from(first.width).max(1));
    let rows = pixels.chunks_exact_mut(stride).skip(usize::from(first.top));
    for (row, indices) in rows.zip(first.buffer.chunks_exact(width)) {
        let places = row.get_mut(left..).unwrap_or_default().chunks_exact_mut(samples);
        for (pixel, &index) in places.zip(indices) {
            if first.transparent == Some(index) {
                continue;
            }
            let at = usize::from(index) * 3;
            // An index beyond the palette is black, as browsers have it.
            let color = palette.get(at..at + 3).unwrap_or(&[0, 0, 0]);
            for (sample, value) in pixel.iter_mut().zip(color.iter().chain(&[255])) {
                *sample = *value;
            }
        }
    }
    let channels = if info.has_alpha { Channels::Rgba } else { Channels::Rgb };
    Ok(Decoded { pixels: Pixels::Frame(frame(info, channels, pixels)?), profile: None })
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
