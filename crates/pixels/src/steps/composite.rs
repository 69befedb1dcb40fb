//! One picture on top of another: Porter and Duff's operators on sRGB values, as browsers have them.

use super::canvas;
use crate::frame::{Channels, Frame};
use safelight_domain::transform::{Composite, Ratio, Repeat};

/// Where the picture on top lies; it may hang over every edge. Of a tile it is one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Columns from the left edge.
    pub(crate) left: i64,
    /// Rows from the top edge.
    pub(crate) top: i64,
    /// Along which axes it is a tile.
    pub(crate) repeat: Repeat,
}

/// The picture with an alpha, multiplied by the opacity.
pub(crate) fn with_opacity(frame: &Frame, opacity: Ratio) -> Option<Frame> {
    let mut frame = canvas::with_alpha(frame)?;
    if opacity != Ratio::ONE {
        let table: Vec<u8> =
            (0..=255_u8).map(|alpha| (f64::from(alpha) * opacity.value()).round() as u8).collect();
        for [.., alpha] in frame.pixels_mut().as_chunks_mut::<4>().0 {
            *alpha = table.get(usize::from(*alpha)).copied().unwrap_or(*alpha);
        }
    }
    Some(frame)
}

/// Draws `top`, which has an alpha, on `base`. Outside of its box nothing changes. The result has
/// colours, and an alpha where `base` has one or the operator may make holes.
pub(crate) fn blend(base: &Frame, top: &Frame, place: Place, composite: Composite) -> Option<Frame> {
    let holes = matches!(composite, Composite::In | Composite::Out | Composite::Xor);
    let mut made = if holes { canvas::with_alpha(base)? } else { canvas::colored(base)? };
    let samples = made.channels().count();
    let (stride, row_bytes) = (made.stride(), top.stride());
    let along_x = matches!(place.repeat, Repeat::X | Repeat::Both);
    let along_y = matches!(place.repeat, Repeat::Y | Repeat::Both);
    let columns = Span::new(place.left, top.width(), made.width(), along_x);
    let rows = Span::new(place.top, top.height(), made.height(), along_y);
    for (y, line) in made.pixels_mut().chunks_exact_mut(stride).enumerate() {
        let Some(row) = rows.at(y) else { continue };
        let from = top.pixels().get(row * row_bytes..(row + 1) * row_bytes)?.as_chunks::<4>().0;
        for (x, pixel) in line.chunks_exact_mut(samples).enumerate() {
            let Some(front) = columns.at(x).and_then(|column| from.get(column)) else { continue };
            match pixel {
                [r, g, b] => [*r, *g, *b, _] = mixed(*front, [*r, *g, *b, 255], composite),
                [r, g, b, a] => [*r, *g, *b, *a] = mixed(*front, [*r, *g, *b, *a], composite),
                _ => {}
            }
        }
    }
    debug_assert!(made.channels() != Channels::Grey);
    Some(made)
}

/// The places along one axis that a picture or its tiles cover.
struct Span {
    start: i64,
    length: i64,
    first: i64,
    end: i64,
}

impl Span {
    fn new(start: i64, length: u32, side: u32, repeats: bool) -> Span {
        let (length, side) = (i64::from(length), i64::from(side));
        let (first, end) = if repeats { (0, side) } else { (start.max(0), (start + length).min(side)) };
        Span { start, length, first, end }
    }

    /// The place in the picture that lies on a place of the base.
    fn at(&self, place: usize) -> Option<usize> {
        let place = i64::try_from(place).ok()?;
        let covered = (self.first..self.end).contains(&place);
        covered.then(|| (place - self.start).rem_euclid(self.length) as usize)
    }
}

/// One pixel on another; neither is premultiplied.
fn mixed(front: [u8; 4], back: [u8; 4], composite: Composite) -> [u8; 4] {
    let ([.., front_alpha], [.., back_alpha]) = (front.map(u32::from), back.map(u32::from));
    let (of_front, of_back) = match composite {
        Composite::Over => (255, 255 - front_alpha),
        Composite::In => (back_alpha, 0),
        Composite::Atop => (back_alpha, 255 - front_alpha),
        Composite::Out => (255 - back_alpha, 0),
        Composite::Xor => (255 - back_alpha, 255 - front_alpha),
        Composite::Lighter => (255, 255),
    };
    let (front_part, back_part) = (front_alpha * of_front, back_alpha * of_back);
    // 255 times the alpha. Only `lighter` can reach beyond full, and is cut off there.
    let cover = (front_part + back_part).min(255 * 255);
    if cover == 0 {
        return [0; 4];
    }
    let color = |front: u8, back: u8| {
        let sum = u32::from(front) * front_part + u32::from(back) * back_part;
        ((sum + cover / 2) / cover).min(255) as u8
    };
    let ([r, g, b, _], [under_r, under_g, under_b, _]) = (front, back);
    [color(r, under_r), color(g, under_g), color(b, under_b), ((cover + 127) / 255) as u8]
}

#[cfg(test)]
#[path = "composite_tests.rs"]
mod tests;
