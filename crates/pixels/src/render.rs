//! One rendition from file to file.

use crate::encode::Encoding;
use crate::metadata::Exif;
use crate::plan::Plan;
use crate::{Fault, Rendered, Source, color, decode, encode, json, probe, steps, svg};
use safelight_domain::image::{SourceFormat, SourceInfo, SourceLimits};
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
    if header.info.format == SourceFormat::Svg {
        return vector(source.file, &header.info, transform, format);
    }
    let exif = header.exif.and_then(Exif::parse);
    let plan = Plan::new(&header.info, header.orientation(), transform, format, limits)?;
    if format == OutputFormat::Json {
        let size = (plan.output.width, plan.output.height);
        let bytes = json::describe(&header.info, source.file.len(), transform.animation, size);
        return Ok(Rendered { bytes, width: size.0, height: size.1 });
    }
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

/// An SVG is sanitised and never rendered, whatever the transform.
fn vector(
    file: &[u8],
    info: &SourceInfo,
    transform: &Transform,
    format: OutputFormat,
) -> Result<Rendered, Fault> {
    let size = (info.width, info.height);
    let bytes = match format {
        OutputFormat::Svg => svg::sanitise(file)?,
        OutputFormat::Json => json::describe(info, file.len(), transform.animation, size),
        _ => return Err(Fault::CannotEncode("an SVG is never rendered to pixels".to_owned())),
    };
    Ok(Rendered { bytes, width: size.0, height: size.1 })
}
