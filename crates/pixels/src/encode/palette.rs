//! Pictures of at most 256 colours.

use super::cannot;
use crate::Fault;

/// A picture made of places in a palette.
#[derive(Debug)]
pub(super) struct Indexed {
    /// RGBA, 1 to 256.
    pub(super) palette: Vec<[u8; 4]>,
    /// A place in the palette for each pixel.
    pub(super) indices: Vec<u8>,
}

/// Slots of the table in which colours are looked up; a power of 2, four times the colours.
const SLOTS: usize = 1024;

/// The picture without any loss, if it has no more than `most` colours, at most 256, together with
/// those of `start`, which come first. Gives up at the first one that is too many.
pub(super) fn exact(
    pixels: impl Iterator<Item = [u8; 4]>,
    most: usize,
    start: &[[u8; 4]],
) -> Option<Indexed> {
    let mut known = Known { slots: [None; SLOTS], palette: Vec::new(), most: most.min(256) };
    for color in start {
        known.place(*color)?;
    }
    let indices = pixels.map(|color| known.place(color)).collect::<Option<Vec<u8>>>()?;
    Some(Indexed { palette: known.palette, indices })
}

struct Known {
    slots: [Option<u8>; SLOTS],
    palette: Vec<[u8; 4]>,
    most: usize,
}

impl Known {
    fn place(&mut self, color: [u8; 4]) -> Option<u8> {
        // The upper ten bits are below 1024; a quarter of the slots at most is taken.
        let mut slot = (u32::from_le_bytes(color).wrapping_mul(0x9E37_79B1) >> 22) as usize;
        while let Some(index) = self.slots[slot % SLOTS] {
            if self.palette.get(usize::from(index)) == Some(&color) {
                return Some(index);
            }
            slot += 1;
        }
        if self.palette.len() >= self.most {
            return None;
        }
        // At most 255.
        let index = self.palette.len() as u8;
        self.palette.push(color);
        self.slots[slot % SLOTS] = Some(index);
        Some(index)
    }
}

/// What a picture would be in fewer colours.
pub(super) struct Reduced<'a> {
    image: quantizr::Image<'a>,
    result: quantizr::QuantizeResult,
}

/// Chooses `most` colours, 2 to 256, for a picture in RGBA.
pub(super) fn reduce(rgba: &[u8], width: u32, height: u32, most: i32) -> Result<Reduced<'_>, Fault> {
    let refused = |_| cannot("a palette cannot be made");
    let image = quantizr::Image::new(rgba, width as usize, height as usize).map_err(refused)?;
    let mut options = quantizr::Options::default();
    options.set_max_colors(most).map_err(refused)?;
    let result = quantizr::QuantizeResult::quantize(&image, &options);
    Ok(Reduced { image, result })
}

impl Reduced<'_> {
    /// The mean over the pixels of the squared distance between a colour and its own in the palette,
    /// in steps of 8-bit samples.
    pub(super) fn error(&self) -> f32 {
        self.result.get_error()
    }

    /// The picture, with errors spread over the neighbours.
    pub(super) fn dithered(&self) -> Result<Indexed, Fault> {
        let mut indices = vec![0; self.image.width * self.image.height];
        self.result.remap_image(&self.image, &mut indices).map_err(|_| cannot("a palette cannot be used"))?;
        let found = self.result.get_palette();
        let entries = found.entries.iter().take(found.count as usize);
        Ok(Indexed { palette: entries.map(|color| [color.r, color.g, color.b, color.a]).collect(), indices })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_found_again() {
        let colors: Vec<[u8; 4]> = (0..=255).map(|n: u8| [n, n.wrapping_mul(7), 255 - n, n | 1]).collect();
        let made = exact(colors.iter().chain(colors.iter().rev()).copied(), 256, &[]).expect("256 colours");
        assert_eq!(made.palette, colors);
        let expected: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        assert_eq!(made.indices, expected);
        let after = exact(colors[250..].iter().copied(), 256, &colors[3..]).expect("all are known");
        assert_eq!((after.palette.as_slice(), after.indices[0]), (&colors[3..], 247));
        assert!(exact(colors.iter().copied(), 255, &[]).is_none());
        assert!(exact(colors.iter().copied().chain([[1, 1, 1, 0]]), 999, &[]).is_none());
    }

    #[test]
    fn reducing_keeps_close() {
        let rgba: Vec<u8> =
            (0..64 * 64).flat_map(|n: u32| [(n % 64 * 4) as u8, (n / 64 * 4) as u8, 90, 255]).collect();
        let reduced = reduce(&rgba, 64, 64, 256).expect("a palette");
        assert!((1.0..60.0).contains(&reduced.error()), "{}", reduced.error());
        let made = reduced.dithered().expect("pixels");
        assert!(made.palette.len() > 200 && made.palette.iter().all(|color| color[3] == 255));
        let sum = |pixels: &mut dyn Iterator<Item = u8>| pixels.map(u64::from).sum::<u64>();
        let mut back = made.indices.iter().map(|&index| made.palette[usize::from(index)][0]);
        let difference = sum(&mut back).abs_diff(sum(&mut rgba.iter().step_by(4).copied()));
        assert!(difference < 4096, "the mean differs by {difference} of 4096");
    }
}
