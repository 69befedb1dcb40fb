//! `If-None-Match` and `Range`, as RFC 9110 defines them for a whole, strongly tagged body.

use crate::hex;
use crate::image::BlobId;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A strong entity tag. That of a rendition has Cloudflare's form: `cf-`, something, `:`, and the tag of
/// its original. Clones share the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(Arc<str>);

impl ETag {
    /// The tag of bytes with this SHA-256, made of this original.
    pub fn of_rendition(digest: &[u8; 32], original: &BlobId) -> ETag {
        ETag(format!("\"cf-{}:{}\"", hex::digits(digest), original_tag(original)).into())
    }

    /// The tag of an original as it was uploaded.
    pub fn of_original(original: &BlobId) -> ETag {
        ETag(format!("\"{}\"", original_tag(original)).into())
    }

    /// The tag of a remote image's rendition with this SHA-256: `cf-`, the half of it, and after a colon
    /// the origin's tag, if that is short and has no character that a list of tags would trip over.
    pub fn of_remote(digest: &[u8; 32], origin: Option<&str>) -> ETag {
        let hex = hex::digits(&digest[..16]);
        let plain = |b: u8| b.is_ascii_graphic() && !b"\",\\".contains(&b);
        let opaque = origin.map(|tag| tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"'));
        let opaque = opaque.filter(|tag| (1..=MAX_ORIGIN_TAG).contains(&tag.len()) && tag.bytes().all(plain));
        ETag(opaque.map_or_else(|| format!("\"cf-{hex}\""), |tag| format!("\"cf-{hex}:{tag}\"")).into())
    }

    /// The tag of a file of the program whose sent bytes have this SHA-256.
    pub fn of_file(digest: &[u8; 32]) -> ETag {
        ETag(format!("\"{}\"", hex::digits(digest)).into())
    }

    /// The tag with its quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an `If-None-Match` header names this tag, by weak comparison (RFC 9110, 13.1.2).
    pub fn matches_none_match(&self, header: &str) -> bool {
        header.trim() == "*"
            || header.split(',').any(|tag| {
                let tag = tag.trim();
                tag.strip_prefix("W/").unwrap_or(tag) == &*self.0
            })
    }
}

/// Longest tag of an origin that is repeated, in bytes.
const MAX_ORIGIN_TAG: usize = 128;

/// A blob's bytes never change, so its id stands for them; hashed, since names of files are nobody's
/// business.
fn original_tag(original: &BlobId) -> String {
    let digest: [u8; 32] = Sha256::digest(original.as_str()).into();
    hex::digits(&digest[..16])
}

/// What to send of a body of known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeAnswer {
    /// All of it: no range, or one to be ignored.
    Whole,
    /// Bytes `first` to `last`, both included (206).
    Part {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte, below the length.
        last: u64,
    },
    /// No byte of the range exists (416).
    Unsatisfiable,
}

