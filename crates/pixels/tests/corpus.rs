//! A run over real and hostile files, where they are at hand: the folder `../shared/corpus` beside
//! the repository. They are not a part of the project. Without it the test says that it did not run.
#![allow(clippy::disallowed_methods, clippy::expect_used, reason = "tests read files and may panic")]

use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Side, Transform};
use safelight_pixels::{Source, probe, render};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Larger files are left out: they take longest and differ least.
const MAX_BYTES: u64 = 1_200_000;

fn alone(file: &[u8]) -> Source<'_> {
    Source { file, overlays: &[] }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let extension = entry.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        if entry.is_dir() {
            files.extend(self::files(&entry));
        } else if ["jpg", "jpeg", "png", "webp", "gif", "tiff", "bmp", "avif", "heic", "heif", "jxl"]
            .contains(&extension.as_str())
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
    let (mut rendered, mut refused) = (0, Vec::new());
    // Rendered and refused, by what the header says.
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for path in files(&folder) {
        let file = std::fs::read(&path).expect("a file");
        let source = probe(&file, &limits);
        let mut results = Vec::new();
        for format in [OutputFormat::Jpeg, OutputFormat::Png, OutputFormat::WebP] {
            let made = render(&alone(&file), &small, format, &limits);
            if let Ok(made) = &made {
                assert!(source.is_ok() && made.width.max(made.height) <= 200, "{}", path.display());
                assert!(probe(&made.bytes, &limits).is_ok(), "{}", path.display());
            }
            results.push(made.map(|made| (made.width, made.height)));
        }
        assert!(results.iter().all(|result| *result == results[0]), "{}: {results:?}", path.display());
        let kind = source.map_or("no header", |source| source.format.media_type());
        match &results[0] {
            Ok(_) => {
                rendered += 1;
                counts.entry(kind).or_default().0 += 1;
            }
            Err(fault) => {
                counts.entry(kind).or_default().1 += 1;
                refused.push(format!("{}: {fault}", path.display()));
            }
        }
    }
    for (kind, (rendered, refused)) in &counts {
        println!("{kind}: {rendered} rendered, {refused} refused");
    }
    println!("{rendered} rendered, {} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(rendered > refused.len(), "most files are sound");
}
