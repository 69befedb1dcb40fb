//! Renditions that were read lately, in memory. Bytes under a name never change, so nothing here
//! grows stale; a name that no row gives any more is simply not asked for.

use bytes::Bytes;
use lru::LruCache;
use safelight_domain::image::BlobId;
use std::sync::{Mutex, PoisonError};

/// A part of all memory that one rendition may take at most.
const LARGEST_PART: usize = 8;

/// The least recently used go when `bound` bytes are reached.
#[derive(Debug)]
pub(super) struct Memory {
    bound: usize,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    renditions: LruCache<(BlobId, String), Bytes>,
    bytes: usize,
}

impl Memory {
    /// Holds at most `bound` bytes of renditions; 0 holds none.
    pub(super) fn new(bound: usize) -> Memory {
        Memory { bound, held: Mutex::new(Held { renditions: LruCache::unbounded(), bytes: 0 }) }
    }

    pub(super) fn get(&self, blob: &BlobId, name: &str) -> Option<Bytes> {
        if self.bound == 0 {
            return None;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.renditions.get(&(blob.clone(), name.to_owned())).cloned()
    }

    pub(super) fn put(&self, blob: &BlobId, name: &str, bytes: &Bytes) {
        if bytes.len() > self.bound / LARGEST_PART {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.bytes += bytes.len();
        if let Some(before) = held.renditions.put((blob.clone(), name.to_owned()), bytes.clone()) {
            held.bytes -= before.len();
        }
        while held.bytes > self.bound {
            let Some((_, oldest)) = held.renditions.pop_lru() else { return };
            held.bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(digit: u8) -> BlobId {
        BlobId::from_random([digit; 16])
    }

    #[test]
    fn the_least_recently_used_go_first_and_the_bound_holds() {
        let memory = Memory::new(80);
        let ten = Bytes::from_static(&[7; 10]);
        for digit in 0..8 {
            memory.put(&blob(digit), "n", &ten);
        }
        assert_eq!(memory.get(&blob(0), "n"), Some(ten.clone()));
        memory.put(&blob(8), "n", &ten);
        assert_eq!(memory.get(&blob(1), "n"), None);
        assert_eq!(memory.get(&blob(0), "n"), Some(ten.clone()));
        memory.put(&blob(8), "n", &ten);
        assert_eq!(memory.held.lock().expect("unpoisoned").bytes, 80, "one name counts once");
        assert_eq!(memory.get(&blob(8), "other"), None);
        assert_eq!(memory.get(&blob(9), "n"), None);
    }

    #[test]
    fn large_ones_and_a_bound_of_nothing() {
        let memory = Memory::new(80);
        memory.put(&blob(0), "n", &Bytes::from_static(&[7; 11]));
        assert_eq!(memory.get(&blob(0), "n"), None);
        let none = Memory::new(0);
        none.put(&blob(0), "n", &Bytes::from_static(&[7; 1]));
        assert_eq!(none.get(&blob(0), "n"), None);
    }
}
