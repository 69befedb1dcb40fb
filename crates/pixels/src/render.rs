//! One rendition from file to file.

use crate::encode::Encoding;
use crate::metadata::Exif;
use crate::plan::Plan;
use crate::{Fault, Rendered, Source, color, decode, encode, probe, steps};
use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Gamut, Transform};

/// See [`crate::render`].
pub(crate) fn render(
    source: &Source<'_>,
    transform: &Transform,
    format: OutputFormat,
    limits: &SourceLimits,
) -> Result<Rendered, Fault> {
    let header = probe::header(source.file, limits)?;
    let exif = header.exif.and_then(Exif::parse);
    let plan = Plan::new(&header.info, header.orientation(), transform, format, limits)?;
    let decoded = decode::decode(source.file, &header)?;
    let gamut = if encode::carries_profile(format) { transform.gamut } else { Gamut::Srgb };
    let (frame, profile) = color::convert(decoded, gamut)?;
    let frame = steps::run(frame, &plan)?;
    let kept = exif.and_then(|exif| exif.kept(transform.metadata));
    let encoding = Encoding {
        format,
        quality: transform.quality,
        compression: transform.compression,
        exif: kept.as_deref(),
        profile: profile.as_deref(),
    };
    let bytes = encode::encode(&frame, &encoding)?;
    Ok(Rendered { bytes, width: frame.width(), height: frame.height() })
}
