//! Files are read back by a decoder that shares no code with the encoder.

// The whole file is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use safelight_webp::Layout::{Rgb, Rgba};
use safelight_webp::{Chroma, Compression, EncodeError, Layout, MAX_SIDE, Settings, encode};
use std::io::Cursor;

const LOSSY: Settings = Settings {
    compression: Compression::Lossy { quality: 90.0, alpha_quality: 100, chroma: Chroma::Mean },
    method: 2,
};
const LOSSLESS: Settings = Settings { compression: Compression::Lossless, method: 2 };

/// Samples in ramps: red to the right, green downwards, blue and opacity against them. Small pictures
/// have gentle ones too, since chroma is kept for four pixels at once.
fn ramps(layout: Layout, width: u32, height: u32) -> Vec<u8> {
    let ramp = |at: u32, of: u32| (at * 255 / of.max(64)) as u8;
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (red, green) = (ramp(x, width), ramp(y, height));
            let pixel = [red, green, 255 - red / 2, 255 - green];
            pixels.extend_from_slice(&pixel[..layout.bytes()]);
        }
    }
    pixels
}

/// Size, whether there is transparency, samples.
fn decode(file: &[u8]) -> ((u32, u32), bool, Vec<u8>) {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(file)).expect("a WebP");
    let mut pixels = vec![0; decoder.output_buffer_size().expect("a size")];
    decoder.read_image(&mut pixels).expect("pixels");
    (decoder.dimensions(), decoder.has_alpha(), pixels)
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().expect("pixels")
}

#[test]
fn opaque_pictures_come_back() {
    // Odd sides, since chroma is stored at half of each.
    for (width, height) in [(1, 1), (2, 1), (1, 3), (63, 41), (128, 128), (MAX_SIDE, 1), (1, MAX_SIDE)] {
        let pixels = ramps(Rgb, width, height);
        let (size, alpha, found) = decode(&encode(&pixels, Rgb, width, height, &LOSSY).expect("a file"));
        assert_eq!((size, alpha), ((width, height), false));
        let difference = largest_difference(&pixels, &found);
        assert!(difference <= 12, "{width}x{height}: {difference}");
        let (size, alpha, found) = decode(&encode(&pixels, Rgb, width, height, &LOSSLESS).expect("a file"));
        assert_eq!((size, alpha), ((width, height), false));
        assert!(found == pixels, "{width}x{height} is not lossless");
    }
}

#[test]
fn transparency_comes_back_as_it_was() {
    for (width, height) in [(2, 2), (63, 41), (MAX_SIDE, 2)] {
        let pixels = ramps(Rgba, width, height);
        let opacity = |pixels: &[u8]| pixels.chunks(4).map(|pixel| pixel[3]).collect::<Vec<u8>>();
        for settings in [LOSSY, LOSSLESS] {
            let (size, alpha, found) = decode(&encode(&pixels, Rgba, width, height, &settings).unwrap());
            assert_eq!((size, alpha), ((width, height), true));
            assert!(opacity(&found) == opacity(&pixels), "{width}x{height} {settings:?}");
        }
    }
}

#[test]
fn colours_are_in_the_order_of_the_layout() {
    for (pixel, layout) in [([200, 100, 0, 0], Rgb), ([200, 100, 0, 130], Rgba)] {
        let pixels = pixel[..layout.bytes()].repeat(32 * 32);
        for settings in [LOSSY, LOSSLESS] {
            let (_, _, found) = decode(&encode(&pixels, layout, 32, 32, &settings).expect("a file"));
            let difference = largest_difference(&pixels, &found);
            assert!(difference <= 4, "{layout:?} {settings:?}: {difference}");
        }
    }
}

#[test]
fn fully_transparent_pictures_stay_so() {
    for (width, height) in [(1, 1), (17, 9), (200, 100)] {
        let pixels = [250, 120, 3, 0].repeat((width * height) as usize);
        for settings in [LOSSY, LOSSLESS] {
            let (size, alpha, found) = decode(&encode(&pixels, Rgba, width, height, &settings).unwrap());
            assert_eq!((size, alpha), ((width, height), true));
            assert!(found.chunks(4).all(|pixel| pixel[3] == 0), "{width}x{height} {settings:?}");
        }
    }
}

#[test]
fn transparency_that_no_pixel_uses_is_left_out() {
    let mut pixels = ramps(Rgba, 20, 20);
    pixels.chunks_mut(4).for_each(|pixel| pixel[3] = 255);
    let (_, alpha, _) = decode(&encode(&pixels, Rgba, 20, 20, &LOSSY).expect("a file"));
    assert!(!alpha);
    pixels[3] = 254;
    let (_, alpha, _) = decode(&encode(&pixels, Rgba, 20, 20, &LOSSY).expect("a file"));
    assert!(alpha);
}

