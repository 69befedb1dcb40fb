//! Values of options: numbers in plain decimal, and what `dpr` does to them.

use crate::transform::{OptionError, Side};

/// Device pixels a CSS pixel: 0.1 to 10, in steps of a hundredth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dpr(u16);

impl Dpr {
    /// One: what is assumed where nothing is said.
    pub const ONE: Dpr = Dpr(100);

    pub(super) fn parse(text: &str) -> Result<Dpr, OptionError> {
        match decimal(text) {
            // In range: at most 1000.
            Some(value) if (0.1..=10.0).contains(&value) => Ok(Dpr((value * 100.0).round() as u16)),
            _ => Err(OptionError { option: "dpr", allowed: "a number from 0.1 to 10" }),
        }
    }

    /// 0.1 to 10.0.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// CSS pixels to device pixels, rounded to nearest.
    pub(super) fn scale(self, pixels: u64) -> u64 {
        (pixels.saturating_mul(u64::from(self.0)) + 50) / 100
    }

    /// A side of the box of at least a pixel.
    pub(super) fn side(self, pixels: u64) -> Result<Side, OptionError> {
        Side::parse(self.scale(pixels).max(1))
    }
}

/// A whole number in decimal digits; `None` for anything else.
pub(super) fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// A number without sign or exponent; `None` for anything else.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}
