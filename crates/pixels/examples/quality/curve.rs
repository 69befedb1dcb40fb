//! Scores and bytes of the encoders over their own scales.

use crate::Picture;
use safelight_aom::Chroma;
use safelight_domain::transform::Effort;
use safelight_mozjpeg::{Metadata, Order};
use safelight_webp::{Compression, Layout, Settings};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

const SIDE: usize = 800;

/// Prints the curves of the encoders whose names start with `only`.
pub(crate) fn run(files: &[PathBuf], only: &str, effort: Effort) -> Result<(), Box<dyn Error>> {
    let mut references = Vec::new();
    for path in files {
        references.push(Picture::read(path)?.reduced(SIDE));
    }
    println!("encoder\tquality\tmean score\tlowest\tbits a pixel\tmilliseconds");
    for (name, encode) in ENCODERS.into_iter().filter(|(name, _)| name.starts_with(only)) {
        for quality in
            [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 88, 90, 92, 95, 98, 100]
        {
            let (mut scores, mut bits, mut pixels, mut ms) = (Vec::new(), 0, 0, 0.0);
            for reference in &references {
                let began = Instant::now();
                let file = encode(reference, quality, effort)?;
                ms += began.elapsed().as_secs_f64() * 1000.0 / references.len() as f64;
                scores.push(reference.score(&Picture::decode(&file)?)?);
                bits += file.len() * 8;
                pixels += reference.width * reference.height;
            }
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
            let bits = bits as f64 / pixels as f64;
            println!("{name}\t{quality}\t{mean:.2}\t{lowest:.2}\t{bits:.3}\t{ms:.0}");
        }
    }
    Ok(())
}

type Encode = fn(&Picture, u8, Effort) -> Result<Vec<u8>, Box<dyn Error>>;

const ENCODERS: [(&str, Encode); 6] = [
    ("jpeg-420", |picture, quality, effort| {
        jpeg(picture, quality, effort, safelight_mozjpeg::Chroma::Quarter)
    }),
    ("jpeg-444", |picture, quality, effort| jpeg(picture, quality, effort, safelight_mozjpeg::Chroma::Whole)),
    ("webp-mean", |picture, quality, effort| webp(picture, quality, effort, safelight_webp::Chroma::Mean)),
    ("webp-sharp", |picture, quality, effort| webp(picture, quality, effort, safelight_webp::Chroma::Sharp)),
    ("avif-420", |picture, quality, effort| avif(picture, quality, effort, Chroma::Yuv420)),
    ("avif-444", |picture, quality, effort| avif(picture, quality, effort, Chroma::Yuv444)),
];

fn jpeg(
    picture: &Picture,
    quality: u8,
    effort: Effort,
    chroma: safelight_mozjpeg::Chroma,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let effort = match effort {
        Effort::Quick => safelight_mozjpeg::Effort::Quick,
        Effort::Standard => safelight_mozjpeg::Effort::Standard,
        Effort::Thorough => safelight_mozjpeg::Effort::Thorough,
    };
    let settings = safelight_mozjpeg::Settings { quality, chroma, order: Order::Progressive, effort };
    let (width, height) = (picture.width as u32, picture.height as u32);
    let layout = safelight_mozjpeg::Layout::Rgb;
    let metadata = Metadata { exif: None, profile: None };
    Ok(safelight_mozjpeg::encode(&picture.rgb, layout, width, height, &settings, &metadata)?)
}

fn webp(
    picture: &Picture,
    quality: u8,
    effort: Effort,
    chroma: safelight_webp::Chroma,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let compression = Compression::Lossy { quality: f32::from(quality), alpha_quality: 100, chroma };
    let method = match effort {
        Effort::Quick => 1,
        Effort::Standard => 2,
        Effort::Thorough => 6,
    };
    let settings = Settings { compression, method };
    let (width, height) = (picture.width as u32, picture.height as u32);
    Ok(safelight_webp::encode(&picture.rgb, Layout::Rgb, width, height, &settings)?)
}

fn avif(picture: &Picture, quality: u8, effort: Effort, chroma: Chroma) -> Result<Vec<u8>, Box<dyn Error>> {
    let color = safelight_aom::Color::Srgb;
    let speed = match effort {
        Effort::Quick | Effort::Standard => 9,
        Effort::Thorough => 6,
    };
    let settings = safelight_aom::Settings { quality, alpha_quality: 100, speed, chroma, color };
    let (width, height) = (picture.width as u32, picture.height as u32);
    Ok(safelight_aom::encode(&picture.rgb, safelight_aom::Layout::Rgb, width, height, &settings)?)
}
