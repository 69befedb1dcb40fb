//! Embeds the dashboard: every file below `dashboard/`, and the snippets of `docs/signing` that it shows as
//! `signing/…`, as they are and compressed, with their media types and the hashes of their bytes.
//! `http/dashboard.rs` serves what is written here.

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The size that a compressed file must be below, in hundredths of the file's own.
const WORTH_IT: usize = 95;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let target = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    let mut all = files(&root.join("dashboard"), "")?;
    all.extend(files(&root.join("docs/signing"), "signing/")?);
    let mut code = "[\n".to_owned();
    for (index, (name, path)) in all.iter().enumerate() {
        let media_type = media_type(name, path).ok_or(format!("no media type is known for {name}"))?;
        let plain = std::fs::read(path)?;
        let gzip = worth_it(gzip(&plain)?, &plain);
        let brotli = worth_it(brotli(&plain)?, &plain);
        write!(code, "    File {{ name: {name:?}, media_type: {media_type:?}, plain: ")?;
        code.push_str(&stored(&target.join(format!("{index}.plain")), &plain)?);
        for (kind, bytes) in [("gzip", gzip), ("brotli", brotli)] {
            match bytes {
                None => write!(code, ", {kind}: None")?,
                Some(bytes) => {
                    let stored = stored(&target.join(format!("{index}.{kind}")), &bytes)?;
                    write!(code, ", {kind}: Some({stored})")?;
                }
            }
        }
        code.push_str(" },\n");
    }
    code.push(']');
    std::fs::write(target.join("dashboard.rs"), code)?;
    Ok(())
}

/// Every file of the folder and of the folders in it, in order, with its name below `prefix`.
fn files(folder: &Path, prefix: &str) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file's name is not UTF-8")?;
        let name = format!("{prefix}{name}");
        let hidden = name.starts_with('.') || name.contains("/.");
        if path.is_dir() {
            found.extend(files(&path, &format!("{name}/"))?);
        } else if !hidden {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}

fn media_type(name: &str, path: &Path) -> Option<&'static str> {
    if name.starts_with("signing/") {
        // Shown, and never run.
        return Some("text/plain; charset=utf-8");
    }
    Some(match path.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn brotli(mut plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut plain, &mut compressed, &brotli::enc::BrotliEncoderParams::default())?;
    Ok(compressed)
}

fn worth_it(compressed: Vec<u8>, plain: &[u8]) -> Option<Vec<u8>> {
    (compressed.len() * 100 < plain.len() * WORTH_IT).then_some(compressed)
}

/// Writes one form of a file, and returns the code that stands for it.
fn stored(path: &Path, bytes: &[u8]) -> Result<String, Box<dyn Error>> {
    std::fs::write(path, bytes)?;
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let path = path.to_str().ok_or("the build's folder is not UTF-8")?;
    Ok(format!("Form {{ bytes: include_bytes!({path:?}), digest: {digest:?} }}"))
}
