//! One rendition from file to file.

use crate::decode::TimedFrame;
use crate::encode::{Encoding, Movie};
use crate::metadata::{Exif, Space};
use crate::overlays::Layers;
use crate::plan::{Draft, Size};
use crate::probe::Header;
use crate::{Fault, Output, Rendered, Source, color, decode, encode, json, probe, steps, svg};
use safelight_domain::image::{SourceFormat, SourceInfo, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Animation, Gamut, Transform};

/// See [`crate::render`].
pub(crate) fn render(
    source: &Source<'_>,
    transform: &Transform,
    output: Output,
    limits: &SourceLimits,
) -> Result<Rendered, Fault> {
    let Output { format, effort } = output;
    let header = probe::header(source.file, limits)?;
    match (header.info.format, format) {
        (SourceFormat::Svg, OutputFormat::Svg) => {
            let SourceInfo { width, height, .. } = header.info;
            return Ok(Rendered { bytes: svg::sanitised(source.file)?, width, height });
        }
        (SourceFormat::Svg, OutputFormat::Json) => return Ok(description(source, &header, None, transform)),
        (SourceFormat::Svg, _) | (_, OutputFormat::Svg) => return Err(Fault::SvgConversion),
        _ => {}
    }
    let draft = Draft::new(&header.info, header.orientation(), transform, format, limits)?;
    let job = Job { source, header: &header, transform, limits, draft };
    if format == OutputFormat::Json {
        return job.description();
    }
    let encoding = Encoding {
        format,
        effort,
        quality: transform.quality,
        compression: transform.compression,
        exif: None,
        profile: None,
    };
    if header.info.frames > 1 && transform.animation == Animation::Keep && encode::animates(format) {
        match job.animated(&encoding) {
            // A PNG has a picture too, for programs that show no animations.
            Err(Fault::Corrupt(_)) => {}
            made => return made,
        }
    }
    job.still(encoding)
}

/// A rendition with pixels.
struct Job<'a> {
    source: &'a Source<'a>,
    header: &'a Header<'a>,
    transform: &'a Transform,
    limits: &'a SourceLimits,
    draft: Draft<'a>,
}

impl Job<'_> {
    fn still(&self, encoding: Encoding<'_>) -> Result<Rendered, Fault> {
        let decoded = decode::decode(self.source.file, self.header)?;
        let wide = encode::carries_profile(encoding.format);
        let gamut = if wide { self.transform.gamut } else { Gamut::Srgb };
        let (frame, profile) = color::convert(decoded, gamut)?;
        let plan = self.draft.plan(&frame)?;
        let frame = steps::run(frame, &plan)?;
        // What is drawn on top comes when the picture below is small.
        let layers = Layers::new(self.source.overlays, self.transform, &plan, self.limits)?;
        let frame = layers.draw(frame)?;
        let space = if profile.is_some() { Space::Profile } else { Space::Srgb };
        let exif = self.header.exif.and_then(Exif::parse);
        let kept = exif.and_then(|exif| exif.kept(self.transform.metadata, space));
        let encoding = Encoding { profile: profile.as_deref(), exif: kept.as_deref(), ..encoding };
        let bytes = encode::encode(&frame, &encoding)?;
        Ok(Rendered { bytes, width: frame.width(), height: frame.height() })
    }

    /// Does the same with every frame, one in memory at a time. A frame that cannot be decoded ends the
    /// animation, as in browsers, unless it is the first.
    fn animated(&self, encoding: &Encoding<'_>) -> Result<Rendered, Fault> {
        let animation = decode::animation(self.source.file, self.header)?;
        let colors = color::Frames::new(animation.profile.as_deref());
        let mut made = None;
        for frame in animation.frames {
            let TimedFrame { frame, delay_ms } = match frame {
                Err(_) if made.is_some() => break,
                frame => frame?,
            };
            let frame = colors.convert(frame)?;
            if made.is_none() {
                let plan = self.draft.plan(&frame)?;
                let Size { width, height } = plan.output;
                let movie = Movie::new(width, height, animation.plays, encoding)?;
                let layers = Layers::new(self.source.overlays, self.transform, &plan, self.limits)?;
                made = Some((plan, layers, movie));
            }
            if let Some((plan, layers, movie)) = &mut made {
                movie.add(layers.draw(steps::run(frame, plan)?)?, delay_ms)?;
            }
        }
        let (plan, _, movie) = made.ok_or_else(|| Fault::Corrupt("it has no frame".to_owned()))?;
        Ok(Rendered { bytes: movie.finish()?, width: plan.output.width, height: plan.output.height })
    }

    /// The pixels are looked at only where the size depends on them.
    fn description(&self) -> Result<Rendered, Fault> {
        let output = match self.draft.output()? {
            Some(output) => output,
            None => {
                let decoded = decode::decode(self.source.file, self.header)?;
                self.draft.plan(&color::convert(decoded, Gamut::Srgb)?.0)?.output
            }
        };
        Ok(description(self.source, self.header, Some(output), self.transform))
    }
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
