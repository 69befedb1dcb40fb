//! Sizes are refused on the header, before anything of their size is allocated.

// The whole file is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use safelight_domain::image::{SourceFormat, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Fit, Side, Transform};
use safelight_pixels::{Fault, Source, probe, render};

/// A sound PNG of one black pixel, 1 bit grey.
const DOT: &[u8] = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\x01\0\0\0\x01\x01\0\0\0\0\x37\x6E\xF9\x24\
    \0\0\0\x0AIDATx\x01c`\0\0\0\x02\0\x01\x73\x75\x01\x18\0\0\0\0IEND\xAE\x42\x60\x82";

fn alone(file: &[u8]) -> Source<'_> {
    Source { file, overlays: &[] }
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = DOT.to_vec();
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    file
}

fn gif(width: u16, height: u16) -> Vec<u8> {
    let sides = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [b"GIF89a", sides.as_slice(), b"\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02L\x01\0;"].concat()
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    [b"\xFF\xD8\xFF\xC0\0\x0B\x08", sides.as_slice(), b"\x01\x01\x11\0\xFF\xDA\0\x08\x01\x01\0\0\x3F\0"]
        .concat()
}

fn webp(width: u32, height: u32) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    [b"RIFF\x40\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0".to_vec(), side(width), side(height)].concat()
}

fn with_sides(width: u64, height: u64) -> Transform {
    Transform {
        fit: Fit::Contain,
        width: Side::parse(width).ok(),
        height: Side::parse(height).ok(),
        ..Transform::default()
    }
}

#[test]
fn headers_that_claim_too_much_are_refused() {
    let limits = SourceLimits::CLOUDFLARE;
    for (file, width, height) in [
        (png(60_000, 60_000), 60_000, 60_000),
        (png(u32::MAX, u32::MAX), u32::MAX, u32::MAX),
        (png(12_001, 1), 12_001, 1),
        (png(12_000, 12_000), 12_000, 12_000),
        (gif(65_535, 65_535), 65_535, 65_535),
        (jpeg(65_500, 65_500), 65_500, 65_500),
        (jpeg(1, 12_001), 1, 12_001),
        (webp(16_777_216, 16_777_216), 16_777_216, 16_777_216),
        (webp(1, 12_001), 1, 12_001),
    ] {
        let expected = Fault::TooLarge { width, height, side: 12_000, area: 100_000_000 };
        assert_eq!(probe(&file, &limits), Err(expected.clone()));
        for format in OutputFormat::ALL {
            assert_eq!(render(&alone(&file), &with_sides(10, 10), format, &limits), Err(expected.clone()));
        }
    }
}

#[test]
fn pictures_without_pixels_are_corrupt() {
    for file in [png(0, 1), png(1, 0), gif(0, 5), jpeg(5, 0)] {
        assert!(matches!(probe(&file, &SourceLimits::CLOUDFLARE), Err(Fault::Corrupt(_))));
    }
}

#[test]
fn the_limits_are_those_given() {
    let source = probe(DOT, &SourceLimits { side: 1, area: 1 }).expect("one pixel");
    assert_eq!((source.format, source.width, source.height), (SourceFormat::Png, 1, 1));
    for (limits, fine) in [
        (SourceLimits { side: 40, area: 800 }, true),
        (SourceLimits { side: 39, area: 800 }, false),
        (SourceLimits { side: 40, area: 799 }, false),
    ] {
        assert_eq!(probe(&png(40, 20), &limits).is_ok(), fine, "{limits:?}");
    }
}

#[test]
fn enlarging_ends_at_the_same_limits() {
    let limits = SourceLimits { side: 100, area: 5_000 };
    let made = render(&alone(DOT), &with_sides(70, 70), OutputFormat::Png, &limits).expect("within limits");
    assert_eq!((made.width, made.height), (70, 70));
    for side in [71, 101, 12_000] {
        let fault =
            render(&alone(DOT), &with_sides(side, side), OutputFormat::Png, &limits).expect_err("too large");
        assert!(matches!(&fault, Fault::OutputTooLarge { side: 100, .. }), "{fault}");
    }
}

#[test]
fn a_webp_has_its_own_longest_side() {
    let limits = SourceLimits { side: 20_000, area: 100_000_000 };
    let fault = render(&alone(&png(16_384, 1)), &Transform::default(), OutputFormat::WebP, &limits);
    assert!(matches!(fault, Err(Fault::OutputTooLarge { side: 16_383, .. })));
}

#[test]
fn a_bitstream_that_contradicts_its_container_is_corrupt() {
    let mut file = webp(10, 10);
    file.extend_from_slice(b"VP8 \x0A\0\0\0\0\0\0\x9D\x01\x2A\xFF\x3F\xFF\x3F");
    let limits = SourceLimits::CLOUDFLARE;
    assert!(matches!(probe(&file, &limits), Err(Fault::Corrupt(_))));
    assert!(matches!(
        render(&alone(&file), &Transform::default(), OutputFormat::Png, &limits),
        Err(Fault::Corrupt(_))
    ));
}

/// A GIF of that many frames of one pixel.
fn animation(width: u16, height: u16, frames: usize) -> Vec<u8> {
    let file = gif(width, height);
    // Screen and terminator aside, what `gif` writes is a frame.
    let (screen, rest) = file.split_at(13);
    [screen, &rest[..rest.len() - 1].repeat(frames), b";"].concat()
}

#[test]
fn frames_count_together() {
    let limits = SourceLimits { side: 100, area: 5_000 };
    let source = probe(&animation(10, 10, 50), &limits).expect("within limits");
    assert_eq!(source.frames, 50);
    let fault =
        Fault::TooMuchAnimation { width: 10, height: 10, frames: 51, max_frames: 10_000, area: 5_000 };
    assert_eq!(probe(&animation(10, 10, 51), &limits), Err(fault.clone()));
    assert!(fault.to_string().contains("51 frames of 10x10 pixels"), "{fault}");
    for format in [OutputFormat::WebP, OutputFormat::Png, OutputFormat::Json] {
        let made = render(&alone(&animation(10, 10, 51)), &Transform::default(), format, &limits);
        assert_eq!(made, Err(fault.clone()));
    }
}

#[test]
fn frames_of_a_rendition_count_together() {
    let limits = SourceLimits { side: 100, area: 5_000 };
    // With a palette of two colours, so that it can be decoded.
    let mut file = animation(10, 10, 13);
    file[10] = 0x80;
    file.splice(13..13, [0, 0, 0, 255, 255, 255]);
    let made = |side, format, options: &str| {
        let plain = Transform::from_canonical(options).expect("options");
        let sides = with_sides(side, side);
        let transform = Transform { trim: plain.trim, animation: plain.animation, ..sides };
        render(&alone(&file), &transform, format, &limits).map(|made| made.width)
    };
    let fault =
        Fault::TooMuchAnimation { width: 20, height: 20, frames: 13, max_frames: 10_000, area: 5_000 };
    for format in [OutputFormat::WebP, OutputFormat::Gif] {
        assert_eq!(made(19, format, "fit=contain"), Ok(19));
        assert_eq!(made(20, format, "fit=contain"), Err(fault.clone()));
        // The size is known when the first frame is.
        assert_eq!(made(20, format, "fit=contain,trim=border"), Err(fault.clone()));
        assert_eq!(made(20, format, "fit=contain,anim=false"), Ok(20));
    }
    assert_eq!(made(20, OutputFormat::Png, "fit=contain"), Ok(20));
}

#[test]
fn even_the_smallest_frames_are_counted() {
    let limits = SourceLimits::CLOUDFLARE;
    assert!(probe(&animation(1, 1, 10_000), &limits).is_ok());
    let fault = probe(&animation(1, 1, 10_001), &limits);
    assert!(matches!(fault, Err(Fault::TooMuchAnimation { frames: 10_001, .. })), "{fault:?}");
}

#[test]
fn an_svg_has_no_pixels_and_pixels_are_no_svg() {
    let (limits, plain) = (SourceLimits::CLOUDFLARE, Transform::default());
    let svg = b"<svg width='30' height='20'><script/><rect/></svg>";
    let source = probe(svg, &limits).expect("sound");
    assert_eq!((source.format, source.width, source.height), (SourceFormat::Svg, 30, 20));
    let made = render(&alone(svg), &with_sides(5, 5), OutputFormat::Svg, &limits).expect("sound");
    let text = "<svg xmlns=\"http://www.w3.org/2000/svg\" height=\"20\" width=\"30\"><rect/></svg>";
    assert_eq!((made.bytes.as_slice(), made.width, made.height), (text.as_bytes(), 30, 20));
    for format in OutputFormat::ALL {
        let refused = match format {
            OutputFormat::Svg => render(&alone(DOT), &plain, format, &limits),
            OutputFormat::Json => continue,
            _ => render(&alone(svg), &plain, format, &limits),
        };
        assert_eq!(refused, Err(Fault::SvgConversion), "{}", format.as_str());
    }
    let squeezed = probe(b"\x1F\x8B\x08\0\0", &limits);
    assert!(matches!(squeezed, Err(Fault::Corrupt(text)) if text.contains("compressed")));
}

#[test]
fn json_tells_sizes_without_a_look_at_the_pixels() {
    let limits = SourceLimits::CLOUDFLARE;
    let made =
        render(&alone(&png(40, 20)), &with_sides(10, 10), OutputFormat::Json, &limits).expect("a size");
    assert_eq!((made.width, made.height), (10, 5));
    let bytes = DOT.len();
    let expected = format!(
        "{{\"width\":10,\"height\":5,\"frames\":1,\"original\":{{\"file_size\":{bytes},\"width\":40,\"height\":20,\"format\":\"image/png\"}}}}"
    );
    assert_eq!(String::from_utf8(made.bytes).expect("text"), expected);
}

#[test]
fn other_files_are_not_supported() {
    for file in [b"".as_slice(), b"GIF", b"\xFF\xD8", b"BM\0\0\0\0", b"<html/>", b"%PDF-1.7"] {
        assert_eq!(probe(file, &SourceLimits::CLOUDFLARE), Err(Fault::Unsupported));
    }
}

#[test]
fn the_world_is_told_numbers_and_never_a_decoders_words() {
    let corrupt = Fault::Corrupt("a decoder's words".to_owned());
    assert_eq!(corrupt.to_string(), "the image cannot be decoded: a decoder's words");
    assert_eq!(corrupt.public(), "the image data is damaged, or of a kind that is not supported");
    assert_eq!(Fault::CannotEncode("words".to_owned()).public(), "the image cannot be encoded");
    let large = Fault::TooLarge { width: 5, height: 6, side: 3, area: 4 };
    assert_eq!(large.public(), large.to_string());
    let nothing = render(
        &alone(DOT),
        &Transform::from_fields([("trim", "9;9;9;9")]).expect("an option"),
        OutputFormat::Png,
        &SourceLimits::CLOUDFLARE,
    );
    assert!(matches!(nothing, Err(Fault::NothingLeft { .. })), "{nothing:?}");
}
