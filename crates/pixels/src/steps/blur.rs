//! Gaussian blur, as three box blurs in linear light with premultiplied alpha.
//!
//! The boxes have fractional ends, so that the variance is exact for every strength. Time hardly
//! depends on the strength.

use crate::Fault;
use crate::frame::{Channels, Frame};
use crate::linear;
use crate::plan::Plan;

/// Samples that go through the vertical pass together; one strip stays in the processor's cache.
const LANES: usize = 16;

/// Blurs the picture if the plan says so. The border pixels count on beyond the border.
pub(super) fn blur(mut frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    let Some(sigma) = plan.blur else { return Ok(frame) };
    let kernel = Kernel::new(sigma);
    let samples = frame.channels().count();
    let stride = frame.stride();
    let mut light = to_linear(&frame);
    let mut scratch = Scratch::default();
    for row in light.chunks_exact_mut(stride) {
        kernel.run(row, samples, &mut scratch);
    }
    let mut strip = Vec::new();
    for column in (0..stride).step_by(LANES) {
        let lanes = LANES.min(stride - column);
        strip.clear();
        for row in light.chunks_exact(stride) {
            strip.extend(row.iter().skip(column).take(lanes));
        }
        kernel.run(&mut strip, lanes, &mut scratch);
        for (row, blurred) in light.chunks_exact_mut(stride).zip(strip.chunks_exact(lanes)) {
            for (sample, value) in row.iter_mut().skip(column).zip(blurred) {
                *sample = *value;
            }
        }
    }
    linear::write_srgb(&light, samples, &linear::to_srgb(), frame.pixels_mut());
    Ok(frame)
}

fn to_linear(frame: &Frame) -> Vec<u16> {
    let table = linear::from_srgb();
    let light = |byte: u8| table[usize::from(byte)]; // 256 entries, so every byte is an index.
    match frame.channels() {
        Channels::Grey | Channels::Rgb => frame.pixels().iter().map(|&byte| light(byte)).collect(),
        Channels::Rgba => {
            let pixels = frame.pixels().as_chunks::<4>().0.iter();
            pixels
                .flat_map(|&[r, g, b, a]| {
                    let [r, g, b] = [r, g, b].map(|byte| linear::premultiply(light(byte), a));
                    [r, g, b, u16::from(a) * 257]
                })
                .collect()
        }
    }
}

/// Buffers that every line uses again.
#[derive(Default)]
struct Scratch {
    from: Vec<u16>,
    to: Vec<u16>,
    sums: Vec<u32>,
}

/// A box of `2 * radius + 1` samples, and at each end one more that counts for `end`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kernel {
    radius: usize,
    end: f32,
}

impl Kernel {
    /// The box whose variance is a third of `sigma` squared. Three in a row have that of `sigma`.
    fn new(sigma: f64) -> Kernel {
        let variance = sigma * sigma / 3.0;
        let length = (12.0 * variance + 1.0).sqrt();
        let radius = ((length - 1.0) / 2.0).floor().max(0.0);
        let end = (2.0 * radius + 1.0) * (radius * (radius + 1.0) - 3.0 * variance)
            / (6.0 * (variance - (radius + 1.0) * (radius + 1.0)));
        Kernel { radius: radius as usize, end: end.clamp(0.0, 1.0) as f32 }
    }

    /// Blurs a line in which `lanes` samples belong to each place.
    fn run(&self, line: &mut [u16], lanes: usize, scratch: &mut Scratch) {
        // As far as three boxes reach, the line goes on with its ends. Each pass for itself would
        // repeat ends that are blurred already.
        let reach = 3 * (self.radius + 1);
        let (first, last) = (line.chunks(lanes).next(), line.chunks(lanes).next_back());
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        let Scratch { from, to, sums } = scratch;
        from.clear();
        (0..reach).for_each(|_| from.extend_from_slice(first));
        from.extend_from_slice(line);
        (0..reach).for_each(|_| from.extend_from_slice(last));
        to.resize(from.len(), 0);
        for _ in 0..3 {
            self.pass(from, to, lanes, sums);
            std::mem::swap(from, to);
        }
        for (sample, blurred) in line.iter_mut().zip(from.iter().skip(reach * lanes)) {
            *sample = *blurred;
        }
    }

