//! Accounts: the owner of every image, variant, key and token.

use crate::hex;
use std::sync::Arc;
use thiserror::Error;

/// Identifies an account in the management API: 32 lower-case hexadecimal digits. Clones share them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(Arc<str>);

/// Identifies an account in delivery URLs: 22 characters of the URL-safe base64 alphabet
/// (128 bits, like Cloudflare's account hash). Not a secret, and unrelated to the [`AccountId`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountHash(String);

/// Why a text is no account id or hash.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccountError {
    /// Not 32 hexadecimal digits.
    #[error("an account id is 32 hexadecimal digits (0-9, a-f)")]
    Id,
    /// Not 22 URL-safe characters.
    #[error("an account hash is 22 characters out of A-Z, a-z, 0-9, '-' and '_'")]
    Hash,
}

impl AccountId {
    /// Length in characters.
    pub const LENGTH: usize = 32;

    /// Parses an account id; upper-case digits are taken and stored in lower case.
    pub fn parse(text: &str) -> Result<AccountId, AccountError> {
        if text.len() == Self::LENGTH && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(AccountId(text.to_ascii_lowercase().into()))
        } else {
            Err(AccountError::Id)
        }
    }

    /// The id made of 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> AccountId {
        AccountId(hex::digits(&bytes).into())
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AccountHash {
    /// Length in characters.
    pub const LENGTH: usize = 22;

    /// Parses an account hash. Case matters.
    pub fn parse(text: &str) -> Result<AccountHash, AccountError> {
        if Self::is_hash(text) { Ok(AccountHash(text.to_owned())) } else { Err(AccountError::Hash) }
    }

    /// Whether a text has the shape of an account hash.
    pub fn is_hash(text: &str) -> bool {
        let url_safe = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        text.len() == Self::LENGTH && text.bytes().all(url_safe)
    }

    /// The hash made of 22 random bytes, six bits of each.
    pub fn from_random(bytes: [u8; 22]) -> AccountHash {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        AccountHash(bytes.iter().map(|b| char::from(ALPHABET[usize::from(b & 63)])).collect())
    }

    /// The 22 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_hashes_have_exact_shapes() {
        assert!(AccountId::parse("0123456789abcdef0123456789ABCDEF").is_ok());
        for bad in ["", "0123", "g123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef0"] {
            assert_eq!(AccountId::parse(bad), Err(AccountError::Id), "{bad}");
        }
        assert!(AccountHash::parse("cheeW4oKsx5ljh8e8BoL2A").is_ok());
        for bad in ["", "cheeW4oKsx5ljh8e8BoL2", "cheeW4oKsx5ljh8e8BoL2/", "cheeW4oKsx5ljh8e8BoL2AA"] {
            assert_eq!(AccountHash::parse(bad), Err(AccountError::Hash), "{bad}");
        }
    }

    #[test]
    fn generated_values_parse() {
        let id = AccountId::from_random([0xA7; 16]);
        assert_eq!(AccountId::parse(id.as_str()), Ok(id));
        let hash = AccountHash::from_random([0xFF; 22]);
        assert_eq!(AccountHash::parse(hash.as_str()), Ok(hash));
    }
}
