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
