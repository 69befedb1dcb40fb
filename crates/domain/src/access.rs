//! Who may see bytes. This file is the only place that decides it.
//!
//! A decision in favour is a [`Granted`]: a value with private fields that names the blob it is
//! for. Stored bytes are read only through one, so code that forgot to ask does not compile:
//!
//! ```compile_fail
//! use safelight_domain::{access::{Exposure, Granted}, image::BlobId};
//! let granted = Granted { blob: BlobId::from_random([0; 16]), exposure: Exposure::Public };
//! ```
//!
//! The parts it names exist, so only the private fields stop it:
//!
//! ```
//! use safelight_domain::{access::{Exposure, Granted}, image::BlobId};
//! let (_blob, _exposure) = (BlobId::from_random([0; 16]), Exposure::Public);
//! fn _takes(_: Granted) {}
//! ```

use crate::image::{BlobId, Image, Privacy};
use crate::signature::{Malformed, Token};
use crate::time::UnixTime;
use crate::token::{Caller, Refusal, Scope};
use crate::variant::VariantAccess;
use std::time::Duration;

/// Leave to read the bytes of one blob (its original, levels and renditions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    blob: BlobId,
    exposure: Exposure,
}

impl Granted {
    /// The blob that may be read.
    pub fn blob(&self) -> &BlobId {
        &self.blob
    }

    /// Who may keep the answer, and how long.
    pub fn exposure(&self) -> Exposure {
        self.exposure
    }

    /// Whether the grant still holds at `now`: false once a signed URL has expired, for instance
    /// while its rendition was being made.
    pub fn holds(&self, now: UnixTime) -> bool {
        match self.exposure {
            Exposure::Public | Exposure::Private { until: None } => true,
            Exposure::Private { until: Some(until) } => now < until,
        }
    }
}

/// Whom an answer may reach beyond the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Anyone may see it; shared caches may keep it.
    Public,
    /// Only the one who asked may keep it.
    Private {
        /// First second at which it may not be used any more; `None` if there is no such second.
        until: Option<UnixTime>,
    },
}

/// Why a delivery request gets no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The image, if there is one, is private and the token does not open it (403, error 9425).
    Token(TokenFault),
    /// The token opens the image, but not with options in the URL (403, error 9425); see
    /// [`OptionsPolicy::PublicImages`].
    OptionsOnPrivate,
    /// There is no such image, and saying so tells nothing about private images (404, error 5404).
    UnknownImage,
    /// The node does not know whether what it knew still holds (503, error 5503).
    Unsure,
}

/// What is wrong with the token. It depends on the URL and the keys alone, so that it reads the
/// same for a private image and for one that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// None was given.
    Absent,
    /// See [`Token::Malformed`].
    Malformed(Malformed),
    /// See [`Token::Mismatch`].
    Mismatch,
    /// See [`Token::Expired`].
    Expired,
}

/// What an unsigned request for an image that does not exist is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownImagePolicy {
    /// The same as for a private image, so that nobody can find out which private images exist.
    /// Only a valid token is told that there is none.
    AsPrivate,
    /// 404, as Cloudflare does; an id can then be probed for existence.
    NotFound,
}

/// How much the node that decides knows of what others may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// Everything, but for the last moment.
    Current,
    /// What was so a while ago. What was public then is served on.
    Past,
    /// Too little to serve anything by.
    Lost,
}

impl Knowledge {
    /// Oldest knowledge by which anything private is served: of the two seconds for which a node may go by an
    /// old state, the rest is for finding and sending the answer.
    pub const MAX_AGE: Duration = Duration::from_millis(1_500);

    /// Knowledge of an age, where what was public is served on for so long.
    pub fn of_age(age: Duration, public_for: Duration) -> Knowledge {
        if age <= Self::MAX_AGE {
            Knowledge::Current
        } else if age <= public_for {
            Knowledge::Past
        } else {
            Knowledge::Lost
        }
    }
}

