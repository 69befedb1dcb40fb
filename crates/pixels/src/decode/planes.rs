//! Planes of luma and chroma to pixels.
//!
//! Chroma that has fewer samples than luma is taken to lie in the middle of the pixels that it stands
//! for and is interpolated linearly, as browsers do. Everything is computed in floating point and
//! rounded once, row by row.

use super::{Pixels, WidePicture, corrupt};
use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
use crate::probe::heif::{Crop, Nclx};

/// Which samples a picture has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    Mono,
    Half,
    HalfColumns,
    Full,
}

impl Sampling {
    /// By how much chroma has fewer columns and rows, as powers of two.
    fn shifts(self) -> (u32, u32) {
        match self {
            Sampling::Half => (1, 1),
            Sampling::HalfColumns => (1, 0),
            Sampling::Mono | Sampling::Full => (0, 0),
        }
    }

    /// Columns and rows of a plane.
    fn size(self, plane: usize, width: usize, height: usize) -> (usize, usize) {
        let (x, y) = self.shifts();
        match plane {
            0 => (width, height),
            _ if self == Sampling::Mono => (0, 0),
            _ => (width.div_ceil(1 << x), height.div_ceil(1 << y)),
        }
    }
}

/// A picture in planes: rows from the top, without padding.
#[derive(Clone, Debug)]
pub(super) struct Planar {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Bits of a luma sample, 8 to 16.
    pub(super) depth: u8,
    /// Bits of a chroma sample.
    pub(super) chroma_depth: u8,
    pub(super) sampling: Sampling,
    /// Luma, blue-yellow, red-green: as many as the sampling asks for.
    pub(super) planes: [Vec<u16>; 3],
    /// What the bitstream says of its colours.
    pub(super) color: Option<Nclx>,
}

impl Planar {
    /// A black picture of the kind of another.
    pub(super) fn canvas(&self, width: usize, height: usize) -> Planar {
        let plane = |index| {
            let (columns, rows) = self.sampling.size(index, width, height);
            vec![0; columns * rows]
        };
        Planar { width, height, planes: [plane(0), plane(1), plane(2)], ..*self }
    }

    /// The luma alone, which is all that counts of transparency.
    pub(super) fn into_luma(mut self) -> Planar {
        self.sampling = Sampling::Mono;
        self.planes = [std::mem::take(&mut self.planes[0]), Vec::new(), Vec::new()];
        self
    }

    /// Copies a tile to a place; what hangs over is cut off.
    pub(super) fn place(&mut self, tile: &Planar, left: usize, top: usize) -> Result<(), Fault> {
        let alike = (tile.depth, tile.chroma_depth) == (self.depth, self.chroma_depth);
        let (x, y) = self.sampling.shifts();
        let whole = left.is_multiple_of(1 << x) && top.is_multiple_of(1 << y);
        if !alike || tile.sampling != self.sampling || !whole {
            return Err(corrupt("its tiles do not fit each other"));
        }
        for (index, (plane, part)) in self.planes.iter_mut().zip(&tile.planes).enumerate() {
            let (columns, _) = self.sampling.size(index, self.width, self.height);
            let (part_columns, _) = tile.sampling.size(index, tile.width, tile.height);
            if columns == 0 || part_columns == 0 {
                continue;
            }
            let (x, y) = if index == 0 { (0, 0) } else { (x, y) };
            let rows = plane.chunks_exact_mut(columns).skip(top >> y);
            for (row, source) in rows.zip(part.chunks_exact(part_columns)) {
                let place = row.get_mut(left >> x..).unwrap_or_default();
                for (sample, value) in place.iter_mut().zip(source) {
                    *sample = *value;
                }
            }
        }
        Ok(())
    }

    /// Whether the planes have as many samples as they should.
    pub(super) fn is_whole(&self) -> bool {
        self.planes.iter().enumerate().all(|(index, plane)| {
            let (columns, rows) = self.sampling.size(index, self.width, self.height);
            plane.len() == columns * rows
        })
    }

    fn row(&self, plane: usize, row: usize) -> &[u16] {
        let (columns, _) = self.sampling.size(plane, self.width, self.height);
        let samples = self.planes.get(plane).map_or(&[][..], Vec::as_slice);
        samples.get(row * columns..(row + 1) * columns).unwrap_or_default()
    }
}

/// How luma and chroma come to red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Model {
    /// The planes are green, blue and red.
    Identity,
    /// Luma, green-magenta, orange-blue.
    GreenOrange,
    /// The weights of red and blue in luma.
    Weights(f32, f32),
}

