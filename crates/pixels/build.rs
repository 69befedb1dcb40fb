//! Puts the model of the face detector where the engine includes it from. It is a file of the package
//! `rustface`, and Cargo knows where that lies.
#![allow(clippy::disallowed_methods, reason = "a build script runs before the engine, and reads files")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

const MODEL: &str = "model/seeta_fd_frontal_v1.0.bin";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.toml");
    let target = PathBuf::from(variable("OUT_DIR")?).join("faces.bin");
    std::fs::copy(package()?.join(MODEL), target)?;
    Ok(())
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}

/// The folder of `rustface`.
fn package() -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new(variable("CARGO")?)
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform"])
        .arg(variable("TARGET")?)
        .arg("--manifest-path")
        .arg(Path::new(&variable("CARGO_MANIFEST_DIR")?).join("Cargo.toml"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    let found = packages.iter().find(|package| package["name"] == "rustface");
    let manifest = found.and_then(|package| package["manifest_path"].as_str()).ok_or("no rustface")?;
    Ok(Path::new(manifest).parent().ok_or("no folder")?.to_owned())
}
