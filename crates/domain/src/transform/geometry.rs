//! Where pixels go: cuts, turns, sizes.

use super::OptionError;

/// How a picture is brought to the target size (Cloudflare's eight modes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Fits inside the box, never larger than the source.
    ScaleDown,
    /// Fits inside the box, enlarging if needed.
    Contain,
    /// Fills the box exactly, cropping what sticks out; enlarges if needed.
    Cover,
    /// As `Cover` for a larger source; a source smaller than the box in both sides stays as it is.
    Crop,
    /// As `Crop`, but a smaller source is still cut to the shape of the box.
    AspectCrop,
    /// As `Contain`, then padded to the box with the background, white by default.
    Pad,
    /// Exactly the box, distorted if the shapes differ. With one side given, as `Contain`.
    Squeeze,
    /// Fits inside the box, never smaller than the source.
    ScaleUp,
}

impl Fit {
    /// Every mode, in the order of the documentation.
    pub const ALL: [Fit; 8] = [
        Fit::ScaleDown,
        Fit::Contain,
        Fit::Cover,
        Fit::Crop,
        Fit::AspectCrop,
        Fit::Pad,
        Fit::Squeeze,
        Fit::ScaleUp,
    ];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Fit::ScaleDown => "scale-down",
            Fit::Contain => "contain",
            Fit::Cover => "cover",
            Fit::Crop => "crop",
            Fit::AspectCrop => "aspect-crop",
            Fit::Pad => "pad",
            Fit::Squeeze => "squeeze",
            Fit::ScaleUp => "scale-up",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Result<Fit, OptionError> {
        Fit::ALL.into_iter().find(|fit| fit.as_str() == text).ok_or(OptionError {
            option: "fit",
            allowed: "one of scale-down, contain, cover, crop, aspect-crop, pad, squeeze, scale-up",
        })
    }
}

/// A side of the target box in pixels: 1 to 12,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Side(u32);

impl Side {
    /// The longest target side; the same as the longest source side.
    pub const MAX: u32 = 12_000;

    /// Parses a number of pixels. The error names width and height both.
    pub fn parse(pixels: u64) -> Result<Side, OptionError> {
        match u32::try_from(pixels) {
            Ok(pixels) if (1..=Self::MAX).contains(&pixels) => Ok(Side(pixels)),
            _ => Err(OptionError { option: "width and height", allowed: "whole numbers from 1 to 12000" }),
        }
    }

    /// Pixels.
    pub fn pixels(self) -> u32 {
        self.0
    }
}

/// A number from 0 to 1, in steps of a ten-thousandth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ratio(u16);

impl Ratio {
    /// 0.
    pub const ZERO: Ratio = Ratio(0);
    /// 0.5.
    pub const HALF: Ratio = Ratio(5_000);
    /// 1.
    pub const ONE: Ratio = Ratio(10_000);

    /// Parses a number, rounding to the nearest step; `option` is named in the error.
    pub fn parse(option: &'static str, value: f64) -> Result<Ratio, OptionError> {
        if !(0.0..=1.0).contains(&value) {
            return Err(OptionError { option, allowed: "a number from 0 to 1" });
        }
        // In range: at most 10,000.
        Ok(Ratio((value * 10_000.0).round() as u16))
    }

    /// 0.0 to 1.0.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

/// Which part of a picture survives cropping (`gravity`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gravity {
    /// The point at these fractions of the source comes to the same fractions of the output. The
    /// words `left`, `right`, `top`, `bottom` and `center` are points too.
    Point(Ratio, Ratio),
    /// What stands out most from what surrounds it.
    Auto,
    /// The box around all faces; the centre if there is none. The number is `zoom`: 0 keeps most of
    /// the background, 1 is tight.
    Face(Ratio),
}

impl Gravity {
    /// The default.
    pub const CENTER: Gravity = Gravity::Point(Ratio::HALF, Ratio::HALF);
}

/// A turn clockwise (`rotate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rotate {
    /// None: 0 or 360.
    None,
    /// A quarter.
    By90,
    /// A half.
    By180,
    /// Three quarters.
    By270,
}

/// A mirror, before any turn (`flip`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flip {
    /// None.
    None,
    /// Left and right change places.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
    /// Both.
    Both,
}

/// What is cut off before everything else (`trim`), in pixels of the picture as shown, that is after
/// the orientation in its metadata is applied. A trim that leaves nothing is refused when it is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trim {
    /// A rectangle stays. An end beyond the edge is the edge.
    Rectangle {
        /// Pixels cut off at the left.
        left: u32,
        /// Pixels cut off at the top.
        top: u32,
        /// Where it ends at the right.
        right: TrimEnd,
        /// Where it ends at the bottom.
        bottom: TrimEnd,
    },
    /// A border of one colour goes. A picture that is nothing else stays whole.
    Border {
        /// Its colour; `None` takes that of the corner that most corners look like.
        color: Option<super::Color>,
        /// How far a sample of a pixel may be from the colour and still count as border: 0 to 255.
        tolerance: u8,
        /// Pixels of the border that stay on each side.
        keep: u32,
    },
}

/// The far end of a trimmed rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrimEnd {
    /// So many pixels before the edge.
    Before(u32),
    /// So many pixels after the start; at least 1.
    Length(u32),
}
