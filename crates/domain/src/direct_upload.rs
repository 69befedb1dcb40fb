//! Direct creator uploads: an image that is promised before its bytes are there, and the one-time
//! link by which someone without a token uploads them.

use crate::account::{AccountHash, AccountId};
use crate::image::{BlobId, Creator, Image, ImageId, Metadata, Privacy, SourceInfo};
use crate::token::TokenHash;
use thiserror::Error;

/// Where links begin. No delivery path does: its first segment is an account hash.
pub const PREFIX: &str = "/cdn-cgi/imageupload/";

/// Shortest life of a link in milliseconds (Cloudflare's 2 minutes).
pub const SHORTEST_MS: i64 = 2 * 60 * 1000;
/// Longest life of a link in milliseconds (Cloudflare's 6 hours).
pub const LONGEST_MS: i64 = 6 * 60 * 60 * 1000;
/// Life of a link in milliseconds when none is asked for (Cloudflare's 30 minutes).
pub const USUAL_MS: i64 = 30 * 60 * 1000;

/// A promised image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Owner.
    pub account: AccountId,
    /// The id that the image will have.
    pub id: ImageId,
    /// The user's JSON object. Not shown to who uploads.
    pub metadata: Metadata,
    /// See [`Creator`].
    pub creator: Option<Creator>,
    /// Who may see the image.
    pub privacy: Privacy,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: i64,
    /// From this moment on the link is dead; in milliseconds as above.
    pub expires_ms: i64,
    /// Whether its link was used.
    pub link: LinkUse,
}

/// Whether a link was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkUse {
    /// Not yet.
    Fresh,
    /// The image is there, or was.
    Used,
}

/// Why a link takes no upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// No such link, or its draft was deleted.
    #[error("there is no such upload URL")]
    Unknown,
    /// Its time is over.
    #[error("the upload URL has expired")]
    Expired,
    /// An image was uploaded by it.
    #[error("the upload URL was used already")]
    Used,
}

/// Why a link cannot have the expiry asked for (error 5400).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expiry must be from 2 minutes to 6 hours ahead")]
pub struct ExpiryError;

/// An original as uploaded: what a draft lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Its bytes.
    pub blob: BlobId,
    /// What it is.
    pub source: SourceInfo,
    /// Its length in bytes.
    pub bytes: u64,
    /// As the client named the file.
    pub filename: Option<String>,
}

/// The moment at which a link made at `now_ms` dies. `asked_ms` may be [`SHORTEST_MS`] to
/// [`LONGEST_MS`] after it, both included.
pub fn expiry_ms(asked_ms: Option<i64>, now_ms: i64) -> Result<i64, ExpiryError> {
    let Some(asked_ms) = asked_ms else { return Ok(now_ms.saturating_add(USUAL_MS)) };
    let life_ms = asked_ms.saturating_sub(now_ms);
    if (SHORTEST_MS..=LONGEST_MS).contains(&life_ms) { Ok(asked_ms) } else { Err(ExpiryError) }
}

impl Draft {
    /// Whether its link takes an upload that is complete at `now_ms`.
    pub fn accepts(&self, now_ms: i64) -> Result<(), LinkError> {
        match self.link {
            LinkUse::Used => Err(LinkError::Used),
            LinkUse::Fresh if self.expires_ms <= now_ms => Err(LinkError::Expired),
            LinkUse::Fresh => Ok(()),
        }
    }

    /// The image that the draft becomes with an original uploaded at `now_ms`.
    pub fn fulfilled(self, original: Original, now_ms: i64) -> Image {
        Image {
            account: self.account,
            id: self.id,
            blob: original.blob,
            source: original.source,
            bytes: original.bytes,
            filename: original.filename,
            metadata: self.metadata,
            creator: self.creator,
            privacy: self.privacy,
            uploaded_ms: now_ms,
        }
    }
}

/// What the path of a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadLink {
    /// Of the account.
    pub hash: AccountHash,
    /// Of the secret. Nothing else is kept of it: ids may be guessed, so a link is told by a
    /// secret of its own.
    pub secret: TokenHash,
}

