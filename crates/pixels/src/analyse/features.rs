//! What the face detector looks at: comparisons of small squares in a whole picture, and sums of
//! gradients in one window.

/// Side of a window in pixels.
pub(super) const WINDOW: usize = 40;

/// Grey pixels.
#[derive(Clone, Debug)]
pub(super) struct Grey {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

impl Grey {
    /// The pixel at a place; black outside of the picture.
    fn at(&self, x: i64, y: i64) -> u8 {
        let inside = |place: i64, side: usize| usize::try_from(place).ok().filter(|place| *place < side);
        let place = inside(x, self.width).zip(inside(y, self.height));
        place.and_then(|(x, y)| self.pixels.get(y * self.width + x)).copied().unwrap_or(0)
    }

    /// A part of the picture brought to another size, between the nearest four pixels. It may hang
    /// over every edge; each side is at least 2.
    pub(super) fn scaled(&self, part: Part, width: usize, height: usize) -> Grey {
        let step = |from: i64, to: usize| from as f64 / to as f64;
        let (step_x, step_y) = (step(part.width, width), step(part.height, height));
        let mut pixels = Vec::with_capacity(width * height);
        // Each place with its whole part, at most the last but one, and the rest.
        let places = |step: f64, to: usize, side: i64| {
            (0..to).map(move |at| {
                let exact = step * at as f64;
                let whole = (exact as i64).min(side - 2);
                (whole, exact - whole as f64)
            })
        };
        for (y, below) in places(step_y, height, part.height) {
            for (x, right) in places(step_x, width, part.width) {
                let pixel = |dx: i64, dy: i64| f64::from(self.at(part.x + x + dx, part.y + y + dy));
                let above = (1.0 - right) * pixel(0, 0) + right * pixel(1, 0);
                let under = (1.0 - right) * pixel(0, 1) + right * pixel(1, 1);
                pixels.push(((1.0 - below) * above + below * under) as u8);
            }
        }
        Grey { width, height, pixels }
    }
}

/// A square or rectangle in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
}

/// Comparisons of a square of 3 by 3 pixels with its eight neighbours of the same size, for every
/// place of a picture, and how much its pixels vary.
pub(super) struct Comparisons {
    width: usize,
    map: Vec<u8>,
    sums: Vec<u64>,
    squares: Vec<u64>,
}

impl Comparisons {
    /// The picture is at least as large as a window.
    pub(super) fn new(picture: &Grey) -> Comparisons {
        let sums = integral(picture, u64::from);
        let squares = integral(picture, |value| u64::from(value) * u64::from(value));
        let mut made = Comparisons { width: picture.width, map: Vec::new(), sums, squares };
        let mut map = vec![0; picture.pixels.len()];
        let last = |side: usize| (side + 1).saturating_sub(9);
        for y in 0..last(picture.height) {
            let row = map.get_mut(y * picture.width..(y + 1) * picture.width).unwrap_or_default();
            for (x, out) in row.iter_mut().enumerate().take(last(picture.width)) {
                *out = made.compared(x, y);
            }
        }
        made.map = map;
        made
    }

    /// A bit for each neighbour that the middle is not darker than, clockwise from the top left.
    fn compared(&self, x: usize, y: usize) -> u8 {
        let square =
            |column: usize, row: usize| sum(&self.sums, self.width, x + 3 * column, y + 3 * row, 3, 3);
        let middle = square(1, 1);
        let around = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1)];
        let bits = [0x80, 0x40, 0x20, 0x08, 0x01, 0x02, 0x04, 0x10];
        let mut value = 0;
        for ((column, row), bit) in around.into_iter().zip(bits) {
            if middle >= square(column, row) {
                value |= bit;
            }
        }
        value
    }

    /// The comparisons at a place.
    pub(super) fn at(&self, x: usize, y: usize) -> usize {
        self.map.get(y * self.width + x).copied().map_or(0, usize::from)
    }

    /// The standard deviation in the window at a place.
    pub(super) fn deviation(&self, x: usize, y: usize) -> f64 {
        let area = (WINDOW * WINDOW) as f64;
        let mean = |sums: &[u64]| sum(sums, self.width, x, y, WINDOW, WINDOW) as f64 / area;
        let (mean, square) = (mean(&self.sums), mean(&self.squares));
        (square - mean * mean).max(0.0).sqrt()
    }
}

/// The sum of everything above and left, with a row and a column of zeros before.
fn integral(picture: &Grey, value: impl Fn(u8) -> u64) -> Vec<u64> {
    let stride = picture.width + 1;
    let mut sums = vec![0; stride];
    for row in picture.pixels.chunks_exact(picture.width) {
        let above = sums.len() - stride;
        let mut line = 0;
        sums.push(0);
        for (x, pixel) in row.iter().enumerate() {
            line += value(*pixel);
            sums.push(line + sums.get(above + x + 1).copied().unwrap_or(0));
        }
    }
    sums
}

