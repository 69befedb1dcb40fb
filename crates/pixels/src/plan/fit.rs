//! The sizes that a fit comes to, in the shown orientation.

use super::Size;
use safelight_domain::transform::{Fit, Transform};

/// What a fit comes to. Sizes may be beyond every limit.
pub(super) struct Fitted {
    /// Size of the picture in the output.
    pub(super) picture: (u64, u64),
    /// Whether it is cut to that shape first.
    pub(super) shape: Shape,
    /// Size of the output.
    pub(super) output: (u64, u64),
}

/// Whether anything is cut off.
pub(super) enum Shape {
    /// Nothing.
    Whole,
    /// What sticks out.
    Cut,
}

/// Applies the fit. A missing side is left to the other one; without any the size stays.
///
/// `crop` never enlarges: each side of its box is first brought down to the picture's, and the rest
/// is `cover`. So a picture smaller in both sides stays as it is, a larger one is covered, and one
/// that is larger in one side alone is cut there and not scaled. `aspect-crop` brings the box down as
/// a whole instead, so that its shape stays. With one side given nothing is cut or distorted: `cover`,
/// `pad` and `squeeze` are `contain` then, `crop` and `aspect-crop` are `scale-down`.
pub(super) fn fit(source: Size, transform: &Transform) -> Fitted {
    let source = (u64::from(source.width), u64::from(source.height));
    let side = |side: Option<safelight_domain::transform::Side>| side.map(|side| u64::from(side.pixels()));
    let (box_w, box_h) = (side(transform.width), side(transform.height));
    let whole = |picture| Fitted { picture, shape: Shape::Whole, output: picture };
    let cut = |picture| Fitted { picture, shape: Shape::Cut, output: picture };
    match (transform.fit, box_w, box_h) {
        (_, None, None) => whole(source),
        (Fit::Cover, Some(w), Some(h)) => cut((w, h)),
        (Fit::Crop, Some(w), Some(h)) => cut((w.min(source.0), h.min(source.1))),
        (Fit::AspectCrop, Some(w), Some(h)) => {
            cut(smaller((w, h), inside((w, h), Some(source.0), Some(source.1))))
        }
        (Fit::Squeeze, Some(w), Some(h)) => whole((w, h)),
        (Fit::Pad, Some(w), Some(h)) => {
            Fitted { picture: inside(source, box_w, box_h), shape: Shape::Whole, output: (w, h) }
        }
        (Fit::ScaleDown | Fit::Crop | Fit::AspectCrop, ..) => {
            whole(smaller(source, inside(source, box_w, box_h)))
        }
        (Fit::ScaleUp, ..) => whole(larger(source, inside(source, box_w, box_h))),
        (Fit::Contain | Fit::Cover | Fit::Pad | Fit::Squeeze, ..) => whole(inside(source, box_w, box_h)),
    }
}

/// The largest size of the same shape inside the box: one side matches exactly, the other is rounded
/// to nearest and at least 1.
fn inside((w, h): (u64, u64), box_w: Option<u64>, box_h: Option<u64>) -> (u64, u64) {
    // All sides are below 2^32, so doubled products fit; the divisors are at least 1.
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

fn larger(source: (u64, u64), fitted: (u64, u64)) -> (u64, u64) {
    if fitted.0 <= source.0 && fitted.1 <= source.1 { source } else { fitted }
}
