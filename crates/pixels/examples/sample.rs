//! Paints the sample photograph of the demo, a lake at dusk, and writes it as a JPEG:
//! `cargo run --release -p safelight-pixels --example sample -- FILE [WIDTH]`. It is the same each time.
//! With a width it is that many pixels wide, in 16:9, and as a camera would have stored it: baseline, with noise.
#![allow(clippy::disallowed_methods, reason = "a program by hand writes a file")]

use std::error::Error;

const WIDTH: usize = 1600;
const HEIGHT: usize = 1067;
/// Row of the far shore.
const SHORE: f64 = 640.0;
/// Where the sun stands.
const SUN: (f64, f64) = (1010.0, 418.0);

type Color = [f64; 3];

/// How the scene becomes pixels.
struct Film {
    /// Pixels of the canvas for one of the picture.
    scale: f64,
    /// The first row of the canvas, and how many of them.
    rows: (f64, f64),
    /// Samples a side of each pixel.
    samples: usize,
    /// Strength of the noise.
    grain: f64,
    /// Of the JPEG.
    quality: u8,
    progressive: bool,
}

impl Film {
    const DEMO: Film = Film {
        scale: 1.0,
        rows: (0.0, HEIGHT as f64),
        samples: 2,
        grain: 0.016,
        quality: 84,
        progressive: true,
    };

    /// For so many pixels across.
    fn of_camera(width: u16) -> Film {
        let scale = WIDTH as f64 / f64::from(width);
        let rows = WIDTH as f64 * 9.0 / 16.0;
        let rows = ((HEIGHT as f64 - rows) / 2.0, rows);
        Film { scale, rows, samples: 1, grain: 0.07, quality: 92, progressive: false }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a file to write")?;
    let film = arguments.next().map(|text| text.parse().map(Film::of_camera)).transpose()?;
    let film = film.unwrap_or(Film::DEMO);
    let [width, height] = [WIDTH as f64, film.rows.1].map(|side| (side / film.scale).round() as u16);
    let scene = Scene::new();
    let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    for y in 0..usize::from(height) {
        for x in 0..usize::from(width) {
            pixels.extend(scene.pixel(&film, x, y));
        }
    }
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, film.quality);
    encoder.set_progressive(film.progressive);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.add_exif_metadata(&exif())?;
    encoder.encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)?;
    std::fs::write(path, file)?;
    Ok(())
}

/// A TIFF block with a copyright, so that the demo can show what becomes of it.
fn exif() -> Vec<u8> {
    let text = b"Safelight sample picture, free to use\0";
    let mut block = b"II\x2A\0\x08\0\0\0\x01\0\x98\x82\x02\0".to_vec();
    block.extend((text.len() as u32).to_le_bytes());
    block.extend(b"\x1A\0\0\0\0\0\0\0");
    block.extend(text);
    block
}

/// A ridge of mountains: nearer ones are darker, lower, and have trees.
struct Ridge {
    base: f64,
    height: f64,
    roughness: f64,
    seed: u32,
    color: Color,
    trees: f64,
    /// Height of the crest at every column, in half pixels.
    crest: Vec<f64>,
}

struct Scene {
    ridges: Vec<Ridge>,
}

impl Scene {
    fn new() -> Scene {
        let ridge = |base, height, roughness, seed, color, trees| Ridge {
            base,
            height,
            roughness,
            seed,
            color,
            trees,
            crest: Vec::new(),
        };
        let mut ridges = vec![
            ridge(500.0, 190.0, 0.0021, 11, [0.50, 0.30, 0.38], 0.0),
            ridge(545.0, 150.0, 0.0030, 29, [0.36, 0.21, 0.32], 0.0),
            ridge(590.0, 120.0, 0.0042, 47, [0.215, 0.13, 0.235], 0.0),
            ridge(632.0, 95.0, 0.0050, 83, [0.095, 0.065, 0.13], 9.0),
        ];
        for ridge in &mut ridges {
            ridge.crest = (0..WIDTH * 2).map(|x| ridge.crest_at(x as f64 / 2.0)).collect();
        }
        Scene { ridges }
    }

