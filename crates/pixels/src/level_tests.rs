use super::*;
use crate::frame::Channels;
use safelight_domain::options::Options;

const LIMITS: SourceLimits = SourceLimits::CLOUDFLARE;

/// Waves of several lengths, brighter to the right and greener to the bottom.
fn picture(channels: Channels) -> Frame {
    let (width, height) = (1200_u32, 1000_u32);
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let wave = (f64::from(x) / 31.0).sin() * (f64::from(y) / 47.0).cos() * 50.0;
            let (right, down) = (f64::from(x) / 10.0, f64::from(y) / 10.0);
            let samples = [90.0 + wave + right / 2.0, 60.0 + wave + down, 120.0 - wave, 255.0 - right];
            pixels.extend(samples.iter().take(channels.count()).map(|sample| *sample as u8));
        }
    }
    Frame::new(width, height, channels, pixels).expect("a size")
}

fn file(format: OutputFormat, channels: Channels) -> Vec<u8> {
    let best = Options::parse("quality=100").expect("options").transform;
    encode::encode(&picture(channels), &encode::Encoding::new(&best, format.into())).expect("a file")
}

/// A JPEG with an EXIF block that turns it by a quarter.
fn turned() -> Vec<u8> {
    let plain = file(OutputFormat::Jpeg, Channels::Rgb);
    let exif = [&b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01"[..], &[1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0], &[0; 4]]
        .concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&plain[..2], &[0xFF, 0xE1], &length, &exif, &plain[2..]].concat()
}

fn decoded(file: &[u8]) -> Frame {
    let header = probe::header(file, &LIMITS).expect("sound");
    color::convert(decode::decode(file, &header).expect("decodes"), Gamut::Srgb).expect("colours").0
}

/// The same rendition from the original and from the level that is chosen for it.
fn both(original: &[u8], options: &str, format: OutputFormat) -> (Frame, Frame) {
    let transform = Options::parse(options).expect("options").transform;
    let made = levels(original, 2, &LIMITS).expect("levels");
    let divisors: Vec<u32> = made.iter().map(|level| level.divisor).collect();
    let info = crate::probe(original, &LIMITS).expect("sound");
    let divisor = level_for(&info, &transform, format, &LIMITS, &divisors).expect("a level will do");
    let level = made.iter().find(|level| level.divisor == divisor).expect("it was made");
    let source = |file| Source { file, overlays: &[] };
    let from_original = crate::render(&source(original), &transform, format, &LIMITS).expect("a rendition");
    let from_level =
        crate::render_level(&source(&level.bytes), &transform, format, &LIMITS).expect("the same");
    (decoded(&from_original.bytes), decoded(&from_level.bytes))
}

#[test]
fn a_level_gives_what_the_original_gives() {
    let jpeg = file(OutputFormat::Jpeg, Channels::Rgb);
    let (grey, alpha) = (file(OutputFormat::Png, Channels::Grey), file(OutputFormat::Png, Channels::Rgba));
    for (name, original, options) in [
        ("colours", &jpeg, "w=200"),
        ("a cut", &jpeg, "fit=cover,w=100,h=150,gravity=0x1"),
        ("padding and a turn", &jpeg, "fit=pad,w=300,h=120,background=red,rotate=90"),
        ("EXIF", &turned(), "w=150"),
        ("a cut of what is turned", &turned(), "fit=crop,w=200,h=90,gravity=top"),
        ("blur", &jpeg, "w=120,blur=3,sharpen=1"),
        ("grey", &grey, "w=200"),
        ("transparency", &alpha, "w=200"),
    ] {
        let (expected, found) = both(original, options, OutputFormat::Png);
        assert_eq!((found.width(), found.height()), (expected.width(), expected.height()), "{name}");
        assert_eq!(found.channels(), expected.channels(), "{name}");
        let off = found.pixels().iter().zip(expected.pixels()).map(|(a, b)| a.abs_diff(*b));
        let (most, sum) = off.fold((0, 0), |(most, sum), off| (off.max(most), sum + u64::from(off)));
        let mean = sum as f64 / found.pixels().len() as f64;
        assert!(most <= 12 && mean < 1.0, "{name}: off by {most} at most and {mean} in the mean");
    }
}

#[test]
fn metadata_comes_from_the_original() {
    let original = turned();
    let transform = Options::parse("w=100,metadata=keep").expect("options").transform;
    let level = levels(&original, 4, &LIMITS).expect("levels").remove(0);
    let exif = |bytes: &[u8]| probe::header(bytes, &LIMITS).expect("sound").exif.map(<[u8]>::to_vec);
    let source = |file| Source { file, overlays: &[] };
    let expected = crate::render(&source(&original), &transform, OutputFormat::Jpeg, &LIMITS);
    let found = crate::render_level(&source(&level.bytes), &transform, OutputFormat::Jpeg, &LIMITS);
    assert!(exif(&original).is_some());
    assert_eq!(exif(&found.expect("made").bytes), exif(&expected.expect("made").bytes));
}

