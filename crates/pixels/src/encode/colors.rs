//! How much a picture would lose with a quarter of its chroma.

use crate::frame::{Channels, Frame};

/// What the colours of a picture are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colors {
    /// As in most photographs: a quarter of the chroma will do.
    Plain,
    /// With many edges between strong colours, which are lost with a quarter of the chroma, as in many drawings.
    Strong,
}

/// Mean square of what the chroma of two by two pixels differs from its mean, in squared steps of a byte and both
/// components together, from which on the colours are strong. At 800 pixels the photographs that a quarter of the
/// chroma suits have at most 17, the drawings that it does not suit at least 26.
const STRONG: u64 = 21;

/// Pairs of rows that are looked at, at most.
const PAIRS: usize = 40;

/// Squared steps of a byte in which the differences are counted, four of a block and four times each.
const SCALE: u64 = 16 * 16 * 16;

impl Colors {
    /// Looks at some pairs of rows, evenly spread.
    pub(super) fn of(frame: &Frame) -> Colors {
        if frame.channels() != Channels::Rgb {
            return Colors::Plain;
        }
        let stride = frame.stride();
        let (mut sum, mut blocks) = (0, 0);
        let pairs = frame.pixels().chunks_exact(2 * stride);
        let every = pairs.len().div_ceil(PAIRS).max(1);
        for rows in pairs.step_by(every) {
            let (upper, lower) = rows.split_at(stride);
            let squares = upper.as_chunks::<6>().0.iter().zip(lower.as_chunks::<6>().0);
            blocks += (stride / 6) as u64;
            sum += squares.map(|(upper, lower)| u64::from(spread(upper, lower))).sum::<u64>();
        }
        if sum >= STRONG * SCALE * blocks.max(1) { Colors::Strong } else { Colors::Plain }
    }
}

/// How far the chroma of four pixels is spread: in units of [`SCALE`].
fn spread(upper: &[u8; 6], lower: &[u8; 6]) -> u32 {
    let [a, b, c, d, e, f] = upper.map(i32::from);
    let [g, h, i, j, k, l] = lower.map(i32::from);
    let pixels = [[a, b, c], [d, e, f], [g, h, i], [j, k, l]];
    // The chroma of JPEG, in sixteenths of a byte's step.
    let blue = pixels.map(|[r, g, b]| (128 * b - 43 * r - 85 * g) >> 4);
    let red = pixels.map(|[r, g, b]| (128 * r - 107 * g - 21 * b) >> 4);
    // Never negative, and below 2^28.
    [blue, red]
        .map(|of| 4 * of.map(|chroma| chroma * chroma).iter().sum::<i32>() - of.iter().sum::<i32>().pow(2))
        .iter()
        .sum::<i32>() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(wide: usize, [first, second]: [[u8; 3]; 2]) -> Colors {
        let rows =
            (0..16).flat_map(|_| (0..24).map(|x| if (x / wide).is_multiple_of(2) { first } else { second }));
        Colors::of(&Frame::new(24, 16, Channels::Rgb, rows.flatten().collect()).expect("a frame"))
    }

    #[test]
    fn edges_between_colours_are_strong() {
        let (red, green) = ([200, 30, 40], [40, 160, 50]);
        assert_eq!(stripes(1, [red, green]), Colors::Strong);
        assert_eq!(stripes(3, [red, green]), Colors::Strong);
        assert_eq!(stripes(24, [red, green]), Colors::Plain, "one colour");
        assert_eq!(stripes(1, [[20; 3], [250; 3]]), Colors::Plain, "edges of light alone");
        assert_eq!(stripes(1, [[120, 100, 90], [118, 104, 94]]), Colors::Plain, "weak colours");
    }

    #[test]
    fn small_and_grey_pictures_are_plain() {
        let frame = |width, height, channels: Channels| {
            let samples = (0..width * height * channels.count() as u32).map(|at| (at * 97) as u8).collect();
            Frame::new(width, height, channels, samples).expect("a frame")
        };
        assert_eq!(Colors::of(&frame(1, 9, Channels::Rgb)), Colors::Plain);
        assert_eq!(Colors::of(&frame(9, 1, Channels::Rgb)), Colors::Plain);
        assert_eq!(Colors::of(&frame(9, 9, Channels::Grey)), Colors::Plain);
    }

    #[test]
    fn the_furthest_colours_can_be_summed() {
        let (yellow, blue) = ([255, 255, 0], [0, 0, 255]);
        assert_eq!(stripes(1, [yellow, blue]), Colors::Strong);
    }
}
