//! Every number of a rendition.
//!
//! A picture is trimmed, cropped and scaled as it is stored and turned afterwards, when it is small;
//! so the regions and the scaled size below are in the stored orientation, the canvas and the output
//! in the shown one.
//!
//! Most plans need the header alone. Where a border is trimmed, or the gravity looks at the picture,
//! the plan is final when the first frame is decoded: a [`Draft`] is made of the header, and
//! everything that the header decides is checked then; [`Draft::plan`] makes the rest. The frames of
//! an animation share one plan.

mod cut;
mod fit;

use crate::analyse;
use crate::frame::Frame;
use crate::metadata::Orientation;
use crate::{Fault, encode, limits, linear};
use cut::{Focus, Growth};
use fit::{Fitted, Shape};
use safelight_domain::image::{SourceInfo, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Animation, Color, Fit, Transform, Trim};

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

/// A part of a picture in whole pixels; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Rect {
    /// Everything of a picture.
    pub(crate) fn whole(size: Size) -> Rect {
        Rect { left: 0, top: 0, width: size.width, height: size.height }
    }

    /// Width and height.
    pub(crate) fn size(self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// The same as a [`Region`].
    pub(crate) fn region(self) -> Region {
        Region {
            left: f64::from(self.left),
            top: f64::from(self.top),
            width: f64::from(self.width),
            height: f64::from(self.height),
        }
    }
}

/// A part of the trimmed picture, in its pixels; it may cut through pixels where it is scaled.
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
    /// A colour, where the picture is transparent.
    Behind(Color),
    /// A colour there and on the padding around the picture.
    Around(Color),
}

/// Where the picture lies on the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// Columns of padding to the left.
    pub(crate) left: u32,
    /// Rows of padding above.
    pub(crate) top: u32,
}

/// Factors on the colours; 1 changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tone {
    pub(crate) saturation: f64,
    pub(crate) brightness: f64,
    pub(crate) contrast: f64,
    pub(crate) gamma: f64,
}

impl Tone {
    /// No change.
    pub(crate) const NONE: Tone = Tone { saturation: 1.0, brightness: 1.0, contrast: 1.0, gamma: 1.0 };
}

/// The whole plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// What is left of the stored picture after trimming; `None` for all of it.
    pub(crate) trimmed: Option<Rect>,
    /// The part of that which is used.
    pub(crate) region: Region,
    /// See [`Scaling`].
    pub(crate) scaling: Scaling,
    /// The region's size after scaling, stored orientation.
    pub(crate) scaled: Size,
    /// How it is turned then: as its metadata says, flipped, and rotated.
    pub(crate) orientation: Orientation,
    /// See [`Tone`].
    pub(crate) tone: Tone,
    /// Strength of sharpening; `None` for none.
    pub(crate) sharpen: Option<f64>,
    /// Standard deviation in output pixels; `None` for no blur.
    pub(crate) blur: Option<f64>,
    /// Where the picture lies on the output.
    pub(crate) placement: Placement,
    /// What is behind it.
    pub(crate) backdrop: Backdrop,
    /// What goes behind transparency that is left at the very end, in a format that has none.
    pub(crate) opaque: Option<Color>,
    /// The size of the output.
    pub(crate) output: Size,
}

impl Plan {
    /// The same plan for a picture that was scaled from `stored` to `level` as a whole. Nothing may be
    /// trimmed.
    pub(crate) fn over(self, stored: Size, level: Size) -> Plan {
        let columns = f64::from(level.width) / f64::from(stored.width);
        let rows = f64::from(level.height) / f64::from(stored.height);
        let Region { left, top, width, height } = self.region;
        let region =
            Region { left: left * columns, top: top * rows, width: width * columns, height: height * rows };
        Plan { region, scaling: Scaling::Resample, ..self }
    }
}

/// What is known before pixels are decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    stored: Size,
    /// Frames of the rendition.
    frames: u32,
    orientation: Orientation,
    transform: &'a Transform,
    format: OutputFormat,
    limits: &'a SourceLimits,
}

