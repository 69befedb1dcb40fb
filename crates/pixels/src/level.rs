//! Levels: reduced pictures of an original, of which small renditions are made in a fraction of the time.
//!
//! A level is the whole picture as it is stored, in sRGB, scaled in linear light to a half, a quarter and so
//! on, with what a rendition needs to know of the original in front of it. Nothing but this program reads
//! one, and none is ever sent to anybody.
//!
//! ```text
//! magic "SFLV" | version | orientation (1 to 8) | width, height of the original (u32) | EXIF length (u32) | EXIF | picture
//! ```
//!
//! Numbers are little-endian. The picture is a JPEG with all of its chroma, or a PNG where the original may
//! be transparent or was stored without loss, so that flat colours stay flat.

use crate::encode::LevelKind;
use crate::frame::Frame;
use crate::limits::KEPT_EXIF_BYTES;
use crate::metadata::Orientation;
use crate::plan::{Draft, Plan, Rect, Scaling, Size};
use crate::probe::{self, Header};
use crate::{Fault, Output, Source, color, decode, encode, steps};
use safelight_domain::image::{SourceFormat, SourceInfo, SourceLimits, Turn};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Animation, Effort, Gamut, Gravity, Transform};

/// Changes whenever the same original would give other levels, so that those of an older program are made
/// anew.
pub const LEVELS_VERSION: u32 = 2;

/// Originals of fewer pixels have no levels: a rendition of them takes a few milliseconds as it is.
pub const LEAST_PIXELS: u64 = 1_000_000;

/// The longer side of the smallest level is at least this, in pixels.
const SMALLEST_SIDE: u32 = 200;

/// The most that an original is divided by.
const LARGEST_DIVISOR: u32 = 64;

/// How many times larger than its target a level is at least, for a rendition that someone waits for. With
/// 1.25 an original of 4,000 pixels finds levels for 1,600, 800, 400 and 200. `docs/performance.md` has what
/// other ratios cost.
const SPARE: f64 = 1.25;

const MAGIC: &[u8; 5] = b"SFLV\x01";
const HEADER: usize = MAGIC.len() + 1 + 4 + 4 + 4;

/// A level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// What the sides of the original were divided by: 2, 4, 8 and so on.
    pub divisor: u32,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What the sides of an original of this size are divided by for its levels, beginning with `first`, a power
/// of two. None for an original that has no levels: a small one, an animation, or an SVG.
pub fn divisors(info: &SourceInfo, first: u32) -> Vec<u32> {
    let area = u64::from(info.width) * u64::from(info.height);
    if info.format == SourceFormat::Svg || info.frames > 1 || area < LEAST_PIXELS {
        return Vec::new();
    }
    let long = info.width.max(info.height);
    let all = std::iter::successors(Some(first.max(2)), |divisor| divisor.checked_mul(2));
    all.take_while(|&divisor| divisor <= LARGEST_DIVISOR && long / divisor >= SMALLEST_SIDE).collect()
}

/// Decodes an original and makes its levels, those of [`divisors`]. The faults are those of
/// [`render`](crate::render).
pub fn levels(file: &[u8], first: u32, limits: &SourceLimits) -> Result<Vec<Level>, Fault> {
    let header = probe::header(file, limits)?;
    let divisors = divisors(&header.info, first);
    if divisors.is_empty() {
        return Ok(Vec::new());
    }
    let (frame, _) = color::convert(decode::decode(file, &header)?, Gamut::Srgb)?;
    let whole = Rect::whole(Size { width: frame.width(), height: frame.height() }).region();
    let kind = kind(&header.info);
    let before = prefix(&header);
    let made = divisors.into_iter().map(|divisor| {
        let size = Size { width: frame.width().div_ceil(divisor), height: frame.height().div_ceil(divisor) };
        let small = steps::resample(&frame, whole, size)
            .ok_or_else(|| Fault::CannotEncode("it could not be scaled".to_owned()))?;
        let mut bytes = before.clone();
        bytes.extend(encode::level(&small, kind)?);
        Ok(Level { divisor, bytes })
    });
    made.collect()
}

fn kind(info: &SourceInfo) -> LevelKind {
    use SourceFormat::{Avif, Bmp, Gif, Heic, Jpeg, Jxl, Png, Svg, Tiff, WebP};
    match info.format {
        _ if info.has_alpha => LevelKind::Lossless,
        Jpeg | WebP | Avif | Heic | Jxl => LevelKind::Lossy,
        Png | Gif | Tiff | Bmp | Svg => LevelKind::Lossless,
    }
}