fn sum(sums: &[u64], width: usize, x: usize, y: usize, columns: usize, rows: usize) -> u64 {
    let at = |x: usize, y: usize| sums.get(y * (width + 1) + x).copied().unwrap_or(0);
    let (outer, inner) = (at(x + columns, y + rows) + at(x, y), at(x + columns, y) + at(x, y + rows));
    outer.saturating_sub(inner)
}

/// Sums of gradients at each cell of a feature.
const CHANNELS: usize = 8;

/// Numbers of a feature: four cells.
const NUMBERS: usize = 4 * CHANNELS;

/// Where the cells of a feature lie in a window.
#[derive(Clone, Copy)]
struct Patch {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// Every feature that the model knows, in its order.
pub(super) struct Pool(Vec<Patch>);

impl Pool {
    pub(super) fn new() -> Pool {
        const LEAST: usize = 16;
        let mut patches = Vec::new();
        for (wide, high) in [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)] {
            for height in (LEAST..=WINDOW).filter(|height| height % 2 == 0 && height % high == 0) {
                let width = height / high * wide;
                if width % 2 != 0 || !(LEAST..=WINDOW).contains(&width) {
                    continue;
                }
                for y in (0..=WINDOW - height).step_by(16) {
                    let row = (0..=WINDOW - width).step_by(16);
                    patches.extend(row.map(|x| Patch { x, y, width, height }));
                }
            }
        }
        Pool(patches)
    }
}

/// The gradients of a window: for every pixel, the sums of [`CHANNELS`] of everything above and left,
/// with a row and a column of zeros before.
pub(super) struct Gradients(Vec<[i32; CHANNELS]>);

impl Gradients {
    /// The picture has the size of a window.
    pub(super) fn new(window: &Grey) -> Gradients {
        let stride = WINDOW + 1;
        let mut sums = vec![[0; CHANNELS]; stride * stride];
        let last = WINDOW - 1;
        for y in 0..WINDOW {
            let mut line = [0; CHANNELS];
            for x in 0..WINDOW {
                let value =
                    |x: usize, y: usize| window.pixels.get(y * WINDOW + x).copied().map_or(0, i32::from);
                // At an edge it is twice the difference to the one neighbour that is there.
                let slope = |place: usize, value: &dyn Fn(usize) -> i32| {
                    let (before, after) = (place.saturating_sub(1), (place + 1).min(last));
                    let factor = if after - before == 1 { 2 } else { 1 };
                    (value(after) - value(before)) * factor
                };
                let (dx, dy) = (slope(x, &|x| value(x, y)), slope(y, &|y| value(x, y)));
                let along = |slope: i32, other: i32| {
                    let up = if other >= 0 { slope } else { 0 };
                    let (up_size, down) = (up.abs(), slope - up);
                    [up, up_size, down, down.abs()]
                };
                let [a, b, c, d] = along(dx, dy);
                let [e, f, g, h] = along(dy, dx);
                for (line, part) in line.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                    *line += part;
                }
                let above = sums.get(y * stride + x + 1).copied().unwrap_or_default();
                if let Some(sum) = sums.get_mut((y + 1) * stride + x + 1) {
                    for (sum, (line, above)) in sum.iter_mut().zip(line.iter().zip(above)) {
                        *sum = line + above;
                    }
                }
            }
        }
        Gradients(sums)
    }

    /// Adds the numbers of a feature, brought to length 1, to `out`. An unknown one is all zeros.
    pub(super) fn feature(&self, pool: &Pool, index: usize, out: &mut Vec<f32>) {
        let mut numbers = [0; NUMBERS];
        if let Some(patch) = pool.0.get(index) {
            let (width, height) = (patch.width / 2, patch.height / 2);
            let cells = [(0, 0), (1, 0), (0, 1), (1, 1)];
            for ((column, row), cell) in cells.into_iter().zip(numbers.as_chunks_mut::<CHANNELS>().0) {
                *cell = self.sum(patch.x + column * width, patch.y + row * height, width, height);
            }
        }
        let length = numbers.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt() as f32;
        out.extend(numbers.iter().map(|number| if length > 0.0 { *number as f32 / length } else { 0.0 }));
    }

    fn sum(&self, x: usize, y: usize, width: usize, height: usize) -> [i32; CHANNELS] {
        let at = |x: usize, y: usize| self.0.get(y * (WINDOW + 1) + x).copied().unwrap_or_default();
        let corners = (at(x, y), at(x + width, y), at(x, y + height), at(x + width, y + height));
        let mut sum = [0; CHANNELS];
        let parts = corners.0.iter().zip(corners.1).zip(corners.2.iter().zip(corners.3));
        for (sum, ((a, b), (c, d))) in sum.iter_mut().zip(parts) {
            *sum = a - b - c + d;
        }
        sum
    }
}
