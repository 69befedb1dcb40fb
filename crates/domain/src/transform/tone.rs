//! What happens to colours and edges.

use super::OptionError;

/// A colour in sRGB; alpha is not premultiplied, 255 is opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color {
    /// 0 to 255.
    pub red: u8,
    /// 0 to 255.
    pub green: u8,
    /// 0 to 255.
    pub blue: u8,
    /// 0 to 255.
    pub alpha: u8,
}

impl Color {
    /// Opaque white.
    pub const WHITE: Color = Color { red: 255, green: 255, blue: 255, alpha: 255 };
}

/// Strength of the approximate Gaussian blur: 0 (none) to 250, in steps of a hundredth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blur(u16);

impl Blur {
    /// No blur.
    pub const NONE: Blur = Blur(0);

    /// Parses a strength; it is rounded to the nearest hundredth.
    pub fn parse(strength: f64) -> Result<Blur, OptionError> {
        hundredths("blur", "a number from 0 to 250", strength, 250.0).map(Blur)
    }

    /// The strength, 0.0 to 250.0.
    pub fn strength(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// Strength of sharpening: 0 (none) to 10, in steps of a hundredth; 1 suits pictures scaled down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sharpen(u16);

impl Sharpen {
    /// No sharpening.
    pub const NONE: Sharpen = Sharpen(0);

    /// Parses a strength; it is rounded to the nearest hundredth.
    pub fn parse(strength: f64) -> Result<Sharpen, OptionError> {
        hundredths("sharpen", "a number from 0 to 10", strength, 10.0).map(Sharpen)
    }

    /// The strength, 0.0 to 10.0.
    pub fn strength(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// How much of brightness, contrast, gamma or saturation: 0 to 255, in steps of a hundredth; 1
/// changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Factor(u16);

impl Factor {
    /// 1: no change.
    pub const NONE: Factor = Factor(100);

    /// Parses a number, rounding to the nearest hundredth; `option` is named in the error.
    pub fn parse(option: &'static str, value: f64) -> Result<Factor, OptionError> {
        hundredths(option, "a number from 0 to 255", value, 255.0).map(Factor)
    }

    /// 0.0 to 255.0.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// Rounds to hundredths. `max` is at most 655, so the result fits.
fn hundredths(option: &'static str, allowed: &'static str, value: f64, max: f64) -> Result<u16, OptionError> {
    if (0.0..=max).contains(&value) {
        Ok((value * 100.0).round() as u16)
    } else {
        Err(OptionError { option, allowed })
    }
}

/// The colours a rendition may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gamut {
    /// sRGB: right on every screen, also where profiles are ignored.
    Srgb,
    /// Display P3 with its profile, for a source that goes beyond sRGB and a format that carries
    /// profiles; sRGB for the rest.
    DisplayP3,
}
