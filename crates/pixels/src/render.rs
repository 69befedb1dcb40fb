//! One rendition from file to file.

use crate::encode::Encoding;
use crate::metadata::{Exif, Orientation};
use crate::overlays::Layers;
use crate::plan::Draft;
use crate::{Fault, Rendered, Source, color, decode, encode, probe, steps};
use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;

/// See [`crate::render`].
pub(crate) fn render(
    source: &Source<'_>,
    transform: &Transform,
    format: OutputFormat,
    limits: &SourceLimits,
) -> Result<Rendered, Fault> {
    let header = probe::header(source.file, limits)?;
    let exif = header.exif.and_then(Exif::parse);
    let orientation = exif.as_ref().map_or(Orientation::AsStored, Exif::orientation);
    let draft = Draft::new(&header.info, orientation, transform, format, limits)?;
    let frame = color::to_srgb(decode::decode(source.file, &header)?)?;
    let plan = draft.plan(&frame)?;
    let frame = steps::run(frame, &plan)?;
    // What is drawn on top comes when the picture below is small.
    let frame = Layers::new(source.overlays, transform, &plan, limits)?.draw(frame)?;
    let kept = exif.and_then(|exif| exif.kept(transform.metadata));
    let encoding = Encoding {
        format,
        quality: transform.quality,
        compression: transform.compression,
        exif: kept.as_deref(),
        profile: None,
    };
    let bytes = encode::encode(&frame, &encoding)?;
    Ok(Rendered { bytes, width: frame.width(), height: frame.height() })
}
