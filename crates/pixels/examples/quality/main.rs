//! Measures the quality of renditions of photographs by SSIMULACRA2 against a linear-light reduction
//! made here, independently of the engine.
//!
//! `cargo run --release -p safelight-pixels --example quality -- check FOLDER…` renders every
//! photograph of the folders at 500 and 800 pixels in each lossy format, with every quality word and
//! some numbers, prints mean scores and bytes, and the bytes of AVIF and WebP at the score of JPEG.
//!
//! `… -- levels FOLDER…` sets renditions of levels beside those of the originals.
//!
//! `… -- curve FOLDER…`, or `curve-avif` and so on for one encoder, prints the scores of the encoders themselves over their own scales, which is
//! where the tables of `encode/quality.rs` come from.
#![allow(clippy::disallowed_methods, reason = "a program by hand reads files")]

mod check;
mod curve;
mod levels;
mod picture;

use picture::{Picture, photographs};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().unwrap_or_default();
    let folders: Vec<String> = arguments.collect();
    let files = photographs(&folders)?;
    if files.is_empty() {
        return Err("give folders with photographs of at least 1500 pixels".into());
    }
    match mode.as_str() {
        "check" => check::run(&files),
        "levels" => levels::run(&files),
        _ => match mode.strip_prefix("curve") {
            Some(only) => curve::run(&files, only.trim_start_matches('-')),
            None => Err("the first argument is check, levels or curve".into()),
        },
    }
}
