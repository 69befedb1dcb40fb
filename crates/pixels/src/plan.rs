//! Every number of a rendition, resolved before a pixel is decoded.
//!
//! A picture is cropped and scaled as it is stored and turned afterwards, when it is small; so the
//! region and the scaled size below are in the stored orientation, the canvas and the output in the
//! shown one.

use crate::metadata::Orientation;
use crate::{Fault, limits};
use safelight_domain::image::{SourceInfo, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Fit, Transform};

/// Standard deviation of the blur, in output pixels, at strength 1. Cloudflare documents the
/// strength as a radius; a radius is taken as two standard deviations, as drawing surfaces do.
const SIGMA_PER_STRENGTH: f64 = 0.5;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
}

impl Size {
    fn turned(self, orientation: Orientation) -> Size {
        if orientation.swaps_sides() { Size { width: self.height, height: self.width } } else { self }
    }
}

/// A part of the stored picture, in its pixels; it may cut through pixels where it is scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Region {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// How the region comes to its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scaling {
    /// The region's pixels are taken as they are; its numbers are whole.
    Copy,
    /// The region is resampled to the scaled size.
    Resample,
}

/// What is behind the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backdrop {
    /// Nothing: transparency stays.
    None,
    /// White.
    White,
}

/// Where the picture lies on the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// Columns of padding to the left.
    pub(crate) left: u32,
    /// Rows of padding above.
    pub(crate) top: u32,
}

/// The whole plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The part of the stored picture that is used.
    pub(crate) region: Region,
    /// See [`Scaling`].
    pub(crate) scaling: Scaling,
    /// The region's size after scaling, stored orientation.
    pub(crate) scaled: Size,
    /// How it is turned then.
    pub(crate) orientation: Orientation,
    /// Standard deviation in output pixels; `None` for no blur.
    pub(crate) blur: Option<f64>,
    /// Where the picture lies on the output.
    pub(crate) placement: Placement,
    /// What is behind it.
    pub(crate) backdrop: Backdrop,
    /// The size of the output.
    pub(crate) output: Size,
}

/// What a fit comes to, in the shown orientation.
struct Fitted {
    /// Size of the picture in the output.
    picture: (u64, u64),
    /// Whether it is cut to that shape first.
    shape: Shape,
    /// Size of the output.
    output: (u64, u64),
}

enum Shape {
    Whole,
    Cut,
}

impl Plan {
    /// Resolves a transform for a source. An output beyond the limits or the format's own is
    /// [`Fault::CannotEncode`].
    pub(crate) fn new(
        source: &SourceInfo,
        orientation: Orientation,
        transform: &Transform,
        format: OutputFormat,
        limits: &SourceLimits,
    ) -> Result<Plan, Fault> {
        let stored = Size { width: source.width, height: source.height };
        let shown = stored.turned(orientation);
        let fitted = fit(shown, transform);
        let (width, height) = limits::check_output(fitted.output.0, fitted.output.1, format, limits)?;
        let output = Size { width, height };
        let (width, height) = limits::check_output(fitted.picture.0, fitted.picture.1, format, limits)?;
        let picture = Size { width, height };
        let padded = transform.fit == Fit::Pad && transform.width.is_some() && transform.height.is_some();
        let backdrop = if padded || matches!(format, OutputFormat::Jpeg | OutputFormat::BaselineJpeg) {
            Backdrop::White
        } else {
            Backdrop::None
        };
        let scaled = picture.turned(orientation);
        let (region, scaling) = region(stored, scaled, orientation, &fitted.shape);
        let strength = transform.blur.strength();
        Ok(Plan {
            region,
            scaling,
            scaled,
            orientation,
            blur: (strength > 0.0).then_some(strength * SIGMA_PER_STRENGTH),
            placement: Placement {
                left: (output.width - picture.width) / 2,
                top: (output.height - picture.height) / 2,
            },
            backdrop,
            output,
        })
    }
}

