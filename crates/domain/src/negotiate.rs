//! Which format an answer has.

use crate::image::{SourceFormat, SourceInfo, Turn};
use crate::transform::{Animation, Compression, Fit, OptionError, Rotate, Side, Transform, Trim, TrimEnd};
use thiserror::Error;

/// Formats that renditions may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// `image/jpeg`, progressive by Cloudflare's rule.
    Jpeg,
    /// `image/jpeg`, never progressive.
    BaselineJpeg,
    /// `image/png`.
    Png,
    /// `image/webp`, animated if the source is.
    WebP,
    /// `image/gif`, animated if the source is.
    Gif,
    /// `image/avif`, of an animation the first frame.
    Avif,
    /// `image/svg+xml`: a sanitised SVG. No picture of another format becomes one.
    Svg,
    /// `application/json`: sizes before and after instead of a picture.
    Json,
}

impl OutputFormat {
    /// Every format.
    pub const ALL: [OutputFormat; 8] = [
        OutputFormat::Jpeg,
        OutputFormat::BaselineJpeg,
        OutputFormat::Png,
        OutputFormat::WebP,
        OutputFormat::Gif,
        OutputFormat::Avif,
        OutputFormat::Svg,
        OutputFormat::Json,
    ];

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            OutputFormat::Jpeg | OutputFormat::BaselineJpeg => "image/jpeg",
            OutputFormat::Png => "image/png",
            OutputFormat::WebP => "image/webp",
            OutputFormat::Gif => "image/gif",
            OutputFormat::Avif => "image/avif",
            OutputFormat::Svg => "image/svg+xml",
            OutputFormat::Json => "application/json",
        }
    }

    /// The short name in tables and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            OutputFormat::Jpeg => "jpeg",
            OutputFormat::BaselineJpeg => "baseline-jpeg",
            OutputFormat::Png => "png",
            OutputFormat::WebP => "webp",
            OutputFormat::Gif => "gif",
            OutputFormat::Avif => "avif",
            OutputFormat::Svg => "svg",
            OutputFormat::Json => "json",
        }
    }

    /// The format of a short name.
    pub fn parse(text: &str) -> Option<OutputFormat> {
        OutputFormat::ALL.into_iter().find(|format| format.as_str() == text)
    }
}

/// What a URL asks for (`format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FormatChoice {
    /// `auto`: the best that the `Accept` header allows.
    #[default]
    Auto,
    /// One format, whatever the header says.
    Only(OutputFormat),
}

impl FormatChoice {
    /// Parses the word. `gif` and `png` are ours and Cloudflare's types' (`png-force` is taken as
    /// `png`, which never becomes a JPEG here).
    pub fn parse(text: &str) -> Result<FormatChoice, OptionError> {
        let format = match text {
            "auto" => return Ok(FormatChoice::Auto),
            "png-force" => Some(OutputFormat::Png),
            "jpg" => Some(OutputFormat::Jpeg),
            other => OutputFormat::parse(other),
        };
        format.map(FormatChoice::Only).ok_or(OptionError {
            option: "format",
            allowed: "one of auto, avif, webp, jpeg, baseline-jpeg, png, png-force, gif, svg, json",
        })
    }
}

/// Longest side of an AVIF that nobody asked for by name, in pixels (Cloudflare's limit): larger ones
/// take longer to make than they save.
pub const AVIF_SIDE: u32 = 1_200;

/// Why a source cannot be had in the format asked for (415, error 9412).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// An SVG is never rendered to pixels.
    #[error("an SVG is delivered as it is, format may be auto, svg or json")]
    FromSvg,
    /// No picture becomes an SVG.
    #[error("format=svg is for SVG images alone")]
    ToSvg,
}

/// The formats that an answer may have, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats {
    better: [Option<OutputFormat>; 2],
    last: OutputFormat,
}

impl Formats {
    fn only(format: OutputFormat) -> Formats {
        Formats { better: [None; 2], last: format }
    }

    /// Those that are better than [`last`](Formats::last).
    pub fn better(self) -> impl Iterator<Item = OutputFormat> {
        self.better.into_iter().flatten()
    }

