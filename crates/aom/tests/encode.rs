//! Files are read back by a decoder that shares no code with the encoder.

// The whole file is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod reader;

use reader::{open, pixels};
use safelight_aom::Layout::{Grey, Rgb, Rgba};
use safelight_aom::{Chroma, Color, EncodeError, Layout, MAX_AREA, MAX_SIDE, Settings, encode};

const FINE: Settings =
    Settings { quality: 98, alpha_quality: 100, speed: 9, chroma: Chroma::Yuv420, color: Color::Srgb };
const FULL_CHROMA: Settings = Settings { chroma: Chroma::Yuv444, ..FINE };

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

/// The same pixels with four bytes each.
fn rgba(pixels: &[u8], layout: Layout) -> Vec<u8> {
    let widen = |pixel: &[u8]| match *pixel {
        [grey] => [grey, grey, grey, 255],
        [red, green, blue] => [red, green, blue, 255],
        [red, green, blue, opacity] => [red, green, blue, opacity],
        _ => unreachable!("a layout"),
    };
    pixels.chunks(layout.bytes()).flat_map(widen).collect()
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().expect("pixels")
}

#[test]
fn pictures_come_back() {
    // Odd sides, since chroma is stored at half of each; and more than a tile, 4096 pixels wide.
    let long = [(MAX_SIDE, 1), (1, MAX_SIDE), (4097, 3)];
    for (width, height) in
        [(1, 1), (2, 1), (1, 3), (5, 5), (63, 41), (128, 128), (200, 99)].into_iter().chain(long)
    {
        for layout in [Grey, Rgb, Rgba] {
            let source = ramps(layout, width, height);
            for settings in [FINE, FULL_CHROMA] {
                let found = pixels(&encode(&source, layout, width, height, &settings).expect("a file"));
                assert_eq!((found.size, found.alpha), ((width, height), layout == Rgba && height > 1));
                let difference = largest_difference(&rgba(&source, layout), &found.rgba);
                assert!(difference <= 10, "{layout:?} {width}x{height} {settings:?}: {difference}");
            }
        }
    }
}

#[test]
fn every_speed_makes_the_same_picture() {
    let source = ramps(Rgba, 70, 50);
    for speed in 5..=9 {
        let found = pixels(&encode(&source, Rgba, 70, 50, &Settings { speed, ..FINE }).expect("a file"));
        let difference = largest_difference(&source, &found.rgba);
        assert!(difference <= 10, "speed {speed}: {difference}");
    }
}

#[test]
fn colours_are_in_the_order_of_the_layout() {
    for (pixel, layout) in [([200, 100, 0, 0], Rgb), ([200, 100, 0, 130], Rgba)] {
        let source = pixel[..layout.bytes()].repeat(32 * 32);
        for settings in [FINE, FULL_CHROMA] {
            let found = pixels(&encode(&source, layout, 32, 32, &settings).expect("a file"));
            let difference = largest_difference(&rgba(&source, layout), &found.rgba);
            assert!(difference <= 4, "{layout:?} {settings:?}: {difference}");
        }
    }
}

#[test]
fn the_file_says_what_its_samples_are() {
    for (color, primaries) in [(Color::Srgb, 1), (Color::DisplayP3, 12)] {
        for (layout, chroma) in [(Grey, Chroma::Yuv420), (Rgb, Chroma::Yuv420), (Rgba, Chroma::Yuv444)] {
            // The level of small pictures is 0, that of larger ones is not.
            for side in [16, 900] {
                let source = ramps(layout, side, side);
                let settings = Settings { chroma, color, ..FINE };
                let file = open(&encode(&source, layout, side, side, &settings).expect("a file"));
                assert_eq!((file.size, file.picture.size), ((side, side), (side, side)));
                assert_eq!(file.coding, file.picture.coding());
                assert_eq!(file.channels, if layout == Grey { 1 } else { 3 });
                assert_eq!(file.colr, [b"nclx", &[0, primaries, 0, 13, 0, 6, 0x80][..]].concat());
                assert_eq!(file.picture.color, [u32::from(primaries), 13, 6]);
                assert!(file.picture.full_range);
                assert_eq!(file.picture.is_grey(), layout == Grey);
                assert_eq!(file.picture.is_full_chroma(), chroma == Chroma::Yuv444);
                let opacity =
                    file.opacity.map(|opacity| (opacity.size, opacity.is_grey(), opacity.full_range));
                assert_eq!(opacity, (layout == Rgba).then_some(((side, side), true, true)));
            }
        }
    }
}

#[test]
fn fully_transparent_pictures_keep_their_colours() {
    for (width, height) in [(1, 1), (17, 9), (200, 100)] {
        let source = [250, 120, 3, 0].repeat((width * height) as usize);
        let found = pixels(&encode(&source, Rgba, width, height, &FINE).expect("a file"));
        assert_eq!((found.size, found.alpha), ((width, height), true));
        assert!(largest_difference(&source, &found.rgba) <= 4, "{width}x{height}");
        assert!(found.rgba.chunks(4).all(|pixel| pixel[3] == 0), "{width}x{height}");
    }
}

