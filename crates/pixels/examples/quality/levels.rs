//! Renditions of levels beside those of the originals: scores, time, and what levels take.

use crate::picture::Picture;
use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use safelight_pixels::{Source, divisors, level_for, levels, probe, render, render_level};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

const LIMITS: SourceLimits = SourceLimits::CLOUDFLARE;

/// How many times larger than the rendition the level is.
const SPARE: [f64; 4] = [1.25, 1.5, 1.75, 2.4];

/// Each is timed so often, and the least time counts.
const ROUNDS: usize = 5;

/// Prints, for each photograph and each spare of a level of a quarter: score, bytes and milliseconds of a JPEG
/// of quality 80 from the original and from the level.
pub(crate) fn run(files: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    println!("{:<44}{:>6} {:>24} {:>24}", "", "side", "original", "level");
    let mut differences: [Vec<f64>; SPARE.len()] = Default::default();
    let (mut originals, mut small, mut full) = (0, 0, 0);
    for path in files {
        let file = std::fs::read(path)?;
        let info = probe(&file, &LIMITS)?;
        if divisors(&info, 4).is_empty() {
            continue;
        }
        let made = levels(&file, 2, &LIMITS)?;
        originals += file.len();
        full += made.iter().map(|level| level.bytes.len()).sum::<usize>();
        small += made.iter().filter(|level| level.divisor > 2).map(|level| level.bytes.len()).sum::<usize>();
        let picture = Picture::decode(&file)?;
        let long = picture.width.max(picture.height);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        for (spare, differences) in SPARE.iter().zip(&mut differences) {
            let side = (long as f64 / 4.0 / spare).floor();
            let reference = picture.reduced(side as usize);
            let options = format!("fit=scale-down,width={side},height={side},quality=80");
            let transform = Transform::from_canonical(&options)?;
            // Of an eighth there may be one that is nearer.
            let Some(divisor) = level_for(&info, &transform, OutputFormat::Jpeg, &LIMITS, &[4]) else {
                continue;
            };
            let level = made.iter().find(|level| level.divisor == divisor).ok_or("it was made")?;
            let original = measured(&reference, || {
                let source = Source { file: &file, overlays: &[] };
                Ok(render(&source, &transform, OutputFormat::Jpeg, &LIMITS)?.bytes)
            })?;
            let level = measured(&reference, || {
                let source = Source { file: &level.bytes, overlays: &[] };
                Ok(render_level(&source, &transform, OutputFormat::Jpeg, &LIMITS)?.bytes)
            })?;
            let row = |(score, bytes, ms): (f64, usize, f64)| format!("{score:>6.1} {bytes:>8} {ms:>6.1}ms");
            println!("{name:<44}{side:>6} {:>24} {:>24}", row(original), row(level));
            differences.push(level.0 - original.0);
        }
    }
    for (spare, differences) in SPARE.iter().zip(&differences) {
        let mean = differences.iter().sum::<f64>() / differences.len().max(1) as f64;
        let least = differences.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "spare {spare}: {mean:+.2} in the mean, {least:+.2} at worst, of {} pictures",
            differences.len()
        );
    }
    let share = |bytes: usize| bytes as f64 * 100.0 / originals as f64;
    println!("of the originals' bytes: small {:.1} %, full {:.1} %", share(small), share(full));
    Ok(())
}

/// Score, bytes and milliseconds.
fn measured(
    reference: &Picture,
    make: impl Fn() -> Result<Vec<u8>, Box<dyn Error>>,
) -> Result<(f64, usize, f64), Box<dyn Error>> {
    let mut least = f64::INFINITY;
    let mut bytes = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        bytes = make()?;
        least = least.min(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok((reference.score(&Picture::decode(&bytes)?)?, bytes.len(), least))
}
