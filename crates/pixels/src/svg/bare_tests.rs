use super::*;
use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;

/// What no picture may carry on.
const SECRET: &[u8] = b"52.5200N 13.4050E, and more than that";

const JPEG: &[u8] = include_bytes!("../../tests/golden/inputs/progressive.jpg");
const TURNED_JPEG: &[u8] = include_bytes!("../../tests/golden/inputs/orientation-6.jpg");
const INK: &[u8] = include_bytes!("../../tests/golden/inputs/ycck.jpg");
const WIDE: &[u8] = include_bytes!("../../tests/golden/inputs/display-p3.jpg");
const TURNED_PNG: &[u8] = include_bytes!("../../tests/golden/inputs/exif-6.png");
const MOVING_PNG: &[u8] = include_bytes!("../../tests/golden/inputs/moving-alpha.png");
const GIF: &[u8] = include_bytes!("../../tests/golden/inputs/moving-alpha.gif");
const LOSSY: &[u8] = include_bytes!("../../tests/golden/inputs/lossy-alpha.webp");
const TURNED_WEBP: &[u8] = include_bytes!("../../tests/golden/inputs/exif-6.webp");
const MOVING_WEBP: &[u8] = include_bytes!("../../tests/golden/inputs/moving-alpha.webp");
const ALL: [&[u8]; 10] =
    [JPEG, TURNED_JPEG, INK, WIDE, TURNED_PNG, MOVING_PNG, GIF, LOSSY, TURNED_WEBP, MOVING_WEBP];

/// The file with `part` in it from `at` on.
fn with(file: &[u8], at: usize, part: &[u8]) -> Vec<u8> {
    [&file[..at], part, &file[at..]].concat()
}

fn png_chunk(name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), body].concat();
    [&(body.len() as u32).to_be_bytes(), named.as_slice(), &check_sum(&named).to_be_bytes()].concat()
}

fn jpeg_segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    segment(&mut out, marker, body);
    out
}

/// A WebP with another chunk at its end.
fn webp_with(file: &[u8], name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut made = file.to_vec();
    put(&mut made, name, body);
    let length = (made.len() - 8) as u32;
    made[4..8].copy_from_slice(&length.to_le_bytes());
    made
}

