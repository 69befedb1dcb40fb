//! A run over the project's own small files, sound and cut short, and over real and hostile ones where
//! they are at hand: the folder `../shared/corpus` beside the repository, which is not a part of the
//! project. The test says when it is not there.
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
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = own(&package.join("tests/golden/inputs"));
    let sound = own.len() as u32 / 2;
    let (rendered, refused) = run(own);
    assert!(rendered >= sound, "the project's own files are sound: {rendered} of {sound} rendered");
    assert!(refused > sound / 4, "of those that are cut short, {refused} are refused");

    let corpus = package.join("../../../shared/corpus");
    if !corpus.is_dir() {
        // Not by a macro, whose output a passing test hides: nobody shall take this for the whole run.
        let less = writeln!(std::io::stderr(), "OWN FILES ONLY: there is no corpus at {}", corpus.display());
        return less.expect("a standard error");
    }
    let (rendered, refused) = run(read(&corpus));
    assert!(rendered > refused, "most files of the corpus are sound");
}

/// Every file below a folder, by its path.
fn read(folder: &Path) -> impl Iterator<Item = (PathBuf, Vec<u8>)> {
    files(folder).into_iter().map(|path| {
        let file = std::fs::read(&path).expect("a file");
        (path, file)
    })
}

/// The files of the project and a drawing, each whole and cut in half.
fn own(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut own: Vec<(PathBuf, Vec<u8>)> = read(folder).collect();
    let drawing = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><rect width=\"9\"/><script/></svg>";
    own.push((PathBuf::from("drawing.svg"), drawing.to_vec()));
    let halves: Vec<_> = own
        .iter()
        .map(|(path, file)| (path.clone(), file.iter().take(file.len() / 2).copied().collect()))
        .collect();
    own.extend(halves);
    own
}

/// Renders every file; how many were rendered and how many refused. Some of every kind must be rendered.
fn run(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) -> (u32, u32) {
    let limits = SourceLimits::CLOUDFLARE;
    let small =
        Transform { width: Side::parse(200).ok(), height: Side::parse(200).ok(), ..Transform::default() };
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for (path, file) in files {
        let source = probe(&file, &limits);
        let is_svg = source.as_ref().is_ok_and(|source| source.format == SourceFormat::Svg);
        let outcome = if is_svg { drawing(&file) } else { pixels(&path, &file, &small) };
        let kind = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        let count = counts.entry(kind).or_default();
        match outcome {
            Ok(()) => count.0 += 1,
            Err(fault) => {
                count.1 += 1;
                println!("{}: {fault}", path.display());
            }
        }
    }
    for (kind, (rendered, refused)) in &counts {
        println!("{kind}: {rendered} rendered, {refused} refused");
    }
    for kind in ["jpg", "gif", "webp", "png", "tiff", "bmp", "svg", "avif", "heic", "jxl"] {
        assert!(counts.get(kind).is_some_and(|count| count.0 > 0), "no {kind} was rendered");
    }
    counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
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
