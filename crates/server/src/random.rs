//! Randomness from the operating system: ids, names, keys and tokens.

use safelight_domain::hex;
use safelight_domain::image::ImageId;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Makes the ids of requests. They open nothing, so they are not asked of the operating system one by one; but
/// nobody can tell from one how many there were.
#[derive(Default)]
pub struct RequestIds {
    /// Each has a random key of its own.
    keyed: [RandomState; 2],
    count: AtomicU64,
}

impl RequestIds {
    /// A new one: 32 hexadecimal digits.
    pub fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let [high, low] = self.keyed.each_ref().map(|keyed| u128::from(keyed.hash_one(count)));
        hex::digits(&(high << 64 | low).to_be_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_requests_have_one_id_also_of_another_start() {
        let starts = [RequestIds::default(), RequestIds::default()];
        let ids: HashSet<String> = starts.iter().flat_map(|ids| (0..1000).map(|_| ids.next())).collect();
        assert_eq!(ids.len(), 2000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    }
}
