//! What must hold for any bytes: one function for each fuzz target. A panic is a finding.
//!
//! libFuzzer drives these functions in `fuzz/`. The test `replay` drives them without it, over seeds
//! and seeded mutations, so that every build of the project does some of it.
#![allow(clippy::expect_used, reason = "a panic is how a fuzz target tells what it has found")]

mod metadata;
mod options;
mod protocol;
mod render;
mod seeds;
mod svg;

pub use seeds::{root, seeds};

use safelight_domain::image::SourceFormat;

/// Whether an input is worth to be kept and changed further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It reached what the target is for.
    Keep,
    /// It belongs to another target.
    Reject,
}

/// What the bytes of a target are given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Texts of options.
    Options,
    /// The head of a file.
    Probe,
    /// A file of one format.
    Render(SourceFormat),
    /// A level, as it lies in the store.
    Level,
    /// A file that may be an SVG.
    Svg,
    /// An EXIF block.
    Metadata,
    /// Frames between the server and a worker.
    Protocol,
}

/// Every target, by the name of its file in `fuzz/fuzz_targets`.
pub fn targets() -> Vec<(String, Subject)> {
    let mut targets: Vec<(String, Subject)> = [
        ("options", Subject::Options),
        ("probe", Subject::Probe),
        ("metadata", Subject::Metadata),
        ("protocol", Subject::Protocol),
        ("svg", Subject::Svg),
        ("render_level", Subject::Level),
    ]
    .map(|(name, subject)| (name.to_owned(), subject))
    .into();
    // An SVG has a target of its own.
    let raster = SourceFormat::ALL.into_iter().filter(|format| *format != SourceFormat::Svg);
    targets.extend(raster.map(|format| (format!("render_{}", short_name(format)), Subject::Render(format))));
    targets
}

/// Runs the target of a name.
///
/// # Panics
/// When something does not hold that must, and when there is no such target.
pub fn run(name: &str, data: &[u8]) -> Verdict {
    let (_, subject) = targets().into_iter().find(|(known, _)| known == name).expect("a target's name");
    check(subject, data)
}

/// Runs a target.
///
/// # Panics
/// When something does not hold that must.
pub fn check(subject: Subject, data: &[u8]) -> Verdict {
    match subject {
        Subject::Options => options::check(data),
        Subject::Probe => render::check_head(data),
        Subject::Render(format) => render::check(format, data),
        Subject::Level => render::check_level(data),
        Subject::Svg => svg::check(data),
        Subject::Metadata => metadata::check(data),
        Subject::Protocol => protocol::check(data),
    }
}

/// The subtype of the format's media type, without what follows a plus.
fn short_name(format: SourceFormat) -> &'static str {
    let subtype = format.media_type().trim_start_matches("image/");
    subtype.split('+').next().unwrap_or(subtype)
}
