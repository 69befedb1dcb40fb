//! A thorough rendition is smaller than a quick one, and is the same picture.
#![allow(clippy::expect_used, reason = "tests may panic")]

use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat::{self, Avif, BaselineJpeg, Jpeg, Png, WebP};
use safelight_domain::transform::{Effort, Transform};
use safelight_pixels::{Output, Source, probe, render};

const SIZE: (u32, u32) = (360, 240);

/// Ramps with waves and grain, as photographs have.
fn picture() -> Vec<u8> {
    let mut dice = 1_u32;
    let (width, height) = SIZE;
    let mut pixels = Vec::new();
    for at in 0..width * height {
        let (x, y) = ((at % width) as f32, (at / width) as f32);
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (dice >> 27) as f32;
        let wave = (x / 9.0).sin() * (y / 14.0).cos() * 40.0;
        let light = 40.0 + x / 3.0 + wave + grain;
        pixels.extend([light, light * 0.8 + y / 5.0, 200.0 - light / 2.0].map(|sample| sample as u8));
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixels).expect("pixels");
    writer.finish().expect("an end");
    file
}

fn made(file: &[u8], options: &str, format: OutputFormat, effort: Effort) -> Vec<u8> {
    let transform = Transform::from_canonical(options).expect("options");
    let source = Source { file, overlays: &[] };
    let output = Output { format, effort };
    let rendered = render(&source, &transform, output, &SourceLimits::CLOUDFLARE).expect("a rendition");
    assert_eq!((rendered.width, rendered.height), SIZE, "{format:?}");
    rendered.bytes
}

/// The samples of a file, which is decoded by the engine.
fn samples(file: &[u8]) -> Vec<u8> {
    let lossless = made(file, "fit=scale-down", Png, Effort::Quick);
    let mut reader = png::Decoder::new(std::io::Cursor::new(lossless)).read_info().expect("a PNG");
    let mut samples = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut samples).expect("pixels");
    samples
}

#[test]
fn nobody_waits_for_a_smaller_file() {
    let file = picture();
    let original = samples(&file);
    for format in [Jpeg, BaselineJpeg, WebP, Avif, Png] {
        let [quick, standard, thorough] =
            Effort::ALL.map(|effort| made(&file, "fit=scale-down", format, effort));
        assert!(thorough.len() < standard.len(), "{format:?}: {} and {}", thorough.len(), standard.len());
        assert!(standard.len() <= quick.len(), "{format:?}: {} and {}", standard.len(), quick.len());
        let info = probe(&thorough, &SourceLimits::CLOUDFLARE).expect("a header");
        assert_eq!((info.width, info.height), SIZE);
        let error = |file: &[u8]| -> u64 {
            samples(file).iter().zip(&original).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
        };
        let (quick, thorough) = (error(&quick), error(&thorough));
        assert!(thorough * 2 <= quick * 3, "{format:?}: {thorough} and {quick}");
    }
}

#[test]
fn a_fast_file_stays_fast() {
    let file = picture();
    for format in [Jpeg, WebP, Avif, Png] {
        let [quick, standard, thorough] =
            Effort::ALL.map(|effort| made(&file, "fit=scale-down,compression=fast", format, effort));
        assert!(quick == standard && standard == thorough, "{format:?}");
    }
}