/// Applies the fit. A missing side is left to the other one; without any the size stays.
///
/// `crop` never enlarges: each side of its box is first brought down to the picture's, and the rest
/// is `cover`. So a picture smaller in both sides stays as it is, a larger one is covered, and one
/// that is larger in one side alone is cut there and not scaled. With one side given nothing is cut:
/// `cover` and `pad` are `contain` then, and `crop` is `scale-down`.
fn fit(source: Size, transform: &Transform) -> Fitted {
    let (w, h) = (u64::from(source.width), u64::from(source.height));
    let whole = |picture| Fitted { picture, shape: Shape::Whole, output: picture };
    let sides = (transform.width, transform.height);
    let (box_w, box_h) =
        (sides.0.map(|side| u64::from(side.pixels())), sides.1.map(|s| u64::from(s.pixels())));
    match (transform.fit, box_w, box_h) {
        (_, None, None) => whole((w, h)),
        (Fit::ScaleDown, ..) => whole(smaller((w, h), inside((w, h), box_w, box_h))),
        (Fit::Crop, Some(bw), Some(bh)) => {
            let picture = (bw.min(w), bh.min(h));
            Fitted { picture, shape: Shape::Cut, output: picture }
        }
        (Fit::Crop, ..) => whole(smaller((w, h), inside((w, h), box_w, box_h))),
        (Fit::Cover, Some(bw), Some(bh)) => Fitted { picture: (bw, bh), shape: Shape::Cut, output: (bw, bh) },
        (Fit::Pad, Some(bw), Some(bh)) => {
            Fitted { picture: inside((w, h), box_w, box_h), shape: Shape::Whole, output: (bw, bh) }
        }
        _ => whole(inside((w, h), box_w, box_h)),
    }
}

/// The largest size of the same shape inside the box: one side matches exactly, the other is rounded
/// to nearest and at least 1.
fn inside((w, h): (u64, u64), box_w: Option<u64>, box_h: Option<u64>) -> (u64, u64) {
    // Sides are below 2^32 and box sides below 2^14, so products fit; the divisors are at least 1.
    let scaled = |side: u64, by: u64, of: u64| ((2 * side * by + of) / (2 * of)).max(1);
    match (box_w, box_h) {
        (Some(bw), Some(bh)) if bw * h > bh * w => (scaled(w, bh, h), bh),
        (Some(bw), _) => (bw, scaled(h, bw, w)),
        (None, Some(bh)) => (scaled(w, bh, h), bh),
        (None, None) => (w, h),
    }
}

fn smaller(source: (u64, u64), fitted: (u64, u64)) -> (u64, u64) {
    if fitted.0 >= source.0 && fitted.1 >= source.1 { source } else { fitted }
}

/// The region in the middle that has the scaled size's shape, or the whole picture.
fn region(stored: Size, scaled: Size, orientation: Orientation, shape: &Shape) -> (Region, Scaling) {
    let (w, h) = (f64::from(stored.width), f64::from(stored.height));
    let (to_w, to_h) = (f64::from(scaled.width), f64::from(scaled.height));
    let scale = match shape {
        Shape::Whole => {
            let same = stored == scaled;
            let region = Region { left: 0.0, top: 0.0, width: w, height: h };
            return (region, if same { Scaling::Copy } else { Scaling::Resample });
        }
        Shape::Cut => (to_w / w).max(to_h / h),
    };
    if stored.width == scaled.width && stored.height >= scaled.height
        || stored.height == scaled.height && stored.width >= scaled.width
    {
        // Nothing is scaled: whole pixels are cut off, of an odd number one more at the right and
        // bottom as shown, which is the left or top of what is stored in reverse.
        let (spare_x, spare_y) = (stored.width - scaled.width, stored.height - scaled.height);
        let left = if orientation.reverses_columns() { spare_x.div_ceil(2) } else { spare_x / 2 };
        let top = if orientation.reverses_rows() { spare_y.div_ceil(2) } else { spare_y / 2 };
        let (left, top) = (f64::from(left), f64::from(top));
        return (Region { left, top, width: to_w, height: to_h }, Scaling::Copy);
    }
    let (width, height) = ((to_w / scale).min(w), (to_h / scale).min(h));
    let region = Region { left: (w - width) / 2.0, top: (h - height) / 2.0, width, height };
    (region, Scaling::Resample)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
