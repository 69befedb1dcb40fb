//! Writes the small input files of the golden tests: `cargo run -p safelight-pixels --example
//! fixtures`. They are made by this program alone and are the same each time, but for those of AVIF, HEIC
//! and JPEG XL: avifenc, libheif and cjxl have made them from the PNGs and are not needed again.
#![allow(clippy::disallowed_methods, reason = "a program by hand writes files")]

#[path = "fixtures/moving.rs"]
mod moving;
#[path = "fixtures/plain.rs"]
mod plain;

use safelight_webp::{Chroma, Compression, Layout, Settings};
use std::error::Error;
use std::path::Path;

const WIDTH: u32 = 48;
const HEIGHT: u32 = 32;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;
type Rgb = [u8; 3];

fn main() -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/inputs");
    std::fs::create_dir_all(&folder)?;
    let mut files = jpegs()?;
    files.extend(pngs());
    files.extend(webps()?);
    files.push(("frame-on-canvas.gif".to_owned(), gif()?));
    files.extend(moving::files()?);
    files.extend(plain::files()?);
    for (name, bytes) in files {
        std::fs::write(folder.join(&name), bytes)?;
    }
    Ok(())
}

/// Four quarters of different colours, each with a slope, and a white spot near the top left.
fn color(x: u32, y: u32) -> Rgb {
    if (4..10).contains(&x) && (4..8).contains(&y) {
        return [255, 255, 255];
    }
    let slope = (x * 2 + y) as u8;
    match (x < WIDTH / 2, y < HEIGHT / 2) {
        (true, true) => [200 - slope, 30, 40],
        (false, true) => [30, 90 + slope, 50],
        (true, false) => [20, 50, 120 + slope],
        (false, false) => [220, 200 - slope, 40],
    }
}

fn each(mut f: impl FnMut(u32, u32) -> Vec<u8>) -> Vec<u8> {
    (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y))).flat_map(|(x, y)| f(x, y)).collect()
}

fn rgb() -> Vec<u8> {
    each(|x, y| color(x, y).to_vec())
}

fn rgba() -> Vec<u8> {
    each(|x, y| {
        let [r, g, b] = color(x, y);
        vec![r, g, b, if x + y < 20 { 0 } else { (x * 5 + 15) as u8 }]
    })
}

fn luma() -> Vec<u8> {
    each(|x, y| vec![(x * 4 + y) as u8])
}

// JPEG

fn jpegs() -> Outcome<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for orientation in 1..=8_u8 {
        let (width, height, pixels) = stored(orientation);
        let mut file = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut file, 92);
        encoder.add_exif_metadata(&exif(orientation))?;
        encoder.encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)?;
        files.push((format!("orientation-{orientation}.jpg"), file));
    }
    let p3 = moxcms::ColorProfile::new_display_p3().encode().map_err(|e| e.to_string())?;
    let gamma = moxcms::ColorProfile::new_gray_with_gamma(1.8).encode().map_err(|e| e.to_string())?;
    let ink = each(|x, y| {
        let [r, g, b] = color(x, y);
        vec![255 - r, 255 - g, 255 - b, (x * 2) as u8]
    });
    use jpeg_encoder::ColorType::{Cmyk, CmykAsYcck, Luma, Rgb};
    for (name, color, pixels, profile, progressive) in [
        ("progressive.jpg", Rgb, rgb(), None, true),
        ("grey.jpg", Luma, luma(), None, false),
        ("grey-gamma.jpg", Luma, luma(), Some(&gamma), false),
        ("display-p3.jpg", Rgb, rgb(), Some(&p3), false),
        ("broken-profile.jpg", Rgb, rgb(), Some(&vec![7; 200]), false),
        ("cmyk.jpg", Cmyk, ink.clone(), None, false),
        ("ycck.jpg", CmykAsYcck, ink, None, false),
    ] {
        let mut file = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut file, 92);
        encoder.set_progressive(progressive);
        if let Some(profile) = profile {
            encoder.add_icc_profile(profile)?;
        }
        encoder.encode(&pixels, WIDTH as u16, HEIGHT as u16, color)?;
        files.push((name.to_owned(), file));
    }
    Ok(files)
}

