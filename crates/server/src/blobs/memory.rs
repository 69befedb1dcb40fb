//! Renditions that are read often, in memory. Bytes under a name never change, so nothing here
//! grows stale; a name that no row gives any more is simply not asked for.

use bytes::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter};
use safelight_domain::image::BlobId;

/// A part of all memory that one rendition may take at most.
const LARGEST_PART: usize = 8;

/// Parts with a lock each. Readers of one part do not wait for each other, so few will do; the largest
/// rendition fits into one.
const SHARDS: usize = 4;

/// What is taken for the size of most renditions, to size what is remembered of those that had to go.
const USUAL_BYTES: usize = 16 << 10;

/// Bytes that one more rendition takes beside its own: key, entry and places in lists.
const ENTRY_BYTES: usize = 256;

/// Makes room by S3-FIFO: what is read once passes through a small part, and what is read again stays.
#[derive(Debug)]
pub(super) struct Memory {
    largest: usize,
    renditions: Cache<Key, Bytes, Weight>,
}

/// The original and the rendition's name.
type Key = (BlobId, String);

/// A key to look up, which hashes as a [`Key`] does.
#[derive(Hash)]
struct Borrowed<'a>(&'a str, &'a str);

impl Equivalent<Key> for Borrowed<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.0 == key.0.as_str() && self.1 == key.1
    }
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Key, Bytes> for Weight {
    fn weight(&self, _key: &Key, bytes: &Bytes) -> u64 {
        (bytes.len() + ENTRY_BYTES) as u64
    }
}

impl Memory {
    /// Holds at most `bound` bytes of renditions, their keys included; 0 holds none.
    pub(super) fn new(bound: usize) -> Memory {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .weight_capacity(bound as u64)
            .estimated_items_capacity(bound / USUAL_BYTES)
            .build();
        #[allow(clippy::expect_used)] // Both sizes that it wants are set above.
        let options = options.expect("sizes are given");
        let renditions =
            Cache::with_options(options, Weight, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Memory { largest: bound / LARGEST_PART, renditions }
    }

    /// What it holds, keys included.
    pub(super) fn bytes(&self) -> u64 {
        self.renditions.weight()
    }

    pub(super) fn get(&self, blob: &BlobId, name: &str) -> Option<Bytes> {
        self.renditions.get(&Borrowed(blob.as_str(), name))
    }

    pub(super) fn put(&self, blob: &BlobId, name: &str, bytes: &Bytes) {
        if bytes.len() <= self.largest {
            self.renditions.insert((blob.clone(), name.to_owned()), bytes.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: usize = 64 << 20;

    fn blob(number: usize) -> BlobId {
        BlobId::from_random((number as u128).to_le_bytes())
    }

    fn picture() -> Bytes {
        Bytes::from_static(&[7; USUAL_BYTES])
    }

    fn held(memory: &Memory, numbers: std::ops::Range<usize>) -> usize {
        numbers.filter(|number| memory.get(&blob(*number), "n").is_some()).count()
    }

    #[test]
    fn the_bound_holds_and_most_of_it_is_used() {
        let memory = Memory::new(BOUND);
        for number in 0..10_000 {
            memory.put(&blob(number), "n", &picture());
            assert!(memory.renditions.weight() <= BOUND as u64);
        }
        let room = BOUND / (USUAL_BYTES + ENTRY_BYTES);
        let held = held(&memory, 0..10_000);
        assert!(held > room * 9 / 10 && held <= room, "{held} of {room}");
        for _ in 0..2 {
            memory.put(&blob(9_999), "n", &picture());
            assert!(memory.renditions.weight() <= BOUND as u64, "one name counts once");
        }
    }

    #[test]
    fn what_is_read_once_does_not_push_out_what_is_read_often() {
        let memory = Memory::new(BOUND);
        for number in 0..1_000 {
            memory.put(&blob(number), "n", &picture());
        }
        for _ in 0..3 {
            assert_eq!(held(&memory, 0..1_000), 1_000);
        }
        for number in 1_000..100_000 {
            memory.put(&blob(number), "n", &picture());
        }
        assert_eq!(held(&memory, 0..1_000), 1_000);
    }

    #[test]
    fn a_rendition_is_found_by_blob_and_name() {
        let memory = Memory::new(BOUND);
        memory.put(&blob(1), "n", &picture());
        assert_eq!(memory.bytes(), (USUAL_BYTES + ENTRY_BYTES) as u64);
        assert_eq!(memory.get(&blob(1), "n"), Some(picture()));
        assert_eq!(memory.get(&blob(1), "other"), None);
        assert_eq!(memory.get(&blob(2), "n"), None);
    }

    #[test]
    fn large_ones_and_a_bound_of_nothing() {
        let memory = Memory::new(BOUND);
        let largest = Bytes::from(vec![7; BOUND / LARGEST_PART + 1]);
        memory.put(&blob(0), "n", &largest);
        assert_eq!(memory.get(&blob(0), "n"), None);
        memory.put(&blob(0), "n", &largest.slice(1..));
        assert_eq!(memory.get(&blob(0), "n"), Some(largest.slice(1..)));
        let none = Memory::new(0);
        for length in [0, 1] {
            none.put(&blob(0), "n", &largest.slice(..length));
            assert_eq!(none.get(&blob(0), "n"), None);
        }
    }
}
