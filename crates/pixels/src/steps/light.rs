//! Rows of linear light out of sRGB bytes, and back.

use super::taps::LANES;
use crate::frame::{Channels, Frame};
use crate::linear;
use std::ops::Range;

/// Full light, and the alpha of an opaque pixel.
const FULL: f32 = 65_535.0;

/// The picture as rows of light, premultiplied where there is an alpha. Where boxes are larger than a pixel it is
/// their mean.
pub(super) struct Light<'a> {
    frame: &'a Frame,
    /// Pixels of a box, in a row and in a column.
    boxes: (usize, usize),
    /// The boxes of a row that are wanted.
    columns: Range<usize>,
    table: [u16; 256],
    exact: [f32; 256],
    sums: Vec<u32>,
}

impl<'a> Light<'a> {
    /// `columns` are within the picture.
    pub(super) fn new(frame: &'a Frame, boxes: (usize, usize), columns: Range<usize>) -> Light<'a> {
        let table = linear::from_srgb();
        let sums = vec![0; columns.len() * frame.channels().count()];
        Light { frame, boxes, columns, table, exact: table.map(f32::from), sums }
    }

    /// Writes the light of the boxes of a row of them.
    #[inline(always)]
    pub(super) fn read(&mut self, row: usize, out: &mut [f32]) {
        match self.frame.channels() {
            Channels::Grey => self.read_samples::<1>(row, out),
            Channels::Rgb => self.read_samples::<3>(row, out),
            Channels::Rgba => self.read_samples::<4>(row, out),
        }
    }

    #[inline(always)]
    fn read_samples<const N: usize>(&mut self, row: usize, out: &mut [f32]) {
        let (wide, high) = self.boxes;
        let (left, right) = (self.columns.start * wide * N, self.columns.end * wide * N);
        let stride = self.frame.stride();
        let lines = self.frame.pixels().chunks_exact(stride).skip(row * high).take(high);
        let mut lines = lines.map(|line| line.get(left..right.min(stride)).unwrap_or_default());
        if self.boxes == (1, 1) {
            lines.next().into_iter().for_each(|line| self.exact::<N>(line, out));
            return;
        }
        self.sums.fill(0);
        let mut height = 0;
        for line in lines {
            match wide {
                2 => add::<N, 2>(line, &self.table, &mut self.sums),
                3 => add::<N, 3>(line, &self.table, &mut self.sums),
                4 => add::<N, 4>(line, &self.table, &mut self.sums),
                _ => add_any::<N>(line, wide, &self.table, &mut self.sums),
            }
            height += 1;
        }
        let last = self.frame.width() as usize - (self.columns.end - 1) * wide;
        let mean = |width: usize| 1.0 / (width * height) as f32;
        out.iter_mut().zip(&self.sums).for_each(|(out, &sum)| *out = sum as f32 * mean(wide));
        if last < wide {
            let inner = out.len() - N;
            let sums = self.sums.iter().skip(inner);
            out.iter_mut().skip(inner).zip(sums).for_each(|(out, &sum)| *out = sum as f32 * mean(last));
        }
    }

    /// The light of single pixels.
    #[inline(always)]
    fn exact<const N: usize>(&self, line: &[u8], out: &mut [f32]) {
        // 256 entries, so every byte is an index.
        let light = |byte: u8| self.exact[usize::from(byte)];
        if N < 4 {
            out.iter_mut().zip(line).for_each(|(out, &byte)| *out = light(byte));
            return;
        }
        for (out, &[r, g, b, a]) in out.as_chunks_mut::<4>().0.iter_mut().zip(line.as_chunks::<4>().0) {
            let part = f32::from(a) * (1.0 / 255.0);
            *out = [light(r) * part, light(g) * part, light(b) * part, f32::from(a) * (FULL / 255.0)];
        }
    }
}

/// Adds the light of a row of pixels, of which `W` fall into each box, to the sums of the boxes. A loop of a known
/// length takes half the time.
#[inline(always)]
fn add<const N: usize, const W: usize>(line: &[u8], table: &[u16; 256], sums: &mut [u32]) {
    let (boxes, rest) = line.as_chunks::<N>().0.as_chunks::<W>();
    let mut sums = sums.as_chunks_mut::<N>().0.iter_mut();
    for (pixels, sums) in boxes.iter().zip(sums.by_ref()) {
        pixels.iter().for_each(|pixel| add_pixel(pixel, table, sums));
    }
    if let Some(sums) = sums.next() {
        rest.iter().for_each(|pixel| add_pixel(pixel, table, sums));
    }
}

/// The same for any number of pixels in a box.
#[inline(always)]
fn add_any<const N: usize>(line: &[u8], wide: usize, table: &[u16; 256], sums: &mut [u32]) {
    for (pixels, sums) in line.as_chunks::<N>().0.chunks(wide).zip(sums.as_chunks_mut::<N>().0) {
        pixels.iter().for_each(|pixel| add_pixel(pixel, table, sums));
    }
}

#[inline(always)]
fn add_pixel<const N: usize>(pixel: &[u8; N], table: &[u16; 256], sums: &mut [u32; N]) {
    // 256 entries, so every byte is an index.
    let light = |byte: u8| table[usize::from(byte)];
    match (pixel.as_slice(), sums.as_mut_slice()) {
        (&[r, g, b, a], [red, green, blue, alpha]) => {
            let part = |byte: u8| u32::from(linear::premultiply(light(byte), a));
            *red += part(r);
            *green += part(g);
            *blue += part(b);
            *alpha += u32::from(a) * 257;
        }
        (pixel, sums) => sums.iter_mut().zip(pixel).for_each(|(sum, &byte)| *sum += u32::from(light(byte))),
    }
}

/// Light back to sRGB bytes.
pub(super) struct Writer {
    table: Box<[u8; linear::LIGHTS]>,
    indices: Vec<[u16; LANES]>,
}

impl Writer {
    /// For rows of so many samples.
    pub(super) fn new(samples: usize) -> Writer {
        Writer { table: linear::to_srgb(), indices: vec![[0; LANES]; samples] }
    }