    fn pixel(&self, film: &Film, x: usize, y: usize) -> [u8; 3] {
        let samples = film.samples;
        let mut sum = [0.0; 3];
        for i in 0..samples * samples {
            let step = 1.0 / samples as f64;
            let dx = ((i % samples) as f64 + 0.5) * step;
            let dy = ((i / samples) as f64 + 0.5) * step;
            let color = self.light((x as f64 + dx) * film.scale, film.rows.0 + (y as f64 + dy) * film.scale);
            for (sum, value) in sum.iter_mut().zip(color) {
                *sum += value / (samples * samples) as f64;
            }
        }
        finish(film, sum, x, y)
    }

    fn light(&self, x: f64, y: f64) -> Color {
        let reeds = foreground(x, y);
        let base = if y < SHORE { self.land(x, y) } else { self.lake(x, y) };
        mix(base, [0.012, 0.010, 0.020], reeds)
    }

    /// Sky and mountains.
    fn land(&self, x: f64, y: f64) -> Color {
        let mut color = sky(x, y);
        for (index, ridge) in self.ridges.iter().enumerate() {
            let at = ((x.clamp(0.0, WIDTH as f64 - 1.0)) * 2.0) as usize;
            let crest = ridge.crest.get(at).copied().unwrap_or(ridge.base);
            if y < crest {
                continue;
            }
            let top = if ridge.trees > 0.0 { ridge.base - ridge.height * 0.6 } else { crest };
            let depth = ((y - top) / ridge.height).clamp(0.0, 1.0);
            let grain = fractal(x * 0.02, y * 0.035, 4, ridge.seed + 5) - 0.5;
            let shade = 1.0 + 0.35 * grain * (1.0 - ridge.trees / 20.0);
            let glow = (-((x - SUN.0) / 340.0).powi(2)).exp() * (0.34 - 0.075 * index as f64);
            let own = ridge.color.map(|c| c * shade);
            let lit = mix(own, [0.98, 0.55, 0.33], glow * (1.0 - 0.4 * depth));
            // Mist gathers at the foot of each ridge.
            let mist = depth.powi(2) * (0.50 - 0.11 * index as f64);
            color = mix(lit, [0.80, 0.47, 0.42], mist.max(0.0));
        }
        color
    }

    /// The land upside down, broken by ripples that grow towards the viewer.
    fn lake(&self, x: f64, y: f64) -> Color {
        let near = (y - SHORE) / (HEIGHT as f64 - SHORE);
        let stretch = 8.0 + 110.0 * near;
        let ripple = fractal(x / (stretch * 1.7), (y - SHORE) / (1.4 + 9.0 * near), 4, 131) - 0.5;
        let swell = fractal(x / 420.0, y / 26.0, 3, 173) - 0.5;
        let up = (y - SHORE) * (0.82 + 0.2 * near) + ripple * (5.0 + 58.0 * near) + swell * 26.0 * near;
        let side = ripple * 10.0 * near + swell * 8.0;
        let mirrored = self.land(x + side, (SHORE - 1.0 - up.max(0.0)).max(2.0));
        let deep = [0.030, 0.040, 0.085];
        let dark = 0.12 + 0.42 * near.powf(1.3) + 0.10 * ripple;
        let mut color = mix(mirrored, deep, dark.clamp(0.0, 0.8));
        // The sun's path: glints where a ripple faces it.
        let spread = 26.0 + 150.0 * near;
        let path = (-((x - SUN.0) / spread).powi(2)).exp();
        let glint = (fractal(x / (22.0 + 70.0 * near), (y - SHORE) / (1.2 + 2.2 * near), 3, 211) - 0.53)
            .max(0.0)
            * 5.0;
        let strength = path * glint * (1.0 - 0.55 * near);
        color = add(color, [1.0, 0.56, 0.25], strength.min(0.9));
        // A thin bright line of mist at the far shore.
        add(color, [0.9, 0.55, 0.45], 0.20 * (-(y - SHORE) / 9.0).exp())
    }
}

