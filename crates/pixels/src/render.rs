//! One rendition from file to file.

use crate::decode::TimedFrame;
use crate::encode::{Encoding, Movie};
use crate::frame::Frame;
use crate::metadata::{Exif, Space};
use crate::overlays::Layers;
use crate::plan::{Draft, Size};
use crate::probe::Header;
use crate::{Fault, Output, Rendered, Source, color, decode, encode, json, level, probe, steps, svg};
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
    let format = output.format;
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
    if header.info.frames > 1 && transform.animation == Animation::Keep && encode::animates(format) {
        match job.animated(&Encoding::new(transform, output)) {
            // A PNG has a picture too, for programs that show no animations.
            Err(Fault::Corrupt(_)) => {}
            made => return made,
        }
    }
    job.still(output)
}

/// See [`crate::render_level`].
pub(crate) fn render_level(
    source: &Source<'_>,
    transform: &Transform,
    output: Output,
    limits: &SourceLimits,
) -> Result<Rendered, Fault> {
    let level = level::Read::new(source, limits)?;
    let (frame, plan) = level.decode(transform, output, limits)?;
    let frame = steps::run(frame, &plan)?;
    let frame = Layers::new(source.overlays, transform, &plan, limits)?.draw(frame)?;
    finish(&frame, transform, output, level.exif, None)
}

/// Encodes what is done.
fn finish(
    frame: &Frame,
    transform: &Transform,
    output: Output,
    exif: Option<&[u8]>,
    profile: Option<&[u8]>,
) -> Result<Rendered, Fault> {
    let space = if profile.is_some() { Space::Profile } else { Space::Srgb };
    let kept = exif.and_then(Exif::parse).and_then(|exif| exif.kept(transform.metadata, space));
    let encoding = Encoding { profile, exif: kept.as_deref(), ..Encoding::new(transform, output) };
    let bytes = encode::encode(frame, &encoding)?;
    Ok(Rendered { bytes, width: frame.width(), height: frame.height() })
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
    fn still(&self, output: Output) -> Result<Rendered, Fault> {
        let decoded = decode::decode(self.source.file, self.header)?;
        let wide = encode::carries_profile(output.format);
        let gamut = if wide { self.transform.gamut } else { Gamut::Srgb };
        let (frame, profile) = color::convert(decoded, gamut)?;
        let plan = self.draft.plan(&frame)?;
        let frame = steps::run(frame, &plan)?;
        // What is drawn on top comes when the picture below is small.
        let layers = Layers::new(self.source.overlays, self.transform, &plan, self.limits)?;
        let frame = layers.draw(frame)?;
        finish(&frame, self.transform, output, self.header.exif, profile.as_deref())
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
