//! Renders files by the text of a transform: `cargo run -p safelight-pixels --example render`. Each
//! line of the standard input is a job, with tabs between its parts: the canonical text of the
//! transform, the output format, the file to write, the file to read, and those to draw on it.
#![allow(clippy::disallowed_methods, reason = "a program by hand reads and writes files")]

use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use std::error::Error;
use std::io::BufRead;

fn main() -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        job(&line).map_err(|error| format!("{line}: {error}"))?;
    }
    Ok(())
}

fn job(line: &str) -> Result<(), Box<dyn Error>> {
    let parts: Vec<&str> = line.split('\t').collect();
    let [text, format, output, input, overlays @ ..] = parts.as_slice() else {
        return Err("a job has at least four parts".into());
    };
    let transform = Transform::from_canonical(text)?;
    let format = OutputFormat::parse(format).ok_or("no such format")?;
    let file = std::fs::read(input)?;
    let overlays = overlays.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    let overlays: Vec<&[u8]> = overlays.iter().map(Vec::as_slice).collect();
    let source = safelight_pixels::Source { file: &file, overlays: &overlays };
    let made = safelight_pixels::render(&source, &transform, format, &SourceLimits::CLOUDFLARE)?;
    std::fs::write(output, made.bytes)?;
    Ok(())
}