/// The picture as it is stored so that `orientation` shows it upright.
fn stored(orientation: u8) -> (u16, u16, Vec<u8>) {
    let (w, h) = (WIDTH, HEIGHT);
    let (width, height) = if orientation < 5 { (w, h) } else { (h, w) };
    let mut pixels = Vec::new();
    for row in 0..height {
        for column in 0..width {
            // Where row 0 and column 0 are shown, after the table of the EXIF standard.
            let (x, y) = match orientation {
                1 => (column, row),
                2 => (w - 1 - column, row),
                3 => (w - 1 - column, h - 1 - row),
                4 => (column, h - 1 - row),
                5 => (row, column),
                6 => (w - 1 - row, column),
                7 => (w - 1 - row, h - 1 - column),
                _ => (row, h - 1 - column),
            };
            pixels.extend(color(x, y));
        }
    }
    (width as u16, height as u16, pixels)
}

/// A little-endian TIFF block with an orientation and a copyright.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II\x2A\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation, 0, 0, 0]);
    block.extend(b"\x98\x82\x02\0\x0A\0\0\0\x26\0\0\0\0\0\0\0(c) A. B.\0");
    block
}

// PNG, written by hand: the encoder knows no interlacing.

fn pngs() -> Vec<(String, Vec<u8>)> {
    let sixteen = each(|x, y| color(x, y).iter().flat_map(|&s| [s, 255 - s]).collect());
    let grey_alpha = each(|x, y| vec![(x * 4 + y) as u8, (y * 8) as u8]);
    let indices = each(|x, y| vec![u8::from(x >= WIDTH / 2) + 2 * u8::from(y >= HEIGHT / 2)]);
    let palette = [200, 30, 40, 30, 90, 50, 20, 50, 120, 220, 200, 40];
    let four_bits: Vec<u8> =
        (0..HEIGHT).flat_map(|_| (0..24).map(|byte| (byte * 2 / 3) as u8 * 17)).collect();
    let key = [0, 255, 0, 255, 0, 255];
    let animation = [0, 0, 0, 1, 0, 0, 0, 0];
    let (rgb, rgba, luma) = (rgb(), rgba(), luma());
    let none: &[(&[u8; 4], &[u8])] = &[];
    let plain = |depth, kind, bits: u32, chunks: &[(&[u8; 4], &[u8])], samples: &[u8]| {
        png(depth, kind, 0, chunks, &rows(samples, (WIDTH * bits / 8) as usize))
    };
    let mut files = vec![
        ("rgb.png", plain(8, 2, 24, none, &rgb)),
        ("rgba.png", plain(8, 6, 32, none, &rgba)),
        ("grey.png", plain(8, 0, 8, none, &luma)),
        ("grey-4-bit.png", plain(4, 0, 4, none, &four_bits)),
        ("grey-alpha.png", plain(8, 4, 16, none, &grey_alpha)),
        ("sixteen-bit.png", plain(16, 2, 48, none, &sixteen)),
        ("palette.png", plain(8, 3, 8, &[(b"PLTE", &palette)], &indices)),
        ("palette-trns.png", plain(8, 3, 8, &[(b"PLTE", &palette), (b"tRNS", &[255, 0, 128])], &indices)),
        ("rgb-trns.png", plain(8, 2, 24, &[(b"tRNS", &key)], &rgb)),
        ("exif-6.png", plain(8, 2, 24, &[(b"eXIf", &exif(6))], &rgb)),
        ("animated.png", plain(8, 2, 24, &[(b"acTL", &animation)], &rgb)),
    ];
    files.push(("interlaced.png", png(8, 6, 1, none, &adam7(&rgba, 4))));
    files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

/// Rows with the filter byte before each.
fn rows(samples: &[u8], stride: usize) -> Vec<u8> {
    samples.chunks(stride).flat_map(|row| [&[0], row].concat()).collect()
}

fn adam7(samples: &[u8], bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (x0, y0, dx, dy) in
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    {
        for y in (y0..HEIGHT as usize).step_by(dy) {
            out.push(0);
            for x in (x0..WIDTH as usize).step_by(dx) {
                let at = (y * WIDTH as usize + x) * bytes;
                out.extend(&samples[at..at + bytes]);
            }
        }
    }
    out
}

fn png(depth: u8, kind: u8, interlace: u8, chunks: &[(&[u8; 4], &[u8])], raw: &[u8]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    let mut header = [WIDTH.to_be_bytes(), HEIGHT.to_be_bytes()].concat();
    header.extend([depth, kind, 0, 0, interlace]);
    chunk(&mut file, b"IHDR", &header);
    for (name, body) in chunks {
        chunk(&mut file, name, body);
    }
    chunk(&mut file, b"IDAT", &zlib(raw));
    chunk(&mut file, b"IEND", &[]);
    file
}

/// A stream of one stored block; the pictures are below 64 KiB.
fn zlib(raw: &[u8]) -> Vec<u8> {
    let length = raw.len() as u16;
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(raw);
    let (a, b) = raw.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    file.extend((body.len() as u32).to_be_bytes());
    let checked = [name.as_slice(), body].concat();
    let crc = checked.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 },
        )
    });
    file.extend(checked);
    file.extend((!crc).to_be_bytes());
}

