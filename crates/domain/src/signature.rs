//! Signed URL tokens: `exp` and `sig` in the query of a delivery URL.
//!
//! The scheme is Cloudflare's ("Serve private images"): HMAC-SHA256 over path and query without
//! `sig`, as lower-case hexadecimal, with the UTF-8 bytes of the key's text as the key. The signed
//! string is made of the bytes on the wire; nothing is decoded, sorted or encoded anew.

use crate::delivery_url::{percent_decode, strip_prefix};
use crate::hex;
use crate::time::UnixTime;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::Arc;
use thiserror::Error;

/// The name of a signing key: 1 to 20 letters and digits (Cloudflare's rule).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(Arc<str>);

/// Why a name or value cannot be a signing key's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Bad name.
    #[error("a key name has 1 to 20 characters out of A-Z, a-z and 0-9")]
    Name,
    /// Anyone could sign with it.
    #[error("a signing key must not be empty")]
    Empty,
}

impl KeyName {
    /// The key that every account has.
    pub const DEFAULT: &'static str = "default";

    /// Parses a name.
    pub fn parse(text: &str) -> Result<KeyName, KeyError> {
        let good = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        good.then(|| KeyName(text.into())).ok_or(KeyError::Name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A signing key. Its `Debug` form hides the value.
#[derive(Clone)]
pub struct SigningKey {
    name: KeyName,
    value: String,
    /// The keyed state, so that a request costs no key schedule.
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A key of any text but the empty one; it is used as it is, never decoded.
    pub fn new(name: KeyName, value: String) -> Result<SigningKey, KeyError> {
        if value.is_empty() {
            return Err(KeyError::Empty);
        }
        // HMAC takes keys of any length.
        let mac = Hmac::<Sha256>::new_from_slice(value.as_bytes()).map_err(|_| KeyError::Empty)?;
        Ok(SigningKey { name, value, mac })
    }

    /// The name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The secret text.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The signature of a signed string, as 64 lower-case hexadecimal digits.
    pub fn sign(&self, signed: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(signed.as_bytes());
        hex::digits(&mac.finalize().into_bytes())
    }

    fn signs<'a>(&self, signed: impl Iterator<Item = &'a str>, signature: &[u8; 32]) -> bool {
        let mut mac = self.mac.clone();
        signed.for_each(|piece| mac.update(piece.as_bytes()));
        mac.verify_slice(signature).is_ok()
    }
}

/// What the token of a URL is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// Neither `exp` nor `sig`.
    Absent,
    /// Signed by an active key and not expired.
    Valid {
        /// First second at which it is no longer valid; `None` never expires.
        until: Option<UnixTime>,
        /// Which key.
        key: KeyName,
    },
    /// Signed by an active key, but too late.
    Expired {
        /// First second at which it was no longer valid.
        since: UnixTime,
        /// Which key.
        key: KeyName,
    },
    /// Not readable as a token; refused before any key is tried.
    Malformed(Malformed),
    /// No active key made this signature for this URL.
    Mismatch,
}

/// Why a query is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// `exp` or `sig` more than once.
    #[error("exp and sig may each be given once")]
    Repeated,
    /// `%65xp` and the like.
    #[error("the names exp and sig must be written as they are, not percent-encoded")]
    EncodedName,
    /// `exp` without `sig`.
    #[error("exp is given without sig")]
    NoSignature,
    /// Not 1 to 18 decimal digits without a leading zero.
    #[error("exp must be 1 to 18 decimal digits without a leading zero: seconds since 1970")]
    Expiry,
    /// Not 64 hexadecimal digits.
    #[error("sig must be 64 hexadecimal digits")]
    Signature,
}

/// A request target, split into the parts that signing knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    path: &'a str,
    query: Option<&'a str>,
    exp: Option<UnixTime>,
    sig: Option<[u8; 32]>,
}