impl Ridge {
    fn crest_at(&self, x: f64) -> f64 {
        let broad = fractal(x * self.roughness, 0.5, 6, self.seed);
        let sharp = 1.0 - (2.0 * fractal(x * self.roughness * 1.6, 7.5, 5, self.seed + 1) - 1.0).abs();
        // The mountains step aside for the sun.
        let valley = 1.0 - 0.42 * (-((x - SUN.0) / 250.0).powi(2)).exp();
        let crest = self.base - self.height * valley * (0.62 * broad + 0.55 * sharp - 0.22);
        if self.trees == 0.0 {
            return crest;
        }
        let place = x / 7.0 + 0.6 * noise(x / 40.0, 3.0, self.seed + 7);
        let tall = 0.35 + 0.65 * noise(place.floor() * 1.7, 1.0, self.seed + 3);
        let across = (place.fract() - 0.5).abs() * 2.0;
        crest - self.trees * 1.7 * tall * (1.0 - across)
    }
}

fn sky(x: f64, y: f64) -> Color {
    const STOPS: [(f64, Color); 6] = [
        (0.0, [0.060, 0.085, 0.215]),
        (0.28, [0.150, 0.150, 0.345]),
        (0.52, [0.405, 0.235, 0.420]),
        (0.72, [0.800, 0.370, 0.370]),
        (0.88, [0.980, 0.580, 0.330]),
        (1.0, [1.000, 0.740, 0.430]),
    ];
    let height = (y / 560.0).clamp(0.0, 1.0);
    let mut color = STOPS[0].1;
    for pair in STOPS.windows(2) {
        let ((from, a), (to, b)) = (pair[0], pair[1]);
        if height >= from {
            color = mix(a, b, smooth(((height - from) / (to - from)).min(1.0)));
        }
    }
    let (dx, dy) = ((x - SUN.0) / 1.25, y - SUN.1);
    let distance = (dx * dx + dy * dy).sqrt();
    color = add(color, [1.0, 0.52, 0.22], 0.50 * (-distance / 190.0).exp());
    color = clouds(color, x, y, distance);
    let round = ((x - SUN.0).powi(2) + (y - SUN.1).powi(2)).sqrt();
    color = add(color, [1.0, 0.80, 0.50], 0.85 * (-(round / 52.0).powi(2)).exp());
    let disc = smooth(((35.0 - round) / 3.0).clamp(0.0, 1.0));
    color = mix(color, [2.50, 1.90, 0.95], disc);
    stars(color, x, y)
}

/// Long streaks, lit from below near the sun.
fn clouds(color: Color, x: f64, y: f64, distance: f64) -> Color {
    let bend = fractal(x / 500.0, y / 210.0, 3, 307) * 130.0;
    let thickness = fractal((x + bend) / 330.0, (y + bend * 0.35) / 46.0, 6, 331);
    let band = (1.0 - ((y - 300.0) / 260.0).powi(2)).max(0.0);
    let cover = smooth(((thickness - 0.49) * 4.2).clamp(0.0, 1.0)) * band;
    let lit = (-distance / 430.0).exp();
    let body = mix([0.33, 0.215, 0.37], [1.0, 0.47, 0.30], (lit * 1.25).min(1.0));
    let edge = (cover * (1.0 - cover) * 4.0) * lit;
    add(mix(color, body, cover * 0.72), [1.0, 0.66, 0.40], edge * 0.28)
}

fn stars(color: Color, x: f64, y: f64) -> Color {
    const CELL: f64 = 23.0;
    let (cx, cy) = ((x / CELL).floor(), (y / CELL).floor());
    if hash(cx as i64, cy as i64, 401) > 0.16 || y > 260.0 {
        return color;
    }
    let px = (cx + 0.2 + 0.6 * hash(cx as i64, cy as i64, 402)) * CELL;
    let py = (cy + 0.2 + 0.6 * hash(cx as i64, cy as i64, 403)) * CELL;
    let spread = 0.55 + 0.5 * hash(cx as i64, cy as i64, 404);
    let shine = (-((x - px).powi(2) + (y - py).powi(2)) / (spread * spread)).exp();
    let fade = (1.0 - y / 260.0) * hash(cx as i64, cy as i64, 405);
    add(color, [0.9, 0.92, 1.0], shine * fade * 0.9)
}