// WebP

fn webps() -> Outcome<Vec<(String, Vec<u8>)>> {
    let (rgb, rgba) = (rgb(), rgba());
    let lossy = Compression::Lossy { quality: 90.0, alpha_quality: 100, chroma: Chroma::Mean };
    let encode = |pixels: &[u8], layout, compression| {
        safelight_webp::encode(pixels, layout, WIDTH, HEIGHT, &Settings { compression, method: 4 })
    };
    let lossless = encode(&rgb, Layout::Rgb, Compression::Lossless)?;
    let lossless_alpha = encode(&rgba, Layout::Rgba, Compression::Lossless)?;
    let lossy_alpha = encode(&rgba, Layout::Rgba, lossy)?;
    let lossy = encode(&rgb, Layout::Rgb, lossy)?;
    let picture = lossy.get(12..).ok_or("too short")?;
    let mut animated = vp8x(0x02);
    riff_chunk(&mut animated, b"ANIM", &[0; 6]);
    let mut frame = [&[0; 6][..], &u24(WIDTH), &u24(HEIGHT), &[100, 0, 0, 0]].concat();
    frame.extend(picture);
    riff_chunk(&mut animated, b"ANMF", &frame);
    riff_chunk(&mut animated, b"ANMF", &frame);
    let mut turned = vp8x(0x08);
    turned.extend(picture);
    riff_chunk(&mut turned, b"EXIF", &exif(6));
    Ok(vec![
        ("lossless.webp".to_owned(), lossless),
        ("lossless-alpha.webp".to_owned(), lossless_alpha),
        ("lossy-alpha.webp".to_owned(), lossy_alpha),
        ("animated.webp".to_owned(), riff(&animated)),
        ("exif-6.webp".to_owned(), riff(&turned)),
        ("lossy.webp".to_owned(), lossy),
    ])
}

fn u24(side: u32) -> [u8; 3] {
    let [a, b, c, _] = (side - 1).to_le_bytes();
    [a, b, c]
}

fn vp8x(flags: u8) -> Vec<u8> {
    let mut body = Vec::new();
    riff_chunk(&mut body, b"VP8X", &[&[flags, 0, 0, 0][..], &u24(WIDTH), &u24(HEIGHT)].concat());
    body
}

fn riff_chunk(out: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    out.extend(name);
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    if body.len() % 2 == 1 {
        out.push(0);
    }
}

fn riff(chunks: &[u8]) -> Vec<u8> {
    let mut file = b"RIFF".to_vec();
    file.extend((chunks.len() as u32 + 4).to_le_bytes());
    file.extend(b"WEBP");
    file.extend(chunks);
    file
}

// GIF

/// The first frame is smaller than the canvas and has a transparent spot; the second is all blue.
fn gif() -> Outcome<Vec<u8>> {
    let (width, height) = (WIDTH as u16, HEIGHT as u16);
    let palette = [200, 30, 40, 30, 90, 50, 0, 0, 255, 0, 0, 0];
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, width, height, &palette)?;
    let (w, h) = (width - 16, height - 8);
    let indices: Vec<u8> = (0..h)
        .flat_map(|y| (0..w).map(move |x| if x < 8 && y < 8 { 3 } else { u8::from(x >= w / 2) }))
        .collect();
    let mut first = gif::Frame::from_indexed_pixels(w, h, indices, Some(3));
    (first.left, first.top, first.delay) = (12, 6, 10);
    encoder.write_frame(&first)?;
    encoder.write_frame(&gif::Frame::from_indexed_pixels(
        width,
        height,
        vec![2; usize::from(width * height)],
        None,
    ))?;
    drop(encoder);
    Ok(file)
}
