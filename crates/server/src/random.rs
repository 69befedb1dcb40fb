//! Randomness from the operating system: ids, names, keys and tokens.

use safelight_domain::hex;
use safelight_domain::image::ImageId;
use std::sync::Arc;

/// Makes the ids of images whose uploaders choose none. They name an image and open nothing.
#[derive(Clone)]
pub struct ImageIds(Arc<dyn Fn() -> ImageId + Send + Sync>);

impl ImageIds {
    /// Ids that nobody can foresee.
    pub fn random() -> ImageIds {
        ImageIds::made_by(|| ImageId::from_random(bytes()))
    }

    /// The ids that `make` returns; no two may be the same.
    pub fn made_by(make: impl Fn() -> ImageId + Send + Sync + 'static) -> ImageIds {
        ImageIds(Arc::new(make))
    }

    /// A new one.
    pub fn next(&self) -> ImageId {
        (self.0)()
    }
}

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
    hex::digits(&bytes::<16>())
}
