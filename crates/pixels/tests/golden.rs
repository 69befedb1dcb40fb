//! Renders small files and compares the pixels with `golden/expected.txt`.
//!
//! A line there is a case: input, transform, format, size, the mean and the largest difference that
//! are allowed, then what the picture should be: the mean colours of a grid of 6 by 4 cells, row by
//! row, and the pixels at the four corners, as RGBA in hexadecimal. `GOLDEN=write cargo test -p
//! safelight-pixels --test golden` rewrites size and colours of every line; look at the difference.
//! To add a case, write its first three parts and run that. What is drawn on top is an input too.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "tests read and write files and may panic"
)]

use safelight_domain::image::{SourceLimits, Turn};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use safelight_pixels::{Rendered, Source};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const GRID: (u32, u32) = (6, 4);

/// For new lines: codecs differ by about this much between processors.
const TOLERANCE: (f64, f64) = (1.0, 6.0);

struct Case {
    input: String,
    transform: Transform,
    format: OutputFormat,
    size: String,
    tolerance: (f64, f64),
    colors: Vec<[f64; 4]>,
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn transform(text: &str) -> Transform {
    Transform::from_canonical(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn case(line: &str) -> Case {
    let parts: Vec<&str> = line.split(' ').collect();
    let number = |at: usize, or: f64| parts.get(at).map_or(or, |text| text.parse().expect("a number"));
    let hex = |text: &str| -> [f64; 4] {
        let sample = |at: usize| f64::from(u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"));
        [sample(0), sample(2), sample(4), sample(6)]
    };
    Case {
        input: parts[0].to_owned(),
        transform: transform(parts[1]),
        format: OutputFormat::parse(parts[2]).expect("a format"),
        size: parts.get(3).copied().unwrap_or_default().to_owned(),
        tolerance: (number(4, TOLERANCE.0), number(5, TOLERANCE.1)),
        colors: parts.iter().skip(6).map(|text| hex(text)).collect(),
    }
}

fn rgba(made: &Rendered, format: OutputFormat) -> Vec<[u8; 4]> {
    let area = made.width as usize * made.height as usize;
    let samples = match format {
        OutputFormat::Png => {
            let mut decoder = png::Decoder::new(std::io::Cursor::new(&made.bytes));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().expect("a PNG");
            let mut samples = vec![0; reader.output_buffer_size().expect("a size")];
            reader.next_frame(&mut samples).expect("pixels");
            samples
        }
        OutputFormat::Jpeg | OutputFormat::BaselineJpeg => {
            let source = zune_core::bytestream::ZCursor::new(&made.bytes);
            zune_jpeg::JpegDecoder::new(source).decode().expect("a JPEG")
        }
        OutputFormat::WebP => {
            let mut decoder =
                image_webp::WebPDecoder::new(std::io::Cursor::new(&made.bytes)).expect("a WebP");
            let mut samples = vec![0; decoder.output_buffer_size().expect("a size")];
            decoder.read_image(&mut samples).expect("pixels");
            samples
        }
        OutputFormat::Gif => {
            let mut options = gif::DecodeOptions::new();
            options.set_color_output(gif::ColorOutput::RGBA);
            let mut decoder = options.read_info(made.bytes.as_slice()).expect("a GIF");
            let first = decoder.read_next_frame().expect("sound").expect("a frame");
            first.buffer.to_vec()
        }
        OutputFormat::Avif => {
            // No other decoder is at hand; that of the engine has its own files here.
            let source = Source { file: &made.bytes, overlays: &[] };
            let plain = Transform::default();
            let limits = SourceLimits::CLOUDFLARE;
            let png = safelight_pixels::render(&source, &plain, OutputFormat::Png, &limits).expect("an AVIF");
            return rgba(&png, OutputFormat::Png);
        }
        other => panic!("{} is not read here", other.as_str()),
    };
    let pixel = |pixel: &[u8]| match *pixel {
        [l] => [l, l, l, 255],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, a] => [r, g, b, a],
        _ => panic!("a pixel has 1, 3 or 4 samples"),
    };
    samples.chunks(samples.len() / area).map(pixel).collect()
}

fn colors(made: &Rendered, format: OutputFormat) -> Vec<[f64; 4]> {
    let pixels = rgba(made, format);
    let (w, h) = (made.width as usize, made.height as usize);
    assert_eq!(pixels.len(), w * h);
    let mean = |from: (usize, usize), to: (usize, usize)| {
        let mut sum = [0.0; 4];
        for y in from.1..to.1 {
            for x in from.0..to.0 {
                for (sum, &sample) in sum.iter_mut().zip(&pixels[y * w + x]) {
                    *sum += f64::from(sample);
                }
            }
        }
        sum.map(|sum| sum / ((to.0 - from.0) * (to.1 - from.1)) as f64)
    };
    let mut colors = Vec::new();
    for row in 0..GRID.1 as usize {
        for column in 0..GRID.0 as usize {
            let edge = |index: usize, total: usize, cells: u32| index * total / cells as usize;
            let from = (edge(column, w, GRID.0), edge(row, h, GRID.1));
            let to = (edge(column + 1, w, GRID.0).max(from.0 + 1), edge(row + 1, h, GRID.1).max(from.1 + 1));
            colors.push(mean(from, to));
        }
    }
    for (x, y) in [(0, 0), (w - 1, 0), (0, h - 1), (w - 1, h - 1)] {
        colors.push(mean((x, y), (x + 1, y + 1)));
    }
    colors
}

fn render(case: &Case) -> Rendered {
    let input = |name: &str| std::fs::read(golden().join("inputs").join(name)).expect("the input is there");
    let file = input(&case.input);
    let drawn: Vec<Vec<u8>> = case.transform.draw.iter().map(|drawn| input(drawn.image.as_str())).collect();
    let overlays: Vec<&[u8]> = drawn.iter().map(Vec::as_slice).collect();
    let source = Source { file: &file, overlays: &overlays };
    safelight_pixels::render(&source, &case.transform, case.format, &SourceLimits::CLOUDFLARE)
        .unwrap_or_else(|fault| panic!("{}: {fault}", case.input))
}

fn written(case: &Case) -> String {
    let made = render(case);
    let hex: Vec<String> = colors(&made, case.format)
        .iter()
        .map(|color| color.iter().map(|sample| format!("{:02x}", sample.round() as u8)).collect())
        .collect();
    let (mean, max) = case.tolerance;
    format!(
        "{} {} {} {}x{} {mean} {max} {}\n",
        case.input,
        case.transform.canonical(),
        case.format.as_str(),
        made.width,
        made.height,
        hex.join(" ")
    )
}

fn check(case: &Case) -> Result<(), String> {
    let made = render(case);
    let name = format!("{} {} {}", case.input, case.transform.canonical(), case.format.as_str());
    let size = format!("{}x{}", made.width, made.height);
    if size != case.size {
        return Err(format!("{name}: {size} instead of {}", case.size));
    }
    let found = colors(&made, case.format);
    if found.len() != case.colors.len() {
        return Err(format!("{name}: {} colours are expected", case.colors.len()));
    }
    let differences: Vec<f64> =
        found.iter().flatten().zip(case.colors.iter().flatten()).map(|(a, b)| (a - b).abs()).collect();
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let max = differences.iter().copied().fold(0.0, f64::max);
    if mean > case.tolerance.0 || max > case.tolerance.1 {
        return Err(format!("{name}: differs by {mean:.2} in the mean and {max:.1} at most"));
    }
    Ok(())
}

#[test]
fn renditions_look_as_expected() {
    let path = golden().join("expected.txt");
    let text = std::fs::read_to_string(&path).expect("the expectations are there");
    let cases: Vec<Case> = text.lines().filter(|line| !line.is_empty()).map(case).collect();
    if std::env::var("GOLDEN").as_deref() == Ok("write") {
        let lines: String = cases.iter().map(written).collect();
        std::fs::write(&path, lines).expect("the file can be written");
        return;
    }
    let faults: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let named: BTreeSet<&str> = cases.iter().map(|case| case.input.as_str()).collect();
    for entry in std::fs::read_dir(golden().join("inputs")).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
        assert!(named.contains(name.as_str()), "no case reads {name}");
    }
}

#[test]
fn all_orientations_look_the_same() {
    let cases: Vec<Case> = (1..=8)
        .map(|n| case(&format!("orientation-{n}.jpg fit=scale-down,width=24,height=24 png")))
        .collect();
    let first = colors(&render(&cases[0]), OutputFormat::Png);
    for case in &cases {
        for (a, b) in colors(&render(case), OutputFormat::Png).iter().flatten().zip(first.iter().flatten()) {
            assert!((a - b).abs() < 12.0, "{}: {a} {b}", case.input);
        }
    }
}

#[test]
fn the_header_tells_whether_sides_are_swapped() {
    for n in 1..=8 {
        let path = golden().join(format!("inputs/orientation-{n}.jpg"));
        let file = std::fs::read(&path).expect("a file");
        let found = safelight_pixels::probe(&file, &SourceLimits::CLOUDFLARE).expect("sound");
        assert_eq!(found.turn, if n < 5 { Turn::Upright } else { Turn::Sideways }, "{n}");
    }
}

#[test]
fn a_beginning_tells_what_the_whole_file_tells_or_nothing() {
    let mut told = Vec::new();
    for entry in std::fs::read_dir(golden().join("inputs")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let file = std::fs::read(&path).expect("a file");
        let whole = safelight_pixels::probe(&file, &SourceLimits::CLOUDFLARE).expect("sound");
        let mut shortest = None;
        for length in 0..=file.len() {
            let found = safelight_pixels::probe_beginning(&file[..length], &SourceLimits::CLOUDFLARE);
            assert!(found.is_none_or(|found| found == whole), "{} {length}", path.display());
            shortest = shortest.or(found.map(|_| length));
        }
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let plain = name.ends_with(".jpg") || file.get(12..15) == Some(b"VP8") && file.get(15) != Some(&b'X');
        assert_eq!(shortest.is_some(), plain, "{name}");
        told.extend(shortest.map(|_| name));
    }
    assert!(told.len() > 10, "{told:?}");
}

#[test]
fn the_header_tells_size_and_transparency() {
    let clear = ["alpha", "rgba", "trns", "interlaced", "frame-on-canvas"];
    for entry in std::fs::read_dir(golden().join("inputs")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let file = std::fs::read(&path).expect("a file");
        let source = safelight_pixels::probe(&file, &SourceLimits::CLOUDFLARE).expect("sound");
        let turned = ["-5.jpg", "-6.jpg", "-7.jpg", "-8.jpg", "-6.jxl", "irot.avif"];
        let expected = match name.as_str() {
            "cropped.avif" => (40, 28),
            "grid.avif" => (192, 96),
            name if turned.iter().any(|end| name.ends_with(end)) => (32, 48),
            _ => (48, 32),
        };
        assert_eq!((source.width, source.height), expected, "{name}");
        assert_eq!(source.has_alpha, clear.iter().any(|word| name.contains(word)), "{name}");
    }
}

#[test]
fn a_container_turns_a_picture_once() {
    // The EXIF block in the file says the same again.
    let upright = colors(&render(&case("rgb.png fit=scale-down png")), OutputFormat::Png);
    let made = render(&case("irot.avif fit=scale-down png"));
    assert_eq!((made.width, made.height), (48, 32));
    for (a, b) in colors(&made, OutputFormat::Png).iter().flatten().zip(upright.iter().flatten()) {
        assert!((a - b).abs() < 12.0, "{a} {b}");
    }
    let turned = colors(&render(&case("exif-6.png fit=scale-down png")), OutputFormat::Png);
    let found = colors(&render(&case("exif-6.jxl fit=scale-down png")), OutputFormat::Png);
    assert_eq!(found, turned, "lossless, and turned by the codestream");
}

#[test]
fn copyright_survives_in_jpegs_alone() {
    for (options, format, expected) in [
        ("metadata=copyright", "jpeg", true),
        ("metadata=keep", "jpeg", true),
        ("metadata=none", "jpeg", false),
        ("metadata=keep", "png", false),
        ("metadata=keep", "webp", false),
    ] {
        let made = render(&case(&format!("orientation-6.jpg {options} {format}")));
        let kept = made.bytes.windows(9).any(|window| window == b"(c) A. B.");
        assert_eq!(kept, expected, "{options} {format}");
    }
}
