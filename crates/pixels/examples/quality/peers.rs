//! Bytes of our encoders beside those of sharp with its defaults, for the same pixels and at the same score.

use crate::picture::{Picture, bytes_at, mean, render};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Effort;
use safelight_pixels::Output;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

const SIDE: usize = 800;

/// Our qualities, between which the one that gives sharp's score is looked for.
const QUALITIES: [u8; 7] = [50, 65, 72, 79, 86, 92, 98];

const FORMATS: [OutputFormat; 3] = [OutputFormat::Jpeg, OutputFormat::WebP, OutputFormat::Avif];

/// Prints, for each photograph and format, our bytes by sharp's: with a quick encoder and with a thorough one.
pub(crate) fn run(files: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("safelight-peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut references = Vec::new();
    for (number, path) in files.iter().enumerate() {
        let reference = Picture::read(path)?.reduced(SIDE);
        let png = reference.png()?;
        std::fs::write(folder.join(format!("{number}.png")), &png)?;
        references.push((reference, png));
    }
    let done = Command::new("node").args(["-e", include_str!("sharp.cjs")]).arg(&folder).status()?;
    if !done.success() {
        return Err("node failed; NODE_PATH has to lead to sharp".into());
    }
    print!("{:<44}", "our bytes by sharp's, standard/thorough");
    println!("{:>17}{:>17}{:>17}{:>17}", "jpeg", "webp", "avif", "png");
    let mut columns: [Vec<f64>; 8] = Default::default();
    for (number, (path, (reference, png))) in files.iter().zip(&references).enumerate() {
        let theirs = |ending: &str| std::fs::read(folder.join(format!("{number}.{ending}")));
        let mut ratios = Vec::new();
        for format in FORMATS {
            let file = theirs(format.as_str())?;
            let score = reference.score(&Picture::decode(&file)?)?;
            for effort in [Effort::Standard, Effort::Thorough] {
                let mut curve = Vec::new();
                for quality in QUALITIES {
                    let ours =
                        render(png, &format!("fit=scale-down,quality={quality}"), Output { format, effort })?;
                    let reached = reference.score(&Picture::decode(&ours)?)?;
                    curve.push((reached, ours.len() as f64));
                    if reached > score {
                        break;
                    }
                }
                ratios.push(bytes_at(&curve, score) / file.len() as f64);
            }
        }
        let file = theirs("sharp.png")?;
        for effort in [Effort::Standard, Effort::Thorough] {
            let ours = render(png, "fit=scale-down", Output { format: OutputFormat::Png, effort })?;
            ratios.push(ours.len() as f64 / file.len() as f64);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        print_row(&name, &ratios);
        columns.iter_mut().zip(ratios).for_each(|(column, ratio)| column.push(ratio));
    }
    print_row("mean", &columns.map(|column| mean(column.into_iter())));
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn print_row(name: &str, ratios: &[f64]) {
    print!("{name:<44}");
    for pair in ratios.chunks(2) {
        print!("{:>17}", pair.iter().map(|ratio| format!("{ratio:.3}")).collect::<Vec<_>>().join(" / "));
    }
    println!();
}
