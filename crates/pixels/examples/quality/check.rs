//! Scores and bytes of renditions, as viewers get them.

use crate::picture::{Picture, bytes_at, mean, render};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Effort;
use safelight_pixels::Output;
use std::error::Error;
use std::path::PathBuf;

const SIDES: [usize; 2] = [500, 800];
const QUALITIES: [&str; 9] = ["high", "medium-high", "medium-low", "low", "95", "85", "80", "60", "40"];
const FORMATS: [OutputFormat; 3] = [OutputFormat::Jpeg, OutputFormat::WebP, OutputFormat::Avif];

/// What a JPEG of quality 80 reaches at 500 pixels in the mean.
const JPEG_80_AT_500: f64 = 77.0;

/// Share of the photographs for which a format must beat JPEG to be negotiated.
const SHARE: f64 = 0.9;

pub(crate) fn run(files: &[PathBuf], effort: Effort) -> Result<(), Box<dyn Error>> {
    let mut failed = Vec::new();
    let photographs = files.iter().map(|path| Ok((std::fs::read(path)?, Picture::read(path)?)));
    let photographs = photographs.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    for side in SIDES {
        let references: Vec<Picture> = photographs.iter().map(|(_, whole)| whole.reduced(side)).collect();
        let measure = |format, quality: &str| -> Result<Vec<(f64, f64)>, Box<dyn Error>> {
            let options = format!("fit=contain,width={side},height={side},quality={quality}");
            let each = photographs.iter().zip(&references).map(|((file, _), reference)| {
                let made = render(file, &options, Output { format, effort })?;
                Ok((reference.score(&Picture::decode(&made)?)?, made.len() as f64))
            });
            each.collect()
        };
        println!("\n{} photographs at {side} pixels: score (lowest), kilobytes", photographs.len());
        for quality in QUALITIES {
            print!("{quality:12}");
            for format in FORMATS {
                let measured = measure(format, quality)?;
                let score = mean(measured.iter().map(|(score, _)| *score));
                let lowest = measured.iter().map(|(score, _)| *score).fold(f64::INFINITY, f64::min);
                let bytes = mean(measured.iter().map(|(_, bytes)| *bytes));
                print!("  {:5}{score:6.1} ({lowest:5.1}) {:6.1}", format.as_str(), bytes / 1000.0);
                if (side, quality, format) == (500, "80", OutputFormat::Jpeg) && score < JPEG_80_AT_500 {
                    failed.push(format!("a JPEG of quality 80 at 500 pixels scores {score:.1}"));
                }
            }
            println!();
        }
        let jpeg = measure(OutputFormat::Jpeg, "80")?;
        for format in [OutputFormat::WebP, OutputFormat::Avif] {
            let mut curves = Vec::new();
            for quality in ["40", "60", "70", "80", "90", "95"] {
                curves.push(measure(format, quality)?);
            }
            let ratios = jpeg.iter().enumerate().map(|(index, (score, bytes))| {
                let curve: Vec<(f64, f64)> =
                    curves.iter().filter_map(|curve| curve.get(index).copied()).collect();
                bytes_at(&curve, *score) / bytes
            });
            let ratios: Vec<f64> = ratios.collect();
            let better = ratios.iter().filter(|ratio| **ratio < 1.0).count();
            let name = format.as_str();
            println!(
                "{name}: fewer bytes than JPEG at its score for {better} of {}, mean ratio {:.2}",
                ratios.len(),
                mean(ratios.iter().copied())
            );
            if (better as f64) < SHARE * ratios.len() as f64 {
                failed.push(format!("{name} beats JPEG for {better} of {} at {side} pixels", ratios.len()));
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ").into()) }
}