impl<'a> Draft<'a> {
    /// Begins the plan of a transform for a source, whose size has passed the limits. An output beyond
    /// the limits or the format's own is [`Fault::OutputTooLarge`], one whose frames are too much together
    /// [`Fault::TooMuchAnimation`], and a trim that leaves nothing [`Fault::NothingLeft`]: here already, unless
    /// the size depends on a border.
    pub(crate) fn new(
        source: &SourceInfo,
        orientation: Orientation,
        transform: &'a Transform,
        format: OutputFormat,
        limits: &'a SourceLimits,
    ) -> Result<Draft<'a>, Fault> {
        let stored = Size { width: source.width, height: source.height };
        let moves = encode::animates(format) && transform.animation == Animation::Keep;
        let frames = if moves { source.frames } else { 1 };
        let draft = Draft { stored, frames, orientation, transform, format, limits };
        draft.output()?;
        Ok(draft)
    }

    /// The size of the output, if the header is enough to know it.
    pub(crate) fn output(&self) -> Result<Option<Size>, Fault> {
        if matches!(self.transform.trim, Some(Trim::Border { .. })) {
            return Ok(None);
        }
        self.resolve(None).map(|plan| Some(plan.output))
    }

    /// The plan for the decoded picture, of an animation its first frame: the border is found and
    /// the gravity looks. The faults are those of [`Draft::new`].
    pub(crate) fn plan(&self, frame: &Frame) -> Result<Plan, Fault> {
        self.resolve(Some(frame))
    }

    /// The plan of a picture that is not looked at: no border is found, and a gravity that looks is the
    /// centre.
    pub(crate) fn unseen(&self) -> Result<Plan, Fault> {
        self.resolve(None)
    }

    fn resolve(&self, frame: Option<&Frame>) -> Result<Plan, Fault> {
        let transform = self.transform;
        let trimmed = self.trimmed(frame)?;
        let area = trimmed.unwrap_or(Rect::whole(self.stored));
        let orientation = self
            .orientation
            .then(Orientation::of_flip(transform.flip))
            .then(Orientation::of_turn(transform.rotate));
        let fitted = fit::fit(area.size().turned(orientation), transform);
        let (output, picture) = (self.checked(fitted.output)?, self.checked(fitted.picture)?);
        limits::check_frames(output.width, output.height, self.frames, self.limits)?;
        let scaled = picture.turned(orientation);
        let (region, scaling) = self.region(frame, area, scaled, orientation, &fitted);
        let strength = transform.blur.strength();
        let sharpen = transform.sharpen.strength();
        Ok(Plan {
            trimmed,
            region,
            scaling,
            scaled,
            orientation,
            tone: Tone {
                saturation: transform.saturation.value(),
                brightness: transform.brightness.value(),
                contrast: transform.contrast.value(),
                gamma: transform.gamma.value(),
            },
            sharpen: (sharpen > 0.0).then_some(sharpen),
            blur: (strength > 0.0).then_some(strength * SIGMA_PER_STRENGTH),
            placement: Placement {
                left: (output.width - picture.width) / 2,
                top: (output.height - picture.height) / 2,
            },
            backdrop: self.backdrop(),
            opaque: self.opaque(),
            output,
        })
    }

    fn checked(&self, (width, height): (u64, u64)) -> Result<Size, Fault> {
        let (width, height) = limits::check_output(width, height, self.format, self.limits)?;
        Ok(Size { width, height })
    }

    fn trimmed(&self, frame: Option<&Frame>) -> Result<Option<Rect>, Fault> {
        match self.transform.trim {
            None => Ok(None),
            Some(Trim::Rectangle { left, top, right, bottom }) => {
                let shown = self.stored.turned(self.orientation);
                let rect = cut::rectangle(shown, left, top, right, bottom)?;
                Ok(Some(cut::stored(rect, self.stored, self.orientation)))
            }
            Some(Trim::Border { color, tolerance, keep }) => {
                Ok(frame.and_then(|frame| analyse::border(frame, self.orientation, color, tolerance, keep)))
            }
        }
    }

    fn region(
        &self,
        frame: Option<&Frame>,
        area: Rect,
        scaled: Size,
        orientation: Orientation,
        fitted: &Fitted,
    ) -> (Region, Scaling) {
        match fitted.shape {
            Shape::Whole => {
                let scaling = if area.size() == scaled { Scaling::Copy } else { Scaling::Resample };
                (Region { left: 0.0, top: 0.0, ..area.region() }, scaling)
            }
            Shape::Cut => {
                let window = cut::window(area.size(), scaled);
                let growth = if self.transform.fit == Fit::Cover { Growth::Free } else { Growth::None };
                let room = cut::Room { area: area.size(), window, scaled, growth };
                let focus = Focus::find(self.transform, frame, area, &room, orientation);
                room.region(&focus, orientation)
            }
        }
    }

    fn opaque(&self) -> Option<Color> {
        let has_none = matches!(self.format, OutputFormat::Jpeg | OutputFormat::BaselineJpeg);
        has_none.then(|| self.transform.background.map_or(Color::WHITE, over_white))
    }

    /// Padding takes part in a change of brightness, and so does what shows through the picture then,
    /// so that there is no seam. Contrast and gamma leave both alone. That is what Cloudflare does.
    fn backdrop(&self) -> Backdrop {
        let transform = self.transform;
        let padded = transform.fit == Fit::Pad && transform.width.is_some() && transform.height.is_some();
        let color = self.opaque().or(transform.background);
        if padded {
            let color = color.unwrap_or(Color::WHITE);
            let factor = transform.brightness.value();
            let bright = |sample| linear::brighten(sample, factor);
            Backdrop::Around(Color {
                red: bright(color.red),
                green: bright(color.green),
                blue: bright(color.blue),
                alpha: color.alpha,
            })
        } else {
            color.map_or(Backdrop::None, Backdrop::Behind)
        }
    }
}

/// The colour that a translucent one makes on white.
fn over_white(color: Color) -> Color {
    let over = |sample: u8| {
        let alpha = u32::from(color.alpha);
        // At most 255.
        ((u32::from(sample) * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    Color { red: over(color.red), green: over(color.green), blue: over(color.blue), alpha: 255 }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(crate) mod tests;

#[cfg(test)]
#[path = "plan/properties.rs"]
mod properties;
