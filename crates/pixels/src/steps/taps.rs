//! What each pixel of a scaled picture takes of those it is made of, along one axis, and the sums of it.

use std::f64::consts::PI;
use std::ops::Range;

/// Rows that are summed at once along the horizontal axis, as many as a register of every processor holds. Of each
/// sample there are so many side by side.
pub(super) const LANES: usize = 4;

/// How the weight of a source pixel falls with its distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Lanczos with three lobes.
    Lanczos,
    /// The cubic of Catmull and Rom.
    CatmullRom,
}

impl Kernel {
    /// The distance from which on a pixel weighs nothing, in source pixels at scale 1.
    const fn reach(self) -> f64 {
        match self {
            Kernel::Lanczos => 3.0,
            Kernel::CatmullRom => 2.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
        match self {
            _ if x >= self.reach() => 0.0,
            Kernel::Lanczos => sinc(x) * sinc(x / 3.0),
            Kernel::CatmullRom if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Kernel::CatmullRom => ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0,
        }
    }
}

/// For each pixel of the result along an axis the first source pixel that it takes something of, and the weights
/// of that and the next ones. The weights of a pixel have a sum of 1.
pub(super) struct Taps {
    starts: Vec<usize>,
    weights: Vec<f32>,
    count: usize,
}

impl Taps {
    /// Of `sources` source pixels the span of `length` from `from`, brought to `targets` pixels.
    pub(super) fn new(kernel: Kernel, from: f64, length: f64, targets: usize, sources: usize) -> Taps {
        let scale = length / targets as f64;
        let stretch = scale.max(1.0);
        let reach = kernel.reach() * stretch;
        let count = ((2.0 * reach).ceil() as usize).min(sources);
        let mut taps = Taps { starts: Vec::with_capacity(targets), weights: Vec::new(), count };
        taps.weights.reserve_exact(targets * count);
        let mut of_one = Vec::with_capacity(count);
        for target in 0..targets {
            let center = from + (target as f64 + 0.5) * scale;
            // Negative numbers become 0.
            let start = ((center - reach - 0.5).ceil() as usize).min(sources - count);
            let weight = |source: usize| kernel.weight((source as f64 + 0.5 - center) / stretch);
            of_one.clear();
            of_one.extend((start..start + count).map(weight));
            let sum: f64 = of_one.iter().sum();
            taps.starts.push(start);
            taps.weights.extend(of_one.iter().map(|weight| (weight / sum) as f32));
        }
        taps
    }

    /// Source pixels that one pixel of the result takes something of, at most.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The source pixels that are taken at all.
    pub(super) fn sources(&self) -> Range<usize> {
        let last = self.starts.last().copied().unwrap_or_default();
        self.first()..last + self.count
    }

    fn first(&self) -> usize {
        self.starts.first().copied().unwrap_or_default()
    }

    /// Of each pixel of the result the first source pixel, counted from the first that is taken at all, and the
    /// weights.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let first = self.first();
        self.starts.iter().map(move |start| start - first).zip(self.weights.chunks_exact(self.count))
    }
}

/// Rows of light, of which the last few are kept.
pub(super) struct Rows {
    samples: Vec<f32>,
    /// Samples of a row.
    width: usize,
    /// Rows that are kept.
    kept: usize,
}

impl Rows {
    pub(super) fn new(width: usize, kept: usize) -> Rows {
        Rows { samples: vec![0.0; width * kept], width, kept }
    }

    /// The row of this number, to be written in the place of an older one.
    pub(super) fn place(&mut self, number: usize) -> &mut [f32] {
        let start = number % self.kept * self.width;
        self.samples.get_mut(start..start + self.width).unwrap_or_default()
    }

    fn row(&self, number: usize) -> &[f32] {
        let start = number % self.kept * self.width;
        self.samples.get(start..start + self.width).unwrap_or_default()
    }

    /// The weighted sum of the rows from `start` on.
    #[inline(always)]
    pub(super) fn sum(&self, start: usize, weights: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        let (fours, rest) = weights.as_chunks::<4>();
        let mut number = start;
        for &[a, b, c, d] in fours {
            let (first, second) = (self.row(number).iter(), self.row(number + 1));
            let (third, fourth) = (self.row(number + 2), self.row(number + 3));
            let rows = first.zip(second).zip(third).zip(fourth);
            for (sum, (((p, q), r), s)) in out.iter_mut().zip(rows) {
                *sum += (a * p + b * q) + (c * r + d * s);
            }
            number += 4;
        }
        for (weight, number) in rest.iter().zip(number..) {
            out.iter_mut().zip(self.row(number)).for_each(|(sum, light)| *sum += weight * light);
        }
    }
}

/// Puts the samples of rows that lie one after the other side by side.
#[inline(always)]
pub(super) fn side_by_side(rows: &[f32], lanes: &mut [[f32; LANES]]) {
    let (first, rest) = rows.split_at(lanes.len());
    let (second, rest) = rest.split_at(lanes.len());
    let (third, fourth) = rest.split_at(lanes.len());
    let rows = first.iter().zip(second).zip(third).zip(fourth);
    lanes.iter_mut().zip(rows).for_each(|(lanes, (((a, b), c), d))| *lanes = [*a, *b, *c, *d]);
}

/// The weighted sums of pixels of `N` samples along rows, of as many rows as there are lanes.
#[inline(always)]
pub(super) fn along<const N: usize>(rows: &[[f32; LANES]], taps: &Taps, out: &mut [[f32; LANES]]) {
    let pixels = rows.as_chunks::<N>().0;
    for (out, (start, weights)) in out.as_chunks_mut::<N>().0.iter_mut().zip(taps.iter()) {
        let mut sums = [[0.0; LANES]; N];
        for (pixel, weight) in pixels.iter().skip(start).zip(weights) {
            for (sums, lights) in sums.iter_mut().zip(pixel) {
                sums.iter_mut().zip(lights).for_each(|(sum, light)| *sum += weight * light);
            }
        }
        *out = sums;
    }
}