    /// That which every answer may have.
    pub fn last(self) -> OutputFormat {
        self.last
    }

    /// Whether this is one of them.
    pub fn contain(self, format: OutputFormat) -> bool {
        self.last == format || self.better.contains(&Some(format))
    }
}

/// Chooses the formats for a request.
///
/// With `auto` those are AVIF and WebP, as far as the `Accept` header names them with a weight above
/// zero, then the source's own kind: GIF for an animation, PNG where the source is lossless or may be
/// transparent, JPEG for the rest. AVIF is left out for animations, which have one frame there, and
/// beyond [`AVIF_SIDE`]; `compression=fast` prefers JPEG where one can hold the picture.
///
/// `accept` is the header as received, several headers joined with a comma; `None` when absent.
/// `image/*` and `*/*` alone ask for neither: old browsers send them without being able to show it.
pub fn output_formats(
    choice: FormatChoice,
    accept: Option<&str>,
    source: &SourceInfo,
    transform: &Transform,
) -> Result<Formats, FormatError> {
    match (choice, source.format) {
        (FormatChoice::Only(OutputFormat::Json), _) => return Ok(Formats::only(OutputFormat::Json)),
        (FormatChoice::Auto | FormatChoice::Only(OutputFormat::Svg), SourceFormat::Svg) => {
            return Ok(Formats::only(OutputFormat::Svg));
        }
        (FormatChoice::Only(_), SourceFormat::Svg) => return Err(FormatError::FromSvg),
        (FormatChoice::Only(OutputFormat::Svg), _) => return Err(FormatError::ToSvg),
        (FormatChoice::Only(format), _) => return Ok(Formats::only(format)),
        (FormatChoice::Auto, _) => {}
    }
    if is_fast(source, transform) {
        return Ok(Formats::only(OutputFormat::Jpeg));
    }
    let avif =
        suits_avif(accept, source, transform) && longest_side(source, transform) <= u64::from(AVIF_SIDE);
    let webp = accepts(accept, "image/webp");
    Ok(Formats {
        better: [avif.then_some(OutputFormat::Avif), webp.then_some(OutputFormat::WebP)],
        last: match source.format {
            _ if is_animated(source, transform) => OutputFormat::Gif,
            SourceFormat::Png | SourceFormat::Gif | SourceFormat::Bmp => OutputFormat::Png,
            _ if source.has_alpha => OutputFormat::Png,
            _ => OutputFormat::Jpeg,
        },
    })
}

/// The best of [`output_formats`].
pub fn output_format(
    choice: FormatChoice,
    accept: Option<&str>,
    source: &SourceInfo,
    transform: &Transform,
) -> Result<OutputFormat, FormatError> {
    let formats = output_formats(choice, accept, source, transform)?;
    Ok(formats.better().next().unwrap_or(formats.last()))
}

/// Whether an answer that [`output_format`] chose by `auto` is no AVIF for its size alone.
pub fn is_too_large_for_avif(accept: Option<&str>, source: &SourceInfo, transform: &Transform) -> bool {
    source.format != SourceFormat::Svg
        && !is_fast(source, transform)
        && suits_avif(accept, source, transform)
        && longest_side(source, transform) > u64::from(AVIF_SIDE)
}

fn is_animated(source: &SourceInfo, transform: &Transform) -> bool {
    source.frames > 1 && transform.animation == Animation::Keep
}

fn is_fast(source: &SourceInfo, transform: &Transform) -> bool {
    transform.compression == Compression::Fast && !is_animated(source, transform) && !source.has_alpha
}

fn suits_avif(accept: Option<&str>, source: &SourceInfo, transform: &Transform) -> bool {
    !is_animated(source, transform) && accepts(accept, "image/avif")
}

/// No output has a longer side. Where it is not known how the source is turned, both ways count.
fn longest_side(source: &SourceInfo, transform: &Transform) -> u64 {
    let (w, h) = (u64::from(source.width), u64::from(source.height));
    let shown = |w, h| longest_fitted(trimmed(w, h, transform.trim), transform);
    match source.turn {
        Turn::Upright => shown(w, h),
        Turn::Sideways => shown(h, w),
        Turn::Unknown => shown(w, h).max(shown(h, w)),
    }
}

