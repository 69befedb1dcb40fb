//! Named variants: stored presets of options, and whether they are open to everyone.

use crate::transform::Transform;
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
    fn browser_ttl_range() {
        assert!(BrowserTtl::parse(3_599).is_err());
        assert!(BrowserTtl::parse(31_536_001).is_err());
        assert_eq!(BrowserTtl::parse(3_600).map(BrowserTtl::seconds), Ok(3_600));
    }
}
