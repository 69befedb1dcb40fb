//! Luma and chroma of pixels: BT.601 with full range, each sample the exact value rounded to the
//! nearest, halves upwards.

use crate::{Chroma, Layout, Source};

/// One plane of samples, a byte each, without padding between rows: as many as its columns times its
/// rows, of both of which there is one at least. `native` relies on that, so the fields are private to
/// this file.
pub(crate) struct Plane {
    samples: Vec<u8>,
    columns: usize,
    rows: usize,
}

impl Plane {
    fn new(samples: Vec<u8>, columns: usize, rows: usize) -> Self {
        debug_assert!(columns * rows == samples.len() && !samples.is_empty());
        Self { samples, columns, rows }
    }

    pub(crate) fn samples(&self) -> &[u8] {
        &self.samples
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
}

/// The picture that AV1 gets: luma, and both planes of chroma unless it has no colours. These have the
/// size of luma, or half of it, rounded up, in both directions.
pub(crate) struct Planes {
    luma: Plane,
    chroma: Option<(Chroma, Plane, Plane)>,
}

impl Planes {
    /// Luma and chroma. Opacity is passed over, and luma without colours is taken as it is.
    pub(crate) fn colour(source: &Source<'_>, chroma: Chroma) -> Self {
        let (columns, rows) = (source.columns, source.rows);
        match source.layout {
            Layout::Grey => Self { luma: Plane::new(source.pixels.to_vec(), columns, rows), chroma: None },
            Layout::Rgb => convert(source.pixels.as_chunks::<3>().0, columns, rows, chroma),
            Layout::Rgba => convert(source.pixels.as_chunks::<4>().0, columns, rows, chroma),
        }
    }

    /// The opacity of every pixel as luma, or nothing if all pixels are opaque.
    pub(crate) fn opacity(source: &Source<'_>) -> Option<Self> {
        if source.layout != Layout::Rgba {
            return None;
        }
        let (pixels, _) = source.pixels.as_chunks::<4>();
        if pixels.iter().all(|pixel| pixel[3] == u8::MAX) {
            return None;
        }
        let samples = pixels.iter().map(|pixel| pixel[3]).collect();
        Some(Self { luma: Plane::new(samples, source.columns, source.rows), chroma: None })
    }

    pub(crate) fn luma(&self) -> &Plane {
        &self.luma
    }