/// The matrices of ITU-T H.273. Unspecified is BT.601, which writers of still pictures mean.
fn model(color: Nclx) -> Result<Model, Fault> {
    Ok(match color.matrix {
        0 => Model::Identity,
        1 => Model::Weights(0.2126, 0.0722),
        4 => Model::Weights(0.30, 0.11),
        2 | 3 | 5 | 6 => Model::Weights(0.299, 0.114),
        7 => Model::Weights(0.212, 0.087),
        8 => Model::GreenOrange,
        9 => Model::Weights(0.2627, 0.0593),
        // From the primaries.
        12 => match color.primaries {
            9 => Model::Weights(0.2627, 0.0593),
            11 | 12 => Model::Weights(0.228_973, 0.079_287),
            _ => Model::Weights(0.2126, 0.0722),
        },
        _ => return Err(corrupt("its colours are coded in a way that is not supported")),
    })
}

/// How a sample becomes a number from 0 to 1, or of chroma from -0.5 to 0.5.
#[derive(Clone, Copy)]
struct Scale {
    zero: f32,
    factor: f32,
}

impl Scale {
    fn luma(depth: u8, full: bool) -> Scale {
        let unit = f32::from(1_u16 << (depth - 8));
        if full {
            Scale { zero: 0.0, factor: 1.0 / (unit * 256.0 - 1.0) }
        } else {
            Scale { zero: 16.0 * unit, factor: 1.0 / (219.0 * unit) }
        }
    }

    fn chroma(depth: u8, full: bool) -> Scale {
        let unit = f32::from(1_u16 << (depth - 8));
        let range = if full { unit * 256.0 - 1.0 } else { 224.0 * unit };
        Scale { zero: 128.0 * unit, factor: 1.0 / range }
    }

    fn of(self, sample: f32) -> f32 {
        (sample - self.zero) * self.factor
    }
}

/// What is made of the planes besides their colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) color: Nclx,
    pub(super) crop: Option<Crop>,
    pub(super) premultiplied: bool,
}

/// Turns planes into pixels: of 8 bits if no plane has more, else wide ones.
pub(super) fn pixels(main: &Planar, alpha: Option<&Planar>, look: &Look) -> Result<Pixels, Fault> {
    let valid = |planar: &Planar| {
        let depths = 8..=16;
        planar.is_whole() && depths.contains(&planar.depth) && depths.contains(&planar.chroma_depth)
    };
    let fits = |alpha: &Planar| (alpha.width, alpha.height) == (main.width, main.height) && valid(alpha);
    if !valid(main) || !alpha.is_none_or(fits) {
        return Err(corrupt("its planes do not fit each other"));
    }
    let deep = main.depth.max(main.chroma_depth).max(alpha.map_or(8, |alpha| alpha.depth)) > 8;
    let channels = match (alpha, main.sampling) {
        (Some(_), _) => Channels::Rgba,
        (None, Sampling::Mono) => Channels::Grey,
        (None, _) => Channels::Rgb,
    };
    let whole = Crop {
        left: 0,
        top: 0,
        width: u32::try_from(main.width).unwrap_or(0),
        height: u32::try_from(main.height).unwrap_or(0),
    };
    let crop = look.crop.unwrap_or(whole);
    let rows = Rows { main, alpha, look, model: model(look.color)?, channels, crop };
    let (width, height) = (crop.width, crop.height);
    if deep {
        // A cast to an integer ends at its bounds.
        let samples = rows.collect(|value| (value * 65_535.0 + 0.5) as u16);
        Ok(Pixels::Wide(WidePicture { width, height, channels, samples }))
    } else {
        let pixels = rows.collect(|value| (value * 255.0 + 0.5) as u8);
        let frame = Frame::new(width, height, channels, pixels);
        frame.map(Pixels::Frame).ok_or_else(|| corrupt("it has too few pixels"))
    }
}

struct Rows<'a> {
    main: &'a Planar,
    alpha: Option<&'a Planar>,
    look: &'a Look,
    model: Model,
    channels: Channels,
    crop: Crop,
}

