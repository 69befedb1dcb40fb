//! Broken files: no panic, and either a fault or a picture of the size that was probed.
#![allow(clippy::disallowed_methods, clippy::expect_used, reason = "tests read files and may panic")]

use safelight_domain::image::{SourceInfo, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{MetadataPolicy, Transform};
use safelight_pixels::{Fault, Source, probe, render};
use std::path::Path;

/// The fixtures are small; what a bent header may claim beyond this would only cost time.
const LIMITS: SourceLimits = SourceLimits { side: 2_000, area: 400_000 };

fn alone(file: &[u8]) -> Source<'_> {
    Source { file, overlays: &[] }
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/inputs");
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(path).expect("a file"))
        })
        .collect();
    files.sort();
    assert!(files.len() > 30, "the fixtures are there");
    files
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Renders in full size and demands what the head of this file says. Returns whether it rendered.
fn survive(name: &str, file: &[u8]) -> bool {
    let transform = Transform { metadata: MetadataPolicy::Keep, ..Transform::default() };
    let source = probe(file, &LIMITS);
    let made = render(&alone(file), &transform, OutputFormat::Jpeg, &LIMITS);
    for format in [OutputFormat::WebP, OutputFormat::Gif] {
        let other = render(&alone(file), &transform, format, &LIMITS);
        assert_eq!(made.is_ok(), other.is_ok(), "{name} as {}: {other:?}", format.as_str());
    }
    match (source, made) {
        (Err(fault), Err(same)) => {
            assert_eq!(fault, same, "{name}");
            false
        }
        (Err(fault), Ok(_)) => panic!("{name}: rendered in spite of {fault}"),
        (Ok(_), Err(fault)) => {
            assert!(matches!(fault, Fault::Corrupt(_)), "{name}: {fault}");
            false
        }
        (Ok(SourceInfo { width, height, .. }), Ok(made)) => {
            let sides = (made.width, made.height);
            assert!(sides == (width, height) || sides == (height, width), "{name}: {sides:?}");
            true
        }
    }
}

#[test]
fn truncated_files_are_survived() {
    for (name, file) in fixtures() {
        assert!(survive(&name, &file), "{name} is sound");
        let step = (file.len() / 120).max(1);
        for end in (0..file.len()).step_by(step) {
            survive(&format!("{name} cut at {end}"), &file[..end]);
        }
    }
}

#[test]
fn flipped_bits_are_survived() {
    let mut dice = Dice(2026);
    for (name, file) in fixtures() {
        for round in 0..150 {
            let mut bent = file.clone();
            for _ in 0..=round % 4 {
                // Every other flip hits the first bytes, where the headers are.
                let end = if round % 2 == 0 { bent.len() } else { bent.len().min(120) };
                let at = dice.below(end);
                bent[at] ^= 1 << dice.below(8);
            }
            survive(&format!("{name} bent in round {round}"), &bent);
        }
    }
}

#[test]
fn spliced_files_are_survived() {
    let mut dice = Dice(7);
    let files = fixtures();
    for round in 0..600 {
        let (name, first) = &files[dice.below(files.len())];
        let (_, second) = &files[dice.below(files.len())];
        let mut spliced = first[..dice.below(first.len())].to_vec();
        spliced.extend_from_slice(&second[dice.below(second.len())..]);
        survive(&format!("{name} spliced in round {round}"), &spliced);
    }
}
