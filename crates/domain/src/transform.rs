//! What a variant does to the pixels. How it is written is in [`crate::options`].

mod encoding;
mod geometry;
mod overlay;
mod tone;

pub use encoding::{Animation, Compression, MetadataPolicy, Quality, QualityNumber, QualityWord};
pub use geometry::{Fit, Flip, Gravity, Ratio, Rotate, Side, Trim, TrimEnd};
pub use overlay::{Anchor, Composite, Length, MAX_OVERLAYS, Overlay, Repeat};
pub use tone::{Blur, Color, Factor, Gamut, Sharpen};

use thiserror::Error;

/// How much time an encoder takes. It changes no pixel that goes into it: a thorough file is smaller, and may
/// look a little better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effort {
    /// Someone waits for it, and a better file follows.
    Quick,
    /// Someone waits for it, and it stays.
    Standard,
    /// Nobody waits.
    Thorough,
}

impl Effort {
    /// Every effort, the least first.
    pub const ALL: [Effort; 3] = [Effort::Quick, Effort::Standard, Effort::Thorough];

    /// As tables and protocols have it: 0, 1 and 2.
    pub fn number(self) -> u8 {
        match self {
            Effort::Quick => 0,
            Effort::Standard => 1,
            Effort::Thorough => 2,
        }
    }

    /// The effort of such a number.
    pub fn from_number(number: u8) -> Option<Effort> {
        Effort::ALL.into_iter().find(|effort| effort.number() == number)
    }
}

/// Everything that is done to a picture between its original and a rendition, except the choice of
/// the output format. Lengths are device pixels: `dpr` is multiplied in when options are parsed.
///
/// The order is fixed: orientation of the metadata, trim, flip, rotate, fit with gravity,
/// saturation, brightness, contrast, gamma, sharpen, blur, background, draw. Padding is laid before the
/// blur, which takes it in; brightness changes its colour, contrast and gamma do not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transform {
    /// See [`Trim`].
    pub trim: Option<Trim>,
    /// See [`Flip`].
    pub flip: Flip,
    /// See [`Rotate`].
    pub rotate: Rotate,
    /// See [`Fit`].
    pub fit: Fit,
    /// Width of the box; `None` leaves it to the other side.
    pub width: Option<Side>,
    /// Height of the box; `None` leaves it to the other side.
    pub height: Option<Side>,
    /// See [`Gravity`].
    pub gravity: Gravity,
    /// Factor on linear light.
    pub brightness: Factor,
    /// Spread of sRGB values around their middle.
    pub contrast: Factor,
    /// Exponent; below 1 is darker, above 1 is lighter.
    pub gamma: Factor,
    /// 0 is grey.
    pub saturation: Factor,
    /// See [`Sharpen`].
    pub sharpen: Sharpen,
    /// See [`Blur`].
    pub blur: Blur,
    /// Behind transparent pixels and padding; `None` keeps transparency, pads with white, and puts
    /// white behind what a JPEG cannot hold.
    pub background: Option<Color>,
    /// Drawn last, in this order; at most [`MAX_OVERLAYS`].
    pub draw: Vec<Overlay>,
    /// `None` is [`Quality::DEFAULT`], and lets a PNG stay without a palette.
    pub quality: Option<Quality>,
    /// See [`Compression`].
    pub compression: Compression,
    /// See [`Animation`].
    pub animation: Animation,
    /// See [`MetadataPolicy`].
    pub metadata: MetadataPolicy,
    /// See [`Gamut`].
    pub gamut: Gamut,
}

impl Default for Transform {
    /// Cloudflare's defaults: `scale-down`, the size of the source, metadata `copyright`, and nothing
    /// else done.
    fn default() -> Transform {
        Transform {
            trim: None,
            flip: Flip::None,
            rotate: Rotate::None,
            fit: Fit::ScaleDown,
            width: None,
            height: None,
            gravity: Gravity::CENTER,
            brightness: Factor::NONE,
            contrast: Factor::NONE,
            gamma: Factor::NONE,
            saturation: Factor::NONE,
            sharpen: Sharpen::NONE,
            blur: Blur::NONE,
            background: None,
            draw: Vec::new(),
            quality: None,
            compression: Compression::Default,
            animation: Animation::Keep,
            metadata: MetadataPolicy::Copyright,
            gamut: Gamut::Srgb,
        }
    }
}

/// Why an option was refused (error 9401 in URLs, 5400 in the API).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{option} must be {allowed}")]
pub struct OptionError {
    /// Its name in the API.
    pub option: &'static str,
    /// What it may be.
    pub allowed: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_ranges_hold() {
        for fit in Fit::ALL {
            assert_eq!(Fit::parse(fit.as_str()), Ok(fit));
        }
        for policy in MetadataPolicy::ALL {
            assert_eq!(MetadataPolicy::parse(policy.as_str()), Ok(policy));
        }
        for composite in Composite::ALL {
            assert_eq!(Composite::parse(composite.as_str()), Ok(composite));
        }
        let refused = Fit::parse("stretch").map_err(|error| error.to_string());
        assert!(refused.is_err_and(|text| text.starts_with("fit must be one of scale-down, contain")));
        for bad in [0, 12_001, u64::MAX] {
            assert!(Side::parse(bad).is_err());
        }
        for bad in [250.1, f64::NAN, -1.0] {
            assert!(Blur::parse(bad).is_err());
        }
        assert_eq!(Blur::parse(2.504).map(Blur::strength), Ok(2.5));
        assert!(Sharpen::parse(10.1).is_err());
        assert!(Factor::parse("gamma", 255.1).is_err_and(|error| error.option == "gamma"));
        assert!(Ratio::parse("zoom", 1.01).is_err());
        assert!(Quality::number(0).is_err() && Quality::number(101).is_err());
    }
}
