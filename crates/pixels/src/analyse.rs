//! What a plan has to see of the picture: borders, what stands out, faces.
//!
//! Except for borders, which take one pass over the picture, work is done on copies of a bounded
//! size, so that time does not depend on the picture beyond the making of the copy.

mod border;
mod cascade;
mod faces;
mod features;
mod model;
mod saliency;

pub(crate) use border::border;
pub(crate) use faces::faces;
pub(crate) use saliency::salient_window;

use crate::frame::Frame;
use crate::plan::{Rect, Size};
use crate::steps;

/// A copy of a part of a picture whose longest side is at most `side`; it is never larger.
fn small(frame: &Frame, area: Rect, side: u32) -> Option<Frame> {
    let longest = u64::from(area.width.max(area.height));
    let scaled = |length: u32| {
        let exact = (u64::from(length) * u64::from(side) + longest / 2) / longest;
        // At most `length` or `side`.
        (exact as u32).clamp(1, length)
    };
    let size = Size { width: scaled(area.width), height: scaled(area.height) };
    steps::resample(frame, area.region(), size)
}