    pub(crate) fn chroma(&self) -> Option<(Chroma, &Plane, &Plane)> {
        self.chroma.as_ref().map(|(chroma, blue, red)| (*chroma, blue, red))
    }
}

fn convert<const N: usize>(pixels: &[[u8; N]], columns: usize, rows: usize, chroma: Chroma) -> Planes {
    let luma = Plane::new(pixels.iter().map(luma).collect(), columns, rows);
    let (columns, rows, blue, red) = match chroma {
        Chroma::Yuv444 => {
            let blue = pixels.iter().map(|pixel| blue_chroma::<1>(sums(pixel))).collect();
            let red = pixels.iter().map(|pixel| red_chroma::<1>(sums(pixel))).collect();
            (columns, rows, blue, red)
        }
        Chroma::Yuv420 => {
            let (half_columns, half_rows) = (columns.div_ceil(2), rows.div_ceil(2));
            let mut blue = Vec::with_capacity(half_columns * half_rows);
            let mut red = Vec::with_capacity(half_columns * half_rows);
            for pair in pixels.chunks(columns * 2) {
                let (upper, lower) = pair.split_at(columns);
                // The last row of an odd number stands for both.
                let lower = if lower.is_empty() { upper } else { lower };
                halve(upper, lower, &mut blue, &mut red);
            }
            (half_columns, half_rows, blue, red)
        }
    };
    let chroma = (chroma, Plane::new(blue, columns, rows), Plane::new(red, columns, rows));
    Planes { luma, chroma: Some(chroma) }
}

/// Appends the chroma of two rows, a sample for two by two pixels. The last pixel of an odd number
/// stands for two.
fn halve<const N: usize>(upper: &[[u8; N]], lower: &[[u8; N]], blue: &mut Vec<u8>, red: &mut Vec<u8>) {
    let (upper_pairs, upper_rest) = upper.as_chunks::<2>();
    let (lower_pairs, lower_rest) = lower.as_chunks::<2>();
    let sum = |[a, b]: &[[u8; N]; 2], [c, d]: &[[u8; N]; 2]| {
        let (a, b, c, d) = (sums(a), sums(b), sums(c), sums(d));
        [a[0] + b[0] + c[0] + d[0], a[1] + b[1] + c[1] + d[1], a[2] + b[2] + c[2] + d[2]]
    };
    let pairs = || upper_pairs.iter().zip(lower_pairs);
    blue.extend(pairs().map(|(upper, lower)| blue_chroma::<4>(sum(upper, lower))));
    red.extend(pairs().map(|(upper, lower)| red_chroma::<4>(sum(upper, lower))));
    if let ([upper], [lower]) = (upper_rest, lower_rest) {
        let last = sum(&[*upper, *upper], &[*lower, *lower]);
        blue.push(blue_chroma::<4>(last));
        red.push(red_chroma::<4>(last));
    }
}

fn sums<const N: usize>(pixel: &[u8; N]) -> [u32; 3] {
    [pixel[0].into(), pixel[1].into(), pixel[2].into()]
}

/// 0.299 R + 0.587 G + 0.114 B.
fn luma<const N: usize>(pixel: &[u8; N]) -> u8 {
    let [red, green, blue] = sums(pixel);
    ((299 * red + 587 * green + 114 * blue + 500) / 1000) as u8
}

/// 128 + (B - Y) / 1.772 of the mean of `COUNT` pixels, from the sums of their samples.
fn blue_chroma<const COUNT: u32>([red, green, blue]: [u32; 3]) -> u8 {
    let whole = 1772 * COUNT;
    // 128.5 instead of 128 rounds to the nearest. It is also more than what is subtracted. The one
    // value that rounds to 256 is that of pure blue.
    ((128 * whole + whole / 2 + 886 * blue - 299 * red - 587 * green) / whole).min(255) as u8
}

/// 128 + (R - Y) / 1.402 of the mean of `COUNT` pixels, from the sums of their samples.
fn red_chroma<const COUNT: u32>([red, green, blue]: [u32; 3]) -> u8 {
    let whole = 1402 * COUNT;
    ((128 * whole + whole / 2 + 701 * red - 587 * green - 114 * blue) / whole).min(255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a sample is next to the exact value, by another way of computing it.
    fn is_nearest(sample: u8, exact: f64) -> bool {
        let exact = exact.min(255.0);
        (f64::from(sample) - exact).abs() <= 0.5 + 1e-9
    }

    fn exact([red, green, blue]: [f64; 3]) -> [f64; 3] {
        let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
        [luma, 128.0 + (blue - luma) / 1.772, 128.0 + (red - luma) / 1.402]
    }

    #[test]
    fn every_colour_is_rounded_to_the_nearest() {
        for colour in 0..1_u32 << 24 {
            let [red, green, blue, _] = colour.to_le_bytes();
            let pixel = [red, green, blue];
            let exact = exact(pixel.map(f64::from));
            let found = [luma(&pixel), blue_chroma::<1>(sums(&pixel)), red_chroma::<1>(sums(&pixel))];
            for (found, exact) in found.into_iter().zip(exact) {
                assert!(is_nearest(found, exact), "{pixel:?}: {found} for {exact}");
            }
        }
    }

    #[test]
    fn every_mean_of_four_is_rounded_to_the_nearest() {
        // All sums of four samples of red and blue, with some of green between them.
        for red in 0..=1020 {
            for blue in 0..=1020 {
                let green = (red * 7 + blue * 13) % 1021;
                let sums = [red, green, blue];
                let exact = exact(sums.map(|sum| f64::from(sum) / 4.0));
                let found = [blue_chroma::<4>(sums), red_chroma::<4>(sums)];
                assert!(is_nearest(found[0], exact[1]) && is_nearest(found[1], exact[2]), "{sums:?}");
            }
        }
    }

    #[test]
    fn edges_of_odd_pictures_are_means_of_what_is_there() {
        for (columns, rows) in [(1, 1), (1, 2), (2, 1), (3, 2), (2, 3), (5, 7)] {
            let pixel = |at: usize| [at * 37 % 256, at * 101 % 256, at * 59 % 256].map(|sample| sample as u8);
            let pixels: Vec<[u8; 3]> = (0..columns * rows).map(pixel).collect();
            let planes = convert(&pixels, columns, rows, Chroma::Yuv420);
            let (_, blue, red) = planes.chroma().expect("colours");
            for y in 0..rows.div_ceil(2) {
                for x in 0..columns.div_ceil(2) {
                    let (right, below) = (columns.min(x * 2 + 2), rows.min(y * 2 + 2));
                    let places = || (y * 2..below).flat_map(|y| (x * 2..right).map(move |x| y * columns + x));
                    let mean = [0, 1, 2].map(|sample| {
                        let sum: f64 = places().map(|at| f64::from(pixels[at][sample])).sum();
                        sum / places().count() as f64
                    });
                    let [_, exact_blue, exact_red] = exact(mean);
                    let at = y * columns.div_ceil(2) + x;
                    assert!(is_nearest(blue.samples()[at], exact_blue), "{columns}x{rows} {x},{y}");
                    assert!(is_nearest(red.samples()[at], exact_red), "{columns}x{rows} {x},{y}");
                }
            }
        }
    }
}
