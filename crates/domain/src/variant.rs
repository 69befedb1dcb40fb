//! Named variants: stored presets of options, and whether they are open to everyone.

use crate::transform::{OptionError, Transform};
use thiserror::Error;

/// The name of a variant: 1 to 99 letters and digits, case-sensitive (Cloudflare's rule).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariantName(String);

/// Why a text is no variant name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a variant name has 1 to 99 characters out of A-Z, a-z and 0-9")]
pub struct VariantNameError;

impl VariantName {
    /// The variant that every account has and that cannot be deleted.
    pub const PUBLIC: &'static str = "public";

    /// Parses a name.
    pub fn parse(text: &str) -> Result<VariantName, VariantNameError> {
        let good = (1..=99).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        good.then(|| VariantName(text.to_owned())).ok_or(VariantNameError)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a variant of a private image needs a signed URL (`neverRequireSignedURLs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariantAccess {
    /// Follows the image: a private image needs a signed URL.
    FollowImage,
    /// Served to anyone, also of private images ("Always allow public access").
    AlwaysPublic,
}

/// How long browsers may keep an answer (`browser_ttl`): 3600 to 31536000 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrowserTtl(u32);

/// Why a number is no browser TTL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("browser_ttl must be 3600 to 31536000 seconds")]
pub struct BrowserTtlError;

impl BrowserTtl {
    /// Cloudflare's default: two days.
    pub const DEFAULT: BrowserTtl = BrowserTtl(172_800);

    /// Parses a number of seconds.
    pub fn parse(seconds: u64) -> Result<BrowserTtl, BrowserTtlError> {
        match u32::try_from(seconds) {
            Ok(seconds) if (3_600..=31_536_000).contains(&seconds) => Ok(BrowserTtl(seconds)),
            _ => Err(BrowserTtlError),
        }
    }

    /// Seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

/// Refuses what a named variant cannot have at Cloudflare: other options than its six, and other fits
/// than its five. Name and value are as in the API.
pub fn require_cloudflare_option(option: &str, value: &str) -> Result<(), OptionError> {
    match (option, value) {
        ("fit", "scale-down" | "contain" | "cover" | "crop" | "pad") => Ok(()),
        ("fit", _) => Err(OptionError {
            option: "fit",
            allowed: "one of scale-down, contain, cover, crop, pad under compat = \"strict\"",
        }),
        ("width" | "height" | "metadata" | "blur" | "browser_ttl", _) => Ok(()),
        _ => Err(OptionError {
            option: "each option of a variant",
            allowed: "one of width, height, fit, metadata, blur, browser_ttl under compat = \"strict\"",
        }),
    }
}

/// A named variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Unique within the account.
    pub name: VariantName,
    /// What is done to the pixels.
    pub transform: Transform,
    /// How long browsers keep it; `None` takes the account's or the default.
    pub browser_ttl: Option<BrowserTtl>,
    /// Who may see it of a private image.
    pub access: VariantAccess,
}

/// Most variants an account may have (Cloudflare's limit).
pub const MAX_VARIANTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(VariantName::parse("w200H300").is_ok());
        assert!(VariantName::parse(&"a".repeat(99)).is_ok());
        for bad in ["", "a-b", "a b", "w=3", "é", &"a".repeat(100)] {
            assert_eq!(VariantName::parse(bad), Err(VariantNameError), "{bad}");
        }
    }

    #[test]
    fn cloudflare_has_six_options_and_five_fits() {
        for option in ["width", "height", "metadata", "blur", "browser_ttl"] {
            assert_eq!(require_cloudflare_option(option, "1"), Ok(()));
        }
        for fit in crate::transform::Fit::ALL.map(crate::transform::Fit::as_str) {
            let ours = ["aspect-crop", "squeeze", "scale-up"].contains(&fit);
            assert_eq!(require_cloudflare_option("fit", fit).is_err(), ours, "{fit}");
        }
        for option in ["w", "rotate", "quality", "draw", "gravity", "Width"] {
            assert!(require_cloudflare_option(option, "1").is_err(), "{option}");
        }
    }

    #[test]
    fn browser_ttl_range() {
        assert!(BrowserTtl::parse(3_599).is_err());
        assert!(BrowserTtl::parse(31_536_001).is_err());
        assert_eq!(BrowserTtl::parse(3_600).map(BrowserTtl::seconds), Ok(3_600));
    }
}
