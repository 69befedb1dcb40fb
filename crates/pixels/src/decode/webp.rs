//! WebP.
//!
//! The frames of an animation are put together here, each decoded as a file of its own: the decoder
//! clears a wrong area after frames without transparency.

use super::canvas::{Area, Blend, Canvas, Disposal};
use super::{Animation, Decoded, Pixels, TimedFrame, check_size, corrupt, frame};
use crate::Fault;
use crate::frame::{Channels, byte_count};
use crate::limits::PROFILE_BYTES;
use crate::probe::webp::{Part, frames};
use safelight_domain::image::SourceInfo;
use std::io::Cursor;

pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    if info.frames > 1 {
        let mut animation = animation(file, info)?;
        let first = animation.frames.next().ok_or_else(|| corrupt("it has no frame"))??;
        return Ok(Decoded { pixels: Pixels::Frame(first.frame), profile: animation.profile });
    }
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

/// The frames.
pub(super) fn animation<'a>(file: &'a [u8], info: &SourceInfo) -> Result<Animation<'a>, Fault> {
    let found = frames(file)?;
    let mut canvas = Canvas::new(info);
    let mut broken = false;
    let pictures = found.frames.map_while(move |part| {
        if broken {
            return None;
        }
        let shown = part.and_then(|part| draw(&mut canvas, &part));
        broken = shown.is_err();
        Some(shown)
    });
    let profile = found.profile.filter(|profile| profile.len() <= PROFILE_BYTES).map(<[u8]>::to_vec);
    Ok(Animation { plays: u32::from(found.plays), frames: Box::new(pictures), profile })
}

fn draw(canvas: &mut Canvas, part: &Part<'_>) -> Result<TimedFrame, Fault> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(still(part))).map_err(corrupt)?;
    if decoder.dimensions() != (part.width, part.height) {
        return Err(corrupt("a frame has another size than it says"));
    }
    let clear = decoder.has_alpha();
    let samples = if clear { 4 } else { 3 };
    let mut pixels = vec![0; byte_count(part.width, part.height, samples)];
    decoder.read_image(&mut pixels).map_err(corrupt)?;
    if !clear {
        pixels = pixels.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    }
    let area = Area { left: part.left, top: part.top, width: part.width, height: part.height };
    let blend = if part.flags & 2 == 0 { Blend::Over } else { Blend::Replace };
    let disposal = if part.flags & 1 == 0 { Disposal::Keep } else { Disposal::Clear };
    canvas.draw(area, pixels.chunks((part.width as usize * 4).max(1)), blend, disposal);
    canvas.shown(part.delay_ms)
}

/// The frame as a still picture: a file of the same chunks, of which the first says how large it is.
fn still(part: &Part<'_>) -> Vec<u8> {
    let mut file = Vec::with_capacity(part.chunks.len() + 30);
    file.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    if part.chunks.starts_with(b"ALPH") {
        file.extend_from_slice(b"VP8X\x0A\0\0\0\x10\0\0\0");
        let [a, b, c, _] = (part.width - 1).to_le_bytes();
        let [d, e, f, _] = (part.height - 1).to_le_bytes();
        file.extend_from_slice(&[a, b, c, d, e, f]);
    }
    file.extend_from_slice(part.chunks);
    // A chunk is shorter than the file it comes from.
    let length = (file.len() as u32).saturating_sub(8).to_le_bytes();
    for (place, byte) in file.iter_mut().skip(4).zip(length) {
        *place = byte;
    }
    file
}
