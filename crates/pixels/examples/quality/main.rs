//! Measures the quality of renditions of photographs by SSIMULACRA2 against a linear-light reduction
//! made here, independently of the engine.
//!
//! `cargo run --release -p safelight-pixels --example quality -- check FOLDER…` renders every
//! photograph of the folders at 500 and 800 pixels in each lossy format, with every quality word and
//! some numbers, prints mean scores and bytes, and the bytes of AVIF and WebP at the score of JPEG.
//!
//! `… -- levels FOLDER…` sets renditions of levels beside those of the originals.
//!
//! `… -- peers FOLDER…` prints our bytes by those of sharp with its defaults at the same score, for the same
//! 800 pixels; `NODE_PATH` has to lead to sharp.
//!
//! `… -- curve FOLDER…`, or `curve-avif` and so on for one encoder, prints the scores of the encoders themselves over their own scales, which is
//! where the tables of `encode/quality.rs` come from.
//!
//! `check` and `curve` measure the quick encoders, and with `standard` or `thorough` before the folders the others.
#![allow(clippy::disallowed_methods, reason = "a program by hand reads files")]

mod check;
mod curve;
mod levels;
mod peers;
mod picture;

use picture::{Picture, photographs};
use safelight_domain::transform::Effort;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let mode = arguments.next().unwrap_or_default();
    let effort = match arguments.next_if(|argument| argument == "thorough" || argument == "standard") {
        Some(word) if word == "standard" => Effort::Standard,
        Some(_) => Effort::Thorough,
        None => Effort::Quick,
    };
    let folders: Vec<String> = arguments.collect();
    let files = photographs(&folders)?;
    if files.is_empty() {
        return Err("give folders with photographs of at least 1500 pixels".into());
    }
    match mode.as_str() {
        "check" => check::run(&files, effort),
        "levels" => levels::run(&files),
        "peers" => peers::run(&files),
        _ => match mode.strip_prefix("curve") {
            Some(only) => curve::run(&files, only.trim_start_matches('-'), effort),
            None => Err("the first argument is check, levels, peers or curve".into()),
        },
    }
}