/// Decides what a `Range` header asks of `length` bytes tagged `etag`. Several ranges, another
/// unit or a malformed header are ignored, as is any range whose `If-Range` does not name `etag`
/// strongly (RFC 9110, 13.1.5 and 14.2).
pub fn range(header: Option<&str>, if_range: Option<&str>, etag: &ETag, length: u64) -> RangeAnswer {
    if if_range.is_some_and(|tag| tag.trim() != etag.as_str()) {
        return RangeAnswer::Whole;
    }
    let Some((first, last)) =
        header.and_then(|h| h.trim().strip_prefix("bytes=")).and_then(|r| r.split_once('-'))
    else {
        return RangeAnswer::Whole;
    };
    let number = |text: &str| {
        let text = text.trim();
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (first.trim().is_empty(), number(first), last.trim().is_empty(), number(last)) {
        (true, _, false, Some(suffix)) if suffix == 0 || length == 0 => RangeAnswer::Unsatisfiable,
        (true, _, false, Some(suffix)) => {
            RangeAnswer::Part { first: length - suffix.min(length), last: length - 1 }
        }
        (false, Some(first), true, _) => part(first, u64::MAX, length),
        (false, Some(first), false, Some(last)) if first <= last => part(first, last, length),
        _ => RangeAnswer::Whole,
    }
}

fn part(first: u64, last: u64, length: u64) -> RangeAnswer {
    if first >= length {
        RangeAnswer::Unsatisfiable
    } else {
        RangeAnswer::Part { first, last: last.min(length - 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn etag() -> ETag {
        ETag::of_rendition(&[0xAB; 32], &BlobId::from_random([7; 16]))
    }

    #[test]
    fn a_renditions_tag_ends_with_its_originals() {
        let original = ETag::of_original(&BlobId::from_random([7; 16]));
        let text = original.as_str().trim_matches('"');
        assert_eq!(text.len(), 32);
        assert_eq!(etag().as_str(), format!("\"cf-{}:{text}\"", "ab".repeat(32)));
        assert_ne!(original, ETag::of_original(&BlobId::from_random([8; 16])));
    }

    #[test]
    fn remote_tags_repeat_the_origins() {
        let hex = "ab".repeat(16);
        for (origin, expected) in [
            (None, format!("\"cf-{hex}\"")),
            (Some("\"x-1\""), format!("\"cf-{hex}:x-1\"")),
            (Some("W/\"x-1\""), format!("\"cf-{hex}:x-1\"")),
            (Some("\"\""), format!("\"cf-{hex}\"")),
            (Some("\"a,b\""), format!("\"cf-{hex}\"")),
            (Some("\"a\"b\""), format!("\"cf-{hex}\"")),
            (Some("\"a\u{e4}\""), format!("\"cf-{hex}\"")),
            (Some(&"x".repeat(129)), format!("\"cf-{hex}\"")),
        ] {
            let tag = ETag::of_remote(&[0xAB; 32], origin);
            assert_eq!(tag.as_str(), expected);
            assert!(tag.matches_none_match(&format!("\"other\", {}", tag.as_str())));
        }
    }

    #[test]
    fn none_match_compares_weakly() {
        let tag = etag();
        let strong = tag.as_str().to_owned();
        for (header, matches) in [
            (strong.clone(), true),
            (format!("W/{strong}"), true),
            (format!("\"x\", {strong}"), true),
            ("*".to_owned(), true),
            ("\"x\"".to_owned(), false),
            (strong.trim_matches('"').to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(tag.matches_none_match(&header), matches, "{header}");
        }
    }

    #[test]
    fn ranges_of_ten_bytes() {
        let part = |first, last| RangeAnswer::Part { first, last };
        for (header, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-", part(2, 9)),
            ("bytes=2-99", part(2, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-99", part(0, 9)),
            ("bytes=10-", RangeAnswer::Unsatisfiable),
            ("bytes=-0", RangeAnswer::Unsatisfiable),
            ("bytes=99999999999999999999-", RangeAnswer::Unsatisfiable),
            ("bytes=5-2", RangeAnswer::Whole),
            ("bytes=0-1,3-4", RangeAnswer::Whole),
            ("bytes=a-b", RangeAnswer::Whole),
            ("bytes=-", RangeAnswer::Whole),
            ("bytes=+1-2", RangeAnswer::Whole),
            ("lines=0-1", RangeAnswer::Whole),
        ] {
            assert_eq!(range(Some(header), None, &etag(), 10), expected, "{header}");
        }
        assert_eq!(range(None, None, &etag(), 10), RangeAnswer::Whole);
    }

    #[test]
    fn if_range_must_be_the_strong_tag() {
        let tag = etag();
        let weak = format!("W/{}", tag.as_str());
        assert_eq!(range(Some("bytes=0-1"), Some(&weak), &tag, 10), RangeAnswer::Whole);
        assert_ne!(range(Some("bytes=0-1"), Some(tag.as_str()), &tag, 10), RangeAnswer::Whole);
    }
}
