//! What stands out in a picture: its saliency by the maximum symmetric surround.
//!
//! R. Achanta, S. Süsstrunk: Saliency detection using maximum symmetric surround, ICIP 2010. A pixel
//! stands out as much as its colour, slightly smoothed, is away from the mean colour of the largest
//! window around it that is symmetric and within the picture; both in CIELAB.

use super::small;
use crate::frame::Frame;
use crate::linear;
use crate::plan::Rect;

/// Longest side of the copy that is looked at, in pixels.
const SIDE: u32 = 256;

/// How much what lies at the edges of a window counts beside what lies in its middle.
const EDGE: f64 = 0.5;

/// Distances below this are rounding: it is half of what the eye can tell apart.
const LEAST: f32 = 0.5;

/// A colour in CIELAB.
type Lab = [f32; 3];

/// Where a window of the size `window`, in pixels of the picture, takes in most of what stands out:
/// how much of what is left over lies before it, as a share from 0 to 1, for both axes. What lies in
/// the middle of the window counts more than what is cut close. Where nothing stands out it is the
/// centre.
pub(crate) fn salient_window(frame: &Frame, area: Rect, window: (f64, f64)) -> (f64, f64) {
    let Some(map) = small(frame, area, SIDE).map(|copy| Map::new(&copy)) else { return (0.5, 0.5) };
    let (columns, rows) = map.profiles();
    let shares = (window.0 / f64::from(area.width), window.1 / f64::from(area.height));
    (best(&columns, shares.0), best(&rows, shares.1))
}

/// How much each pixel stands out.
struct Map {
    width: usize,
    values: Vec<f32>,
}

impl Map {
    fn new(copy: &Frame) -> Map {
        let (width, height) = (copy.width() as usize, copy.height() as usize);
        let (mut colors, alphas) = lab(copy);
        hide_transparent(&mut colors, &alphas);
        let smooth = smoothed(&colors, width);
        let sums = Sums::new(&colors, width);
        let mut values = Vec::with_capacity(width * height);
        for ((index, color), alpha) in smooth.iter().enumerate().zip(&alphas) {
            let (x, y) = (index % width, index / width);
            let (reach_x, reach_y) = (x.min(width - 1 - x), y.min(height - 1 - y));
            let mean = sums.mean((x - reach_x, y - reach_y), (x + reach_x + 1, y + reach_y + 1));
            let distance: f32 = color.iter().zip(mean).map(|(a, b)| (a - b) * (a - b)).sum();
            let distance = distance.sqrt();
            values.push(if distance < LEAST { 0.0 } else { distance * alpha });
        }
        Map { width, values }
    }

