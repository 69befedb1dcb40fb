//! Pictures that are drawn on top.
//!
//! Each is a source like any other, with the same limits. It is brought to its size by the same plan
//! and steps, and only what lies within the output is kept.

use crate::plan::{Draft, Plan, Rect, Size};
use crate::steps::{self, Place};
use crate::{Fault, color, decode, probe};
use crate::{frame::Frame, steps::with_opacity};
use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{
    Anchor, Color, Composite, Gamut, Length, Overlay, Repeat, Side, Transform,
};

/// The pictures of a rendition, ready to be drawn on each of its frames.
pub(crate) struct Layers {
    layers: Vec<Layer>,
    /// See `Plan::opaque`.
    opaque: Option<Color>,
}

struct Layer {
    picture: Frame,
    place: Place,
    composite: Composite,
}

impl Layers {
    /// Renders `files`, which are the sources of `transform.draw`. One that is missing, or more pixels
    /// in all than the limits allow a source, is a fault.
    pub(crate) fn new(
        files: &[&[u8]],
        transform: &Transform,
        plan: &Plan,
        limits: &SourceLimits,
    ) -> Result<Layers, Fault> {
        if files.len() != transform.draw.len() {
            return Err(cannot("a picture that is drawn on it is missing"));
        }
        let mut layers = Vec::new();
        let mut area = 0_u64;
        for (file, overlay) in files.iter().zip(&transform.draw) {
            let made = layer(file, overlay, plan.output, limits).map_err(of_overlay)?;
            let Some(layer) = made else { continue };
            area += u64::from(layer.picture.width()) * u64::from(layer.picture.height());
            if area > limits.area {
                return Err(Fault::OverlaysTooLarge { area: limits.area });
            }
            layers.push(layer);
        }
        Ok(Layers { layers, opaque: plan.opaque })
    }

    /// Draws them on a frame of the output's size, the last on top.
    pub(crate) fn draw(&self, mut frame: Frame) -> Result<Frame, Fault> {
        if self.layers.is_empty() {
            return Ok(frame);
        }
        let failed = || cannot("nothing could be drawn on it");
        for layer in &self.layers {
            frame = steps::blend(&frame, &layer.picture, layer.place, layer.composite).ok_or_else(failed)?;
        }
        match self.opaque {
            Some(color) => steps::flatten(frame, color).ok_or_else(failed),
            None => Ok(frame),
        }
    }
}

fn cannot(text: &str) -> Fault {
    Fault::CannotEncode(text.to_owned())
}

/// Says that a fault is that of a picture drawn on top.
fn of_overlay(fault: Fault) -> Fault {
    match fault {
        Fault::Corrupt(text) => Fault::Corrupt(format!("a picture that is drawn on it: {text}")),
        Fault::CannotEncode(text) => Fault::CannotEncode(format!("a picture that is drawn on it: {text}")),
        other => other,
    }
}

/// Renders one; `None` if nothing of it is on the output.
fn layer(
    file: &[u8],
    overlay: &Overlay,
    output: Size,
    limits: &SourceLimits,
) -> Result<Option<Layer>, Fault> {
    let transform = transform(overlay, output);
    let header = probe::header(file, limits)?;
    // A PNG has no limits of its own and keeps transparency.
    let draft = Draft::new(&header.info, header.orientation(), &transform, OutputFormat::Png, limits)?;
    let frame = color::convert(decode::decode(file, &header)?, Gamut::Srgb)?.0;
    let plan = draft.plan(&frame)?;
    let frame = steps::run(frame, &plan)?;
    let (x, columns) = visible(overlay.x, frame.width(), output.width, tiles(overlay.repeat, Axis::X));
    let (y, rows) = visible(overlay.y, frame.height(), output.height, tiles(overlay.repeat, Axis::Y));
    let (Some((left, width)), Some((top, height))) = (columns, rows) else { return Ok(None) };
    let place = Place { left: x + i64::from(left), top: y + i64::from(top), repeat: overlay.repeat };
    let picture = steps::cut(frame, Rect { left, top, width, height })
        .and_then(|frame| with_opacity(&frame, overlay.opacity))
        .ok_or_else(|| cannot("it could not be cut"))?;
    Ok(Some(Layer { picture, place, composite: overlay.composite }))
}

fn transform(overlay: &Overlay, output: Size) -> Transform {
    Transform {
        width: overlay.width.and_then(|length| side(length, output.width)),
        height: overlay.height.and_then(|length| side(length, output.height)),
        fit: overlay.fit,
        gravity: overlay.gravity,
        rotate: overlay.rotate,
        blur: overlay.blur,
        background: overlay.background,
        ..Transform::default()
    }
}

/// A side of an overlay's box, to the nearest pixel and at least one.
fn side(length: Length, base: u32) -> Option<Side> {
    match length {
        Length::Pixels(side) => Some(side),
        Length::Fraction(ratio) => {
            let pixels = (ratio.value() * f64::from(base)).round().max(1.0);
            Side::parse((pixels as u64).min(u64::from(Side::MAX))).ok()
        }
    }
}

#[derive(Clone, Copy)]
enum Axis {
    X,
    Y,
}

/// Whether a picture is a tile along an axis.
#[derive(Clone, Copy, PartialEq)]
enum Tiles {
    One,
    Many,
}

fn tiles(repeat: Repeat, axis: Axis) -> Tiles {
    match (repeat, axis) {
        (Repeat::Both, _) | (Repeat::X, Axis::X) | (Repeat::Y, Axis::Y) => Tiles::Many,
        (Repeat::None, _) | (Repeat::X, Axis::Y) | (Repeat::Y, Axis::X) => Tiles::One,
    }
}

/// Where a picture starts along one axis, and the part of it, start and length, that is needed. An
/// odd pixel of a centred one is at the far side.
fn visible(anchor: Anchor, length: u32, side: u32, tiles: Tiles) -> (i64, Option<(u32, u32)>) {
    let (long, wide) = (i64::from(length), i64::from(side));
    let start = match anchor {
        Anchor::Center => (wide - long).div_euclid(2),
        Anchor::Start(pixels) => i64::from(pixels),
        Anchor::End(pixels) => wide - i64::from(pixels) - long,
    };
    if tiles == Tiles::Many {
        return (start, Some((0, length)));
    }
    let (first, end) = ((-start).clamp(0, long), (wide - start).clamp(0, long));
    // Both are between 0 and a length of 32 bits.
    let part = (end > first).then_some((first as u32, (end - first) as u32));
    (start, part)
}

#[cfg(test)]
#[path = "overlays_tests.rs"]
mod tests;
