//! Prints the median time, over fifteen runs, of rendering a file to a width of 800 pixels in each format, from the
//! original as it stays and from its quarter as a first answer: `cargo run --release -p safelight-pixels --example
//! timing -- FILE…`; `-- FILE jpeg` measures one format, and `-- FILE jpeg 500` in so many runs, for a profiler.
#![allow(clippy::disallowed_methods, reason = "a program by hand reads files and clocks")]

use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Effort, Side, Transform};
use safelight_pixels::{Fault, Output, Rendered, Source};
use std::error::Error;
use std::time::Instant;

const RUNS: usize = 15;
const LIMITS: SourceLimits = SourceLimits::CLOUDFLARE;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut files, mut formats, mut runs) = (Vec::new(), Vec::new(), RUNS);
    for argument in std::env::args().skip(1) {
        match (OutputFormat::parse(&argument), argument.parse()) {
            (Some(format), _) => formats.push(format),
            (None, Ok(number)) => runs = number,
            (None, Err(_)) => files.push(argument),
        }
    }
    if formats.is_empty() {
        formats.extend(OutputFormat::ALL);
    }
    for path in files {
        let file = std::fs::read(&path)?;
        let info = safelight_pixels::probe(&file, &LIMITS)?;
        println!("{path}: {}x{}, {} bytes", info.width, info.height, file.len());
        let levels = safelight_pixels::levels(&file, 4, &LIMITS)?;
        let quarter = levels.into_iter().next().map(|level| level.bytes);
        for &format in &formats {
            measure(runs, "original", format, Effort::Standard, safelight_pixels::render, &file)?;
            if let Some(quarter) = quarter.as_deref().filter(|_| format != OutputFormat::Json) {
                measure(runs, "quarter", format, Effort::Quick, safelight_pixels::render_level, quarter)?;
            }
        }
    }
    Ok(())
}

type Render = fn(&Source<'_>, &Transform, Output, &SourceLimits) -> Result<Rendered, Fault>;

fn measure(
    runs: usize,
    base: &str,
    format: OutputFormat,
    effort: Effort,
    render: Render,
    file: &[u8],
) -> Result<(), Box<dyn Error>> {
    let transform = Transform { width: Some(Side::parse(800)?), ..Transform::default() };
    let source = Source { file, overlays: &[] };
    let mut times = Vec::new();
    let mut size = 0;
    for _ in 0..runs {
        let start = Instant::now();
        let made = match render(&source, &transform, Output { format, effort }, &LIMITS) {
            Err(fault) => {
                println!("  {:13} {base:8} {fault}", format.as_str());
                return Ok(());
            }
            Ok(made) => made,
        };
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        size = made.bytes.len();
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(runs / 2).copied().unwrap_or_default();
    println!("  {:13} {base:8} {median:7.1} ms  {size} bytes", format.as_str());
    Ok(())
}
