//! PNG.

use super::canvas::{Area, Blend, Canvas, Disposal};
use super::{Animation, Decoded, Pixels, TimedFrame, WidePicture, check_size, corrupt, frame, round_to_byte};
use crate::Fault;
use crate::color::{self, Chromaticities};
use crate::frame::{Channels, byte_count};
use crate::limits::PNG_DECODER_BYTES;
use safelight_domain::image::SourceInfo;
use std::io::Cursor;

type Reader<'a> = png::Reader<Cursor<&'a [u8]>>;

fn open<'a>(file: &'a [u8], info: &SourceInfo) -> Result<Reader<'a>, Fault> {
    let limits = png::Limits { bytes: PNG_DECODER_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    let reader = decoder.read_info().map_err(corrupt)?;
    check_size((reader.info().width, reader.info().height), info)?;
    Ok(reader)
}

/// Palettes and small depths are expanded. Of an animation this is the image for programs that show
/// none.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let mut reader = open(file, info)?;
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
fn words(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u16>, Fault> {
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

/// The frames. The default image is one of them if it has a control chunk.
pub(super) fn animation<'a>(file: &'a [u8], info: &SourceInfo) -> Result<Animation<'a>, Fault> {
    let mut reader = open(file, info)?;
    let profile = profile(reader.info());
    let control = reader.info().animation_control.ok_or_else(|| corrupt("it is not an animation"))?;
    let (color, depth) = reader.output_color_type();
    let sample_bytes = if depth == png::BitDepth::Sixteen { 2 } else { 1 };
    let bytes = vec![0; byte_count(info.width, info.height, color.samples() * sample_bytes)];
    if reader.info().frame_control.is_none() {
        reader.next_frame_info().map_err(corrupt)?;
    }
    let frames = Frames { reader, canvas: Canvas::new(info), bytes, left: info.frames };
    Ok(Animation { plays: control.num_plays, frames: Box::new(frames), profile })
}

struct Frames<'a> {
    reader: Reader<'a>,
    canvas: Canvas,
    /// As many as the largest frame needs, kept for the next one.
    bytes: Vec<u8>,
    left: u32,
}

impl Frames<'_> {
    fn draw_next(&mut self) -> Result<TimedFrame, Fault> {
        let (color, depth) = self.reader.output_color_type();
        let made = self.reader.next_frame(&mut self.bytes).map_err(corrupt)?;
        let control = self.reader.info().frame_control.ok_or_else(|| corrupt("a frame has no place"))?;
        // Rows of an interlaced frame lie as far apart as those of the canvas.
        let columns = if self.reader.info().interlaced { self.reader.info().width } else { made.width };
        let samples = color.samples();
        let deep = depth == png::BitDepth::Sixteen;
        let length = byte_count(columns, made.height, if deep { samples * 2 } else { samples });
        let mut bytes = self.bytes.get(..length).ok_or_else(|| corrupt("it has too few pixels"))?.to_vec();
        if deep {
            round_to_bytes(&mut bytes);
        }
        let area =
            Area { left: control.x_offset, top: control.y_offset, width: made.width, height: made.height };
        let blend = match control.blend_op {
            png::BlendOp::Source => Blend::Replace,
            png::BlendOp::Over => Blend::Over,
        };
        let disposal = match control.dispose_op {
            png::DisposeOp::None => Disposal::Keep,
            png::DisposeOp::Background => Disposal::Clear,
            png::DisposeOp::Previous => Disposal::Restore,
        };
        let rgba = to_rgba(color, &bytes);
        self.canvas.draw(area, rgba.chunks((columns as usize * 4).max(1)), blend, disposal);
        // A denominator of 0 stands for 100.
        let parts = if control.delay_den == 0 { 100 } else { u32::from(control.delay_den) };
        self.canvas.shown(u32::from(control.delay_num) * 1000 / parts)
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<TimedFrame, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let frame = self.draw_next();
        if frame.is_err() {
            self.left = 0;
        }
        Some(frame)
    }
}

fn to_rgba(color: png::ColorType, bytes: &[u8]) -> Vec<u8> {
    match color {
        png::ColorType::Grayscale => bytes.iter().flat_map(|&grey| [grey, grey, grey, 255]).collect(),
        png::ColorType::GrayscaleAlpha => {
            bytes.as_chunks::<2>().0.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect()
        }
        png::ColorType::Rgb => {
            bytes.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect()
        }
        png::ColorType::Rgba | png::ColorType::Indexed => bytes.to_vec(),
    }
}

/// Rounds big-endian 16-bit samples to 8 bits, in place: a second buffer would be half as large again.
fn round_to_bytes(samples: &mut Vec<u8>) {
    let count = samples.len() / 2;
    for at in 0..count {
        samples[at] = round_to_byte(u16::from_be_bytes([samples[2 * at], samples[2 * at + 1]]));
    }
    samples.truncate(count);
    samples.shrink_to_fit();
}
