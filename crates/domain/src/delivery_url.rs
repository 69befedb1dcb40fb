//! The grammar of delivery URLs: `/{hash}/{image id}/{variant}`, at the root or below
//! `/cdn-cgi/imagedelivery`.

use crate::account::AccountHash;
use crate::image::ImageId;
use crate::variant::VariantName;
use thiserror::Error;

/// The prefix of delivery on a custom domain.
pub const PREFIX: &str = "/cdn-cgi/imagedelivery";

/// The names in a delivery path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPath {
    /// First segment.
    pub hash: AccountHash,
    /// Everything between the first and the last segment, percent-decoded once.
    pub id: ImageId,
    /// Last segment.
    pub variant: VariantSegment,
}

/// The last segment of a delivery path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariantSegment {
    /// A name that a variant could have.
    Named(VariantName),
    /// Options in the URL (`w=400,fit=cover`): told apart by the `=`, which no name has.
    Options(String),
    /// Neither: no variant can have this name.
    Impossible,
}

/// Why a path is no delivery path (403, error 9426 or 9427).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DeliveryPathError {
    /// Fewer than three segments, an empty one at either end, or an undecodable id.
    #[error("expected /<account hash>/<image id>/<variant>")]
    Shape,
    /// The first segment is no account hash.
    #[error("the account hash is not valid")]
    Hash,
}

/// `path` without [`PREFIX`], if it has it.
pub fn strip_prefix(path: &str) -> Option<&str> {
    path.strip_prefix(PREFIX).filter(|rest| rest.starts_with('/'))
}

impl DeliveryPath {
    /// Parses a raw path, with or without [`PREFIX`]. Segments are split before anything is
    /// decoded, dots and doubled slashes are kept as they are, and only the id is decoded.
    pub fn parse(raw: &str) -> Result<DeliveryPath, DeliveryPathError> {
        let path = strip_prefix(raw).unwrap_or(raw);
        let (hash, rest) =
            path.strip_prefix('/').and_then(|path| path.split_once('/')).ok_or(DeliveryPathError::Shape)?;
        let (id, variant) = rest.rsplit_once('/').ok_or(DeliveryPathError::Shape)?;
        if id.is_empty() || variant.is_empty() {
            return Err(DeliveryPathError::Shape);
        }
        let hash = AccountHash::parse(hash).map_err(|_| DeliveryPathError::Hash)?;
        // Most ids are as they are.
        let id = if id.contains('%') {
            ImageId::named(&percent_decode(id).ok_or(DeliveryPathError::Shape)?)
        } else {
            ImageId::named(id)
        };
        let variant = match VariantName::parse(variant) {
            Ok(name) => VariantSegment::Named(name),
            Err(_) if variant.contains('=') => VariantSegment::Options(variant.to_owned()),
            Err(_) => VariantSegment::Impossible,
        };
        Ok(DeliveryPath { hash, id, variant })
    }
}

/// The path of a variant of an image, in the form a browser would request it: the inverse of
/// [`DeliveryPath::parse`].
pub fn delivery_path(hash: &AccountHash, id: &ImageId, variant: &VariantName) -> String {
    format!("{}{}", image_path(hash, id), variant.as_str())
}

/// The same of an image with options. What is percent-encoded in them already stays as it is.
pub fn options_path(hash: &AccountHash, id: &ImageId, options: &str) -> String {
    let mut path = image_path(hash, id);
    encode(options, b"-._~!$'()*+,=:@;|%", &mut path);
    path
}

fn image_path(hash: &AccountHash, id: &ImageId) -> String {
    let mut path = format!("/{}/", hash.as_str());
    // What the WHATWG URL standard leaves as it is in a path, less '%' and ';', which proxies treat specially.
    encode(id.as_str(), b"-._~!$&'()*+,=:@/", &mut path);
    path.push('/');
    path
}

/// Adds a text to a path; bytes other than letters, digits and `kept` are percent-encoded.
fn encode(text: &str, kept: &[u8], path: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Decodes `%XX` once; `None` for a `%` without two hexadecimal digits or for bytes that are no
/// UTF-8. `+` stays `+`.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let digit = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
        let (high, low) = (digit(tail.first())?, digit(tail.get(1))?);
        // Two hexadecimal digits make a byte.
        bytes.push((high * 16 + low) as u8);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "cheeW4oKsx5ljh8e8BoL2A";

    fn parsed(path: &str) -> Result<(String, VariantSegment), DeliveryPathError> {
        DeliveryPath::parse(path).map(|p| (p.id.as_str().to_owned(), p.variant))
    }

    #[test]
    fn the_id_is_everything_between_first_and_last_segment() {
        let public = || VariantSegment::Named(VariantName::parse("public").expect("a name"));
        for (path, id) in [
            (format!("/{HASH}/a/public"), "a"),
            (format!("{PREFIX}/{HASH}/a/public"), "a"),
            (format!("/{HASH}/a/b/c.jpg/public"), "a/b/c.jpg"),
            (format!("/{HASH}/a%2Fb/public"), "a/b"),
            (format!("/{HASH}/50%25off/public"), "50%off"),
            (format!("/{HASH}/%252e/public"), "%2e"),
            (format!("/{HASH}/a+b/public"), "a+b"),
            (format!("/{HASH}/a;x=1/public"), "a;x=1"),
            (format!("/{HASH}/../public"), ".."),
            (format!("/{HASH}//a/public"), "/a"),
            (format!("/{HASH}/%E7%94%BB/public"), "画"),
        ] {
            assert_eq!(parsed(&path), Ok((id.to_owned(), public())), "{path}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for path in [
            "",
            "/",
            "//",
            "/a",
            "/a/b",
            &format!("/{HASH}"),
            &format!("/{HASH}/a"),
            &format!("/{HASH}/a/"),
            &format!("/{HASH}//public"),
            &format!("/{HASH}/%/public"),
            &format!("/{HASH}/%G0/public"),
            &format!("/{HASH}/%c0%af/public"),
            &format!("/{HASH}/%FF/public"),
        ] {
            assert_eq!(parsed(path), Err(DeliveryPathError::Shape), "{path}");
        }
        assert_eq!(parsed("/short/a/public"), Err(DeliveryPathError::Hash));
        assert_eq!(parsed(&format!("{PREFIX}x/{HASH}/a/public")), Err(DeliveryPathError::Hash));
    }

    #[test]
    fn last_segment() {
        let segment = |s: &str| parsed(&format!("/{HASH}/a/{s}")).map(|p| p.1);
        assert_eq!(segment("w=400,fit=cover"), Ok(VariantSegment::Options("w=400,fit=cover".to_owned())));
        assert_eq!(segment("pub%6Cic"), Ok(VariantSegment::Impossible));
        assert_eq!(segment("public;a"), Ok(VariantSegment::Impossible));
    }

    #[test]
    fn built_paths_parse_back() {
        let hash = AccountHash::parse(HASH).expect("a hash");
        let variant = VariantName::parse("public").expect("a name");
        for id in ["a", "a/b c", "50%off", "ü?x#y", "画像", "a;b", "a\\b", "%2e%2e"] {
            let id = ImageId::named(id);
            let path = delivery_path(&hash, &id, &variant);
            assert_eq!(DeliveryPath::parse(&path).map(|p| p.id), Ok(id), "{path}");
            assert!(path.is_ascii() && !path.contains(['?', '#', ' ', '\\']), "{path}");
        }
    }
}