    /// Writes as many rows as there are lanes, or fewer at the end; `stride` are the bytes of one.
    #[inline(always)]
    pub(super) fn write(
        &mut self,
        light: &mut [[f32; LANES]],
        channels: Channels,
        stride: usize,
        bytes: &mut [u8],
    ) {
        if channels == Channels::Rgba {
            light.as_chunks_mut::<4>().0.iter_mut().for_each(divide_alpha);
        }
        for (indices, light) in self.indices.iter_mut().zip(&*light) {
            // Lanczos overshoots beside edges.
            *indices = light.map(|light| nearest(light.clamp(0.0, FULL)));
        }
        for (lane, row) in bytes.chunks_exact_mut(stride).enumerate() {
            for (out, indices) in row.iter_mut().zip(&self.indices) {
                // A row for each lane at most, and an entry for each index.
                *out = self.table[usize::from(indices[lane])];
            }
        }
        if channels == Channels::Rgba {
            self.write_alpha(stride, bytes);
        }
    }

    /// Light is coded by a curve, opacity is not.
    #[inline(always)]
    fn write_alpha(&self, stride: usize, bytes: &mut [u8]) {
        for (lane, row) in bytes.chunks_exact_mut(stride).enumerate() {
            let pixels = row.as_chunks_mut::<4>().0.iter_mut().zip(self.indices.as_chunks::<4>().0);
            for (pixel, [.., alphas]) in pixels {
                let [red, green, blue, _] = *pixel;
                // At most 255, of a row for each lane at most.
                let alpha = ((u32::from(alphas[lane]) + 128) / 257) as u8;
                *pixel = if alpha == 0 { [0; 4] } else { [red, green, blue, alpha] };
            }
        }
    }
}

/// The nearest whole number to one of at most 65,535. In floating point of 32 bits the last digits of what is
/// added to 2^23 are those of whole numbers.
#[inline(always)]
fn nearest(light: f32) -> u16 {
    const WHOLE: f32 = 8_388_608.0;
    (light + WHOLE).to_bits() as u16
}

/// Divides the colours of a pixel by its alpha, which may be above full as they are.
#[inline(always)]
fn divide_alpha([red, green, blue, alpha]: &mut [[f32; LANES]; 4]) {
    let factors = alpha.map(|alpha| FULL / alpha.max(1.0));
    for color in [red, green, blue] {
        color.iter_mut().zip(&factors).for_each(|(light, factor)| *light *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_beyond_opaque_keeps_its_colour() {
        // Opaque, a tenth above it, and half of it: grey of half the light each time.
        let mut light = Vec::new();
        for factor in [1.0, 1.1, 0.5] {
            light.extend([0.5, 0.5, 0.5, 1.0].map(|part| [FULL * part * factor; LANES]));
        }
        let mut out = [0; 12 * LANES];
        Writer::new(12).write(&mut light, Channels::Rgba, 12, &mut out);
        for row in out.as_chunks::<12>().0 {
            assert_eq!(row, &[188, 188, 188, 255, 188, 188, 188, 255, 188, 188, 188, 128]);
        }
    }
}
