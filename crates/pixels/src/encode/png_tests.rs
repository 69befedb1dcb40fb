use super::*;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Effort, QualityWord};

fn encoding(quality: Option<Quality>) -> Encoding<'static> {
    let (format, compression) = (OutputFormat::Png, Compression::Default);
    Encoding { format, effort: Effort::Quick, quality, compression, exif: None, profile: None }
}

fn frame(side: u32, color: impl Fn(u32, u32) -> [u8; 4]) -> Frame {
    let pixels = (0..side * side).flat_map(|at| color(at % side, at / side)).collect();
    Frame::new(side, side, Channels::Rgba, pixels).expect("a size")
}

/// Colour type, bits a sample, and the pixels in RGBA.
fn read(file: &[u8]) -> (png::ColorType, u8, Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    let kind = decoder.read_header_info().map(|info| (info.color_type, info.bit_depth as u8)).expect("a PNG");
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut pixels).expect("pixels");
    (kind.0, kind.1, pixels)
}

#[test]
fn few_colours_become_a_palette_without_loss() {
    for (colors, bits) in [(2, 1), (4, 2), (13, 4), (200, 8)] {
        let source = frame(50, |x, y| {
            let n = (x * 7 + y * 13) % colors;
            [n as u8, 255 - n as u8, 9, if n == 1 { 120 } else { 255 }]
        });
        let (kind, depth, pixels) = read(&encode(&source, &encoding(None)).expect("a file"));
        assert_eq!((kind, depth), (png::ColorType::Indexed, bits), "{colors} colours");
        assert_eq!(pixels, source.pixels(), "{colors} colours");
    }
}

#[test]
fn a_single_pixel_stays_small() {
    let file = encode(&frame(1, |_, _| [1, 2, 3, 255]), &encoding(None)).expect("a file");
    assert!(file.len() < 80, "{} bytes", file.len());
}

#[test]
fn many_colours_need_a_quality_and_closeness() {
    let smooth = frame(64, |x, y| [(x * 2) as u8, (y * 2) as u8, 40, 255]);
    let mut dice = 1_u32;
    let noise: Vec<u8> = (0..64 * 64 * 4)
        .map(|_| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (dice >> 24) as u8
        })
        .collect();
    let noise = Frame::new(64, 64, Channels::Rgba, noise).expect("a size");
    let quality = |number| Quality::number(number).ok();
    for (source, quality, palette) in [
        (&smooth, None, false),
        (&smooth, quality(100), false),
        (&smooth, quality(99), false),
        (&smooth, quality(60), true),
        (&smooth, Some(Quality::Word(QualityWord::Low)), true),
        (&noise, quality(85), false),
    ] {
        let (kind, _, pixels) = read(&encode(source, &encoding(quality)).expect("a file"));
        assert_eq!(kind == png::ColorType::Indexed, palette, "{quality:?}");
        if !palette {
            assert_eq!(pixels, source.pixels(), "{quality:?}");
        }
    }
}
