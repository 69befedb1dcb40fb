//! Scores and bytes of the encoders over their own scales.

use crate::Picture;
use jpeg_encoder::{ColorType, SamplingFactor};
use safelight_aom::Chroma;
use safelight_webp::{Compression, Layout, Settings};
use std::error::Error;
use std::path::PathBuf;

const SIDE: usize = 800;

/// Prints the curves of the encoders whose names start with `only`.
pub(crate) fn run(files: &[PathBuf], only: &str) -> Result<(), Box<dyn Error>> {
    let mut references = Vec::new();
    for path in files {
        references.push(Picture::read(path)?.reduced(SIDE));
    }
    println!("encoder\tquality\tmean score\tlowest\tbits a pixel");
    for (name, encode) in ENCODERS.into_iter().filter(|(name, _)| name.starts_with(only)) {
        for quality in
            [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 88, 90, 92, 95, 98, 100]
        {
            let (mut scores, mut bits, mut pixels) = (Vec::new(), 0, 0);
            for reference in &references {
                let file = encode(reference, quality)?;
                scores.push(reference.score(&Picture::decode(&file)?)?);
                bits += file.len() * 8;
                pixels += reference.width * reference.height;
            }
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
            println!("{name}\t{quality}\t{mean:.2}\t{lowest:.2}\t{:.3}", bits as f64 / pixels as f64);
        }
    }
    Ok(())
}

type Encode = fn(&Picture, u8) -> Result<Vec<u8>, Box<dyn Error>>;

const ENCODERS: [(&str, Encode); 6] = [
    ("jpeg-420", |picture, quality| jpeg(picture, quality, SamplingFactor::R_4_2_0)),
    ("jpeg-444", |picture, quality| jpeg(picture, quality, SamplingFactor::R_4_4_4)),
    ("webp-mean", |picture, quality| webp(picture, quality, safelight_webp::Chroma::Mean)),
    ("webp-sharp", |picture, quality| webp(picture, quality, safelight_webp::Chroma::Sharp)),
    ("avif-420", |picture, quality| avif(picture, quality, Chroma::Yuv420)),
    ("avif-444", |picture, quality| avif(picture, quality, Chroma::Yuv444)),
];

fn jpeg(picture: &Picture, quality: u8, sampling: SamplingFactor) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(sampling);
    encoder.set_progressive(true);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(&picture.rgb, picture.width as u16, picture.height as u16, ColorType::Rgb)?;
    Ok(file)
}

fn webp(picture: &Picture, quality: u8, chroma: safelight_webp::Chroma) -> Result<Vec<u8>, Box<dyn Error>> {
    let compression = Compression::Lossy { quality: f32::from(quality), alpha_quality: 100, chroma };
    let settings = Settings { compression, method: 2 };
    let (width, height) = (picture.width as u32, picture.height as u32);
    Ok(safelight_webp::encode(&picture.rgb, Layout::Rgb, width, height, &settings)?)
}

fn avif(picture: &Picture, quality: u8, chroma: Chroma) -> Result<Vec<u8>, Box<dyn Error>> {
    let color = safelight_aom::Color::Srgb;
    let settings = safelight_aom::Settings { quality, alpha_quality: 100, speed: 9, chroma, color };
    let (width, height) = (picture.width as u32, picture.height as u32);
    Ok(safelight_aom::encode(&picture.rgb, safelight_aom::Layout::Rgb, width, height, &settings)?)
}
