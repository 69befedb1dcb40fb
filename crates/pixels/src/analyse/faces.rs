use crate::frame::Frame;
use crate::plan::{Rect, Region};

pub(crate) fn faces(_frame: &Frame, _area: Rect) -> Option<Region> {
    None
}