    /// The sums of every column and of every row.
    fn profiles(&self) -> (Vec<f64>, Vec<f64>) {
        let mut columns = vec![0.0; self.width];
        let mut rows = Vec::new();
        for row in self.values.chunks_exact(self.width) {
            rows.push(row.iter().copied().map(f64::from).sum());
            for (sum, value) in columns.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        (columns, rows)
    }
}

/// The best place for a window that is `share` of the line long, as the share of what is left over.
/// Of places that are equally good it is the one nearest to the middle.
fn best(line: &[f64], share: f64) -> f64 {
    let length = line.len() as f64 * share;
    let spare = line.len() as f64 - length;
    let steps = spare.ceil() as usize;
    if steps == 0 {
        return 0.5;
    }
    let score = |start: f64| -> f64 {
        let weight = |at: usize| {
            let inside = (at as f64 + 0.5 - start) / length;
            let off_centre = (2.0 * inside - 1.0).abs();
            if off_centre <= 1.0 { 1.0 - (1.0 - EDGE) * off_centre } else { 0.0 }
        };
        line.iter().enumerate().map(|(at, value)| value * weight(at)).sum()
    };
    let mut places: Vec<f64> = (0..=2 * steps).map(|step| step as f64 / (2 * steps) as f64).collect();
    places.sort_by(|a, b| (a - 0.5).abs().total_cmp(&(b - 0.5).abs()));
    let mut found = (0.5, score(spare / 2.0));
    for place in places {
        let here = score(place * spare);
        // Rounding must not decide between places.
        if here > found.1 * (1.0 + 1e-6) + 1e-6 {
            found = (place, here);
        }
    }
    found.0
}

/// Colours and opacities.
fn lab(copy: &Frame) -> (Vec<Lab>, Vec<f32>) {
    let table = linear::from_srgb().map(|light| f32::from(light) / 65_535.0);
    let pixels = copy.pixels().chunks_exact(copy.channels().count());
    pixels
        .map(|pixel| {
            let (rgb, alpha) = match *pixel {
                [luma] => ([luma; 3], 255),
                [r, g, b] => ([r, g, b], 255),
                [r, g, b, a] => ([r, g, b], a),
                _ => ([0; 3], 0),
            };
            // 256 entries, so every byte is an index.
            (from_light(rgb.map(|byte| table[usize::from(byte)])), f32::from(alpha) / 255.0)
        })
        .unzip()
}

/// Puts the mean colour behind what is transparent, so that hidden colours do not count.
fn hide_transparent(colors: &mut [Lab], alphas: &[f32]) {
    let total: f64 = alphas.iter().copied().map(f64::from).sum();
    if total == 0.0 {
        return;
    }
    let mut mean = [0.0; 3];
    for (color, alpha) in colors.iter().zip(alphas) {
        for (mean, value) in mean.iter_mut().zip(color) {
            *mean += f64::from(value * alpha) / total;
        }
    }
    for (color, alpha) in colors.iter_mut().zip(alphas) {
        for (value, mean) in color.iter_mut().zip(mean) {
            *value = *value * alpha + mean as f32 * (1.0 - alpha);
        }
    }
}

/// Linear sRGB to CIELAB under D65.
fn from_light([r, g, b]: [f32; 3]) -> Lab {
    let curve = |t: f32| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let x = curve((0.412_46 * r + 0.357_58 * g + 0.180_44 * b) / 0.950_47);
    let y = curve(0.212_67 * r + 0.715_15 * g + 0.072_18 * b);
    let z = curve((0.019_33 * r + 0.119_19 * g + 0.950_30 * b) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// A Gaussian of three by three.
fn smoothed(colors: &[Lab], width: usize) -> Vec<Lab> {
    let mix = |a: &Lab, b: &Lab, c: &Lab| {
        let mut out = [0.0; 3];
        for (out, ((a, b), c)) in out.iter_mut().zip(a.iter().zip(b).zip(c)) {
            *out = (a + 2.0 * b + c) / 4.0;
        }
        out
    };
    let mut across = Vec::with_capacity(colors.len());
    for row in colors.chunks_exact(width) {
        let before = row.iter().take(1).chain(row);
        let after = row.iter().skip(1).chain(row.last());
        across.extend(before.zip(row).zip(after).map(|((a, b), c)| mix(a, b, c)));
    }
    let rows: Vec<&[Lab]> = across.chunks_exact(width).collect();
    let before = rows.iter().take(1).chain(&rows);
    let after = rows.iter().skip(1).chain(rows.last());
    let mut out = Vec::with_capacity(colors.len());
    for ((above, row), below) in before.zip(&rows).zip(after) {
        out.extend(above.iter().zip(*row).zip(*below).map(|((a, b), c)| mix(a, b, c)));
    }
    out
}

/// The sum of everything above and left of each pixel, with a row and a column of zeros before.
struct Sums {
    stride: usize,
    sums: Vec<[f64; 3]>,
}

impl Sums {
    fn new(colors: &[Lab], width: usize) -> Sums {
        let stride = width + 1;
        let mut sums = vec![[0.0; 3]; stride];
        for row in colors.chunks_exact(width) {
            let above = sums.len() - stride;
            let mut line = [0.0; 3];
            sums.push(line);
            for (x, color) in row.iter().enumerate() {
                let mut sum = sums.get(above + x + 1).copied().unwrap_or_default();
                for ((line, sum), value) in line.iter_mut().zip(&mut sum).zip(color) {
                    *line += f64::from(*value);
                    *sum += *line;
                }
                sums.push(sum);
            }
        }
        Sums { stride, sums }
    }

    /// The mean from one corner up to, and without, the other.
    fn mean(&self, from: (usize, usize), to: (usize, usize)) -> Lab {
        let at = |x: usize, y: usize| self.sums.get(y * self.stride + x).copied().unwrap_or_default();
        let (a, b, c, d) = (at(from.0, from.1), at(to.0, from.1), at(from.0, to.1), at(to.0, to.1));
        let area = ((to.0 - from.0) * (to.1 - from.1)) as f64;
        let mut mean = [0.0; 3];
        for (mean, (((a, b), c), d)) in mean.iter_mut().zip(a.iter().zip(b).zip(c).zip(d)) {
            *mean = ((a - b - c + d) / area) as f32;
        }
        mean
    }
}

#[cfg(test)]
#[path = "saliency_tests.rs"]
mod tests;
