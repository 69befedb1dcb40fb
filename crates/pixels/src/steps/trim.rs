//! Cutting off whole rows and columns.

use crate::Fault;
use crate::frame::Frame;
use crate::plan::{Plan, Rect};

/// Leaves what the plan's trim leaves. What is cut off takes no part in scaling then.
pub(super) fn trim(frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    let Some(rect) = plan.trimmed else { return Ok(frame) };
    cut(frame, rect).ok_or_else(|| Fault::CannotEncode("it could not be trimmed".to_owned()))
}

/// A part of a picture, in the memory of the whole; `None` if it goes beyond the edges.
pub(crate) fn cut(frame: Frame, rect: Rect) -> Option<Frame> {
    if rect.size().width == frame.width() && rect.size().height == frame.height() {
        return Some(frame);
    }
    let (channels, stride, rows) = (frame.channels(), frame.stride(), frame.height());
    let fits =
        rect.left.checked_add(rect.width)? <= frame.width() && rect.top.checked_add(rect.height)? <= rows;
    if !fits {
        return None;
    }
    let (left, length) = (rect.left as usize * channels.count(), rect.width as usize * channels.count());
    let mut pixels = frame.into_pixels();
    for (index, row) in (rect.top as usize..).take(rect.height as usize).enumerate() {
        // Both ends are within the picture, and a row never moves past one that is still to come.
        pixels.copy_within(row * stride + left..row * stride + left + length, index * length);
    }
    pixels.truncate(rect.height as usize * length);
    Frame::new(rect.width, rect.height, channels, pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Channels;

    #[test]
    fn what_is_left_has_the_right_pixels() {
        let frame = |channels, pixels| Frame::new(4, 3, channels, pixels).expect("12 pixels");
        let rect = Rect { left: 1, top: 1, width: 2, height: 2 };
        let grey = cut(frame(Channels::Grey, (0..12).collect()), rect).expect("inside");
        assert_eq!(grey.pixels(), [5, 6, 9, 10]);
        let rgb = cut(frame(Channels::Rgb, (0..36).collect()), Rect { width: 1, ..rect }).expect("inside");
        assert_eq!(rgb.pixels(), [15, 16, 17, 27, 28, 29]);
        assert_eq!(cut(frame(Channels::Grey, vec![0; 12]), Rect { width: 4, ..rect }), None);
        assert_eq!(cut(frame(Channels::Grey, vec![0; 12]), Rect { top: u32::MAX, ..rect }), None);
    }
}
