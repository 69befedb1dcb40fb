//! The coded picture of a small AVIF file, whose colours are known.

// The whole file is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use safelight_rav1d::{DecodeError, Decoder, Layout, Picture, Settings};

const WIDTH: u32 = 48;
const HEIGHT: u32 = 32;
const SETTINGS: Settings = Settings { max_pixels: WIDTH * HEIGHT, operating_point: 0 };

/// The AV1 data of a file that holds nothing else at its end.
fn unit(file: &[u8]) -> &[u8] {
    let start = file.windows(4).position(|name| name == b"mdat").expect("data") + 4;
    &file[start..]
}

fn yuv420() -> Vec<u8> {
    unit(include_bytes!("../../pixels/tests/golden/inputs/420.avif")).to_vec()
}

fn decode(unit: &[u8]) -> Result<Option<Picture>, DecodeError> {
    Decoder::new(&SETTINGS).expect("a decoder").decode(unit)
}

fn mean(plane: &[u16], width: usize, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> f64 {
    let count = columns.len() * rows.len();
    let sum: u32 = rows
        .flat_map(|y| columns.clone().map(move |x| (x, y)))
        .map(|(x, y)| u32::from(plane[y * width + x]))
        .sum();
    f64::from(sum) / count as f64
}

#[test]
fn a_picture_has_the_colours_that_were_put_in() {
    let picture = decode(&yuv420()).expect("sound").expect("a picture");
    assert_eq!((picture.width, picture.height, picture.depth), (WIDTH, HEIGHT, 8));
    assert_eq!((picture.layout, picture.color.full_range), (Layout::Yuv420, true));
    assert_eq!(picture.planes.each_ref().map(Vec::len), [48 * 32, 24 * 16, 24 * 16]);
    // Near the middles of the four quarters: red, green, blue and yellow.
    for (columns, rows, [r, g, b]) in [
        (11..13, 11..13, [165.5, 30.0, 40.0]),
        (35..37, 7..9, [30.0, 168.5, 50.0]),
        (11..13, 23..25, [20.0, 50.0, 166.5]),
        (35..37, 23..25, [220.0, 105.5, 40.0]),
    ] {
        // BT.601 in full range.
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        let expected = [luma, 128.0 + (b - luma) / 1.772, 128.0 + (r - luma) / 1.402];
        let halved = |range: &std::ops::Range<usize>| range.start / 2..range.end.div_ceil(2);
        let found = [
            mean(&picture.planes[0], 48, columns.clone(), rows.clone()),
            mean(&picture.planes[1], 24, halved(&columns), halved(&rows)),
            mean(&picture.planes[2], 24, halved(&columns), halved(&rows)),
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 8.0, "{columns:?} {rows:?}: {found} instead of {expected}");
        }
    }
}

#[test]
fn ten_bits_and_grey_keep_their_kind() {
    let deep = decode(unit(include_bytes!("../../pixels/tests/golden/inputs/ten-bit-p3.avif")));
    let deep = deep.expect("sound").expect("a picture");
    assert_eq!((deep.depth, deep.layout), (10, Layout::Yuv444));
    let brightest = deep.planes[0].iter().max().expect("samples");
    assert!((1000..1024).contains(brightest), "{brightest}");
    let grey = decode(unit(include_bytes!("../../pixels/tests/golden/inputs/grey.avif")));
    let grey = grey.expect("sound").expect("a picture");
    assert_eq!((grey.layout, grey.planes[1].len()), (Layout::Mono, 0));
}

#[test]
fn a_picture_beyond_the_limit_is_refused() {
    let settings = Settings { max_pixels: WIDTH * HEIGHT - 1, ..SETTINGS };
    let made = Decoder::new(&settings).expect("a decoder").decode(&yuv420());
    assert_eq!(made, Err(DecodeError::TooLarge));
}

#[test]
fn settings_and_data_are_checked() {
    for settings in [Settings { max_pixels: 0, ..SETTINGS }, Settings { operating_point: 32, ..SETTINGS }] {
        assert!(matches!(Decoder::new(&settings), Err(DecodeError::Settings)));
    }
    assert_eq!(decode(b""), Err(DecodeError::Empty));
    assert_eq!(decode(&[0xFF; 40]), Err(DecodeError::Broken));
}

#[test]
fn broken_data_gives_a_picture_or_an_error() {
    let sound = yuv420();
    let mut refused = 0;
    for at in 0..sound.len() * 8 {
        let mut bent = sound.clone();
        bent[at / 8] ^= 1 << (at % 8);
        match decode(&bent) {
            Ok(Some(picture)) => assert!(picture.width * picture.height <= SETTINGS.max_pixels),
            Ok(None) | Err(_) => refused += 1,
        }
    }
    for end in 1..sound.len() {
        let _ = decode(&sound[..end]);
    }
    assert!(refused > 0, "some bits matter");
}

#[test]
fn a_decoder_goes_on_after_an_error() {
    let mut decoder = Decoder::new(&SETTINGS).expect("a decoder");
    assert!(decoder.decode(&[0xFF; 40]).is_err());
    let first = decoder.decode(&yuv420()).expect("sound");
    assert!(first.is_some());
    assert_eq!(decoder.decode(&yuv420()).expect("sound"), first);
}
