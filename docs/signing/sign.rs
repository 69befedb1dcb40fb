// hmac = "0.13", sha2 = "0.11"
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs a percent-encoded path; `expires` is in Unix seconds, and without it the link never expires.
pub fn sign(path: &str, key: &str, expires: Option<u64>) -> String {
    let (text, separator) = match expires {
        Some(expires) => (format!("{path}?exp={expires}"), '&'),
        None => (path.to_owned(), '?'),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length will do");
    mac.update(text.as_bytes());
    let sig: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{text}{separator}sig={sig}")
}
