use super::*;
use crate::probe;

const GRID: &[u8] = include_bytes!("../../tests/golden/inputs/grid.avif");
const CROPPED: &[u8] = include_bytes!("../../tests/golden/inputs/cropped.avif");
const ANIMATED: &[u8] = include_bytes!("../../tests/golden/inputs/animated.avif");
const LIMITS: SourceLimits = SourceLimits::CLOUDFLARE;

/// The file with other bytes at a place behind the first, or after it the next, of these names.
fn patched(file: &[u8], name: &[u8], skip: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let places: Vec<usize> = (0..file.len()).filter(|&at| file[at..].starts_with(name)).collect();
    assert!(!places.is_empty(), "there is such a box");
    for place in places {
        file[place + skip..place + skip + bytes.len()].copy_from_slice(bytes);
    }
    file
}

#[test]
fn sizes_are_refused_before_anything_is_decoded() {
    let side = 60_000_u32.to_be_bytes();
    let sides = [side, side].concat();
    for file in [patched(CROPPED, b"ispe", 8, &sides), patched(ANIMATED, b"ispe", 8, &sides)] {
        let fault = probe::header(&file, &LIMITS).map(|header| header.info);
        let animated = file.starts_with(&ANIMATED[..12]);
        // The size of a sequence is in its track, and a crop does not hide that of the whole.
        assert!(animated || matches!(fault, Err(Fault::TooLarge { width: 60_000, .. })), "{fault:?}");
    }
    let track = patched(ANIMATED, b"av01", 28, &[0xEA, 0x60, 0xEA, 0x60]);
    let fault = probe::header(&track, &LIMITS).map(|header| header.info);
    assert!(matches!(fault, Err(Fault::TooLarge { width: 60_000, .. })), "{fault:?}");
}

#[test]
fn all_frames_together_have_a_limit() {
    let info = probe::header(ANIMATED, &LIMITS).expect("sound").info;
    assert_eq!((info.width, info.height, info.frames), (48, 32, 3));
    let area = 48 * 32 * 3;
    assert!(probe::header(ANIMATED, &SourceLimits { area, ..LIMITS }).is_ok());
    let tight = SourceLimits { area: area - 1, ..LIMITS };
    assert!(matches!(probe::header(ANIMATED, &tight), Err(Fault::TooMuchAnimation { .. })));
    let many = patched(ANIMATED, b"stsz", 12, &u32::MAX.to_be_bytes());
    assert!(matches!(probe::header(&many, &LIMITS), Err(Fault::TooMuchAnimation { .. })));
}

#[test]
fn tiles_have_to_cover_the_grid() {
    assert!(probe::header(GRID, &LIMITS).is_ok());
    for (width, height) in [(1_u32, 1_u32), (96 + 1024, 96), (60_000, 96), (0, 96)] {
        // The sizes of the grid and of its tiles alike.
        let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
        let file = patched(GRID, b"ispe", 8, &sides);
        assert!(probe::header(&file, &LIMITS).is_err(), "{width}x{height}");
    }
    let file = patched(GRID, b"dimg", 0, b"wxyz");
    assert!(matches!(probe::header(&file, &LIMITS), Err(Fault::Corrupt(_))), "no references");
}

#[test]
fn turns_and_mirrors_become_one_orientation() {
    for (turns, axis, expected) in [
        (0, None, Orientation::AsStored),
        (1, None, Orientation::Rotate270),
        (2, None, Orientation::Rotate180),
        (3, None, Orientation::Rotate90),
        (0, Some(0), Orientation::FlipVertical),
        (0, Some(1), Orientation::FlipHorizontal),
        (1, Some(0), Orientation::Transpose),
        (1, Some(1), Orientation::Transverse),
        (2, Some(0), Orientation::FlipHorizontal),
        (2, Some(1), Orientation::FlipVertical),
        (3, Some(0), Orientation::Transverse),
        (3, Some(1), Orientation::Transpose),
    ] {
        assert_eq!(rotated(turns, axis), expected, "{turns} {axis:?}");
    }
}

#[test]
fn a_crop_is_whole_and_inside_or_ignored() {
    let numbers = |numbers: [u32; 8]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>();
    let cropped = |n| crop(Reader(&numbers(n)), (100, 50)).expect("long enough");
    let inside = |left, top, width, height| Some(Crop { left, top, width, height });
    assert_eq!(cropped([100, 1, 50, 1, 0, 1, 0, 1]), inside(0, 0, 100, 50));
    assert_eq!(cropped([40, 1, 20, 1, 0, 1, 0, 1]), inside(30, 15, 40, 20));
    let back = (-30_i32).cast_unsigned();
    assert_eq!(cropped([40, 1, 20, 1, back, 1, 15, 1]), inside(0, 30, 40, 20));
    assert_eq!(cropped([80, 2, 20, 1, 1, 2, 1, 2]), inside(30, 15, 40, 20));
    for ignored in [
        [101, 1, 50, 1, 0, 1, 0, 1],
        [0, 1, 50, 1, 0, 1, 0, 1],
        [40, 0, 20, 1, 0, 1, 0, 1],
        [40, 1, 20, 1, 31, 1, 0, 1],
        [40, 1, 20, 1, 0, 0, 0, 1],
        [40, 1, 20, 1, u32::MAX / 2, 1, 0, u32::MAX],
    ] {
        assert_eq!(cropped(ignored), None, "{ignored:?}");
    }
    assert!(crop(Reader(&[0; 31]), (100, 50)).is_err());
}

#[test]
fn other_codecs_are_named() {
    for (kind, name) in
        [(b"avc1", "H.264"), (b"vvc1", "H.266"), (b"j2k1", "JPEG 2000"), (b"wxyz", "this kind")]
    {
        let fault = codec(kind).expect_err("not decoded").to_string();
        assert!(fault.contains(name) && fault.ends_with("is not supported"), "{fault}");
    }
    let file = patched(CROPPED, b"av01", 0, b"avc1");
    assert!(matches!(probe::header(&file, &LIMITS), Err(Fault::Corrupt(text)) if text.contains("H.264")));
}
