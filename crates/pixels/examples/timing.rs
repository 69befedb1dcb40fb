//! Prints the median time, over seven runs, of rendering a file to a width of 800 pixels in each
//! format: `cargo run --release -p safelight-pixels --example timing -- FILE…`
#![allow(clippy::disallowed_methods, reason = "a program by hand reads files and clocks")]

use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Side, Transform};
use std::error::Error;
use std::time::Instant;

const RUNS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let file = std::fs::read(&path)?;
        let source = safelight_pixels::probe(&file, &SourceLimits::CLOUDFLARE)?;
        println!("{path}: {}x{}, {} bytes", source.width, source.height, file.len());
        let transform = Transform { width: Some(Side::parse(800)?), ..Transform::default() };
        for format in OutputFormat::ALL {
            let mut times = Vec::new();
            let mut size = 0;
            for _ in 0..RUNS {
                let start = Instant::now();
                let made = safelight_pixels::render(
                    &safelight_pixels::Source { file: &file, overlays: &[] },
                    &transform,
                    format,
                    &SourceLimits::CLOUDFLARE,
                )?;
                times.push(start.elapsed().as_secs_f64() * 1000.0);
                size = made.bytes.len();
            }
            times.sort_by(f64::total_cmp);
            let median = times.get(RUNS / 2).copied().unwrap_or_default();
            println!("  {:5} {median:7.1} ms  {size} bytes", format.as_str());
        }
    }
    Ok(())
}
