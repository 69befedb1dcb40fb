//! Animations from file to file.
#![allow(clippy::disallowed_methods, clippy::expect_used, reason = "tests read files and may panic")]

use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use safelight_pixels::{Source, probe, render};
use std::io::Cursor;
use std::path::Path;

fn made(name: &str, options: &str, format: OutputFormat) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/inputs");
    let file = std::fs::read(folder.join(name)).expect("the input is there");
    let transform = Transform::from_canonical(options).expect("options");
    let source = Source { file: &file, overlays: &[] };
    render(&source, &transform, format, &SourceLimits::CLOUDFLARE).expect("a rendition").bytes
}

/// How often it is shown (0 for ever), the delay of each frame in milliseconds, and the canvases in RGBA.
fn webp(file: &[u8]) -> (u16, Vec<u32>, Vec<Vec<u8>>) {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(file)).expect("a WebP");
    let plays = match decoder.loop_count() {
        image_webp::LoopCount::Forever => 0,
        image_webp::LoopCount::Times(times) => times.get(),
    };
    let (mut delays, mut canvases) = (Vec::new(), Vec::new());
    for _ in 0..decoder.num_frames() {
        let mut canvas = vec![0; decoder.output_buffer_size().expect("a size")];
        delays.push(decoder.read_frame(&mut canvas).expect("a frame"));
        canvases.push(if decoder.has_alpha() {
            canvas
        } else {
            canvas.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect()
        });
    }
    (plays, delays, canvases)
}

fn gif(file: &[u8]) -> (gif::Repeat, Vec<u16>) {
    let mut decoder = gif::Decoder::new(file).expect("a GIF");
    let mut delays = Vec::new();
    while let Some(frame) = decoder.read_next_frame().expect("sound") {
        delays.push(frame.delay);
    }
    (decoder.repeat(), delays)
}

const QUARTERS: [[u8; 4]; 4] =
    [[200, 30, 40, 255], [30, 90, 50, 255], [20, 50, 120, 255], [220, 200, 40, 255]];

/// The pixel at a place of a picture of 48 columns.
fn at(canvas: &[u8], x: usize, y: usize) -> [u8; 4] {
    canvas.as_chunks::<4>().0[y * 48 + x]
}

#[test]
fn frames_delays_and_plays_survive() {
    let (plays, delays, canvases) =
        webp(&made("moving-alpha.gif", "fit=scale-down,quality=100", OutputFormat::WebP));
    // A frame without a delay gets the one that browsers give it.
    assert_eq!((plays, delays), (3, vec![100, 50, 120, 100]));
    // Inside the second frame, inside the third, in both, and in the corner of the last.
    let found =
        |frame: usize| [(6, 6), (36, 20), (22, 13), (44, 30)].map(|(x, y)| at(&canvases[frame], x, y));
    let [red, green, _, yellow] = QUARTERS;
    assert_eq!(found(0), [red, yellow, red, yellow]);
    assert_eq!(found(1), [yellow, yellow, yellow, yellow]);
    assert_eq!(found(2), [red, red, red, yellow]);
    assert_eq!(found(3), [red, [0; 4], [0; 4], green]);
    let file = made("moving-alpha.gif", "fit=scale-down", OutputFormat::Gif);
    assert_eq!(gif(&file), (gif::Repeat::Finite(2), vec![10, 5, 12, 10]));
}

#[test]
fn every_kind_becomes_every_kind() {
    for (name, frames, delays) in [
        ("moving-alpha.gif", 4, vec![100, 50, 120, 100]),
        ("moving-alpha.png", 3, vec![75, 75, 75]),
        ("moving-alpha.webp", 3, vec![80, 80, 80]),
    ] {
        for options in ["fit=scale-down", "fit=contain,width=30", "fit=scale-down,quality=100"] {
            let (_, found, canvases) = webp(&made(name, options, OutputFormat::WebP));
            assert_eq!((found, canvases.len()), (delays.clone(), frames), "{name} {options}");
            let (_, hundredths) = gif(&made(name, options, OutputFormat::Gif));
            let total: u32 = hundredths.iter().map(|&delay| u32::from(delay) * 10).sum();
            assert!(total.abs_diff(delays.iter().sum()) <= 5, "{name} {options}: {hundredths:?}");
        }
    }
}

#[test]
fn one_frame_alone_is_a_still_picture() {
    for name in ["moving-alpha.gif", "moving-alpha.png", "moving-alpha.webp"] {
        for (options, format) in [
            ("fit=scale-down,anim=false", OutputFormat::WebP),
            ("fit=scale-down,anim=false", OutputFormat::Gif),
            ("fit=scale-down", OutputFormat::Png),
            ("fit=scale-down", OutputFormat::Jpeg),
        ] {
            let file = made(name, options, format);
            let source = probe(&file, &SourceLimits::CLOUDFLARE).expect("sound");
            assert_eq!((source.frames, source.width), (1, 48), "{name} {options}");
        }
    }
}