/// An EXIF block with a secret, and the orientation 6.
fn exif() -> Vec<u8> {
    [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".as_slice(), SECRET].concat()
}

fn has_secret(file: &[u8]) -> bool {
    file.windows(SECRET.len()).any(|window| window == SECRET)
}

fn pixels(file: &[u8], format: OutputFormat) -> Vec<u8> {
    let source = crate::Source { file, overlays: &[] };
    let made = crate::render(&source, &Transform::default(), format, &SourceLimits::CLOUDFLARE);
    made.expect("a rendition").bytes
}

#[test]
fn what_is_left_shows_the_same() {
    for (index, file) in ALL.into_iter().enumerate() {
        let (_, once) = bare(file).unwrap_or_else(|| panic!("{index} is sound"));
        assert_eq!(bare(&once).map(|(_, twice)| twice).as_ref(), Some(&once), "{index}");
        for format in [OutputFormat::Png, OutputFormat::WebP] {
            assert!(pixels(file, format) == pixels(&once, format), "{index}");
        }
    }
}

#[test]
fn what_is_not_the_picture_goes() {
    let thumbnail = [b"JFIF\0\x01\x01\0\0\x01\0\x01\x05\x05".as_slice(), SECRET].concat();
    let adobe = [b"Adobe\0\x64\0\0\0\0\x02".as_slice(), SECRET].concat();
    let xmp = [b"\x0BXMP DataXMP".as_slice(), &[SECRET.len() as u8], SECRET, &[0]].concat();
    let comment = [&[SECRET.len() as u8], SECRET, &[0]].concat();
    let gif_end = 13 + palette_bytes(GIF[10]);
    let mut inner = MOVING_WEBP.to_vec();
    let frame_at = inner.windows(4).position(|name| name == b"ANMF").expect("a frame");
    let length = u32::from_le_bytes(inner[frame_at + 4..frame_at + 8].try_into().expect("four"));
    let mut hidden = Vec::new();
    put(&mut hidden, *b"XTRA", SECRET);
    inner = with(&inner, frame_at + 8 + length as usize, &hidden);
    let length = length + hidden.len() as u32;
    inner[frame_at + 4..frame_at + 8].copy_from_slice(&length.to_le_bytes());
    let riff = (inner.len() - 8) as u32;
    inner[4..8].copy_from_slice(&riff.to_le_bytes());
    for (index, file) in [
        with(JPEG, 2, &jpeg_segment(0xE1, &[b"Exif\0\0", exif().as_slice()].concat())),
        with(JPEG, 2, &jpeg_segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat())),
        with(JPEG, 2, &jpeg_segment(0xE2, &[b"MPF\0", SECRET].concat())),
        with(JPEG, 2, &jpeg_segment(0xED, SECRET)),
        with(JPEG, 2, &jpeg_segment(0xFE, SECRET)),
        with(JPEG, 2, &jpeg_segment(0xF0, SECRET)),
        with(JPEG, 2, &jpeg_segment(0xE0, &thumbnail)),
        with(INK, 2, &jpeg_segment(0xEE, &adobe)),
        with(JPEG, 20, SECRET),
        with(TURNED_PNG, 33, &png_chunk(*b"eXIf", &exif())),
        with(TURNED_PNG, 33, &png_chunk(*b"tEXt", SECRET)),
        with(TURNED_PNG, 33, &png_chunk(*b"iTXt", SECRET)),
        with(TURNED_PNG, 33, &png_chunk(*b"prVt", SECRET)),
        with(GIF, gif_end, &[b"\x21\xFE", comment.as_slice()].concat()),
        with(GIF, gif_end, &[b"\x21\xFF", xmp.as_slice()].concat()),
        webp_with(TURNED_WEBP, *b"XMP ", SECRET),
        webp_with(LOSSY, *b"EXIF", &exif()),
        webp_with(LOSSY, *b"XTRA", SECRET),
        inner,
    ]
    .into_iter()
    .chain(ALL.map(|file| [file, SECRET].concat()))
    .enumerate()
    {
        assert!(has_secret(&file), "{index}");
        let (_, once) = bare(&file).unwrap_or_else(|| panic!("{index} is sound"));
        assert!(!has_secret(&once), "{index}");
        assert_eq!(bare(&once).map(|(_, twice)| twice).as_ref(), Some(&once), "{index}");
    }
}

#[test]
fn an_orientation_stays() {
    let exif_jpeg = with(JPEG, 2, &jpeg_segment(0xE1, &[b"Exif\0\0", exif().as_slice()].concat()));
    for file in [
        exif_jpeg,
        with(MOVING_PNG, 33, &png_chunk(*b"eXIf", &exif())),
        webp_with(LOSSY, *b"EXIF", &exif()),
        TURNED_WEBP.to_vec(),
    ] {
        let (_, made) = bare(&file).expect("sound");
        let header = probe::header(&made, &SourceLimits::CLOUDFLARE).expect("sound");
        assert_eq!(header.orientation(), Orientation::Rotate90);
    }
}

#[test]
fn what_breaks_off_is_refused_and_what_is_bent_is_survived() {
    for (index, file) in ALL.into_iter().enumerate() {
        let whole = bare(file).map(|(_, whole)| whole);
        for end in 0..file.len() {
            let cut = bare(&file[..end]).map(|(_, cut)| cut);
            assert!(cut.is_none() || cut == whole, "{index} cut at {end}");
            let mut bent = file.to_vec();
            for byte in [0, 0xFF, bent[end] ^ 0x10] {
                bent[end] = byte;
                if let Some((_, once)) = bare(&bent) {
                    assert_eq!(bare(&once).map(|(_, twice)| twice), Some(once), "{index} bent at {end}");
                }
            }
        }
    }
}
