//! Sharpening: each sRGB value moves away from the mean `m` of its eight neighbours,
//! `v' = v + s (v - m) / 3` with strength `s`, and is cut off to its range.
//!
//! At strength 1 that is the usual mild kernel (32 in the middle, -1 around it, divided by 24), which
//! suits pictures that were scaled down. Beyond the border the border pixels count on. Neighbours
//! count as much as they are opaque, so that hidden colours do not show; alpha stays.

use crate::Fault;
use crate::frame::{Channels, Frame};
use crate::plan::Plan;

/// Sharpens the picture if the plan says so.
pub(super) fn sharpen(mut frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    let Some(strength) = plan.sharpen else { return Ok(frame) };
    // Strengths are at most 10, in hundredths.
    let strength = (strength * 100.0).round() as i32;
    match frame.channels() {
        Channels::Grey => run(&mut frame, strength, row::<1>),
        Channels::Rgb => run(&mut frame, strength, row::<3>),
        Channels::Rgba => run(&mut frame, strength, row_with_alpha),
    }
    Ok(frame)
}

/// Sharpens a row between the unchanged ones above and below; the strength is in hundredths.
type Row = fn(above: &[u8], row: &[u8], below: &[u8], strength: i32, out: &mut [u8]);

fn run(frame: &mut Frame, strength: i32, sharpened: Row) {
    let (stride, rows) = (frame.stride(), frame.height() as usize);
    // A copy of the rows that are overwritten while they are still needed.
    let first = frame.pixels().get(..stride).unwrap_or_default().to_vec();
    let (mut above, mut row, mut below) = (first.clone(), first, Vec::with_capacity(stride));
    for index in 0..rows {
        below.clear();
        let next = (index + 1).min(rows - 1);
        if next == index {
            below.extend_from_slice(&row);
        } else {
            below.extend_from_slice(
                frame.pixels().get(next * stride..(next + 1) * stride).unwrap_or_default(),
            );
        }
        if let Some(out) = frame.pixels_mut().get_mut(index * stride..(index + 1) * stride) {
            sharpened(&above, &row, &below, strength, out);
        }
        std::mem::swap(&mut above, &mut row);
        std::mem::swap(&mut row, &mut below);
    }
}

/// `v + strength (8 v - sum) / 2400`, to nearest.
fn moved(value: u8, sum: i32, strength: i32) -> u8 {
    let by = strength * (8 * i32::from(value) - sum);
    let by = if by >= 0 { (by + 1200) / 2400 } else { (by - 1200) / 2400 };
    (i32::from(value) + by).clamp(0, 255) as u8
}

fn row<const N: usize>(above: &[u8], row: &[u8], below: &[u8], strength: i32, out: &mut [u8]) {
    let column = |at: usize| {
        let sample = |line: &[u8]| line.get(at).copied().map_or(0, i32::from);
        sample(above) + sample(row) + sample(below)
    };
    let last = row.len() - N;
    for (at, (out, &value)) in out.iter_mut().zip(row).enumerate() {
        let before = if at >= N { at - N } else { at };
        let after = if at < last { at + N } else { at };
        let sum = column(before) + column(at) + column(after) - i32::from(value);
        *out = moved(value, sum, strength);
    }
}

fn row_with_alpha(above: &[u8], row: &[u8], below: &[u8], strength: i32, out: &mut [u8]) {
    let rows = [above, row, below].map(|line| line.as_chunks::<4>().0);
    let last = rows[1].len() - 1;
    for (at, (out, pixel)) in out.as_chunks_mut::<4>().0.iter_mut().zip(rows[1]).enumerate() {
        let mut sums = [0_u32; 4];
        for (line, pixels) in rows.iter().enumerate() {
            for (side, column) in [at.saturating_sub(1), at, (at + 1).min(last)].into_iter().enumerate() {
                let centre = line == 1 && side == 1;
                let Some([r, g, b, a]) = pixels.get(column).filter(|_| !centre) else { continue };
                let alpha = u32::from(*a);
                for (sum, part) in sums.iter_mut().zip([*r, *g, *b, 1]) {
                    *sum += u32::from(part) * alpha;
                }
            }
        }
        let [r, g, b, weight] = sums;
        if weight == 0 {
            continue;
        }
        for ((sample, &value), sum) in out.iter_mut().zip(pixel).zip([r, g, b]) {
            // Eight times the mean, as if all neighbours were opaque.
            *sample = moved(value, ((8 * sum + weight / 2) / weight) as i32, strength);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::as_is;

    fn made(width: u32, channels: Channels, pixels: &[u8], strength: f64) -> Vec<u8> {
        let height = (pixels.len() / channels.count()) as u32 / width;
        let frame = Frame::new(width, height, channels, pixels.to_vec()).expect("whole rows");
        let plan = Plan { sharpen: Some(strength), ..as_is(width, height) };
        sharpen(frame, &plan).expect("a picture").into_pixels()
    }

    #[test]
    fn an_edge_gets_steeper_by_the_formula() {
        // Beside the edge three of eight neighbours are 60 away: 60 * 3 / 24 = 7.5 at strength 1.
        let edge = [100, 100, 160, 160].repeat(3);
        assert_eq!(made(4, Channels::Grey, &edge, 1.0), [100, 92, 168, 160].repeat(3));
        assert_eq!(made(4, Channels::Grey, &edge, 2.0), [100, 85, 175, 160].repeat(3));
        assert_eq!(made(4, Channels::Grey, &edge, 0.01), edge);
        let colored: Vec<u8> = edge.iter().flat_map(|&v| [v, 50, 200 - v]).collect();
        let sharp = made(4, Channels::Rgb, &colored, 1.0);
        assert_eq!(sharp[..12], [100, 50, 100, 92, 50, 108, 168, 50, 32, 160, 50, 40]);
    }

    #[test]
    fn a_point_follows_the_kernel() {
        // 32/24 of 120 in the middle, -1/24 of it around.
        let mut point = [10_u8; 25];
        point[12] = 130;
        let sharp = made(5, Channels::Grey, &point, 1.0);
        assert_eq!((sharp[12], sharp[11], sharp[6], sharp[0]), (170, 5, 5, 10));
        assert_eq!(made(1, Channels::Grey, &[77], 10.0), [77]);
    }

    #[test]
    fn opaque_pixels_are_sharpened_as_if_there_were_no_alpha() {
        let noise: Vec<u8> = (0..30_u32).map(|i| (i * i * 37 % 251) as u8).collect();
        let rgb: Vec<u8> = noise.iter().flat_map(|&v| [v, 255 - v, v / 2]).collect();
        let rgba: Vec<u8> = noise.iter().flat_map(|&v| [v, 255 - v, v / 2, 255]).collect();
        let without: Vec<u8> = made(6, Channels::Rgb, &rgb, 2.5);
        let with = made(6, Channels::Rgba, &rgba, 2.5);
        let colors: Vec<u8> = with.chunks(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
        assert_eq!(colors, without);
    }

    #[test]
    fn hidden_colours_do_not_show() {
        let row = |hidden: u8| [[hidden, 0, hidden, 0], [80, 90, 100, 255], [80, 90, 100, 128]].concat();
        for strength in [1.0, 10.0] {
            for hidden in [0, 255] {
                let sharp = made(3, Channels::Rgba, &row(hidden).repeat(3), strength);
                assert_eq!(sharp[4..12], [80, 90, 100, 255, 80, 90, 100, 128]);
                assert_eq!(sharp[3], 0);
            }
        }
    }
}
