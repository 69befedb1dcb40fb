//! Renditions of remote images, kept in memory under a bound.

use bytes::Bytes;
use http::HeaderValue;
use lru::LruCache;
use safelight_domain::conditional::ETag;
use safelight_domain::negotiate::{FormatChoice, OutputFormat};
use safelight_domain::origin::Lifetime;
use std::sync::{Arc, Mutex, PoisonError};

/// What one rendition counts beyond its bytes and its key, at the least.
const OVERHEAD: usize = 512;

/// A part of all memory that one rendition may take at most.
const LARGEST_PART: usize = 8;

/// Names a rendition: nothing of the viewer but what its format was chosen by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Of the source, with its query.
    pub(super) url: String,
    /// See `Transform::canonical`.
    pub(super) transform: String,
    pub(super) format: FormatChoice,
    /// See `accept_key`.
    pub(super) accept: Option<&'static str>,
}

/// A rendition, and how long it holds.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) format: OutputFormat,
    pub(super) bytes: Bytes,
    pub(super) etag: ETag,
    /// The source's, to ask whether it has changed.
    pub(super) origin_tag: Option<HeaderValue>,
    pub(super) lifetime: Lifetime,
    /// When the origin was asked last, in milliseconds since 1970.
    pub(super) from_ms: i64,
}

impl Kept {
    /// Seconds for which it may yet be used without asking the origin.
    pub(super) fn seconds_left(&self, now_ms: i64) -> u64 {
        let passed = u64::try_from(now_ms.saturating_sub(self.from_ms)).unwrap_or(0);
        self.lifetime.seconds().saturating_sub(passed.div_ceil(1000))
    }

    pub(super) fn holds(&self, now_ms: i64) -> bool {
        self.seconds_left(now_ms) > 0
    }
}

/// The least recently used go when the bound is reached.
pub(super) struct Cache {
    bound: usize,
    held: Mutex<Held>,
}

struct Held {
    renditions: LruCache<Key, Arc<Kept>>,
    bytes: usize,
}

impl Cache {
    /// At most `bound` bytes; 0 keeps none.
    pub(super) fn new(bound: usize) -> Cache {
        Cache { bound, held: Mutex::new(Held { renditions: LruCache::unbounded(), bytes: 0 }) }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Kept>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).renditions.get(key).cloned()
    }

    /// Keeps a rendition in the place of an older one. One that may not be kept, or is too large, takes
    /// the older one away.
    pub(super) fn put(&self, key: Key, kept: Arc<Kept>) {
        let size = size(&key, &kept);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = held.renditions.pop(&key) {
            held.bytes -= self::size(&key, &before);
        }
        if kept.lifetime == Lifetime::Never || size > self.bound / LARGEST_PART {
            return;
        }
        held.bytes += size;
        held.renditions.put(key, kept);
        while held.bytes > self.bound {
            let Some((oldest, dropped)) = held.renditions.pop_lru() else { return };
            held.bytes -= self::size(&oldest, &dropped);
        }
    }
}

fn size(key: &Key, kept: &Kept) -> usize {
    kept.bytes.len() + key.url.len() + key.transform.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(url: &str) -> Key {
        Key { url: url.to_owned(), transform: String::new(), format: FormatChoice::Auto, accept: None }
    }

    fn kept(bytes: usize, lifetime: Lifetime) -> Arc<Kept> {
        Arc::new(Kept {
            format: OutputFormat::Png,
            bytes: vec![0; bytes].into(),
            etag: ETag::of_remote(&[0; 32], None),
            origin_tag: None,
            lifetime,
            from_ms: 1_000,
        })
    }

    #[test]
    fn the_bound_holds_and_one_key_counts_once() {
        let cache = Cache::new(10 * (OVERHEAD + 101));
        for number in 0..30 {
            cache.put(key(&number.to_string()[..1]), kept(100, Lifetime::Unsaid));
        }
        assert_eq!(cache.held.lock().expect("unpoisoned").renditions.len(), 9);
        for number in 10..40 {
            cache.put(key(&number.to_string()), kept(99, Lifetime::Unsaid));
        }
        let held = cache.held.lock().expect("unpoisoned");
        assert_eq!((held.renditions.len(), held.bytes), (10, 10 * (OVERHEAD + 101)));
        assert!(held.renditions.peek(&key("39")).is_some() && held.renditions.peek(&key("29")).is_none());
    }

    #[test]
    fn what_may_not_be_kept_takes_the_older_one_away() {
        let cache = Cache::new(100_000);
        for newer in [kept(1, Lifetime::Never), kept(100_000, Lifetime::Unsaid)] {
            cache.put(key("a"), kept(1, Lifetime::Unsaid));
            assert!(cache.get(&key("a")).is_some());
            cache.put(key("a"), newer);
            assert!(cache.get(&key("a")).is_none());
        }
        assert_eq!(cache.held.lock().expect("unpoisoned").bytes, 0);
        let none = Cache::new(0);
        none.put(key("a"), kept(1, Lifetime::Unsaid));
        assert!(none.get(&key("a")).is_none());
    }

    #[test]
    fn seconds_that_are_left() {
        let kept = kept(1, Lifetime::Origin(60));
        for (now_ms, left) in
            [(0, 60), (1_000, 60), (1_001, 59), (2_000, 59), (60_999, 0), (61_000, 0), (i64::MAX, 0)]
        {
            assert_eq!(kept.seconds_left(now_ms), left, "{now_ms}");
        }
    }
}
