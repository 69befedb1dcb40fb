//! What a variant does to the pixels, and the one text that stands for it.

use thiserror::Error;

/// How a picture is brought to the target size (Cloudflare's five modes of named variants).
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
    /// As `Contain`, then padded to the box with white.
    Pad,
}

impl Fit {
    /// Every mode, in the order of the documentation.
    pub const ALL: [Fit; 5] = [Fit::ScaleDown, Fit::Contain, Fit::Cover, Fit::Crop, Fit::Pad];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Fit::ScaleDown => "scale-down",
            Fit::Contain => "contain",
            Fit::Cover => "cover",
            Fit::Crop => "crop",
            Fit::Pad => "pad",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Result<Fit, TransformError> {
        Fit::ALL.into_iter().find(|fit| fit.as_str() == text).ok_or(TransformError::Fit)
    }
}

/// What of the source's metadata a JPEG keeps. Orientation and colour profile are always applied.
/// Other formats never carry any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetadataPolicy {
    /// Nothing.
    None,
    /// The EXIF copyright tag alone.
    Copyright,
    /// Most EXIF, with the position; no thumbnail.
    Keep,
}

impl MetadataPolicy {
    /// Every policy.
    pub const ALL: [MetadataPolicy; 3] =
        [MetadataPolicy::Keep, MetadataPolicy::Copyright, MetadataPolicy::None];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            MetadataPolicy::None => "none",
            MetadataPolicy::Copyright => "copyright",
            MetadataPolicy::Keep => "keep",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Result<MetadataPolicy, TransformError> {
        MetadataPolicy::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or(TransformError::Metadata)
    }
}

/// A side of the target box in pixels: 1 to 12,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Side(u32);

impl Side {
    /// The longest target side; the same as the longest source side.
    pub const MAX: u32 = 12_000;

    /// Parses a number of pixels.
    pub fn parse(pixels: u64) -> Result<Side, TransformError> {
        match u32::try_from(pixels) {
            Ok(pixels) if (1..=Self::MAX).contains(&pixels) => Ok(Side(pixels)),
            _ => Err(TransformError::Side),
        }
    }

    /// Pixels.
    pub fn pixels(self) -> u32 {
        self.0
    }
}

/// Strength of the approximate Gaussian blur: 0 (none) to 250, in steps of a hundredth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blur(u16);

impl Blur {
    /// No blur.
    pub const NONE: Blur = Blur(0);

    /// Parses a strength; it is rounded to the nearest hundredth.
    pub fn parse(strength: f64) -> Result<Blur, TransformError> {
        if !(0.0..=250.0).contains(&strength) {
            return Err(TransformError::Blur);
        }
        // In range: 250 * 100 fits u16.
        Ok(Blur((strength * 100.0).round() as u16))
    }

    /// The strength, 0.0 to 250.0.
    pub fn strength(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// Everything that is done to a picture between its original and a rendition, except the choice of
/// the output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transform {
    /// See [`Fit`].
    pub fit: Fit,
    /// Width of the box; `None` leaves it to the other side.
    pub width: Option<Side>,
    /// Height of the box; `None` leaves it to the other side.
    pub height: Option<Side>,
    /// See [`Blur`].
    pub blur: Blur,
    /// See [`MetadataPolicy`].
    pub metadata: MetadataPolicy,
}

impl Default for Transform {
    /// Cloudflare's defaults: `scale-down`, the size of the source, no blur, metadata `copyright`.
    fn default() -> Transform {
        Transform {
            fit: Fit::ScaleDown,
            width: None,
            height: None,
            blur: Blur::NONE,
            metadata: MetadataPolicy::Copyright,
        }
    }
}

/// Why an option was refused (error 9401 in URLs, 5400 in the API).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransformError {
    /// Unknown word.
    #[error("fit must be one of scale-down, contain, cover, crop, pad")]
    Fit,
    /// Unknown word.
    #[error("metadata must be one of keep, copyright, none")]
    Metadata,
    /// Out of range.
    #[error("width and height must be whole numbers from 1 to 12000")]
    Side,
    /// Out of range.
    #[error("blur must be a number from 0 to 250")]
    Blur,
}

impl Transform {
    /// The one text for this transform: equal transforms give equal texts, and different ones
    /// different texts. It is a part of the key that renditions are stored under, so a change of
    /// its form makes every stored rendition unreachable.
    pub fn canonical(&self) -> String {
        let side = |side: Option<Side>| side.map_or_else(|| "auto".to_owned(), |s| s.0.to_string());
        format!(
            "fit={},width={},height={},blur={},metadata={}",
            self.fit.as_str(),
            side(self.width),
            side(self.height),
            self.blur.strength(),
            self.metadata.as_str()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_is_stable() {
        assert_eq!(
            Transform::default().canonical(),
            "fit=scale-down,width=auto,height=auto,blur=0,metadata=copyright"
        );
        let transform = Transform {
            fit: Fit::Pad,
            width: Side::parse(1).ok(),
            height: Side::parse(12_000).ok(),
            blur: Blur::parse(2.504).unwrap_or(Blur::NONE),
            metadata: MetadataPolicy::None,
        };
        assert_eq!(transform.canonical(), "fit=pad,width=1,height=12000,blur=2.5,metadata=none");
    }

    #[test]
    fn words_round_trip_and_ranges_hold() {
        for fit in Fit::ALL {
            assert_eq!(Fit::parse(fit.as_str()), Ok(fit));
        }
        for policy in MetadataPolicy::ALL {
            assert_eq!(MetadataPolicy::parse(policy.as_str()), Ok(policy));
        }
        assert_eq!(Fit::parse("squeeze"), Err(TransformError::Fit));
        assert_eq!(Side::parse(0), Err(TransformError::Side));
        assert_eq!(Side::parse(12_001), Err(TransformError::Side));
        assert_eq!(Blur::parse(250.1), Err(TransformError::Blur));
        assert_eq!(Blur::parse(f64::NAN), Err(TransformError::Blur));
        assert_eq!(Blur::parse(-1.0), Err(TransformError::Blur));
    }
}
