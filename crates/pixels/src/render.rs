//! One rendition from file to file.

use crate::decode::{Decoded, Pixels, TimedFrame};
use crate::encode::{Encoding, Movie};
use crate::metadata::Exif;
use crate::plan::{Plan, Size};
use crate::probe::Header;
use crate::{Fault, Rendered, Source, color, decode, encode, json, probe, steps, svg};
use safelight_domain::image::{SourceInfo, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Animation, Gamut, Transform};

/// See [`crate::render`].
pub(crate) fn render(
    source: &Source<'_>,
    transform: &Transform,
    format: OutputFormat,
    limits: &SourceLimits,
) -> Result<Rendered, Fault> {
    let header = probe::header(source.file, limits)?;
    let is_svg = !json::has_pixels(&header.info);
    match format {
        OutputFormat::Svg if is_svg => {
            let SourceInfo { width, height, .. } = header.info;
            return Ok(Rendered { bytes: svg::sanitised(source.file)?, width, height });
        }
        OutputFormat::Json if is_svg => return Ok(description(source, &header, None, transform)),
        OutputFormat::Svg => return Err(Fault::SvgConversion),
        _ if is_svg => return Err(Fault::SvgConversion),
        _ => {}
    }
    let exif = header.exif.and_then(Exif::parse);
    let plan = Plan::new(&header.info, header.orientation(), transform, format, limits)?;
    if format == OutputFormat::Json {
        return Ok(description(source, &header, Some(plan.output), transform));
    }
    let kept = exif.and_then(|exif| exif.kept(transform.metadata));
    let mut encoding = Encoding {
        format,
        quality: transform.quality,
        compression: transform.compression,
        exif: kept.as_deref(),
        profile: None,
    };
    if header.info.frames > 1 && transform.animation == Animation::Keep && encode::animates(format) {
        match animated(source, &header, &plan, &encoding) {
            // A PNG has a picture too, for programs that show no animations.
            Err(Fault::Corrupt(_)) => {}
            made => return made,
        }
    }
    let decoded = decode::decode(source.file, &header)?;
    let gamut = if encode::carries_profile(format) { transform.gamut } else { Gamut::Srgb };
    let (frame, profile) = color::convert(decoded, gamut)?;
    encoding.profile = profile.as_deref();
    let frame = steps::run(frame, &plan)?;
    let bytes = encode::encode(&frame, &encoding)?;
    Ok(Rendered { bytes, width: frame.width(), height: frame.height() })
}

/// The answer in JSON, with the sizes of the rendition that it stands for.
fn description(
    source: &Source<'_>,
    header: &Header<'_>,
    output: Option<Size>,
    transform: &Transform,
) -> Rendered {
    let text = json::describe(&header.info, source.file.len(), output, transform.animation);
    let SourceInfo { width, height, .. } = header.info;
    let Size { width, height } = output.unwrap_or(Size { width, height });
    Rendered { bytes: text.into_bytes(), width, height }
}

/// Does the same with every frame, one in memory at a time. A frame that cannot be decoded ends the
/// animation, as in browsers, unless it is the first.
fn animated(
    source: &Source<'_>,
    header: &Header<'_>,
    plan: &Plan,
    encoding: &Encoding<'_>,
) -> Result<Rendered, Fault> {
    let animation = decode::animation(source.file, header)?;
    let (width, height) = (plan.output.width, plan.output.height);
    let mut movie = Movie::new(width, height, animation.plays, encoding)?;
    for (index, frame) in animation.frames.enumerate() {
        let TimedFrame { frame, delay_ms } = match frame {
            Err(_) if index > 0 => break,
            frame => frame?,
        };
        let decoded = Decoded { pixels: Pixels::Frame(frame), profile: animation.profile.clone() };
        let (frame, _) = color::convert(decoded, Gamut::Srgb)?;
        movie.add(steps::run(frame, plan)?, delay_ms)?;
    }
    Ok(Rendered { bytes: movie.finish()?, width, height })
}
