//! Files are read back by a decoder that shares no code with the encoder.

// The whole file is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use safelight_mozjpeg::Layout::{Grey, Rgb};
use safelight_mozjpeg::{
    Chroma, Effort, EncodeError, Layout, MAX_EXIF, MAX_PROFILE, MAX_SIDE, Metadata, Order, Settings, encode,
};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

const FINE: Settings =
    Settings { quality: 98, chroma: Chroma::Whole, order: Order::Progressive, effort: Effort::Thorough };
const PLAIN: Metadata<'static> = Metadata { exif: None, profile: None };

const ALL: [Settings; 7] = [
    FINE,
    Settings { effort: Effort::Quick, ..FINE },
    Settings { effort: Effort::Standard, ..FINE },
    Settings { effort: Effort::Quick, order: Order::Baseline, ..FINE },
    Settings { chroma: Chroma::Quarter, ..FINE },
    Settings { order: Order::Baseline, ..FINE },
    Settings { chroma: Chroma::Quarter, order: Order::Baseline, ..FINE },
];

/// Samples in ramps: red to the right, green downwards, blue against red. Small pictures have gentle ones
/// too, since chroma is kept for four pixels at once.
fn ramps(layout: Layout, width: u32, height: u32) -> Vec<u8> {
    let ramp = |at: u32, of: u32| (at * 255 / of.max(64)) as u8;
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (red, green) = (ramp(x, width), ramp(y, height));
            pixels.extend_from_slice(&[red, green, 255 - red / 2][..layout.bytes()]);
        }
    }
    pixels
}

/// Noise, which no compression makes small.
fn noise(width: u32, height: u32) -> Vec<u8> {
    let mut dice = 1_u32;
    let bytes = (0..width * height * 3).map(|_| {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (dice >> 24) as u8
    });
    bytes.collect()
}

struct Read {
    size: (usize, usize),
    pixels: Vec<u8>,
}

fn decode(file: &[u8], layout: Layout) -> Read {
    let color = if layout == Grey { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = DecoderOptions::default().set_max_width(1 << 16).set_max_height(1 << 16);
    let options = options.jpeg_set_out_colorspace(color);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(file), options);
    let pixels = decoder.decode().expect("a JPEG");
    assert_eq!(decoder.input_colorspace().map(|color| color.num_components()), Some(layout.bytes()));
    Read { size: decoder.dimensions().expect("a size"), pixels }
}

/// What segments with this marker and this name hold, in their order.
fn segments(file: &[u8], wanted: u8, name: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = file.strip_prefix(&[0xFF, 0xD8]).expect("the start of a JPEG");
    while let [0xFF, marker, high, low, ..] = *rest
        && marker != 0xDA
    {
        let (segment, after) = rest[2..].split_at(usize::from(u16::from_be_bytes([high, low])));
        if let Some(bytes) = segment[2..].strip_prefix(name).filter(|_| marker == wanted) {
            found.push(bytes.to_vec());
        }
        rest = after;
    }
    found
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().expect("pixels")
}

fn is_progressive(file: &[u8]) -> bool {
    file.windows(2)
        .find_map(|marker| match marker {
            [0xFF, 0xC0] => Some(false),
            [0xFF, 0xC2] => Some(true),
            _ => None,
        })
        .expect("a frame")
}

#[test]
fn pictures_come_back() {
    // Odd sides, since chroma is stored at half of each.
    let sizes = [(1, 1), (2, 1), (1, 3), (8, 8), (9, 17), (63, 41), (128, 128), (MAX_SIDE, 1), (1, MAX_SIDE)];
    for (width, height) in sizes {
        for layout in [Grey, Rgb] {
            let source = ramps(layout, width, height);
            for settings in ALL {
                let file = encode(&source, layout, width, height, &settings, &PLAIN).expect("a file");
                let found = decode(&file, layout);
                assert_eq!(found.size, (width as usize, height as usize));
                assert_eq!(is_progressive(&file), settings.order == Order::Progressive);
                let difference = largest_difference(&source, &found.pixels);
                assert!(difference <= 12, "{layout:?} {width}x{height} {settings:?}: {difference}");
            }
        }
    }
}

#[test]
fn colours_are_in_their_order() {
    let source = [200, 100, 0].repeat(32 * 32);
    for settings in ALL {
        let found = decode(&encode(&source, Rgb, 32, 32, &settings, &PLAIN).expect("a file"), Rgb);
        let difference = largest_difference(&source, &found.pixels);
        assert!(difference <= 4, "{settings:?}: {difference}");
    }
}

#[test]
fn files_larger_than_the_first_buffer_are_whole() {
    let source = noise(400, 300);
    for settings in ALL {
        let settings = Settings { quality: 100, ..settings };
        let file = encode(&source, Rgb, 400, 300, &settings, &PLAIN).expect("a file");
        assert!(file.len() > 150_000, "{}", file.len());
        assert!(file.ends_with(&[0xFF, 0xD9]), "{settings:?}");
        assert_eq!(decode(&file, Rgb).size, (400, 300));
    }
}

