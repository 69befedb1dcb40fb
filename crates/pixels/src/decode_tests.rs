use super::*;
use crate::probe;
use safelight_domain::image::SourceLimits;
use safelight_domain::transform::Gamut;

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
    let decoded = decode(&file, &header).expect("pixels");
    assert!(matches!(decoded.pixels, Pixels::Wide(_)), "nothing is rounded yet");
    let (frame, _) = crate::color::convert(decoded, Gamut::Srgb).expect("converts");
    (frame.channels(), frame.pixels().to_vec())
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

/// The pictures of an animated fixture: the top left pixel and how long each is shown.
fn pictures(file: &[u8]) -> (u32, Vec<(Channels, u32, [u8; 3])>) {
    let header = probe::header(file, &SourceLimits::CLOUDFLARE).expect("a sound header");
    let animation = animation(file, &header).expect("an animation");
    let frames = animation.frames.map(|frame| {
        let TimedFrame { frame, delay_ms } = frame.expect("a picture");
        assert_eq!((frame.width(), frame.height()), (48, 32));
        let pixels = frame.pixels();
        (frame.channels(), delay_ms, [pixels[0], pixels[1], pixels[2]])
    });
    let frames = frames.collect::<Vec<_>>();
    assert_eq!(frames.len(), header.info.frames as usize);
    (animation.plays, frames)
}

#[test]
fn animations_are_decoded_picture_by_picture() {
    // Red, mirrored to green, and upside down to blue: the corners of the fixtures.
    let corners = [[200, 30, 40], [30, 184, 50], [20, 50, 151]];
    for (file, plays, channels, delays) in [
        (&include_bytes!("../tests/golden/inputs/animated.avif")[..], 0, Channels::Rgb, [100, 250, 40]),
        (&include_bytes!("../tests/golden/inputs/animated-alpha.jxl")[..], 0, Channels::Rgba, [100, 250, 40]),
    ] {
        let (found_plays, found) = pictures(file);
        assert_eq!(found_plays, plays);
        assert_eq!(found.len(), 3);
        for ((found, delay), corner) in found.iter().zip(delays).zip(corners) {
            assert_eq!((found.0, found.1), (channels, delay));
            assert!(found.2.iter().zip(corner).all(|(a, b)| a.abs_diff(b) < 24), "{found:?} {corner:?}");
        }
    }
}

#[test]
fn an_animation_that_ends_early_says_so() {
    let file = include_bytes!("../tests/golden/inputs/animated.avif");
    let cut = &file[..file.len() - 40];
    let header = probe::header(cut, &SourceLimits::CLOUDFLARE).expect("a sound header");
    let results: Vec<bool> =
        animation(cut, &header).expect("an animation").frames.map(|f| f.is_ok()).collect();
    assert_eq!(results, [true, true, false]);
}