/// Bounds on a side, in pixels; `least` is at least 1.
#[derive(Clone, Copy)]
struct Bounds {
    least: u64,
    most: u64,
}

/// What a trim leaves of a picture's width and height. How much of a border goes is known when the
/// pixels are.
fn trimmed(width: u64, height: u64, trim: Option<Trim>) -> (Bounds, Bounds) {
    let length = |side: u64, start: u32, end: TrimEnd| {
        let rest = side.saturating_sub(start.into());
        match end {
            TrimEnd::Before(pixels) => rest.saturating_sub(pixels.into()),
            TrimEnd::Length(pixels) => rest.min(pixels.into()),
        }
    };
    let exactly = |side: u64| Bounds { least: side.max(1), most: side };
    let up_to = |side| Bounds { least: 1, most: side };
    match trim {
        None => (exactly(width), exactly(height)),
        Some(Trim::Rectangle { left, top, right, bottom }) => {
            (exactly(length(width, left, right)), exactly(length(height, top, bottom)))
        }
        Some(Trim::Border { .. }) => (up_to(width), up_to(height)),
    }
}

fn longest_fitted((width, height): (Bounds, Bounds), transform: &Transform) -> u64 {
    let (width, height) = match transform.rotate {
        Rotate::None | Rotate::By180 => (width, height),
        Rotate::By90 | Rotate::By270 => (height, width),
    };
    let side = |side: Option<Side>| side.map(|side| u64::from(side.pixels()));
    let longest = |given: u64, of: Bounds, other: Bounds| given.max((given * other.most).div_ceil(of.least));
    let long = width.most.max(height.most);
    let fitted = match (side(transform.width), side(transform.height)) {
        (None, None) => return long,
        (Some(given), Some(other)) => given.max(other),
        (Some(given), None) => longest(given, width, height),
        (None, Some(given)) => longest(given, height, width),
    };
    match transform.fit {
        Fit::ScaleUp => fitted.max(long),
        Fit::ScaleDown | Fit::Crop | Fit::AspectCrop => fitted.min(long),
        Fit::Contain | Fit::Cover | Fit::Pad | Fit::Squeeze => fitted,
    }
}

/// As much of an `Accept` header as [`output_format`] looks at, in one of four forms: for keys of
/// renditions.
pub fn accept_key(accept: Option<&str>) -> Option<&'static str> {
    match (accepts(accept, "image/avif"), accepts(accept, "image/webp")) {
        (true, true) => Some("image/avif,image/webp"),
        (true, false) => Some("image/avif"),
        (false, true) => Some("image/webp"),
        (false, false) => None,
    }
}

/// How the bytes of a file of the program are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentEncoding {
    /// As they are.
    Identity,
    /// Compressed by gzip.
    Gzip,
    /// Compressed by brotli.
    Brotli,
}

impl ContentEncoding {
    /// Those that an `Accept-Encoding` header names with a weight above zero, the smallest first, and
    /// after them the one that everyone understands. `*` names none.
    pub fn accepted(header: Option<&str>) -> impl Iterator<Item = ContentEncoding> {
        let named = [("br", ContentEncoding::Brotli), ("gzip", ContentEncoding::Gzip)];
        let named = named.into_iter().filter(move |(word, _)| accepts(header, word));
        named.map(|(_, encoding)| encoding).chain([ContentEncoding::Identity])
    }
}

fn accepts(accept: Option<&str>, media_type: &str) -> bool {
    accept.is_some_and(|accept| names(accept, media_type))
}

/// Whether an `Accept` header names a media type with a weight above zero.
fn names(accept: &str, media_type: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(media_type));
        let refused = parts.any(|parameter| {
            parameter
                .split_once('=')
                .filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
                .is_some_and(|(_, weight)| weight.trim().parse::<f32>().map_or(true, |q| q <= 0.0))
        });
        named && !refused
    })
}

#[cfg(test)]
#[path = "negotiate_tests.rs"]
mod tests;