#[test]
fn metadata_come_back() {
    let exif = |length: usize| [b"II*\0\x08\0\0\0".to_vec(), vec![7; length - 8]].concat();
    let profile = |length: usize| (0..length).map(|at| (at % 251) as u8).collect::<Vec<u8>>();
    let source = ramps(Rgb, 20, 20);
    for (exif, profile) in [
        (Some(exif(8)), None),
        (None, Some(profile(200))),
        (Some(exif(MAX_EXIF)), Some(profile(65_519))),
        (None, Some(profile(65_520))),
        (None, Some(profile(MAX_PROFILE))),
    ] {
        let metadata = Metadata { exif: exif.as_deref(), profile: profile.as_deref() };
        let file = encode(&source, Rgb, 20, 20, &FINE, &metadata).expect("a file");
        assert_eq!(decode(&file, Rgb).size, (20, 20));
        assert_eq!(segments(&file, 0xE0, b"JFIF\0").len(), 1);
        assert!(segments(&file, 0xE1, b"Exif\0\0").into_iter().next() == exif);
        let parts = segments(&file, 0xE2, b"ICC_PROFILE\0");
        let count = parts.len();
        for (part, number) in parts.iter().zip(1..) {
            assert_eq!([usize::from(part[0]), usize::from(part[1])], [number, count]);
        }
        assert_eq!(count, profile.as_ref().map_or(0, |profile: &Vec<u8>| profile.len().div_ceil(65_519)));
        assert!(parts.iter().flat_map(|part| &part[2..]).eq(profile.iter().flatten()));
    }
    for (exif, profile) in [(MAX_EXIF + 1, 0), (0, MAX_PROFILE + 1)] {
        let (exif, profile) = (vec![0; exif], vec![0; profile]);
        let metadata = Metadata { exif: Some(&exif), profile: Some(&profile) };
        assert_eq!(encode(&source, Rgb, 20, 20, &FINE, &metadata), Err(EncodeError::Metadata));
    }
}

#[test]
fn more_quality_is_more_bytes_and_less_difference() {
    let source = ramps(Rgb, 200, 150);
    let mut last: Option<(usize, u64)> = None;
    for quality in [1, 20, 60, 90, 100] {
        let file = encode(&source, Rgb, 200, 150, &Settings { quality, ..FINE }, &PLAIN).expect("a file");
        let found = decode(&file, Rgb).pixels;
        let difference = found.iter().zip(&source).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        if let Some((bytes, before)) = last {
            assert!(bytes < file.len() && before > difference, "quality {quality}");
        }
        last = Some((file.len(), difference));
    }
}

#[test]
fn a_quarter_of_the_chroma_is_fewer_bytes() {
    let source = noise(64, 64);
    let [whole, quarter] = [Chroma::Whole, Chroma::Quarter].map(|chroma| {
        encode(&source, Rgb, 64, 64, &Settings { chroma, ..FINE }, &PLAIN).expect("a file").len()
    });
    assert!(quarter * 3 < whole * 2, "{quarter} and {whole}");
}

#[test]
fn more_effort_and_more_scans_are_fewer_bytes() {
    let rough: Vec<u8> =
        ramps(Rgb, 300, 200).iter().zip(noise(300, 200)).map(|(a, b)| a / 2 + b / 4).collect();
    let size = |order, effort| {
        let settings = Settings { quality: 75, order, effort, ..FINE };
        encode(&rough, Rgb, 300, 200, &settings, &PLAIN).expect("a file").len()
    };
    let [quick, thorough] = [Effort::Quick, Effort::Thorough]
        .map(|effort| (size(Order::Baseline, effort), size(Order::Progressive, effort)));
    assert!(thorough.0 < quick.0 && thorough.1 < quick.1, "{thorough:?} {quick:?}");
    assert!(thorough.1 < thorough.0, "{thorough:?}");
}

#[test]
fn impossible_sizes_are_refused() {
    for (width, height) in
        [(0, 0), (0, 1), (1, 0), (MAX_SIDE + 1, 1), (1, MAX_SIDE + 1), (u32::MAX, u32::MAX)]
    {
        for layout in [Grey, Rgb] {
            for bytes in [0, (MAX_SIDE as usize + 1) * layout.bytes()] {
                let refused = encode(&vec![0; bytes], layout, width, height, &FINE, &PLAIN);
                assert_eq!(refused, Err(EncodeError::Size { width, height }));
            }
        }
    }
}

#[test]
fn other_numbers_of_samples_are_refused() {
    for layout in [Grey, Rgb] {
        let expected = 5 * 7 * layout.bytes();
        for found in [0, 1, expected - layout.bytes(), expected - 1, expected + 1, expected * 2] {
            let refused = encode(&vec![0; found], layout, 5, 7, &FINE, &PLAIN);
            if found != expected {
                assert_eq!(refused, Err(EncodeError::Length { found, expected }));
            }
        }
    }
}

#[test]
fn qualities_out_of_range_are_refused() {
    for quality in [0, 101, 255] {
        let refused = encode(&[0; 3], Rgb, 1, 1, &Settings { quality, ..FINE }, &PLAIN);
        assert_eq!(refused, Err(EncodeError::Settings), "{quality}");
    }
}

#[test]
fn pictures_beside_each_other_do_not_mix() {
    let picture = |index: u8| [index, 255 - index, 60].repeat(40 * 30);
    let make = |index| encode(&picture(index), Rgb, 40, 30, &FINE, &PLAIN).expect("a file");
    let alone: Vec<Vec<u8>> = (0..64).map(make).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let alone = &alone;
            scope.spawn(move || {
                for step in 0..64_u16 {
                    let index = ((step * 5 + thread * 16) % 64) as u8;
                    assert!(make(index) == alone[usize::from(index)], "picture {index}");
                }
            });
        }
    });
}