impl UploadLink {
    /// Parses `/cdn-cgi/imageupload/{account hash}/{secret}`.
    pub fn parse(path: &str) -> Option<UploadLink> {
        let (hash, secret) = path.strip_prefix(PREFIX)?.split_once('/')?;
        let hash = AccountHash::parse(hash).ok()?;
        Some(UploadLink { hash, secret: TokenHash::of(secret) })
    }
}

/// The path of a link with a secret of 256 random bits.
pub fn upload_path(hash: &AccountHash, secret: &str) -> String {
    format!("{PREFIX}{}/{secret}", hash.as_str())
}

/// A target as it may be logged: of a link everything after the prefix is hidden.
pub fn redact(target: &str) -> String {
    match target.find(PREFIX) {
        // In bounds, and after an ASCII character: the prefix was found there.
        Some(start) => format!("{}…", &target[..start + PREFIX.len()]),
        None => target.to_owned(),
    }
}

/// How an upload by link went, for whoever the account wants told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadEvent {
    /// 32 hexadecimal digits: the same each time this event is told.
    pub event: String,
    /// Of the image or draft.
    pub id: ImageId,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// See [`UploadOutcome`].
    pub outcome: UploadOutcome,
}

/// How an upload by link went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadOutcome {
    /// The image is there.
    Uploaded,
    /// What came was refused.
    Refused {
        /// As in the answer.
        code: u32,
        /// As in the answer, shortened.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn draft(link: LinkUse) -> Draft {
        Draft {
            account: AccountId::parse(&"a".repeat(32)).expect("32 digits"),
            id: ImageId::named("i"),
            metadata: Metadata::default(),
            creator: None,
            privacy: Privacy::Public,
            created_ms: NOW_MS,
            expires_ms: NOW_MS + USUAL_MS,
            link,
        }
    }

    #[test]
    fn a_link_lives_two_minutes_to_six_hours() {
        assert_eq!(expiry_ms(None, NOW_MS), Ok(NOW_MS + 30 * 60_000));
        for good in [2 * 60_000, 6 * 3_600_000] {
            assert_eq!(expiry_ms(Some(NOW_MS + good), NOW_MS), Ok(NOW_MS + good));
        }
        for bad in [2 * 60_000 - 1, 6 * 3_600_000 + 1, 0, -1, i64::MAX - NOW_MS, i64::MIN + NOW_MS] {
            assert_eq!(expiry_ms(Some(NOW_MS.wrapping_add(bad)), NOW_MS), Err(ExpiryError), "{bad}");
        }
    }

    #[test]
    fn a_link_is_used_once_and_before_its_expiry() {
        let fresh = draft(LinkUse::Fresh);
        assert_eq!(fresh.accepts(NOW_MS), Ok(()));
        assert_eq!(fresh.accepts(NOW_MS + USUAL_MS - 1), Ok(()));
        assert_eq!(fresh.accepts(NOW_MS + USUAL_MS), Err(LinkError::Expired));
        assert_eq!(draft(LinkUse::Used).accepts(NOW_MS), Err(LinkError::Used));
        assert_eq!(draft(LinkUse::Used).accepts(i64::MAX), Err(LinkError::Used));
    }

    #[test]
    fn links_are_read_back_and_never_logged() {
        let hash = AccountHash::parse("cheeW4oKsx5ljh8e8BoL2A").expect("a hash");
        let path = upload_path(&hash, "secret");
        assert_eq!(path, "/cdn-cgi/imageupload/cheeW4oKsx5ljh8e8BoL2A/secret");
        let link = UploadLink::parse(&path).expect("a link");
        assert_eq!(link, UploadLink { hash, secret: TokenHash::of("secret") });
        assert_ne!(UploadLink::parse(&format!("{path}/")), Some(link));
        for bad in ["", "/", "/cdn-cgi/imageupload/", "/cdn-cgi/imageupload/x/y", "/x/y", &path[1..]] {
            assert_eq!(UploadLink::parse(bad), None, "{bad}");
        }
        assert_eq!(redact(&format!("{path}?x")), "/cdn-cgi/imageupload/…");
        assert_eq!(redact(&format!("/odd{path}")), "/odd/cdn-cgi/imageupload/…");
        assert_eq!(redact("/a/b?c"), "/a/b?c");
    }
}
