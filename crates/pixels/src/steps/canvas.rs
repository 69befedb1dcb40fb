//! Padding, and white behind what is transparent.

use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
use crate::plan::{Backdrop, Plan, Size};

/// Lays the picture on its canvas. White goes behind it in sRGB values, as browsers blend.
pub(super) fn place(frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    let frame = match (plan.backdrop, frame.channels()) {
        (Backdrop::White, Channels::Rgba) => flatten(&frame),
        _ => Some(frame),
    };
    frame
        .and_then(|frame| if size(&frame) == plan.output { Some(frame) } else { pad(&frame, plan) })
        .ok_or_else(|| Fault::CannotEncode("it could not be laid out".to_owned()))
}

fn size(frame: &Frame) -> Size {
    Size { width: frame.width(), height: frame.height() }
}

fn flatten(frame: &Frame) -> Option<Frame> {
    let mut pixels = Vec::with_capacity(byte_count(frame.width(), frame.height(), 3));
    for [r, g, b, a] in frame.pixels().as_chunks::<4>().0 {
        let over = |sample: u8| {
            let white = 255 - u32::from(*a);
            ((u32::from(sample) * u32::from(*a) + 255 * white + 127) / 255) as u8
        };
        pixels.extend_from_slice(&[over(*r), over(*g), over(*b)]);
    }
    Frame::new(frame.width(), frame.height(), Channels::Rgb, pixels)
}

fn pad(frame: &Frame, plan: &Plan) -> Option<Frame> {
    let (samples, stride) = (frame.channels().count(), frame.stride());
    let mut pixels = vec![255; byte_count(plan.output.width, plan.output.height, samples)];
    let row_bytes = plan.output.width as usize * samples;
    let left = plan.placement.left as usize * samples;
    let rows = pixels.chunks_exact_mut(row_bytes).skip(plan.placement.top as usize);
    for (to, from) in rows.zip(frame.pixels().chunks_exact(stride)) {
        to.get_mut(left..left + stride)?.copy_from_slice(from);
    }
    Frame::new(plan.output.width, plan.output.height, frame.channels(), pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_becomes_white() {
        let frame = Frame::new(3, 1, Channels::Rgba, vec![9, 9, 9, 0, 0, 0, 0, 128, 1, 2, 3, 255]);
        let flat = flatten(&frame.expect("3 pixels")).expect("3 pixels");
        assert_eq!(flat.pixels(), [255, 255, 255, 127, 127, 127, 1, 2, 3]);
    }
}
