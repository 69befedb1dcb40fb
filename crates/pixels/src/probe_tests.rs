use super::*;

const LIMITS: SourceLimits = SourceLimits::CLOUDFLARE;

fn vp8x(width: u32, height: u32, inner: (u16, u16)) -> Vec<u8> {
    let mut file = b"RIFF\0\x01\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0".to_vec();
    file.extend_from_slice(&(width - 1).to_le_bytes()[..3]);
    file.extend_from_slice(&(height - 1).to_le_bytes()[..3]);
    file.extend_from_slice(b"VP8 \x0A\0\0\0\0\0\0\x9D\x01\x2A");
    file.extend_from_slice(&inner.0.to_le_bytes());
    file.extend_from_slice(&inner.1.to_le_bytes());
    file
}

fn gif(frame: (u16, u16), transparent: u8) -> Vec<u8> {
    let mut file = b"GIF89a\x0A\0\x08\0\0\0\0\x21\xF9\x04".to_vec();
    file.extend_from_slice(&[transparent, 0, 0, 0, 0, 0x2C, 0, 0, 0, 0]);
    file.extend_from_slice(&frame.0.to_le_bytes());
    file.extend_from_slice(&frame.1.to_le_bytes());
    file
}

#[test]
fn formats_are_told_by_content() {
    for (start, expected) in [
        (b"\xFF\xD8\xFF\xE0".as_slice(), Some(SourceFormat::Jpeg)),
        (b"\x89PNG\r\n\x1A\n", Some(SourceFormat::Png)),
        (b"RIFF\0\0\0\0WEBP", Some(SourceFormat::WebP)),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"GIF89a", Some(SourceFormat::Gif)),
        (b"GIF88a", None),
        (b"BM", None),
        (b"", None),
        (b"<svg width=\"1\">", Some(SourceFormat::Svg)),
        (b"<svgx>", None),
        (b"\0\0\0\x14ftypavif\0\0\0\0mif1", Some(SourceFormat::Avif)),
        (b"\0\0\0\x14ftypmif1\0\0\0\0heic", Some(SourceFormat::Avif)),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp42", None),
        (b"\0\0\0\x14ftypisomavif", None),
        (b"\xFF\x0A", Some(SourceFormat::Jxl)),
        (b"\0\0\0\x0CJXL \r\n\x87\n", Some(SourceFormat::Jxl)),
    ] {
        assert_eq!(format(start), expected, "{start:?}");
    }
}

#[test]
fn a_jpeg_is_read_up_to_its_first_scan() {
    let mut file = b"\xFF\xD8\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\0".to_vec();
    file.extend_from_slice(b"stray\xFF\xFF\xC2\0\x08\x08\x01\x02\x03\x04\x03");
    file.extend_from_slice(b"\xFF\xE1\0\x0CExif\0\0MMMM\xFF\xDA\0\0");
    let found = header(&file, &LIMITS).expect("a header");
    assert_eq!((found.info.width, found.info.height), (0x0304, 0x0102));
    assert_eq!(found.ink, Ink::Inverted);
    assert_eq!(found.exif, Some(b"Exif\0\0MMMM".as_slice()));
}

#[test]
fn a_webp_must_agree_with_itself() {
    assert!(header(&vp8x(100, 50, (100, 50)), &LIMITS).is_ok());
    let fault = header(&vp8x(100, 50, (16_383, 16_383)), &LIMITS).expect_err("contradiction");
    assert!(matches!(fault, Fault::Corrupt(_)), "{fault}");
}

#[test]
fn a_gif_is_transparent_where_its_first_frame_leaves_room() {
    for (frame, flag, expected) in
        [((10, 8), 0, false), ((10, 8), 1, true), ((9, 8), 0, true), ((20, 20), 0, false)]
    {
        let file = gif(frame, flag);
        let found = header(&file, &LIMITS).expect("a header").info;
        assert_eq!((found.width, found.height, found.has_alpha), (10, 8, expected), "{frame:?} {flag}");
    }
}

/// Bits of a JPEG XL header, from the lowest of each byte.
fn jxl_file(parts: &[(u32, u32)]) -> Vec<u8> {
    let mut bits = Vec::new();
    for &(value, count) in parts {
        bits.extend((0..count).map(|place| (value >> place & 1) as u8));
    }
    bits.resize(bits.len() + 64, 0);
    let bytes = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | bit));
    [0xFF, 0x0A].into_iter().chain(bytes).collect()
}

#[test]
fn a_jpeg_xl_tells_its_size_in_several_ways() {
    // Small or not, height, ratio, width, and that everything else is the default.
    for (parts, expected) in [
        (&[(1, 1), (4, 5), (0, 3), (9, 5), (1, 1)][..], (80, 40)),
        (&[(1, 1), (4, 5), (1, 3), (1, 1)], (40, 40)),
        (&[(0, 1), (0, 2), (299, 9), (4, 3), (1, 1)], (450, 300)),
        (&[(0, 1), (1, 2), (999, 13), (0, 3), (0, 2), (9, 9), (1, 1)], (10, 1000)),
        // Extra fields, with an orientation that swaps the sides.
        (&[(1, 1), (4, 5), (0, 3), (9, 5), (0, 1), (1, 1), (5, 3)], (40, 80)),
    ] {
        let found = header(&jxl_file(parts), &LIMITS).expect("sound").info;
        assert_eq!((found.width, found.height, found.frames), (expected.0, expected.1, 1), "{parts:?}");
        assert!(!found.has_alpha);
    }
    let large = [(0, 1), (3, 2), ((1 << 30) - 1, 30), (7, 3), (1, 1)];
    assert!(matches!(header(&jxl_file(&large), &LIMITS), Err(Fault::TooLarge { .. })));
    assert!(matches!(header(&[0xFF, 0x0A], &LIMITS), Err(Fault::Corrupt(_))));
}

#[test]
fn a_jpeg_xl_in_pieces_is_put_together() {
    let whole = include_bytes!("../tests/golden/inputs/alpha.jxl");
    let mut file = b"\0\0\0\x0CJXL \r\n\x87\n".to_vec();
    for (index, piece) in jxl::codestream(whole, usize::MAX).chunks(7).enumerate() {
        file.extend((piece.len() as u32 + 12).to_be_bytes());
        file.extend(b"jxlp");
        file.extend((index as u32).to_be_bytes());
        file.extend(piece);
    }
    assert_eq!(jxl::codestream(&file, usize::MAX), jxl::codestream(whole, usize::MAX));
    let (one, other) = (header(&file, &LIMITS), header(whole, &LIMITS));
    assert_eq!(one.expect("sound").info, other.expect("sound").info);
}