impl<'a> Target<'a> {
    /// Splits a raw request target at its first `?`.
    pub fn parse(raw: &'a str) -> Result<Target<'a>, Malformed> {
        let (path, query) = match raw.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (raw, None),
        };
        let mut target = Target { path, query, exp: None, sig: None };
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "sig" if target.sig.is_some() => return Err(Malformed::Repeated),
                "sig" => target.sig = Some(parse_signature(value).ok_or(Malformed::Signature)?),
                "exp" if target.exp.is_some() => return Err(Malformed::Repeated),
                "exp" => target.exp = Some(parse_expiry(value).ok_or(Malformed::Expiry)?),
                _ if decodes_to_reserved(name) => return Err(Malformed::EncodedName),
                _ => {}
            }
        }
        if target.exp.is_some() && target.sig.is_none() {
            return Err(Malformed::NoSignature);
        }
        Ok(target)
    }

    /// The texts whose signature is taken: path and query; also with a bare `?` when no pair is
    /// left, and also without the delivery prefix when the path has it.
    pub fn signed_strings(&self) -> Vec<String> {
        self.signed().map(|signed| self.pieces(signed).collect()).collect()
    }

    /// The same as paths, each with what the question mark would stand before, if there is one.
    fn signed(&self) -> impl Iterator<Item = (&'a str, bool)> + use<'a> {
        let paths = std::iter::once(self.path).chain(strip_prefix(self.path));
        let marks: &[bool] = if self.signs_query() { &[true] } else { &[false, true] };
        paths.flat_map(move |path| marks.iter().map(move |mark| (path, *mark)))
    }

    /// One of them in pieces, so that nothing is copied to be signed.
    fn pieces(&self, (path, mark): (&'a str, bool)) -> impl Iterator<Item = &'a str> + use<'a> {
        let separators = std::iter::once("?").chain(std::iter::repeat("&"));
        let rest = separators.zip(self.rest()).flat_map(|(separator, pair)| [separator, pair]);
        let bare = (mark && !self.signs_query()).then_some("?");
        let rest = self.signs_query().then_some(rest).into_iter().flatten();
        std::iter::once(path).chain(bare).chain(rest)
    }

    /// The pairs of the query but `sig`, in the order received.
    fn rest(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let pairs = self.query.into_iter().flat_map(|query| query.split('&'));
        pairs.filter(|pair| pair.split_once('=').map_or(*pair, |(name, _)| name) != "sig")
    }

    /// Whether the signature covers more than the path.
    pub fn signs_query(&self) -> bool {
        let mut rest = self.rest();
        rest.next().is_some_and(|pair| !pair.is_empty() || rest.next().is_some())
    }

    /// `exp`, if given.
    pub fn expiry(&self) -> Option<UnixTime> {
        self.exp
    }
}

/// Judges the token of a raw request target at the moment `now`: valid while `now < exp`. Every
/// key is tried, each comparison in constant time.
pub fn verify(raw: &str, keys: &[SigningKey], now: UnixTime) -> Token {
    let target = match Target::parse(raw) {
        Ok(target) => target,
        Err(malformed) => return Token::Malformed(malformed),
    };
    let Some(signature) = &target.sig else { return Token::Absent };
    let signs = |key: &&SigningKey| target.signed().any(|signed| key.signs(target.pieces(signed), signature));
    let Some(key) = keys.iter().find(signs) else {
        return Token::Mismatch;
    };
    let key = key.name.clone();
    match target.exp {
        Some(exp) if exp <= now => Token::Expired { since: exp, key },
        until => Token::Valid { until, key },
    }
}

/// Signs `path` with the remaining query `rest` (neither `exp` nor `sig` in it), and returns the
/// whole target: path, `rest`, `exp` if given, and `sig` last.
pub fn sign_target(path: &str, rest: &str, exp: Option<UnixTime>, key: &SigningKey) -> String {
    let exp = exp.map(|exp| format!("exp={}", exp.0));
    let query: Vec<&str> =
        [Some(rest).filter(|rest| !rest.is_empty()), exp.as_deref()].into_iter().flatten().collect();
    let unsigned = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
    let separator = if query.is_empty() { '?' } else { '&' };
    format!("{unsigned}{separator}sig={}", key.sign(&unsigned))
}

/// A query without every pair whose decoded name is `exp` or `sig`.
pub fn without_token(query: &str) -> String {
    let kept = |pair: &&str| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        !matches!(name, "exp" | "sig") && !decodes_to_reserved(name)
    };
    query.split('&').filter(kept).collect::<Vec<_>>().join("&")
}

/// A raw target fit for a log: the value of any pair whose name could be read as `sig` is hidden,
/// and so is what follows `sig=` in any other place: a mangled URL is refused, but with its
/// signature the good one could be made of it.
pub fn redact(raw: &str) -> String {
    let Some((path, query)) = raw.split_once('?') else { return hide_signatures(raw) };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _))
            if percent_decode(name).is_none_or(|name| name.to_ascii_lowercase().contains("sig")) =>
        {
            format!("{name}=…")
        }
        _ => hide_signatures(pair),
    });
    format!("{}?{}", hide_signatures(path), pairs.collect::<Vec<_>>().join("&"))
}

/// Hides what stands between any `sig=`, encoded or not, and the next `&` or the end.
fn hide_signatures(text: &str) -> String {
    let hidden = text.split('&').map(|part| {
        // Lower case of ASCII alone, so that the places stay the same.
        let lower = part.to_ascii_lowercase();
        let ends = ["sig=", "sig%3d", "sig%253d"].into_iter();
        let end = ends.filter_map(|mark| lower.find(mark).map(|start| start + mark.len())).min();
        end.map_or_else(|| part.to_owned(), |end| format!("{}…", &part[..end]))
    });
    hidden.collect::<Vec<_>>().join("&")
}

fn parse_expiry(text: &str) -> Option<UnixTime> {
    let good =
        (1..=18).contains(&text.len()) && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    good.then(|| text.parse().ok().map(UnixTime)).flatten()
}

fn parse_signature(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        // Two hexadecimal digits make a byte.
        *byte = (high * 16 + low) as u8;
    }
    Some(bytes)
}

fn decodes_to_reserved(name: &str) -> bool {
    name.contains('%') && percent_decode(name).is_some_and(|name| name == "exp" || name == "sig")
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
