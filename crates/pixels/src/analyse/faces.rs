//! Where faces are.

use super::cascade::detect;
use super::features::Grey;
use super::model::Model;
use super::small;
use crate::frame::{Channels, Frame};
use crate::metadata::Orientation;
use crate::plan::{Rect, Region};
use crate::steps;

/// Longest side of the copy that is looked at, in pixels. Faces of at least 40 pixels are found, which
/// is a sixteenth of it.
const SIDE: u32 = 640;

/// How much is added around a face on each side, as a share of its size: hair, ears and chin.
const MARGIN: f64 = 0.25;

/// The box around all faces in a part of a stored picture, in pixels of that part and within it;
/// `None` if there is none. Faces are found that are upright as `orientation` shows them.
pub(crate) fn faces(frame: &Frame, area: Rect, orientation: Orientation) -> Option<Region> {
    let copy = steps::turned(small(frame, area, SIDE)?, orientation)?;
    let found = detect(&grey(&copy), &Model::built_in()?);
    let mut ends: Option<[f64; 4]> = None;
    for face in found {
        let margin = face.part.width as f64 * MARGIN;
        let (x, y) = (face.part.x as f64, face.part.y as f64);
        let far = |start: f64, length: i64| start + length as f64 + margin;
        let one = [x - margin, y - margin, far(x, face.part.width), far(y, face.part.height)];
        ends = Some(ends.map_or(one, |[l, t, r, b]| {
            let [left, top, right, bottom] = one;
            [l.min(left), t.min(top), r.max(right), b.max(bottom)]
        }));
    }
    // In shares of the copy, then of the part as it is stored.
    let (w, h) = (f64::from(copy.width()), f64::from(copy.height()));
    let [left, top, right, bottom] = ends?;
    let columns = ((left / w).clamp(0.0, 1.0), (right / w).clamp(0.0, 1.0));
    let rows = ((top / h).clamp(0.0, 1.0), (bottom / h).clamp(0.0, 1.0));
    let (columns, rows) = if orientation.swaps_sides() { (rows, columns) } else { (columns, rows) };
    let mirrored = |(start, end): (f64, f64)| (1.0 - end, 1.0 - start);
    let columns = if orientation.reverses_columns() { mirrored(columns) } else { columns };
    let rows = if orientation.reverses_rows() { mirrored(rows) } else { rows };
    let (w, h) = (f64::from(area.width), f64::from(area.height));
    let region = Region {
        left: columns.0 * w,
        top: rows.0 * h,
        width: (columns.1 - columns.0) * w,
        height: (rows.1 - rows.0) * h,
    };
    (region.width > 0.0 && region.height > 0.0).then_some(region)
}

/// Luma, with white behind what is transparent.
fn grey(copy: &Frame) -> Grey {
    let luma = |rgb: &[u8]| {
        let [r, g, b] = *rgb else { return 0 };
        // The shares add up to 256.
        ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29 + 128) >> 8) as u8
    };
    let pixels = match copy.channels() {
        Channels::Grey => copy.pixels().to_vec(),
        Channels::Rgb => copy.pixels().chunks_exact(3).map(luma).collect(),
        Channels::Rgba => {
            let over = |[r, g, b, a]: &[u8; 4]| {
                let (light, alpha) = (u32::from(luma(&[*r, *g, *b])), u32::from(*a));
                ((light * alpha + 255 * (255 - alpha) + 127) / 255) as u8
            };
            copy.pixels().as_chunks::<4>().0.iter().map(over).collect()
        }
    };
    Grey { width: copy.width() as usize, height: copy.height() as usize, pixels }
}

#[cfg(test)]
#[path = "faces_tests.rs"]
mod tests;