/// What the last segment of the URL says about access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A named variant.
    Variant(VariantAccess),
    /// Options.
    Options(OptionsPolicy),
}

/// Of which images options in URLs are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionsPolicy {
    /// Of all. They follow the image, like most variants: the signature covers them.
    FollowImage,
    /// Of public ones alone, as Cloudflare has it.
    PublicImages,
}

/// Decides a delivery request. `image` is what was found under the id in the URL.
pub fn authorize_delivery(
    image: Option<&Image>,
    segment: Segment,
    token: &Token,
    unknown: UnknownImagePolicy,
    knowledge: Knowledge,
) -> Result<Granted, Denied> {
    let granted = authorize_known(image, segment, token, unknown);
    match (knowledge, &granted) {
        (Knowledge::Current, _) | (Knowledge::Past, Ok(Granted { exposure: Exposure::Public, .. })) => {
            granted
        }
        (Knowledge::Past | Knowledge::Lost, _) => Err(Denied::Unsure),
    }
}

fn authorize_known(
    image: Option<&Image>,
    segment: Segment,
    token: &Token,
    unknown: UnknownImagePolicy,
) -> Result<Granted, Denied> {
    let Some(image) = image else {
        return Err(match (unknown, token_fault(token)) {
            (UnknownImagePolicy::AsPrivate, Some(fault)) => Denied::Token(fault),
            (UnknownImagePolicy::AsPrivate, None) | (UnknownImagePolicy::NotFound, _) => Denied::UnknownImage,
        });
    };
    let exposure = match (image.privacy, segment, token) {
        (Privacy::Public, _, _) | (_, Segment::Variant(VariantAccess::AlwaysPublic), _) => Exposure::Public,
        (Privacy::RequireSigned, Segment::Options(OptionsPolicy::PublicImages), Token::Valid { .. }) => {
            return Err(Denied::OptionsOnPrivate);
        }
        (Privacy::RequireSigned, _, Token::Valid { until, .. }) => Exposure::Private { until: *until },
        (Privacy::RequireSigned, _, other) => {
            return Err(Denied::Token(token_fault(other).unwrap_or(TokenFault::Absent)));
        }
    };
    Ok(Granted { blob: image.blob.clone(), exposure })
}

/// Lets an overlay be drawn on an image whose delivery is granted. It was named by whoever may change
/// the account's variants, so that it must be of the same account is all there is to ask.
pub fn authorize_overlay(granted: &Granted, image: &Image, overlay: &Image) -> Option<Granted> {
    let allowed = *granted.blob() == image.blob && overlay.account == image.account;
    allowed.then(|| Granted { blob: overlay.blob.clone(), exposure: granted.exposure })
}

/// Lets an account's own token with the `read` scope fetch an original (`/blob`).
pub fn authorize_owner(image: &Image, caller: &Caller) -> Result<Granted, Refusal> {
    if image.account != *caller.account() {
        return Err(Refusal::OtherAccount);
    }
    caller.require(Scope::Read)?;
    Ok(Granted { blob: image.blob.clone(), exposure: Exposure::Private { until: None } })
}

/// Lets the server make of an original what it keeps beside it: levels, and renditions that nobody has asked
/// for yet. It is no answer to anybody: whoever asks for one of them needs a grant of their own.
pub fn authorize_upkeep(image: &Image) -> Granted {
    Granted { blob: image.blob.clone(), exposure: Exposure::Private { until: None } }
}

fn token_fault(token: &Token) -> Option<TokenFault> {
    match token {
        Token::Valid { .. } => None,
        Token::Absent => Some(TokenFault::Absent),
        Token::Malformed(malformed) => Some(TokenFault::Malformed(*malformed)),
        Token::Mismatch => Some(TokenFault::Mismatch),
        Token::Expired { .. } => Some(TokenFault::Expired),
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
