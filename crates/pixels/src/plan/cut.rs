//! What is cut off: by a trim, and by a fit with its gravity.

use super::{Rect, Region, Scaling, Size};
use crate::frame::Frame;
use crate::metadata::Orientation;
use crate::{Fault, analyse};
use safelight_domain::transform::{Gravity, Transform, TrimEnd};

/// The trimmed rectangle of a picture of the size `shown`. An end beyond the edge is the edge; a
/// rectangle without pixels is a fault.
pub(super) fn rectangle(
    shown: Size,
    left: u32,
    top: u32,
    right: TrimEnd,
    bottom: TrimEnd,
) -> Result<Rect, Fault> {
    let length = |side: u32, start: u32, end: TrimEnd| match end {
        TrimEnd::Before(pixels) => side.saturating_sub(pixels).saturating_sub(start),
        TrimEnd::Length(pixels) => side.saturating_sub(start).min(pixels),
    };
    let (width, height) = (length(shown.width, left, right), length(shown.height, top, bottom));
    if width == 0 || height == 0 {
        return Err(Fault::NothingLeft { width: shown.width, height: shown.height });
    }
    Ok(Rect { left, top, width, height })
}

/// Where a rectangle of the shown picture is stored.
pub(super) fn stored(shown: Rect, size: Size, orientation: Orientation) -> Rect {
    let Rect { left, top, width, height } = shown;
    let (left, top, width, height) =
        if orientation.swaps_sides() { (top, left, height, width) } else { (left, top, width, height) };
    Rect {
        left: if orientation.reverses_columns() { size.width - left - width } else { left },
        top: if orientation.reverses_rows() { size.height - top - height } else { top },
        width,
        height,
    }
}

/// The size of the largest window in `area` that has the shape of `scaled`.
pub(super) fn window(area: Size, scaled: Size) -> (f64, f64) {
    let (w, h) = (f64::from(area.width), f64::from(area.height));
    let (to_w, to_h) = (f64::from(scaled.width), f64::from(scaled.height));
    let scale = (to_w / w).max(to_h / h);
    ((to_w / scale).min(w), (to_h / scale).min(h))
}

/// What a cut has to choose from, in the stored orientation.
pub(super) struct Room {
    /// The trimmed picture.
    pub(super) area: Size,
    /// The largest window.
    pub(super) window: (f64, f64),
    /// What the window is scaled to.
    pub(super) scaled: Size,
    /// Whether a smaller window may be enlarged to that.
    pub(super) growth: Growth,
}

/// Whether pixels may be enlarged for the sake of a gravity.
#[derive(Clone, Copy)]
pub(super) enum Growth {
    /// As far as it takes.
    Free,
    /// No window is smaller than what it is scaled to.
    None,
}

/// Where a window lies.
pub(super) enum Focus {
    /// As much is left over before it as this part of all that is left over, for each axis; in the
    /// stored orientation.
    Share(f64, f64),
    /// Here, with a size of its own.
    Window(Region),
}

impl Focus {
    /// Looks at the picture if the gravity says so. Without a picture it is the centre.
    pub(super) fn find(
        transform: &Transform,
        frame: Option<&Frame>,
        area: Rect,
        room: &Room,
        orientation: Orientation,
    ) -> Focus {
        const CENTER: Focus = Focus::Share(0.5, 0.5);
        match (transform.gravity, frame) {
            (Gravity::Point(x, y), _) => {
                let (x, y) = (x.value(), y.value());
                let (x, y) = if orientation.swaps_sides() { (y, x) } else { (x, y) };
                let turn = |reversed: Reading, share: f64| match reversed {
                    Reading::Forwards => share,
                    Reading::Backwards => 1.0 - share,
                };
                let (columns, rows) = Reading::of(orientation);
                Focus::Share(turn(columns, x), turn(rows, y))
            }
            (Gravity::Auto, Some(frame)) => {
                let (x, y) = analyse::salient_window(frame, area, room.window);
                Focus::Share(x, y)
            }
            (Gravity::Face(zoom), Some(frame)) => analyse::faces(frame, area, orientation)
                .map_or(CENTER, |faces| Focus::Window(room.around(faces, zoom.value()))),
            (Gravity::Auto | Gravity::Face(_), None) => CENTER,
        }
    }
}

/// Whether a stored axis is shown from its end.
#[derive(Clone, Copy)]
enum Reading {
    Forwards,
    Backwards,
}

impl Reading {
    /// Of the columns and of the rows.
    fn of(orientation: Orientation) -> (Reading, Reading) {
        let reading = |reversed| if reversed { Reading::Backwards } else { Reading::Forwards };
        (reading(orientation.reverses_columns()), reading(orientation.reverses_rows()))
    }

    /// A whole number of pixels before the window, out of `spare`: the nearest to `exact`, and of two
    /// the one that comes first as shown.
    fn whole(self, exact: f64, spare: f64) -> f64 {
        // Shares are in ten-thousandths, so that a half may be off by rounding, and nothing else is.
        const HALF: f64 = 0.5 + 1e-6;
        let nearest = match self {
            Reading::Forwards => (exact - HALF).ceil(),
            Reading::Backwards => (exact + HALF).floor(),
        };
        nearest.clamp(0.0, spare)
    }
}

impl Room {
    /// The region for a focus. Where nothing is scaled it is moved to whole pixels.
    pub(super) fn region(&self, focus: &Focus, orientation: Orientation) -> (Region, Scaling) {
        let (w, h) = (f64::from(self.area.width), f64::from(self.area.height));
        let mut region = match *focus {
            Focus::Window(region) => region,
            Focus::Share(x, y) => Region {
                left: (w - self.window.0) * x,
                top: (h - self.window.1) * y,
                width: self.window.0,
                height: self.window.1,
            },
        };
        let (to_w, to_h) = (f64::from(self.scaled.width), f64::from(self.scaled.height));
        if region.width != to_w || region.height != to_h {
            return (region, Scaling::Resample);
        }
        let (columns, rows) = Reading::of(orientation);
        region.left = columns.whole(region.left, w - to_w);
        region.top = rows.whole(region.top, h - to_h);
        (region, Scaling::Copy)
    }

    /// The window around a box: at `zoom` 0 the largest, at 1 the smallest that holds the box and does
    /// not grow beyond what is allowed, and between them by the length of its sides. It is centred on
    /// the box as far as the picture allows.
    fn around(&self, faces: Region, zoom: f64) -> Region {
        let (w, h) = (f64::from(self.area.width), f64::from(self.area.height));
        // Both are shares of the largest window, which has the same shape.
        let holds = (faces.width / self.window.0).max(faces.height / self.window.1);
        let unscaled = f64::from(self.scaled.width) / self.window.0;
        let tight = match self.growth {
            Growth::Free => holds.min(1.0),
            Growth::None => holds.max(unscaled).min(1.0),
        };
        let share = 1.0 + (tight - 1.0) * zoom;
        let (width, height) = if share == unscaled {
            (f64::from(self.scaled.width), f64::from(self.scaled.height))
        } else {
            (self.window.0 * share, self.window.1 * share)
        };
        let left = (faces.left + faces.width / 2.0 - width / 2.0).clamp(0.0, (w - width).max(0.0));
        let top = (faces.top + faces.height / 2.0 - height / 2.0).clamp(0.0, (h - height).max(0.0));
        Region { left, top, width, height }
    }
}
