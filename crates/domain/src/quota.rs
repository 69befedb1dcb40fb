//! How much an account may keep, and how often it may have pictures made.

use thiserror::Error;

/// A bound, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Nothing is refused.
    Off,
    /// So many, and no more.
    At(u64),
}

/// What holds for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Images.
    pub images: Bound,
    /// Bytes of their originals.
    pub bytes: Bound,
    /// Renditions that somebody waits for, in a minute.
    pub renders_per_minute: Bound,
}

/// What an account is given apart from the others; `None` follows the instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnQuota {
    /// See [`Quota::images`].
    pub images: Option<Bound>,
    /// See [`Quota::bytes`].
    pub bytes: Option<Bound>,
    /// See [`Quota::renders_per_minute`].
    pub renders_per_minute: Option<Bound>,
}

/// What an account keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Images.
    pub images: u64,
    /// Bytes of their originals.
    pub bytes: u64,
}

/// Why an account may not keep another image. The texts are for those who act for the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QuotaExceeded {
    /// There are as many as there may be.
    #[error(
        "the account's quota of images is used up: it has {used} of {allowed}; delete some, or ask for more"
    )]
    Images {
        /// Images.
        used: u64,
        /// The bound.
        allowed: u64,
    },
    /// The image does not fit.
    #[error(
        "the account's quota of bytes is used up: its originals have {used} of {allowed} bytes, and this one \
         takes at least {more}; delete some, or ask for more"
    )]
    Bytes {
        /// Bytes of originals.
        used: u64,
        /// The bound.
        allowed: u64,
        /// Bytes of the image, or at least so many.
        more: u64,
    },
}

impl Bound {
    /// The largest bound, which every JSON client can hold: a multiple of 100,000, as Cloudflare's are.
    pub const MAX: u64 = 9_007_199_254_700_000;

    /// A bound of at most [`Bound::MAX`].
    pub fn at(most: u64) -> Option<Bound> {
        (most <= Bound::MAX).then_some(Bound::At(most))
    }

    /// `off`, or decimal digits alone.
    pub fn parse(text: &str) -> Option<Bound> {
        match text {
            "off" => Some(Bound::Off),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => Bound::at(digits.parse().ok()?),
            _ => None,
        }
    }

    /// The number, if there is one.
    pub fn most(self) -> Option<u64> {
        match self {
            Bound::Off => None,
            Bound::At(most) => Some(most),
        }
    }
}

impl Quota {
    /// No bounds at all.
    pub const OFF: Quota = Quota { images: Bound::Off, bytes: Bound::Off, renders_per_minute: Bound::Off };

    /// Whether an account that keeps so much may keep one image more, of `more` bytes.
    ///
    /// # Errors
    /// Says what is used and allowed.
    pub fn admit(&self, kept: Kept, more: u64) -> Result<(), QuotaExceeded> {
        let Kept { images, bytes } = kept;
        if let Some(allowed) = self.images.most().filter(|allowed| images >= *allowed) {
            return Err(QuotaExceeded::Images { used: images, allowed });
        }
        match self.bytes.most().filter(|allowed| bytes.saturating_add(more) > *allowed) {
            Some(allowed) => Err(QuotaExceeded::Bytes { used: bytes, allowed, more }),
            None => Ok(()),
        }
    }
}

impl OwnQuota {
    /// What holds where the others have `defaults`.
    #[must_use]
    pub fn over(self, defaults: Quota) -> Quota {
        Quota {
            images: self.images.unwrap_or(defaults.images),
            bytes: self.bytes.unwrap_or(defaults.bytes),
            renders_per_minute: self.renders_per_minute.unwrap_or(defaults.renders_per_minute),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_digits_or_off() {
        for (text, bound) in [
            ("off", Some(Bound::Off)),
            ("0", Some(Bound::At(0))),
            ("1000", Some(Bound::At(1000))),
            ("9007199254700000", Some(Bound::At(Bound::MAX))),
            ("9007199254700001", None),
            ("99999999999999999999", None),
            ("+1", None),
            ("-1", None),
            ("", None),
            ("Off", None),
        ] {
            assert_eq!(Bound::parse(text), bound, "{text}");
        }
    }

    #[test]
    fn an_image_fits_up_to_both_bounds() {
        let quota = Quota { images: Bound::At(3), bytes: Bound::At(100), ..Quota::OFF };
        let kept = |images, bytes| Kept { images, bytes };
        assert_eq!(quota.admit(kept(2, 90), 10), Ok(()));
        assert_eq!(quota.admit(kept(3, 0), 1), Err(QuotaExceeded::Images { used: 3, allowed: 3 }));
        assert_eq!(quota.admit(kept(9, 0), 0), Err(QuotaExceeded::Images { used: 9, allowed: 3 }));
        let bytes = Err(QuotaExceeded::Bytes { used: 90, allowed: 100, more: 11 });
        assert_eq!(quota.admit(kept(2, 90), 11), bytes);
        assert!(quota.admit(kept(0, 1), u64::MAX).is_err());
        assert_eq!(Quota::OFF.admit(kept(u64::MAX, u64::MAX), u64::MAX), Ok(()));
    }

    #[test]
    fn a_refusal_says_used_and_allowed() {
        let text = QuotaExceeded::Bytes { used: 90, allowed: 100, more: 11 }.to_string();
        assert!(text.contains("90 of 100 bytes") && text.contains("at least 11"), "{text}");
        let text = QuotaExceeded::Images { used: 3, allowed: 4 }.to_string();
        assert!(text.contains("3 of 4"), "{text}");
    }

    #[test]
    fn what_an_account_is_given_wins_over_the_instance() {
        let defaults = Quota { images: Bound::At(5), ..Quota::OFF };
        assert_eq!(OwnQuota::default().over(defaults), defaults);
        let own = OwnQuota { images: Some(Bound::Off), bytes: Some(Bound::At(7)), renders_per_minute: None };
        assert_eq!(own.over(defaults), Quota { bytes: Bound::At(7), ..Quota::OFF });
    }
}
