//! The most recently used of something, under a bound on its bytes.

use lru::LruCache;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// What an entry counts beyond its bytes, at the least.
const OVERHEAD: usize = 512;

/// A part of all memory that one entry may take at most.
const LARGEST_PART: usize = 8;

/// The least recently used go when the bound is reached.
pub(super) struct Cache<K: Hash + Eq, V> {
    bound: usize,
    held: Mutex<Held<K, V>>,
}

struct Held<K: Hash + Eq, V> {
    /// With what each counts.
    entries: LruCache<K, (Arc<V>, usize)>,
    bytes: usize,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// At most `bound` bytes; 0 keeps none.
    pub(super) fn new(bound: usize) -> Cache<K, V> {
        Cache { bound, held: Mutex::new(Held { entries: LruCache::unbounded(), bytes: 0 }) }
    }

    pub(super) fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.entries.get(key).map(|(value, _)| Arc::clone(value))
    }

    /// Keeps a value of `bytes`, its key included, in the place of an older one. One that is too large
    /// takes the older one away.
    pub(super) fn put(&self, key: K, value: Arc<V>, bytes: usize) {
        self.forget(&key);
        let size = bytes.saturating_add(OVERHEAD);
        if size > self.bound / LARGEST_PART {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.bytes += size;
        if let Some((_, before)) = held.entries.put(key, (value, size)) {
            held.bytes -= before;
        }
        while held.bytes > self.bound {
            let Some((_, (_, dropped))) = held.entries.pop_lru() else { return };
            held.bytes -= dropped;
        }
    }

    pub(super) fn forget(&self, key: &K) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, before)) = held.entries.pop(key) {
            held.bytes -= before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_one_key_counts_once() {
        let bound = 10 * (OVERHEAD + 100);
        let cache = Cache::new(bound);
        for number in 0..30 {
            cache.put(number % 9, Arc::new(number), 100);
        }
        assert_eq!(cache.held.lock().expect("unpoisoned").entries.len(), 9);
        assert_eq!(cache.get(&2).as_deref(), Some(&29));
        for number in 10..40 {
            cache.put(number, Arc::new(number), 100);
        }
        let kept = (0..40).filter(|number| cache.get(number).is_some()).collect::<Vec<_>>();
        assert_eq!(kept, (30..40).collect::<Vec<_>>());
        assert_eq!(cache.held.lock().expect("unpoisoned").bytes, bound);
    }

    #[test]
    fn what_is_too_large_or_forgotten_is_gone() {
        let cache = Cache::new(8_000);
        cache.put("a", Arc::new(1), 1);
        cache.put("a", Arc::new(2), 8_000);
        assert!(cache.get(&"a").is_none());
        cache.put("a", Arc::new(1), 1);
        cache.forget(&"a");
        assert!(cache.get(&"a").is_none());
        assert_eq!(cache.held.lock().expect("unpoisoned").bytes, 0);
        let none = Cache::new(0);
        none.put("a", Arc::new(1), 0);
        assert!(none.get(&"a").is_none());
    }
}
