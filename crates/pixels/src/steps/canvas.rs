//! Padding, and a colour behind what is transparent. Colours are laid over each other in sRGB
//! values, as browsers do.

use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
use crate::plan::{Backdrop, Plan, Size};
use safelight_domain::transform::Color;

/// Lays a picture that is to be padded on its canvas.
pub(super) fn pad(frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    let Backdrop::Around(color) = plan.backdrop else { return Ok(frame) };
    flatten(frame, color)
        .and_then(
            |frame| if size(&frame) == plan.output { Some(frame) } else { surround(frame, color, plan) },
        )
        .ok_or_else(|| Fault::CannotEncode("it could not be laid out".to_owned()))
}

/// Puts the colour behind a picture that is not padded.
pub(super) fn back(frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    let Backdrop::Behind(color) = plan.backdrop else { return Ok(frame) };
    flatten(frame, color).ok_or_else(|| Fault::CannotEncode("it could not be laid out".to_owned()))
}

fn size(frame: &Frame) -> Size {
    Size { width: frame.width(), height: frame.height() }
}

/// Puts a colour behind what is transparent. With an opaque one, no transparency is left.
pub(crate) fn flatten(mut frame: Frame, color: Color) -> Option<Frame> {
    if frame.channels() != Channels::Rgba {
        return Some(frame);
    }
    let behind = [color.red, color.green, color.blue].map(u32::from);
    let back = u32::from(color.alpha);
    if back == 255 {
        let mut pixels = Vec::with_capacity(byte_count(frame.width(), frame.height(), 3));
        for [r, g, b, a] in frame.pixels().as_chunks::<4>().0 {
            let alpha = u32::from(*a);
            let over = |sample: u8, behind: u32| {
                ((u32::from(sample) * alpha + behind * (255 - alpha) + 127) / 255) as u8
            };
            let [red, green, blue] = behind;
            pixels.extend_from_slice(&[over(*r, red), over(*g, green), over(*b, blue)]);
        }
        return Frame::new(frame.width(), frame.height(), Channels::Rgb, pixels);
    }
    for pixel in frame.pixels_mut().as_chunks_mut::<4>().0 {
        let [r, g, b, a] = *pixel;
        let front = u32::from(a) * 255;
        let rest = back * (255 - u32::from(a));
        let sum = front + rest; // 255 times the alpha of both.
        if sum == 0 {
            continue;
        }
        let over =
            |sample: u8, behind: u32| ((u32::from(sample) * front + behind * rest + sum / 2) / sum) as u8;
        let [red, green, blue] = behind;
        *pixel = [over(r, red), over(g, green), over(b, blue), ((sum + 127) / 255) as u8];
    }
    Some(frame)
}

fn surround(frame: Frame, color: Color, plan: &Plan) -> Option<Frame> {
    let frame = match frame.channels() {
        Channels::Grey if color.red == color.green && color.green == color.blue && color.alpha == 255 => {
            frame
        }
        Channels::Grey | Channels::Rgb if color.alpha < 255 => with_alpha(&frame)?,
        Channels::Grey => colored(&frame)?,
        Channels::Rgb | Channels::Rgba => frame,
    };
    let (samples, stride) = (frame.channels().count(), frame.stride());
    let around = [color.red, color.green, color.blue, color.alpha];
    let mut pixels = Vec::with_capacity(byte_count(plan.output.width, plan.output.height, samples));
    let area = plan.output.width as usize * plan.output.height as usize;
    pixels.extend(std::iter::repeat_n(around.get(..samples)?, area).flatten());
    let row_bytes = plan.output.width as usize * samples;
    let left = plan.placement.left as usize * samples;
    let rows = pixels.chunks_exact_mut(row_bytes).skip(plan.placement.top as usize);
    for (to, from) in rows.zip(frame.pixels().chunks_exact(stride)) {
        to.get_mut(left..left + stride)?.copy_from_slice(from);
    }
    Frame::new(plan.output.width, plan.output.height, frame.channels(), pixels)
}

/// The same picture in colour.
pub(super) fn colored(frame: &Frame) -> Option<Frame> {
    let pixels = match frame.channels() {
        Channels::Grey => frame.pixels().iter().flat_map(|&luma| [luma; 3]).collect(),
        Channels::Rgb | Channels::Rgba => return Some(frame.clone()),
    };
    Frame::new(frame.width(), frame.height(), Channels::Rgb, pixels)
}

/// The same picture with an alpha.
pub(super) fn with_alpha(frame: &Frame) -> Option<Frame> {
    let pixels = match frame.channels() {
        Channels::Grey => frame.pixels().iter().flat_map(|&l| [l, l, l, 255]).collect(),
        Channels::Rgb => {
            frame.pixels().as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect()
        }
        Channels::Rgba => return Some(frame.clone()),
    };
    Frame::new(frame.width(), frame.height(), Channels::Rgba, pixels)
}

#[cfg(test)]
#[path = "canvas_tests.rs"]
mod tests;
