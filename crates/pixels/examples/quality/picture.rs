//! Pixels, files and scores.

use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use safelight_pixels::{Output, Source};
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Shortest of the longer sides of a photograph that is measured, in pixels.
const MIN_SIDE: u32 = 1_500;

/// An opaque picture in sRGB.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

/// The photographs in folders: everything that is large enough.
pub(crate) fn photographs(folders: &[String]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let info = safelight_pixels::probe(&bytes, &SourceLimits::CLOUDFLARE);
            if info.is_ok_and(|info| info.width.max(info.height) >= MIN_SIDE && !info.has_alpha) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Renders a file.
pub(crate) fn render(
    file: &[u8],
    options: &str,
    output: impl Into<Output>,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let transform = Transform::from_canonical(options)?;
    let source = Source { file, overlays: &[] };
    Ok(safelight_pixels::render(&source, &transform, output, &SourceLimits::CLOUDFLARE)?.bytes)
}

impl Picture {
    /// Any file that the engine reads, at its own size.
    pub(crate) fn decode(file: &[u8]) -> Result<Picture, Box<dyn Error>> {
        let lossless = render(file, "fit=scale-down", OutputFormat::Png)?;
        let mut decoder = png::Decoder::new(std::io::Cursor::new(lossless));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info()?;
        let mut samples = vec![0; reader.output_buffer_size().ok_or("a size")?];
        let info = reader.next_frame(&mut samples)?;
        let rgb = match info.color_type {
            png::ColorType::Grayscale => samples.iter().flat_map(|&grey| [grey; 3]).collect(),
            png::ColorType::Rgb => samples,
            other => return Err(format!("{other:?} is not opaque").into()),
        };
        Ok(Picture { width: info.width as usize, height: info.height as usize, rgb })
    }

    /// The same without loss.
    pub(crate) fn png(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        writer.finish()?;
        Ok(file)
    }

    pub(crate) fn read(path: &Path) -> Result<Picture, Box<dyn Error>> {
        Picture::decode(&std::fs::read(path)?)
    }

    /// SSIMULACRA2 of a distorted picture against this one: 100 is the same.
    pub(crate) fn score(&self, distorted: &Picture) -> Result<f64, Box<dyn Error>> {
        if (self.width, self.height) != (distorted.width, distorted.height) {
            return Err("pictures of different sizes".into());
        }
        let rgb = |picture: &Picture| -> Result<Rgb, Box<dyn Error>> {
            let (pixels, _) = picture.rgb.as_chunks::<3>();
            let pixels = pixels.iter().map(|pixel| pixel.map(|sample| f32::from(sample) / 255.0)).collect();
            let (width, height) = (picture.width, picture.height);
            Ok(Rgb::new(pixels, width, height, TransferCharacteristic::SRGB, ColorPrimaries::BT709)
                .map_err(|error| error.to_string())?)
        };
        Ok(compute_frame_ssimulacra2(rgb(self)?, rgb(distorted)?)?)
    }

    /// Scaled so that the longer side is `side`: Lanczos with three lobes in linear light, in
    /// floating point.
    pub(crate) fn reduced(&self, side: usize) -> Picture {
        let longer = self.width.max(self.height);
        let scaled = |of: usize| ((of * side + longer / 2) / longer).max(1);
        let (width, height) = (scaled(self.width), scaled(self.height));
        let light: Vec<f32> = self.rgb.iter().map(|&sample| to_linear(sample)).collect();
        let across = resample(&light, self.width, self.height, width);
        let down = resample(&transposed(&across, width, self.height), self.height, width, height);
        let rgb = transposed(&down, height, width).iter().map(|&light| to_srgb(light)).collect();
        Picture { width, height, rgb }
    }
}

/// Scales every row of RGB pixels from `width` to `to`.
fn resample(light: &[f32], width: usize, height: usize, to: usize) -> Vec<f32> {
    let scale = width as f64 / to as f64;
    let reach = 3.0 * scale.max(1.0);
    let mut out = vec![0.0; to * height * 3];
    for x in 0..to {
        let center = (x as f64 + 0.5) * scale;
        let (first, last) =
            ((center - reach).floor().max(0.0) as usize, ((center + reach).ceil() as usize).min(width));
        let weights: Vec<f64> =
            (first..last).map(|at| lanczos((at as f64 + 0.5 - center) / scale.max(1.0))).collect();
        let total: f64 = weights.iter().sum();
        for y in 0..height {
            for channel in 0..3 {
                let sum: f64 = (first..last)
                    .zip(&weights)
                    .map(|(at, weight)| weight * f64::from(light[(y * width + at) * 3 + channel]))
                    .sum();
                out[(y * to + x) * 3 + channel] = (sum / total) as f32;
            }
        }
    }
    out
}

fn lanczos(x: f64) -> f64 {
    let sinc =
        |x: f64| if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) };
    if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn transposed(light: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(light.len());
    for x in 0..width {
        for y in 0..height {
            out.extend_from_slice(&light[(y * width + x) * 3..][..3]);
        }
    }
    out
}

fn to_linear(sample: u8) -> f32 {
    let c = f32::from(sample) / 255.0;
    if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

fn to_srgb(light: f32) -> u8 {
    let c = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (c * 255.0).round().clamp(0.0, 255.0) as u8
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

/// Bytes at a score, between the two nearest points of a curve of rising score; beyond its ends
/// those of the end.
pub(crate) fn bytes_at(curve: &[(f64, f64)], score: f64) -> f64 {
    for pair in curve.windows(2) {
        if let [(low, fewer), (high, more)] = *pair
            && (low..high).contains(&score)
        {
            return (fewer.ln() + (more / fewer).ln() * (score - low) / (high - low)).exp();
        }
    }
    let end =
        if curve.first().is_some_and(|(lowest, _)| score < *lowest) { curve.first() } else { curve.last() };
    end.map_or(f64::NAN, |(_, bytes)| *bytes)
}
