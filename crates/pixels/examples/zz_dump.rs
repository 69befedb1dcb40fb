//! Scratch.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]
use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use safelight_pixels::{Source, render};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let format = OutputFormat::parse(&args[1]).unwrap();
    let transform = Transform::from_canonical(&args[2]).unwrap();
    for path in &args[4..] {
        let file = std::fs::read(path).unwrap();
        let start = std::time::Instant::now();
        match render(&Source { file: &file, overlays: &[] }, &transform, format, &SourceLimits::CLOUDFLARE) {
            Ok(made) => {
                let name = std::path::Path::new(path).file_name().unwrap().to_string_lossy().into_owned();
                std::fs::write(format!("{}/{name}.out", args[3]), &made.bytes).unwrap();
                println!(
                    "OK\t{}\t{}\t{}\t{}",
                    path,
                    file.len(),
                    made.bytes.len(),
                    start.elapsed().as_millis()
                );
            }
            Err(fault) => println!("ERR\t{path}\t{fault}"),
        }
    }
}
