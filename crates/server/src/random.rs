//! Randomness from the operating system: ids, names, keys and tokens.

/// `N` random bytes fit for secrets.
///
/// # Panics
/// When the operating system has no randomness to give: nothing that needs an id or a key may go on.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[allow(clippy::expect_used)] // Going on without randomness would make guessable keys.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A secret of 256 random bits in 43 characters of URL-safe base64.
pub fn secret() -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// 32 random hexadecimal digits.
pub fn hex_id() -> String {
    bytes::<16>().iter().map(|b| format!("{b:02x}")).collect()
}
