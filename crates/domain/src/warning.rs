//! What an answer says of soft problems (`Warning: cf-images 299 "…"`).
//!
//! Of the texts that Cloudflare sends, two cannot arise here: `original is smaller`, since no original
//! is sent as it is; and `JPEG vs PNG selection is automatic`, since a PNG that is asked for is one.

use crate::image::{SourceFormat, SourceInfo};
use crate::negotiate::{FormatChoice, is_too_large_for_avif};
use crate::options::Dpr;
use crate::transform::{Fit, Transform};

/// A `dpr` above this is no screen's.
const MOST_USEFUL_DPR: f64 = 3.0;

/// A soft problem: the picture is sent, but perhaps not as it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// `fit=cover` with one side or none, which cuts nothing.
    CoverNeedsBothSides,
    /// An AVIF would have been sent, were the picture smaller.
    TooLargeForAvif,
    /// The `dpr` is above 3.
    LargeDpr,
    /// The origin of a remote image lets it be kept for less than an hour, and it is kept for one.
    RestrictiveCacheControl,
}

impl Warning {
    /// Cloudflare's words.
    pub fn text(self) -> &'static str {
        match self {
            Warning::CoverNeedsBothSides => "cover fit mode needs both width and height",
            Warning::TooLargeForAvif => "image too large for AVIF",
            Warning::LargeDpr => "dpr > 3 should never be used",
            Warning::RestrictiveCacheControl => "cache-control is too restrictive",
        }
    }
}

/// The warnings for a rendition in the format that `output_format` chose of the same arguments. An SVG
/// gets none, since no option does anything to it.
pub fn warnings(
    choice: FormatChoice,
    accept: Option<&str>,
    source: &SourceInfo,
    transform: &Transform,
    dpr: Dpr,
) -> Vec<Warning> {
    let mut found = Vec::new();
    if source.format == SourceFormat::Svg {
        return found;
    }
    if transform.fit == Fit::Cover && (transform.width.is_none() || transform.height.is_none()) {
        found.push(Warning::CoverNeedsBothSides);
    }
    if choice == FormatChoice::Auto && is_too_large_for_avif(accept, source, transform) {
        found.push(Warning::TooLargeForAvif);
    }
    if dpr.value() > MOST_USEFUL_DPR {
        found.push(Warning::LargeDpr);
    }
    found
}

/// Several warnings as one header value; `None` for none.
pub fn header(warnings: &[Warning]) -> Option<String> {
    let values: Vec<String> =
        warnings.iter().map(|warning| format!("cf-images 299 \"{}\"", warning.text())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Turn;
    use crate::negotiate::{OutputFormat, output_format};
    use crate::options::Options;

    fn source(format: SourceFormat, frames: u32) -> SourceInfo {
        SourceInfo { format, width: 1600, height: 1000, has_alpha: false, frames, turn: Turn::Unknown }
    }

    fn of(options: &str, accept: Option<&str>, source: &SourceInfo) -> Vec<Warning> {
        let options = Options::parse(options).expect("good options");
        warnings(options.format, accept, source, &options.transform, options.dpr)
    }

    #[test]
    fn each_has_its_cause() {
        use Warning::{CoverNeedsBothSides, LargeDpr, TooLargeForAvif};
        let jpeg = source(SourceFormat::Jpeg, 1);
        let avif = Some("image/avif,image/webp");
        for (options, accept, expected) in [
            ("fit=cover,w=10,h=10", None, &[][..]),
            ("fit=cover,w=10", None, &[CoverNeedsBothSides][..]),
            ("fit=cover,h=10", None, &[CoverNeedsBothSides][..]),
            ("fit=cover,f=png", None, &[CoverNeedsBothSides][..]),
            ("fit=crop,w=10", None, &[][..]),
            ("w=1200,h=900", avif, &[][..]),
            ("w=1201,h=900", avif, &[TooLargeForAvif][..]),
            ("w=1201,h=900", Some("image/webp"), &[][..]),
            ("w=1201,h=900,f=avif", avif, &[][..]),
            ("w=1201,h=900,f=webp", avif, &[][..]),
            ("w=1201,h=900,compression=fast", avif, &[][..]),
            ("w=10,dpr=3", None, &[][..]),
            ("w=10,dpr=3.01", None, &[LargeDpr][..]),
            ("fit=cover,w=400,dpr=4", avif, &[CoverNeedsBothSides, TooLargeForAvif, LargeDpr][..]),
        ] {
            assert_eq!(of(options, accept, &jpeg), expected, "{options} {accept:?}");
        }
        assert_eq!(of("w=1201,h=900", avif, &source(SourceFormat::Gif, 2)), []);
        assert_eq!(of("w=1201,h=900", avif, &source(SourceFormat::Gif, 1)), [TooLargeForAvif]);
        assert_eq!(of("fit=cover,w=1500,dpr=4", avif, &source(SourceFormat::Svg, 1)), []);
    }

    #[test]
    fn too_large_for_avif_is_said_exactly_when_a_smaller_picture_would_be_one() {
        let accepts = [None, Some("image/avif"), Some("image/avif;q=0,image/webp"), Some("*/*")];
        for format in [SourceFormat::Jpeg, SourceFormat::Png, SourceFormat::Gif, SourceFormat::Svg] {
            for (frames, accept) in [1, 2].into_iter().flat_map(|n| accepts.map(|accept| (n, accept))) {
                for options in ["w=1300,h=900", "w=1300,h=900,anim=false", "w=1300,h=900,compression=fast"] {
                    let transform = |text: &str| Options::parse(text).expect("good").transform;
                    let small = options.replace("1300", "1200");
                    let source = source(format, frames);
                    let chosen = output_format(FormatChoice::Auto, accept, &source, &transform(&small));
                    let expected = chosen == Ok(OutputFormat::Avif);
                    let said = of(options, accept, &source) == [Warning::TooLargeForAvif];
                    assert_eq!(said, expected, "{format:?} {frames} {accept:?} {options}");
                }
            }
        }
    }

    #[test]
    fn several_are_one_header() {
        assert_eq!(header(&[]), None);
        assert_eq!(
            header(&[Warning::CoverNeedsBothSides, Warning::TooLargeForAvif]).as_deref(),
            Some(
                "cf-images 299 \"cover fit mode needs both width and height\", \
                 cf-images 299 \"image too large for AVIF\""
            )
        );
    }
}