#[test]
fn divisors_follow_the_size() {
    let info = |width, height, frames| SourceInfo {
        format: SourceFormat::Jpeg,
        width,
        height,
        has_alpha: false,
        frames,
        turn: Turn::Upright,
    };
    for (width, height, first, expected) in [
        (4032, 3024, 2, &[2, 4, 8, 16][..]),
        (4032, 3024, 4, &[4, 8, 16]),
        (1000, 1000, 2, &[2, 4]),
        (1000, 999, 2, &[]),
        (100, 10_000, 4, &[4, 8, 16, 32]),
        (12_000, 8_000, 2, &[2, 4, 8, 16, 32]),
    ] {
        assert_eq!(divisors(&info(width, height, 1), first), expected, "{width}x{height}");
    }
    assert_eq!(divisors(&info(4000, 3000, 2), 2), &[]);
    let svg = SourceInfo { format: SourceFormat::Svg, ..info(4000, 3000, 1) };
    assert_eq!(divisors(&svg, 2), &[]);
}

#[test]
fn the_smallest_level_that_serves_is_chosen() {
    let info = |turn| SourceInfo {
        format: SourceFormat::Jpeg,
        width: 4000,
        height: 3000,
        has_alpha: true,
        frames: 1,
        turn,
    };
    let all = [2, 4, 8, 16];
    let chosen = |options: &str, turn| {
        let Options { transform, .. } = Options::parse(options).expect("options");
        level_for(&info(turn), &transform, OutputFormat::WebP, &LIMITS, &all)
    };
    for (options, upright, sideways, unknown) in [
        ("w=1601", None, None, None),
        ("w=1600", Some(2), None, None),
        ("w=1200", Some(2), Some(2), Some(2)),
        ("w=800", Some(4), Some(2), Some(2)),
        ("w=200", Some(16), Some(8), Some(8)),
        ("w=10", Some(16), Some(16), Some(16)),
        ("h=600", Some(4), Some(4), Some(4)),
        ("h=601", Some(2), Some(4), Some(2)),
        ("fit=cover,w=100,h=800", Some(2), Some(4), Some(2)),
        ("fit=squeeze,w=100,h=600", Some(4), Some(4), Some(4)),
        ("fit=cover,w=200,h=200,gravity=auto", None, None, None),
        ("w=200,trim=border", None, None, None),
        ("w=200,trim.left=9", None, None, None),
        ("w=200,gamut=display-p3", None, None, None),
        ("blur=3", None, None, None),
    ] {
        let found = [Turn::Upright, Turn::Sideways, Turn::Unknown].map(|turn| chosen(options, turn));
        assert_eq!(found, [upright, sideways, unknown], "{options}");
    }
    let small = Options::parse("w=200").expect("options").transform;
    let still = info(Turn::Upright);
    let thorough = Output { format: OutputFormat::WebP, effort: Effort::Thorough };
    assert_eq!(level_for(&still, &small, thorough, &LIMITS, &all), None);
    assert_eq!(level_for(&still, &small, OutputFormat::Json, &LIMITS, &all), None);
    assert_eq!(level_for(&still, &small, OutputFormat::WebP, &LIMITS, &[4]), Some(4));
    let moving = SourceInfo { frames: 2, ..still };
    assert_eq!(level_for(&moving, &small, OutputFormat::WebP, &LIMITS, &all), None);
    assert_eq!(level_for(&moving, &small, OutputFormat::Jpeg, &LIMITS, &all), Some(16));
}

#[test]
fn what_is_no_level_is_refused() {
    let original = turned();
    let level = levels(&original, 4, &LIMITS).expect("levels").remove(0).bytes;
    let transform = Options::parse("w=50").expect("options").transform;
    let render = |file: &[u8], transform| {
        crate::render_level(&Source { file, overlays: &[] }, transform, OutputFormat::Png, &LIMITS)
    };
    assert!(render(&level, &transform).is_ok());
    assert_eq!(crate::probe(&level, &LIMITS), Err(Fault::Unsupported), "nobody can upload one");
    assert!(matches!(render(&original, &transform), Err(Fault::Corrupt(_))));
    let picture = level.windows(3).position(|bytes| bytes == [0xFF, 0xD8, 0xFF]).expect("a JPEG in it");
    for length in 0..picture + 2 {
        let cut = level.get(..length).expect("shorter");
        assert!(
            matches!(render(cut, &transform), Err(Fault::Corrupt(_) | Fault::Unsupported)),
            "{length} bytes"
        );
    }
    let vast = [&level[..6], &[0xFF; 8], &level[14..]].concat();
    assert!(matches!(render(&vast, &transform), Err(Fault::Corrupt(_))));
    let looking = Options::parse("fit=cover,w=50,h=50,gravity=face").expect("options").transform;
    assert!(matches!(render(&level, &looking), Err(Fault::CannotEncode(_))));
}