    fn pass(&self, from: &[u16], to: &mut [u16], lanes: usize, sums: &mut Vec<u32>) {
        let places = from.len() / lanes;
        let last = places.saturating_sub(1);
        let radius = self.radius;
        let at = |place: usize| from.get(place * lanes..(place + 1) * lanes).unwrap_or_default();
        sums.clear();
        // The box is at most 251 long, so that sums of 16-bit samples fit 32 bits.
        sums.extend(at(0).iter().map(|&first| u32::from(first) * (radius as u32 + 1)));
        for ahead in 1..=radius {
            for (sum, &sample) in sums.iter_mut().zip(at(ahead.min(last))) {
                *sum += u32::from(sample);
            }
        }
        let scale = 1.0 / (2.0 * radius as f32 + 1.0 + 2.0 * self.end);
        for (place, out) in to.chunks_exact_mut(lanes).enumerate() {
            let (before, after) = (at(place.saturating_sub(radius + 1)), at((place + radius + 1).min(last)));
            let leaving = at(place.saturating_sub(radius));
            let ends = before.iter().zip(after).zip(leaving);
            for ((sum, out), ((&before, &after), &leaving)) in sums.iter_mut().zip(out).zip(ends) {
                let ends = f32::from(before) + f32::from(after);
                *out = ((*sum as f32 + ends * self.end) * scale + 0.5) as u16;
                *sum = *sum + u32::from(after) - u32::from(leaving);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_spreads_with_the_variance_asked_for() {
        for sigma in [0.25, 0.5, 1.0, 2.5, 7.3, 20.0] {
            let mut line = vec![0_u16; 401];
            line[200] = 60_000;
            Kernel::new(sigma).run(&mut line, 1, &mut Scratch::default());
            let total: f64 = line.iter().map(|&v| f64::from(v)).sum();
            let variance = line
                .iter()
                .enumerate()
                .map(|(x, &v)| (x as f64 - 200.0).powi(2) * f64::from(v) / total)
                .sum::<f64>();
            assert!((total - 60_000.0).abs() < 300.0, "sigma {sigma}: light is kept, {total}");
            assert!((variance.sqrt() - sigma).abs() < 0.05 * sigma, "sigma {sigma}: {}", variance.sqrt());
        }
    }

    #[test]
    fn the_ends_count_on_as_they_were() {
        // Half of the light of a line that is white on one side, wherever its middle lies: the ends
        // of the line must not change that.
        for (sigma, length) in [(2.0, 12), (5.0, 24), (20.0, 90)] {
            let edge = |length: usize| (0..length).map(|x| if x < length / 2 { 60_000 } else { 0 }).collect();
            let (mut short, mut long): (Vec<u16>, Vec<u16>) = (edge(length), edge(9 * length + 400));
            Kernel::new(sigma).run(&mut short, 1, &mut Scratch::default());
            Kernel::new(sigma).run(&mut long, 1, &mut Scratch::default());
            let middle = long.len() / 2 - length / 2;
            for (a, b) in short.iter().zip(&long[middle..]) {
                assert!(a.abs_diff(*b) <= 2, "sigma {sigma}: {short:?}");
            }
        }
    }

    #[test]
    fn a_flat_line_stays_flat_up_to_its_ends() {
        let mut line = vec![40_000_u16; 30];
        Kernel::new(125.0).run(&mut line, 3, &mut Scratch::default());
        assert!(line.iter().all(|&v| v.abs_diff(40_000) <= 2), "{line:?}");
    }
}
