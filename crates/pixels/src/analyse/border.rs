//! A border of one colour around a picture.

use crate::frame::Frame;
use crate::metadata::Orientation;
use crate::plan::Rect;
use safelight_domain::transform::Color;

/// Samples that are compared: premultiplied red, green and blue, and alpha.
type Samples = [u8; 4];

/// What is left without the border, with `keep` pixels of it on each side where there are as many.
/// `None` if there is no border, or nothing else.
///
/// A row or column belongs to the border if no sample of its pixels is further than `tolerance` from
/// the colour. Without a colour it is that of the corner that most corners look like; of several, the
/// first as shown, row by row.
pub(crate) fn border(
    frame: &Frame,
    orientation: Orientation,
    color: Option<Color>,
    tolerance: u8,
    keep: u32,
) -> Option<Rect> {
    let color = match color {
        Some(color) => premultiplied([color.red, color.green, color.blue, color.alpha]),
        None => corner(frame, orientation, tolerance)?,
    };
    let samples = frame.channels().count();
    let is_border = |pixel: &[u8]| alike(read(pixel), color, tolerance);
    let rows: Vec<&[u8]> = frame.pixels().chunks_exact(frame.stride()).collect();
    let has_picture = |row: &&[u8]| !row.chunks_exact(samples).all(is_border);
    let top = rows.iter().position(has_picture)?;
    let bottom = rows.iter().rposition(has_picture)?;
    let (mut left, mut right) = (usize::MAX, 0);
    for row in rows.get(top..=bottom)? {
        // Only what may widen the rest is looked at.
        let ahead = row.chunks_exact(samples).take(left);
        left = ahead.clone().position(|pixel| !is_border(pixel)).unwrap_or(left);
        let width = row.len() / samples;
        let behind = row.chunks_exact(samples).rev().take(width - 1 - right);
        right = behind.clone().position(|pixel| !is_border(pixel)).map_or(right, |at| width - 1 - at);
    }
    let whole = (frame.width(), frame.height());
    // Places in a picture fit 32 bits.
    let (left, width) = kept(left as u32, right as u32, whole.0, keep);
    let (top, height) = kept(top as u32, bottom as u32, whole.1, keep);
    ((width, height) != whole).then_some(Rect { left, top, width, height })
}

/// Start and length with what is kept on both sides.
fn kept(first: u32, last: u32, side: u32, keep: u32) -> (u32, u32) {
    let start = first.saturating_sub(keep);
    let end = last.saturating_add(1).saturating_add(keep).min(side);
    (start, end - start)
}

fn read(pixel: &[u8]) -> Samples {
    match *pixel {
        [luma] => [luma, luma, luma, 255],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, a] => premultiplied([r, g, b, a]),
        _ => [0; 4],
    }
}

fn premultiplied([r, g, b, a]: [u8; 4]) -> Samples {
    if a == 255 {
        return [r, g, b, a];
    }
    let part = |sample: u8| ((u32::from(sample) * u32::from(a) + 127) / 255) as u8;
    [part(r), part(g), part(b), a]
}

fn alike(a: Samples, b: Samples, tolerance: u8) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= tolerance)
}

fn corner(frame: &Frame, orientation: Orientation, tolerance: u8) -> Option<Samples> {
    let (last_column, last_row) = (frame.width() as usize - 1, frame.height() as usize - 1);
    let samples = frame.channels().count();
    let mut corners = [[0; 4]; 4];
    for (corner, (right, below)) in
        corners.iter_mut().zip([(false, false), (true, false), (false, true), (true, true)])
    {
        let (far_column, far_row) = if orientation.swaps_sides() { (below, right) } else { (right, below) };
        let column = if far_column != orientation.reverses_columns() { last_column } else { 0 };
        let row = if far_row != orientation.reverses_rows() { last_row } else { 0 };
        let at = row * frame.stride() + column * samples;
        *corner = read(frame.pixels().get(at..at + samples)?);
    }
    let likes = |one: &Samples| corners.iter().filter(|other| alike(*one, **other, tolerance)).count();
    // Of several that are the most, this takes the last.
    corners.iter().rev().copied().max_by_key(|corner| likes(corner))
}

#[cfg(test)]
#[path = "border_tests.rs"]
mod tests;
