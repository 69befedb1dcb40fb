use super::*;
use crate::probe;
use safelight_domain::image::SourceLimits;

/// A PNG of one row with 16-bit samples, and its pixels as they are decoded.
fn decoded(color: ::png::ColorType, samples: &[u16]) -> (Channels, Vec<u8>) {
    let mut file = Vec::new();
    let width = samples.len() / color.samples();
    let mut encoder = ::png::Encoder::new(&mut file, u32::try_from(width).expect("small"), 1);
    encoder.set_color(color);
    encoder.set_depth(::png::BitDepth::Sixteen);
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    encoder.write_header().expect("a header").write_image_data(&bytes).expect("pixels");
    let header = probe::header(&file, &SourceLimits::CLOUDFLARE).expect("a sound header");
    match decode(&file, &header).expect("pixels").pixels {
        Pixels::Frame(frame) => (frame.channels(), frame.pixels().to_vec()),
        Pixels::Ink(_) => panic!("a PNG has no ink"),
    }
}

#[test]
fn sixteen_bits_are_rounded_to_eight() {
    // The upper byte alone would give 0, 0, 254 and so on: too dark by half a step in the mean.
    let pairs: [(u16, u8); 9] = [
        (0, 0),
        (128, 0),
        (129, 1),
        (257, 1),
        (32_639, 127),
        (32_640, 127),
        (65_278, 254),
        (65_407, 255),
        (65_535, 255),
    ];
    let (samples, expected): (Vec<u16>, Vec<u8>) = pairs.into_iter().unzip();
    assert_eq!(decoded(::png::ColorType::Grayscale, &samples), (Channels::Grey, expected.clone()));
    assert_eq!(decoded(::png::ColorType::Rgb, &samples), (Channels::Rgb, expected));
    let (grey_alpha, rgba) = (::png::ColorType::GrayscaleAlpha, ::png::ColorType::Rgba);
    assert_eq!(decoded(grey_alpha, &[129, 65_407]), (Channels::Rgba, vec![1, 1, 1, 255]));
    assert_eq!(decoded(rgba, &[129, 0, 65_535, 128]), (Channels::Rgba, vec![1, 0, 255, 0]));
    for value in 0..=255_u8 {
        let exact = u16::from(value) * 257;
        let found =
            decoded(::png::ColorType::Rgb, &[exact.saturating_sub(128), exact, exact.saturating_add(128)]);
        assert_eq!(found.1, [value; 3]);
    }
}
