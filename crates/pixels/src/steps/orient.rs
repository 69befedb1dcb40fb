//! Turning and mirroring the picture: what its metadata says, flip and rotation in one.

use crate::Fault;
use crate::frame::{Frame, byte_count};
use crate::metadata::Orientation;
use crate::plan::Plan;

/// Turns the picture as the plan says.
pub(super) fn orient(frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    turned(frame, plan.orientation).ok_or_else(|| Fault::CannotEncode("it could not be turned".to_owned()))
}

/// Turns a picture. As stored, it is passed through.
pub(crate) fn turned(frame: Frame, orientation: Orientation) -> Option<Frame> {
    if orientation == Orientation::AsStored {
        return Some(frame);
    }
    let pixels = match frame.channels().count() {
        1 => turn::<1>(&frame, orientation),
        3 => turn::<3>(&frame, orientation),
        _ => turn::<4>(&frame, orientation),
    };
    let (width, height) = if orientation.swaps_sides() {
        (frame.height(), frame.width())
    } else {
        (frame.width(), frame.height())
    };
    Frame::new(width, height, frame.channels(), pixels)
}

fn turn<const N: usize>(frame: &Frame, orientation: Orientation) -> Vec<u8> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let source = frame.pixels().as_chunks::<N>().0;
    let mut out = Vec::with_capacity(byte_count(frame.width(), frame.height(), N));
    let column = |x: usize| if orientation.reverses_columns() { width - 1 - x } else { x };
    let row = |y: usize| if orientation.reverses_rows() { height - 1 - y } else { y };
    let mut push = |x: usize, y: usize| {
        // Column and row are within the picture, whose pixels the frame holds in full.
        out.extend_from_slice(&source[row(y) * width + column(x)]);
    };
    if orientation.swaps_sides() {
        (0..width).for_each(|x| (0..height).for_each(|y| push(x, y)));
    } else {
        (0..height).for_each(|y| (0..width).for_each(|x| push(x, y)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Channels;

    #[test]
    fn each_orientation_shows_the_letter_upright() {
        use Orientation::{
            AsStored, FlipHorizontal, FlipVertical, Rotate90, Rotate180, Rotate270, Transpose, Transverse,
        };
        // Stored forms of the rows "abc" and "def", after the table of the EXIF standard.
        for (orientation, width, stored) in [
            (AsStored, 3, "abcdef"),
            (FlipHorizontal, 3, "cbafed"),
            (Rotate180, 3, "fedcba"),
            (FlipVertical, 3, "defabc"),
            (Transpose, 2, "adbecf"),
            (Rotate90, 2, "cfbead"),
            (Transverse, 2, "fcebda"),
            (Rotate270, 2, "daebfc"),
        ] {
            let bytes = stored.bytes().flat_map(|b| [b, 0, 0]).collect();
            let frame = Frame::new(width, 6 / width, Channels::Rgb, bytes).expect("6 pixels");
            let shown = turn::<3>(&frame, orientation);
            let text: String = shown.chunks(3).map(|pixel| char::from(pixel[0])).collect();
            let text = if orientation == AsStored { stored.to_owned() } else { text };
            assert_eq!(text, "abcdef", "{orientation:?}");
        }
    }
}
