//! Which format an answer has.

use crate::image::{SourceFormat, SourceInfo};

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

/// Chooses the format for a request (Cloudflare's `format=auto`): WebP when the `Accept` header
/// names `image/webp` with a weight above zero, else the source's own kind: PNG where the source
/// is lossless or may be transparent (PNG, GIF, WebP with alpha), JPEG for the rest.
///
/// `accept` is the header as received, several headers joined with a comma; `None` when absent.
/// `image/*` and `*/*` alone do not ask for WebP: old browsers send them without being able to
/// show it.
pub fn output_format(accept: Option<&str>, source: &SourceInfo) -> OutputFormat {
    if accept.is_some_and(accepts_webp) {
        return OutputFormat::WebP;
    }
    match source.format {
        SourceFormat::Svg => OutputFormat::Svg,
        SourceFormat::Png | SourceFormat::Gif => OutputFormat::Png,
        _ if source.has_alpha => OutputFormat::Png,
        _ => OutputFormat::Jpeg,
    }
}

fn accepts_webp(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("image/webp"));
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
mod tests {
    use super::*;

    fn source(format: SourceFormat, has_alpha: bool) -> SourceInfo {
        SourceInfo { format, width: 10, height: 10, has_alpha, frames: 1 }
    }

    #[test]
    fn webp_needs_to_be_named_with_a_weight() {
        let jpeg = source(SourceFormat::Jpeg, false);
        for (accept, expected) in [
            (None, OutputFormat::Jpeg),
            (Some(""), OutputFormat::Jpeg),
            (Some("*/*"), OutputFormat::Jpeg),
            (Some("image/*"), OutputFormat::Jpeg),
            (Some("image/avif,image/webp,*/*;q=0.8"), OutputFormat::WebP),
            (Some("IMAGE/WEBP"), OutputFormat::WebP),
            (Some("image/webp;q=0.1"), OutputFormat::WebP),
            (Some("image/webp;q=0"), OutputFormat::Jpeg),
            (Some("image/webp; q=0.000 , */*"), OutputFormat::Jpeg),
            (Some("image/webp;q=x"), OutputFormat::Jpeg),
            (Some("image/webpx"), OutputFormat::Jpeg),
        ] {
            assert_eq!(output_format(accept, &jpeg), expected, "{accept:?}");
        }
    }

    #[test]
    fn without_webp_transparency_survives() {
        for (format, alpha, expected) in [
            (SourceFormat::Jpeg, false, OutputFormat::Jpeg),
            (SourceFormat::Png, false, OutputFormat::Png),
            (SourceFormat::Gif, true, OutputFormat::Png),
            (SourceFormat::WebP, true, OutputFormat::Png),
            (SourceFormat::WebP, false, OutputFormat::Jpeg),
        ] {
            assert_eq!(output_format(None, &source(format, alpha)), expected);
        }
    }
}