impl Rows<'_> {
    fn collect<T: Copy + Default>(&self, round: impl Fn(f32) -> T) -> Vec<T> {
        let samples = self.channels.count();
        let mut out = vec![T::default(); byte_count(self.crop.width, self.crop.height, samples)];
        let width = self.main.width;
        let mut rgb = [vec![0.0; width], vec![0.0; width], vec![0.0; width]];
        let mut alpha = vec![1.0; width];
        let (left, top) = (self.crop.left as usize, self.crop.top as usize);
        for (index, row) in out.chunks_exact_mut(self.crop.width as usize * samples).enumerate() {
            self.color_row(top + index, &mut rgb);
            if let Some(plane) = self.alpha {
                let full = plane.color.is_none_or(|color| color.full_range);
                let scale = Scale::luma(plane.depth, full);
                for (value, &sample) in alpha.iter_mut().zip(plane.row(0, top + index)) {
                    *value = scale.of(f32::from(sample)).clamp(0.0, 1.0);
                }
                if self.look.premultiplied {
                    divide(&mut rgb, &alpha);
                }
            }
            let [r, g, b] = &rgb;
            let colors = r.iter().zip(g).zip(b).zip(&alpha).skip(left);
            for (pixel, (((r, g), b), alpha)) in row.chunks_exact_mut(samples).zip(colors) {
                for (sample, value) in pixel.iter_mut().zip([r, g, b, alpha]) {
                    *sample = round(*value);
                }
            }
        }
        out
    }

    /// The colours of a row, from 0 to 1 but for overshoots.
    fn color_row(&self, row: usize, rgb: &mut [Vec<f32>; 3]) {
        let full = self.look.color.full_range;
        let luma = Scale::luma(self.main.depth, full);
        let [first, second, third] = rgb;
        for (value, &sample) in first.iter_mut().zip(self.main.row(0, row)) {
            *value = luma.of(f32::from(sample));
        }
        if self.main.sampling == Sampling::Mono {
            second.copy_from_slice(first);
            third.copy_from_slice(first);
            return;
        }
        let chroma = match self.model {
            Model::Identity => Scale::luma(self.main.chroma_depth, full),
            _ => Scale::chroma(self.main.chroma_depth, full),
        };
        self.chroma_row(1, row, second);
        self.chroma_row(2, row, third);
        let pixels = first.iter_mut().zip(second.iter_mut()).zip(third.iter_mut());
        for ((a, b), c) in pixels {
            let (y, u, v) = (*a, chroma.of(*b), chroma.of(*c));
            (*a, *b, *c) = match self.model {
                Model::Identity => (v, y, u),
                Model::GreenOrange => (y - u + v, y + u, y - u - v),
                Model::Weights(kr, kb) => {
                    let (r, b) = (y + 2.0 * (1.0 - kr) * v, y + 2.0 * (1.0 - kb) * u);
                    (r, (y - kr * r - kb * b) / (1.0 - kr - kb), b)
                }
            };
        }
    }

    /// Chroma samples for every pixel of a row.
    fn chroma_row(&self, plane: usize, row: usize, out: &mut [f32]) {
        let (x, y) = self.main.sampling.shifts();
        let (_, rows) = self.main.sampling.size(plane, self.main.width, self.main.height);
        let near = row >> y;
        let far = match (y, row & 1) {
            (0, _) => near,
            (_, 0) => near.saturating_sub(1),
            _ => (near + 1).min(rows.saturating_sub(1)),
        };
        let (near, far) = (self.main.row(plane, near), self.main.row(plane, far));
        let mixed = near.iter().zip(far).map(|(&a, &b)| 0.75 * f32::from(a) + 0.25 * f32::from(b));
        if x == 0 {
            out.iter_mut().zip(mixed).for_each(|(out, value)| *out = value);
            return;
        }
        // Two pixels lie around each sample, a quarter of the way to its neighbours.
        let mut mixed = mixed.peekable();
        let mut before = mixed.peek().copied().unwrap_or_default();
        for pair in out.chunks_mut(2) {
            let this = mixed.next().unwrap_or(before);
            let after = mixed.peek().copied().unwrap_or(this);
            for (out, other) in pair.iter_mut().zip([before, after]) {
                *out = 0.75 * this + 0.25 * other;
            }
            before = this;
        }
    }
}

/// Divides colours by their alpha.
fn divide(rgb: &mut [Vec<f32>; 3], alpha: &[f32]) {
    for plane in rgb {
        for (value, &alpha) in plane.iter_mut().zip(alpha) {
            *value = if alpha > 0.0 { *value / alpha } else { 0.0 };
        }
    }
}

#[cfg(test)]
#[path = "planes_tests.rs"]
mod tests;