fn prefix(header: &Header<'_>) -> Vec<u8> {
    // What is larger is never kept in a rendition either.
    let exif = header.exif.filter(|exif| exif.len() <= KEPT_EXIF_BYTES).unwrap_or_default();
    let mut bytes = Vec::with_capacity(HEADER + exif.len());
    bytes.extend(MAGIC);
    bytes.push(header.orientation().tag());
    // At most KEPT_EXIF_BYTES.
    for number in [header.info.width, header.info.height, exif.len() as u32] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(exif);
    bytes
}

/// Of levels with these divisors, that which a rendition is made of; `None` if only the original will do: for
/// a picture that is hardly scaled, a trim, a gravity that looks at the picture, an animation, colours beyond
/// sRGB, an answer in JSON, which describes the original, or a thorough encoder, for which nobody waits.
pub fn level_for(
    info: &SourceInfo,
    transform: &Transform,
    output: impl Into<Output>,
    limits: &SourceLimits,
    divisors: &[u32],
) -> Option<u32> {
    let output = output.into();
    let moves = info.frames > 1 && transform.animation == Animation::Keep && encode::animates(output.format);
    let described = output.format == OutputFormat::Json;
    if output.effort == Effort::Thorough || described || moves || needs_original(transform) {
        return None;
    }
    let turns: &[Orientation] = match info.turn {
        Turn::Upright => &[Orientation::AsStored],
        Turn::Sideways => &[Orientation::Rotate90],
        Turn::Unknown => &[Orientation::AsStored, Orientation::Rotate90],
    };
    let mut reduction = f64::INFINITY;
    for &turn in turns {
        let plan = Draft::new(info, turn, transform, output.format, limits).ok()?.unseen().ok()?;
        reduction = reduction.min(reduction_of(&plan)?);
    }
    divisors.iter().copied().filter(|&divisor| f64::from(divisor) * SPARE <= reduction).max()
}

fn needs_original(transform: &Transform) -> bool {
    matches!(transform.gravity, Gravity::Auto | Gravity::Face(_))
        || transform.trim.is_some()
        || transform.gamut != Gamut::Srgb
}

fn reduction_of(plan: &Plan) -> Option<f64> {
    let Plan { region, scaled, .. } = plan;
    let (columns, rows) = (region.width / f64::from(scaled.width), region.height / f64::from(scaled.height));
    (plan.scaling == Scaling::Resample).then(|| columns.min(rows))
}

/// A level that was read.
pub(crate) struct Read<'a> {
    /// As for [`Header::exif`].
    pub(crate) exif: Option<&'a [u8]>,
    info: SourceInfo,
    orientation: Orientation,
    picture: &'a [u8],
}

impl<'a> Read<'a> {
    /// Reads what is in front of the picture.
    pub(crate) fn new(source: &Source<'a>, limits: &SourceLimits) -> Result<Read<'a>, Fault> {
        let broken = || Fault::Corrupt("it is no level of this program".to_owned());
        let rest = source.file.strip_prefix(MAGIC).ok_or_else(broken)?;
        let (&[tag], rest) = rest.split_first_chunk().ok_or_else(broken)?;
        let mut numbers = [0; 3];
        let mut rest = rest;
        for number in &mut numbers {
            let (bytes, after) = rest.split_first_chunk().ok_or_else(broken)?;
            (*number, rest) = (u32::from_le_bytes(*bytes), after);
        }
        let [width, height, exif] = numbers;
        if !limits.allow(width, height) {
            return Err(broken());
        }
        let (exif, picture) = rest.split_at_checked(exif as usize).ok_or_else(broken)?;
        let info = probe::header(picture, limits)?.info;
        Ok(Read {
            exif: (!exif.is_empty()).then_some(exif),
            info: SourceInfo { width, height, turn: Turn::Unknown, frames: 1, ..info },
            orientation: Orientation::from_tag(u16::from(tag)),
            picture,
        })
    }

    /// The picture and the plan of a transform for it, which must be one that [`level_for`] allows.
    pub(crate) fn decode(
        &self,
        transform: &Transform,
        output: Output,
        limits: &SourceLimits,
    ) -> Result<(Frame, Plan), Fault> {
        if needs_original(transform) {
            return Err(Fault::CannotEncode("it needs the original".to_owned()));
        }
        let draft = Draft::new(&self.info, self.orientation, transform, output.format, limits)?;
        let plan = draft.unseen()?;
        let header = probe::header(self.picture, limits)?;
        let (frame, _) = color::convert(decode::decode(self.picture, &header)?, Gamut::Srgb)?;
        let plan = plan.over(
            Size { width: self.info.width, height: self.info.height },
            Size { width: frame.width(), height: frame.height() },
        );
        Ok((frame, plan))
    }
}

#[cfg(test)]
#[path = "level_tests.rs"]
mod tests;
