//! Prints what each option adds to rendering a file at 800x600 as a PNG, as the median of fifteen
//! runs, in milliseconds of processor time, which Linux counts in `/proc`:
//! `cargo run --release -p safelight-pixels --example steps -- FILE…`
#![allow(clippy::disallowed_methods, reason = "a program by hand reads files")]

use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use std::error::Error;

const RUNS: usize = 15;
const BASE: &str = "fit=cover,width=800,height=600";

/// Each is added to [`BASE`].
const OPTIONS: [&str; 15] = [
    "trim.left=8",
    "trim=border",
    "flip=h",
    "rotate=90",
    "gravity=0x0",
    "gravity=auto",
    "gravity=face",
    "contrast=1.2",
    "saturation=1.2",
    "sharpen=1",
    "blur=2",
    "blur=100",
    "background=red",
    "draw=image:self;width:200;opacity:0.5",
    "draw=image:self;width:50;repeat:true",
];

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let file = std::fs::read(&path)?;
        let base = median(&file, BASE)?;
        println!("{path}\n  {base:8.1}  {BASE}");
        for option in OPTIONS {
            let time = median(&file, &format!("{BASE},{option}"))?;
            println!("  {:+8.1}  {option}", time - base);
        }
    }
    Ok(())
}

fn median(file: &[u8], text: &str) -> Result<f64, Box<dyn Error>> {
    let transform = Transform::from_canonical(text).map_err(|error| format!("{text}: {error}"))?;
    let overlays = vec![file; transform.draw.len()];
    let source = safelight_pixels::Source { file, overlays: &overlays };
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = used()?;
        safelight_pixels::render(&source, &transform, OutputFormat::Png, &SourceLimits::CLOUDFLARE)?;
        times.push(used()? - start);
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(RUNS / 2).copied().unwrap_or_default())
}

/// Milliseconds that this program has run on a processor.
fn used() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().ok_or("no time")?.parse()?;
    Ok(nanoseconds / 1e6)
}
