//! The fuzz targets without a fuzzer: their seeds, and mutations of them that are the same each
//! time. `FUZZ_ROUNDS` says how many mutations each target gets, `FUZZ_SEED` which.
#![allow(clippy::expect_used, reason = "tests may panic")]

use safelight_fuzzing::{Subject, Verdict, check, root, seeds, targets};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Mutations that every build tries.
const ROUNDS: u64 = 2_000;

/// Numbers that codecs trip over.
const NUMBERS: [&[u8]; 8] = [
    &[0],
    &[0xFF],
    &[0x7F, 0xFF],
    &[0xFF, 0xFF],
    &[0, 0, 0, 0],
    &[0xFF, 0xFF, 0xFF, 0xFF],
    &[0x7F, 0xFF, 0xFF, 0xFF],
    &[0, 0, 0x80, 0],
];

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("a whole number"))
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// One to four changes: bits, bytes, numbers, cuts, pieces of another seed.
fn mutate(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut data = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        // Every other change hits the first bytes, where the headers are.
        let end = if dice.below(2) == 0 { data.len() } else { data.len().min(160) };
        let at = dice.below(end);
        match dice.below(6) {
            0 if at < data.len() => data[at] ^= 1 << dice.below(8),
            1 if at < data.len() => data[at] = dice.below(256) as u8,
            2 => {
                let number = NUMBERS[dice.below(NUMBERS.len())];
                data.iter_mut().skip(at).zip(number).for_each(|(old, new)| *old = *new);
            }
            3 => data.truncate(at),
            4 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len());
                let piece: Vec<u8> = other.iter().skip(from).take(dice.below(64)).copied().collect();
                data.splice(at..at, piece);
            }
            _ => {
                let until = (at + dice.below(32)).min(data.len());
                data.drain(at.min(until)..until);
            }
        }
    }
    data
}

fn inputs(subject: Subject) -> Vec<Vec<u8>> {
    let folder: PathBuf = root().join("crates/pixels/tests/golden/inputs");
    seeds(subject, &[folder]).expect("seeds")
}

fn replay(name: &str, subject: Subject) {
    let seeds = inputs(subject);
    for (number, seed) in seeds.iter().enumerate() {
        assert_eq!(check(subject, seed), Verdict::Keep, "{name}: seed {number} is for this target");
    }
    let (rounds, seed) = (number("FUZZ_ROUNDS", ROUNDS), number("FUZZ_SEED", 2026));
    let mut dice = Dice(seed);
    for round in 0..rounds {
        let data = mutate(&seeds, &mut dice);
        let outcome = std::panic::catch_unwind(|| check(subject, &data));
        if outcome.is_err() {
            let path = std::env::temp_dir().join(format!("safelight-{name}-{seed}-{round}"));
            std::fs::write(&path, &data).expect("a place for the finding");
            panic!("{name}: round {round} of seed {seed}, saved as {}", path.display());
        }
    }
}

#[test]
fn texts_and_frames() {
    for (name, subject) in targets() {
        if matches!(subject, Subject::Options | Subject::Protocol) {
            replay(&name, subject);
        }
    }
}

#[test]
fn heads_blocks_and_svgs() {
    for (name, subject) in targets() {
        if matches!(subject, Subject::Probe | Subject::Metadata | Subject::Svg) {
            replay(&name, subject);
        }
    }
}

#[test]
fn files_of_every_format() {
    for (name, subject) in targets() {
        if matches!(subject, Subject::Render(_)) {
            replay(&name, subject);
        }
    }
}

#[test]
fn levels() {
    replay("render_level", Subject::Level);
}

#[test]
fn every_target_has_seeds() {
    for (name, subject) in targets() {
        assert!(!inputs(subject).is_empty(), "{name} has no seeds");
    }
}

#[test]
fn every_target_has_its_file() {
    let folder = std::fs::read_dir(root().join("fuzz/fuzz_targets")).expect("a folder");
    let files: BTreeSet<String> = folder
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, targets().into_iter().map(|(name, _)| name).collect());
}
