//! Pictures drawn on top (`draw`), an extension: Cloudflare has them in Workers alone.

use super::{Blur, Color, Fit, Gravity, OptionError, Ratio, Rotate, Side};
use crate::image::ImageId;

/// Most overlays of a variant.
pub const MAX_OVERLAYS: usize = 5;

/// One picture drawn on top of another. The last of a list is on top; the size of the output is that
/// of the picture below.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Overlay {
    /// An image of the same account.
    pub image: ImageId,
    /// Width of the overlay's box; `None` leaves it to the other side.
    pub width: Option<Length>,
    /// Height of the overlay's box; `None` leaves it to the other side.
    pub height: Option<Length>,
    /// See [`Fit`].
    pub fit: Fit,
    /// See [`Gravity`]; a point.
    pub gravity: Gravity,
    /// 0 is invisible, 1 opaque.
    pub opacity: Ratio,
    /// See [`Repeat`].
    pub repeat: Repeat,
    /// `left` or `right`.
    pub x: Anchor,
    /// `top` or `bottom`.
    pub y: Anchor,
    /// See [`Rotate`].
    pub rotate: Rotate,
    /// See [`Blur`].
    pub blur: Blur,
    /// Behind the overlay's transparent pixels, within its box.
    pub background: Option<Color>,
    /// See [`Composite`].
    pub composite: Composite,
}

/// A side of an overlay's box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Length {
    /// Pixels.
    Pixels(Side),
    /// Of the picture below.
    Fraction(Ratio),
}

/// Whether an overlay is a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// Once.
    None,
    /// Along a row.
    X,
    /// Along a column.
    Y,
    /// Everywhere.
    Both,
}

/// Where an overlay lies along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// In the middle.
    Center,
    /// Pixels from the left or top edge.
    Start(u32),
    /// Pixels from the right or bottom edge.
    End(u32),
}

/// How an overlay meets what is below, within the overlay's box (the Porter-Duff operators of these
/// names, on sRGB values).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Composite {
    /// `over`.
    Over,
    /// `in`.
    In,
    /// `atop`.
    Atop,
    /// `out`.
    Out,
    /// `xor`.
    Xor,
    /// `lighter`.
    Lighter,
}

impl Composite {
    /// Every operator.
    pub const ALL: [Composite; 6] =
        [Composite::Over, Composite::In, Composite::Atop, Composite::Out, Composite::Xor, Composite::Lighter];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Composite::Over => "over",
            Composite::In => "in",
            Composite::Atop => "atop",
            Composite::Out => "out",
            Composite::Xor => "xor",
            Composite::Lighter => "lighter",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Result<Composite, OptionError> {
        Composite::ALL
            .into_iter()
            .find(|composite| composite.as_str() == text)
            .ok_or(OptionError { option: "composite", allowed: "one of over, in, atop, out, xor, lighter" })
    }
}