/// How much of the place is covered by reeds: 0 to 1.
fn foreground(x: f64, y: f64) -> f64 {
    let mut cover: f64 = 0.0;
    for (patch, width, count, tall) in [(120.0, 330.0, 74, 300.0), (1520.0, 210.0, 34, 190.0)] {
        for blade in 0..count {
            let of = |what| hash(blade, what, 503 + patch as u32);
            let root = patch + (of(1) + of(2) - 1.0) * width;
            let length = tall * (0.35 + 0.65 * of(3)) * (1.0 - 0.45 * ((root - patch) / width).abs());
            let up = (HEIGHT as f64 + 4.0 - y) / length;
            if !(0.0..1.0).contains(&up) {
                continue;
            }
            let centre = root + (of(4) - 0.42) * 120.0 * up * up;
            let thick = (3.1 * (1.0 - up) + 0.45) * (0.6 + 0.6 * of(5));
            let head = if of(6) > 0.72 && (0.80..0.95).contains(&up) { 4.2 } else { 0.0 };
            if (x - centre).abs() < thick.max(head) {
                cover = 1.0;
            }
        }
    }
    let bank = 1052.0 - 46.0 * (-((x - 90.0) / 260.0).powi(2)).exp() - 14.0 * fractal(x / 60.0, 2.0, 4, 601);
    cover.max(smooth(((y - bank) / 3.0).clamp(0.0, 1.0)))
}

/// Vignette, the film's curve, and grain.
fn finish(film: &Film, color: Color, x: usize, y: usize) -> [u8; 3] {
    let (across, down) = (x as f64 * film.scale, film.rows.0 + y as f64 * film.scale);
    let (cx, cy) = (across / WIDTH as f64 - 0.5, down / HEIGHT as f64 - 0.5);
    let vignette = 1.0 - 0.42 * (cx * cx + cy * cy);
    let luma = 0.3 * color[0] + 0.55 * color[1] + 0.15 * color[2];
    let strength = film.grain * (1.0 - 0.6 * luma.min(1.0));
    let grain = (hash(x as i64, y as i64, 701) + hash(x as i64, y as i64, 702) - 1.0) * strength;
    let mut pixel = [0; 3];
    for (out, value) in pixel.iter_mut().zip(color) {
        let exposed = (value * vignette * 1.06).max(0.0);
        let film = exposed * (1.0 + exposed * 0.16) / (1.0 + exposed * 0.27);
        *out = ((film * 1.03 + grain) * 255.0).round().clamp(0.0, 255.0) as u8;
    }
    pixel
}

fn mix(a: Color, b: Color, amount: f64) -> Color {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * amount)
}

fn add(a: Color, b: Color, amount: f64) -> Color {
    std::array::from_fn(|i| a[i] + b[i] * amount)
}

fn smooth(t: f64) -> f64 {
    t * t * (3.0 - 2.0 * t)
}

/// Noise over octaves: 0 to 1, mostly around a half.
fn fractal(x: f64, y: f64, octaves: u32, seed: u32) -> f64 {
    let (mut sum, mut total, mut weight, mut scale) = (0.0, 0.0, 1.0, 1.0);
    for octave in 0..octaves {
        sum += weight * noise(x * scale, y * scale, seed + octave * 17);
        total += weight;
        weight *= 0.5;
        scale *= 2.03;
    }
    sum / total
}

/// Smooth noise with one value a unit: 0 to 1.
fn noise(x: f64, y: f64, seed: u32) -> f64 {
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = (smooth(x - x0), smooth(y - y0));
    let at = |dx: i64, dy: i64| hash(x0 as i64 + dx, y0 as i64 + dy, seed);
    let top = at(0, 0) + (at(1, 0) - at(0, 0)) * fx;
    let bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * fx;
    top + (bottom - top) * fy
}

fn hash(x: i64, y: i64, seed: u32) -> f64 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    h ^= seed.wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    f64::from(h ^ (h >> 15)) / f64::from(u32::MAX)
}
