//! A run over real and hostile files, where they are at hand: the folder `../shared/corpus` beside
//! the repository. They are not a part of the project. Without it the test says that it did not run.
#![allow(clippy::disallowed_methods, clippy::expect_used, reason = "tests read files and may panic")]

use safelight_domain::image::{SourceFormat, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Side, Transform};
use safelight_pixels::{Fault, Source, probe, render};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Larger files are left out: they take longest and differ least.
const MAX_BYTES: u64 = 1_200_000;

const EXTENSIONS: [&str; 13] =
    ["jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "svg", "avif", "heic", "heif", "jxl"];

/// Formats that pictures of pixels become here. What has a mere size or a codec of its own is tried
/// elsewhere.
const FORMATS: [OutputFormat; 6] = [
    OutputFormat::Jpeg,
    OutputFormat::BaselineJpeg,
    OutputFormat::Png,
    OutputFormat::WebP,
    OutputFormat::Gif,
    OutputFormat::Json,
];

fn alone(file: &[u8]) -> Source<'_> {
    Source { file, overlays: &[] }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let extension = entry.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        if entry.is_dir() {
            files.extend(self::files(&entry));
        } else if EXTENSIONS.contains(&extension.as_str())
            && entry.metadata().is_ok_and(|metadata| metadata.len() <= MAX_BYTES)
        {
            files.push(entry);
        }
    }
    files.sort();
    files
}

#[test]
fn every_file_renders_or_is_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !folder.is_dir() {
        // Not by a macro, whose output a passing test hides: nobody shall take this for a run.
        let skipped = writeln!(std::io::stderr(), "SKIPPED: there is no corpus at {}", folder.display());
        return skipped.expect("a standard error");
    }
    let limits = SourceLimits::CLOUDFLARE;
    let small =
        Transform { width: Side::parse(200).ok(), height: Side::parse(200).ok(), ..Transform::default() };
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut refused = Vec::new();
    for path in files(&folder) {
        let file = std::fs::read(&path).expect("a file");
        let source = probe(&file, &limits);
        let is_svg = source.as_ref().is_ok_and(|source| source.format == SourceFormat::Svg);
        let outcome = if is_svg { drawing(&file) } else { pixels(&path, &file, &small) };
        let kind = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        let count = counts.entry(kind).or_default();
        match outcome {
            Ok(()) => count.0 += 1,
            Err(fault) => {
                count.1 += 1;
                refused.push(format!("{}: {fault}", path.display()));
            }
        }
    }
    for (kind, (rendered, refused)) in &counts {
        println!("{kind}: {rendered} rendered, {refused} refused");
    }
    println!("{}", refused.join("\n"));
    let rendered: u32 = counts.values().map(|count| count.0).sum();
    assert!(rendered as usize > refused.len(), "most files are sound");
    for kind in ["gif", "webp", "png", "tiff", "bmp", "svg", "avif", "heic", "jxl"] {
        assert!(counts.get(kind).is_some_and(|count| count.0 > 0), "no {kind} was rendered");
    }
}

/// Renders in every format; all agree on size, or on the fault.
fn pixels(path: &Path, file: &[u8], small: &Transform) -> Result<(), Fault> {
    let limits = SourceLimits::CLOUDFLARE;
    let source = probe(file, &limits);
    let mut results = Vec::new();
    for format in FORMATS {
        let made = render(&alone(file), small, format, &limits);
        if let Ok(made) = &made {
            assert!(source.is_ok() && made.width.max(made.height) <= 200, "{}", path.display());
            if format != OutputFormat::Json {
                assert!(probe(&made.bytes, &limits).is_ok(), "{}", path.display());
            }
        }
        results.push(made.map(|made| (made.width, made.height)));
    }
    // Sizes are told without a look at the pixels.
    let (json, pictures) = results.split_last().expect("there are formats");
    assert!(pictures.iter().all(|result| *result == pictures[0]), "{}: {results:?}", path.display());
    assert!(json == &pictures[0] || pictures[0].is_err(), "{}: {results:?}", path.display());
    pictures[0].clone().map(|_| ())
}

/// Sanitises twice, which comes to the same, and makes no pixels.
fn drawing(file: &[u8]) -> Result<(), Fault> {
    let (limits, plain) = (SourceLimits::CLOUDFLARE, Transform::default());
    let made = render(&alone(file), &plain, OutputFormat::Svg, &limits)?;
    let again = render(&alone(&made.bytes), &plain, OutputFormat::Svg, &limits)?;
    assert_eq!(made.bytes, again.bytes);
    assert_eq!(render(&alone(file), &plain, OutputFormat::Png, &limits), Err(Fault::SvgConversion));
    Ok(())
}