#[test]
fn transparency_that_no_pixel_uses_is_left_out() {
    let mut source = ramps(Rgba, 20, 20);
    source.chunks_mut(4).for_each(|pixel| pixel[3] = 255);
    assert!(!pixels(&encode(&source, Rgba, 20, 20, &FINE).expect("a file")).alpha);
    source[3] = 254;
    assert!(pixels(&encode(&source, Rgba, 20, 20, &FINE).expect("a file")).alpha);
}

#[test]
fn more_quality_is_more_bytes_and_less_difference() {
    let source = noise(Rgba, 64, 64);
    let sum = |found: &[u8], channels: std::ops::Range<usize>| -> u64 {
        let pairs = found.chunks(4).zip(source.chunks(4));
        let of_pixel = |(a, b): (&[u8], &[u8])| -> u64 {
            channels.clone().map(|channel| u64::from(a[channel].abs_diff(b[channel]))).sum()
        };
        pairs.map(of_pixel).sum()
    };
    let at = |quality, alpha_quality| {
        let settings = Settings { quality, alpha_quality, ..FULL_CHROMA };
        let file = encode(&source, Rgba, 64, 64, &settings).expect("a file");
        let found = pixels(&file).rgba;
        (file.len(), sum(&found, 0..3), sum(&found, 3..4))
    };
    let (rough, fine_colours, fine_opacity) = (at(1, 1), at(100, 1), at(1, 100));
    assert!(rough.0 < fine_colours.0 && rough.0 < fine_opacity.0);
    assert!(rough.1 > 2 * fine_colours.1 && rough.2 == fine_colours.2);
    assert!(rough.2 > 2 * fine_opacity.2 && rough.1 == fine_opacity.1);
}

/// Samples without a pattern, the same in each run.
fn noise(layout: Layout, width: u32, height: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut sample = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..(width * height) as usize * layout.bytes()).map(|_| sample()).collect()
}

/// libaom writes into memory of twice the size of the samples, and does not look where it ends.
#[test]
fn pictures_that_need_most_bytes_stay_far_below_what_libaom_allocates() {
    let noise = noise(Rgb, 320, 320);
    let black_or_white: Vec<u8> = noise.iter().map(|sample| if *sample < 128 { 0 } else { 255 }).collect();
    let board: Vec<u8> =
        (0..320 * 320_u32).flat_map(|at| [if (at % 320 + at / 320) % 2 == 0 { 0 } else { 255 }; 3]).collect();
    for source in [noise, black_or_white, board] {
        for (chroma, samples) in [(Chroma::Yuv420, 320 * 320 * 3 / 2), (Chroma::Yuv444, 320 * 320 * 3)] {
            for speed in 5..=9 {
                let settings = Settings { quality: 100, chroma, speed, ..FINE };
                let length = encode(&source, Rgb, 320, 320, &settings).expect("a file").len();
                assert!(length < samples * 5 / 4, "{chroma:?} {speed}: {length} bytes for {samples}");
            }
        }
    }
}

#[test]
fn impossible_sizes_are_refused() {
    let area = (u32::try_from(MAX_AREA).unwrap() / MAX_SIDE + 1, MAX_SIDE);
    for (width, height) in [(0, 0), (0, 1), (1, 0), (65_536, 1), (1, 65_536), (u32::MAX, u32::MAX), area] {
        for layout in [Grey, Rgb, Rgba] {
            let source = vec![0; 65_536 * 4];
            let refused = encode(&source, layout, width, height, &FINE);
            assert_eq!(refused, Err(EncodeError::Size { width, height }));
            assert_eq!(encode(&[], layout, width, height, &FINE), Err(EncodeError::Size { width, height }));
        }
    }
}

#[test]
fn other_numbers_of_samples_are_refused() {
    for layout in [Grey, Rgb, Rgba] {
        let expected = 5 * 7 * layout.bytes();
        for found in [0, 1, expected - layout.bytes(), expected - 1, expected + 1, expected * 2] {
            let refused = encode(&vec![0; found], layout, 5, 7, &FINE);
            assert_eq!(refused, Err(EncodeError::Length { found, expected }));
        }
    }
    let refused = encode(&[0; 4], Rgba, 8_192, 16_384, &FINE);
    assert_eq!(refused, Err(EncodeError::Length { found: 4, expected: MAX_AREA * 4 }));
}

#[test]
fn settings_out_of_range_are_refused() {
    for settings in [
        Settings { quality: 0, ..FINE },
        Settings { quality: 101, ..FINE },
        Settings { alpha_quality: 0, ..FINE },
        Settings { alpha_quality: 101, ..FINE },
        Settings { speed: 4, ..FINE },
        Settings { speed: 10, ..FINE },
    ] {
        assert_eq!(encode(&[0; 3], Rgb, 1, 1, &settings), Err(EncodeError::Settings), "{settings:?}");
    }
}

#[test]
fn pictures_beside_each_other_do_not_mix() {
    let picture = |index: u8| [index, 255 - index, 60, index / 2].repeat(40 * 30);
    let alone: Vec<Vec<u8>> =
        (0..64).map(|index| encode(&picture(index), Rgba, 40, 30, &FINE).expect("a file")).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let alone = &alone;
            scope.spawn(move || {
                for step in 0..64_u16 {
                    let index = ((step * 5 + thread * 16) % 64) as u8;
                    let file = encode(&picture(index), Rgba, 40, 30, &FINE).expect("a file");
                    assert!(file == alone[usize::from(index)], "picture {index}");
                }
            });
        }
    });
}