#[test]
fn more_quality_is_more_bytes_and_less_difference() {
    let pixels = ramps(Rgb, 64, 64);
    let at = |quality, method| {
        let settings = Settings {
            compression: Compression::Lossy { quality, alpha_quality: 100, chroma: Chroma::Mean },
            method,
        };
        let file = encode(&pixels, Rgb, 64, 64, &settings).expect("a file");
        (file.len(), decode(&file).2)
    };
    let ((small, rough), (large, fine)) = (at(0.0, 0), at(100.0, 6));
    assert!(small < large);
    let sum =
        |found: &[u8]| -> u64 { found.iter().zip(&pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum() };
    assert!(sum(&rough) > 2 * sum(&fine));
}

#[test]
fn sharp_chroma_keeps_edges_between_strong_colours() {
    // Diagonal edges between two strong colours.
    let [left, right] = [[230, 40, 30], [30, 60, 220]];
    let pixels: Vec<u8> =
        (0..64 * 64).flat_map(|at| if (at % 64 + at / 64) % 18 < 9 { left } else { right }).collect();
    let difference = |chroma| -> f64 {
        let compression = Compression::Lossy { quality: 95.0, alpha_quality: 100, chroma };
        let file = encode(&pixels, Rgb, 64, 64, &Settings { compression, method: 2 }).expect("a file");
        let light = |sample: u8| (f64::from(sample) / 255.0).powf(2.2);
        let luminance = |&[r, g, b]: &[u8; 3]| 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
        let found = decode(&file).2;
        let pairs = found.as_chunks::<3>().0.iter().zip(pixels.as_chunks::<3>().0);
        pairs.map(|(a, b)| (luminance(a) - luminance(b)).abs()).sum()
    };
    let (mean, sharp) = (difference(Chroma::Mean), difference(Chroma::Sharp));
    assert!(sharp * 10.0 < mean * 9.0, "{sharp} and {mean}");
}

#[test]
fn impossible_sizes_are_refused() {
    for (width, height) in [(0, 0), (0, 1), (1, 0), (16_384, 1), (1, 16_384), (u32::MAX, u32::MAX)] {
        for layout in [Rgb, Rgba] {
            let pixels = vec![0; 16_384 * 4];
            let refused = encode(&pixels, layout, width, height, &LOSSY);
            assert_eq!(refused, Err(EncodeError::Size { width, height }));
            assert_eq!(encode(&[], layout, width, height, &LOSSY), Err(EncodeError::Size { width, height }));
        }
    }
}

#[test]
fn other_numbers_of_samples_are_refused() {
    for layout in [Rgb, Rgba] {
        let expected = 5 * 7 * layout.bytes();
        for found in [0, 1, expected - layout.bytes(), expected - 1, expected + 1, expected * 2] {
            let refused = encode(&vec![0; found], layout, 5, 7, &LOSSY);
            assert_eq!(refused, Err(EncodeError::Length { found, expected }));
        }
    }
    let expected = 16_383 * 16_383 * 4;
    let refused = encode(&[0; 4], Rgba, MAX_SIDE, MAX_SIDE, &LOSSY);
    assert_eq!(refused, Err(EncodeError::Length { found: 4, expected }));
}

#[test]
fn settings_out_of_range_are_refused() {
    let lossy = |quality, alpha_quality, method| Settings {
        compression: Compression::Lossy { quality, alpha_quality, chroma: Chroma::Mean },
        method,
    };
    for settings in [
        lossy(-0.1, 100, 2),
        lossy(100.1, 100, 2),
        lossy(f32::NAN, 100, 2),
        lossy(f32::INFINITY, 100, 2),
        lossy(f32::NEG_INFINITY, 100, 2),
        lossy(80.0, 101, 2),
        lossy(80.0, 100, 7),
        Settings { method: 7, ..LOSSLESS },
    ] {
        assert_eq!(encode(&[0; 3], Rgb, 1, 1, &settings), Err(EncodeError::Settings), "{settings:?}");
    }
}

#[test]
fn pictures_beside_each_other_do_not_mix() {
    let picture = |index: u8| [index, 255 - index, 60, index / 2].repeat(40 * 30);
    let alone: Vec<Vec<u8>> =
        (0..64).map(|index| encode(&picture(index), Rgba, 40, 30, &LOSSY).expect("a file")).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let alone = &alone;
            scope.spawn(move || {
                for step in 0..64_u16 {
                    let index = ((step * 5 + thread * 16) % 64) as u8;
                    let file = encode(&picture(index), Rgba, 40, 30, &LOSSY).expect("a file");
                    assert!(file == alone[usize::from(index)], "picture {index}");
                }
            });
        }
    });
}
